"""Runs git in the repository of a folder. The calls only read: they don't change the work tree, the index or its locks.

git sets variables for its hooks (GIT_DIR, GIT_INDEX_FILE and others) that direct every git process to the repository of the
hook, and make any folder the top of the work tree. They are cleared, so that only the folder counts.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

TIMEOUT: Final = 120

_LOCAL: Final = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NAMESPACE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
        # Not about a repository, but about what a path on the command line means.
        "GIT_GLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_LITERAL_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
    }
)
"""`git rev-parse --local-env-vars`, but for GIT_CONFIG_COUNT and GIT_CONFIG_PARAMETERS: containers set safe.directory by them."""


def run_git(folder: str | Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder. Raises FileNotFoundError if git isn't installed, OSError or TimeoutExpired if it fails to run."""
    return subprocess.run(
        ["git", "-C", str(folder), *arguments],
        input=given,
        capture_output=True,
        check=False,
        timeout=TIMEOUT,
        env=git_environ(os.environ),
    )


def git_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of such a call: without what leads to another repository, without locks, prompts and translations."""
    kept = {name: value for name, value in environ.items() if name not in _LOCAL}
    return {**kept, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def reason_of(answer: subprocess.CompletedProcess[bytes]) -> str:
    """The first line of what git said about a failure."""
    return answer.stderr.decode(errors="replace").strip().partition("\n")[0] or "it gave no reason"
