"""What git says about the manifests: the commit and the branch.

In: paths. Out: names, or None. git is run only where the paths are in a repository.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from reconciler.loading.checkout import repository_of
from reconciler.loading.git import run_git


def commit_of(paths: Sequence[str]) -> str | None:
    """The full id of HEAD in the repository that holds the first path; None where there is none, or no git.

    It ends in `-dirty` if the work tree has changes at or below any of the paths, untracked files included.
    """
    places = _places(paths)
    folder = _folder(places)
    if repository_of(folder) is None:
        return None
    try:
        head = run_git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
        if head.returncode != 0 or not head.stdout.strip():
            return None
        commit = head.stdout.decode().strip()
        if all(path == "-" for path in paths):
            return commit
        is_dirty = any(map(_has_changes, places))
    except (OSError, subprocess.TimeoutExpired):
        return None
    return f"{commit}-dirty" if is_dirty else commit


def branch_of(paths: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """The branch that is checked out in the repository that holds the first path.

    CI systems check out a commit without a branch, and name the branch in a variable. None where nothing names one.
    """
    found = ""
    folder = _folder(_places(paths))
    if repository_of(folder) is not None:
        try:
            head = run_git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
        except (OSError, subprocess.TimeoutExpired):
            return None
        found = head.stdout.decode(errors="replace").strip() if head.returncode == 0 else ""
    return found or next((environ[name] for name in _BRANCH_VARIABLES if environ.get(name)), None)


_BRANCH_VARIABLES: Final = (
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
    "CI_COMMIT_REF_NAME",
)
"""Of GitHub Actions ("Variables reference") and GitLab CI/CD ("Predefined CI/CD variables reference"); of a pull request first."""


def _places(paths: Sequence[str]) -> list[Path]:
    return [Path(os.path.realpath(path)) for path in paths if path != "-"] or [Path.cwd()]


def _folder(places: Sequence[Path]) -> Path:
    return places[0] if places[0].is_dir() else places[0].parent


def _has_changes(place: Path) -> bool:
    """Whether the work tree that holds `place` differs there from its HEAD. What git can't tell counts as a change."""
    folder, name = (place, ".") if place.is_dir() else (place.parent, place.name)
    found = run_git(
        folder, "--literal-pathspecs", "status", "--porcelain", "-z", "--untracked-files=normal", "--", name
    )
    return found.returncode != 0 or bool(found.stdout)
