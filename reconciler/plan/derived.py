"""Derives the requests of a plan from its changes, as planning did.

Takes the changes and the requests of a plan that was read from a file. Returns the requests that these changes lead to. A file
is a plan only if both are the same, so nothing can be sent that the changes, which people review, don't show.

A change has the value before and after each path. From these, the drift of the resource is built again, and the same code
that planned the requests (`requests/calls.py`) chooses and proves them again. Three things are not among the changes, and are
taken from the requests of the file:

- Values that an overwrite carries along because it replaces a whole mapping, and mappings that a merge empties. Before anything is
  sent, `apply/gate.py` compares both with the live state, so a forged one is never written.
- Whether a Struct contains secrets that can't be read back, so that it isn't overwritten: its keys are then removed one by one.
- The type of a secret. `merge` can set a string but not null, so the action of the file's own request decides which of the two a
  secret stands for here. The environment variables that it comes from must be those that the change names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from reconciler.compare.results import Drift, FieldChange
from reconciler.compare.unreadable import Unreadable
from reconciler.plan.plan import Change
from reconciler.requests.calls import calls_from_drifts, deletion_requests
from reconciler.resources.canonical import document_from_field
from reconciler.resources.fields import KINDS, FieldSpec, Shape
from reconciler.resources.keys import Key
from reconciler.resources.request import Entry, Request
from reconciler.resources.secrets import Sensitive, holds_sensitive, variables_in
from reconciler.resources.tree import MISSING, FieldPath, lookup, map_leaves, path_text, with_value

_HIDDEN: Final = "\0"
"""Stands for the secret because of which keys of a Struct are removed one by one. No service has a key of this name."""

Sent = tuple[Request, Entry]
"""A request of the file, and what it does to one resource."""


class UnderivableError(ValueError):
    """A change that no plan contains; the text says why."""


def derived_requests(
    changes: Sequence[Change], requests: Sequence[Request], *, batch: int, is_refused: bool
) -> tuple[Request, ...]:
    """Return the requests that the changes lead to. `requests` are those of the file, `batch` its entries per request.

    A plan that `is_refused` is never applied, and may show fields that no call can change; those have no request. Raises
    UnderivableError.
    """
    sent: dict[Key, list[Sent]] = {}
    for request in requests:
        for entry in request.entries:
            sent.setdefault(entry.key, []).append((request, entry))
    updates = (change for change in changes if change.action == "update")
    if is_refused:
        updates = (_sent_part(change, sent.get(change.key, [])) for change in updates)
    drifts = [_drift(change, sent.get(change.key, [])) for change in updates]
    calls = calls_from_drifts(drifts, batch=batch)
    deleted = (change.key for change in changes if change.action == "delete")
    return (*calls.requests, *deletion_requests(deleted, batch=batch))


def _sent_part(change: Change, sent: Sequence[Sent]) -> Change:
    """A change without the fields that no request carries."""
    return replace(
        change,
        fields=tuple(item for item in change.fields if any(each.carries(change.key, item.path) for each, _ in sent)),
    )


def _drift(change: Change, sent: Sequence[Sent]) -> Drift:
    """The drift that a change was made from."""
    document: dict[str, Any] = {}
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    unreadable: dict[FieldPath, Unreadable] = {}
    left = list(change.fields)
    for spec in KINDS[change.key.kind]:
        items = [item for item in left if _is_at(spec, item)]
        if not items:
            continue
        left = [item for item in left if item not in items]
        action, values = _sent(spec, sent)
        one, other = _sides(spec, items, action, lookup(values, spec.path))
        before, after = with_value(before, spec.path, one), with_value(after, spec.path, other)
        if len(spec.path) > 1 and action == "overwrite":
            document = {**document, spec.path[0]: values[spec.path[0]]}
        shown = one if one is MISSING else document_from_field(spec, one)
        document = with_value(document, spec.path, shown)
        if spec.shape is Shape.STRUCT and any(each.action == "remove" and spec in entry.fields for each, entry in sent):
            unreadable.update({(*spec.path, _HIDDEN): Unreadable()})
    if left:
        raise UnderivableError(f"{path_text(left[0].path)} of {change.key.address} is not a field that can be changed")
    return Drift(
        key=change.key,
        document=document,
        before=before,
        after=after,
        changes=change.fields,
        origin=change.origin,
        unreadable=unreadable,
    )


def _is_at(spec: FieldSpec, item: FieldChange) -> bool:
    """Whether a change is about a field: a key of a Struct, the url of an image, or the field itself."""
    if spec.shape is Shape.STRUCT:
        return item.path[: len(spec.path)] == spec.path
    return item.path == ((*spec.path, "url") if spec.shape is Shape.IMAGE else spec.path)


def _sent(spec: FieldSpec, sent: Sequence[Sent]) -> tuple[str, Mapping[str, Any]]:
    """The action and the values of the request that carries a field; none where no request does."""
    found = [(request.action or "", entry.values) for request, entry in sent if spec in entry.fields]
    # A Struct may be merged first, and then keys removed; a removal says nothing about values.
    setting = (each for each in found if each[0] != "remove" or spec.shape is not Shape.STRUCT)
    return next(setting, ("", {}))


def _sides(spec: FieldSpec, items: Sequence[FieldChange], action: str, sent: Any) -> tuple[Any, Any]:
    """A field's value before and after its changes. `sent` is what the file's request sends for it, with `action`."""
    is_whole = spec.shape is Shape.STRUCT and action == "overwrite" and isinstance(sent, Mapping)
    before: Any = sent if is_whole else {}
    after: Any = before
    stand_ins = _stand_ins(spec, action)
    for item in items:
        path = item.path[len(spec.path) :]
        one, other = _before(item, lookup(sent, path), stand_ins[0]), _after(item, lookup(sent, path), stand_ins[1])
        before, after = (one, other) if not path else (with_value(before, path, one), with_value(after, path, other))
        if len(path) > 1 and other is MISSING and lookup(after, path[:-1]) is MISSING:
            after = with_value(after, path[:-1], {})  # what a key is removed from stays, perhaps empty
    if spec.shape is Shape.IMAGE:  # an image without a url is none
        return before or MISSING, after or MISSING
    return before, after


def _stand_ins(spec: FieldSpec, action: str) -> tuple[Any, Any]:
    """The values that stand for a secret before and after: different, and such that the field needs `action`."""
    if spec.shape is Shape.TAGS:
        return ["before"], ["after"]
    return "before", None if spec.shape is Shape.STRUCT and action == "overwrite" else "after"


def _before(item: FieldChange, sent: Any, stand_in: Any) -> Any:
    if not holds_sensitive(item.before):
        return item.before
    # Only the removal of an image sends the value before.
    source = sent.source if isinstance(sent, Sensitive) and item.after is MISSING else "live"
    return Sensitive(stand_in, source)


def _after(item: FieldChange, sent: Any, stand_in: Any) -> Any:
    """The value after a change. The request has the place and the source of a secret, and a stand-in is its value."""
    if not holds_sensitive(item.after) or sent is MISSING:
        return item.after
    if not holds_sensitive(sent):
        raise UnderivableError(f"{path_text(item.path)} is shown as a secret, and its request sends plain text")
    hidden = set(variables_in(sent)) - set(variables_in(item.after))
    if hidden:
        raise UnderivableError(
            f"{path_text(item.path)} sends the environment variable {', '.join(sorted(hidden))}, which no change names"
        )
    return map_leaves(
        sent, lambda leaf: Sensitive(stand_in, leaf.source, leaf.variables) if isinstance(leaf, Sensitive) else leaf
    )
