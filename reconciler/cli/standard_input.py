"""Standard input as commands use it: the manifests of "-", and the terminal to ask on; it may be closed."""

from __future__ import annotations

import sys
from typing import BinaryIO

from reconciler.errors import ReconcilerError


def has_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin is not None and sys.stdin.isatty()


def manifests_from_stdin(paths: tuple[str, ...]) -> BinaryIO | None:
    """The stream behind "-" among `paths`, or None where it isn't asked for. Raises ReconcilerError where it is closed."""
    if "-" not in paths:
        return None
    if sys.stdin is None:
        raise ReconcilerError("Standard input is closed, so '-' can't be read. Give a file, or pipe the manifests in.")
    return sys.stdin.buffer
