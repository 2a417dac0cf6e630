"""The folder that runs leave things in: `.reconciler/` in the working directory, or what RECONCILER_STATE_DIR names.

It holds `runs/` (a journal for each apply), `backup/` (what was deleted) and `locks/`. Everything in it is readable by its
owner alone.
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
    """The folder; an empty variable counts as not set."""
    return Path(environ.get(VARIABLE) or DEFAULT)


def make_private_folder(path: Path) -> None:
    """Make a folder and those above it, mode 0700. Raises OSError."""
    for parent in (*reversed(path.parents), path):
        if not parent.exists():
            parent.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def sync_folder(path: Path) -> None:
    """See a folder's entries onto the disk: without it a crash could lose the names of files that are there."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
