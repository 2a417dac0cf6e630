"""What every format says about a run in the same words: the summary, what failed, what is stale or not as planned.

In: a Report. Out: sentences, in plain text that no format has made harmless yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from reconciler.apply.results import Moved, Status
from reconciler.compare.expectations import unmet_text
from reconciler.plan.parts import field_document
from reconciler.plan.plan import Change
from reconciler.report.edits import shown
from reconciler.report.grouping import NOUNS, counted, is_attributed
from reconciler.report.released import released_count
from reconciler.report.report import Report, Undone
from reconciler.resources.fields import IMAGE_URL
from reconciler.resources.keys import Key, Kind
from reconciler.resources.secrets import redacted
from reconciler.resources.tree import MISSING, path_text

if TYPE_CHECKING:
    from reconciler.report.drift_history import Place

Styled = tuple[str, str]
"""A text, and its style: "good", "bad" or "" (in `summary_parts` also "update")."""


_WORDS: Final[Mapping[Status, Mapping[str, str]]] = {
    Status.DONE: {"update": "updated", "delete": "deleted"},
    Status.SKIPPED: {"update": "already up to date", "delete": "already deleted"},
    Status.FAILED: {"update": "failed", "delete": "failed"},
    Status.NOT_REACHED: {"update": "not reached", "delete": "not reached"},
}
"""What is said of a change, by the status of its requests and its action, in the order in which a summary says it."""

_NOT_AS_PLANNED: Final = "not as planned"

_WORST: Final = (Status.FAILED, Status.NOT_REACHED, Status.DONE, Status.SKIPPED)
"""Of a change with several requests, the first of these counts."""


def summary_text(report: Report) -> Styled:
    """One line with the numbers of what would be done, or was done."""
    parts = summary_parts(report)
    if report.kind == "Apply" or _is_in_sync(report):
        return parts[0]
    return f"{report.kind}: {'; '.join(text for text, _ in parts)}.{_attributed(report)}", ""


def summary_parts(report: Report) -> tuple[Styled, ...]:
    """The numbers of the summary one by one, each with a style: "update", "good", "bad" or ""."""
    if report.kind == "Apply":
        return (_apply_text(report),)
    plan = report.plan
    counts = plan.summary
    unchanged = (
        f"{counted(counts['unchanged'], 'model', 'models')} unchanged{_not_compared(report)}{released_count(report)}"
    )
    if _is_in_sync(report):
        return ((f"In sync: {unchanged}.", "" if plan.released else "good"),)
    unmet = counted(len(plan.unmet), "expectation", "expectations")
    parts = (
        (_counts_text(plan.changes, "update"), "update"),
        (_counts_text(plan.changes, "delete"), "bad"),
        (f"{unmet} not met" if plan.unmet else "", "bad"),
        (counted(counts["refused"], "refusal", "refusals") if counts["refused"] else "", "bad"),
        (unchanged, ""),
    )
    return tuple(part for part in parts if part[0])


def _is_in_sync(report: Report) -> bool:
    return not (report.plan.changes or report.plan.refused or report.plan.unmet)


def _counts_text(changes: Sequence[Change], action: str) -> str:
    """The changes of one action, models and versions apart, such as "2 models, 1 version to update"."""
    kinds = Counter(change.key.kind for change in changes if change.action == action)
    return f"{_kinds_text(kinds)} to {action}" if kinds else ""


def _results_text(report: Report) -> str:
    """What became of the changes of an apply, such as "2 models, 1 version updated, 1 model failed"; empty without results."""
    found: dict[Key, set[Status]] = {}
    for result in report.outcome.results:
        failed = {failure.key for failure in result.failures}
        for key in result.request.keys:
            # A request about several objects fails if one of them is refused; the others are written all the same.
            is_done = result.status is Status.FAILED and failed and key not in failed
            found.setdefault(key, set()).add(Status.DONE if is_done else result.status)
    remaining = {key for key, _ in report.outcome.remaining}
    said: dict[str, Counter[Kind]] = {word: Counter() for words in _WORDS.values() for word in words.values()}
    said[_NOT_AS_PLANNED] = Counter()
    for change in report.plan.changes:
        if statuses := found.get(change.key):
            status = next(status for status in _WORST if status in statuses)
            is_lost = status in (Status.DONE, Status.SKIPPED) and change.key in remaining
            said[_NOT_AS_PLANNED if is_lost else _WORDS[status][change.action]][change.key.kind] += 1
    return ", ".join(f"{_kinds_text(kinds)} {word}" for word, kinds in said.items() if kinds)


def _kinds_text(kinds: Mapping[Kind, int]) -> str:
    return ", ".join(counted(kinds[kind], *NOUNS[kind]) for kind in NOUNS if kinds.get(kind))


def _not_compared(report: Report) -> str:
    count = len(report.plan.not_comparable)
    return f", {count} value{'s' * (count != 1)} not comparable" if count else ""


def _attributed(report: Report) -> str:
    changes = report.plan.changes
    if not is_attributed(changes):
        return ""
    pending = sum(change.attribution == "base" for change in changes)
    return f" From this change: {len(changes) - pending}; already pending before: {pending}."


def _apply_text(report: Report) -> Styled:
    kind = "Undo" if report.plan.is_undo else "Apply"
    if report.is_refused:
        return f"{kind}: refused, nothing was written.", "bad"
    results, probes = _results_text(report), _probes_text(report)
    if not results and report.converged:
        if report.plan.is_undo:
            return f"Undo: {_nothing_restored_text(report)}.", ""
        return (
            f"Apply: nothing to do; the live state matches{released_count(report)}{probes}.",
            "bad" if report.missed else "" if report.plan.released else "good",
        )
    results = f"{results or 'nothing to do'}{_kept_text(report)}"
    if report.outcome.is_interrupted:
        return f"{kind}: interrupted; {results}.", "bad"
    if report.undone is not None:
        return f"{kind}: {results}{probes}; {_undone_text(report.undone)}.", "bad"
    if report.converged:
        return f"{kind}: {results}; verified: the live state matches{probes}.", "bad" if report.missed else "good"
    return f"{kind}: {results}; incomplete{probes}.", "bad"


def _nothing_restored_text(report: Report) -> str:
    if report.plan.extra["undo"]["skipped"]:
        return f"nothing was restored{_kept_text(report)}"
    return f"nothing to restore; nothing that run {report.plan.extra['undo']['run']} wrote is live any more"


def _kept_text(report: Report) -> str:
    """How many changes of a run its undo leaves as they are; empty for none, and for an apply."""
    if not report.plan.is_undo or not report.plan.extra["undo"]["skipped"]:
        return ""
    count = len(report.plan.extra["undo"]["skipped"])
    run = report.plan.extra["undo"]["run"]
    return f"; {counted(count, 'change', 'changes')} of run {run} {'is left as it is' if count == 1 else 'are left as they are'}"


def _probes_text(report: Report) -> str:
    if not report.checks:
        return ""
    met = len(report.checks) - len(report.missed)
    return f"; {met} of {len(report.checks)} expectation{'s' * (len(report.checks) != 1)} of predictions met"


def _undone_text(undone: Undone) -> str:
    if undone.report is None:
        return f"run {undone.run} was NOT undone: {undone.error or 'nothing could be taken back'}".rstrip(".")
    by = f" by run {undone.report.outcome.run}" if undone.report.outcome.run else ""
    return f"run {undone.run} was undone{by}" if undone.is_complete else f"run {undone.run} was undone only in part{by}"


def unmet_texts(report: Report) -> Iterator[str]:
    """The expectations of manifests that versions don't meet."""
    for item in report.plan.unmet:
        yield f"{item.key.address}: {unmet_text(item)}"


def not_comparable_texts(report: Report) -> Iterator[str]:
    """What manifests state and the live state doesn't tell, with the option that sends it."""
    for item in report.plan.not_comparable:
        kind = "image" if item.path == IMAGE_URL else "secrets"
        yield f"{item.address} {path_text(item.path)}: {item.reason}. --resend {kind} sends it."


def stale_texts(report: Report) -> Iterator[str]:
    """What changed on the live side since the plan was made."""
    return map(_moved_text, report.stale)


def _moved_text(item: Moved) -> str:
    planned, live, desired = (
        _text(value, is_sensitive=item.is_sensitive) for value in (item.planned, item.live, item.desired)
    )
    place = f"{item.key.address} {item.path}".rstrip()
    return f"{place}: planned from {planned}, now {live}, desired {desired}"


def remaining_texts(report: Report) -> Iterator[str]:
    """What is not as planned after an apply, although it was sent."""
    for key, change in report.outcome.remaining:
        if change is None:
            yield f"{key.address}: not deleted"
        else:
            live, desired = (_text(value, is_sensitive=change.is_sensitive) for value in (change.before, change.after))
            yield f"{key.address} {path_text(change.path)}: live {live}, desired {desired}"


def failed_texts(report: Report) -> Iterator[str]:
    """The requests that failed or were not reached."""
    for result in (*report.outcome.results, *report.outcome.marks):
        if result.status in (Status.FAILED, Status.NOT_REACHED):
            names = ", ".join(key.address for key in result.request.keys)
            why = f": {result.error}" if result.error else ""
            yield f"{result.status.value.replace('_', ' ')}: {result.request.rpc} of {names}{why}"
            yield from map(_moved_text, result.moved)


def kept_texts(report: Report) -> Iterator[str]:
    """What the undo of a run that missed an expectation left as it was."""
    for item in () if report.undone is None else report.undone.skipped:
        yield f"{item['address']} {item['path']}".rstrip() + f": {item['reason']}"


def history_texts(report: Report) -> Iterator[str]:
    """Drift compared with earlier runs, a line per path: new, standing, resolved. Nothing without a history."""
    if report.history is None:
        return
    places = report.history.places
    for place, found in places.items():
        if found.is_new:
            yield f"new: {_place_text(place)}"
    for place, found in places.items():
        if not found.is_new:
            yield f"standing since {found.since}: {_place_text(place)}"
    for entry in report.history.resolved:
        yield f"resolved: {_place_text(entry.place)} (first seen {entry.first_seen})"


def _place_text(place: Place) -> str:
    return " ".join(part for part in place if part)


LONG_APPLY: Final = 60
"""From this number of seconds on, an apply is something to know about in advance."""


def forecast_text(report: Report) -> str:
    """How many calls an apply takes, to write and to verify, and how long these take at the rate of the run.

    Empty if that isn't known, and for a plan that can't be applied as it is.
    """
    found = report.forecast
    if found is None or report.rate is None or report.plan.refused:
        return ""
    calls = f"{counted(found.calls, 'call', 'calls')}"
    time = f"about {duration(found.seconds)}" if found.seconds >= 1 else "less than a second"
    probes = "" if found.predictions is None else f"; {_predictions_text(found.predictions)}"
    return f"An apply takes {calls}, {time} at {report.rate:g} calls per second{probes}"


def is_long_or_deletes(report: Report) -> bool:
    """Whether a reader should know what is sent and how long it takes: it deletes or has predicted something, or takes over a minute."""
    found = report.forecast
    is_long = found is not None and (found.seconds > LONG_APPLY or found.predictions is not None)
    return is_long or any(change.action == "delete" for change in report.plan.changes)


def lost_text(change: Change) -> str:
    """What a deletion loses, in one line."""
    fields = map(field_document, change.fields)
    return ", ".join(f"{field['path']}: {shown(field, 'before')}" for field in fields)


def _predictions_text(count: int) -> str:
    if count == 1:
        return "1 input was predicted on 1 version, twice"
    return f"{count} inputs × versions were predicted, each twice"


def duration(seconds: float) -> str:
    """Seconds, or minutes and seconds."""
    whole = round(seconds)
    return f"{whole} s" if whole < 90 else f"{whole // 60} min {whole % 60:02} s"


def request_counts(report: Report) -> str:
    """The requests by RPC and action, such as "2 × PatchModels merge, 1 × DeleteModels"."""
    counts = Counter(f"{request.rpc} {request.action or ''}".strip() for request in report.plan.requests)
    return ", ".join(f"{count} × {name}" for name, count in counts.items())


def _text(value: Any, *, is_sensitive: bool) -> str:
    if value is MISSING:
        return shown({}, "value")
    return shown({"value": redacted(value), "sensitive": is_sensitive}, "value")
