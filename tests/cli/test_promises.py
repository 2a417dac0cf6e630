"""Two promises that every command keeps: only apply, undo and purge write to the service, and no output or file has a secret.

All commands run over one repository that has something of everything: secrets that manifests name, that the service shows and that a
base stated, drift, a default, a policy and a probe.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.cli.main import COMMANDS
from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from tests.ci.repositories import Repository
from tests.cli.live_side import LATEST, Service, manifest
from tests.command_line import RunCli

LIVE: Final = "planted-live-0a1b2c3d4e"
STATED: Final = "planted-stated-5f6a7b8c9d"
FORMER: Final = "planted-former-e0f1a2b3c4"
PLANTED: Final = "planted-"
REFERENCE: Final = '"${env:KEY}"'

NAMES: Final = LATEST["pet-names"]
DEFAULTS: Final = """apiVersion: reconciler/v1
kind: ModelDefaults
metadata: {name: languages, user_id: demo, app_id: pets}
spec: {select: {ids: ["pet-*"]}, model: {languages: [en]}}
"""
PROBE: Final = """apiVersion: reconciler/v1
kind: Probe
metadata: {name: smoke, user_id: demo, app_id: pets}
spec:
  models: ["pet*"]
  inputs: [{id: ask, text: "Is this a cat?"}]
  expect: [{input: ask, text_matches: "yes|no"}]
"""

READING: Final[dict[str, list[list[str]]]] = {
    "validate": [["models"], ["models", "--online"], ["models", "--junit", "v.xml", "--code-quality", "v.json"]],
    "plan": [
        ["models", "--out", "plan.json"],
        ["models", "--base", "main", "--unmanaged", "--junit", "p.xml", "--code-quality", "p.json"],
        ["models", "--prune", "--prune-scope", "app", "--max-deletes", "50"],
        ["models", "--probe"],
        ["models", "--resend", "secrets", "-v"],
    ],
    "drift": [
        ["models", "--state", "drift.json", "--metrics", "drift.prom"],
        ["models", "--junit", "d.xml", "--code-quality", "d.json"],
    ],
    "accept": [["models", "--dry-run"], ["models"]],
    "test": [["models", "--against", "live.json"]],
    "show": [["plan.json"]],
    "explain": [["pet-names", "models"], ["petsID", "models"]],
    "export": [["--output", "exported"], ["--action", "overwrite"], ["--select", "latest"], ["--version", "all"]],
    "get": [["models"], ["versions"], ["output-info"], ["types"], ["concepts"]],
    "runs": [[]],
    "config": [[]],
    "purge": [["demo/pets", "--dry-run"]],
}
"""By command, arguments with which it must not write to the service."""

WRITING: Final = frozenset({"apply", "undo"})
ELSEWHERE: Final = frozenset({"comment", "schema", "emulator", "completion"})
"""Commands that have no connection to the service, and tests of their own."""

FORMATS: Final = {
    "export": ["json"], "get": ["json"], "runs": ["json"], "config": ["json"], "purge": [], "accept": ["json"],
}  # fmt: skip
"""Other formats than text; all of them where nothing stands here."""


@pytest.fixture
def desk(cli: RunCli, tmp_path: Path) -> Iterator[Service]:
    """A branch of a repository, whose base stated another secret, and a service with secrets of its own."""
    seed: dict[str, Any] = copy.deepcopy(dict(SAMPLE))
    for model in seed["apps"][0]["models"]:
        if model["id"] == "pet-names":
            model["versions"][0]["output_info"]["params"]["secrets"] = [{"id": "key", "value": LIVE}]
    repository = Repository(tmp_path / "work")
    stated = (
        f"versions: [{{id: {NAMES}, output_info: {{params: {{temperature: 0.5, secrets: [{{id: key, value: %s}}]}}}}}}]"
    )
    repository.commit({"models/names.yaml": manifest("pet-names", f"{{description: Former, {stated % FORMER}}}")})
    repository.git("checkout", "--quiet", "-b", "change")
    (tmp_path / "work/models/names.yaml").unlink()
    repository.commit(
        {
            "models/names-2.yaml": manifest("pet-names", f"{{notes: Changed, {stated % REFERENCE}}}"),
            "models/pets.yaml": manifest(spec=f"{{name: Head, versions: [{{id: {LATEST['petsID']}, license: MIT}}]}}"),
            "models/defaults.yaml": DEFAULTS,
            "models/probe.yaml": PROBE,
            "reconciler.yaml": "apiVersion: reconciler/v1\nkind: Config\n",
        }
    )
    with Emulator(seed=seed) as emulator:
        service = Service(emulator, cli, tmp_path / "work")
        service.write("live.json", service.run("export", "--format", "json").stdout)
        service.calls()
        yield service


def everything(*commands: str) -> Iterator[list[str]]:
    for command in commands:
        for arguments in READING[command]:
            yield [command, *arguments]
            for name in FORMATS.get(command, ["json", "markdown", "html"] if command != "validate" else ["json"]):
                yield [command, *arguments, "--format", name]


def leaks(service: Service, *texts: str) -> list[str]:
    """Where a planted secret is, outside of git's own files and of the manifest in which somebody wrote it."""
    files = [file for file in service.folder.rglob("*") if file.is_file() and ".git" not in file.parts]
    found = [str(file) for file in files if PLANTED in file.read_text(encoding="utf-8", errors="replace")]
    return [*found, *(text for text in texts if PLANTED in text)]


def test_every_command_is_under_the_promises_or_has_a_reason() -> None:
    assert set(COMMANDS) == READING.keys() | WRITING | ELSEWHERE


def test_no_command_but_those_that_say_so_writes_and_none_shows_a_secret(desk: Service) -> None:
    env, shown = {"KEY": STATED}, ""
    before = json.dumps(desk.emulator.snapshot())
    for arguments in everything(*READING):
        result = desk.run(*arguments, env=env)
        assert result.exit_code in (0, 2, 3, 4), (arguments, result)
        assert desk.writes() == [], arguments
        assert json.dumps(desk.emulator.snapshot()) == before, arguments
        assert leaks(desk, result.stdout, result.stderr) == [], arguments
        shown += result.stdout
    assert "(sensitive)" in shown


def test_no_secret_is_in_what_a_run_and_its_undo_print_and_keep(desk: Service) -> None:
    env = {"KEY": STATED}
    applied = desk.run("apply", "models", "--yes", "--probe", "--resend", "secrets", "--format", "json", "-v", env=env)
    assert applied.exit_code in (0, 4), applied
    stored = desk.model("pet-names")["versions"][0]["output_info"]["params"]["secrets"]
    assert stored == [{"id": "key", "value": STATED}]
    shown = [
        desk.run(*words, env=env)
        for words in (["runs"], ["undo", "latest", "--yes", "-v"], ["explain", "pet-names", "models"])
    ]
    texts = [text for result in (applied, *shown) for text in (result.stdout, result.stderr)]
    assert leaks(desk, *texts) == []
