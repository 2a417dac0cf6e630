"""The site of the documentation: references that are up to date, a navigation that lacks no page, a build in CI.

Building it needs packages of its own: `make docs` does that, in strict mode.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler import exit_codes
from reconciler.cli.help import command_groups
from reconciler.cli.main import COMMANDS
from reconciler.loading.schema import schema_document
from scripts import references

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def configuration() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("path", references.PAGES, ids=lambda path: path.name)
def test_a_reference_is_up_to_date(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert references.page(text) == text, "run `make references`"


def test_a_stale_reference_is_found_and_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "docs" / "cli.md"
    page.parent.mkdir()
    page.write_text("before\n<!-- generated: exit-codes -->\nold\n<!-- /generated -->\nafter\n", encoding="utf-8")
    monkeypatch.setattr(references, "PAGES", (page,))
    monkeypatch.setattr(references, "DOCS", page.parent)
    assert references.main(["--check"]) == 1
    assert capsys.readouterr().err == "docs/cli.md is stale: run `make references`\n"
    assert references.main([]) == 0
    assert references.main(["--check"]) == 0
    text = page.read_text(encoding="utf-8")
    assert (text.startswith("before\n"), text.endswith("after\n"), "old" in text) == (True, True, False)


def test_the_command_reference_has_each_command_with_each_option_and_each_exit_code() -> None:
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert re.findall(r"^### (\S+)$", text, re.MULTILINE) == [
        name for names in command_groups(COMMANDS).values() for name in names
    ]
    codes = [value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)]
    assert [int(code) for code in re.findall(r"^\| (\d+) \| [A-Z]+ \|", text, re.MULTILINE)] == codes


def properties(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for inner in schema.values():
            yield from properties(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from properties(inner)


def test_the_manifest_reference_has_each_key() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "manifests.md").read_text(encoding="utf-8"), re.MULTILINE))
    keys = {key for kind in ("Model", "ModelDefaults", "Policy", "Config") for key in properties(schema_document(kind))}
    assert rows == keys


def pages(navigation: Any) -> Iterator[str]:
    if isinstance(navigation, str):
        yield navigation
    else:
        for item in navigation.values() if isinstance(navigation, dict) else navigation:
            yield from pages(item)


def test_the_navigation_has_each_page_once() -> None:
    there = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
    assert sorted(pages(configuration()["nav"])) == sorted([*there, "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md"])


def test_the_site_loads_nothing_from_elsewhere() -> None:
    site = configuration()
    assert site["theme"]["font"] is False
    extra = [*site.get("extra_css", []), *site.get("extra_javascript", [])]
    assert [file for file in extra if not (DOCS / file).is_file()] == []


def test_ci_builds_the_site() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert "make docs" in [step.get("run") for step in workflow["jobs"]["docs"]["steps"]]
