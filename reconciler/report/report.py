"""All that a run found, as data: it exists even if the run fails, and it alone decides the exit code.

In: a plan and the outcome of applying it. Out: a Report that every renderer prints, its JSON document, and the exit code. The
format never changes the exit code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from reconciler import exit_codes
from reconciler.apply.results import Moved, Outcome, Status, StepResult
from reconciler.compare.results import FieldChange
from reconciler.errors import Problem
from reconciler.plan.plan import Change, Forecast, Plan
from reconciler.resources.keys import Key
from reconciler.resources.secrets import SENSITIVE_TEXT, redacted
from reconciler.resources.tree import MISSING, path_text

if TYPE_CHECKING:
    from reconciler.plan.preview import Check
    from reconciler.report.drift_history import HistoryComparison, PathHistory

NEW_DRIFT: Final = "new_drift"
"""The key of a plan that `drift --new-only` made: how many paths differ that no earlier run saw. Only those count as pending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """The undo of a run whose predictions missed an expectation: its report, or the error that prevented it."""

    run: str
    report: Report | None = None
    error: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether everything that the run wrote was taken back."""
        return self.report is not None and self.report.converged and not self.skipped

    @property
    def skipped(self) -> tuple[Mapping[str, str], ...]:
        """What the undo left as it was: `address`, `path` ("" for the whole object) and `reason`."""
        return () if self.report is None else tuple(self.report.plan.extra.get("undo", {}).get("skipped", ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of plan, drift, apply or show.

    `outcome` is what an apply did. `stale` are the changes on the live side since the plan was made, found before anything was
    written. `warnings` are about the manifests. `history` compares the drift with that of earlier runs. `passed_over` are
    paths that were skipped although they may hold manifests; without any manifest nothing was compared. `checks` are the
    expectations of probes that an apply checked, and `undone` what became of a run that missed one. `saved_as` is the fingerprint
    of the plan's file, if the run has written one.
    """

    kind: Literal["Plan", "Drift", "Apply"]
    plan: Plan
    changes_exit_code: int = exit_codes.OK
    outcome: Outcome = field(default_factory=Outcome)
    stale: tuple[Moved, ...] = ()
    warnings: tuple[Problem, ...] = ()
    history: HistoryComparison | None = None
    passed_over: tuple[str, ...] = ()
    has_manifests: bool = True
    checks: tuple[Check, ...] = ()
    undone: Undone | None = None
    saved_as: str | None = None

    @property
    def missed(self) -> tuple[Check, ...]:
        """The expectations of probes that were not met."""
        return tuple(check for check in self.checks if not check.is_met)

    @property
    def forecast(self) -> Forecast | None:
        """What an apply of the plan will take; None if that isn't known, or the apply is done."""
        return None if self.kind == "Apply" else self.plan.forecast

    @property
    def rate(self) -> float | None:
        """The calls per second that the forecast assumes."""
        return None if self.forecast is None else self.forecast.rate

    @property
    def digest(self) -> str:
        """The fingerprint that the plan's file has, whatever kind of report this is."""
        if self.saved_as is not None:
            return self.saved_as
        from reconciler.plan.document import plan_parts
        from reconciler.plan.fingerprint import fingerprint

        return fingerprint(plan_parts(self.plan))

    @property
    def is_refused(self) -> bool:
        """Whether a guard, or a change on the live side, stopped the run before any write."""
        return bool(self.plan.refused or self.stale)

    @property
    def converged(self) -> bool:
        """Whether every request was done and the live state was verified to match the plan."""
        return self.outcome.is_complete(self.plan) and not self.is_refused and self.undone is None

    @property
    def exit_code(self) -> int:
        """The exit code of the command line; an error outranks changes."""
        if self.outcome.is_interrupted:
            return exit_codes.INTERRUPTED
        if self.is_refused:
            return exit_codes.REFUSED
        if self.kind == "Apply":
            return exit_codes.OK if self.converged and not self.missed else exit_codes.INCOMPLETE
        return self.changes_exit_code if self.is_pending else exit_codes.OK

    @property
    def is_pending(self) -> bool:
        """Whether the live state differs from the manifests; where only new drift counts, in a way that no earlier run saw."""
        if NEW_DRIFT in self.plan.extra:
            return bool(self.plan.extra[NEW_DRIFT])
        return bool(self.plan.changes or self.plan.unmet)


def report_document(report: Report) -> dict[str, Any]:
    """The report as one JSON document: the plan's; for an apply also the outcome, of each request and as a whole."""
    from reconciler.resources.json_text import made

    return made(report_parts(report))


def report_parts(report: Report) -> dict[str, Any]:
    """The same with Entries in it, to be written once: its fingerprint is computed while it is."""
    from reconciler.plan.document import plan_parts
    from reconciler.plan.fingerprint import sealed

    parts = plan_parts(report.plan, kind=report.kind)
    if report.history is not None:
        parts = _with_history(parts, report.plan, report.history)
    # An apply's fingerprint is that of the plan, without the results.
    return {**sealed(parts), **(_outcome_parts(report) if report.kind == "Apply" else {})}


def _outcome_parts(report: Report) -> dict[str, Any]:
    from reconciler.plan.document import request_document
    from reconciler.resources.json_text import Entries

    outcome = report.outcome
    parts: dict[str, Any] = {
        "requests": Entries(outcome.results, _result_document)
        if outcome.results
        else Entries(report.plan.requests, lambda request: {**request_document(request), **_NOT_REACHED}),
        "converged": report.converged,
        "remaining": [_remaining_document(key, change) for key, change in outcome.remaining],
        "stale": [_moved_document(item) for item in report.stale],
        "backups": list(outcome.backups),
        "unread": outcome.unread,
        "run": outcome.run,
    }
    if report.checks:
        from reconciler.plan.preview import check_document

        parts["probe_checks"] = [check_document(check) for check in report.checks]
    if report.undone is not None:
        parts["undone"] = _undone_document(report.undone)
    if outcome.marks:
        parts["marks"] = [
            {"changes": [key.address for key in result.request.keys], **_result_fields(result)}
            for result in outcome.marks
        ]
    return parts


def _result_document(result: StepResult) -> dict[str, Any]:
    from reconciler.plan.document import request_document

    return {**request_document(result.request), **_result_fields(result)}


def _undone_document(undone: Undone) -> dict[str, Any]:
    return {
        "run": undone.run,
        "complete": undone.is_complete,
        "undo_run": None if undone.report is None else undone.report.outcome.run,
        "error": undone.error,
        "skipped": [dict(item) for item in undone.skipped],
    }


def _with_history(parts: dict[str, Any], plan: Plan, history: HistoryComparison) -> dict[str, Any]:
    """The document with the history of each change, path and expectation, and with what is resolved."""
    from reconciler.plan.document import change_document
    from reconciler.resources.json_text import Entries

    def with_history(change: Change) -> dict[str, Any]:
        entry = change_document(change)
        entry.update(_history_fields(history.of_change(change)))
        for field_entry, item in zip(entry["fields"], change.fields, strict=True):
            field_entry.update(_history_fields(history.of_field(change, item)))
        return entry

    for entry, expected in zip(parts.get("expectations", ()), plan.expectations, strict=True):
        entry.update(_history_fields(history.of_expectation(expected)))
    resolved = [
        {"address": entry.address, "path": entry.path or None, "since": entry.first_seen} for entry in history.resolved
    ]
    return {**parts, "changes": Entries(plan.changes, with_history), "fingerprint": None, "resolved": resolved}


def _history_fields(found: PathHistory | None) -> dict[str, str]:
    return {} if found is None else {"history": found.word, "since": found.since}


_NOT_REACHED: Mapping[str, Any] = {
    "status": Status.NOT_REACHED.value,
    "error": None,
    "attempts": 0,
    "request_id": None,
}


def _result_fields(result: StepResult) -> dict[str, Any]:
    return {
        "status": result.status.value,
        "error": result.error,
        "attempts": result.attempts,
        "request_id": result.request_id,
        **(
            {"failures": [{"address": item.key.address, "error": item.error} for item in result.failures]}
            if result.failures
            else {}
        ),
        **({"moved": [_moved_document(item) for item in result.moved]} if result.moved else {}),
    }


def _remaining_document(key: Key, change: FieldChange | None) -> dict[str, Any]:
    if change is None:
        return {"address": key.address, "path": None}
    document: dict[str, Any] = {"address": key.address, "path": path_text(change.path)}
    for name, value in (("live", change.before), ("wanted", change.after)):
        if value is not MISSING:
            document[name] = SENSITIVE_TEXT if change.is_sensitive else redacted(value)
    return document


def _moved_document(item: Moved) -> dict[str, Any]:
    document: dict[str, Any] = {"address": item.key.address, "path": item.path}
    for name, value in (("planned", item.planned), ("live", item.live), ("wanted", item.desired)):
        if value is not MISSING:
            document[name] = SENSITIVE_TEXT if item.is_sensitive else redacted(value)
    return document
