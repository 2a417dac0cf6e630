"""Runs `reconciler ARGS...` in this process and kills it, as kill -9 does, right before or after the nth change it sends.

python -m tests.chaos.killing before 3 apply fleet.yaml --yes …
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable

from reconciler.cli.main import main
from reconciler.remote.clarifai import ClarifaiRemote
from reconciler.remote.port import Reply
from reconciler.resources.request import Request


def run(moment: str, nth: int, arguments: list[str]) -> int:
    sending = ClarifaiRemote.send
    lock = threading.Lock()
    count = 0

    def deadly(remote: ClarifaiRemote, request: Request, *, before_attempt: Callable[[], None] = lambda: None) -> Reply:
        nonlocal count
        with lock:
            count += 1
            is_last = count == nth
        if is_last and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        reply = sending(remote, request, before_attempt=before_attempt)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return reply

    ClarifaiRemote.send = deadly  # type: ignore[assignment, method-assign]
    return main(arguments)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
