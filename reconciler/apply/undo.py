"""The inverse of what one run wrote: which of its fields go back to what they were, and which can't or mustn't.

In: a run's plan, what of it was sent, and the live side now. Out: a Plan made of the same proven calls as any other, whose
notices name every field that is left alone. A field goes back only if the run sent it and live still has the value that
the run gave it: what anybody changed since is theirs. Secrets (no journal keeps one) and values that the API can't clear stay
as they are, and the plan lists them. A run that deleted something can't be undone at all: the plan is refused. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, Final

from reconciler.apply.gate import Gate, LiveState, State
from reconciler.compare.diff import drift_between
from reconciler.compare.results import Drift, FieldChange
from reconciler.errors import Refusal
from reconciler.plan.plan import Change, Plan
from reconciler.requests.calls import calls_from_drifts
from reconciler.requests.results import Notice
from reconciler.resources.canonical import spec_from_document
from reconciler.resources.fields import fields_below
from reconciler.resources.keys import Key
from reconciler.resources.observed import Document, Observed
from reconciler.resources.request import Request
from reconciler.resources.secrets import LIVE, Secrets, Sensitive, sensitive_places
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_text, with_value

OWN_COPIES: Final = "https://data.clarifai.com/"
"""Where the service keeps its copies of images (recorded answers of PatchModels)."""


_MOST_NAMED: Final = 5
"""Deleted objects that a refusal names; the backup has all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Something that the run changed and that is left as it is. `path` is "" for the object as a whole."""

    address: str
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} is left as it is: {self.reason}" if self.path else f"left as it is: {self.reason}"


def inverse(
    plan: Plan,
    *,
    run: str,
    sent: Mapping[int, frozenset[str]],
    observed: Observed,
    secrets: Secrets,
    backups: Sequence[str],
    batch: int,
    created_at: str,
    tool_version: str,
) -> Plan:
    """The plan that takes a run back. `sent` are, by position of a request, the addresses it was sent for."""
    drifts: list[Drift] = []
    gate, live = Gate(plan), LiveState(observed=observed)
    deleted, kept = _deletions(plan, sent, live)
    for change in plan.changes:
        if change.action == "delete":
            continue
        drift, left = _inverse_of(plan, gate, change, sent, live.document(change.key), secrets)
        kept.extend(left)
        if drift is not None:
            drifts.append(drift)
    calls = calls_from_drifts(drifts, batch=batch)
    changes = []
    for drift in drifts:
        able = [
            item for item in drift.changes if any(request.carries(drift.key, item.path) for request in calls.requests)
        ]
        kept.extend(
            Kept(address=drift.key.address, path=path_text(item.path), reason="the API can't put it back as it was")
            for item in drift.changes
            if item not in able
        )
        if able:
            changes.append(Change(key=drift.key, action="update", fields=tuple(able)))
    kept_notices = [Notice(address=item.address, message=str(item)) for item in kept]
    return Plan(
        tool_version=tool_version,
        created_at=created_at,
        endpoint=plan.endpoint,
        environment=plan.environment,
        owner=plan.owner,
        only_defaults=plan.only_defaults,
        source=replace(plan.source, files=()),
        changes=tuple(changes),
        requests=calls.requests,
        refused=(_refusal(deleted, run, backups),) if deleted else (),
        notices=(*kept_notices, *calls.notices),
        batch=batch,
        extra={
            "undo": {
                "run": run,
                "skipped": [{"address": item.address, "path": item.path, "reason": item.reason} for item in kept],
            }
        },
    )


def _deletions(plan: Plan, sent: Mapping[int, frozenset[str]], live: LiveState) -> tuple[list[Key], list[Kept]]:
    """What the run deleted, and what is there although its deletion was sent."""
    addresses = frozenset[str]().union(*sent.values())
    keys = [change.key for change in plan.changes if change.action == "delete" and change.key.address in addresses]
    deleted = [key for key in keys if live.document(key) is None]
    reason = "its deletion was sent, and it is there now"
    return deleted, [Kept(address=key.address, path="", reason=reason) for key in keys if key not in deleted]


def _refusal(deleted: Sequence[Key], run: str, backups: Sequence[str]) -> Refusal:
    named = ", ".join(key.address for key in deleted[:_MOST_NAMED])
    more = f" and {len(deleted) - _MOST_NAMED} more" if len(deleted) > _MOST_NAMED else ""
    where = ", ".join(backups) if backups else f"backup/{run} in the state folder"
    return Refusal(
        rule="deleted",
        address=deleted[0].address if len(deleted) == 1 else None,
        message=f"Run {run} deleted {named}{more}, which can't be undone. The backup is in {where}.",
        remedy="To take back what the run changed elsewhere, restore the manifests in git and apply them.",
    )


def _inverse_of(
    plan: Plan,
    gate: Gate,
    change: Change,
    sent: Mapping[int, frozenset[str]],
    document: Document | None,
    secrets: Secrets,
) -> tuple[Drift | None, list[Kept]]:
    key = change.key
    requests = [plan.requests[position] for position, addresses in sorted(sent.items()) if key.address in addresses]
    if not requests:
        return None, []
    written = [item for item in change.fields if any(request.carries(key, item.path) for request in requests)]
    if document is None:
        return None, [Kept(address=key.address, path="", reason="it does not exist any more")] if written else []
    # Of all other fields nothing is looked at: they stay as they are, and may hold a value that has no JSON form.
    fields = fields_below(key.kind, frozenset(item.path[0] for item in written))
    before: Mapping[str, Any] = spec_from_document(key.kind, document, fields)
    after, left = before, list[Kept]()
    for item in written:
        reason = _reason_to_keep(gate, key, item, document)
        if reason is None:
            # An image is its url: without one there is no image, not an empty one.
            path = item.path[:1] if item.path[0] == "image" and item.before is MISSING else item.path
            after = with_value(after, path, item.before)
        elif reason:
            left.append(Kept(address=key.address, path=path_text(item.path), reason=reason))
    hidden = _secret_paths(change, requests)
    before, after, shown = (_hidden(tree, hidden) for tree in (before, after, document))
    return drift_between(key, shown, before, after, secrets=secrets), left


def _secret_paths(change: Change, requests: Iterable[Request]) -> list[FieldPath]:
    """Where the run had secrets of a resource: what it changed, stated or sent along. A list with one in it is secret as a whole."""
    entries = (request.entry(change.key) for request in requests)
    trees = (*(each.stated for each in change.statements), *(entry.values for entry in entries if entry is not None))
    places = (place for tree in trees for place, _ in sensitive_places(tree))
    paths = {tuple(map(str, takewhile(lambda name: isinstance(name, str), place))) for place in places}
    return sorted(paths | {item.path for item in change.fields if item.is_sensitive})


def _reason_to_keep(gate: Gate, key: Key, item: FieldChange, document: Document) -> str | None:
    """Why a field is not put back: None where it is, "" where it is as before already."""
    state = gate.state_of(key, item, document)
    if state is State.BEFORE and (item.before is MISSING or not item.is_sensitive):
        return ""
    if item.is_sensitive and item.before is MISSING:
        return "it was absent before, and is a secret, so it is not known whether it is still the one that was written"
    if item.is_sensitive:
        return "it is a secret, and no journal keeps the one before"
    if state is State.AFTER and item.path[0] == "image" and str(item.before).startswith(OWN_COPIES):
        return "the image was the service's own copy, which can't be sent again"
    return None if state is State.AFTER else "somebody has changed it since"


def _hidden(tree: Mapping[str, Any], paths: Sequence[FieldPath]) -> Mapping[str, Any]:
    """The tree with the values at these paths wrapped: they travel along in an overwrite, and nothing may show them."""
    for path in paths:
        value = lookup(tree, path)
        if value is not MISSING and not isinstance(value, Sensitive):
            tree = with_value(tree, path, Sensitive(value, LIVE))
    return tree
