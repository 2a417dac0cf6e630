"""`python -m benchmarks`: measures, writes benchmarks/results.json and the tables and the plot of docs/performance.md.

    --quick              two sizes, one run of each command, and a part of the cases of the pace: under 4 minutes
    --sizes 1000,10000   fleets to measure
    --runs 3             runs of each command; the median counts
    --octodns FILE       octodns-sync to compare with; default: a venv made for it below build/

`make bench` runs it, and `make bench BENCH=quick` with --quick. `python -m benchmarks.report` writes the page again from the results.
Everything about one fleet runs within seconds of each other, turn by turn, so that whatever else the machine does falls on all.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import time
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from benchmarks.commands import applied, commands
from benchmarks.pace import CASES, paces
from benchmarks.plans import plans, starts, with_latency
from benchmarks.report import DOCS, RESULTS, write_report
from benchmarks.startup import startups

ROOT: Final = Path(__file__).resolve().parent.parent
RATE: Final = 15
"""The service's limit, in calls per second (Clarifai documentation, "Rate Limits")."""

SIZES: Final = (1_000, 10_000, 30_000)
QUICK_SIZES: Final = (1_000, 10_000)
LARGE: Final = 30_000
"""From this size on one run of each fleet has to do."""
APPLIED: Final = 2_000


def main() -> None:
    """Measure everything, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sizes", type=lambda text: tuple(map(int, text.split(","))))
    parser.add_argument("--runs", type=int)
    parser.add_argument("--octodns", type=Path)
    arguments = parser.parse_args()
    sizes = arguments.sizes or (QUICK_SIZES if arguments.quick else SIZES)
    runs = arguments.runs or (1 if arguments.quick else 3)
    octodns = arguments.octodns or _octodns_in(ROOT / "build" / "bench-venv")
    results = measured(sizes, runs, octodns, is_quick=arguments.quick)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    write_report(results, DOCS)


def measured(sizes: Iterable[int], runs: int, octodns: Path, *, is_quick: bool) -> dict[str, Any]:
    """All results. What is found is printed as it comes, a JSON document a line."""
    began = time.monotonic()
    sizes = sorted(sizes)
    usual = max((size for size in sizes if size < LARGE), default=sizes[-1])
    results: dict[str, Any] = {
        "rate": RATE,
        "runs": runs,
        "is_quick": is_quick,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "octodns": _version(octodns),
        "starts": starts(max(5, runs), octodns),
    }
    print(json.dumps(results), flush=True)
    parts = {
        "plans": (row for size in sizes for row in plans(size, 1 if size >= LARGE else runs, octodns)),
        "commands": commands(QUICK_SIZES[0] if is_quick else usual, runs, octodns),
        "applies": iter([applied(APPLIED // 10 if is_quick else APPLIED, 1)]),
        "latency": iter([with_latency(usual, runs)]),
        "startup": startups(max(5, runs)),
        "pace": paces(CASES[:3] if is_quick else CASES, 1),
    }
    for name, rows in parts.items():
        results[name] = []
        for row in rows:
            results[name].append(row)
            print(json.dumps({name: row}), flush=True)
    results["minutes"] = round((time.monotonic() - began) / 60, 1)
    return results


def _octodns_in(folder: Path) -> Path:
    if not (folder / "bin" / "octodns-sync").exists():
        venv.create(folder, with_pip=True)
        subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", "octodns"], check=True)
    return folder / "bin" / "octodns-sync"


def _version(octodns: Path) -> str:
    said = subprocess.run([str(octodns), "--version"], check=True, capture_output=True, text=True).stdout
    return said.split()[-1].removeprefix("v")


if __name__ == "__main__":
    main()
