"""`python -m benchmarks`: measures, writes benchmarks/results.json and the table and plot of docs/performance.md.

    --sizes 100,1000,10000   fleets to measure
    --runs 3                 runs of each command; the median counts
    --octodns FILE           octodns-sync to compare with; default: a venv made for it below build/

Everything of one size runs within seconds of each other, turn by turn, so that whatever else the machine does falls on all.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.fleet import STYLES, Fleet, fleet
from benchmarks.measure import Taken, middle, run, service
from benchmarks.pace import paces
from benchmarks.report import write_report
from benchmarks.startup import startups
from reconciler.emulator.store import read_calls

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
RATE = 15
"""The service's limit, in calls per second (Clarifai documentation, "Rate Limits")."""


def main() -> None:
    """Measure every size and state, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,1000,10000")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--octodns", type=Path)
    arguments = parser.parse_args()
    octodns = arguments.octodns or _octodns_in(ROOT / "build" / "bench-venv")
    measured: list[dict[str, Any]] = []
    for size in map(int, arguments.sizes.split(",")):
        for state, changed in (("in sync", 0), ("1 % changed", max(1, size // 100)), ("all changed", size)):
            with tempfile.TemporaryDirectory() as folder:
                found = _measured(fleet(Path(folder), size=size, changed=changed), octodns, arguments.runs)
            measured.append({"models": size, "state": state, **{name: asdict(taken) for name, taken in found.items()}})
            print(json.dumps(measured[-1]), flush=True)
    styles = list(_styles(max(map(int, arguments.sizes.split(","))), arguments.runs))
    print(json.dumps({"styles": styles}), flush=True)
    pace = list(paces(arguments.runs))
    startup = list(startups(max(5, arguments.runs)))
    print(json.dumps({"pace": pace, "startup": startup}), flush=True)
    versions = {"python": platform.python_version(), "machine": platform.machine(), "octodns": _version(octodns)}
    others = {"styles": styles, "pace": pace, "startup": startup}
    results = {"rate": RATE, "runs": arguments.runs, **versions, "measured": measured, **others}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    write_report(results, ROOT / "docs")


def _measured(given: Fleet, octodns: Path, runs: int) -> dict[str, Taken]:
    plans, peers, loops = [], [], []
    with service(given.state) as url:
        pace = ["--endpoint", url, "--rate", "1000"]
        plan = [sys.executable, "-m", "reconciler", "plan", str(given.manifests), "--quiet", *pace]
        for _ in range(runs):
            before = len(read_calls(given.state))
            taken = run(plan, environ={"CLARIFAI_PAT": "benchmark"})
            plans.append(replace(taken, calls=len(read_calls(given.state)) - before))
            peers.append(run([str(octodns), "--config-file", str(given.zone), "--force", "--quiet"]))
        before = len(read_calls(given.state))
        apply = run(
            [sys.executable, "-m", "reconciler", "apply", str(given.manifests), "--yes", "--quiet", *pace],
            environ={"CLARIFAI_PAT": "benchmark"},
            folder=given.state.parent,
        )
        apply = replace(apply, calls=len(read_calls(given.state)) - before)
        loop = [sys.executable, "-m", "benchmarks.samples", url, str(given.size), str(given.changed)]
        loops.append(replace(run(loop), calls=given.size + given.changed))
    return {"plan": middle(plans), "apply": apply, "octodns": middle(peers), "samples": middle(loops)}


def _styles(size: int, runs: int) -> Iterator[dict[str, Any]]:
    """A plan of as many models in sync for each way in which their manifests may be written."""
    for style in STYLES:
        with tempfile.TemporaryDirectory() as folder:
            given = fleet(Path(folder), size=size, changed=0, style=style)
            with service(given.state) as url:
                plan = [sys.executable, "-m", "reconciler", "plan", str(given.manifests), "--quiet"]
                command = [*plan, "--endpoint", url, "--rate", "1000"]
                taken = middle([run(command, environ={"CLARIFAI_PAT": "benchmark"}) for _ in range(runs)])
            mebibytes = sum(path.stat().st_size for path in given.manifests.iterdir()) / 2**20
        yield {"style": style.name, "models": size, "mebibytes": round(mebibytes, 1), "plan": asdict(taken)}


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
