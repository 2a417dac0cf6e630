"""One change as lines that a person can compare: strings line by line, lists item by item.

In: two redacted JSON values, either of which may be MISSING. Out: marked lines. Every format lays out the same lines, so that
a terminal and a comment show the same edit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from reconciler.report.escape import neutral, value_text
from reconciler.resources.secrets import SENSITIVE_TEXT
from reconciler.resources.tree import MISSING

ABSENT: Final = "(absent)"

LONG: Final = 80
"""From this length a string is shown as a removed and an added line, instead of `before → after`."""

CONTEXT: Final = 2
"""Unchanged lines shown around a change inside a string."""

Mark = Literal["-", "+", " ", "…"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an edit: removed (-), added (+), kept, or a remark (…) in place of lines that are not shown."""

    mark: Mark
    text: str


def shown(field: Mapping[str, Any], side: str) -> str:
    """One side of an entry of `fields` (or of `remaining`, `stale`) on one line."""
    value = field.get(side, MISSING)
    if value is MISSING:
        return ABSENT
    if not field.get("sensitive") or (side == "after" and value != SENSITIVE_TEXT):
        return value_text(value)
    # A reader must see which variables of the environment a change sends to the service.
    names = field.get("variables", ()) if side == "after" else ()
    return f"{SENSITIVE_TEXT} from {neutral(', '.join(names))}" if names else SENSITIVE_TEXT


def edit_lines(field: Mapping[str, Any]) -> tuple[Line, ...]:
    """The edit as lines, where they are easier to read than `before → after`; else nothing.

    That is so where a string is long or has several lines, and where both sides are lists whose items differ in more than
    their order.
    """
    if field.get("sensitive"):
        return ()
    before, after = field.get("before", MISSING), field.get("after", MISSING)
    if isinstance(before, list) and isinstance(after, list):
        return _item_lines([value_text(item) for item in before], [value_text(item) for item in after])
    texts = [value for value in (before, after) if isinstance(value, str)]
    others = [value for value in (before, after) if not isinstance(value, str) and value is not MISSING]
    if others or not texts:
        return ()
    if any("\n" in text for text in texts):
        return tuple(_text_lines(_split(before), _split(after)))
    if max(map(len, texts)) >= LONG:
        return _removed_and_added(field)
    return ()


def _removed_and_added(field: Mapping[str, Any]) -> tuple[Line, ...]:
    sides: tuple[tuple[Mark, str], ...] = (("-", "before"), ("+", "after"))
    return tuple(Line(mark=mark, text=shown(field, side)) for mark, side in sides if side in field)


def whole_lines(field: Mapping[str, Any]) -> tuple[Line, ...]:
    """The edit as lines in any case: a removed and an added line where `edit_lines` has none."""
    return edit_lines(field) or _removed_and_added(field)


def _split(value: Any) -> list[str]:
    """The lines of a string; a last line without a newline is marked."""
    if value is MISSING or value == "":
        return []
    lines = [neutral(line) for line in value.split("\n")]
    return lines[:-1] if lines[-1] == "" else [*lines[:-1], f"{lines[-1]} (no newline at the end)"]


def _text_lines(before: list[str], after: list[str]) -> Iterator[Line]:
    """A unified diff without its headers."""
    from reconciler.report.linediff import grouped_opcodes  # imports difflib, for texts and lists alone

    end = 0
    for group in grouped_opcodes(before, after, context=CONTEXT):
        if group[0][1] > end:
            yield Line(mark="…", text=_same(group[0][1] - end, "line"))
        for tag, from_before, to_before, from_after, to_after in group:
            if tag == "equal":
                yield from (Line(mark=" ", text=text) for text in before[from_before:to_before])
                continue
            yield from (Line(mark="-", text=text) for text in before[from_before:to_before])
            yield from (Line(mark="+", text=text) for text in after[from_after:to_after])
        end = group[-1][2]
    if len(before) > end:
        yield Line(mark="…", text=_same(len(before) - end, "line"))


def _item_lines(before: list[str], after: list[str]) -> tuple[Line, ...]:
    from reconciler.report.linediff import opcodes

    if sorted(before) == sorted(after):
        return ()
    lines: list[Line] = []
    kept = 0
    for tag, from_before, to_before, from_after, to_after in opcodes(before, after):
        if tag == "equal":
            kept += to_before - from_before
            continue
        lines += [Line(mark="-", text=text) for text in before[from_before:to_before]]
        lines += [Line(mark="+", text=text) for text in after[from_after:to_after]]
    return (*lines, Line(mark="…", text=_same(kept, "item"))) if kept else tuple(lines)


def _same(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'} unchanged"
