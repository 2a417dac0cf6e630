"""The lists of sentences that every format shows in the same words, each as one value.

In: a Report. Out: titles and sentences, in plain text that no format has made harmless yet. A format names a list in its own
SECTIONS, at the place where its readers look for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from reconciler.report.outcome import (
    failed_texts,
    history_texts,
    kept_texts,
    not_comparable_texts,
    remaining_texts,
    stale_texts,
    unmet_texts,
)
from reconciler.report.released import released_texts
from reconciler.report.report import Report
from reconciler.report.unmanaged import unmanaged_texts


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceList:
    """Sentences under a title; nothing is shown of an empty list. `style` is "bad" for what a reader has to act on."""

    title: str
    texts: Callable[[Report], Iterable[str]]
    style: Literal["bad", ""] = ""


def overridden_texts(report: Report) -> Iterable[str]:
    """The rules that --override names, each with what it let through."""
    for name in report.plan.overridden_rules:
        found = [item for item in report.plan.policy or () if item.rule == name and item.overridden]
        yield from (item.sentence for item in found)
        if not found:
            yield f"--override {name}: the rule refuses nothing."


def _missed(report: Report) -> Iterable[str]:
    if report.checks:
        from reconciler.report.effects import missed_texts

        yield from missed_texts(report)


def _errors(report: Report) -> Iterable[str]:
    yield from failed_texts(report)
    if report.outcome.unread:
        yield f"Reading back failed: {report.outcome.unread}"


REFUSED: Final = SentenceList(title="Refused", texts=lambda report: map(str, report.plan.refused), style="bad")
OVERRIDDEN: Final = SentenceList(title="Overridden policies", texts=overridden_texts, style="bad")
STALE: Final = SentenceList(title="Changed since the plan was made", texts=stale_texts, style="bad")
ERRORS: Final = SentenceList(title="Errors", texts=_errors, style="bad")
REMAINING: Final = SentenceList(title="Not as planned after the apply", texts=remaining_texts, style="bad")
UNMET: Final = SentenceList(title="Expectations not met", texts=unmet_texts, style="bad")
MISSED: Final = SentenceList(title="Predictions not as expected", texts=_missed, style="bad")
NOT_UNDONE: Final = SentenceList(title="Not undone", texts=kept_texts, style="bad")
NOT_COMPARABLE: Final = SentenceList(title="Not comparable", texts=not_comparable_texts)
RELEASED: Final = SentenceList(title="No longer managed", texts=released_texts)
UNMANAGED: Final = SentenceList(title="Live models without a manifest", texts=unmanaged_texts)
HISTORY: Final = SentenceList(title="Drift history", texts=history_texts)
NOTES: Final = SentenceList(
    title="Notes", texts=lambda report: (f"{notice.address}: {notice.message}" for notice in report.plan.notices)
)
WARNINGS: Final = SentenceList(title="Warnings", texts=lambda report: map(str, report.warnings))
BACKUPS: Final = SentenceList(title="Backups", texts=lambda report: report.outcome.backups)
