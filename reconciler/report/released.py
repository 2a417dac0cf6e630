"""What a report says about values that are no longer managed, in the same words in every format.

In: a Report. Out: sentences, in plain text that no format has made harmless yet; short words for the summary; and notices with
a place, for a forge that shows them beside the lines of a pull request. Resources of which the same is said are one sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from reconciler.errors import Origin
from reconciler.report.edits import shown
from reconciler.report.grouping import counted
from reconciler.report.report import Report
from reconciler.resources.secrets import SENSITIVE_TEXT, Sensitive, redacted
from reconciler.resources.tree import MISSING, path_text

if TYPE_CHECKING:
    from reconciler.compare.released import Released

GROUP_FROM: Final = 4
"""From this number on, resources of which the same is said are listed in one sentence."""

LISTED: Final = 20
"""The most addresses in such a sentence."""

NOTED: Final = 10
"""The most texts in the notice of one line."""


def released_count(report: Report) -> str:
    """Their number for the summary, such as ", 3 no longer managed"; empty where there is none."""
    count = len(report.plan.released)
    return f", {counted(count, 'value', 'values')} no longer managed" if count else ""


def released_texts(report: Report) -> Iterator[str]:
    """What the base manages and these manifests no longer do, and what becomes of it."""
    alike: dict[str, list[Released]] = {}
    for item in report.plan.released:
        alike.setdefault(released_words(item), []).append(item)
    for said, items in alike.items():
        if len(items) < GROUP_FROM:
            yield from (f"{item.address}{said} ({_place(item.origin)} in the base)" for item in items)
            continue
        names = ", ".join(item.address for item in items[:LISTED])
        more = f" and {len(items) - LISTED:,} more" if len(items) > LISTED else ""
        kind = "versions" if "@" in items[0].address else "models"
        yield f"{len(items):,} {kind}{said}: {names}{more}"


def released_notices(report: Report) -> Iterator[tuple[Origin, str]]:
    """The same by their places in the base: one text for each line of each file."""
    places: dict[Origin, list[str]] = {}
    for item in report.plan.released:
        places.setdefault(item.origin._replace(column=1), []).append(f"{item.address}{released_words(item)}")
    for origin, texts in places.items():
        more = [f"and {len(texts) - NOTED:,} more"] if len(texts) > NOTED else []
        yield origin, "\n".join((*texts[:NOTED], *more))


def released_words(item: Released) -> str:
    """What is said of a value after its address."""
    if item.path is None:
        return _said_of_all(item)
    name = path_text(item.path)
    if item.path == ("expect", "concepts"):
        return f" {name}: the concepts are no longer checked"
    live = _text(item.live)
    if item.is_removal:
        what = name if item.items is None else f"{name}, {_items(item.items)}"
        return f" {what}: no longer removed"
    if item.path == ("retain_versions",):
        return f" {name}: old versions are no longer pruned"
    if item.items:
        held = item.live if isinstance(item.live, list) else []
        live_items = [each for each in item.items if each in held]
        stays = (
            "stays in the list" if live_items == list(item.items) else f"{_items(tuple(live_items))} stays in the list"
        )
        return f" {name}, {_items(item.items)}: {stays if live_items else 'not live'}"
    if item.live is MISSING:
        return f" {name}: has no live value"
    return f" {name}: stays as it is, {live}"


def _said_of_all(item: Released) -> str:
    what = "no longer selected by any entry" if "@" in item.address else "no longer in any manifest"
    if item.live is MISSING:
        return f": {what}; does not exist"
    return f": {what}; {'deleted by this plan' if item.is_deleted else 'stays as it is'}"


def _items(items: tuple[Any, ...]) -> str:
    return ", ".join(_text(item) for item in items)


def _text(value: Any) -> str:
    if isinstance(value, Sensitive):
        return SENSITIVE_TEXT  # without quotes, as in changes
    return shown({} if value is MISSING else {"value": redacted(value)}, "value")


def _place(origin: Origin) -> str:
    return f"{origin.path}:{origin.line}"
