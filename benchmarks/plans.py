"""A plan of each fleet, in turn with octoDNS on as many records, so that whatever else the machine does falls on both."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.fleet import MIXED, SINGLE_FILES, UNIFORM, Fleet, Style, fleet
from benchmarks.measure import Taken, middle, run, service
from reconciler.emulator.store import read_calls

TOKEN: Final = {"CLARIFAI_PAT": "benchmark"}
LATENCY_MS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fleet of a size: how its manifests are written, and the share of its models that differ from them."""

    name: str
    style: Style = UNIFORM
    changed: float = 0.0
    options: tuple[str, ...] = ()


CASES: Final = (
    Case(name="uniform with lists"),
    Case(name="one file per model", style=SINGLE_FILES),
    Case(name="mixed", style=MIXED),
    Case(name="1 % changed", changed=0.01),
    Case(name="all changed, as JSON", changed=1.0, options=("--format", "json")),
)


def reconciler(url: str, *arguments: str) -> list[str]:
    """A command line of this project, without a limit of its own to the calls per second."""
    return [sys.executable, "-m", "reconciler", *arguments, "--quiet", "--endpoint", url, "--rate", "1000"]


def octodns_sync(octodns: Path, given: Fleet) -> list[str]:
    """octoDNS's plan for the records of a fleet."""
    return [str(octodns), "--config-file", str(given.zone), "--force", "--quiet"]


def plans(size: int, runs: int, octodns: Path) -> Iterator[dict[str, Any]]:
    """For each fleet of a size the median of its plans and of octoDNS's."""
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            given = fleet(Path(folder), size=size, changed=round(size * case.changed), style=case.style)
            mebibytes = sum(path.stat().st_size for path in given.manifests.iterdir()) / 2**20
            found = _in_turn(given, case.options, runs, octodns)
        yield {"fleet": case.name, "models": size, "mebibytes": round(mebibytes, 1), **found}


def _in_turn(given: Fleet, options: Sequence[str], runs: int, octodns: Path) -> dict[str, Any]:
    ours: list[Taken] = []
    theirs: list[Taken] = []
    with service(given.state) as url:
        for _ in range(runs):
            before = len(read_calls(given.state))
            taken = run(reconciler(url, "plan", str(given.manifests), *options), environ=TOKEN)
            ours.append(replace(taken, calls=len(read_calls(given.state)) - before))
            theirs.append(run(octodns_sync(octodns, given)))
    return {"plan": asdict(middle(ours)), "octodns": asdict(middle(theirs))}


def starts(runs: int, octodns: Path) -> dict[str, float]:
    """The processor seconds of both for one model and one record: what they take before they do anything."""
    with tempfile.TemporaryDirectory() as folder:
        given = fleet(Path(folder), size=1, changed=0)
        found = _in_turn(given, (), runs, octodns)
    return {name: taken["cpu"] for name, taken in found.items()}


def with_latency(size: int, runs: int) -> dict[str, Any]:
    """A plan in sync at a service that takes its time to answer."""
    with tempfile.TemporaryDirectory() as folder:
        given = fleet(Path(folder), size=size, changed=0)
        with service(given.state, options=("--switch", f"latency_ms={LATENCY_MS}")) as url:
            taken = middle([run(reconciler(url, "plan", str(given.manifests)), environ=TOKEN) for _ in range(runs)])
    return {"models": size, "latency_ms": LATENCY_MS, "plan": asdict(taken)}
