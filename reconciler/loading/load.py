"""Paths → documents with the place of every value. The only reader of manifest files; it writes nothing.

A file is read once, however often and by whatever name it is given. In a folder, `*.yaml` and `*.yml` are found at any
depth; what is passed over (hidden names, links that leave the folder) is reported, never silently ignored. All problems of
all files are collected; nothing here raises for what a file holds.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Final, TextIO

from reconciler.errors import Origin, Problem, ProblemList
from reconciler.loading.document import LoadedDocument
from reconciler.loading.parse import documents_from_text
from reconciler.loading.scalars import PlainReadings

__all__ = ["Loaded", "LoadedDocument", "Skipped", "load"]

MAX_FILE_BYTES: Final = 10 * 1024 * 1024
STDIN: Final = "-"
HIDDEN: Final = "hidden"
SUFFIXES: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A name that was found and not read, and why. `may_hide` says that a manifest may be missed for it."""

    path: str
    reason: str
    may_hide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What reading gave: documents in the order of files and lines, and everything that was wrong.

    `files` are the files read, sorted, as the user wrote them ("-" is standard input); `digest` is over their
    contents alone, whatever their names and order.
    """

    documents: tuple[LoadedDocument, ...]
    problems: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[Problem, ...] = ()
    digest: str = ""


def load(paths: Sequence[str], *, stdin: TextIO | BinaryIO | None = None) -> Loaded:
    """Read every manifest under `paths`; `-` is `stdin` (the process's own where None is given)."""
    found = _Found()
    for path in sorted(set(paths)):
        _find(path, found)
    problems, warnings = found.problems, found.warnings
    documents: list[LoadedDocument] = []
    hashes: list[str] = []
    readings = PlainReadings()
    files: list[str] = []
    for name in sorted(found.files.values()):
        content = _content(name, stdin, problems)
        if content is None:
            continue
        files.append(name)
        hashes.append(hashlib.sha256(content).hexdigest())
        documents.extend(_documents(name, content, readings, problems, warnings))
    digest = hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()
    return Loaded(
        documents=tuple(documents),
        problems=tuple(problems),
        files=tuple(files),
        skipped=tuple(sorted(map(found.judged, found.skipped), key=lambda item: item.path)),
        warnings=tuple(warnings),
        digest=f"sha256:{digest}",
    )


@dataclass(slots=True)
class _Found:
    """What walking the paths gave: `files` maps the identity of each file to the name it is known by."""

    files: dict[str, str] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    problems: ProblemList = field(default_factory=ProblemList)
    warnings: ProblemList = field(default_factory=ProblemList)

    def add(self, name: str, identity: str | None = None) -> None:
        """Record a file, by its real path where that is known; of several names the first in alphabetical order stays."""
        if identity is None:
            identity = STDIN if name == STDIN else os.path.realpath(name)
        self.files[identity] = min(name, self.files.get(identity, name))

    def skip(self, name: str, reason: str, *, may_hide: bool = False) -> None:
        """Record a name passed over."""
        self.skipped.append(Skipped(path=name, reason=reason, may_hide=may_hide))

    def judged(self, item: Skipped) -> Skipped:
        """The same, and that nothing is missed for it where the file was read under another name."""
        is_read = item.may_hide and os.path.realpath(item.path) in self.files
        return replace(item, may_hide=False) if is_read else item


def _find(path: str, found: _Found) -> None:
    name = _posix(path)
    if path == STDIN:
        found.add(STDIN)
    elif not path or "\x00" in path:
        hint = "Give a file, a folder or -."
        found.problems.add("missing-path", "a path is empty or holds a NUL character.", Origin(path="."), hint=hint)
    else:
        _find_named(path, name, found)


def _find_named(path: str, name: str, found: _Found) -> None:
    """Record a given file, or what a given folder holds."""
    try:
        is_folder = stat.S_ISDIR(Path(path).stat().st_mode)
    except (FileNotFoundError, NotADirectoryError) as error:
        if Path(path).is_symlink():
            _report_unreadable(name, error, found.problems)
        else:
            hint = "Check the spelling and the working directory."
            found.problems.add("missing-path", "no such file or folder.", Origin(path=name), hint=hint)
        return
    except OSError as error:
        _report_unreadable(name, error, found.problems)
        return
    if not is_folder:
        found.add(name)
        return
    before = len(found.files) + len(tuple(found.problems))
    _walk(name, found)
    if len(found.files) + len(tuple(found.problems)) == before:
        message, hint = "no *.yaml or *.yml file in this folder.", "Is it the right one?"
        found.warnings.add("no-manifests", message, Origin(path=name), hint=hint)


def _walk(top: str, found: _Found) -> None:
    """Find manifests below `top`: real folders first, then linked ones, so that a file keeps its own name."""
    root = os.path.realpath(top)
    seen: set[str] = set()
    folders, linked = [top], list[str]()
    while folders or linked:
        folder = folders.pop() if folders else linked.pop(0)
        identity = os.path.realpath(folder)
        if identity in seen:
            found.skip(folder, "a link to a folder that is read already")
            continue
        seen.add(identity)
        for entry in _entries(folder, found):
            name = _joined(folder, entry.name)
            if entry.name.startswith("."):
                if entry.is_dir(follow_symlinks=False) or entry.name.endswith(SUFFIXES):
                    found.skip(name, HIDDEN)
            elif entry.is_symlink() and not _is_inside(os.path.realpath(name), root):
                if entry.name.endswith(SUFFIXES) or _is_mode(entry, stat.S_ISDIR):
                    found.skip(name, "a link that leaves the given folder", may_hide=True)
            elif _is_mode(entry, stat.S_ISDIR):
                (linked if entry.is_symlink() else folders).append(name)
            elif entry.name.endswith(SUFFIXES):
                if entry.is_symlink():
                    found.add(name)
                elif entry.is_file(follow_symlinks=False):
                    found.add(name, _joined(identity, entry.name))
                else:
                    found.skip(name, "not a regular file", may_hide=True)


def _entries(folder: str, found: _Found) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        _report_unreadable(folder, error, found.problems)
        return []


def _is_mode(entry: os.DirEntry[str], is_mode: Callable[[int], bool]) -> bool:
    """Whether an entry, or what it links to, is of that kind; not where it can't be told (a link to itself)."""
    try:
        return is_mode(entry.stat().st_mode)
    except OSError:
        return False


def _content(name: str, stdin: TextIO | BinaryIO | None, problems: ProblemList) -> bytes | None:
    """A file's bytes; None, and a problem, where it can't be read or is too large."""
    try:
        if name == STDIN:
            content = _stdin_content(stdin)
        else:
            status = Path(name).stat()
            if stat.S_ISREG(status.st_mode) and status.st_size > MAX_FILE_BYTES:
                _report_size(name, problems)
                return None
            with Path(name).open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        _report_unreadable(name, error, problems)
        return None
    if len(content) > MAX_FILE_BYTES:
        _report_size(name, problems)
        return None
    return content


def _stdin_content(stdin: TextIO | BinaryIO | None) -> bytes:
    stream = sys.stdin if stdin is None else stdin
    content: str | bytes = getattr(stream, "buffer", stream).read(MAX_FILE_BYTES + 1)
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content


def _documents(
    name: str, content: bytes, readings: PlainReadings, problems: ProblemList, warnings: ProblemList
) -> list[LoadedDocument]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        _report_encoding(name, content, error.start, problems)
        return []
    wrong = ProblemList()
    documents = documents_from_text(text, name, wrong, readings=readings)
    problems.extend(wrong)
    if not documents and not wrong:
        warnings.add("empty-file", "this file holds no document.", Origin(path=name))
    return documents


def _report_size(name: str, problems: ProblemList) -> None:
    limit = MAX_FILE_BYTES // (1024 * 1024)
    problems.add("file-too-large", f"larger than {limit} MiB; not read.", Origin(path=name), hint="Split the file.")


def _report_encoding(name: str, content: bytes, index: int, problems: ProblemList) -> None:
    before = content[:index]
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    origin = Origin(path=name, line=before.count(b"\n") + 1, column=column)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.add("not-utf-8", "the file is UTF-16.", origin, hint="Save it as UTF-8.")
    else:
        message = f"the byte 0x{content[index]:02X} is not valid UTF-8."
        problems.add("not-utf-8", message, origin, hint="Save the file as UTF-8.")


def _report_unreadable(name: str, error: OSError, problems: ProblemList) -> None:
    problems.add("unreadable", f"can't be read: {error.strerror or error}.", Origin(path=name))


def _is_inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _joined(folder: str, name: str) -> str:
    return name if folder == "." else f"{folder.rstrip('/')}/{name}"


def _posix(path: str) -> str:
    return path.replace(os.sep, "/").removesuffix("/") or "/"
