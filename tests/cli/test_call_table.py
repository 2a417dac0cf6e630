"""docs/calls.md lists which call serves which command: every command is run, and its call log compared with the table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.cli.main import COMMANDS
from reconciler.emulator.scopes import scopes_of
from reconciler.emulator.server import Emulator
from reconciler.plan.in_use import SCOPES
from tests.cli.live_side import LATEST, manifest, seeded
from tests.command_line import RunCli

TABLE = Path(__file__).resolve().parents[2] / "docs" / "calls.md"
VERSION = LATEST["petsID"]
IDS = ("--user-id", "demo", "--app-id", "pets")

PARAMS = f"{{id: {VERSION}, output_info: {{params: {{min_value: 0.95}}}}}}"
EXPECTING = "{select: latest, expect: {concepts: [cat, dog]}}"
OLDER = "{select: all, license: MIT}"


ONE = manifest("petsID", f"{{name: new, versions: [{PARAMS}]}}")
EXPECTED = manifest("petsID", f"{{versions: [{EXPECTING}]}}")
ALL_VERSIONS = manifest("pet-breeds", f"{{versions: [{OLDER}]}}")
UNTAGGED = manifest("tagged", "{action: overwrite, toolkits: [], use_cases: [], languages: []}")
MORE = seeded(
    {"id": "tagged", "toolkits": ["OpenAI"], "use_cases": ["llm"], "languages": ["en"]},
    {"id": "versioned", "versions": [{"id": "a" * 32}, {"id": "c" * 32}]},
)
"""Besides the sample app: a model with every kind of tag, and one with an old version that no workflow pins."""

MANY = "---\n".join(manifest(name, "{notes: x}") for name in ("petsID", "pet-breeds", "pet-finder", "pet-names"))
RETAINED = manifest("versioned", "{retain_versions: 1}")

READING_ONE = {"GetModel", "ListModelTypes"}
PROBED = f"""{ONE}
---
apiVersion: reconciler/v1
kind: Probe
metadata: {{name: smoke, user_id: demo, app_id: pets}}
spec:
  models: [petsID]
  inputs: [{{id: ask, text: x}}]
  expect: [{{input: ask, concept: cat, at_most: 1}}]
"""

RUNS: dict[tuple[str, ...], tuple[str, set[str]]] = {
    ("validate", "m.yaml"): (ONE, set()),
    ("validate", "--online", "m.yaml"): (ONE, READING_ONE),
    ("plan", "m.yaml"): (ONE, READING_ONE),
    ("drift", "m.yaml"): (ONE, READING_ONE),
    ("plan", "--probe", "m.yaml"): (PROBED, {*READING_ONE, "PostModelOutputs", "ListModelConcepts"}),
    ("apply", "--probe", "--yes", "m.yaml"): (
        PROBED,
        {*READING_ONE, "PostModelOutputs", "PatchModels", "PatchModelVersions"},
    ),
    ("apply", "--yes", "m.yaml"): (ONE, {*READING_ONE, "PatchModels", "PatchModelVersions"}),
    ("plan", "./m.yaml"): (ALL_VERSIONS, {"GetModel", "ListModelVersions"}),
    ("plan", "m.yaml", "./m.yaml"): (EXPECTED, {"GetModel", "ListModelConcepts"}),
    ("plan", "././m.yaml"): (MANY, {"ListModels"}),
    ("apply", "--yes", "./m.yaml"): (
        UNTAGGED,
        {"GetModel", "PatchModelToolkits", "PatchModelUseCases", "PatchModelLanguages"},
    ),
    ("apply", "--yes", "--prune", "--prune-scope", "app", "--max-deletes", "9", "m.yaml"): (
        MANY,
        {
            "ListModels",
            "ListModelVersions",
            "ListWorkflows",
            "ListDeployments",
            "PatchModels",
            "DeleteModels",
        },
    ),
    ("apply", "--yes", "--prune", "--prune-scope", "app", "--max-deletes", "9", "--target", "versioned", "m.yaml"): (
        RETAINED,
        {"ListModels", "ListModelVersions", "ListWorkflows", "ListDeployments", "GetModel", "DeleteModelVersion"},
    ),
    ("explain", "petsID", "m.yaml"): (ONE, READING_ONE),
    ("export", *IDS): ("", {"ListModels", "ListModelTypes"}),
    ("export", "--version", "all", *IDS): ("", {"ListModels", "ListModelTypes", "ListModelVersions"}),
    ("export", "--name", "pet*", *IDS): ("", {"PostModelsSearches", "ListModelTypes"}),
    ("get", "types", *IDS): ("", {"ListModelTypes"}),
    ("get", "models", *IDS): ("", {"ListModels", "ListModelTypes"}),
    ("get", "models", "petsID", *IDS): ("", {"GetModel", "ListModelTypes"}),
    ("get", "versions", "petsID", *IDS): ("", {"ListModelVersions", "ListModelTypes"}),
    ("get", "versions", f"petsID@{VERSION}", *IDS): ("", {"GetModelVersion", "ListModelTypes"}),
    ("get", "concepts", "petsID", *IDS): ("", {"ListModelConcepts"}),
    ("get", "output-info", "petsID", *IDS): ("", {"GetModelOutputInfo", "ListModelTypes"}),
    ("purge", "demo/pets", "--confirm", "demo/pets"): (
        "",
        {"ListModels", "ListModelTypes", "ListModelVersions", "ListWorkflows", "ListDeployments", "DeleteModels"},
    ),
}


@pytest.mark.parametrize("arguments", RUNS, ids=" ".join)
def test_a_command_makes_these_calls_and_no_other(
    arguments: tuple[str, ...], cli: RunCli, emulator: Emulator, tmp_path: Path
) -> None:
    text, expected = RUNS[arguments]
    (tmp_path / "m.yaml").write_text(text, encoding="utf-8")
    emulator.load(MORE)
    result = cli(*arguments, "--endpoint", emulator.url, env={"CLARIFAI_PAT": "x"}, cwd=tmp_path)
    assert result.exit_code in {0, 2}, result
    assert {call.rpc for call in emulator.calls} == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("undo", "latest", "--yes"), {"GetModel", "ListModelTypes", "PatchModels", "PatchModelVersions"}),
        (("apply", "--resume", "latest"), {"GetModel"}),
    ],
    ids=["undo", "resume"],
)
def test_a_command_about_an_earlier_run_makes_these_calls_and_no_other(
    arguments: tuple[str, ...], expected: set[str], cli: RunCli, emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "m.yaml").write_text(ONE, encoding="utf-8")
    first = cli("apply", "--yes", "m.yaml", "--endpoint", emulator.url, env={"CLARIFAI_PAT": "x"}, cwd=tmp_path)
    assert first.exit_code == 0, first
    emulator.clear_calls()
    result = cli(*arguments, "--endpoint", emulator.url, env={"CLARIFAI_PAT": "x"}, cwd=tmp_path)
    assert result.exit_code == 0, result
    assert {call.rpc for call in emulator.calls} == expected
    table = rows()
    assert [rpc for rpc in sorted(expected) if f"`{arguments[0]}" not in table[rpc]] == []


def test_every_command_is_in_the_table_or_calls_nothing() -> None:
    page = TABLE.read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`{name}" not in page] == []


def rows() -> dict[str, str]:
    """The table: call → the text of its commands."""
    found = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for name in re.findall(r"`(\w+)`", cells[0]) if line.startswith("| `") else ():
            found[name] = cells[1]
    return found


def test_the_table_names_every_call_for_every_command_that_makes_it() -> None:
    table = rows()
    made = {(rpc, arguments[0]) for arguments, (_, rpcs) in RUNS.items() for rpc in rpcs}
    missing = {
        (rpc, command)
        for rpc, command in made
        if f"`{command}" not in table.get(rpc, "") and not (command in {"apply", "purge"} and "backups" in table[rpc])
    }
    assert {(rpc, command) for rpc, command in missing if command != "get" or rpc != "ListModelTypes"} == set()
    assert {rpc for rpc, text in table.items() if text.startswith("none")} == {"DeleteModel"}
    assert set(table) - {rpc for rpc, _ in made} == {"DeleteModel", "GetUser", "GetApp"}


# --- scopes -------------------------------------------------------------------------------------------------------

CI = TABLE.with_name("ci.md")
READING = set().union(
    *(
        calls
        for run, (_, calls) in RUNS.items()
        if run[0] in ("plan", "drift", "validate", "export", "get") and "--probe" not in run
    )
)
WRITING = {"PatchModels", "PatchModelVersions", "PatchModelToolkits", "PatchModelUseCases", "PatchModelLanguages"}
USES = {"ListWorkflows", "ListDeployments"}
SCOPED = {
    "plan": READING,
    "apply": READING | WRITING,
    "plan --prune": READING | USES,
    "apply --prune": READING | USES | WRITING | {"DeleteModels", "DeleteModelVersion"},
    "purge": READING | USES | {"DeleteModels"},
}
"""The first command of each row, and the calls that its commands can make."""


def scopes_in_table() -> dict[str, set[str]]:
    """The scopes of each row, with those of the rows that it refers to."""
    found: dict[str, set[str]] = {}
    for line in CI.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and re.search(r"\w+:\w+", cells[1]):
            scopes = set(re.findall(r"\w+:\w+", cells[1]))
            referred = [name for name in re.findall(r"`([^`]+)`", cells[1]) if name in found]
            if "also" in cells[1].split()[0]:
                referred = ["plan"]
            first = re.findall(r"`([^`]+)`", cells[0])[0]
            found[first] = scopes.union(*(found[name] for name in referred))
    return found


def test_the_table_of_scopes_is_that_of_the_descriptors() -> None:
    wanted = {
        name: {scope.replace("_", ":") for rpc in rpcs for scope in scopes_of(rpc)} for name, rpcs in SCOPED.items()
    }
    assert scopes_in_table() == wanted
    predicting = {scope.replace("_", ":") for scope in scopes_of("PostModelOutputs")}
    assert predicting - wanted["plan"] == {"Predict"}
    assert "| `plan --probe`, `apply --probe` | also Predict |" in CI.read_text(encoding="utf-8")


def test_a_look_that_is_refused_names_every_scope_that_it_needs() -> None:
    for kind, rpc in (("workflows", "ListWorkflows"), ("deployments", "ListDeployments")):
        assert set(SCOPES[kind]) == {scope.replace("_", ":") for scope in scopes_of(rpc)}
