"""`python -m reconciler`, the same as the command: runs one command line and ends the process."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from typing import Final, NoReturn

_COLLECTION_THRESHOLD: Final = 2_000_000
"""Objects that are made, and not freed, before Python's garbage collector runs: more than a plan of 10,000 models has."""


def run() -> NoReturn:
    """Run the command line of this process, and end it with the exit code."""
    # A plan builds trees that live until its end, and no cycle. By default the collector would walk them all again and
    # again, which costs a fleet a fifth of its time; and the modules while they are imported. An apply leaves some eighty
    # small objects in cycles for each call, which are freed after 25,000 calls.
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
