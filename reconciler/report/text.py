"""A report for people at a terminal: changes by app and model, then what prevents an apply, then one summary line.

In: a Report, and the number of columns (None for no limit). Out: text. Values are redacted and made harmless before they are
laid out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from reconciler.plan.parts import field_document
from reconciler.plan.plan import Change
from reconciler.report import lists
from reconciler.report.edits import ABSENT, Line, edit_lines, shown
from reconciler.report.escape import neutral
from reconciler.report.grouping import Group, Section, is_attributed, labelled, sections
from reconciler.report.outcome import forecast_text, is_long_or_deletes, request_counts, summary_text
from reconciler.report.paint import Painter
from reconciler.report.report import Report
from reconciler.report.terminal import Page
from reconciler.report.width import width
from reconciler.report.wrap import listed, without_commands, wrapped
from reconciler.resources.secrets import redacted

_SYMBOLS: Final = {"update": "~", "delete": "-"}
_LINE_STYLES: Final = {"-": "bad", "+": "good", "…": "dim", " ": "dim"}
ARROW: Final = "→"

NARROW: Final = 60
"""With fewer columns, a value is shown below its path instead of beside it."""

LISTED: Final = 110
"""The columns of a list of names where the width of the terminal isn't known."""


def render(
    report: Report,
    *,
    color: bool = False,
    verbose: int = 0,
    columns: int | None = None,
    is_plan_shown: bool = False,
) -> str:
    """The whole report as text that ends in a newline; no line is wider than `columns`.

    With `is_plan_shown`, only the results of an apply: the reader has confirmed the plan right above.
    """
    # Below 20 columns, indented lines would have no room for any text.
    page = Page(paint=Painter(color=color), columns=None if columns is None else max(columns, 20), verbose=verbose)
    lines = [line for section in (RESULT_SECTIONS if is_plan_shown else SECTIONS) for line in section(page, report)]
    summary, style = summary_text(report)
    lines += page.styled(summary, style)
    return "\n".join(map(without_commands, lines)) + "\n"


def _changes(page: Page, report: Report) -> Iterator[str]:
    """Every change, in sections and groups."""
    found = sections(report.plan.changes)
    attributed = is_attributed(report.plan.changes)
    titled: bool | None = None
    for section in found:
        if attributed and section.is_base is not titled:
            title = "Already pending before this change:" if section.is_base else "From this change:"
            yield page.paint(title, "bold")
            yield ""
            titled = section.is_base
        yield from _section(page, section)
        yield ""


def _section(page: Page, section: Section) -> Iterator[str]:
    yield from page.styled(neutral(str(section.scope)), "bold", indent="")
    for group in section.groups:
        yield from _title(page, group)
        if group.first.reason:
            yield from wrapped(neutral(group.first.reason), page.columns, indent="      ")
        yield from _fields(page, group.first)


def _title(page: Page, group: Group) -> Iterator[str]:
    action = group.first.action
    style = "loss" if action == "delete" else ""
    symbol = page.paint(_SYMBOLS[action], style or action)
    is_one = len(group.changes) == 1
    name = neutral(group.names[0]) if is_one else f"the same change on {group.counted}"
    place = neutral(group.place)
    gap = "  " if place else ""
    if page.columns is None or width(name + place) + 6 <= page.columns:
        yield f"  {symbol} {page.paint(name, style)}{gap}{page.paint(place, 'dim')}"
    else:
        head, *rest = wrapped(name, page.columns, indent="    ")
        yield f"  {symbol} {page.paint(head[4:], style)}"
        yield from (page.paint(line, style) for line in rest)
        if place:
            yield from page.styled(place, "dim", indent="      ")
    if not is_one:
        yield from listed(map(neutral, group.names), page.columns or LISTED, indent="      ")


def _fields(page: Page, change: Change) -> Iterator[str]:
    fields = [field_document(item) for item in change.fields]
    paths = [labelled(change, field) for field in fields]
    column = max(map(width, paths), default=0)
    for path, field in zip(paths, fields, strict=True):
        lines = edit_lines(field)
        is_beside = page.columns is None or page.columns >= NARROW
        # Three ways to lay out a field, as wide as there is room: beside its path, below it, or each side on lines of its own.
        if lines:
            yield from _edit(page, path, lines, column, is_beside=is_beside and _is_short(lines, page.columns))
            continue
        before, after = shown(field, "before"), shown(field, "after")
        edit = f"{before} {ARROW} {after}"
        painted = f"{page.paint(before, _side_style(before))} {ARROW} {page.paint(after, _side_style(after, 'good'))}"
        if change.action == "delete":  # all of it goes, so an arrow to nothing in each line would say nothing
            edit, painted = before, page.paint(before, "bad")
        padded = path + " " * (column - width(path))
        if page.columns is None or width(padded + edit) + 8 <= page.columns:
            yield f"      {padded}  {painted}"
            continue
        yield from wrapped(path, page.columns, indent="      ")
        if width(edit) + 8 <= page.columns:
            yield f"        {painted}"
        else:
            yield from wrapped(before, page.columns, indent="        ")
            if change.action == "delete":
                continue
            yield from wrapped(f"{ARROW} {after}", page.columns, indent="        ", hanging=" " * 10)


def _edit(page: Page, path: str, lines: Sequence[Line], column: int, *, is_beside: bool) -> Iterator[str]:
    """Lines of an edit: beside the path if all are short, else below it."""
    fitting = page.columns is None or max(width(line.text) for line in lines) + column + 10 <= page.columns
    beside = is_beside and fitting
    pad = " " * (8 + column if beside else 8)
    if not beside:
        yield from wrapped(path, page.columns, indent="      ")
    for number, line in enumerate(lines):
        head = f"      {path}{' ' * (column - width(path))}  " if beside and number == 0 else pad
        text = [piece[len(pad) + 2 :] for piece in wrapped(line.text, page.columns, indent=f"{pad}  ")]
        for piece in text:
            yield f"{head}{page.paint(f'{line.mark} {piece}'.rstrip(), _LINE_STYLES[line.mark])}"
            head = pad


def _requests(page: Page, report: Report) -> list[str]:
    """What is sent, on demand; without asking only how much that is, where a reader should know it."""
    requests = report.plan.requests
    if not requests or not (page.verbose or is_long_or_deletes(report)):
        return []
    lines = wrapped(f"Requests: {request_counts(report)}.", page.columns, indent="", hanging="  ")
    if forecast := forecast_text(report):
        lines += wrapped(f"{forecast}.", page.columns, indent="", hanging="  ")
    if page.verbose:
        for request in requests:
            body = json.dumps(redacted(request.body), ensure_ascii=False, indent=2).split("\n")
            first, *rest = (neutral(line) for line in body)
            for line in (f"{request.rpc} {first}", *rest):
                text = line.lstrip(" ")
                lines += wrapped(text, page.columns, indent=" " * (2 + len(line) - len(text)))
    return [*lines, ""]


def _side_style(text: str, style: str = "bad") -> str:
    return "dim" if text == ABSENT else style


def _is_short(lines: Sequence[Line], columns: int | None) -> bool:
    widest = 40 if columns is None else max(40, columns // 2)
    return len(lines) <= 8 and max(width(line.text) for line in lines) <= widest


def _list(found: lists.SentenceList) -> Callable[[Page, Report], Iterable[str]]:
    return lambda page, report: page.listed(found, report)


def _predictions(page: Page, report: Report) -> Iterator[str]:
    """What the plan does to predictions."""
    if report.plan.preview is None:
        return
    from reconciler.report.effect_sections import text_section

    yield from text_section(page, report)


SECTIONS: Final[tuple[Callable[[Page, Report], Iterable[str]], ...]] = (
    _changes,
    _predictions,
    _list(lists.REFUSED),
    _list(lists.OVERRIDDEN),
    _list(lists.STALE),
    _list(lists.UNMET),
    _list(lists.MISSED),
    _list(lists.NOT_UNDONE),
    _list(lists.RELEASED),
    _list(lists.UNMANAGED),
    _list(lists.NOT_COMPARABLE),
    _list(lists.HISTORY),
    _list(lists.NOTES),
    _requests,
    _list(lists.ERRORS),
    _list(lists.REMAINING),
    _list(lists.BACKUPS),
)
"""The sections before the summary, in their order. Each function returns the lines of its section, with an empty one after the
last, or none at all.
"""

RESULT_SECTIONS: Final = tuple(
    map(
        _list,
        (
            lists.REFUSED,
            lists.OVERRIDDEN,
            lists.STALE,
            lists.ERRORS,
            lists.REMAINING,
            lists.MISSED,
            lists.NOT_UNDONE,
            lists.BACKUPS,
        ),
    )
)
"""The sections that only an apply has."""
