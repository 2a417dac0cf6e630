"""A fleet of models, what its manifests want of it, and runs against it: the same for every test of faults.

`Fleet(size)` has every kind of change: texts, numbers in params, tags (merged, overwritten, emptied), lists in a Struct that
carry unmanaged keys along, an image to take away, models and versions to prune. Nothing waits: the connection's and the
run's pauses take no time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from reconciler.apply.results import OnError, StepResult
from reconciler.config import Settings
from reconciler.config.endpoint import parse_endpoint
from reconciler.config.settings import Limits, PruneLimits
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from reconciler.errors import ReconcilerError
from reconciler.manifests.selection import Inputs
from reconciler.remote.caller import Timing
from reconciler.remote.clarifai import ClarifaiRemote
from reconciler.remote.port import Remote
from reconciler.report.report import Report
from reconciler.session import Session
from reconciler.state.signals import Stop
from tests.scenario_service import Snapshot, snapshot

USER, APP, OWNER = "demo", "pets", "vision"
IS_LONG = bool(os.environ.get("RECONCILER_CHAOS"))
"""Whether the long versions run: `make chaos` sets it."""


class HastyStop(Stop):
    """Never waits."""

    def wait(self, seconds: float) -> None:
        pass


def version_id(number: int, age: int) -> str:
    return f"{number:016x}{age:016x}"


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """`size` models that stay, and where `prunes` says so two that go and two versions that go."""

    size: int
    prunes: bool = True
    batch: int = 8

    @cached_property
    def seed(self) -> Mapping[str, Any]:
        gone = range(self.size, self.size + 2) if self.prunes else ()
        models = [self._live(number) for number in (*range(self.size), *gone)]
        return {"apps": [{"user_id": USER, "app_id": APP, "models": models}]}

    def _live(self, number: int) -> dict[str, Any]:
        is_first = number == 0
        return {
            "id": f"m{number:03}",
            "model_type_id": "embedding-classifier",
            "description": "before",
            "toolkits": ["OpenAI"],
            "languages": ["en"],
            **({"image": {"url": "https://example.com/a.jpg"}} if number % 4 == 1 else {}),
            "metadata": {
                "reconciler": {"owner": OWNER, "protect": False},
                "kept": f"unmanaged {number}",
                "rooms": [1, 2],
                "deep": {"kept": number, "level": 1},
            },
            "versions": [
                {
                    "id": version_id(number, age),
                    "created_at": f"2024-01-{10 - age:02}T00:00:00Z",
                    "output_info": {"params": {"max_concepts": 20, "kept": "unmanaged"}},
                }
                for age in range(3 if is_first else 1)
            ],
        }

    def manifest(self, number: int) -> dict[str, Any]:
        spec: dict[str, Any] = {"metadata": {"deep": {"level": 2}}, "versions": [self._version()]}
        if number % 2 == 0:
            spec["description"] = f"after {number}"
        if number % 4 == 1:
            spec["remove"] = {"image": True}
        if number % 4 == 2:
            spec["metadata"]["rooms"] = [3]
            spec["action"] = "merge"
        if number % 4 == 3:
            spec["remove"] = {"languages": ["en"]}
            spec["toolkits"] = ["HuggingFace"]
        if number == 0 and self.prunes:
            spec["retain_versions"] = 1
        metadata = {"id": f"m{number:03}", "user_id": USER, "app_id": APP}
        return {"apiVersion": "reconciler/v1", "kind": "Model", "metadata": metadata, "spec": spec}

    def _version(self) -> dict[str, Any]:
        return {"select": "latest", "output_info": {"params": {"max_concepts": 10}}}

    def write(self, place: Path) -> None:
        manifests = [self.manifest(number) for number in range(self.size)]
        (place / "fleet.yaml").write_text(yaml.safe_dump_all(manifests), encoding="utf-8")

    @cached_property
    def before(self) -> Snapshot:
        with Emulator(seed=self.seed, user_id=USER) as emulator:
            return snapshot(emulator)

    def after(self, place: Path) -> Snapshot:
        """What the fleet looks like after one run without faults."""
        with Emulator(seed=self.seed, user_id=USER) as emulator:
            outcome = Run(fleet=self, emulator=emulator, place=place).apply()
            assert outcome.exit_code == 0, outcome
            return snapshot(emulator)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended: by a report, or by an error before anything was written."""

    report: Report | None = None
    error: ReconcilerError | None = None

    @property
    def exit_code(self) -> int:
        if self.report is not None:
            return self.report.exit_code
        assert self.error is not None
        return self.error.exit_code


@dataclass(frozen=True, kw_only=True)
class Run:
    """Runs of the tool in this process against a fleet's service.

    `wrap` may stand between the tool and the connection. No wait takes any time, unless `timing` is given.
    """

    fleet: Fleet
    emulator: Emulator
    place: Path
    timeout: float = 5
    parallelism: int = 4
    timing: Timing | None = None
    on_error: OnError = "continue"
    wrap: Callable[[Remote], Remote] = field(default=lambda remote: remote)
    on_result: Callable[[StepResult], None] = field(default=lambda result: None)

    def apply(self) -> Outcome:
        if not (self.place / "fleet.yaml").exists():
            self.fleet.write(self.place)
        inputs = Inputs(paths=(str(self.place / "fleet.yaml"),), prune=self.fleet.prunes)
        return self.ending(lambda session: session.apply(inputs, confirm=None))

    def resume(self, run: str) -> Outcome:
        return self.ending(lambda session: session.resume(run))

    def undo(self, run: str) -> Outcome:
        return self.ending(lambda session: session.undo(run, confirm=None))

    def ending(self, act: Callable[[Session], Report | None]) -> Outcome:
        with self.remote() as remote:
            try:
                return Outcome(report=act(self.session(self.wrap(remote))))
            except ReconcilerError as error:
                return Outcome(error=error)

    def remote(self) -> ClarifaiRemote:
        timing = self.timing or Timing(rate=100_000, timeout=self.timeout, sleep=lambda seconds: None)
        return ClarifaiRemote(parse_endpoint(self.emulator.url), timing=timing)

    def session(self, remote: Remote) -> Session:
        settings = Settings(
            endpoint=parse_endpoint(self.emulator.url),
            owner=OWNER,
            limits=Limits(rate=100_000, parallelism=self.parallelism, batch=self.fleet.batch, timeout=self.timeout),
            prune=PruneLimits(max_count=10, max_percent=100),
        )
        return Session(
            settings=settings,
            environ={},
            remote=remote,
            state=self.place / ".reconciler",
            stop=HastyStop(),
            on_error=self.on_error,
            on_result=self.on_result,
        )

    def runs(self) -> list[str]:
        """The ids of the runs so far, oldest first."""
        with suppress(FileNotFoundError):
            return sorted(path.name for path in (self.place / ".reconciler" / "runs").iterdir())
        return []

    def with_switches(self, **switches: Any) -> Run:
        """The same, with the emulator's switches set from now on."""
        self.emulator.switches = Switches(**switches)
        return replace(self)
