"""What git tracks below a folder and keeps out of the work tree: submodules, sparse checkouts, skip-worktree files.

In: a folder. Out: what may contain a manifest that is not read. git is asked only if the folder is in a repository; without
git, nothing is reported. A tracked file that simply doesn't exist doesn't count, since that is how a person removes one.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reconciler.loading.account import Skipped, is_manifest_name
from reconciler.loading.git import reason_of, run_git

_LINK: Final = b"120000"
_SUBMODULE: Final = b"160000"
_SKIP_WORKTREE: Final = b"S "

KEPT_OUT: Final = "git tracks it, but keeps it out of the work tree (sparse checkout or skip-worktree)"
NOT_CHECKED_OUT: Final = "a submodule that is not checked out"


def kept_out(folder: str) -> Iterator[Skipped]:
    """What git keeps out of the work tree below `folder`, by the repository that holds it."""
    place = os.path.realpath(folder)
    root = repository_of(place)
    if root is None:
        return
    below = os.path.relpath(place, root)
    try:
        answer = run_git(root, "--literal-pathspecs", "ls-files", "-z", "-s", "-t", "--", below)
    except FileNotFoundError:
        return
    except (OSError, subprocess.TimeoutExpired) as error:
        yield _unanswered(folder, type(error).__name__)
        return
    if answer.returncode != 0:
        yield _unanswered(folder, reason_of(answer))
        return
    yield from _judged(answer.stdout, folder, below, root)


def _judged(listed: bytes, folder: str, below: str, root: str) -> Iterator[Skipped]:
    missing: list[str] = []
    prefix = "" if below == "." else f"{below}/"
    for line in listed.split(b"\0"):
        # Most lines are about files that exist; only their tag and mode are looked at.
        if not line.startswith(_SKIP_WORKTREE) and line[2:8] != _SUBMODULE:
            continue
        about, _, encoded = line.partition(b"\t")
        mode = about.split(b" ")[1]
        path = os.fsdecode(encoded)
        name = path.removeprefix(prefix) if path != below else ""
        shown = f"{folder.rstrip('/')}/{name}" if name and folder != "." else name or folder
        if any(part.startswith(".") for part in name.split("/")):
            continue
        if mode == _SUBMODULE:
            if not os.path.lexists(Path(root, path, ".git")):
                yield Skipped(path=shown, reason=NOT_CHECKED_OUT, may_hide=True, hint="`git submodule update --init`.")
        elif (mode == _LINK or is_manifest_name(path)) and not os.path.lexists(Path(root, path)):
            missing.append(shown)
    if missing:
        more = f", and so it does with {len(missing) - 1} more" if missing[1:] else ""
        hint = "`git sparse-checkout disable`, or `git update-index --no-skip-worktree FILE`."
        yield Skipped(path=missing[0], reason=f"{KEPT_OUT}{more}", may_hide=True, hint=hint)


def _unanswered(folder: str, why: str) -> Skipped:
    reason = f"git can't say whether files are kept out of the work tree ({why})"
    return Skipped(path=folder, reason=reason, may_hide=True, hint="Try `git status` there.")


def repository_of(place: str | Path) -> str | None:
    """The nearest folder at or above `place` that holds a git repository; None where there is none."""
    folder = Path(place)
    for each in (folder, *folder.parents):
        if _is_repository(each / ".git"):
            return str(each)
    return None


def _is_repository(place: Path) -> bool:
    """Whether this `.git` is one: a folder with a HEAD, or a file that leads to such a folder.

    What leads nowhere is the rest of a repository that isn't here (a work tree that was copied into a container).
    """
    try:
        if place.is_dir():
            return os.path.lexists(place / "HEAD")
        text = place.read_bytes()[:4096].decode(errors="surrogateescape")
    except OSError:
        return False
    led = text.removeprefix("gitdir:").strip()
    return text.startswith("gitdir:") and (place.parent / led / "HEAD").exists()
