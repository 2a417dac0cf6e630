"""One document's value before and after → the edits of its text, each at the place of the value that differs.

In: a text, the Part of a document's root, its value and the value that it should have. Out: Edits, in the order of the text;
every byte outside of them stays, with comments, order, indentation, quotes and line ends. A value that differs is written in
the style of the one that it replaces where that can hold it. What goes, goes with the comment on its own line. Raises
NotEditableError for a place where no edit is safe, such as a value that an alias uses too.

Nothing is trusted to be right: whoever uses this reads the new text and compares its values with those that it should have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any, Final, NamedTuple

import yaml

from reconciler.loading.layout import Part
from reconciler.loading.nodes import JsonPath


class Edit(NamedTuple):
    """`text[start:end]` becomes `new`."""

    start: int
    end: int
    new: str


class NotEditableError(Exception):
    """A value can't be edited in place; `path` is its place in the document, `reason` a clause that says why."""

    def __init__(self, path: JsonPath, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(reason)


SHARED: Final = "it is written with an anchor, an alias or a merge key"


def edited(text: str, edits: Sequence[Edit]) -> str:
    """The text after all edits. They must not overlap; one that only inserts comes before one that begins at the same place."""
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at:
            raise ValueError("edits overlap")
        pieces += (text[at : edit.start], edit.new)
        at = edit.end
    return "".join((*pieces, text[at:]))


def edits(text: str, root: Part, before: Any, after: Any) -> list[Edit]:
    """The edits that make a document's value `after`, which was `before`."""
    found = sorted(_Splice(text).edits(root, before, after, (), is_flow=False), key=lambda edit: (edit.start, edit.end))
    if any(other.start < one.end for one, other in pairwise(found)):
        raise NotEditableError((), "the values that differ stand too close together to be edited one by one")
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; 1 and 1.0 are, and True is neither."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(item, other[name]) for name, item in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


class _Splice:
    def __init__(self, text: str) -> None:
        self._text = text
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def edits(self, part: Part, before: Any, after: Any, path: JsonPath, *, is_flow: bool) -> Iterator[Edit]:
        if same(before, after):
            return
        if part.is_shared:
            raise NotEditableError(path, SHARED)
        inner = is_flow or part.is_flow
        if part.kind == "mapping" and isinstance(after, dict) and after and set(before) & set(after):
            yield from self._mapping(part, before, after, path, is_flow=inner)
        elif part.kind == "list" and isinstance(after, list) and after and before:
            yield from self._list(part, before, after, path, is_flow=inner)
        else:
            yield self._replacement(part, after, path, is_flow=is_flow)

    # --- one value ---

    def _replacement(self, part: Part, after: Any, path: JsonPath, *, is_flow: bool) -> Edit:
        if part.kind != "scalar" and not part.is_flow:
            # A block container begins on a line of its own, and its replacement belongs beside the key.
            before = self._text[: part.start].rstrip(" \t\r\n")
            between = self._text[len(before) : part.start]
            if "\n" not in between or not before.endswith(":"):
                raise NotEditableError(path, "its block can't be replaced in place")
            return Edit(len(before), part.end, f" {written(after)}")
        if part.style in ("|", ">") and isinstance(after, str) and (block := self._block(part, after)) is not None:
            return Edit(part.start, part.end, block)
        new = written(after, style=part.style)
        if part.start == part.end:
            new = f" {new}"  # after `key:`
        return Edit(part.start, part.end, new)

    def _block(self, part: Part, value: str) -> str | None:
        """A literal block that holds a string; None where no such block can."""
        body = value.removesuffix("\n")
        lines = body.split("\n")
        if value.endswith("\n\n") or not body or lines[0][:1] in (" ", "\t", "") or lines[-1].strip() == "":
            return None
        if any(letter != "\t" and not letter.isprintable() for line in lines for letter in line):
            return None
        old = self._text[part.start : part.end]
        if old[:1] not in ("|", ">"):  # a tag, which the new value may not have
            return None
        header, _, rest = old.partition("\n")
        # The comment after the header stays.
        comment = header.lstrip("|>+-0123456789").rstrip("\r")
        indents = [len(line) - len(line.lstrip(" ")) for line in rest.split("\n") if line.strip(" \r")]
        pad = " " * min(indents, default=part.column + 2)
        chomping = "" if value.endswith("\n") else "-"
        if self._text[part.end :].strip(" \r\n") == "" and "\n" not in self._text[part.end :] and not chomping:
            return None  # without a final line end in the file, the last line break can't be told
        shown = (f"{pad}{line}".rstrip(" ") if not line else f"{pad}{line}" for line in lines)
        return self._newline.join((f"|{chomping}{comment}", *shown))

    # --- containers ---

    def _mapping(self, part: Part, before: Any, after: Any, path: JsonPath, *, is_flow: bool) -> Iterator[Edit]:
        names = list(before)
        if set(names) != set(part.by_name):
            raise NotEditableError(path, SHARED)
        order = sorted(part.by_name, key=lambda name: part.by_name[name])
        kept = [index for index, name in enumerate(order) if name in after]
        for index in kept:
            name = order[index]
            yield from self.edits(part.parts[index], before[name], after[name], (*path, name), is_flow=is_flow)
        spans = [(part.names[index].start, part.parts[index].end) for index in range(len(order))]
        gone = [index for index, name in enumerate(order) if name not in after]
        yield from self._removals(part, spans, gone, path)
        added = [(name, item) for name, item in after.items() if name not in before]
        texts = [f"{written(name)}: {written(item)}" for name, item in added]
        yield from self._insertions(part, spans, kept[-1] + 1, texts, dash="", path=path)

    def _list(
        self, part: Part, before: list[Any], after: list[Any], path: JsonPath, *, is_flow: bool
    ) -> Iterator[Edit]:
        spans = [(item.start, item.end) for item in part.parts]
        gone: list[int] = []
        last_kept = -1
        pending: dict[int, list[Any]] = {}
        one, other = ([json.dumps(item, sort_keys=True) for item in side] for side in (before, after))
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
            if tag == "equal":
                last_kept = i2 - 1
                continue
            paired = min(i2 - i1, j2 - j1)
            for offset in range(paired):
                index = i1 + offset
                yield from self.edits(
                    part.parts[index], before[index], after[j1 + offset], (*path, index), is_flow=is_flow
                )
                last_kept = index
            gone += range(i1 + paired, i2)
            if j2 - j1 > paired:
                pending.setdefault(last_kept, []).extend(after[j1 + paired : j2])
        yield from self._removals(part, spans, gone, path)
        for index, items in pending.items():
            texts = [written(item) for item in items]
            yield from self._insertions(part, spans, index + 1, texts, dash="- ", path=path)

    def _insertions(
        self, part: Part, spans: list[tuple[int, int]], index: int, texts: list[str], *, dash: str, path: JsonPath
    ) -> Iterator[Edit]:
        """New items after the first `index` ones, each in the form of its neighbours."""
        if not texts:
            return
        if part.is_flow:
            if index == 0:
                yield Edit(spans[0][0], spans[0][0], "".join(f"{text}, " for text in texts))
            else:
                yield Edit(spans[index - 1][1], spans[index - 1][1], "".join(f", {text}" for text in texts))
            return
        pad = " " * part.column
        if index == 0:
            first = self._first(part, spans[0][0], path)
            at = self._line_start(first)
            if self._text[at:first].strip(" "):  # `- - first`: what comes before is an item of the list around it
                raise NotEditableError(path, "its first item shares its line with other parts")
            yield Edit(at, at, "".join(f"{pad}{dash}{text}{self._newline}" for text in texts))
            return
        at = self._line_end(spans[index - 1][1])
        yield Edit(at, at, "".join(f"{self._newline}{pad}{dash}{text}" for text in texts))

    def _removals(self, part: Part, spans: list[tuple[int, int]], gone: list[int], path: JsonPath) -> Iterator[Edit]:
        for first, last in _runs(gone):
            if part.is_flow:
                yield self._flow_removal(spans, first, last)
            else:
                yield self._block_removal(part, spans, first, last, path)

    def _block_removal(self, part: Part, spans: list[tuple[int, int]], first: int, last: int, path: JsonPath) -> Edit:
        start = self._first(part, spans[first][0], path) if part.kind == "list" else spans[first][0]
        end = self._line_end(spans[last][1])
        if not self._text[self._line_start(start) : start].strip(" "):
            start, after = self._line_start(start), min(end + len(self._break_at(end)), len(self._text))
            if after == end and start:  # the last line of a text without a final line end takes the one before it along
                start -= len(self._break_before(start))
            return Edit(start, after, "")
        # The first name of an item stands beside its dash, where the next name takes its place.
        if part.kind == "mapping" and last + 1 < len(spans):
            following = spans[last + 1][0]
            if not self._text[end:following].strip() and "#" not in self._text[spans[last][1] : end]:
                return Edit(start, following, "")
        raise NotEditableError(path, "it shares its line with other parts")

    def _flow_removal(self, spans: list[tuple[int, int]], first: int, last: int) -> Edit:
        start, end = spans[first][0], spans[last][1]
        comma = self._comma_after(end)
        beyond = end if comma is None else comma + 1
        line_end = self._line_end(beyond)
        rest = self._text[beyond:line_end].strip()
        is_first_of_line = not self._text[self._line_start(start) : start].strip()
        if is_first_of_line and (not rest or rest.startswith("#")) and line_end < len(self._text):
            return Edit(self._line_start(start), line_end + len(self._break_at(line_end)), "")
        if last + 1 < len(spans):
            while self._text[beyond : beyond + 1] in (" ", "\t"):
                beyond += 1
            return Edit(start, beyond, "")
        if first and "\n" not in self._text[spans[first - 1][1] : start]:
            return Edit(spans[first - 1][1], end, "")
        return Edit(start, end if comma is None else comma + 1, "")

    # --- the text ---

    def _first(self, part: Part, start: int, path: JsonPath) -> int:
        """The index of the dash of a block sequence's item that begins at `start`."""
        at = self._line_start(start) + part.column
        while self._text[at : at + 1] != "-" or at > start:
            line = self._line_start(start)
            if line <= part.start and at <= part.start:
                raise NotEditableError(path, "its dash can't be found")
            start = line - 1
            at = self._line_start(start) + part.column
        return at

    def _line_start(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        """The index of the line break that ends a line, or of the end of the text."""
        found = self._text.find("\n", at)
        if found < 0:
            return len(self._text)
        return found - 1 if found > at and self._text[found - 1] == "\r" else found

    def _break_at(self, at: int) -> str:
        return "\r\n" if self._text[at : at + 2] == "\r\n" else self._text[at : at + 1]

    def _break_before(self, at: int) -> str:
        return "\r\n" if self._text[:at].endswith("\r\n") else "\n"

    def _comma_after(self, at: int) -> int | None:
        """The comma after a value in a flow container, beyond blanks and comments; None before the closing bracket."""
        while at < len(self._text):
            letter = self._text[at]
            if letter == ",":
                return at
            if letter == "#":
                at = self._line_end(at)
            elif letter.isspace():
                at += 1
            else:
                return None
        return None


def _runs(indices: list[int]) -> list[tuple[int, int]]:
    """The first and last of each run of neighbours."""
    runs: list[tuple[int, int]] = []
    for index in indices:
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs


# --- values as text ------------------------------------------------------------------------------------------


def written(value: Any, *, style: str = "") -> str:
    """A JSON value on one line; a string in quotes of this style where they can hold it, plain where no quotes are needed."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{written(name)}: {written(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(written(item) for item in value) + "]"
    if isinstance(value, str):
        return _string(value, style)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        text = repr(int(value) if value.is_integer() and abs(value) < 2**53 else value)
        mantissa, e, exponent = text.partition("e")
        # YAML 1.1 reads 1e-07 as a string.
        return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else text
    return str(value)


def _string(value: str, style: str) -> str:
    if style not in ("'", '"') and _is_plain(value):
        return value
    if style != '"' and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    escaped = (_escaped(letter) for letter in value)
    return f'"{"".join(escaped)}"'


def _is_plain(value: str) -> bool:
    """Whether YAML reads a text without quotes as that string, in a block and in a list in brackets."""
    if not value.isprintable() or value != value.strip() or len(value) > 1000:
        return False
    try:
        return bool(yaml.safe_load(f"{value}: [{value}, {value}]") == {value: [value, value]}) and "\t" not in value
    except (yaml.YAMLError, TypeError, ValueError):
        return False


_ESCAPES: Final = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
