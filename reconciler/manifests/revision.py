"""Writes the manifests of a git revision into a temporary folder, to be read like any other.

In: paths in a work tree, and a revision. Out: a folder with the files of the revision at the same places. They are read from
git's objects: the work tree, the index and the repository don't change, and hooks, filters and attributes have no effect.
Links that stay inside the tree are kept, and a path that the revision doesn't have is missing. Of a submodule, the commit that the revision names is read from the submodule's own repository.
"""

from __future__ import annotations

import os
import posixpath
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.errors import ReconcilerError, UsageError
from reconciler.loading.account import is_manifest_name
from reconciler.loading.git import reason_of, run_git

LARGEST: Final = 10 * 1024 * 1024
"""A larger file gets its length but not its content, because it is refused by its size."""

_SUBMODULE: Final = "160000"
_LINK: Final = "120000"
_FILES: Final = ("100644", "100755", "100664")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkTree:
    """A git work tree; `root` is its real path."""

    root: Path

    def inside(self, path: str | Path) -> str | None:
        """A path's name below the root ("" for the root itself), None where it lies elsewhere.

        Links on the way are followed, the last name is not: a link is itself a file of the tree.
        """
        given = Path(os.path.normpath(Path.cwd() / path))
        real = Path(os.path.realpath(given.parent)) / given.name
        if self.root in {real, Path(os.path.realpath(given))}:
            return ""
        return real.relative_to(self.root).as_posix() if real.is_relative_to(self.root) else None

    def commit(self, ref: str) -> str:
        """The full id of the commit that a revision names. Raises ReconcilerError where there is none."""
        if not ref.strip() or ref.startswith("-"):
            raise UsageError(f"--base {ref!r} is not a git revision. Give a branch, a tag or a commit.")
        found = _git(self.root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        if found.returncode == 0:
            return found.stdout.decode().strip()
        shallow = _git(self.root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
        if shallow:
            raise ReconcilerError(
                f"--base {ref}: this clone is shallow and doesn't hold that revision. Fetch it first: fetch-depth: 0 for "
                "actions/checkout, GIT_DEPTH: 0 on GitLab, or `git fetch --unshallow`."
            )
        raise ReconcilerError(
            f"--base {ref}: the repository at {self.root} has no such revision. Fetch it (`git fetch origin`), or correct "
            "the name; a branch that is only on the remote is called origin/NAME."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One name in a revision's tree. `repository` is a folder in which git finds the object."""

    mode: str
    blob: str
    size: int
    repository: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenOut:
    """A revision's manifests. `unread` are the submodules of it that can't be read, each with the reason."""

    folder: Path
    unread: tuple[tuple[str, str], ...]


def work_tree(path: str | Path) -> WorkTree:
    """The work tree that holds a file or folder. Raises ReconcilerError where there is none, or no git."""
    place = Path(path)
    folder = place if place.is_dir() else place.parent
    found = _git(folder, "rev-parse", "--show-toplevel")
    root = found.stdout.decode(errors="surrogateescape").removesuffix("\n")
    if found.returncode != 0 or not root:
        said = reason_of(found)
        raise ReconcilerError(f"--base needs a git repository, and {path} is not in one that can be read: {said}.")
    return WorkTree(root=Path(os.path.realpath(root)))


@contextmanager
def written_out(tree: WorkTree, commit: str, names: Sequence[str]) -> Iterator[WrittenOut]:
    """A private folder with the manifests of a commit at and below `names`; it is gone at the end.

    What links among them lead to is there too. Raises ReconcilerError where git can't give them.
    """
    with tempfile.TemporaryDirectory(prefix="reconciler-base-") as made:
        folder = Path(os.path.realpath(made))
        listed = _require(_ls_tree(tree.root, commit), "list")
        submodules: dict[str, str] = {}
        entries = dict(_entries(tree, listed, tree.root, "", submodules))
        unread = tuple(
            (name, reason) for name, reason in sorted(submodules.items()) if any(_overlap(name, top) for top in names)
        )
        chosen = _chosen(entries, names)
        contents = _contents([entry for entry in chosen.values() if entry.size <= LARGEST])
        for name, entry in chosen.items():
            _write(folder, name, entry, contents.get(entry.blob, b""))
        yield WrittenOut(folder=folder, unread=unread)


def _ls_tree(repository: Path, commit: str) -> subprocess.CompletedProcess[bytes]:
    return _git(repository, "ls-tree", "-r", "-z", "-l", "--full-tree", commit)


def _entries(
    tree: WorkTree, listed: bytes, repository: Path, prefix: str, unread: dict[str, str]
) -> Iterator[tuple[str, _Entry]]:
    """The files of a listed tree and of its submodules, by their names below the root.

    `unread` gets the reason for each submodule that can't be listed.
    """
    for line in listed.split(b"\0"):
        about, tab, encoded = line.partition(b"\t")
        if not tab:
            continue
        mode, _, name_of_object, size = about.decode().split()
        name = f"{prefix}{os.fsdecode(encoded)}"
        if mode != _SUBMODULE:
            yield name, _Entry(mode=mode, blob=name_of_object, size=int(size), repository=repository)
            continue
        place = _submodule(tree, name)
        answer = None if place is None else _ls_tree(place, name_of_object)
        if place is None or answer is None:
            unread[name] = "it is not checked out"
        elif answer.returncode != 0:
            unread[name] = f"its clone doesn't have commit {name_of_object[:12]}"
        else:
            yield from _entries(tree, answer.stdout, place, f"{name}/", unread)


def _submodule(tree: WorkTree, name: str) -> Path | None:
    """A folder in which git finds a submodule's objects; None where the submodule was never cloned here."""
    checked_out = tree.root / name
    if os.path.lexists(checked_out / ".git"):
        return checked_out
    # A submodule that was removed since keeps its repository there, under the name that is by default its path.
    found = _git(tree.root, "rev-parse", "--path-format=absolute", "--git-common-dir")
    kept = Path(os.fsdecode(found.stdout.removesuffix(b"\n"))) / "modules" / name
    return kept if found.returncode == 0 and (kept / "HEAD").is_file() else None


def _overlap(name: str, top: str) -> bool:
    """Whether one of two names is the other, or lies below it ("" is the root)."""
    return top in {"", name} or name.startswith(f"{top}/") or top.startswith(f"{name}/")


def _chosen(entries: dict[str, _Entry], names: Sequence[str]) -> dict[str, _Entry]:
    """The manifests at and below `names`, the links there, and what these lead to inside the tree."""
    found: dict[str, _Entry] = {}
    links = _contents([entry for entry in entries.values() if entry.mode == _LINK])
    todo = list(names)
    seen: set[str] = set()
    while todo:
        top = todo.pop()
        if top in seen:
            continue
        seen.add(top)
        for name, entry in entries.items():
            if name in found or not _is_safe(name) or not (top in {"", name} or name.startswith(f"{top}/")):
                continue
            if entry.mode == _LINK:
                led = posixpath.normpath(posixpath.join(posixpath.dirname(name), os.fsdecode(links[entry.blob])))
                if not led.startswith(("/", "../")) and led != "..":
                    found[name] = entry
                    todo.append("" if led == "." else led)
            elif entry.mode in _FILES and (name == top or is_manifest_name(name)):
                found[name] = entry
    return found


def _is_safe(name: str) -> bool:
    """Whether a name of a tree stays below the folder it is written to; git itself never makes another."""
    return not {"", ".", ".."} & set(name.split("/"))


def _contents(entries: Sequence[_Entry]) -> dict[str, bytes]:
    """The contents of files by their objects, in one call of git for each repository."""
    asked: dict[Path, dict[str, None]] = {}
    for entry in entries:
        asked.setdefault(entry.repository, {})[entry.blob] = None
    contents: dict[str, bytes] = {}
    for repository, blobs in asked.items():
        given = "".join(f"{blob}\n" for blob in blobs).encode()
        contents.update(_objects(_require(_git(repository, "cat-file", "--batch", given=given), "read")))
    return contents


def _objects(answer: bytes) -> Iterator[tuple[str, bytes]]:
    """What `git cat-file --batch` prints: for each blob its name and its content."""
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        blob, _, size = answer[at:end].decode().partition(" blob ")
        if not size:
            raise ReconcilerError(f"git has no content for object {blob}: the clone is not complete. Fetch all of it.")
        at = end + 1 + int(size)
        yield blob, answer[end + 1 : at]
        at += 1


def _write(folder: Path, name: str, entry: _Entry, content: bytes) -> None:
    target = folder / name
    # A tree can't hold a name below a link, so no parent made here can be one.
    target.parent.mkdir(parents=True, exist_ok=True)
    if entry.mode == _LINK:
        target.symlink_to(os.fsdecode(content))
        return
    with target.open("xb") as file:
        file.write(content)
        if entry.size > LARGEST:
            file.truncate(entry.size)


def _require(answer: subprocess.CompletedProcess[bytes], verb: str) -> bytes:
    if answer.returncode != 0:
        raise ReconcilerError(f"git could not {verb} the manifests of the base: {reason_of(answer)}.")
    return answer.stdout


def _git(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return run_git(folder, *arguments, given=given)
    except FileNotFoundError as error:
        raise ReconcilerError("--base needs git, which is not on the PATH. Install it.") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReconcilerError(
            f"--base: git did not answer ({type(error).__name__}). Try `git status` there."
        ) from error
