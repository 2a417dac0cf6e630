"""How near an apply of version patches comes to the time that the service's limit or latency alone makes it take.

A patch of versions is a call per model, so nothing can be batched away. The services: one with a limit that the run
knows or exceeds, one without a limit that takes its time to answer, one that throttles or fails at random, and one of which
another client takes a part. Everything is measured in real time; `pace_simulation.py` compares strategies on a clock of its own.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.fleet import fleet
from benchmarks.measure import run, service
from reconciler.config.endpoint import parse_endpoint
from reconciler.emulator.store import read_calls
from reconciler.errors import RemoteError
from reconciler.remote.caller import Timing
from reconciler.remote.clarifai import ClarifaiRemote
from reconciler.remote.retry import RetryPolicy
from reconciler.resources.keys import Key

LATENCY_MS: Final = 100
IN_FLIGHT: Final = 16
THROTTLED: Final = 11005
"""CONN_THROTTLED (Clarifai documentation, "Status Codes")."""
RIVAL: Final = 10
"""The calls per second of the other client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One service and one run. `limit` is in calls per second; `rival` the seconds during which the other client calls."""

    name: str
    models: int = 200
    limit: float = 15
    service: Sequence[str] = ()
    options: Sequence[str] = ()
    rival: float = 0.0

    def ideal(self, served: int) -> float:
        """The seconds that so many calls take at the limit, or at the share of it that the other client leaves."""
        slow = min(self.rival, served / (self.limit - RIVAL)) if self.rival else 0.0
        return slow + (served - slow * (self.limit - RIVAL)) / self.limit


def _fault(kind: str, share: float, seed: int) -> tuple[str, str]:
    return "--fault", f"kind={kind},probability={share},seed={seed}"


FORTY: Final = ("--switch", "rate_limit=40")
FIFTEEN: Final = ("--switch", "rate_limit=15")
CASES: Final = (
    Case(name="a limit of 40/s, rate 40", limit=40, service=FORTY, options=("--rate", "40")),
    Case(name="a limit of 40/s, rate 1,000", limit=40, service=FORTY, options=("--rate", "1000")),
    Case(name="a limit of 15/s, rate 40", service=FIFTEEN, options=("--rate", "40")),
    Case(
        name="answers after 100 ms, 16 in flight",
        limit=IN_FLIGHT * 1000 / LATENCY_MS,
        service=("--switch", f"latency_ms={LATENCY_MS}"),
        options=("--rate", "1000", "--parallelism", "16"),
    ),
    Case(name="20 % throttled at random, 15/s", models=120, service=_fault("11005", 0.2, 1)),
    Case(
        name="7 % each unavailable, lost and throttled, 15/s",
        models=120,
        service=(*_fault("UNAVAILABLE", 0.07, 1), *_fault("LOST_REPLY", 0.07, 2), *_fault("11005", 0.07, 3)),
    ),
    Case(name="a limit of 15/s, 10 taken for 5 s", models=60, service=FIFTEEN, rival=5),
    Case(name="a limit of 15/s, 10 taken", models=60, service=FIFTEEN, rival=600),
)


def paces(cases: Sequence[Case], runs: int) -> Iterator[dict[str, Any]]:
    """For each case the median run: its calls, throttled answers, and seconds beside the ideal ones.

    `startup` are the wall seconds of a run that finds nothing to do, at a service without limits or faults.
    """
    for case in cases:
        taken = sorted((_pace(case) for _ in range(runs)), key=lambda each: each["seconds"])
        yield {"case": case.name, **taken[len(taken) // 2]}


def _pace(case: Case) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        given = fleet(Path(name), size=case.models, changed=0)
        for path in given.manifests.iterdir():
            text = path.read_text(encoding="utf-8").replace("min_value: 0.5", "min_value: 0.7")
            path.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "reconciler", "apply", str(given.manifests), "--yes", "--quiet"]
        environ = {"CLARIFAI_PAT": "benchmark"}
        with service(given.state, options=case.service) as url, _rival(url, case.rival) as others:
            taken = run([*command, "--endpoint", url, *case.options], environ=environ, folder=given.state.parent)
        calls = read_calls(given.state)
        with service(given.state) as url:
            startup = run([*command, "--endpoint", url, *case.options], environ=environ, folder=given.state.parent)
    throttled = sum(call.status_code == THROTTLED for call in calls) - others.count(THROTTLED)
    served = len(calls) - len(others) - throttled
    return {
        "calls": served + throttled,
        "throttled": throttled,
        "seconds": round(taken.wall, 2),
        "ideal": round(case.ideal(served), 2),
        "startup": round(startup.wall, 2),
    }


@contextmanager
def _rival(url: str, seconds: float) -> Iterator[list[int | None]]:
    """Another client for so many seconds, that never retries; gives the statuses that its calls ended with."""
    statuses: list[int | None] = []
    stop = threading.Event()
    timing = Timing(rate=1000, retry=RetryPolicy(attempts=1, first_contact=1, throttled_attempts=1))
    key = Key(user_id="bench", app_id="fleet", model_id="m00000")

    def call() -> None:
        began = time.monotonic()
        while not stop.wait(max(0.0, began + len(statuses) / RIVAL - time.monotonic())):
            if time.monotonic() - began > seconds:
                return
            try:
                remote.get_model(key)
                statuses.append(None)
            except RemoteError as error:
                statuses.append(error.status)

    with ClarifaiRemote(parse_endpoint(url), timing=timing) as remote:
        thread = threading.Thread(target=call)
        if seconds:
            thread.start()
        try:
            yield statuses
        finally:
            stop.set()
            if seconds:
                thread.join()
