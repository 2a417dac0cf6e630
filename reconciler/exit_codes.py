"""The exit codes of every command. They are a public interface: the meaning of a number never changes."""

from __future__ import annotations

from typing import Final

OK: Final = 0
"""The command succeeded, or there was nothing to do."""

ERROR: Final = 1
"""An invalid manifest, missing credentials, a failed call, an unreadable file, or a bug in this program."""

CHANGES: Final = 2
"""Changes are pending. Only `drift` and `plan --detailed-exitcode` use it."""

REFUSED: Final = 3
"""A guard refused the run before anything was written."""

INCOMPLETE: Final = 4
"""Some writes failed, the live state afterwards isn't the planned one, or a prediction isn't as `apply --probe` expects."""

# click would exit with 2 on a typo, which a job that watches for drift would take for pending changes. 64 is EX_USAGE of
# BSD's sysexits.h.
USAGE: Final = 64
"""The command line is invalid. Nothing was read from or sent to the service."""

INTERRUPTED: Final = 130
"""The run was interrupted by SIGINT or SIGTERM (128 + the number of SIGINT). The report lists what had been written."""
