"""`purge` as a user runs it, against the emulator: outputs whole, calls exact."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import main
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from reconciler.plan.fingerprint import fingerprint
from reconciler.state.locks import locked
from tests.cli.live_side import WRITES, Service, seeded
from tests.command_line import RunCli
from tests.wording import Wording


def test_purge_backs_up_deletes_and_looks_again(service: Service) -> None:
    result = service.run("purge", "demo/pets", "--confirm", "demo/pets", scope=False)
    lines = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines[0].startswith("Backup: .reconciler/backup/")
    names = ["model_clusterer", "pet-breeds", "pet-draft", "pet-finder", "pet-names", "petsID"]
    assert lines[1:] == [
        *(f"deleted demo/pets/{name}" for name in names),
        "Purge of demo/pets: 6 models deleted, none left.",
    ]
    requests = [call for call in service.emulator.calls if call.rpc.startswith(WRITES)]
    assert [(call.rpc, call.request) for call in requests] == [
        ("DeleteModels", {"user_app_id": {"user_id": "demo", "app_id": "pets"}, "ids": names})
    ]
    calls = service.calls()
    listing = ["ListModels"] * 2
    looking = [*listing, *["ListWorkflows"] * 2, "ListDeployments"]
    assert (calls[:2], sorted(calls[2 : len(looking)]), calls[-2:]) == (listing, sorted(looking[2:]), listing)
    at = calls.index("DeleteModels")
    # Read whole and kept, with what uses them; then looked at once more in one call, right before they go.
    reads = ["ListModels", *["ListModelVersions"] * 7, "ListModelTypes", *["ListWorkflows"] * 2, "ListDeployments"]
    assert sorted(calls[len(looking) : at - 1]) == sorted(reads)
    assert calls[at - 1] == "ListModels"
    assert service.models() == []
    kept = service.folder / lines[0].removeprefix("Backup: ")
    assert sorted(path.name for path in kept.rglob("*.yaml")) == [f"{name}.yaml" for name in names]
    assert service.run("validate", kept).exit_code == 0


def test_a_service_that_deletes_two_at_a_time(cli: RunCli, tmp_path: Path) -> None:
    models = [{"id": f"m{number}", "model_type_id": "free"} for number in range(7)]
    with Emulator(seed=seeded(*models), switches=Switches(max_batch=2)) as emulator:
        service = Service(emulator, cli, tmp_path)
        assert service.run("purge", "demo/pets", "--confirm", "demo/pets").exit_code == 0
        sizes = [
            (len(call.request["ids"]), call.status_code == 10000)
            for call in emulator.calls
            if call.rpc == "DeleteModels"
        ]
        assert service.models() == []
    assert sizes == [(7, False), (4, False), (2, True), (2, True), (2, True), (1, True)]


def test_purge_as_json(service: Service) -> None:
    result = service.run("purge", "demo/pets", "--confirm", "demo/pets", "--format", "json")
    document = result.document()
    assert (result.exit_code, result.stderr) == (0, f"Backup: {document['backup']}\n")
    assert (service.folder / document["backup"]).is_dir()
    assert {**document, "backup": ""} == {
        "kind": "Purge",
        "deleted": [
            f"demo/pets/{name}"
            for name in ("model_clusterer", "pet-breeds", "pet-draft", "pet-finder", "pet-names", "petsID")
        ],
        "remaining": [],
        "backup": "",
        "converged": True,
        "error": None,
    }


@pytest.mark.parametrize("confirm", [(), ("--confirm", "demo/pets")])
def test_a_dry_run_lists_what_would_be_deleted_and_needs_no_confirmation(
    service: Service, confirm: tuple[str, ...]
) -> None:
    names = ["model_clusterer", "pet-breeds", "pet-draft", "pet-finder", "pet-names", "petsID"]
    addresses = [f"demo/pets/{name}" for name in names]
    result = service.run("purge", "demo/pets", "--dry-run", *confirm)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        *(f"would delete {address}" for address in addresses),
        "Purge of demo/pets: 6 models would be deleted.",
    ]
    assert service.run("purge", "demo/pets", "--dry-run", "--format", "json").document() == {
        "kind": "Purge",
        "dry_run": True,
        "would_delete": addresses,
        "deleted": [],
        "remaining": addresses,
        "backup": None,
        "converged": False,
        "error": None,
    }
    page = service.run("purge", "demo/pets", "--dry-run", "--format", "markdown").stdout
    assert all(address in page for address in addresses)
    assert (service.writes(), list(service.folder.iterdir())) == ([], [])


def test_a_dry_run_checks_the_guards_and_a_wrong_confirmation(service: Service) -> None:
    service.write("reconciler.yaml", 'apiVersion: reconciler/v1\nkind: Config\nprune: {protect: ["pets*"]}\n')
    assert service.run("purge", "demo/pets", "--dry-run").exit_code == 3
    assert service.run("purge", "demo/pets", "--dry-run", "--confirm", "demo/other").exit_code == 64


def test_purge_of_an_empty_app_writes_nothing(cli: RunCli, folder: Path) -> None:
    with Emulator(seed=seeded()) as emulator:
        service = Service(emulator, cli, folder)
        result = service.run("purge", "demo/pets", "--confirm", "demo/pets", "--format", "json")
        calls = service.calls()
    assert (result.exit_code, set(calls)) == (0, {"ListModels"})
    empty: dict[str, Any] = {"deleted": [], "remaining": [], "backup": None, "converged": True, "error": None}
    assert result.document() == {"kind": "Purge", **empty}
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "args",
    [
        ["demo/pets"],
        ["demo/pets", "--confirm", "demo/pet"],
        ["demo/pets", "--yes"],
        ["pets", "--confirm", "pets"],
        ["demo/", "--confirm", "demo/"],
        ["a/b/c", "--confirm", "a/b/c"],
        ["demo/pets", "--confirm", "demo/pets", "--app-id", "other"],
    ],
    ids=" ".join,
)
def test_purge_reads_and_writes_nothing_unless_the_app_is_named_twice(
    service: Service, args: list[str], wording: Wording
) -> None:
    result = service.run("purge", *args)
    assert (result.exit_code, result.stdout, service.calls()) == (64, "", [])
    wording(result.stderr.splitlines()[-1])


CONFIG = "apiVersion: reconciler/v1\nkind: Config\n"


@pytest.mark.parametrize(
    ("config", "metadata"),
    [
        ("", {"reconciler": {"owner": "us"}}),
        ('owner: us\nprune: {protect: ["Fine *"]}\n', {"reconciler": {"owner": "us", "protect": True}}),
    ],
    ids=["another owner", "protected"],
)
def test_purge_is_refused_where_a_model_must_stay(
    service: Service, config: str, metadata: dict[str, Any], wording: Wording
) -> None:
    service.write("reconciler.yaml", CONFIG + config)
    service.emulator.load(seeded({"id": "prod-1", "name": "Fine name", "metadata": metadata}))
    result = service.run("purge", "demo/pets", "--confirm", "demo/pets", "--format", "json")
    assert (result.exit_code, result.document()["exit_code"]) == (3, 3)
    assert set(service.calls()) == {"ListModels"}
    assert len(service.models()) == 7
    assert not (service.folder / ".reconciler").exists()
    wording(result.document()["message"])


def test_purge_goes_where_the_owner_is_this_one(service: Service) -> None:
    service.write("reconciler.yaml", f"{CONFIG}owner: us\n")
    service.emulator.load(seeded({"id": "ours", "metadata": {"reconciler": {"owner": "us", "protect": False}}}))
    assert service.run("purge", "demo/pets", "--confirm", "demo/pets").exit_code == 0
    assert service.models() == []


def test_purge_deletes_nothing_where_the_backup_cannot_be_written(service: Service) -> None:
    (service.folder / ".reconciler").mkdir()
    (service.folder / ".reconciler/backup").write_text("a file")
    result = service.run("purge", "demo/pets", "--confirm", "demo/pets")
    assert (result.exit_code, result.stdout, len(service.models())) == (1, "", 6)
    assert "The backup can't be written" in result.stderr
    assert "DeleteModels" not in service.calls()


def test_purge_waits_for_no_other_run(service: Service) -> None:
    with locked(service.folder / ".reconciler/locks", service.emulator.url, {"pets"}, run="another"):
        result = service.run("purge", "demo/pets", "--confirm", "demo/pets")
    assert (result.exit_code, result.stdout, len(service.models())) == (1, "", 6)
    assert "another" in result.stderr
    assert not (service.folder / ".reconciler/backup").exists()
    assert "DeleteModels" not in service.calls()


def test_purge_whose_answer_was_lost_is_done_where_the_app_is_empty(service: Service) -> None:
    service.emulator.switches = Switches(faults=(Fault(rpc="DeleteModels", kind="LOST_REPLY", nth=1),))
    result = service.run("purge", "demo/pets", "--confirm", "demo/pets", "--format", "json")
    document = result.document()
    assert (result.exit_code, document["converged"], len(document["deleted"])) == (0, True, 6)
    assert document["error"] is None


def test_purge_that_failed_is_incomplete_and_names_what_is_left(service: Service) -> None:
    service.emulator.switches = Switches(faults=(Fault(rpc="DeleteModels", kind="21203", times=None),))
    result = service.run("purge", "demo/pets", "--confirm", "demo/pets", "--format", "json")
    document = result.document()
    assert (result.exit_code, document["converged"], document["deleted"]) == (4, False, [])
    assert document["remaining"] == [
        f"demo/pets/{name}"
        for name in ("model_clusterer", "pet-breeds", "pet-draft", "pet-finder", "pet-names", "petsID")
    ]
    assert "DeleteModels failed: 21203 MODEL_INVALID_REQUEST" in document["error"]


def test_purge_with_delete_all_sends_one_call_right_after_a_listing(service: Service) -> None:
    result = service.run("purge", "demo/pets", "--confirm", "demo/pets", "--delete-all")
    requests = [call for call in service.emulator.calls if call.rpc.startswith(WRITES)]
    assert (result.exit_code, [call.request for call in requests]) == (
        0,
        [{"user_app_id": {"user_id": "demo", "app_id": "pets"}, "delete_all": True}],
    )
    calls = service.calls()
    assert calls[calls.index("DeleteModels") - 2 : calls.index("DeleteModels")] == ["ListModels"] * 2


@pytest.mark.parametrize("options", [(), ("--delete-all",)])
def test_the_undo_of_a_purge_names_the_backup_and_writes_nothing(service: Service, options: tuple[str, ...]) -> None:
    document = service.run("purge", "demo/pets", "--confirm", "demo/pets", *options, "--format", "json").document()
    service.calls()
    result = service.run("undo", "latest", "--yes", "--format", "json")
    (refusal,) = result.document()["refused"]
    assert (result.exit_code, refusal["rule"], service.writes()) == (3, "deleted", [])
    assert "demo/pets/pet-breeds" in refusal["message"]
    assert str(document["backup"]) in refusal["message"]


def _another_scope(document: dict[str, Any]) -> None:
    for each in document["changes"]:
        each["app_id"] = "other"
        each["address"] = each["address"].replace("demo/pets", "demo/other")


def _no_changes(document: dict[str, Any]) -> None:
    document["changes"], document["summary"]["delete"] = [], 0


def _one_model_less(document: dict[str, Any]) -> None:
    del document["changes"][0]
    document["summary"]["delete"] -= 1


@pytest.mark.parametrize("forge", [_another_scope, _no_changes, _one_model_less])
def test_the_record_of_a_purge_whose_changes_are_others_is_refused(
    service: Service, forge: Callable[[dict[str, Any]], None]
) -> None:
    service.run("purge", "demo/pets", "--confirm", "demo/pets", "--delete-all")
    service.calls()
    (place,) = (service.folder / ".reconciler").rglob("plan.json")
    document = json.loads(place.read_text(encoding="utf-8"))
    forge(document)
    document["fingerprint"] = fingerprint(document)
    place.write_text(json.dumps(document), encoding="utf-8")
    result = service.run("undo", "latest", "--yes")
    assert (result.exit_code, service.calls()) == (3, []), result
    assert "plan.json is refused" in result.stderr


class Terminal(io.TextIOWrapper):
    """Standard input that says it is a terminal, and answers with what it was given."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 1, 6), ("y\n", 0, 0)])
def test_purge_asks_on_a_terminal(
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    code: int,
    left: int,
) -> None:
    monkeypatch.chdir(service.folder)
    monkeypatch.setattr("sys.stdin", Terminal(io.BytesIO(answer.encode()), encoding="utf-8"))
    args = ["purge", "demo/pets", "--confirm", "demo/pets", "--endpoint", service.emulator.url, "--rate", "1000"]
    monkeypatch.setenv("CLARIFAI_PAT", "pat")
    assert main(args) == code
    captured = capsys.readouterr()
    assert "Delete 6 models of demo/pets? They can't be recovered. [y/N]: " in captured.err
    assert len(service.models()) == left
    assert captured.out.endswith("none left.\n") if left == 0 else "error: Nothing was deleted." in captured.err
