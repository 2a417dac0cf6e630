"""kill -9 at the boundaries of requests: the next run, or the same one resumed, ends right. And signals that ask first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from tests.scenario_service import Snapshot, same, snapshot, writing_calls

from .fleet import IS_LONG, OWNER, USER, Fleet, Run

ROOT = Path(__file__).resolve().parents[2]
FLEET = Fleet(size=20, batch=4)
PLANNED = 5 * 2 + 2
"""Fewer requests than the fleet's plan has; the test of every boundary goes on until the run is no longer killed."""


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return FLEET.after(tmp_path_factory.mktemp("wanted"))


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    FLEET.write(tmp_path)
    (tmp_path / "reconciler.yaml").write_text(
        f"apiVersion: reconciler/v1\nkind: Config\nowner: {OWNER}\nprune: {{max_count: 10, max_percent: 100}}\n"
        "limits: {batch: 4, rate: 1000}\n",
        encoding="utf-8",
    )
    with Emulator(seed=FLEET.seed, user_id=USER) as running:
        yield running


def started(
    emulator: Emulator, place: Path, *arguments: str, killed: tuple[str, int] | None = None
) -> subprocess.Popen[str]:
    program = ["-m", "reconciler"] if killed is None else ["-m", "tests.chaos.killing", killed[0], str(killed[1])]
    environ = {**os.environ, "CLARIFAI_PAT": "test", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, *program, "apply", *arguments, "--endpoint", emulator.url, "--format", "json"],
        cwd=place,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


WHOLE = ("fleet.yaml", "--yes", "--prune")


def boundaries() -> list[tuple[str, int]]:
    numbers = range(1, 60) if IS_LONG else (1, 2, 3, 7, 20)
    moments = ("before", "after")
    if IS_LONG:
        return [(moment, number) for number in numbers for moment in moments]
    return [(moments[at % 2], number) for at, number in enumerate(numbers)]


@pytest.mark.parametrize(("moment", "nth"), boundaries())
def test_a_killed_run_is_finished_by_the_next(
    moment: str, nth: int, emulator: Emulator, wanted: Snapshot, tmp_path: Path
) -> None:
    process = started(emulator, tmp_path, *WHOLE, killed=(moment, nth))
    _, stderr = process.communicate(timeout=60)
    if process.returncode == 0:
        assert nth > PLANNED
        assert same(snapshot(emulator), wanted)
        return
    assert process.returncode == -signal.SIGKILL, stderr
    run = Run(fleet=FLEET, emulator=emulator, place=tmp_path)
    (killed,) = run.runs()
    lines = (tmp_path / ".reconciler" / "runs" / killed / "journal.jsonl").read_text(encoding="ascii").splitlines()
    sent = [json.loads(line) for line in lines if '"sending"' in line]
    # Whatever reached the service was in the journal before: never the other way round.
    assert len(sent) >= len(writing_calls(emulator.calls))
    outcome = run.resume(killed) if nth % 2 else run.apply()
    assert outcome.exit_code == 0, outcome
    assert same(snapshot(emulator), wanted)
    assert run.apply().report.plan.changes == ()  # type: ignore[union-attr]


def wait_for(emulator: Emulator, *rpcs: str) -> None:
    for _ in range(400):
        if any(call.rpc in rpcs for call in emulator.calls):
            return
        time.sleep(0.02)
    raise AssertionError("nothing was written")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_what_is_under_way_end(
    number: signal.Signals, emulator: Emulator, wanted: Snapshot, tmp_path: Path
) -> None:
    emulator.switches = Switches(latency_ms=150)
    process = started(emulator, tmp_path, *WHOLE, "--parallelism", "2")
    wait_for(emulator, "PatchModels")
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    document = json.loads(stdout)
    states = [request["status"] for request in document["requests"]]
    assert len(states) == len(document["requests"]) > states.count("done") > 0
    assert "not_reached" in states
    assert "failed" not in states
    emulator.switches = Switches()
    run = Run(fleet=FLEET, emulator=emulator, place=tmp_path)
    assert run.resume(document["run"]).exit_code == 0
    assert same(snapshot(emulator), wanted)


def test_a_second_signal_ends_at_once(emulator: Emulator, wanted: Snapshot, tmp_path: Path) -> None:
    emulator.switches = Switches(faults=(Fault(kind="HANG", rpc="PatchModelVersions"),))
    process = started(emulator, tmp_path, *WHOLE)
    wait_for(emulator, "PatchModelVersions")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "interrupted: waiting for the calls in progress" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=10)
    assert process.returncode == 130, stderr
    emulator.switches = Switches()
    run = Run(fleet=FLEET, emulator=emulator, place=tmp_path)
    assert run.apply().exit_code == 0
    assert same(snapshot(emulator), wanted)
