"""The memory of drift on disk: locked while it is updated, written whole or not at all, readable by its owner only.

A file that isn't there is a memory of nothing. One that is damaged, is something else, or was written by a later version
is an error and stays as it is: starting anew silently would call every old drift new.
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
from reconciler.report.memory import Entry, Memory
from reconciler.state.whole_files import write_whole

KIND: Final = "DriftMemory"
FORMAT_VERSION: Final = "1.0"
"""Major: a reader of another major refuses the file. Minor: keys were added."""

MAX_BYTES: Final = 256 * 1024 * 1024
LOCK_SECONDS: Final = 10.0
_ANEW: Final = "Delete it to start a new memory, which takes all drift for new, or give another file."

_Result = TypeVar("_Result")


def read_memory(path: Path, *, endpoint: str) -> Memory:
    """The memory in a file, a new one where there is no file. Raises ReconcilerError for a file that can't be used."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        _require_folder(path)
        return Memory(salt=secrets.token_hex(32), endpoint=endpoint)
    except OSError as error:
        raise ReconcilerError(f"The state file {path} can't be read: {error.strerror}.") from error
    memory = _memory_from(content, path)
    if memory.endpoint != endpoint:
        raise ReconcilerError(
            f"The state file {path} remembers drift on {memory.endpoint}, this run talks to {endpoint}. "
            "Keep a state file per endpoint and environment."
        )
    return memory


def update_memory(
    path: Path, update: Callable[[Memory], tuple[_Result, Memory]], *, endpoint: str, lock_seconds: float = LOCK_SECONDS
) -> _Result:
    """Read the memory, let `update` give its result and the memory after it, and write that; one process at a time.

    Raises ReconcilerError where the file can't be used or written, or others hold it for longer than `lock_seconds`.
    """
    with _locked(path, lock_seconds):
        result, after = update(read_memory(path, endpoint=endpoint))
        _write(path, after)
        return result


def _memory_from(content: bytes, path: Path) -> Memory:
    if len(content) > MAX_BYTES:
        raise ReconcilerError(f"The state file {path} is larger than 256 MiB: it was not written by this tool. {_ANEW}")
    try:
        document: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReconcilerError(f"The state file {path} is damaged: it is no JSON document ({error}). {_ANEW}") from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise ReconcilerError(f"The state file {path} holds something else: its kind is not {KIND}. Give another file.")
    version = str(document.get("format_version", ""))
    if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise ReconcilerError(
            f"The state file {path} has format {version or 'nothing'}, this version reads {FORMAT_VERSION}. "
            f"Use the version of the tool that wrote it. {_ANEW}"
        )
    try:
        return _memory(document)
    except (KeyError, TypeError, ValueError) as error:
        told = f"{type(error).__name__}: {error}"
        raise ReconcilerError(
            f"The state file {path} is damaged: a part of it is missing or wrong ({told}). {_ANEW}"
        ) from error


def _memory(document: dict[str, Any]) -> Memory:
    if not isinstance(document["entries"], list):
        raise TypeError("entries is not a list")
    entries = tuple(map(_entry, document["entries"]))
    if len({entry.place for entry in entries}) != len(entries):
        raise ValueError("two entries for one path")
    salt = _text(document, "salt")
    if len(bytes.fromhex(salt)) < 16:
        raise ValueError("the salt is too short")
    return Memory(
        salt=salt, endpoint=_text(document, "endpoint"), updated_at=_text(document, "updated_at"), entries=entries
    )


def _entry(document: dict[str, Any]) -> Entry:
    texts = {name: _text(document, name) for name in ("address", "path", "fingerprint", "first_seen")}
    if texts["address"].count("/") != 2:
        raise ValueError(f"{texts['address']!r} is no address")
    return Entry(**texts)


def _text(document: dict[str, Any], name: str) -> str:
    value = document[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is not a text")
    return value


def _write(path: Path, memory: Memory) -> None:
    document = {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "endpoint": memory.endpoint,
        "updated_at": memory.updated_at,
        "salt": memory.salt,
        "entries": [
            {
                "address": entry.address,
                "path": entry.path,
                "fingerprint": entry.fingerprint,
                "first_seen": entry.first_seen,
            }
            for entry in memory.entries
        ],
    }
    write_whole(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n", what="state file")


def _require_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise ReconcilerError(
            f"The state file {path} can't be written: there is no folder {path.parent}. Make it first."
        )


@contextmanager
def _locked(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock beside the file. The lock file stays: who deletes one may take it from under another process."""
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
                    f"The state file {path} is being updated by another run, for more than {seconds:g} seconds. Run again."
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
        """Take the lock if it is free; the system gives it back when the process ends, however it ends."""
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
