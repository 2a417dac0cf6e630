"""Runs a command to its end and returns what it took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one command took: seconds of wall and processor, peak memory in MiB, calls to the service where it has one."""

    wall: float
    cpu: float
    memory: float
    calls: int | None = None


def run(
    arguments: Sequence[str],
    *,
    codes: Sequence[int] = (0,),
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Taken:
    """Run a command, in a folder where one is given; raises RuntimeError for an exit code that isn't expected."""
    begun = time.perf_counter()
    with subprocess.Popen(
        list(arguments),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, **(environ or {})},
    ) as process:
        assert process.stderr is not None
        told = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    if process.returncode not in codes:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}: {told.decode()[-2000:]}")
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Taken(wall=wall, cpu=usage.ru_utime + usage.ru_stime, memory=usage.ru_maxrss / unit)


def middle(runs: Sequence[Taken]) -> Taken:
    """The median of each number."""
    return Taken(
        wall=median(each.wall for each in runs),
        cpu=median(each.cpu for each in runs),
        memory=median(each.memory for each in runs),
        calls=runs[0].calls,
    )


@contextmanager
def service(state: Path, *, options: Sequence[str] = ()) -> Iterator[str]:
    """The emulator in a process of its own, on a free port, with these options; gives its url."""
    command = [sys.executable, "-m", "reconciler", "emulator", "--port", "0", "--state", str(state), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()
