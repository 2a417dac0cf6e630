"""What a run found, as a flat list that the report files of CI systems are made of.

In: a report, problems, or the error that ended a run. Out: findings, each about a file or a resource, with a level: an error makes
the run fail, a warning doesn't, a notice is a planned change. Texts are made harmless by whoever writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from reconciler.compare.expectations import unmet_text
from reconciler.compare.results import FieldChange
from reconciler.errors import Origin, Problem, ProblemsError, ReconcilerError, RefusedError
from reconciler.plan.parts import field_document
from reconciler.plan.plan import Change
from reconciler.report.drift_history import PathHistory
from reconciler.report.edits import shown
from reconciler.report.released import released_words
from reconciler.report.report import NEW_DRIFT, Report
from reconciler.resources.tree import path_text

Level = Literal["error", "warning", "notice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found. `rule` is its kind, `subject` the address or file that it is about, `path` the place in it.

    `rule`, `subject` and `path` are the same in the next run if it finds the same; `message` and `origin` may not be.
    """

    level: Level
    rule: str
    subject: str
    message: str
    path: str = ""
    origin: Origin | None = None


def findings_of_report(report: Report) -> Iterator[Finding]:
    """Refusals, changes (of drift: errors), unmet expectations, warnings, overridden policies, and what is no longer managed."""
    plan = report.plan
    origins = {change.key.address: change.origin for change in plan.changes}
    for refusal in plan.refused:
        subject = refusal.address or WHOLE_RUN
        yield Finding(
            level="error", rule=refusal.rule, subject=subject, message=str(refusal), origin=origins.get(subject)
        )
    for change in plan.changes:
        yield from _of_change(report, change)
    for item in plan.unmet:
        found = None if report.history is None else report.history.of_expectation(item)
        yield Finding(
            level=_level(report, found, otherwise="warning"),
            rule="expectation",
            subject=item.key.address,
            message=unmet_text(item),
            origin=origins.get(item.key.address),
        )
    yield from findings_of_problems(report.warnings, level="warning")
    for result in (each for each in plan.policy or () if each.overridden):
        yield Finding(
            level="warning",
            rule="policy-overridden",
            subject=result.address or WHOLE_RUN,
            path=result.rule,
            message=result.sentence,
            origin=result.origin,
        )
    for released in plan.released:
        yield Finding(
            level="notice",
            rule="no-longer-managed",
            subject=released.address,
            path="" if released.path is None else path_text(released.path),
            message=released_words(released).lstrip(": "),
            origin=released.origin,
        )


WHOLE_RUN = "the run"
"""The subject of what is about no single file or resource."""


def _of_change(report: Report, change: Change) -> Iterator[Finding]:
    rule = "drift" if report.kind == "Drift" else "change"
    if change.action == "delete":
        whole = None if report.history is None else report.history.of_change(change)
        level = _level(report, whole, otherwise="notice")
        reason = f": {change.reason}" if change.reason else ""
        message = f"to be deleted{reason}"
        yield Finding(level=level, rule=rule, subject=change.key.address, message=message, origin=change.origin)
        return
    for item in change.fields:
        found = None if report.history is None else report.history.of_field(change, item)
        yield Finding(
            level=_level(report, found, otherwise="notice"),
            rule=rule,
            subject=change.key.address,
            path=path_text(item.path),
            message=_difference(item),
            origin=item.origin or change.origin,
        )


def _level(report: Report, found: PathHistory | None, *, otherwise: Level) -> Level:
    """Drift is an error, with --new-only if it is new; what a plan finds is planned."""
    is_counted = NEW_DRIFT not in report.plan.extra or found is None or found.is_new
    is_pending = report.kind == "Drift" and is_counted
    return "error" if is_pending else otherwise


def _difference(item: FieldChange) -> str:
    document = field_document(item)
    return f"{path_text(item.path)} is {shown(document, 'before')}, the manifest has {shown(document, 'after')}"


def findings_of_problems(problems: Iterable[Problem], *, level: Level) -> Iterator[Finding]:
    """One for each problem, about its file."""
    for problem in problems:
        hint = f" {problem.hint}" if problem.hint else ""
        yield Finding(
            level=level,
            rule=problem.code,
            subject=problem.origin.path,
            path=f"{problem.pointer}#{problem.key}" if problem.key else problem.pointer,
            message=f"{problem.message}{hint}",
            origin=problem.origin,
        )


def findings_of_error(error: ReconcilerError) -> Iterator[Finding]:
    """Each problem or refusal of an error, or the error itself."""
    if isinstance(error, ProblemsError):
        yield from findings_of_problems(error.problems, level="error")
    elif isinstance(error, RefusedError):
        for refusal in error.refusals:
            subject = refusal.address or WHOLE_RUN
            yield Finding(level="error", rule=refusal.rule, subject=subject, message=str(refusal))
    else:
        yield Finding(level="error", rule="error", subject=WHOLE_RUN, message=str(error))


def subjects_of_report(report: Report) -> tuple[str, ...]:
    """The models that were compared, those without a finding among them."""
    return tuple(key.address for key in report.plan.compared)
