"""The exit codes of every command: an interface that scripts rely on, so a number never changes its meaning.

click itself exits with 2 on a typo, which a job that watches for drift would take for drift. So USAGE is 64 (EX_USAGE of
BSD's sysexits.h), and 2 means pending changes only.
"""

from __future__ import annotations

from typing import Final

OK: Final = 0
"""Done, or nothing to do."""

ERROR: Final = 1
"""Bad manifest, credentials, service, unreadable file, or a bug in this program."""

CHANGES: Final = 2
"""Changes are pending: `drift`, and `plan --detailed-exitcode`, only."""

REFUSED: Final = 3
"""A guard refused before anything was written."""

INCOMPLETE: Final = 4
"""Some writes failed, or the live state, read back, is not as planned."""

USAGE: Final = 64
"""The command line is wrong; nothing was read from the service or sent to it."""

INTERRUPTED: Final = 130
"""Interrupted by the user or the runner (128 + SIGINT)."""
