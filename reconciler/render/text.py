"""A report for people at a terminal: changes by app and model, then what stands in the way, then one summary line.

In: a Report and a width. Out: text. Values are redacted and made harmless before they are laid out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from reconciler.apply import Status
from reconciler.plan import Change, field_document, redacted
from reconciler.render.escape import neutral, value_text
from reconciler.report import Report
from reconciler.resources import MISSING, SENSITIVE_TEXT, FieldChange, path_text
from reconciler.verify import Moved

_STYLES = {"update": "\x1b[33m", "delete": "\x1b[31m", "good": "\x1b[32m", "bad": "\x1b[31m", "dim": "\x1b[2m"}
_SYMBOLS = {"update": "~", "delete": "-"}
ARROW = "→"


class Painter:
    """Colours text, or leaves it alone."""

    def __init__(self, *, color: bool) -> None:
        self._color = color

    def __call__(self, text: str, style: str) -> str:
        """The text in a style of _STYLES."""
        return f"{_STYLES[style]}{text}\x1b[0m" if self._color else text


def render(report: Report, *, color: bool = False, verbose: int = 0) -> str:
    """The whole report as text that ends in a newline."""
    paint = Painter(color=color)
    lines: list[str] = []
    for scope, changes in groupby(report.plan.changes, key=lambda change: change.key.scope):
        lines += [neutral(str(scope)), *_changes(list(changes), paint), ""]
    lines += _section("Refused:", (str(refusal) for refusal in report.plan.refused), paint, "bad")
    lines += _section("Stale: the live side has changed since the plan was made.", _moved(report.moved), paint, "bad")
    lines += _section("Notes:", (f"{n.address}: {n.message}" for n in report.plan.notices), paint, "dim")
    lines += _requests(report, paint, verbose)
    lines += _section("Not as wanted after apply:", _remaining(report), paint, "bad")
    if report.unread:
        lines += _section("Reading back failed:", [report.unread], paint, "bad")
    lines += _section("Backups:", report.backups, paint, "dim")
    lines.append(summary_line(report, paint))
    return "\n".join(lines) + "\n"


def _section(title: str, items: Iterable[str], paint: Painter, style: str) -> list[str]:
    body = [f"  {neutral(item)}" for item in items]
    return [paint(title, style), *body, ""] if body else []


def _changes(changes: list[Change], paint: Painter) -> Iterator[str]:
    for model_id, group in groupby(changes, key=lambda change: change.key.model_id):
        for change in group:
            symbol = paint(_SYMBOLS[change.action], change.action)
            name = model_id if not change.key.version_id else f"{model_id}@{change.key.version_id}"
            place = f"  {change.origin.path}:{change.origin.line}" if change.origin else ""
            yield f"  {symbol} {neutral(name)}{paint(neutral(place), 'dim')}"
            if change.reason:
                yield f"      {neutral(change.reason)}"
            yield from _fields(change.fields)


def _fields(fields: tuple[FieldChange, ...]) -> Iterator[str]:
    width = max((len(neutral(path_text(item.path))) for item in fields), default=0)
    for item in fields:
        document = field_document(item)
        before, after = (
            _shown(document.get(side, MISSING), is_sensitive="sensitive" in document) for side in ("before", "after")
        )
        yield f"      {neutral(document['path']):{width}}  {before} {ARROW} {after}"


def _requests(report: Report, paint: Painter, verbose: int) -> list[str]:
    if not report.plan.requests:
        return []
    counts = Counter(f"{request.rpc} {request.action or ''}".strip() for request in report.plan.requests)
    listed = ", ".join(f"{count} × {name}" for name, count in counts.items())
    lines = [f"Requests: {listed}"]
    if verbose:
        lines += [f"  {request.rpc} {value_text(redacted(request.body))}" for request in report.plan.requests]
    for result in report.results:
        if result.status is Status.FAILED:
            names = ", ".join(key.address for key in result.request.keys)
            lines.append(paint(neutral(f"  failed: {result.request.rpc} of {names}: {result.error}"), "bad"))
        elif result.status is Status.NOT_REACHED:
            names = ", ".join(key.address for key in result.request.keys)
            lines.append(paint(neutral(f"  not reached: {result.request.rpc} of {names}"), "bad"))
    return [*lines, ""]


def _shown(value: Any, *, is_sensitive: bool) -> str:
    if value is MISSING:
        return "(absent)"
    return SENSITIVE_TEXT if is_sensitive else value_text(redacted(value))


def _moved(moved: tuple[Moved, ...]) -> Iterator[str]:
    for item in moved:
        planned, live, wanted = (
            _shown(value, is_sensitive=item.is_sensitive) for value in (item.planned, item.live, item.wanted)
        )
        yield f"{item.key.address} {item.path}: planned from {planned}, live now {live}, wanted {wanted}"


def _remaining(report: Report) -> Iterator[str]:
    for key, change in report.remaining:
        if change is None:
            yield f"{key.address}: still there"
        else:
            live, wanted = (_shown(value, is_sensitive=change.is_sensitive) for value in (change.before, change.after))
            yield f"{key.address} {path_text(change.path)}: live {live}, wanted {wanted}"


def summary_line(report: Report, paint: Painter) -> str:
    """The last line: what would be, or was, done, in numbers."""
    counts = report.plan.summary
    numbers = f"{counts['update']} to update, {counts['delete']} to delete, {counts['unchanged']} unchanged"
    refused = f", {counts['refused']} refused" if counts["refused"] else ""
    if report.kind == "Apply":
        return _apply_summary(report, paint)
    if not report.plan.changes and not report.plan.refused:
        return paint(
            f"In sync: {counts['unchanged']} model{'s' if counts['unchanged'] != 1 else ''} unchanged.", "good"
        )
    return f"{report.kind}: {numbers}{refused}."


def _apply_summary(report: Report, paint: Painter) -> str:
    if report.is_refused:
        return paint("Apply: refused, nothing was written.", "bad")
    counts = Counter(result.status for result in report.results)
    told = ", ".join(f"{counts[status]} {status.value.replace('_', ' ')}" for status in Status if counts[status])
    requests = f"{told} of {len(report.plan.requests)} requests" if told else "nothing to do"
    if report.is_interrupted:
        return paint(f"Apply: interrupted; {requests}.", "bad")
    if report.converged:
        return paint(f"Apply: {requests}; live reads back as wanted.", "good")
    return paint(f"Apply: {requests}; incomplete.", "bad")
