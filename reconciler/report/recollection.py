"""Drift beside the memory of earlier runs, in the words of every format: a line per path."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.report.memory import Place
from reconciler.report.report import Report


def recollection_texts(report: Report) -> Iterator[str]:
    """What is new, what stands since when, and what is over; nothing without a memory."""
    if report.recollection is None:
        return
    places = report.recollection.places
    for place, recalled in places.items():
        if recalled.is_new:
            yield f"new: {_named(place)}"
    for place, recalled in places.items():
        if not recalled.is_new:
            yield f"standing since {recalled.since}: {_named(place)}"
    for entry in report.recollection.resolved:
        yield f"resolved: {_named(entry.place)} (first seen {entry.first_seen})"


def _named(place: Place) -> str:
    return " ".join(part for part in place if part)
