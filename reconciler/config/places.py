"""The folders that a process runs with: its working directory and the home of its user."""

from __future__ import annotations

from pathlib import Path

from reconciler.errors import ReconcilerError


def working_directory() -> Path:
    """Return the absolute path of the working directory. Raises ReconcilerError if it doesn't exist any more."""
    try:
        return Path.cwd()
    except OSError as error:
        raise ReconcilerError(
            f"The working directory can't be used: {error.strerror}. Change to a folder that exists."
        ) from error


def home_folder() -> Path | None:
    """Return the home of the user, None if there is none."""
    try:
        home = Path.home()
    except RuntimeError:
        # HOME isn't set and the user id has no entry in the user database, as in many containers.
        return None
    # An empty or relative HOME would make a file of the working directory, such as a checkout, count as the user's own.
    return home if home.is_absolute() else None
