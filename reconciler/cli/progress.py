"""One line on a terminal that shows the progress of a run: calls while it reads, requests and the time left while it writes.

It is drawn on standard error when something happens, at most ten times a second, and wiped before anything else is printed.
There is none where standard error is not a terminal, with --quiet, and with -v (which prints every call).
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TextIO

from reconciler.cli.options import CommonOptions

if TYPE_CHECKING:
    from reconciler.apply.results import StepResult
    from reconciler.plan.plan import Plan

WIPE: Final = "\r\x1b[K"

BAR: Final = 24
"""Columns of the bar."""

_EVERY: Final = 0.1


@dataclass(slots=True, kw_only=True)
class StatusLine:
    """What is known about the run so far, and the terminal that shows it. Any thread may call it.

    `rate` is the limit of requests per second: no estimate is shorter than it allows.
    """

    rate: float
    stream: TextIO
    clock: Callable[[], float] = time.monotonic
    _calls: int = 0
    _done: int = 0
    _total: int | None = None
    _began: float = 0
    _drawn: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._began = self.clock()

    def called(self) -> None:
        """A call got its response."""
        with self._lock:
            self._calls += 1
            self._draw(is_last=False)

    def planned(self, plan: Plan) -> None:
        """Writing begins, with all requests of a plan to do."""
        with self._lock:
            self._total, self._done, self._began = len(plan.requests), 0, self.clock()
            self._draw(is_last=True)

    def result(self, _result: StepResult) -> None:
        """A request is done, or has failed."""
        with self._lock:
            self._done += 1
            self._draw(is_last=self._done == self._total)

    def text(self) -> str:
        """The line as it is now."""
        from reconciler.report.outcome import duration

        elapsed = self.clock() - self._began
        if self._total is None:
            return f"reading: {_counted(self._calls, 'call')}, {duration(elapsed)}"
        left = self._total - self._done
        # Requests under way together finish in bursts; the rate limit is a floor for the estimate.
        pace = max(1 / self.rate, elapsed / self._done if self._done else 0)
        filled = BAR * self._done // self._total if self._total else BAR
        bar = "█" * filled + "░" * (BAR - filled)
        estimate = f", about {duration(left * pace)} left" if left else ""
        reading_back = ", reading back" if not left else ""
        return f"{bar} {self._done} of {_counted(self._total, 'request')}{estimate}{reading_back}"

    def _draw(self, *, is_last: bool) -> None:
        now = self.clock()
        if now - self._drawn < _EVERY and not is_last:
            return
        self._drawn = now
        from shutil import get_terminal_size  # imports every compression of Python

        columns = get_terminal_size().columns
        self.stream.write(f"{WIPE}{self.text()[: columns - 1]}")
        self.stream.flush()


class _Counting(logging.Handler):
    """Counts the lines that are logged about calls, one for each."""

    def __init__(self, called: Callable[[], None]) -> None:
        super().__init__(logging.INFO)
        self._called = called

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        self._called()


def wants_status_line(common: CommonOptions) -> bool:
    """Whether there is a terminal for it, and neither --quiet nor -v was given."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not common.quiet and not common.verbose


@contextmanager
def status_line(common: CommonOptions, *, rate: float) -> Iterator[StatusLine | None]:
    """Show a status line while the block runs; None if none is shown."""
    if not wants_status_line(common):
        yield None
        return
    line = StatusLine(rate=rate, stream=sys.stderr)
    logger = logging.getLogger("reconciler.remote.caller")
    handler, level = _Counting(line.called), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield line
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        wipe()


def wipe() -> None:
    """Clear the status line before something else is written to the terminal."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        sys.stderr.write(WIPE)
        sys.stderr.flush()


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
