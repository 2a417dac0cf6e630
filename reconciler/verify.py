"""Compares a plan's changes with the live side: is a saved plan still good, and did what was sent take?

In: a Plan and Observed. Out: for every change, per path, whether live has the planned `before`, the wanted `after`, or
something else. Used before sending (`staleness`) and after (`remaining`). A path that holds a secret is compared
where its value is at hand, and never shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.canon import equal, equal_fields, field_from_document, lookup
from reconciler.plan import Change, Plan
from reconciler.resources import (
    KINDS,
    MISSING,
    Document,
    FieldChange,
    FieldSpec,
    Key,
    Observed,
    Request,
    Sensitive,
    Shape,
    holds_sensitive,
    path_text,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A planned path that live no longer has as planned: planned-from, live-now and wanted, redacted by the reader."""

    key: Key
    path: str
    planned: Any
    live: Any
    wanted: Any

    @property
    def is_sensitive(self) -> bool:
        """Whether any of the three must not be shown."""
        return any(holds_sensitive(value) for value in (self.planned, self.live, self.wanted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Staleness:
    """What happened to the planned objects since. `done` are positions of requests whose effect is already there."""

    moved: tuple[Moved, ...]
    done: frozenset[int]


def document_of(observed: Observed, key: Key) -> Document | None:
    """The live document of a model or version, or None where it doesn't exist."""
    model = observed.models.get(key.model())
    if model is None:
        return None
    if not key.version_id:
        return model.document
    version = model.versions_by_id.get(key.version_id)
    return None if version is None else version.document


def staleness(plan: Plan, observed: Observed) -> Staleness:
    """Compare every planned object with what is live now, before anything is sent."""
    moved: list[Moved] = []
    wanted_already: set[Key] = set()
    for change in plan.changes:
        document = document_of(observed, change.key)
        if change.action == "delete":
            if document is None:
                wanted_already.add(change.key)
            continue
        if document is None:
            moved.append(Moved(key=change.key, path="", planned="exists", live=MISSING, wanted="exists"))
            continue
        states = [_state(change.key, item, document, plan.requests) for item in change.fields]
        moved.extend(
            Moved(key=change.key, path=path_text(item.path), planned=item.before, live=_live(change.key, item, document), wanted=item.after)
            for item, state in zip(change.fields, states, strict=True)
            if state == "moved"
        )
        moved.extend(_echo_moved(change, document, plan.requests))
        if all(state == "after" for state in states):
            wanted_already.add(change.key)
    done = frozenset(
        position
        for position, request in enumerate(plan.requests)
        if request.keys and all(key in wanted_already for key in request.keys)
    )
    return Staleness(moved=tuple(moved), done=done)


def remaining(plan: Plan, observed: Observed) -> tuple[tuple[Key, FieldChange | None], ...]:
    """The planned paths that live does not have as wanted; a key with None is a deletion that did not happen."""
    left: list[tuple[Key, FieldChange | None]] = []
    for change in plan.changes:
        document = document_of(observed, change.key)
        if change.action == "delete":
            if document is not None:
                left.append((change.key, None))
            continue
        for item in change.fields:
            if document is None or _state(change.key, item, document, plan.requests) != "after":
                live = MISSING if document is None else _live(change.key, item, document)
                left.append((change.key, FieldChange(path=item.path, before=live, after=item.after)))
    return tuple(left)


def _field_of(key: Key, change: FieldChange) -> FieldSpec:
    return next(field for field in KINDS[key.kind] if change.path[: len(field.path)] == field.path)


def _live(key: Key, change: FieldChange, document: Document) -> Any:
    field = _field_of(key, change)
    return lookup(field_from_document(field, document), change.path[len(field.path) :])


def _state(key: Key, change: FieldChange, document: Document, requests: Iterable[Request]) -> str:
    """"after", "before" or "moved"."""
    live = _live(key, change, document)
    field = _field_of(key, change)
    wanted = change.after
    if isinstance(wanted, Sensitive) and wanted.reveal() is None:
        wanted = _sent_value(key, change, requests)
    if field.shape is Shape.IMAGE and wanted is not MISSING:
        # The service answers with the url of its own copy: any image that isn't the one before is the one sent.
        hosted = lookup(document, ("image", "hosted"))
        if hosted is not MISSING and live is not MISSING and not _same(field, live, change.before):
            return "after"
    if _same(field, live, wanted):
        return "after"
    if change.is_sensitive and isinstance(change.before, Sensitive) and change.before.reveal() is None:
        return "before"  # a secret before is not kept in a plan, so it can't be told from another one
    return "before" if _same(field, live, change.before) else "moved"


def _same(field: FieldSpec, one: Any, other: Any) -> bool:
    if one is MISSING or other is MISSING:
        return one is other
    return equal_fields(field, one, other) if field.shape is Shape.TAGS else equal(one, other)


def _entries(key: Key, requests: Iterable[Request]) -> Iterator[tuple[Request, Mapping[str, Any]]]:
    """The patch entries for one resource among the requests."""
    for request in requests:
        if key not in request.keys:
            continue
        for entry in (*request.body.get("models", ()), *request.body.get("model_versions", ())):
            if entry.get("id") == (key.version_id or key.model_id):
                yield request, entry


def _sent_value(key: Key, change: FieldChange, requests: Iterable[Request]) -> Any:
    for _, entry in _entries(key, requests):
        value = lookup(entry, change.path)
        if value is not MISSING:
            return value
    return change.after


def _echo_moved(change: Change, document: Document, requests: Iterable[Request]) -> Iterator[Moved]:
    """Unmanaged values that an overwrite carries along and that somebody changed since: sending would revert them."""
    planned = {item.path for item in change.fields}
    for request, entry in _entries(change.key, requests):
        if request.action != "overwrite":
            continue
        for name in entry:
            live, sent = document.get(name, MISSING), entry[name]
            if isinstance(sent, Mapping) and name in ("metadata", "output_info"):
                yield from _differing(change.key, (name,), live if isinstance(live, Mapping) else {}, sent, planned)


def _differing(
    key: Key, path: tuple[str, ...], live: Mapping[str, Any], sent: Mapping[str, Any], planned: set[tuple[str, ...]]
) -> Iterator[Moved]:
    for name in sorted({*live, *sent}):
        here = (*path, name)
        if here in planned or here in (("output_info", "message"), ("output_info", "data")):
            continue
        a, b = live.get(name, MISSING), sent.get(name, MISSING)
        inside = any(item[: len(here)] == here for item in planned)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            yield from _differing(key, here, a, b, planned)
        elif not inside and not ({*map(_emptiness, (a, b))} == {True}) and (a is MISSING or b is MISSING or not equal(a, b)):
            yield Moved(key=key, path=path_text(here), planned=b, live=a, wanted=b)


def _emptiness(value: Any) -> bool:
    return value is MISSING or value == {} or value == []
