"""The state folder: `.reconciler/` beside reconciler.yaml (in the working directory without one), or the folder that
RECONCILER_STATE_DIR names.

It contains `runs/` (a journal for each apply), `backup/` (deleted models) and `locks/`. Only the owner can read what is in
it, because journals and backups contain live values.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from reconciler.errors import ReconcilerError

VARIABLE: Final = "RECONCILER_STATE_DIR"
DEFAULT: Final = Path(".reconciler")
EMBEDDED: Final = DEFAULT / "embedded.db"
PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700


def state_dir(environ: Mapping[str, str], *, root: Path = Path()) -> Path:
    """Return the path of the state folder, which need not exist: the one that the variable names, else that in `root`.

    An empty variable counts as not set.
    """
    return Path(environ.get(VARIABLE) or root / DEFAULT)


def require_own(path: Path) -> None:
    """Raise ReconcilerError if `path` lies in a `.reconciler` folder that other users can write to or that belongs to one.

    Whoever can write there can replace journals, locks and backups. A folder that RECONCILER_STATE_DIR names has another
    name as a rule, and is the choice of whoever set the variable.
    """
    if os.name != "posix":
        return
    folder = next((each for each in (path, *path.parents) if each.name == DEFAULT.name), None)
    if folder is None:
        return
    try:
        found = folder.stat()
    except OSError:
        return  # It doesn't exist yet, or can't be used; creating it will say why.
    if found.st_uid != os.geteuid():
        problem = f"it belongs to another user (uid {found.st_uid}, this process has {os.geteuid()})"
        remedy = "Delete it"
    elif found.st_mode & stat.S_IWOTH:
        problem = f"every user of this machine can write to it (mode {stat.S_IMODE(found.st_mode):04o})"
        remedy = f"Run chmod 700 '{folder}'"
    else:
        return
    raise ReconcilerError(
        f"The state folder {folder} is refused: {problem}. {remedy}, or name another folder in {VARIABLE}."
    )


def embedded_state(stated: str | None, *, root: Path) -> Path:
    """Return the file of the embedded emulator, after creating its folder. `stated` is the file in `embedded:FILE`.

    Raises ReconcilerError if the folder can't be used.
    """
    path = Path(stated) if stated else root / EMBEDDED
    require_own(path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReconcilerError(
            f"The emulator's folder {path.parent} can't be created: {error.strerror}. Name a file in a writable folder, as "
            "in --endpoint embedded:FILE."
        ) from error
    return path


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
