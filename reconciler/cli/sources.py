"""Reads the lines of manifests that problems are about, to show them.

In: problems. Out: each with its frame. The files are read again, and only regular files of the size that a manifest may have:
if one can't be read any more, or was standard input, the problem has no frame.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Iterable, Sequence
from typing import Final

from reconciler.errors import Problem
from reconciler.report.frames import source_frame
from reconciler.report.problems import Placed

MOST: Final = 100
"""Problems with a frame. Of more, a reader sees the messages alone."""

_BYTES: Final = 10 * 1024 * 1024
_BREAKS: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What ends a line in YAML 1.1, and so for the numbers of lines."""


def placed(problems: Iterable[Problem]) -> tuple[Placed, ...]:
    """The problems with their frames."""
    known: dict[str, Sequence[str]] = {}
    found: list[Placed] = []
    for number, problem in enumerate(problems):
        path = problem.origin.path
        if number < MOST and path not in known:
            known = {path: _lines(path)}  # they are in the order of files
        found.append(Placed(problem=problem, frame=source_frame(problem, known[path]) if number < MOST else None))
    return tuple(found)


def _lines(path: str) -> Sequence[str]:
    if path == "-":
        return ()
    try:
        # Opening a FIFO would wait for a writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode) or facts.st_size > _BYTES:
                return ()
            data = file.read(_BYTES)
    except (OSError, ValueError):
        return ()
    is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return _BREAKS.split(data.decode("utf-16" if is_wide else "utf-8-sig", errors="replace"))
