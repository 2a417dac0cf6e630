"""Holds the layers: reads every module's imports and checks who may know whom, what is pure, and how big things get.

The rules are tables; a new module is put into one of them, and the test that finds it missing says so.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "reconciler"

STAGES = (
    "exit_codes",
    "errors",
    "resources",
    "state",
    "loading",
    "config",
    "manifests",
    "emulator",
    "remote",
    "compare",
    "requests",
    "plan",
    "probing",
    "apply",
    "report",
    "ci",
    "session",
    "cli",
    "__main__",
)
"""What lies at the top of the package, in the order that data flows: each imports what stands before it, and itself."""

UNKNOWN: Mapping[str, tuple[str, ...]] = {
    # A service of its own: what it shared with the compare stage or the remote would hide mistakes that both make.
    "emulator": ("loading", "config", "manifests"),
}
"""Earlier stages that a stage may not import all the same."""

COMMAND_LINE_KNOWS = ("exit_codes", "errors", "resources", "config", "report", "ci", "session", "cli")
"""What a command may import: the session, and what turns options into its arguments and its results into output."""

NOUNS: Mapping[str, frozenset[str]] = {
    "apply.accept": frozenset({"Acceptance"}),
    "apply.export": frozenset({"Exported"}),
    "apply.live": frozenset({"Documents", "Live"}),
    "apply.purging": frozenset({"Purged"}),
    "apply.runs": frozenset({"RunEntry"}),
    "apply.results": frozenset({"OnError", "StepResult"}),
    "manifests.selection": frozenset({"Inputs", "Shard"}),
    "plan.plan": frozenset({"Plan"}),
}
"""Module → the types of values that the session takes and gives, which a command may name too."""

WITHOUT_A_RUN: Mapping[str, tuple[str, ...]] = {
    "cli.emulator": ("emulator",),
    "cli.schema": ("loading.schema",),
}
"""Commands that have no run, and so no session: what they serve or print instead."""

PURE = ("resources", "compare", "requests", "plan", "report")
"""What does nothing but compute; IMPURE lists the modules inside that read or write."""

IMPURE = ("compare.params.snapshot", "plan.saved", "report.drift_history_file")

IMPURE_LIBRARIES = frozenset(
    {"os", "pathlib", "time", "random", "subprocess", "socket", "sqlite3", "yaml", "click", "grpc", "clarifai_grpc"}
)

DISTRIBUTIONS = {
    "cel_expr_python": "cel-expr-python",
    "clarifai_grpc": "clarifai-grpc",
    "click": "click",
    "deepdiff": "deepdiff",
    "google": "protobuf",
    "grpc": "grpcio",
    "httpx": "httpx",
    "jsonschema": "jsonschema",
    "jsonschema_rs": "jsonschema-rs",
    "msgspec": "msgspec",
    "uvicorn": "uvicorn",
    "yaml": "pyyaml",
}
"""Third-party import name → the distribution that pyproject.toml has to name."""

TYPES_ONLY = frozenset({"typing_extensions"})
"""Imported under TYPE_CHECKING alone; mypy brings it."""

HOSTS = {"emulator.pytest_plugin": "pytest"}
"""A module that another program loads → that program, which is there whenever the module is."""

MODULE_LINES = 500
FUNCTION_LINES = 60


def module_name(path: Path) -> str:
    """The dotted name below the package: "diff", "remote.port"; a package's own __init__ goes by the package's name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


@cache
def imports(name: str) -> frozenset[str]:
    """Every module that `name` imports, wherever in the file; `from reconciler import x` counts as importing x."""
    found: set[str] = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{MODULES[name]}:{node.lineno}: imports are absolute here"
            assert node.module is not None
            found.add(node.module)
            if node.module.startswith("reconciler"):
                full = (f"{node.module}.{alias.name}" for alias in node.names)
                found.update(each for each in full if each.removeprefix("reconciler.") in MODULES)
    return frozenset(found)


def own_imports(name: str) -> Iterator[str]:
    """The modules of this package that `name` imports, without the package's name; the bare package is left out."""
    for imported in sorted(imports(name)):
        top, _, rest = imported.partition(".")
        if top == "reconciler" and rest:
            yield rest


def names_imported(name: str) -> Iterator[tuple[str, str]]:
    """Each module of this package that `name` imports from, and what it imports from it, "" for the module itself."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.ImportFrom) and node.module == "reconciler":
            yield from ((alias.name, "") for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("reconciler."):
            module = str(node.module).removeprefix("reconciler.")
            yield from ((module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            found = (alias.name for alias in node.names if alias.name.startswith("reconciler."))
            yield from ((module.removeprefix("reconciler."), "") for module in found)


def is_in(name: str, groups: tuple[str, ...]) -> bool:
    return any(name == group or name.startswith(f"{group}.") for group in groups)


def stage_of(name: str) -> str:
    return name.partition(".")[0]


def allowed(importer: str, imported: str) -> bool:
    """Whether the order of the stages lets `importer` know `imported`."""
    own, other = stage_of(importer), stage_of(imported)
    return STAGES.index(other) <= STAGES.index(own) and other not in UNKNOWN.get(own, ())


def test_every_module_has_a_place() -> None:
    assert {stage_of(name) for name in MODULES if name} == set(STAGES)


@pytest.mark.parametrize("name", [name for name in MODULES if name])
def test_no_module_imports_a_later_stage(name: str) -> None:
    assert [imported for imported in own_imports(name) if not allowed(name, imported)] == []


@pytest.mark.parametrize("name", [name for name in MODULES if is_in(name, ("cli",))])
def test_every_command_goes_through_the_session(name: str) -> None:
    known = (*COMMAND_LINE_KNOWS, *WITHOUT_A_RUN.get(name, ()))
    others = {
        (module, imported)
        for module, imported in names_imported(name)
        if not is_in(module, known) and imported not in NOUNS.get(module, ())
    }
    assert others == set()


@pytest.mark.parametrize("name", [name for name in MODULES if is_in(name, PURE) and name not in IMPURE])
def test_pure_modules_import_nothing_impure(name: str) -> None:
    assert {imported.split(".")[0] for imported in imports(name)} & IMPURE_LIBRARIES == set()


@pytest.mark.parametrize("name", list(MODULES))
def test_only_the_two_sides_speak_grpc(name: str) -> None:
    if not is_in(name, ("remote", "emulator")):
        assert {imported.split(".")[0] for imported in imports(name)} & {"grpc", "clarifai_grpc"} == set()


@pytest.mark.parametrize("name", [name for name in MODULES if is_in(name, ("emulator",))])
def test_the_emulator_shares_no_reading_of_the_rules(name: str) -> None:
    assert [imported for imported in own_imports(name) if is_in(imported, ("requests", "remote"))] == []


def test_only_paths_imports_deepdiff() -> None:
    assert {name for name in MODULES if "deepdiff" in {each.split(".")[0] for each in imports(name)}} <= {
        "compare.paths"
    }


def test_only_apply_sends_changes() -> None:
    senders = {
        name
        for name in MODULES
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "send"
    }
    assert {name for name in senders if not is_in(name, ("remote", "emulator"))} <= {"apply.sending"}


def test_every_library_is_declared() -> None:
    third_party = {
        imported.split(".")[0]
        for name in MODULES
        for imported in imports(name)
        if imported.split(".")[0] not in {*sys.stdlib_module_names, "reconciler", *TYPES_ONLY, HOSTS.get(name)}
    }
    assert third_party <= set(DISTRIBUTIONS)
    declared = re.findall(r'^    "([a-z-]+)>=', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert {DISTRIBUTIONS[name] for name in third_party} <= set(declared)


@pytest.mark.parametrize("name", list(MODULES))
def test_modules_and_functions_stay_readable(name: str) -> None:
    lines = len(MODULES[name].read_text(encoding="utf-8").splitlines())
    assert lines <= MODULE_LINES
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(tree(name))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    }
    assert long == {}


@pytest.mark.parametrize("name", [name for name in MODULES if name != "__main__"])
def test_every_module_says_what_it_is(name: str) -> None:
    assert ast.get_docstring(tree(name)), f"{MODULES[name]} has no docstring"


@pytest.mark.parametrize(
    "package",
    [
        "resources",
        "state",
        "loading",
        "config",
        "manifests",
        "compare",
        "requests",
        "plan",
        "apply",
        "report",
        "session",
    ],
)
def test_a_package_that_lists_its_modules_lists_all_of_them(package: str) -> None:
    listed = re.findall(r"^(\w+\.py) ", ast.get_docstring(tree(package)) or "", re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in (PACKAGE / package).glob("*.py") if path.stem != "__init__")


def test_every_module_and_package_has_its_row_in_the_architecture_page() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tops = {name.partition(".")[0] for name in MODULES if name and not name.startswith("__")}
    shown = {name: f"`{name}/" if (PACKAGE / name).is_dir() else f"`{name}.py`" for name in tops}
    assert [name for name, text in sorted(shown.items()) if text not in page] == []


def test_modules_named_in_the_architecture_page_exist() -> None:
    page = ROOT / "docs" / "architecture.md"
    named = set(re.findall(r"[\w./-]+\.py\b", page.read_text(encoding="utf-8") if page.exists() else ""))
    places = (ROOT, PACKAGE, ROOT / "tests")
    assert {name for name in named if not any((place / name).exists() for place in places)} == set()
