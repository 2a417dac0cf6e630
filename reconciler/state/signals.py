"""SIGINT and SIGTERM while changes are being sent.

The first signal lets the calls in progress finish, prevents further ones, and lets the run report what it did. The second
ends the process immediately; everything that was sent or acknowledged is already in the journal on disk.
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
    """Whether this run has been asked to stop. `watching` listens for the signals."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def is_set(self) -> bool:
        """Return whether a signal has arrived."""
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        """Sleep for `seconds`, or until a signal arrives."""
        self._event.wait(seconds)

    # The previous handlers are restored, because an embedding program, or a later stage of this one, may have its own.
    @contextmanager
    def watching(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM inside a `with` block, and restore the previous handlers after it.

        Does nothing outside the main thread.
        """
        # Python lets only the main thread set signal handlers.
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
        # os.write and os._exit, because print and sys.exit aren't safe in a handler that may interrupt a write.
        if self._event.is_set():
            os.write(2, b"interrupted again: stopping immediately\n")
            os._exit(exit_codes.INTERRUPTED)
        self._event.set()
        os.write(2, b"interrupted: waiting for the calls in progress; interrupt again to stop immediately\n")
