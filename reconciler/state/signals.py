"""What a first and a second SIGINT or SIGTERM mean while changes are being sent.

The first lets the calls under way end, starts no further one, and lets the run report what it did. The second ends the
process at once: what was sent and answered is in the journal, on disk, by then.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from reconciler import exit_codes

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether somebody asked this run to end; `watching` listens for that."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def is_set(self) -> bool:
        """Whether a signal came."""
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        """Sleep so long, less where a signal comes."""
        self._event.wait(seconds)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take the two signals over for a while; does nothing outside the main thread, where Python allows no other."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {number: signal.signal(number, self._signalled) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _signalled(self, number: int, frame: Any) -> None:
        if self._event.is_set():
            os.write(2, b"interrupted again: ended at once\n")
            os._exit(exit_codes.INTERRUPTED)
        self._event.set()
        os.write(2, b"interrupted: waiting for the calls under way; interrupt again to end at once\n")
