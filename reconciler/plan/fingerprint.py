"""The fingerprint of a plan document: a hand-edited file no longer fits its own.

In: a document, the long lists of which may be Entries. Out: SHA-256 over its canonical JSON, with the names sorted and without
white space. It can be computed while the document is written, so that each entry of a fleet is made once and let go.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from reconciler.resources.json_text import Entries, Later, batches

_UNCOVERED: Final = frozenset({"fingerprint", "forecast", "unmanaged_counts"})
"""The forecast depends on the rate of whoever prints the plan, and the counts on the pages of a listing; the same plan has the same
fingerprint."""

canonical_text: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False).encode
"""JSON text that is the same for the same data only, and for the same kinds of numbers."""


def fingerprint(document: Mapping[str, Any]) -> str:
    """The fingerprint of a document; what it doesn't cover is ignored."""
    return _Fingerprint(document).whole()


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its fingerprint, last or where `fingerprint` is already, which is computed while it is written.

    It must be written from its first key to the fingerprint, once.
    """
    seal = _Fingerprint(document)
    parts = {
        name: Entries(seal.passing(name, value)) if isinstance(value, Entries) else value
        for name, value in document.items()
    }
    return {**parts, "fingerprint": Later(seal.whole)}


class _Fingerprint:
    """The hash over a document, whose names it goes through in their sorted order, up to the one that is written."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._left = sorted(document.keys() - _UNCOVERED, reverse=True)
        self._before = "{"
        self._hash = hashlib.sha256()
        self._whole = ""

    def passing(self, name: str, entries: Iterable[Any]) -> Iterator[Any]:
        """The entries of a list, hashed as they pass. A list is hashed by itself if another order of names prevents that."""
        self._go_on(until=name)
        if name not in self._left:
            yield from entries
            return
        for batch in self._hashed(self._left.pop(), entries):
            yield from batch

    def whole(self) -> str:
        """The fingerprint; what isn't hashed yet is hashed now."""
        if not self._whole:
            self._go_on(until=None)
            self._update("}" if self._before == "," else "{}")
            self._whole = f"sha256:{self._hash.hexdigest()}"
        return self._whole

    def _go_on(self, *, until: str | None) -> None:
        """Hash what is left before a name, or all of it."""
        while self._left and (until is None or self._left[-1] < until):
            name = self._left.pop()
            value = self._document[name]
            if isinstance(value, (Entries, list)):
                for _ in self._hashed(name, value):
                    pass
            else:
                self._update(f"{self._before}{canonical_text(name)}:{canonical_text(value)}")
                self._before = ","

    def _hashed(self, name: str, entries: Iterable[Any]) -> Iterator[list[Any]]:
        self._update(f"{self._before}{canonical_text(name)}:")
        before = "["
        for batch in batches(entries):
            self._update(before + canonical_text(batch)[1:-1])
            before = ","
            yield batch
        self._update("]" if before == "," else "[]")
        self._before = ","

    def _update(self, text: str) -> None:
        self._hash.update(text.encode())
