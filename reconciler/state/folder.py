"""The state folder: `.reconciler/` in the working directory, or the folder that RECONCILER_STATE_DIR names.

It contains `runs/` (a journal for each apply), `backup/` (deleted models) and `locks/`. Only the owner can read what is in
it, because journals and backups contain live values.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

VARIABLE: Final = "RECONCILER_STATE_DIR"
DEFAULT: Final = Path(".reconciler")
PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700


def state_dir(environ: Mapping[str, str]) -> Path:
    """Return the path of the state folder, which need not exist. An empty variable counts as not set."""
    return Path(environ.get(VARIABLE) or DEFAULT)


def make_private_folder(path: Path) -> None:
    """Create a folder and its missing parents with mode 0700. Folders that exist keep their mode. Raises OSError."""
    # Not mkdir(parents=True): it gives the parents the default mode, whatever `mode` says.
    for parent in (*reversed(path.parents), path):
        if not parent.exists():
            parent.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def sync_folder(path: Path) -> None:
    """Flush a folder's entries to the disk. Raises OSError.

    Flushing a file doesn't flush its name (POSIX, fsync): after a crash a new file could be missing from its folder.
    """
    # A folder can't be opened for writing, but fsync works on a read-only handle.
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
