"""A report for people at a terminal: changes by app and model, then what prevents an apply, then one summary line.

In: a Report, and the number of columns (None for no limit). Out: text. Values are redacted and made harmless before they are
laid out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.plan.document import field_document
from reconciler.plan.plan import Change
from reconciler.report.edits import ABSENT, Line, edit_lines, shown
from reconciler.report.escape import neutral
from reconciler.report.grouping import Group, Section, is_attributed, labelled, sections
from reconciler.report.outcome import (
    failed_texts,
    forecast_text,
    history_texts,
    not_comparable_texts,
    remaining_texts,
    request_counts,
    stale_texts,
    summary_text,
    unmet_texts,
)
from reconciler.report.report import Report
from reconciler.report.table import width
from reconciler.report.wrap import listed, without_commands, wrapped
from reconciler.resources.secrets import redacted

_STYLES: Final = {
    "update": "\x1b[33m",
    "delete": "\x1b[31m",
    "good": "\x1b[32m",
    "bad": "\x1b[31m",
    "dim": "\x1b[2m",
    "bold": "\x1b[1m",
}
_SYMBOLS: Final = {"update": "~", "delete": "-"}
_LINE_STYLES: Final = {"-": "bad", "+": "good", "…": "dim", " ": "dim"}
ARROW: Final = "→"

NARROW: Final = 60
"""With fewer columns, a value is shown below its path instead of beside it."""

LISTED: Final = 110
"""The columns of a list of names where the width of the terminal isn't known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Painter:
    """Colours text, or leaves it as it is."""

    color: bool

    def __call__(self, text: str, style: str) -> str:
        """The text in a style of _STYLES."""
        return f"{_STYLES[style]}{text}\x1b[0m" if self.color and text else text


def render(report: Report, *, color: bool = False, verbose: int = 0, columns: int | None = None) -> str:
    """The whole report as text that ends in a newline; no line is wider than `columns`."""
    # Below 20 columns, indented lines would have no room for any text.
    page = _Page(paint=Painter(color=color), columns=None if columns is None else max(columns, 20))
    plan = report.plan
    lines = list(page.changes(report))
    lines += page.notes("Refused:", (str(refusal) for refusal in plan.refused), "bad")
    lines += page.notes("Stale: the live side has changed since the plan was made.", stale_texts(report), "bad")
    lines += page.notes("Expectations not met:", unmet_texts(report), "bad")
    lines += page.notes("Not comparable:", not_comparable_texts(report), "dim")
    lines += page.notes("Drift history:", history_texts(report), "dim")
    lines += page.notes("Notes:", (f"{n.address}: {n.message}" for n in plan.notices), "dim")
    lines += page.requests(report, verbose)
    lines += page.notes("Not as planned after the apply:", remaining_texts(report), "bad")
    lines += page.notes("Reading back failed:", [report.outcome.unread] if report.outcome.unread else [], "bad")
    lines += page.notes("Backups:", report.outcome.backups, "dim")
    summary, style = summary_text(report)
    lines += [page.paint(line, style) if style else line for line in wrapped(summary, columns, indent="")]
    return "\n".join(map(without_commands, lines)) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """Lays out the parts of a report in a number of columns. Each method yields lines, with an empty one after each part."""

    paint: Painter
    columns: int | None

    def changes(self, report: Report) -> Iterator[str]:
        """Every change, in sections and groups."""
        found = sections(report.plan.changes)
        attributed = is_attributed(report.plan.changes)
        titled: bool | None = None
        for section in found:
            if attributed and section.is_base is not titled:
                title = "Already pending before this change:" if section.is_base else "From this change:"
                yield self.paint(title, "bold")
                yield ""
                titled = section.is_base
            yield from self._section(section)
            yield ""

    def _section(self, section: Section) -> Iterator[str]:
        yield from self._styled(neutral(str(section.scope)), "bold", indent="")
        for group in section.groups:
            yield from self._title(group)
            if group.first.reason:
                yield from wrapped(neutral(group.first.reason), self.columns, indent="      ")
            yield from self._fields(group.first)

    def _title(self, group: Group) -> Iterator[str]:
        action = group.first.action
        symbol = self.paint(_SYMBOLS[action], action)
        is_one = len(group.changes) == 1
        name = neutral(group.names[0]) if is_one else f"the same change on {group.counted}"
        place = neutral(group.place)
        gap = "  " if place else ""
        if self.columns is None or width(name + place) + 6 <= self.columns:
            yield f"  {symbol} {name}{gap}{self.paint(place, 'dim')}"
        else:
            head, *rest = wrapped(name, self.columns, indent="    ")
            yield f"  {symbol} {head[4:]}"
            yield from rest
            if place:
                yield from self._styled(place, "dim", indent="      ")
        if not is_one:
            yield from listed(map(neutral, group.names), self.columns or LISTED, indent="      ")

    def _fields(self, change: Change) -> Iterator[str]:
        fields = [field_document(item) for item in change.fields]
        paths = [labelled(change, field) for field in fields]
        column = max(map(width, paths), default=0)
        for path, field in zip(paths, fields, strict=True):
            lines = edit_lines(field)
            is_beside = self.columns is None or self.columns >= NARROW
            # Three ways to lay out a field, as wide as there is room: beside its path, below it, or each side on lines of its own.
            if lines:
                yield from self._edit(path, lines, column, is_beside=is_beside and _is_short(lines))
                continue
            before, after = shown(field, "before"), shown(field, "after")
            edit = f"{before} {ARROW} {after}"
            painted = (
                f"{self.paint(before, _side_style(before))} {ARROW} {self.paint(after, _side_style(after, 'good'))}"
            )
            padded = path + " " * (column - width(path))
            if self.columns is None or width(padded + edit) + 8 <= self.columns:
                yield f"      {padded}  {painted}"
                continue
            yield from wrapped(path, self.columns, indent="      ")
            if width(edit) + 8 <= self.columns:
                yield f"        {painted}"
            else:
                yield from wrapped(shown(field, "before"), self.columns, indent="        ")
                yield from wrapped(
                    f"{ARROW} {shown(field, 'after')}", self.columns, indent="        ", hanging=" " * 10
                )

    def _edit(self, path: str, lines: Sequence[Line], column: int, *, is_beside: bool) -> Iterator[str]:
        """Lines of an edit: beside the path if all are short, else below it."""
        fitting = self.columns is None or max(width(line.text) for line in lines) + column + 10 <= self.columns
        beside = is_beside and fitting
        pad = " " * (8 + column if beside else 8)
        if not beside:
            yield from wrapped(path, self.columns, indent="      ")
        for number, line in enumerate(lines):
            head = f"      {path}{' ' * (column - width(path))}  " if beside and number == 0 else pad
            text = [piece[len(pad) + 2 :] for piece in wrapped(line.text, self.columns, indent=f"{pad}  ")]
            for piece in text:
                yield f"{head}{self.paint(f'{line.mark} {piece}'.rstrip(), _LINE_STYLES[line.mark])}"
                head = pad

    def notes(self, title: str, items: Iterable[str], style: str) -> list[str]:
        """A list of sentences with a title; nothing if there are none."""
        body = [line for item in items for line in wrapped(neutral(item), self.columns, indent="  ", hanging="    ")]
        return [*self._styled(title, style, indent=""), *body, ""] if body else []

    def requests(self, report: Report, verbose: int) -> list[str]:
        """The requests that will be sent, or were."""
        requests = report.plan.requests
        if not requests:
            return []
        lines = wrapped(f"Requests: {request_counts(report)}", self.columns, indent="", hanging="  ")
        if forecast := forecast_text(report):
            lines += wrapped(forecast, self.columns, indent="", hanging="  ")
        if verbose:
            for request in requests:
                body = json.dumps(redacted(request.body), ensure_ascii=False, indent=2).split("\n")
                first, *rest = (neutral(line) for line in body)
                for line in (f"{request.rpc} {first}", *rest):
                    text = line.lstrip(" ")
                    lines += wrapped(text, self.columns, indent=" " * (2 + len(line) - len(text)))
        for text in failed_texts(report):
            lines += self._styled(neutral(text), "bad", indent="  ", hanging="    ")
        return [*lines, ""]

    def _styled(self, text: str, style: str, *, indent: str, hanging: str | None = None) -> list[str]:
        return [self.paint(line, style) for line in wrapped(text, self.columns, indent=indent, hanging=hanging)]


def _side_style(text: str, style: str = "bad") -> str:
    return "dim" if text == ABSENT else style


def _is_short(lines: Sequence[Line]) -> bool:
    return len(lines) <= 8 and max(width(line.text) for line in lines) <= 40
