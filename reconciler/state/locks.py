"""Locks that let only one run at a time write to an app from one state folder.

Takes the apps that a run is about to write to, and holds a lock on each until the run ends. It never waits: a run that
finds another one ends with an error that names the other. Runs on other machines, or with another state folder, aren't
detected. Another lock, on a file that a process keeps open, tells others that the process is alive.
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
    """Hold the locks of apps of an endpoint. `run` is the id of this run, for the message to others.

    Raises ReconcilerError if another run holds one of the locks, or if a lock file can't be created.
    """
    with ExitStack() as stack:
        # Sorted, so that two runs that need several locks ask for them in the same order.
        for app_id in sorted(set(app_ids)):
            stack.enter_context(_held(folder, endpoint, app_id, run))
        yield


@contextmanager
def _held(folder: Path, endpoint: str, app_id: str, run: str) -> Iterator[None]:
    # A digest, because endpoints contain characters that file names can't. Arguments that aren't valid UTF-8 arrive as
    # lone surrogates (PEP 383), hence surrogatepass.
    name = hashlib.sha256(f"{endpoint}\n{app_id}".encode("utf-8", "surrogatepass")).hexdigest()[:24]
    path = folder / f"{name}.lock"
    try:
        make_private_folder(folder)
        # O_NOFOLLOW: a link in a folder that others can write to could make this process truncate another file.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), PRIVATE_FILE)
    except OSError as error:
        raise ReconcilerError(
            f"Lock file {path} can't be created: {error.strerror}. Set {VARIABLE} to a writable folder."
        ) from error
    try:
        _take(handle, path, app_id)
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "run": run, "endpoint": endpoint, "app_id": app_id}
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(holder).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        # Closing the file releases the lock. The file stays: deleting it could separate two runs onto two files.
        os.close(handle)


def _take(handle: int, path: Path, app_id: str) -> None:
    if sys.platform == "win32":
        return  # Windows has no flock: only the pipeline can run one job at a time there
    try:
        # The operating system releases a flock when the process ends, however it ends. A lock file that a killed
        # process left behind is therefore not locked, and needs no clean-up.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = _holder(handle)
        raise ReconcilerError(
            f"App {app_id} is locked by another run: {holder} ({path}). Wait until it has ended, then run again."
        ) from None


def hold_lock(handle: int) -> None:
    """Hold a lock on an open file until it is closed or this process ends, for `is_held`. Raises OSError."""
    if sys.platform != "win32":
        fcntl.flock(handle, fcntl.LOCK_EX)


def is_held(path: Path) -> bool:
    """Whether a process holds the lock of a file; False where that can't be found out."""
    if sys.platform == "win32":
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _holder(handle: int) -> str:
    try:
        note: Any = json.loads(os.pread(handle, _LONGEST_NOTE, 0))
        return f"run {note['run']}, process {note['pid']} on {note['host']}"
    except (ValueError, KeyError, TypeError):
        # Between taking the lock and writing the note, the file is empty.
        return "a process that has not identified itself yet"
