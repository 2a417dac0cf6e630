"""A service on a bad day: faults at random, on every call, through a whole run. Sixty models end right in one run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from reconciler.remote.caller import Timing
from tests.scenario_service import Snapshot, same, snapshot

from .fleet import IS_LONG, USER, Fleet, Run

FLEET = Fleet(size=60, batch=32)

MIXTURES: dict[str, dict[str, float]] = {
    "a fifth unavailable": {"UNAVAILABLE": 0.2},
    "a seventh of the answers lost": {"LOST_REPLY": 0.15},
    "a fifth throttled": {"11005": 0.2},
    "a tenth internal errors": {"99009": 0.1},
    "all of it": {"UNAVAILABLE": 0.2, "LOST_REPLY": 0.15, "11005": 0.2, "99009": 0.1},
}


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return FLEET.after(tmp_path_factory.mktemp("wanted"))


def mixed(shares: Mapping[str, float], seed: int) -> Switches:
    faults = (
        Fault(kind=kind, probability=share, seed=seed * 10 + number)  # type: ignore[arg-type]
        for number, (kind, share) in enumerate(shares.items())
    )
    return Switches(faults=tuple(faults))


@pytest.mark.parametrize("seed", range(20 if IS_LONG else 1))
@pytest.mark.parametrize("name", MIXTURES)
def test_sixty_models_end_right_in_one_run(name: str, seed: int, wanted: Snapshot, tmp_path: Path) -> None:
    with Emulator(seed=FLEET.seed, user_id=USER, switches=mixed(MIXTURES[name], seed)) as emulator:
        outcome = Run(fleet=FLEET, emulator=emulator, place=tmp_path).apply()
        assert outcome.exit_code == 0, outcome
        assert same(snapshot(emulator), wanted)


REAL: dict[str, tuple[dict[str, float], float]] = {
    "a fifth throttled": ({"11005": 0.2}, 45),
    "a fourteenth each": ({"UNAVAILABLE": 0.07, "LOST_REPLY": 0.07, "11005": 0.07}, 60),
}


@pytest.mark.skipif(not IS_LONG, reason="takes minutes, because it waits as a real run does: make chaos")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", REAL)
def test_no_fault_starves_a_run_at_the_default_rate(name: str, seed: int, wanted: Snapshot, tmp_path: Path) -> None:
    """About 125 calls at 15 a second. A pace that takes every throttled response for an overload needs many minutes.

    The bounds, in seconds, are about starving, not about speed: a run takes 15 to 25 s.
    """
    shares, seconds = REAL[name]
    with Emulator(seed=FLEET.seed, user_id=USER, switches=mixed(shares, seed)) as emulator:
        began = time.monotonic()
        outcome = Run(fleet=FLEET, emulator=emulator, place=tmp_path, timing=Timing(), parallelism=8).apply()
        took = time.monotonic() - began
        assert outcome.exit_code == 0, outcome
        assert same(snapshot(emulator), wanted)
    assert took < seconds
