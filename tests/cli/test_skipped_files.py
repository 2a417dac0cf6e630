"""What lies below a path and isn't read is reported, and never taken for a model that left git."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.live_side import manifest
from tests.command_line import RunCli
from tests.wording import Wording

SETTINGS = "apiVersion: reconciler/v1\nkind: Config\nendpoint: embedded\nowner: pets\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "reconciler.yaml").write_text(SETTINGS, encoding="utf-8")
    for name in ("petsID", "pet-names"):
        path = tmp_path / "models" / f"{name}.yaml"
        path.write_text(manifest(name, "{description: kept}"), encoding="utf-8")
    return tmp_path


def test_a_link_that_leaves_the_folder_is_reported_and_stops_pruning(
    cli: RunCli, folder: Path, wording: Wording
) -> None:
    assert cli("apply", "models", "--yes", cwd=folder).exit_code == 0
    (folder / "elsewhere").mkdir()
    (folder / "models" / "petsID.yaml").rename(folder / "elsewhere" / "petsID.yaml")
    (folder / "models" / "petsID.yaml").symlink_to("../elsewhere/petsID.yaml")
    results = [cli(command, "models", cwd=folder) for command in ("validate", "plan", "drift")]
    assert [result.exit_code for result in results] == [0, 0, 0]
    assert len({result.stderr for result in results}) == 1
    wording(results[0].stderr)
    pruning = cli("plan", "models", "--prune", "--format", "json", cwd=folder)
    plan = json.loads(pruning.stdout)
    assert (pruning.exit_code, plan["changes"], plan["summary"]["refused"]) == (3, [], 1)
    assert plan["refused"][0]["rule"] == "passed-over"
    assert cli("apply", "models", "--prune", "--yes", cwd=folder).exit_code == 3
    named = cli("plan", "models", "elsewhere", "--prune", cwd=folder)
    assert (named.exit_code, named.stdout) == (
        0,
        "Live models without a manifest:\n  demo/pets: 4 models (--unmanaged lists them)\n\nIn sync: 2 models unchanged.\n",
    )


def test_hidden_names_are_reported_once_and_stop_nothing(cli: RunCli, folder: Path, wording: Wording) -> None:
    for name in (".git", ".drafts", "sub/.old"):
        (folder / "models" / name).mkdir(parents=True)
    result = cli("plan", "models", "--prune", "--max-deletes", "0", cwd=folder)
    assert result.exit_code == 0
    wording(result.stderr)


def test_the_settings_may_lie_beside_the_manifests(cli: RunCli, folder: Path, wording: Wording) -> None:
    assert cli("validate", ".", cwd=folder).stdout == "Valid: 2 models in 3 files.\n"
    (folder / "other.yaml").write_text(SETTINGS, encoding="utf-8")
    result = cli("validate", ".", cwd=folder)
    assert result.exit_code == 1
    wording(result.stderr)


def test_what_other_tools_take_for_a_reference_is_kept_literally_with_a_warning(
    cli: RunCli, folder: Path, wording: Wording
) -> None:
    path = folder / "models" / "petsID.yaml"
    path.write_text(manifest("petsID", '{description: "${HOME}"}'), encoding="utf-8")
    result = cli("validate", "models", cwd=folder)
    assert result.exit_code == 0
    wording(result.stderr)
