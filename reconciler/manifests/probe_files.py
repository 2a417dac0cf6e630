"""The files that the inputs of probes name: whether each is there and may be read, and its content.

Takes probes, returns problems with their places, or the bytes of a file. A file lies in or below the folder of its manifest, also
where links are followed, and is at most 20 MiB. Nothing outside of that folder is ever opened.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from reconciler.errors import Problem
from reconciler.resources.probe import Probe, ProbeInput
from reconciler.resources.wording import quoted

MAX_BYTES: Final = 20 * 1024 * 1024


class UnreadableFileError(ValueError):
    """A file that can't be used as an input; the message says why."""


def problems_of_files(probes: Iterable[Probe]) -> Iterator[Problem]:
    """A problem for each file that can't be used, at its place."""
    for probe in probes:
        for item in probe.inputs:
            if item.file is None:
                continue
            try:
                _require_usable(item.file, Path(probe.origin.path).parent)
            except UnreadableFileError as error:
                yield Problem(
                    code="bad-file",
                    message=f"the file {quoted(item.file)} of the input {quoted(item.id)} {error}.",
                    origin=item.origin,
                    pointer="/spec/inputs",
                    hint="Name an image in the folder of this manifest, or below it, of at most 20 MiB.",
                )


def content_of(probe: Probe, item: ProbeInput) -> bytes:
    """The content of an input's file. Raises UnreadableFileError, also if it isn't the content that a saved plan recorded."""
    real = _require_usable(item.file or "", Path(probe.origin.path).parent)
    try:
        with real.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnreadableFileError(f"can't be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise UnreadableFileError("is larger than 20 MiB")
    if item.digest is not None and digest_of(content) != item.digest:
        raise UnreadableFileError("has changed since the plan was made")
    return content


def digest_of(content: bytes) -> str:
    """The digest of a file's content, as plans record it."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _require_usable(file: str, folder: Path) -> Path:
    """The file itself, links followed."""
    try:
        real, root = os.path.realpath(file), os.path.realpath(folder)
        if os.path.commonpath((real, root)) != root:
            raise UnreadableFileError("is a link that leaves the folder of its manifest")
        found = Path(real).stat()
    except FileNotFoundError:
        raise UnreadableFileError("doesn't exist") from None
    except (OSError, ValueError) as error:
        if isinstance(error, UnreadableFileError):
            raise
        raise UnreadableFileError(f"can't be read: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableFileError("is not a regular file")
    if found.st_size > MAX_BYTES:
        raise UnreadableFileError("is larger than 20 MiB")
    if not found.st_size:
        raise UnreadableFileError("is empty")
    if not os.access(real, os.R_OK):
        raise UnreadableFileError("can't be read: permission denied")
    return Path(real)
