"""CONTRIBUTING.md, the templates and the hooks: what they name exists, and nothing is fetched from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.ci.actions_runner import ROOT, parsed

GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
HOOKS = parsed(ROOT / ".pre-commit-config.yaml")
PATH = re.compile(r"(?:^|[\s`])((?:\.github|docs|reconciler|schemas|scripts|tests)/[\w./-]*\w)")


def verbs() -> set[str]:
    (line,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    return set(line.split())


def test_every_verb_that_is_named_exists_and_every_verb_is_described() -> None:
    named = re.findall(r"`make ([a-z]+)|^make ([a-z]+)", GUIDE, re.MULTILINE)
    assert len(named) > 10
    assert {one or other for one, other in named} <= verbs()
    described = set(re.findall(r"^#   make ([a-z]+)", MAKEFILE, re.MULTILINE))
    assert described == verbs() - {"node", "sdk", "tools"}


@pytest.mark.parametrize(
    "path",
    [ROOT / "CONTRIBUTING.md", ROOT / ".pre-commit-config.yaml", *sorted((ROOT / ".github").rglob("*TEMPLATE*/*.yml"))],
    ids=lambda path: path.name,
)
def test_files_that_are_named_exist(path: Path) -> None:
    named = {found for found in PATH.findall(path.read_text(encoding="utf-8")) if "NNN" not in found}
    assert [found for found in sorted(named) if not (ROOT / found).exists()] == []


def test_the_guide_names_what_a_scenario_may_hold() -> None:
    from tests import scenario_harness

    documented = re.findall(r"^    ([\w.]+)(?:/)?  ", scenario_harness.__doc__ or "", re.MULTILINE)
    assert len(documented) >= 6
    assert [name for name in documented if f"`{name}" not in GUIDE] == []


def test_hooks_run_the_projects_own_tools_on_files_that_exist() -> None:
    assert [repo["repo"] for repo in HOOKS["repos"]] == ["local"]
    hooks = HOOKS["repos"][0]["hooks"]
    assert len({hook["id"] for hook in hooks}) == len(hooks)
    files = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("*.*")]
    files += [
        path.relative_to(ROOT).as_posix()
        for name in (".github", "docs", "requirements", "reconciler")
        for path in (ROOT / name).rglob("*")
    ]
    for hook in hooks:
        assert hook["language"] == "system"
        assert hook["entry"].startswith(".venv/bin/")
        assert "types_or" in hook or any(re.search(hook["files"], name) for name in files), hook["id"]


def test_the_pull_request_template_asks_for_what_the_guide_does() -> None:
    template = (ROOT / ".github" / "PULL_REQUEST_TEMPLATE.md").read_text(encoding="utf-8")
    for word in ("make test", "CHANGELOG.md", "golden", "docs/decisions"):
        assert word in template
        assert word in GUIDE
