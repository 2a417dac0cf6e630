"""Each call of a run goes wrong in each way, first, in the middle and last: the run ends right, or says that it didn't.

What must hold whatever happens: one result per request, every object as before or as wanted, and a next run without faults
ends right.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from reconciler import exit_codes
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import FAULT_KINDS, Fault, Switches
from tests.scenario_service import Snapshot, same, snapshot

from .fleet import IS_LONG, USER, Fleet, Run

FLEET = Fleet(size=8, batch=4)
CALLS = {
    "ListModels": 2,
    "GetModel": 1,
    "ListModelVersions": 1,
    "ListModelTypes": 1,
    "ListWorkflows": 2,
    "PatchModels": 4,
    "PatchModelVersions": 8,
    "PatchModelLanguages": 2,
    "DeleteModelVersion": 2,
    "DeleteModels": 1,
}
"""How often a run without faults makes each call, at least: the places of "middle" and "last"."""

PASSING = ("UNAVAILABLE", "DEADLINE", "11005", "11003", "99009", "10020", "98009", "LOST_REPLY")


def places(count: int) -> list[int]:
    return sorted({1, (count + 1) // 2, count})


def cases() -> list[tuple[str, str, int]]:
    everything = [
        (rpc, kind, nth)
        for (rpc, count), kind in itertools.product(CALLS.items(), FAULT_KINDS)
        for nth in places(count)
    ]
    # 13 kinds and 10 calls: a step that shares no divisor with them meets every call and every kind.
    return everything if IS_LONG else everything[::11]


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return FLEET.after(tmp_path_factory.mktemp("wanted"))


def check(run: Run, fault: Fault, wanted: Snapshot) -> int:
    """Run once with the fault and once without; gives the exit code of the first."""
    run.emulator.switches = Switches(faults=(fault,))
    outcome = run.apply()
    now = snapshot(run.emulator)
    for address, was in FLEET.before.items():
        here = now.get(address)
        for name, value in ({} if here is None else here).items():
            assert any(same(value, side.get(address, {}).get(name)) for side in (FLEET.before, wanted)), (address, name)
        if here is None:
            assert address not in wanted, f"{address} was deleted, and nobody wanted that"
        assert was
    if outcome.report is None:
        assert same(now, FLEET.before), "an error before writing, and something was written"
    else:
        assert len(outcome.report.outcome.results) == len(outcome.report.plan.requests)
        assert outcome.exit_code in (exit_codes.OK, exit_codes.INCOMPLETE)
        assert (outcome.exit_code == exit_codes.OK) == same(now, wanted)
        for result in outcome.report.outcome.results:
            assert (result.status.value == "failed") == bool(result.failures)
    run.emulator.switches = Switches()
    again = run.apply()
    assert again.exit_code == exit_codes.OK, again
    assert same(snapshot(run.emulator), wanted)
    return outcome.exit_code


@pytest.mark.parametrize(("rpc", "kind", "nth"), cases())
def test_one_fault_ends_right_or_is_reported(rpc: str, kind: str, nth: int, wanted: Snapshot, tmp_path: Path) -> None:
    with Emulator(seed=FLEET.seed, user_id=USER) as emulator:
        run = Run(fleet=FLEET, emulator=emulator, place=tmp_path, timeout=0.5 if kind == "HANG" else 5)
        exit_code = check(run, Fault(rpc=rpc, kind=kind, nth=nth), wanted)  # type: ignore[arg-type]
    if kind in PASSING or kind == "HANG":
        assert exit_code == exit_codes.OK, "one passing fault is not the end of a run"


@pytest.mark.parametrize("rpc", ["PatchModels", "PatchModelVersions", "DeleteModels"])
@pytest.mark.parametrize("kind", ["LOST_REPLY", "UNAVAILABLE"])
def test_a_call_that_never_answers_is_reported(rpc: str, kind: str, wanted: Snapshot, tmp_path: Path) -> None:
    with Emulator(seed=FLEET.seed, user_id=USER) as emulator:
        # One call at a time: of calls under way together, how many are begun before the run gives up is chance.
        run = Run(fleet=FLEET, emulator=emulator, place=tmp_path, parallelism=1)
        exit_code = check(run, Fault(rpc=rpc, kind=kind), wanted)  # type: ignore[arg-type]
    # What was carried out though no answer came is found by reading; but where no answer ever comes, not all was begun.
    assert exit_code == (exit_codes.OK if (rpc, kind) == ("DeleteModels", "LOST_REPLY") else exit_codes.INCOMPLETE)
