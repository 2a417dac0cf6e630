"""Text files that are written completely or not at all, and are on the disk when the call returns unless it says otherwise.

What is no regular file (`/dev/null`, a FIFO, bash's `>(…)`) is written into and stays what it is. A link is followed: the file
that it leads to is written. A file that can't be renamed over, because it is mounted by itself, is written in place.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from reconciler.errors import ReconcilerError
from reconciler.state.folder import PRIVATE_FILE

_DEVICES: Final = ("/dev/", "/proc/")
"""Below these, what looks like a regular file is an open file of a process (/dev/stdout), which a rename would take away."""

_NO_RENAME: Final = frozenset({errno.EBUSY, errno.EXDEV, errno.EROFS, errno.EACCES, errno.EPERM})
"""A file mounted by itself (EBUSY, EXDEV), maybe into a folder where no other file can be made."""


Text = str | Callable[[], Iterable[str]]
"""What a file gets: text, or a function that returns it in pieces, for one that had better not be in memory as a whole."""


def write_whole(path: Path, text: Text, *, what: str, mode: int = PRIVATE_FILE, is_flushed: bool = True) -> None:
    """Replace a file so that readers see the old content or the new one, never a part.

    Without `is_flushed`, a crash of the machine (not of the process) may leave the file empty. That is for many files that can be
    made again: flushing each takes ten times as long as writing it. Raises ReconcilerError, which names the file by `what`, if
    it can't be written; the old file is unchanged then.
    """
    try:
        if not os.path.lexists(path):
            # No link to follow: the path needn't be resolved, which takes longer than writing a small file.
            _replace(path, text, mode=mode, is_flushed=is_flushed)
            return
        if _is_written_into(path):
            _write_into(path, text)
            return
        target = Path(os.path.realpath(path))
        try:
            _replace(target, text, mode=mode, is_flushed=is_flushed)
        except OSError as error:
            if error.errno not in _NO_RENAME or not target.is_file():
                raise
            _write_into(target, text)
    except OSError as error:
        raise ReconcilerError(f"The {what} can't be written to {path}: {error.strerror}.") from error


def write_new(path: str | Path, text: Text, *, mode: int = PRIVATE_FILE, is_flushed: bool = True) -> None:
    """Create a file. Raises OSError, also if the file exists."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        for piece in _pieces(text):
            file.write(_encoded(piece))
        if not is_flushed:
            return
        # Otherwise a crash after the rename could leave an empty file (POSIX orders neither before the other).
        file.flush()
        os.fsync(file.fileno())


def _is_written_into(path: Path) -> bool:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    is_of_a_process = os.path.abspath(path).startswith(_DEVICES)  # noqa: PTH100  links are kept
    return is_of_a_process or not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode))


def _write_into(path: Path, text: Text) -> None:
    # Opening the file empties it, so all of its new content has to be there.
    content = _encoded("".join(_pieces(text)))
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        with suppress(OSError):  # a pipe can't be flushed to a disk
            os.fsync(file.fileno())


def _replace(path: Path, text: Text, *, mode: int, is_flushed: bool) -> None:
    # In the same folder, since a rename is atomic only within a file system.
    folder, name = os.path.split(path)
    draft = os.path.join(folder, f".{name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")  # noqa: PTH118  a fleet has many
    try:
        write_new(draft, text, mode=mode, is_flushed=is_flushed)
        os.replace(draft, path)  # noqa: PTH105
    except BaseException:  # whatever goes wrong while the pieces are made, too
        with suppress(OSError):
            os.unlink(draft)  # noqa: PTH108
        raise


def _pieces(text: Text) -> Iterable[str]:
    return (text,) if isinstance(text, str) else text()


def _encoded(text: str) -> bytes:
    # A name on the service may contain half a surrogate pair, which UTF-8 can't encode. As \\uXXXX it is the escape that
    # JSON uses for it.
    return text.encode("utf-8", "backslashreplace")
