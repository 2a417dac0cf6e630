"""Lets one run at a time write to an app from one state folder.

A lock is a file that the running process holds locked, so that the operating system lets it go when the process
ends, however it ends: a lock that a dead process left behind is simply taken. The file says who holds it. Runs on other
machines, or with another state folder, are not seen.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from reconciler.errors import ReconcilerError
from reconciler.state.folder import PRIVATE_FILE, VARIABLE, make_private_folder

if sys.platform != "win32":
    import fcntl

_LONGEST_NOTE: Final = 4096


@contextmanager
def locked(folder: Path, endpoint: str, app_ids: Iterable[str], *, run: str) -> Iterator[None]:
    """Hold the locks of these apps of an endpoint. Raises ReconcilerError where another run holds one of them."""
    with ExitStack() as stack:
        for app_id in sorted(set(app_ids)):
            stack.enter_context(_held(folder, endpoint, app_id, run))
        yield


@contextmanager
def _held(folder: Path, endpoint: str, app_id: str, run: str) -> Iterator[None]:
    name = hashlib.sha256(f"{endpoint}\n{app_id}".encode("utf-8", "surrogatepass")).hexdigest()[:24]
    path = folder / f"{name}.lock"
    try:
        make_private_folder(folder)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), PRIVATE_FILE)
    except OSError as error:
        raise ReconcilerError(
            f"The lock {path} can't be made: {error.strerror}. Name a folder that can be written in {VARIABLE}."
        ) from error
    try:
        _take(handle, path, app_id)
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "run": run, "endpoint": endpoint, "app_id": app_id}
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(holder).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _take(handle: int, path: Path, app_id: str) -> None:
    if sys.platform == "win32":
        return  # no flock there: the pipeline's own "one at a time" has to do
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = _holder(handle)
        raise ReconcilerError(
            f"Another run is writing to app {app_id}: {holder} ({path}). Wait until it has ended, and run again."
        ) from None


def _holder(handle: int) -> str:
    try:
        note: Any = json.loads(os.pread(handle, _LONGEST_NOTE, 0))
        return f"run {note['run']}, process {note['pid']} on {note['host']}"
    except (ValueError, KeyError, TypeError):
        return "a process that has not said its name yet"
