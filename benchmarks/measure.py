"""Runs a command to its end and returns what it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one command took: seconds of wall and processor, peak memory in MiB, calls to the service where it has one."""

    wall: float
    cpu: float
    memory: float
    calls: int | None = None


# The kernel counts the memory of the process that starts a command as the command's own until that begins. So a small process
# starts it, and says what it took on the last line of standard error.
_STARTER: Final = """
import json, os, subprocess, sys, time
begun = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
wall = time.perf_counter() - begun
code = os.waitstatus_to_exitcode(status)
cpu = usage.ru_utime + usage.ru_stime
print("\\n" + json.dumps([code, wall, cpu, usage.ru_maxrss]), file=sys.stderr)
"""


def run(
    arguments: Sequence[str],
    *,
    codes: Sequence[int] = (0,),
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Taken:
    """Run a command, in a folder where one is given; raises RuntimeError for an exit code that isn't expected."""
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _STARTER, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **(environ or {})},
    )
    said, _, last = ended.stderr.rstrip("\n").rpartition("\n")
    code, wall, cpu, memory = json.loads(last)
    if code not in codes:
        raise RuntimeError(f"{' '.join(arguments)} ended with {code}: {said[-2000:]}")
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Taken(wall=wall, cpu=cpu, memory=memory / unit)


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
