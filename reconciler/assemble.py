"""Puts drifts, calls and the decision on deletions together into a Plan: ordered, counted, told where it came from.

Pure: what the clock, git and the settings say is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.calls import Calls, Notice
from reconciler.canon import is_copy_of_another
from reconciler.deletions import deletion_requests
from reconciler.diff import Drift
from reconciler.expectations import Expectation
from reconciler.plan import Change, Plan, Source
from reconciler.policy import Decision, owner_mark
from reconciler.resolve import Match
from reconciler.resources import MARK_KEY, MISSING, FieldChange, Key, Kind, Observed, ObservedModel


def assembled(
    *,
    found: tuple[Match, ...],
    drifts: Iterable[Drift],
    calls: Calls,
    decision: Decision,
    observed: Observed,
    owner: str | None,
    batch: int,
    source: Source,
    created_at: str,
    endpoint: str,
    environment: str | None,
    tool_version: str,
    expectations: tuple[Expectation, ...] = (),
) -> Plan:
    """The plan of one run. Changes are ordered by key; requests as they are sent: updates, then deletions."""
    updates = [Change(key=drift.key, action="update", fields=drift.changes, origin=drift.origin) for drift in drifts]
    deletes = [
        Change(
            key=candidate.key,
            action="delete",
            reason=candidate.reason,
            origin=candidate.origin,
            fields=_deleted_fields(observed.models[candidate.key.model()], candidate.key),
        )
        for candidate in decision.deletions
    ]
    changes = sorted((*updates, *deletes), key=lambda change: (change.key, change.action))
    touched = {change.key.model() for change in changes}
    return Plan(
        tool_version=tool_version,
        created_at=created_at,
        endpoint=endpoint,
        environment=environment,
        source=source,
        changes=tuple(changes),
        requests=(*calls.requests, *deletion_requests((change.key for change in deletes), batch=batch)),
        refused=(*calls.refusals, *decision.refusals),
        notices=(*_notices(found, owner), *calls.notices, *decision.notices),
        expectations=expectations,
        compared=tuple(match.desired.key for match in found),
        unchanged=sum(match.desired.key not in touched for match in found),
    )


def _deleted_fields(model: ObservedModel, key: Key) -> tuple[FieldChange, ...]:
    """What a deletion shows, and what must still be so when it is sent: the model's owner mark."""
    mark = owner_mark(model)
    if key.kind is Kind.MODEL_VERSION or not mark:
        return ()
    return (FieldChange(path=("metadata", MARK_KEY), before=dict(mark), after=MISSING),)


def _notices(found: Iterable[Match], owner: str | None) -> Iterator[Notice]:
    for match in found:
        key, stated = match.desired.key, match.desired.stated
        if owner is None and match.desired.protect:
            # A safety setting that does nothing must say so.
            message = "protect: true has no effect without an owner in reconciler.yaml: it is kept in the owner mark."
            yield Notice(address=key.address, message=message)
        if "image" in stated and is_copy_of_another(match.observed.document, stated["image"]["url"]):
            message = (
                "the live image is the service's own copy, which can't be compared with the stated url; it is taken to "
                "be that image. To replace it, remove it first."
            )
            yield Notice(address=key.address, message=message)
