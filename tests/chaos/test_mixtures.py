"""A service on a bad day: faults at random, on every call, through a whole run. Sixty models end right in one run."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
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


@pytest.mark.parametrize("seed", range(20 if IS_LONG else 1))
@pytest.mark.parametrize("name", MIXTURES)
def test_sixty_models_end_right_in_one_run(name: str, seed: int, wanted: Snapshot, tmp_path: Path) -> None:
    faults = tuple(
        Fault(kind=kind, probability=share, seed=seed * 10 + number)  # type: ignore[arg-type]
        for number, (kind, share) in enumerate(MIXTURES[name].items())
    )
    with Emulator(seed=FLEET.seed, user_id=USER, switches=Switches(faults=faults)) as emulator:
        outcome = Run(fleet=FLEET, emulator=emulator, place=tmp_path).apply()
        assert outcome.exit_code == 0, outcome
        assert same(snapshot(emulator), wanted)
