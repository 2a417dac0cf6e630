"""Every entry below a PATH is accounted for: what was not read never leads to a deletion, and nothing is never "in sync"."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.emulator.server import Emulator
from tests.ci.repositories import Repository
from tests.cli.live_side import LATEST, Service, manifest
from tests.command_line import RunCli
from tests.wording import Wording

SETTINGS = "apiVersion: reconciler/v1\nkind: Config\nowner: pets\nuser_id: demo\napp_id: pets\n"
KEPT = manifest("pet-names", "{description: kept}")
HIDES = manifest("petsID", "{description: kept}")

IN_SYNC = """\
Live models without a manifest:
  demo/pets: 4 models (--unmanaged lists them)

In sync: 2 models unchanged.
"""


@pytest.fixture
def owned(cli: RunCli, emulator: Emulator, tmp_path: Path) -> Iterator[Service]:
    """A repository whose two manifests were applied, so that a run with --prune would delete a model that lost one."""
    service = Service(emulator, cli, tmp_path / "work")
    repository = Repository(service.folder)
    repository.commit(
        {
            "reconciler.yaml": SETTINGS,
            "models/a.yaml": KEPT,
            "models/b/petsID.yaml": HIDES,
            ".gitignore": "/.reconciler\n",
        }
    )
    assert service.run("apply", "models", "--yes").exit_code == 0
    service.calls()
    yield service
    assert "DeleteModels" not in service.calls()
    assert "petsID" in service.models()


def emptied(folder: Path) -> None:
    (folder / "models/b/petsID.yaml").write_text("", encoding="utf-8")


def commented_out(folder: Path) -> None:
    path = folder / "models/b/petsID.yaml"
    path.write_text("".join(f"# {line}\n" for line in HIDES.splitlines()), encoding="utf-8")


def hidden_file(folder: Path) -> None:
    (folder / "models/b/petsID.yaml").rename(folder / "models/b/.petsID.YML")


def hidden_folder(folder: Path) -> None:
    (folder / "models/b").rename(folder / "models/.b")


def deep_in_a_hidden_folder(folder: Path) -> None:
    (folder / "models/.old/x").mkdir(parents=True)
    (folder / "models/b").rename(folder / "models/.old/x/b")


def link_that_leaves(folder: Path) -> None:
    (folder / "models/b").rename(folder / "elsewhere")
    (folder / "models/b").symlink_to("../elsewhere")


def link_to_nowhere(folder: Path) -> None:
    (folder / "models/b").rename(folder / "gone")
    (folder / "models/b").symlink_to("../never")


def fifo(folder: Path) -> None:
    (folder / "models/b/petsID.yaml").unlink()
    os.mkfifo(folder / "models/b/petsID.yaml")


def sparse_checkout(folder: Path) -> None:
    Repository(folder).git("sparse-checkout", "set", "--no-cone", "/reconciler.yaml", "/models/a.yaml")
    assert not (folder / "models/b").exists()


def sparse_index(folder: Path) -> None:
    Repository(folder).git("sparse-checkout", "set", "--cone", "--sparse-index", "other")
    Repository(folder).write("models/a.yaml", KEPT)


def skip_worktree(folder: Path) -> None:
    Repository(folder).git("update-index", "--skip-worktree", "models/b/petsID.yaml")
    (folder / "models/b/petsID.yaml").unlink()


def submodule(folder: Path) -> None:
    """A submodule in place of models/b, as a clone without --recurse-submodules leaves it."""
    commit = Repository(folder.parent / "library").commit({"petsID.yaml": HIDES})
    repository = Repository(folder)
    repository.git("rm", "--quiet", "models/b/petsID.yaml")
    (folder / "models/b").mkdir()
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},models/b")


def repository_that_git_cannot_read(folder: Path) -> None:
    (folder / "models/b/petsID.yaml").unlink()
    (folder / ".git/index").write_bytes(b"no index")


HIDINGS: tuple[Callable[[Path], None], ...] = (
    emptied,
    commented_out,
    hidden_file,
    hidden_folder,
    deep_in_a_hidden_folder,
    link_that_leaves,
    link_to_nowhere,
    fifo,
    sparse_checkout,
    sparse_index,
    skip_worktree,
    submodule,
    repository_that_git_cannot_read,
)


@pytest.mark.parametrize("hide", HIDINGS, ids=lambda hide: hide.__name__)
def test_what_may_hide_a_manifest_is_reported_and_stops_pruning(
    owned: Service, hide: Callable[[Path], None], wording: Wording
) -> None:
    hide(owned.folder)
    planned = owned.run("plan", "models")
    assert (planned.exit_code, planned.stdout) == (0, "In sync: 1 model unchanged.\n")
    wording(planned.stderr)
    refused = owned.run("plan", "models", "--prune", "--format", "json")
    plan = refused.document()
    assert (refused.exit_code, plan["changes"], [item["rule"] for item in plan["refused"]]) == (3, [], ["passed-over"])
    assert owned.run("apply", "models", "--prune", "--yes").exit_code == 3


def test_a_manifest_is_known_in_any_letter_case(owned: Service) -> None:
    folder = owned.folder / "models/b"
    (folder / "petsID.yaml").rename(folder / "petsID.YAML")
    result = owned.run("plan", "models", "--prune")
    assert (result.exit_code, result.stdout, result.stderr) == (0, IN_SYNC, "")


def test_a_path_that_is_too_long_is_an_error(owned: Service, wording: Wording) -> None:
    inside = os.open(owned.folder / "models/b", os.O_RDONLY)
    for _ in range(20):  # longer than a path may be, but not than a name
        os.mkdir("d" * 250, dir_fd=inside)
        inside = os.open("d" * 250, os.O_RDONLY, dir_fd=inside)
    result = owned.run("plan", "models", "--prune")
    assert (result.exit_code, result.stdout) == (1, "")
    wording(result.stderr.replace("d" * 250, "D"))
    assert owned.run("apply", "models", "--prune", "--yes").exit_code == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter everything")
def test_a_folder_that_can_be_listed_but_not_entered_is_an_error(owned: Service) -> None:
    for name in ("models/b", "models"):
        (owned.folder / name).chmod(0o644)
        try:
            assert owned.run("apply", "models", "--prune", "--yes").exit_code == 1
        finally:
            (owned.folder / name).chmod(0o755)


def test_what_is_no_obstacle(owned: Service) -> None:
    repository = Repository(owned.folder)
    repository.commit({".github/workflows/ci.yml": "on: push\n", "models/.pre-commit.yaml": "repos: []\n"})
    repository.git("update-index", "--skip-worktree", ".github/workflows/ci.yml", "models/b/petsID.yaml")
    repository.write("models/.reconciler/backup/R/x.yaml", HIDES)
    (owned.folder / ".github/workflows/ci.yml").unlink()
    library = Repository(owned.folder / "models/nested")
    library.commit({"README": "a repository of its own"})
    result = owned.run("plan", ".", "--prune")
    assert (result.exit_code, result.stdout) == (0, IN_SYNC)


def test_a_submodule_that_is_checked_out_is_asked_itself(owned: Service) -> None:
    inner = Repository(owned.folder / "models/b")
    inner.commit({"more.yaml": manifest("pet-finder", "{}"), "petsID.yaml": HIDES})
    inner.git("update-index", "--skip-worktree", "petsID.yaml")
    (inner.root / "petsID.yaml").unlink()
    assert owned.run("plan", "models", "--prune").exit_code == 3
    assert owned.run("plan", owned.folder.parent, "--prune").exit_code == 3


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"])
def test_the_variables_of_a_hook_hide_nothing(owned: Service, tmp_path: Path, variable: str) -> None:
    other = Repository(tmp_path / "other")
    other.commit({"README": ""})
    skip_worktree(owned.folder)
    places = {"GIT_DIR": ".git", "GIT_WORK_TREE": ".", "GIT_INDEX_FILE": ".git/index"}
    env = {variable: str(other.root / places[variable])}
    assert owned.run("plan", "models", "--prune", env=env).exit_code == 3


def test_without_git_nothing_is_asked(owned: Service, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    result = owned.run("plan", "models", "--prune", env={"PATH": str(tmp_path / "bin")})
    assert (result.exit_code, result.stdout, result.stderr) == (0, IN_SYNC, "")


# --- no manifest at all ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [("validate",), ("plan",), ("apply", "--yes"), ("drift",)], ids=lambda args: args[0])
def test_no_manifest_at_all_is_an_error(service: Service, args: tuple[str, ...], wording: Wording) -> None:
    service.write("models/README.md", "They have moved.")
    service.write("models/reconciler.yaml", SETTINGS)
    result = service.run(*args, "models")
    assert (result.exit_code, result.stdout) == (1, "")
    wording(result.stderr)
    document = service.run(*args, "models", "--format", "json").document()
    assert [problem["code"] for problem in document["problems"]] == ["no-manifest"]
    assert service.run(*args, "models", "--allow-empty").exit_code == 0
    assert service.calls() == []


@pytest.mark.parametrize("more", [(), ("--allow-empty",)])
def test_pruning_against_no_manifest_is_refused(service: Service, more: tuple[str, ...]) -> None:
    service.write("models/README.md", "They have moved.")
    result = service.run("plan", "models", "--prune", "--prune-scope", "app", "--format", "json", *more)
    rules = [item["rule"] for item in result.document()["refused"]]
    assert (result.exit_code, rules, service.writes()) == (3, ["empty-desired-state"], [])


def test_a_run_over_nothing_leaves_the_drift_history_and_writes_no_metrics_but_its_failure(service: Service) -> None:
    version = LATEST["petsID"]
    service.write("models/a.yaml", manifest("petsID", f"{{name: other, versions: [{{id: {version}}}]}}"))
    watched = ("--state", "state.json", "--metrics", "drift.prom")
    assert service.run("drift", "models", *watched).exit_code == 2
    before = (service.folder / "state.json").read_bytes()
    (service.folder / "models").rename(service.folder / "moved")
    service.write("models/README.md", "They have moved.")
    (service.folder / "drift.prom").unlink()
    assert service.run("drift", "models", *watched, "--allow-empty").exit_code == 0
    assert not (service.folder / "drift.prom").exists()
    assert service.run("drift", "models", *watched).exit_code == 1
    metrics = (service.folder / "drift.prom").read_text(encoding="utf-8")
    names = [line.partition("{")[0] for line in metrics.splitlines() if not line.startswith("#")]
    assert names == [
        f"reconciler_drift_{name}" for name in ("exit_code", "duration_seconds", "last_run_timestamp_seconds")
    ]
    assert (service.folder / "state.json").read_bytes() == before
    assert service.run("drift", "moved", *watched).exit_code == 2


def test_drift_of_a_model_whose_manifest_was_skipped_is_not_resolved(service: Service) -> None:
    service.write("models/a.yaml", manifest("petsID", "{name: other}"))
    service.write("models/b.yaml", manifest("pet-names", "{}"))
    assert service.run("drift", "models", "--state", "state.json").exit_code == 2
    service.write("models/a.yaml", "")
    result = service.run("drift", "models", "--state", "state.json", "--metrics", "drift.prom", "--format", "json")
    assert (result.exit_code, result.document()["resolved"]) == (0, [])
    stored = json.loads((service.folder / "state.json").read_text(encoding="utf-8"))
    assert [entry["address"] for entry in stored["entries"]] == ["demo/pets/petsID"]
    assert "reconciler_drift_paths_skipped{" in (service.folder / "drift.prom").read_text(encoding="utf-8")
