"""The drift history on disk (`drift --state FILE`): locked while it is updated, written whole or not at all, private.

A file that doesn't exist is an empty history. One that is damaged, is something else, or was written by a later major version
is an error and stays as it is: to start over silently would report all drift as new.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from reconciler.errors import ReconcilerError
from reconciler.report.drift_history import DriftHistory, Entry
from reconciler.state.whole_files import write_whole

KIND: Final = "DriftHistory"
_KINDS: Final = (KIND, "DriftMemory")
"""The second is what format 1.0 called it."""

FORMAT_VERSION: Final = "1.1"
"""Major: a reader of another major refuses the file. Minor: keys were added, or `kind` got another name."""

MAX_BYTES: Final = 256 * 1024 * 1024
LOCK_SECONDS: Final = 10.0
_START_OVER: Final = "Delete it to start a new history, in which all drift is new, or give another file."

_Result = TypeVar("_Result")


def read_history(path: Path, *, endpoint: str) -> DriftHistory:
    """The history in a file, an empty one if there is no file. Raises ReconcilerError for a file that can't be used."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        _require_folder(path)
        return DriftHistory(salt=secrets.token_hex(32), endpoint=endpoint)
    except OSError as error:
        raise ReconcilerError(f"The state file {path} can't be read: {error.strerror}.") from error
    history = _history_from(content, path)
    if history.endpoint != endpoint:
        raise ReconcilerError(
            f"The state file {path} is about drift on {history.endpoint}, but the endpoint of this run is {endpoint}. "
            "Keep a state file per endpoint and environment."
        )
    return history


def update_history(
    path: Path,
    update: Callable[[DriftHistory], tuple[_Result, DriftHistory]],
    *,
    endpoint: str,
    lock_seconds: float = LOCK_SECONDS,
) -> _Result:
    """Read the history, let `update` give its result and the history after it, and write that; one process at a time.

    Raises ReconcilerError if the file can't be used or written, or others hold it for longer than `lock_seconds`.
    """
    with _locked(path, lock_seconds):
        result, after = update(read_history(path, endpoint=endpoint))
        _write(path, after)
        return result


def _history_from(content: bytes, path: Path) -> DriftHistory:
    if len(content) > MAX_BYTES:
        raise ReconcilerError(
            f"The state file {path} is larger than 256 MiB, so this tool did not write it. {_START_OVER}"
        )
    try:
        document: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReconcilerError(
            f"The state file {path} is damaged: it is not a JSON document ({error}). {_START_OVER}"
        ) from error
    if not isinstance(document, dict) or document.get("kind") not in _KINDS:
        raise ReconcilerError(
            f"The state file {path} is not a drift history: its kind is not {KIND}. Give another file."
        )
    version = str(document.get("format_version", ""))
    if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise ReconcilerError(
            f"The state file {path} has format {version or 'none'}, but this version of the tool reads {FORMAT_VERSION}. "
            f"Use the version that wrote it. {_START_OVER}"
        )
    try:
        return _history(document)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ReconcilerError(
            f"The state file {path} is damaged: a part of it is missing or wrong ({reason}). {_START_OVER}"
        ) from error


def _history(document: dict[str, Any]) -> DriftHistory:
    if not isinstance(document["entries"], list):
        raise TypeError("entries is not a list")
    entries = tuple(map(_entry, document["entries"]))
    if len({entry.place for entry in entries}) != len(entries):
        raise ValueError("two entries for one path")
    salt = _text(document, "salt")
    # A short key could be found by trial, and with it the values behind the fingerprints.
    if len(bytes.fromhex(salt)) < 16:
        raise ValueError("the salt is too short")
    return DriftHistory(
        salt=salt, endpoint=_text(document, "endpoint"), updated_at=_text(document, "updated_at"), entries=entries
    )


def _entry(document: dict[str, Any]) -> Entry:
    texts = {name: _text(document, name) for name in ("address", "path", "fingerprint", "first_seen")}
    if texts["address"].count("/") != 2:
        raise ValueError(f"{texts['address']!r} is not an address")
    return Entry(**texts)


def _text(document: dict[str, Any], name: str) -> str:
    value = document[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is not a string")
    return value


def _write(path: Path, history: DriftHistory) -> None:
    document = {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "endpoint": history.endpoint,
        "updated_at": history.updated_at,
        "salt": history.salt,
        "entries": [
            {
                "address": entry.address,
                "path": entry.path,
                "fingerprint": entry.fingerprint,
                "first_seen": entry.first_seen,
            }
            for entry in history.entries
        ],
    }
    write_whole(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n", what="state file")


def _require_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise ReconcilerError(
            f"The state file {path} can't be written: the folder {path.parent} doesn't exist. Create it first."
        )


@contextmanager
def _locked(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock beside the file. The lock file stays: to delete it could take it from under another process."""
    _require_folder(path)
    lock = path.with_name(f".{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ReconcilerError(f"The lock {lock} of the state file can't be opened: {error.strerror}.") from error
    try:
        deadline = time.monotonic() + seconds
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise ReconcilerError(
                    f"The state file {path} has been locked by another run for more than {seconds:g} seconds. Run the command again."
                )
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


if sys.platform == "win32":

    def _try_lock(descriptor: int) -> bool:
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _try_lock(descriptor: int) -> bool:
        """Take the lock if it is free; the operating system releases it when the process ends, however it ends."""
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
