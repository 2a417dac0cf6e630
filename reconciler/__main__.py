"""`python -m reconciler`, the same as the command: runs one command line and ends the process."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from typing import Final, NoReturn

_COLLECTION_THRESHOLD: Final = 200_000
"""Objects that are made before Python's garbage collector runs."""


def run() -> NoReturn:
    """Run the command line of this process, and end it with the exit code."""
    # A run builds trees that live until its end, and hardly any cycle. By default the collector would walk them all again and
    # again, which costs a fleet a fifth of its time; and the modules while they are imported.
    gc.set_threshold(_COLLECTION_THRESHOLD, 50, 50)
    from reconciler.cli.main import main

    code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # `main` has reported what could not be written
            stream.flush()
    # Everything is closed by now. Freeing every object and module one by one would take 30 ms or more.
    os._exit(code)


if __name__ == "__main__":
    run()
