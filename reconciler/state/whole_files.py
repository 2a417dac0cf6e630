"""Text files that others read are written whole or not at all, and are on the disk before anybody is told of them."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from reconciler.errors import ReconcilerError
from reconciler.state.folder import PRIVATE_FILE


def write_whole(path: Path, text: str, *, what: str, mode: int = PRIVATE_FILE) -> None:
    """Write a file so that readers see the old one or the new one, never a part.

    `what` is its name in the ReconcilerError that is raised where it can't be written; the old one is still there then.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        write_new(draft, text, mode=mode)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise ReconcilerError(f"The {what} can't be written to {path}: {error.strerror}.") from error


def write_new(path: Path, text: str, *, mode: int = PRIVATE_FILE) -> None:
    """Write a file that isn't there yet. Raises OSError."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        # Half a surrogate pair, which a name in the service may hold, becomes the escape that JSON has for it.
        file.write(text.encode("utf-8", "backslashreplace"))
        file.flush()
        os.fsync(file.fileno())
