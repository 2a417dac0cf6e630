"""What becomes of single requests: refused objects, silence, others who write at the same time, and taking it all back."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from reconciler.errors import FaultClass, RemoteError
from reconciler.remote.port import Remote, Reply
from reconciler.resources.request import Request
from tests.emulator.client import connected
from tests.scenario_service import Snapshot, same, snapshot, writing_calls

from .fleet import USER, Fleet, Run

FLEET = Fleet(size=8, prunes=False, batch=8)
PRUNING = Fleet(size=4, batch=8)


@contextmanager
def running(place: Path, fleet: Fleet = FLEET, **switches: Any) -> Iterator[Run]:
    with Emulator(seed=fleet.seed, user_id=USER, switches=Switches(**switches)) as emulator:
        yield Run(fleet=fleet, emulator=emulator, place=place)


def facts(snapshot: Snapshot, model: str) -> Any:
    return snapshot[f"demo/pets/{model}"]


# --- refused objects --------------------------------------------------------------------------------------------


def test_refused_models_of_a_batch_are_named_and_the_others_go_through(tmp_path: Path) -> None:
    refusals = tuple(Fault(rpc="PatchModels", names=name, kind="21202", times=99) for name in ("m001", "m005"))
    wanted = FLEET.after(tmp_path)
    with running(tmp_path, faults=refusals) as run:
        outcome = run.apply()
        now = snapshot(run.emulator)
    assert outcome.report is not None
    report = outcome.report
    assert report.exit_code == 4
    assert len(report.outcome.results) == len(report.plan.requests)
    failed = {item.key.model_id: item.error for result in report.outcome.results for item in result.failures}
    assert set(failed) == {"m001", "m005"}
    assert all("21202 MODEL_INVALID_ARGUMENT" in error for error in failed.values())
    others = [address for address in wanted if "m001" not in address and "m005" not in address]
    assert [address for address in others if not same(now[address], wanted[address])] == []
    # Versions of the refused models have requests of their own, which nothing refused.
    assert all(same(now[address], wanted[address]) for address in wanted if "@" in address)


def test_a_service_that_takes_one_at_a_time_gets_one_at_a_time(tmp_path: Path) -> None:
    wanted = FLEET.after(tmp_path)
    with running(tmp_path, max_batch=1) as run:
        assert run.apply().exit_code == 0
        assert same(snapshot(run.emulator), wanted)


def test_a_refused_token_is_not_tried_on_every_model(tmp_path: Path) -> None:
    with running(tmp_path, faults=(Fault(rpc="PatchModels", kind="11008", times=99),)) as run:
        outcome = run.apply()
        calls = [call for call in writing_calls(run.emulator.calls) if call.rpc == "PatchModels"]
    assert outcome.exit_code == 4
    assert outcome.report is not None
    assert len(calls) == sum(request.rpc == "PatchModels" for request in outcome.report.plan.requests)


def test_abort_starts_nothing_after_a_failure(tmp_path: Path) -> None:
    with running(tmp_path, faults=(Fault(rpc="PatchModels", names="m000", kind="21202", times=99),)) as run:
        outcome = replace(run, on_error="abort", parallelism=1).apply()
    assert outcome.report is not None
    states = [result.status.value for result in outcome.report.outcome.results]
    assert (outcome.exit_code, states[0], set(states[1:])) == (4, "failed", {"not_reached"})


def test_deletions_do_not_follow_a_failed_update(tmp_path: Path) -> None:
    with running(tmp_path, PRUNING, faults=(Fault(rpc="PatchModels", names="m000", kind="21202", times=99),)) as run:
        outcome = run.apply()
        rpcs = {call.rpc for call in run.emulator.calls}
    assert (outcome.exit_code, rpcs & {"DeleteModels", "DeleteModelVersion"}) == (4, set())


# --- silence ----------------------------------------------------------------------------------------------------


def test_a_service_that_hangs_on_reads_is_asked_twice_and_nothing_is_written(tmp_path: Path) -> None:
    with running(tmp_path, faults=(Fault(kind="HANG"),)) as run:
        outcome = replace(run, timeout=0.4, parallelism=1).apply()
        calls = run.emulator.calls
    # One call and its second try: no other waits for a timeout of its own.
    assert (outcome.exit_code, len(calls), writing_calls(calls)) == (1, 2, [])


def test_a_service_that_hangs_is_asked_no_longer_where_calls_are_made_beside_each_other(tmp_path: Path) -> None:
    with running(tmp_path, faults=(Fault(kind="HANG"),)) as run:
        outcome = replace(run, timeout=0.4).apply()
        calls = Counter(call.rpc for call in run.emulator.calls)
    # The listing ends the run, and the model types wait beside it, not after it.
    assert (outcome.exit_code, set(calls)) == (1, {"ListModels", "ListModelTypes"})
    assert max(calls.values()) <= 2


def test_a_service_that_begins_to_hang_on_writes_is_sent_no_more(tmp_path: Path) -> None:
    fleet = Fleet(size=30, prunes=False)
    with running(tmp_path, fleet, faults=(Fault(rpc="PatchModelVersions", kind="HANG", times=999),)) as run:
        outcome = replace(run, timeout=0.4).apply()
        calls = writing_calls(run.emulator.calls)
    assert outcome.report is not None
    # Only those under way when the silence began were tried twice; most were never sent.
    assert (outcome.exit_code, len(calls) < len(outcome.report.outcome.results)) == (4, True)
    assert "not_reached" in {result.status.value for result in outcome.report.outcome.results}
    assert len(outcome.report.outcome.results) == len(outcome.report.plan.requests)


# --- others at the same time --------------------------------------------------------------------------------------


class Meddler:
    """Stands before a connection; somebody else writes to every model just before the first change is sent."""

    def __init__(self, remote: Remote, emulator: Emulator) -> None:
        self._remote = remote
        self._emulator = emulator
        self._is_done = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._remote, name)

    def send(self, request: Request, *, before_attempt: Callable[[], None] = lambda: None) -> Reply:
        if not self._is_done:
            self._is_done = True
            patches = [{"id": f"m{number:03}", "metadata": {"theirs": number}} for number in range(FLEET.size)]
            with connected(self._emulator) as client:
                client.json("PatchModels", models=patches, action="merge")
        return self._remote.send(request, before_attempt=before_attempt)


def test_an_unmanaged_key_that_somebody_writes_meanwhile_survives(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        first = replace(run, wrap=lambda remote: Meddler(remote, run.emulator), parallelism=1).apply()
        second = run.apply()
        now = snapshot(run.emulator)
    assert first.report is not None
    reported = {item.key.model_id: item.error for result in first.report.outcome.results for item in result.failures}
    # The two whose list is overwritten, which takes the keys beside it along: not sent, and reported. The others are merged.
    assert set(reported) == {"m002", "m006"}
    assert "metadata.theirs" in reported["m002"]
    assert (first.exit_code, second.exit_code) == (4, 0)
    for number in range(FLEET.size):
        metadata = facts(now, f"m{number:03}")["metadata"]
        assert (metadata["theirs"], metadata["kept"]) == (number, f"unmanaged {number}")


def test_runs_on_two_services_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with running(tmp_path) as run, running(tmp_path) as other:
        inner = []

        def wrap(remote: Remote) -> Remote:
            inner.append(run.apply())
            return remote

        assert replace(other, wrap=wrap).apply().exit_code == 0
        assert inner[0].exit_code == 0


HOLD = """
import sys, time
from pathlib import Path
from reconciler.state.locks import locked
with locked(Path(sys.argv[1]), sys.argv[2], ["pets"], run="theirs"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_respected_and_that_of_a_dead_process_is_taken(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        folder = tmp_path / ".reconciler" / "locks"
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder), run.emulator.url], stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            refused = run.apply()
            holder.kill()
        assert refused.exit_code == 1
        assert f"App pets is locked by another run: run theirs, process {holder.pid} on " in str(refused.error)
        assert writing_calls(run.emulator.calls) == []
        assert run.apply().exit_code == 0


# --- the journal ------------------------------------------------------------------------------------------------


def test_journals_and_locks_are_the_owners_alone(tmp_path: Path) -> None:
    with running(tmp_path, PRUNING) as run:
        assert run.apply().exit_code == 0
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in (tmp_path / ".reconciler").rglob("*")}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_nothing_is_sent_where_no_journal_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / ".reconciler").mkdir()
    (tmp_path / ".reconciler" / "runs").write_text("in the way", encoding="utf-8")
    with running(tmp_path) as run:
        outcome = run.apply()
        assert (outcome.exit_code, writing_calls(run.emulator.calls)) == (1, [])
    assert "RECONCILER_STATE_DIR" in str(outcome.error)


def test_a_torn_last_line_does_not_stop_a_resumed_run(tmp_path: Path) -> None:
    with running(tmp_path, faults=(Fault(rpc="PatchModels", kind="UNAVAILABLE", times=999),)) as run:
        assert run.apply().exit_code == 4
        (run_id,) = run.runs()
        journal = tmp_path / ".reconciler" / "runs" / run_id / "journal.jsonl"
        with journal.open("ab") as file:
            file.write(b'{"event": "sen')
        run.emulator.switches = Switches()
        assert run.resume(run_id).exit_code == 0
        assert all(json.loads(line) for line in journal.read_text(encoding="ascii").splitlines())


# --- undo -------------------------------------------------------------------------------------------------------


def restorable(snapshot: Snapshot) -> dict[str, Any]:
    """What a run can put back: everything but an image that was taken away, whose address the service chose, and what the
    owner mark remembers of values that can't be read back."""

    def kept(fields: Mapping[str, Any]) -> dict[str, Any]:
        metadata = dict(fields.get("metadata", {}))
        if "reconciler" in metadata:
            mark = metadata["reconciler"]
            metadata["reconciler"] = {name: value for name, value in mark.items() if name != "unreadable"}
        return {**{name: value for name, value in fields.items() if name != "image"}, "metadata": metadata}

    return {address: kept(fields) for address, fields in snapshot.items()}


def test_undo_puts_back_what_the_run_wrote(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        assert run.apply().exit_code == 0
        undone = run.undo(run.runs()[0])
        assert undone.exit_code == 0, undone
        assert same(restorable(snapshot(run.emulator)), restorable(FLEET.before))


def test_undo_leaves_what_somebody_changed_since(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        assert run.apply().exit_code == 0
        with connected(run.emulator) as client:
            client.json("PatchModels", models=[{"id": "m000", "description": "theirs"}], action="merge")
            client.json("PatchModels", models=[{"id": "m002", "metadata": {"new": "theirs"}}], action="merge")
        undone = run.undo(run.runs()[0])
        now = snapshot(run.emulator)
    assert undone.report is not None
    assert undone.exit_code == 0
    assert undone.report.plan.extra["undo"]["skipped"] == [
        {"address": "demo/pets/m000", "path": "description", "reason": "somebody has changed it since"}
    ]
    assert facts(now, "m000")["description"] == "theirs"
    assert facts(now, "m002")["metadata"] == {**facts(FLEET.before, "m002")["metadata"], "new": "theirs"}


def test_undo_of_a_deletion_names_the_backup(tmp_path: Path) -> None:
    with running(tmp_path, PRUNING) as run:
        applied = run.apply()
        assert applied.report is not None
        undone = run.undo(run.runs()[0])
    assert undone.report is not None
    (backup,) = applied.report.outcome.backups
    (refusal,) = undone.report.plan.refused
    assert (undone.exit_code, refusal.rule, backup in refusal.message) == (3, "deleted", True)


def test_undo_touches_only_what_was_sent(tmp_path: Path) -> None:
    with running(tmp_path, faults=(Fault(rpc="PatchModelVersions", kind="21202", times=999),)) as run:
        assert run.apply().exit_code == 4
        run.emulator.switches = Switches()
        undone = run.undo(run.runs()[0])
        assert undone.report is not None
        assert {request.rpc for request in undone.report.plan.requests} & {"PatchModelVersions"} == set()
        assert same(restorable(snapshot(run.emulator)), restorable(FLEET.before))


def test_an_unknown_run_is_an_error(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        for name in ("nothing", "../x", "", "a/b", ".."):
            outcome = run.undo(name)
            assert (outcome.exit_code, str(outcome.error).startswith("There is no run ")) == (1, True)


# --- reads that fail are unknown, never absent ------------------------------------------------------------------


class Forgetful:
    """A connection whose reads of one kind fail, and otherwise nothing."""

    def __init__(self, remote: Remote, method: str) -> None:
        self._remote = remote
        self._method = method

    def __getattr__(self, name: str) -> Any:
        if name != self._method:
            return getattr(self._remote, name)

        def failing(*_: Any, **__: Any) -> Any:
            raise RemoteError(rpc=name, code="INTERNAL", description="broken", fault=FaultClass.TRANSIENT)

        return failing


@pytest.mark.parametrize("method", ["list_models", "list_versions", "list_workflows"])
def test_a_failed_read_deletes_nothing_and_finds_nothing_missing(method: str, tmp_path: Path) -> None:
    with running(tmp_path, PRUNING) as run:
        outcome = replace(run, wrap=lambda remote: Forgetful(remote, method)).apply()
        assert (outcome.exit_code, writing_calls(run.emulator.calls)) == (1, [])
        assert "broken" in str(outcome.error)
