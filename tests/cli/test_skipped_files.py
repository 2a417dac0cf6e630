"""What lies below a path and isn't read is told, and never taken for a model that left git."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import RunCli

MANIFEST = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {{id: {}, user_id: demo, app_id: pets}}\nspec: {}\n"
SETTINGS = "apiVersion: reconciler/v1\nkind: Config\nendpoint: embedded\nowner: pets\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "reconciler.yaml").write_text(SETTINGS, encoding="utf-8")
    for name in ("petsID", "pet-names"):
        path = tmp_path / "models" / f"{name}.yaml"
        path.write_text(MANIFEST.format(name, "{description: kept}"), encoding="utf-8")
    return tmp_path


def test_a_link_that_leaves_the_folder_is_told_and_stops_pruning(cli: RunCli, folder: Path) -> None:
    assert cli("apply", "models", "--yes", cwd=folder).exit_code == 0
    (folder / "elsewhere").mkdir()
    (folder / "models" / "petsID.yaml").rename(folder / "elsewhere" / "petsID.yaml")
    (folder / "models" / "petsID.yaml").symlink_to("../elsewhere/petsID.yaml")
    told = (
        "warning: models/petsID.yaml:1:1: passed over: a link that leaves the given folder. "
        "Put the file itself there, or give it as PATH too.\n"
    )
    for command in ("validate", "plan", "drift"):
        result = cli(command, "models", cwd=folder)
        assert (result.exit_code, result.stderr) == (0, told), command
    pruning = cli("plan", "models", "--prune", "--format", "json", cwd=folder)
    plan = json.loads(pruning.stdout)
    assert (pruning.exit_code, plan["changes"], plan["summary"]["refused"]) == (3, [], 1)
    assert plan["refused"][0]["rule"] == "passed-over"
    assert cli("apply", "models", "--prune", "--yes", cwd=folder).exit_code == 3
    named = cli("plan", "models", "elsewhere", "--prune", cwd=folder)
    assert (named.exit_code, named.stdout) == (0, "In sync: 2 models unchanged.\n")


def test_hidden_names_are_told_once_and_stop_nothing(cli: RunCli, folder: Path) -> None:
    for name in (".git", ".drafts", "sub/.old"):
        (folder / "models" / name).mkdir(parents=True)
    result = cli("plan", "models", "--prune", "--max-deletes", "0", cwd=folder)
    assert result.exit_code == 0
    assert result.stderr == (
        "warning: models/.drafts:1:1: passed over: hidden, and so are models/.git, models/sub/.old. "
        "Give it as PATH to have it read.\n"
    )


def test_the_settings_may_lie_beside_the_manifests(cli: RunCli, folder: Path) -> None:
    assert cli("validate", ".", cwd=folder).stdout == "Valid: 2 models in 3 files.\n"
    (folder / "other.yaml").write_text(SETTINGS, encoding="utf-8")
    result = cli("validate", ".", cwd=folder)
    assert (result.exit_code, result.stderr.partition(" Give it")[0]) == (
        1,
        "other.yaml:2:7: a Config is no manifest; it holds the settings of a run.",
    )


def test_what_other_tools_take_for_a_reference_is_told_to_be_a_text(cli: RunCli, folder: Path) -> None:
    path = folder / "models" / "petsID.yaml"
    path.write_text(MANIFEST.format("petsID", '{description: "${HOME}"}'), encoding="utf-8")
    result = cli("validate", "models", cwd=folder)
    assert (result.exit_code, result.stderr) == (
        0,
        (
            'warning: models/petsID.yaml:4:21: spec.description: "${HOME}" is taken as it is written: it says neither var '
            "nor env. Write ${var:NAME} or ${env:NAME} for a reference, $${ for a literal ${.\n"
        ),
    )
