"""Random histories: runs with faults, people who write in between, undo. Managed fields end as wanted, others untouched."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import FAULT_KINDS, Fault, Switches
from tests.emulator.client import connected
from tests.scenario_service import snapshot

from .fleet import IS_LONG, USER, Fleet, Run

FLEET = Fleet(size=5, prunes=False, batch=3)
MODELS = [f"m{number:03}" for number in range(FLEET.size)]
WRITES = ("PatchModels", "PatchModelVersions", "PatchModelLanguages")


class History(RuleBasedStateMachine):
    """One service, one state folder; `theirs` is what people wrote to keys that no manifest states."""

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        self.emulator = Emulator(seed=FLEET.seed, user_id=USER)
        self.emulator.start()
        self.run = Run(fleet=FLEET, emulator=self.emulator, place=self.place, timeout=0.3)
        self.theirs: dict[str, int] = {}

    def teardown(self) -> None:
        self.emulator.stop()
        shutil.rmtree(self.place)

    @rule(
        kinds=st.lists(st.sampled_from([kind for kind in FAULT_KINDS if kind != "HANG"]), max_size=3),
        rpc=st.sampled_from(("*", *WRITES)),
        share=st.sampled_from((0.1, 0.3, 0.6)),
        seed=st.integers(0, 1000),
    )
    def apply(self, kinds: list[Any], rpc: str, share: float, seed: int) -> None:
        faults = tuple(Fault(kind=kind, rpc=rpc, probability=share, seed=seed) for kind in kinds)
        self.emulator.switches = Switches(faults=faults)
        outcome = self.run.apply()
        self.emulator.switches = Switches()
        assert outcome.exit_code in ((0, 1, 4) if kinds else (0,)), outcome
        if outcome.report is not None and outcome.report.plan.changes:
            assert len(outcome.report.outcome.results) == len(outcome.report.plan.requests)
        if outcome.exit_code == 0:
            self.is_as_wanted()

    @rule(model=st.sampled_from(MODELS), value=st.integers(0, 9))
    def somebody_writes_an_unmanaged_key(self, model: str, value: int) -> None:
        self.theirs[model] = value
        self._patch({"id": model, "metadata": {"theirs": value}})

    @rule(model=st.sampled_from(MODELS), value=st.sampled_from(("a", "b")))
    def somebody_writes_a_managed_field(self, model: str, value: str) -> None:
        self._patch({"id": model, "description": value, "metadata": {"deep": {"level": value}}})

    @rule(last=st.integers(1, 3))
    def undo(self, last: int) -> None:
        runs = self.run.runs()
        if runs:
            assert self.run.undo(runs[-min(last, len(runs))]).exit_code == 0

    @rule()
    def resume(self) -> None:
        runs = self.run.runs()
        if runs:
            # Where somebody wrote in between, the plan is stale: refused, and nothing is written.
            assert self.run.resume(runs[-1]).exit_code in (0, 3)

    @invariant()
    def what_nobody_manages_is_theirs(self) -> None:
        for model in MODELS:
            metadata = snapshot(self.emulator)[f"demo/pets/{model}"]["metadata"]
            assert metadata.get("theirs") == self.theirs.get(model)
            assert metadata["kept"] == f"unmanaged {int(model[1:])}"
            assert metadata["deep"]["kept"] == int(model[1:])

    def is_as_wanted(self) -> None:
        assert self.run.apply().report.plan.changes == ()  # type: ignore[union-attr]

    def _patch(self, patch: dict[str, Any]) -> None:
        with connected(self.emulator) as client:
            client.json("PatchModels", models=[patch], action="merge")


def test_histories_end_right() -> None:
    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=100 if IS_LONG else 4,
            stateful_step_count=20 if IS_LONG else 8,
            deadline=None,
            derandomize=not IS_LONG,
            phases=[Phase.generate],  # shrinking may take minutes; the failing history is printed
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
