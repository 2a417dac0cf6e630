"""Many applies in one process: no more open files at the end than near the beginning, and no growing memory."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

from reconciler.emulator.server import Emulator
from tests.emulator.client import connected

from .fleet import IS_LONG, USER, Fleet, Run

FLEET = Fleet(size=3, prunes=False)
APPLIES = 200 if IS_LONG else 30
WARM = 15
PER_APPLY = 20_000
"""Bytes of Python's memory that an apply may leave behind on average; one that keeps its plan leaves far more."""


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_many_applies_leave_nothing_behind(tmp_path: Path) -> None:
    with Emulator(seed=FLEET.seed, user_id=USER) as emulator, connected(emulator) as client:
        run = Run(fleet=FLEET, emulator=emulator, place=tmp_path)
        files = memory = 0
        for number in range(APPLIES):
            client.json("PatchModels", models=[{"id": "m000", "description": f"drift {number}"}], action="merge")
            assert run.apply().exit_code == 0
            emulator.clear_calls()
            if number == WARM:
                gc.collect()
                tracemalloc.start()
                files, memory = open_files(), tracemalloc.get_traced_memory()[0]
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - memory
        tracemalloc.stop()
        assert open_files() <= files + 2
        assert grown < PER_APPLY * (APPLIES - WARM), f"{grown} bytes in {APPLIES - WARM} applies"
        assert len(run.runs()) == APPLIES
