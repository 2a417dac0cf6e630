"""Reads the paths into documents with the position of every value. No other module reads manifest files.

A file is read once, however often and by whatever name it is given. `account.py` finds the files, and reports what isn't read;
`checkout.py` reports what git leaves out of the work tree. All problems of all files are collected; the content of a file never
raises an exception.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, TextIO

from reconciler.errors import Origin, Problem, ProblemList
from reconciler.loading.account import (
    MAX_FILE_BYTES,
    NO_DOCUMENT,
    STDIN,
    Skipped,
    account_of,
    report_unreadable,
)
from reconciler.loading.checkout import kept_out
from reconciler.loading.document import LoadedDocument
from reconciler.loading.parse import documents_from_text
from reconciler.loading.scalars import PlainReadings

__all__ = ["Loaded", "LoadedDocument", "Skipped", "load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The documents in the order of files and lines, and all problems.

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
    account = account_of(paths)
    problems, warnings = account.problems, account.warnings
    documents: list[LoadedDocument] = []
    hashes: list[str] = []
    readings = PlainReadings()
    files: list[str] = []
    for name in sorted(account.files.values()):
        content = _content(name, stdin, problems)
        if content is None:
            continue
        files.append(name)
        hashes.append(hashlib.sha256(content).hexdigest())
        found, is_whole = _documents(name, content, readings, problems)
        documents.extend(found)
        if not found and is_whole:
            # This may be a manifest that lost its content, so its model doesn't count as one without a manifest.
            account.skip(name, NO_DOCUMENT, may_hide=True)
            message = "this file has no document: it is empty, or has only comments."
            warnings.add("empty-file", message, Origin(path=name))
    digest = hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()
    return Loaded(
        documents=tuple(documents),
        problems=tuple(problems),
        files=tuple(files),
        skipped=account.judged(item for name in account.tops.values() for item in kept_out(name)),
        warnings=tuple(warnings),
        digest=f"sha256:{digest}",
    )


def _content(name: str, stdin: TextIO | BinaryIO | None, problems: ProblemList) -> bytes | None:
    """A file's bytes, or None and a problem if it can't be read or is too large."""
    try:
        content = _stdin_content(stdin) if name == STDIN else _file_content(name)
    except OSError as error:
        report_unreadable(name, error, problems)
        return None
    if content is None or len(content) > MAX_FILE_BYTES:
        _report_size(name, problems)
        return None
    return content


def _file_content(name: str) -> bytes | None:
    """A file's bytes; None, or more than are allowed, if it is too large."""
    # Without a Path and a buffer: where each model has a file, these take a third of the time of reading its YAML.
    with open(name, "rb", buffering=0) as file:  # noqa: PTH123
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            with io.BufferedReader(file) as pipe:
                return pipe.read(MAX_FILE_BYTES + 1)
        if status.st_size > MAX_FILE_BYTES:
            return None
        content = file.read(status.st_size + 1)
        # A file system may return less than it was asked for, and the file is longer by now if someone writes to it.
        while (
            len(content) != status.st_size
            and len(content) <= MAX_FILE_BYTES
            and (more := file.read(MAX_FILE_BYTES + 1 - len(content)))
        ):
            content += more
        return content


def _stdin_content(stdin: TextIO | BinaryIO | None) -> bytes:
    stream = sys.stdin if stdin is None else stdin
    content: str | bytes = getattr(stream, "buffer", stream).read(MAX_FILE_BYTES + 1)
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content


def _documents(
    name: str, content: bytes, readings: PlainReadings, problems: ProblemList
) -> tuple[list[LoadedDocument], bool]:
    """A file's documents, and whether all of it could be read."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        _report_encoding(name, content, error.start, problems)
        return [], False
    wrong = ProblemList()
    documents = documents_from_text(text, name, wrong, content=content, readings=readings)
    problems.extend(wrong)
    return documents, not wrong


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
