"""How near an apply of 200 version patches comes to the time that the service's limit or latency alone makes it take.

A patch of versions is a call per model, so nothing can be batched away. Three services: one with a limit that the run is
told, the same with a run that is told a far higher one, and one without a limit that takes its time to answer.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.fleet import fleet
from benchmarks.measure import run, service
from reconciler.emulator.store import read_calls

MODELS: Final = 200
LIMIT: Final = 40
LATENCY_MS: Final = 100
IN_FLIGHT: Final = 16
THROTTLED: Final = 11005
"""CONN_THROTTLED (Clarifai documentation, "Status Codes")."""

CASES: Final = (
    ("a limit of 40/s, told", (f"rate_limit={LIMIT}",), ("--rate", str(LIMIT))),
    ("a limit of 40/s, told 1,000", (f"rate_limit={LIMIT}",), ("--rate", "1000")),
    ("answers after 100 ms, 16 in flight", (f"latency_ms={LATENCY_MS}",), ("--rate", "1000", "--parallelism", "16")),
)


def paces(runs: int) -> Iterator[dict[str, Any]]:
    """For each case the median run: its calls, throttled answers, and seconds beside the ideal ones.

    `ideal` is what the limit, or the latency divided by the calls in flight, makes of the calls that were served; `startup` are
    the wall seconds of a run that finds nothing to do there.
    """
    for name, switches, options in CASES:
        taken = sorted((_pace(switches, options) for _ in range(runs)), key=lambda each: each["seconds"])
        yield {"case": name, **taken[len(taken) // 2]}


def _pace(switches: Sequence[str], options: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        given = fleet(Path(name), size=MODELS, changed=0)
        for path in given.manifests.iterdir():
            text = path.read_text(encoding="utf-8").replace("min_value: 0.5", "min_value: 0.7")
            path.write_text(text, encoding="utf-8")
        with service(given.state, switches=switches) as url:
            command = [sys.executable, "-m", "reconciler"]
            where = [str(given.manifests), "--quiet", "--endpoint", url, *options]
            environ = {"CLARIFAI_PAT": "benchmark"}
            taken = run([*command, "apply", *where, "--yes"], environ=environ, folder=given.state.parent)
            calls = read_calls(given.state)
            startup = run([*command, "apply", *where, "--yes"], environ=environ, folder=given.state.parent)
    throttled = sum(call.status_code == THROTTLED for call in calls)
    served = len(calls) - throttled
    ideal = served / LIMIT if switches[0].startswith("rate") else served * LATENCY_MS / 1000 / IN_FLIGHT
    return {
        "calls": len(calls),
        "throttled": throttled,
        "seconds": round(taken.wall, 2),
        "ideal": round(ideal, 2),
        "startup": round(startup.wall, 2),
    }
