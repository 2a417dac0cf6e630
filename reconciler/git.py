"""The commit that the working directory is at, for a plan's `source`; None where there is no git or no repository."""

from __future__ import annotations

import subprocess


def head_commit() -> str | None:
    """The full id of HEAD, or None."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--verify", "--quiet", "HEAD"], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
