"""JSON text as `json.dumps(…, indent=2, ensure_ascii=False)` spells it, in pieces.

In: a document, the long lists of which may be Entries. Out: pieces of its text. Of a fleet, neither the text nor the entries
are ever in memory as a whole.

In Python 3.10 to 3.13, the library's encoder is written in C only without `indent`. So values are encoded without it, and
msgspec lays out the text, the tokens of which it copies as they are: numbers and strings keep the library's spelling.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final, Generic, TypeVar

Value = TypeVar("Value")

BATCH: Final = 64
"""Entries that are made and encoded together: many share the cost of the calls, and few are in memory at a time."""

_encoded: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


class Entries(Generic[Value]):
    """A list in a document whose entries are made of `values` when it is gone through."""

    __slots__ = ("_entry_of", "_values")

    def __init__(self, values: Iterable[Value], entry_of: Callable[[Value], Any] = lambda value: value) -> None:
        self._values = values
        self._entry_of = entry_of

    def __iter__(self) -> Iterator[Any]:
        return map(self._entry_of, self._values)


class Later:
    """A value in a document that is known only once what stands before it was written."""

    __slots__ = ("value",)

    def __init__(self, value: Callable[[], Any]) -> None:
        self.value = value


def made(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with plain lists and values in place of Entries and Later."""
    return {name: list(value) if isinstance(value, Entries) else _known(value) for name, value in document.items()}


def _known(value: Any) -> Any:
    return value.value() if isinstance(value, Later) else value


def batches(entries: Iterable[Any]) -> Iterator[list[Any]]:
    """The entries in lists of at most BATCH."""
    remaining = iter(entries)
    return iter(lambda: list(islice(remaining, BATCH)), [])


def json_pieces(document: Any, *, spelled: Callable[[str], str]) -> Iterator[str]:
    """The text of a JSON value, a mapping by its keys and the lists in it by batches of their items.

    `spelled` gets text without white space around tokens, and returns it with some letters written as the escapes of JSON. It
    has to escape surrogates, which aren't text elsewhere.
    """
    if not isinstance(document, dict) or not document:
        yield _indented(document, spelled)
        return
    before = "{\n"
    for name, value in document.items():
        yield before
        if isinstance(value, (Entries, list, tuple)):
            yield from _list_pieces(name, value, spelled)
        else:
            yield _inner({name: _known(value)}, spelled, depth=1)
        before = ",\n"
    yield "\n}"


def without_surrogates(text: str) -> str:
    """JSON text with the escape of JSON in place of each half of a surrogate pair, which UTF-8 can't encode."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _list_pieces(name: str, items: Iterable[Any], spelled: Callable[[str], str]) -> Iterator[str]:
    """The text of one key of a document whose value is a list."""
    head = _inner({name: []}, spelled, depth=1)
    found = batches(items)
    first = next(found, None)
    if first is None:
        yield head
        return
    before = f"{head[:-1]}\n"
    for batch in chain((first,), found):
        yield before
        yield _inner([batch], spelled, depth=2)
        before = ",\n"
    yield "\n  ]"


def _inner(value: Any, spelled: Callable[[str], str], *, depth: int) -> str:
    """The text between the brackets of a value, and those of the one in it where that is `depth` 2."""
    # The brackets stand on lines of their own: "{\n", "[\n  [\n", and as much at the end.
    text = _indented(value, spelled)
    return text[2:-2] if depth == 1 else text[6:-6]


def _indented(value: Any, spelled: Callable[[str], str]) -> str:
    from msgspec import DecodeError  # 6 ms, for those who print JSON
    from msgspec.json import format as laid_out

    try:
        return laid_out(spelled(_encoded(value)), indent=2)
    except DecodeError:
        # NaN or infinity, which a prediction may contain: the library writes them although JSON has no form for them.
        return spelled(json.dumps(value, indent=2, ensure_ascii=False))
