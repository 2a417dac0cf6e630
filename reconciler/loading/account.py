"""Accounts for every entry below the paths: to be read, not a manifest by its name, skipped with a reason, or an error.

It lists folders, and reads only hidden YAML files, to find out whether they contain manifests. An entry that can't be accessed
is a problem, because what was not read must never count as absent.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from reconciler.errors import Origin, ProblemList

MAX_FILE_BYTES: Final = 10 * 1024 * 1024
STDIN: Final = "-"
SUFFIXES: Final = (".yaml", ".yml")

HIDDEN: Final = "hidden"
HIDDEN_MANIFEST: Final = "hidden, but it contains a manifest"
LEADS_NOWHERE: Final = "a link that leads nowhere"
NO_DOCUMENT: Final = "it has no document"

_OWN_FOLDERS: Final = frozenset({".git", ".reconciler"})
"""git's own files, and the state of this tool, whose backups are manifests of what was deleted on purpose."""

_NOWHERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_API_VERSION: Final = re.compile(rb"""apiVersion["']?\s*:\s*["']?reconciler/""")


def is_manifest_name(name: str) -> bool:
    """Whether a file of this name in a folder is read as manifests: `*.yaml` or `*.yml`, in any letter case."""
    return name.lower().endswith(SUFFIXES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A name that was found but not read, with the reason. `may_hide` says that it may contain a manifest."""

    path: str
    reason: str
    may_hide: bool = False
    hint: str | None = None


@dataclass(slots=True)
class Account:
    """What was found at and below the paths. `files` maps the identity of each file to its name.

    `tops` are the folders to ask git about: the given ones, and those with a repository of their own below them.
    """

    files: dict[str, str] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    problems: ProblemList = field(default_factory=ProblemList)
    warnings: ProblemList = field(default_factory=ProblemList)
    folders: set[str] = field(default_factory=set)
    tops: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, identity: str | None = None) -> None:
        """Record a file, by its real path if that is known. Of several names, the first in alphabetical order is kept."""
        if identity is None:
            identity = STDIN if name == STDIN else os.path.realpath(name)
        self.files[identity] = min(name, self.files.get(identity, name))

    def skip(self, name: str, reason: str, *, may_hide: bool = False) -> None:
        """Record a name that isn't read."""
        self.skipped.append(Skipped(path=name, reason=reason, may_hide=may_hide))

    def judged(self, kept_out: Iterable[Skipped] = ()) -> tuple[Skipped, ...]:
        """All that was skipped, by path, including what git leaves out, but not what was read under another name."""
        found = {item.path: item for item in (*map(self._judged, self.skipped), *kept_out)}
        return tuple(found[path] for path in sorted(found))

    def _judged(self, item: Skipped) -> Skipped:
        if not item.may_hide or item.reason == NO_DOCUMENT:
            return item
        identity = os.path.realpath(item.path)
        return replace(item, may_hide=False) if identity in self.files or identity in self.folders else item


def account_of(paths: Sequence[str]) -> Account:
    """Every entry at and below `paths`; `-` is standard input."""
    account = Account()
    for path in sorted(set(paths)):
        name = _posix(path)
        if path == STDIN:
            account.add(STDIN)
        elif not path or "\x00" in path:
            hint = "Give a file, a folder or -."
            message = "a path is empty or contains a NUL character."
            account.problems.add("missing-path", message, Origin(path="."), hint=hint)
        else:
            _find_named(path, name, account)
    return account


def report_unreadable(name: str, error: OSError, problems: ProblemList) -> None:
    """Record that an entry can't be looked at."""
    problems.add("unreadable", f"can't be read: {error.strerror or error}.", Origin(path=name))


def _find_named(path: str, name: str, account: Account) -> None:
    """Record a given file, or what a given folder holds."""
    try:
        is_folder = stat.S_ISDIR(Path(path).stat().st_mode)
    except (FileNotFoundError, NotADirectoryError) as error:
        if Path(path).is_symlink():
            report_unreadable(name, error, account.problems)
        else:
            hint = "Check the spelling and the working directory."
            account.problems.add("missing-path", "no such file or folder.", Origin(path=name), hint=hint)
        return
    except OSError as error:
        report_unreadable(name, error, account.problems)
        return
    if not is_folder:
        account.add(name)
        return
    account.tops.setdefault(os.path.realpath(name), name)
    before = len(account.files) + len(tuple(account.problems))
    _walk(name, account)
    if len(account.files) + len(tuple(account.problems)) == before:
        message, hint = "no *.yaml or *.yml file in this folder.", "Is it the right one?"
        account.warnings.add("no-manifests", message, Origin(path=name), hint=hint)


def _walk(top: str, account: Account) -> None:
    """Find manifests below `top`: real folders first, then linked ones, so that a file keeps its own name."""
    root = os.path.realpath(top)
    seen: set[str] = set()
    folders, linked = [top], list[str]()
    while folders or linked:
        folder = folders.pop() if folders else linked.pop(0)
        identity = os.path.realpath(folder)
        if identity in seen:
            account.skip(folder, "a link to a folder that is read already")
            continue
        seen.add(identity)
        for entry in _entries(folder, account):
            name = _joined(folder, entry.name)
            try:
                if entry.name.startswith("."):
                    _hidden(entry, name, folder, account)
                elif entry.is_symlink():
                    _link(entry, name, root, linked, account)
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                elif is_manifest_name(entry.name):
                    if entry.is_file(follow_symlinks=False):
                        account.add(name, _joined(identity, entry.name))
                    else:
                        account.skip(name, "not a regular file", may_hide=True)
            except OSError as error:
                report_unreadable(name, error, account.problems)
    account.folders |= seen


def _link(entry: os.DirEntry[str], name: str, root: str, linked: list[str], account: Account) -> None:
    """Record what a link leads to. One that leads nowhere may be to a folder, whatever it is called."""
    is_inside = _is_inside(os.path.realpath(name), root)
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        if error.errno not in _NOWHERE and is_inside:
            raise
        reason = LEADS_NOWHERE if error.errno in _NOWHERE else f"a link that can't be followed ({error.strerror})"
        account.skip(name, reason, may_hide=True)
        return
    if not is_inside:
        if is_manifest_name(entry.name) or stat.S_ISDIR(mode):
            account.skip(name, "a link that leaves the given folder", may_hide=True)
    elif stat.S_ISDIR(mode):
        linked.append(name)
    elif is_manifest_name(entry.name):
        account.add(name)


def _hidden(entry: os.DirEntry[str], name: str, folder: str, account: Account) -> None:
    """Record a hidden entry, and each file in it that is a manifest but for the hidden name."""
    if entry.name == ".git":
        account.tops.setdefault(os.path.realpath(folder), folder)
    try:
        is_folder = entry.is_dir()
    except OSError:
        is_folder = entry.is_dir(follow_symlinks=False)
    if not is_folder and not is_manifest_name(entry.name):
        return
    manifests = [] if entry.name in _OWN_FOLDERS else list(_manifests_in(name, is_folder=is_folder))
    account.skipped.extend(manifests)
    if not manifests and (is_manifest_name(entry.name) or not entry.is_symlink()):
        account.skip(name, HIDDEN)


def _manifests_in(name: str, *, is_folder: bool) -> Iterator[Skipped]:
    """The manifests at or below a hidden name, and what of it can't be looked at."""
    unreadable: list[OSError] = []
    files = [name]
    if is_folder:
        files = []
        for folder, folders, names in os.walk(name, onerror=unreadable.append):
            folders[:] = sorted(set(folders) - _OWN_FOLDERS)
            files += [_joined(folder, each) for each in sorted(names) if is_manifest_name(each)]
    for file in files:
        try:
            if _holds_manifest(file):
                yield Skipped(path=file, reason=HIDDEN_MANIFEST, may_hide=True)
        except OSError as error:  # noqa: PERF203  each file's own
            if error.errno not in _NOWHERE:
                error.filename = file
                unreadable.append(error)
    for failure in unreadable:
        reason = f"hidden, and it can't be accessed ({failure.strerror})"
        yield Skipped(path=_posix(str(failure.filename or name)), reason=reason, may_hide=True)


def _holds_manifest(file: str) -> bool:
    if not stat.S_ISREG(Path(file).stat().st_mode):
        return False
    with Path(file).open("rb") as opened:
        # UTF-16 isn't read as a manifest, but may be meant as one.
        return _API_VERSION.search(opened.read(MAX_FILE_BYTES).replace(b"\0", b"")) is not None


def _entries(folder: str, account: Account) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        report_unreadable(folder, error, account.problems)
        return []


def _is_inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _joined(folder: str, name: str) -> str:
    return name if folder == "." else f"{folder.rstrip('/')}/{name}"


def _posix(path: str) -> str:
    return path.replace(os.sep, "/").removesuffix("/") or "/"
