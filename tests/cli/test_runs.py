"""`runs` and `undo`: what was done from here, by whom, and what "latest" means. Damaged and old journals are listed too."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.journal import EVENTS, PLAN
from reconciler.apply.runs import list_runs
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from tests.ci.repositories import Repository
from tests.cli.live_side import Service, manifest, seeded
from tests.command_line import CliResult, RunCli
from tests.wording import Wording

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "octocat",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/models",
    "GITHUB_RUN_ID": "123",
    "GITHUB_RUN_ATTEMPT": "2",
}
GITLAB = {"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "tanuki", "CI_JOB_URL": "https://gitlab.com/acme/models/-/jobs/9"}


def rename(service: Service, name: str, **more: Any) -> CliResult:
    service.write("m.yaml", manifest("petsID", f"{{name: {name}}}"))
    result = service.run("apply", "m.yaml", "--yes", "--ci", "none", **more)
    assert result.exit_code == 0, result
    return result


def listed(service: Service, **more: Any) -> list[dict[str, Any]]:
    result = service.run("runs", "--format", "json", **more)
    assert (result.exit_code, result.document().keys()) == (0, {"kind", "runs"})
    assert result.document()["kind"] == "Runs"
    runs: list[dict[str, Any]] = result.document()["runs"]
    return runs


def undo(service: Service, run: str = "latest") -> CliResult:
    return service.run("undo", run, "--yes")


def name_of(service: Service) -> Any:
    return service.model()["name"]


def journal(service: Service, run: str, name: str = EVENTS) -> Path:
    return service.folder / ".reconciler" / "runs" / run / name


def test_a_run_is_listed_with_its_time_its_commit_and_its_counts(service: Service) -> None:
    repository = Repository(service.folder)
    commit = repository.commit({"other.txt": "x", ".gitignore": "/.reconciler\n"})
    rename(service, "one", env=GITHUB)
    (run,) = listed(service)
    assert run.pop("started_at")[:4] == run.pop("id")[:4]
    assert run == {
        "actor": "octocat",
        "run_url": "https://github.com/acme/models/actions/runs/123/attempts/2",
        "commit": f"{commit}-dirty",
        "summary": {"update": 1, "delete": 0},
        "status": "done",
        "undo_of": None,
        "undone_by": None,
        "problem": None,
    }


@pytest.mark.parametrize(
    ("environ", "config", "expected"),
    [
        (GITLAB, "", ("tanuki", "https://gitlab.com/acme/models/-/jobs/9")),
        ({"GITHUB_ACTIONS": "true"}, "", (None, None)),
        ({}, "[user]\nname = Jane Doe\nemail = jane@example.com\n", ("Jane Doe <jane@example.com>", None)),
        ({}, "[user]\nemail = jane@example.com\n", ("jane@example.com", None)),
        ({"LOGNAME": "jdoe"}, "", ("jdoe", None)),
    ],
    ids=["gitlab", "github without an actor", "git", "git without a name", "the machine's user"],
)
def test_the_actor_is_the_account_of_the_pipeline_else_the_user_of_git(
    service: Service, tmp_path: Path, environ: dict[str, str], config: str, expected: tuple[str | None, str | None]
) -> None:
    (tmp_path / "gitconfig").write_text(config, encoding="utf-8")
    given = {"GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"), "GIT_CONFIG_SYSTEM": "/dev/null", **environ}
    rename(service, "one", env=given)
    (run,) = listed(service)
    assert (run["actor"], run["run_url"]) == expected


def test_latest_is_the_latest_run_that_is_no_undo_and_is_not_undone(service: Service, wording: Wording) -> None:
    before = name_of(service)
    rename(service, "one")
    rename(service, "two")
    for expected in ("one", before):
        assert undo(service).exit_code == 0
        assert name_of(service) == expected
    nothing = undo(service)
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    wording(nothing.stderr)
    undoes_one, undoes_two, two, one = listed(service)
    assert [undoes_one["undo_of"], undoes_two["undo_of"]] == [one["id"], two["id"]]
    assert [one["undone_by"], two["undone_by"]] == [undoes_one["id"], undoes_two["id"]]
    assert [undoes_one["commit"], undoes_one["summary"]] == [None, {"update": 1, "delete": 0}]


def test_an_undo_is_undone_by_its_id_and_then_the_run_counts_again(service: Service) -> None:
    before = name_of(service)
    rename(service, "one")
    undo(service)
    undo_id = listed(service)[0]["id"]
    assert undo(service, undo_id).exit_code == 0
    assert name_of(service) == "one"
    again, first, run = listed(service)
    assert [(each["undo_of"], each["undone_by"]) for each in (again, first, run)] == [
        (first["id"], None),
        (run["id"], again["id"]),
        (None, None),
    ]
    assert undo(service).exit_code == 0
    assert name_of(service) == before


def test_an_undo_that_restores_nothing_says_so_and_that_latest_stays_the_same(
    service: Service, wording: Wording
) -> None:
    before = name_of(service)
    rename(service, "one")
    run = listed(service)[0]["id"]
    said = []
    for name in ("other", before):
        rename(service, name, env={"RECONCILER_STATE_DIR": str(service.folder / "of-somebody-else")})
        service.calls()
        result = undo(service)
        said += [result.stdout.replace(run, "RUN"), result.stderr]
        assert (result.exit_code, [each for each in service.calls() if "Patch" in str(each)]) == (0, [])
        document = service.run("undo", "latest", "--yes", "--format", "json").document()
        assert (document["undo"]["run"], document["run"], document["requests"]) == (run, None, [])
        assert [(each["id"], each["undone_by"]) for each in listed(service)] == [(run, None)]
        assert name_of(service) == name
    wording(*said)


def test_an_undo_says_how_many_changes_it_leaves(service: Service, wording: Wording) -> None:
    service.write("m.yaml", manifest("petsID", "{name: one, use_cases: [search]}"))
    assert service.run("apply", "m.yaml", "--yes").exit_code == 0
    run = listed(service)[0]["id"]
    rename(service, "two", env={"RECONCILER_STATE_DIR": str(service.folder / "of-somebody-else")})
    wording(undo(service).stdout.replace(run, "RUN"))


def test_without_a_run_latest_is_an_error(service: Service, wording: Wording) -> None:
    result = undo(service)
    assert (result.exit_code, service.calls()) == (1, [])
    empty = service.run("runs")
    assert (empty.exit_code, empty.stdout) == (0, "")
    wording(result.stderr, empty.stderr)
    assert listed(service) == []


def test_a_run_that_deleted_can_not_be_undone(service: Service, wording: Wording) -> None:
    service.write("m.yaml", manifest("petsID", "{name: one}"))
    options = ("--prune", "--prune-scope", "app", "--max-deletes", "9", "--target", "pet-[dn]*", "--target", "petsID")
    applied = service.run("apply", "m.yaml", "--yes", "--format", "json", *options)
    assert applied.exit_code == 0, applied
    (backup,) = applied.document()["backups"]
    service.calls()
    result = service.run("undo", "latest", "--yes", "--format", "json")
    assert (result.exit_code, service.writes(), name_of(service)) == (3, [], "one")
    (refusal,) = result.document()["refused"]
    assert (refusal["rule"], refusal["address"]) == ("deleted", None)
    assert all(text in refusal["message"] for text in (backup, "demo/pets/pet-draft", "demo/pets/pet-names"))
    run = applied.document()["run"]
    text = undo(service)
    assert text.exit_code == 3
    wording(text.stdout.replace(run, "RUN"), text.stderr)


def test_a_purge_is_listed_and_can_not_be_undone(service: Service) -> None:
    assert service.run("purge", "demo/pets", "--confirm", "demo/pets").exit_code == 0
    (run,) = listed(service)
    assert (run["summary"], run["status"]) == ({"update": 0, "delete": 6}, "done")
    assert undo(service).exit_code == 3


# --- damage ------------------------------------------------------------------------------------------------------


def garbage(service: Service, run: str) -> None:
    journal(service, run).write_bytes(b'{"event": "begin"}\n\xff\xfe\n[]\n')


def no_journal(service: Service, run: str) -> None:
    journal(service, run).unlink()


def no_plan(service: Service, run: str) -> None:
    journal(service, run, PLAN).unlink()


def neither_plan_nor_summary(service: Service, run: str) -> None:
    garbage(service, run)
    journal(service, run, PLAN).write_text("[" * 100_000, encoding="ascii")


def a_folder_for_a_journal(service: Service, run: str) -> None:
    journal(service, run).unlink()
    journal(service, run).mkdir()


def odd_types(service: Service, run: str) -> None:
    lines = [json.dumps({"event": "begin", "at": 1, "actor": [], "summary": [], "commit": {}, "undo_of": 7}), "{}"]
    journal(service, run).write_text("\n".join(lines) + "\n", encoding="ascii")


@pytest.mark.parametrize(
    "damage", [garbage, no_journal, no_plan, neither_plan_nor_summary, a_folder_for_a_journal, odd_types]
)
def test_a_damaged_run_is_listed_in_its_place_and_latest_does_not_skip_it(service: Service, damage: Any) -> None:
    rename(service, "one")
    rename(service, "two")
    rename(service, "three")
    newest, middle, oldest = (run["id"] for run in listed(service))
    damage(service, middle)
    runs = listed(service)
    assert [run["id"] for run in runs] == [newest, middle, oldest]
    assert (runs[1]["problem"] is None) is (damage is no_plan)
    assert runs[1]["status"] == ("done" if damage is no_plan else "interrupted")
    assert undo(service).exit_code == 0
    result = undo(service)
    assert (result.exit_code, name_of(service)) == (1, "two")
    assert (middle in result.stderr, "There is no run" in result.stderr) == (True, False)
    table = service.run("runs")
    assert (table.exit_code, table.stdout.count(middle)) == (0, 1)


def test_a_journal_of_an_earlier_release_is_completed_from_its_plan(service: Service) -> None:
    rename(service, "one")
    (run,) = listed(service)
    lines = journal(service, run["id"]).read_text(encoding="ascii").splitlines()
    begin = {name: value for name, value in json.loads(lines[0]).items() if name in ("event", "at", "after", "pid")}
    journal(service, run["id"]).write_text("\n".join([json.dumps(begin), *lines[1:], ""]), encoding="ascii")
    assert listed(service) == [{**run, "actor": None, "run_url": None}]


@pytest.mark.parametrize(
    ("last", "status"),
    [
        ({"event": "end", "exit_code": 4, "backups": []}, "incomplete"),
        ({"event": "end", "exit_code": 130, "backups": []}, "interrupted"),
        ({"event": "begin", "at": "2026-11-23T14:00:00Z"}, "interrupted"),
        ({"event": "end", "backups": []}, "incomplete"),
    ],
    ids=["incomplete", "interrupted", "resumed and cut off", "an end without an exit code"],
)
def test_the_status_is_that_of_the_last_attempt(service: Service, last: dict[str, Any], status: str) -> None:
    rename(service, "one")
    (run,) = listed(service)
    with journal(service, run["id"]).open("a", encoding="ascii") as file:
        file.write(json.dumps(last) + "\n")
    assert listed(service) == [{**run, "status": status}]


def test_of_an_incomplete_undo_the_run_is_still_to_be_undone(service: Service) -> None:
    rename(service, "one")
    undo(service)
    undoing, run = listed(service)
    with journal(service, undoing["id"]).open("a", encoding="ascii") as file:
        file.write('{"event": "end", "exit_code": 4, "backups": []}\n')
    assert listed(service)[1] == {**run, "undone_by": None}


# --- runs at the same time ---------------------------------------------------------------------------------------


def test_a_run_under_way_is_running_and_not_interrupted(service: Service, cli_process: RunCli) -> None:
    service.emulator.switches = Switches(latency_ms=200)
    service.write("m.yaml", manifest("petsID", "{name: one}"))
    beside = Service(service.emulator, cli_process, service.folder)
    started = threading.Thread(target=beside.run, args=("apply", "m.yaml", "--yes"))
    seen = set()
    started.start()
    while started.is_alive():
        seen |= {entry.status.value for entry in list_runs(service.folder / ".reconciler" / "runs")}
    started.join()
    assert seen >= {"running"}
    assert [run["status"] for run in listed(service)] == ["done"]


def test_the_table(service: Service, wording: Wording) -> None:
    Repository(service.folder).commit({"m.yaml": manifest("petsID", "{name: one}"), ".gitignore": "/.reconciler\n"})
    environ = {**GITHUB, "GITHUB_ACTOR": "octo\x1b[31mcat <octocat@example.com>"}
    assert service.run("apply", "m.yaml", "--yes", "--ci", "none", env=environ).exit_code == 0
    undo(service)
    newest, oldest = listed(service)
    result = service.run("runs")
    shown = result.stdout
    for run, name in ((newest, "20260101T000000000001Z"), (oldest, "20260101T000000000000Z")):
        shown = shown.replace(run["id"], name)
        shown = shown.replace(run["started_at"][:16].replace("T", " "), "2026-01-01 00:00")
    shown = shown.replace(oldest["commit"][:10], "0123456789").replace(newest["actor"], "somebody")
    assert (result.exit_code, result.stderr) == (0, "")
    wording(shown)


@pytest.mark.parametrize("unrelated", ["metadata", "train_info"])
def test_a_field_without_a_json_form_that_no_plan_is_about_hinders_neither_verification_nor_undo(
    unrelated: str, cli: RunCli, tmp_path: Path
) -> None:
    number = {"k": float("nan")}
    version = {
        "id": "b" * 32,
        "description": "live",
        unrelated: number if unrelated == "metadata" else {"params": number},
    }
    seed = seeded({"id": "petsID", "model_type_id": "embedding-classifier", "versions": [version]})
    with Emulator(seed=seed) as emulator:
        service = Service(emulator, cli, tmp_path)
        service.write("m.yaml", manifest("petsID", "{versions: [{select: latest, description: stated}]}"))
        codes = [
            service.run(*arguments).exit_code
            for arguments in (("apply", "m.yaml", "--yes"), ("drift", "m.yaml"), ("undo", "latest", "--yes"))
        ]
        assert (codes, service.run("drift", "m.yaml").exit_code) == ([0, 0, 0], 2)


def test_an_undo_and_its_resumption_show_no_secret_that_they_send_along(cli: RunCli, tmp_path: Path) -> None:
    """A list goes back only with an overwrite of the whole metadata, in which a secret is in sync."""
    secret = "planted-0123456789"
    model = {"id": "petsID", "model_type_id": "embedding-classifier", "metadata": {"hook": secret, "list": [3]}}
    refused = Fault(rpc="PatchModels", kind="21203", nth=2)
    with Emulator(seed=seeded(model), switches=Switches(faults=(refused,))) as emulator:
        service = Service(emulator, cli, tmp_path)
        spec = '{action: overwrite, metadata: {hook: "${env:HOOK}", list: [1, 2]}}'
        service.write("m.yaml", manifest("petsID", spec))
        assert service.run("apply", "m.yaml", "--yes", env={"HOOK": secret}).exit_code == 0
        told = [service.run("undo", "latest", "--yes", "--format", "json")]
        told.append(service.run("apply", "--resume", "latest", "--format", "json"))
        assert [each.exit_code for each in told] == [4, 0]
        assert service.model()["metadata"] == {"hook": secret, "list": [3]}
    texts = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    assert len(texts) > 2
    assert not [text for text in (*texts, *map(str, told)) if secret in text]
