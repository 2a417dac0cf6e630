"""The other commands on fleets in sync, in turn with octoDNS; and an apply in which every model changes."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.fleet import MIXED, UNIFORM, Fleet, Style, fleet
from benchmarks.measure import Taken, middle, run, service
from benchmarks.plans import TOKEN, octodns_sync, reconciler
from reconciler.emulator.store import read_calls

APP: Final = ("--user-id", "bench", "--app-id", "fleet")
_GIT: Final = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false")


def commands(size: int, runs: int, octodns: Path) -> Iterator[dict[str, Any]]:
    """For each command and each way to write manifests the median of its runs, and of octoDNS's beside them."""
    starts = _measured(UNIFORM, 1, max(3, runs), octodns)
    for style in (UNIFORM, MIXED):
        taken = _measured(style, size, runs, octodns)
        for name in (name for name in taken if name != "octodns"):
            row = {"command": name, "fleet": style.name, "models": size, "start": starts[name].cpu}
            yield {**row, "taken": asdict(taken[name]), "octodns": asdict(taken["octodns"])}


def _measured(style: Style, size: int, runs: int, octodns: Path) -> dict[str, Taken]:
    with tempfile.TemporaryDirectory() as folder:
        given = fleet(Path(folder), size=size, changed=0, style=style)
        _commit(given.manifests)
        return {name: middle(taken) for name, taken in _in_turn(given, Path(folder), runs, octodns).items()}


def _in_turn(given: Fleet, folder: Path, runs: int, octodns: Path) -> dict[str, list[Taken]]:
    manifests, saved = str(given.manifests), str(folder / "plan.json")
    taken: dict[str, list[Taken]] = defaultdict(list)
    with service(given.state) as url:
        run(reconciler(url, "plan", manifests, "--out", saved), environ=TOKEN)
        for number in range(runs):
            exported = str(folder / f"exported-{number}")
            lines: dict[str, Sequence[str]] = {
                "validate": reconciler(url, "validate", manifests),
                "drift": reconciler(url, "drift", manifests),
                "plan --base": reconciler(url, "plan", manifests, "--base", "HEAD"),
                "show": reconciler(url, "show", saved),
                "export": reconciler(url, "export", *APP, "--output", exported),
                "octodns": octodns_sync(octodns, given),
            }
            for name, line in lines.items():
                taken[name].append(run(line, environ=TOKEN, folder=given.manifests))
            shutil.rmtree(exported)
    return taken


def _commit(folder: Path) -> None:
    for arguments in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "Add the fleet")):
        subprocess.run([*_GIT, *arguments], cwd=folder, check=True)


def applied(size: int, runs: int) -> dict[str, Any]:
    """The median apply of a fleet in which each model and its version change."""
    taken: list[Taken] = []
    with tempfile.TemporaryDirectory() as folder:
        given = fleet(Path(folder), size=size, changed=size)
        for number in range(runs):
            state = Path(folder) / f"state-{number}.db"
            shutil.copyfile(given.state, state)
            with service(state) as url:
                line = [*reconciler(url, "apply", str(given.manifests)), "--yes"]
                done = run(line, environ=TOKEN, folder=Path(folder))
            taken.append(replace(done, calls=len(read_calls(state))))
    return {"models": size, "taken": asdict(middle(taken))}
