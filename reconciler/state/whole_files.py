"""Text files that are written completely or not at all, and are on the disk when the call returns."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from reconciler.errors import ReconcilerError
from reconciler.state.folder import PRIVATE_FILE


def write_whole(path: Path, text: str, *, what: str, mode: int = PRIVATE_FILE) -> None:
    """Replace a file so that readers see the old content or the new one, never a part.

    Raises ReconcilerError, which names the file by `what`, if it can't be written; the old file is unchanged then.
    """
    # In the same folder, since a rename is atomic only within a file system.
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        write_new(draft, text, mode=mode)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise ReconcilerError(f"The {what} can't be written to {path}: {error.strerror}.") from error


def write_new(path: Path, text: str, *, mode: int = PRIVATE_FILE) -> None:
    """Create a file. Raises OSError, also if the file exists."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        # A name on the service may contain half a surrogate pair, which UTF-8 can't encode. As \\uXXXX it is the escape
        # that JSON uses for it.
        file.write(text.encode("utf-8", "backslashreplace"))
        # Otherwise a crash after the rename could leave an empty file (POSIX orders neither before the other).
        file.flush()
        os.fsync(file.fileno())
