"""Manifests of live models → a file for each.

In: exported manifests and a folder. Out: files, each written whole under a name that is made of its model's id, and what was lost
where a file was replaced. A file that exists is replaced on request only.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from reconciler.apply.export import Exported, Loss
from reconciler.apply.losses import lost_by_replacing
from reconciler.errors import ReconcilerError, Refusal, RefusedError
from reconciler.state.whole_files import write_whole

SCHEMA: Final = Path("schemas") / "model.v1.schema.json"

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
"""Ids that are file names as they are: no leading dot or hyphen, and short enough for every file system."""

_UNSAFE_LETTERS: Final = re.compile(r"[^A-Za-z0-9_-]+")
_STEM_LENGTH: Final = 40
"""Characters of another id that its file name begins with; a part of its SHA-256 follows."""

_SHORT_HASH: Final = 12
_WHOLE_HASH: Final = 64


def write_manifests(exported: Exported, folder: Path, *, overwrite: bool) -> Exported:
    """Write a file per model, each whole; `files` of the result has their paths, and `losses` what was lost in them.

    Raises RefusedError, with nothing written, where files exist already, unless they may be overwritten.
    """
    names = file_names({manifest.key.model_id for manifest in exported.manifests})
    files = {manifest.key: folder / f"{names[manifest.key.model_id]}.yaml" for manifest in exported.manifests}
    if not overwrite:
        _require_absent(files.values())
    schema = _schema_seen_from(folder)
    if files:
        _make(folder)
    losses = []
    for manifest in exported.manifests:
        path, text = files[manifest.key], manifest.text(schema=schema)
        lost = lost_by_replacing(path, text) if overwrite else ()
        write_whole(path, text, what="manifest", mode=0o666, is_flushed=False)
        if lost:
            losses.append(Loss(file=path.as_posix(), lost=lost))
    return replace(exported, files={key: path.as_posix() for key, path in files.items()}, losses=tuple(losses))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReconcilerError(f"The manifests can't be written to {folder}: {error.strerror}.") from error


def _require_absent(paths: Iterable[Path]) -> None:
    existing = [path.as_posix() for path in paths if os.path.lexists(path)]
    if existing:
        message = f"No file was written, because these exist already: {', '.join(existing)}."
        remedy = "Give another folder, or --force to replace them: comments, variables and other keys in them are lost."
        raise RefusedError((Refusal(rule="file-exists", message=message, remedy=remedy),))


def _schema_seen_from(folder: Path) -> str | None:
    """The path of the schema in the nearest schemas/ at or above a folder, relative to it; None if there is none."""
    start = folder.resolve()
    for levels, parent in enumerate((start, *start.parents)):
        if (parent / SCHEMA).is_file():
            return (Path(*[".."] * levels) / SCHEMA).as_posix()
    return None


def file_names(ids: Collection[str]) -> Mapping[str, str]:
    """A plain name for each id, the id itself wherever it is one; no two differ in case alone.

    An id that isn't a plain name, or whose name another id has too, gets a part of its SHA-256 at the end.
    """
    digits = {text: 0 if _PLAIN_NAME.fullmatch(text) else _SHORT_HASH for text in ids}
    while True:
        names = {text: _file_name(text, digits[text]) for text in sorted(ids)}
        counts = Counter(name.lower() for name in names.values())
        # Names that differ in case alone are one file on many file systems; such ids get digits, in the end all of them.
        clashing = [text for text, name in names.items() if counts[name.lower()] > 1 and digits[text] < _WHOLE_HASH]
        if not clashing:
            return names
        digits.update({text: _WHOLE_HASH if digits[text] else _SHORT_HASH for text in clashing})


def _file_name(text: str, digits: int) -> str:
    if not digits:
        return text
    stem = _UNSAFE_LETTERS.sub("_", text)[:_STEM_LENGTH].strip("_-")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
    return f"{stem or 'id'}-{digest}"
