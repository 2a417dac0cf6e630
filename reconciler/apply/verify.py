"""Compares a plan's changes with the live side: is a saved plan still good, and did what was sent take?

In: a Plan and Observed. Out: for every change, per path, whether live has the planned `before`, the wanted `after`, or
something else. Used before sending (`staleness`) and after (`remaining`). Changes outside what a plan touches never
count, with one exception: an overwrite carries unmanaged siblings along, and if somebody changed one since, sending
would revert that. A secret is compared where its value is at hand, and never shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from reconciler.apply.sending import Fate
from reconciler.compare.diff import FieldChange
from reconciler.plan.plan import Change, Plan
from reconciler.remote.port import Reply
from reconciler.requests.calls import SERVER_OWNED_IN_OUTPUT_INFO
from reconciler.resources.canonical import equal, equal_fields, field_from_document, is_copy_of_another
from reconciler.resources.fields import KINDS, MARK_KEY, FieldSpec, Shape
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import Document, Observed, ObservedModel, ObservedVersion
from reconciler.resources.request import Entry, Request
from reconciler.resources.secrets import Sensitive, holds_sensitive
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_text

MARK: FieldPath = ("metadata", MARK_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A planned path that live no longer has as planned. `path` is "" where the resource itself is gone."""

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


class State(Enum):
    """What live holds at a planned path."""

    BEFORE = "before"
    AFTER = "after"
    MOVED = "moved"


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
    entries = _entries(plan)
    for change in plan.changes:
        document = document_of(observed, change.key)
        moved.extend(_moved(change, document, entries.get(change.key, [])))
    changes = {change.key: change for change in plan.changes}
    done = frozenset(
        position
        for position, request in enumerate(plan.requests)
        if _fate(request, changes, entries, observed) is Fate.TAKEN
    )
    return Staleness(moved=tuple(moved), done=done)


def fate(plan: Plan, request: Request, observed: Observed) -> Fate:
    """What reading its objects says about a request: whether its planned values are there, or those before, or others."""
    return _fate(request, {change.key: change for change in plan.changes}, _entries(plan), observed)


def _fate(request: Request, changes: Mapping[Key, Change], entries: Mapping[Key, _Entries], observed: Observed) -> Fate:
    states: list[State] = []
    for change in (changes[key] for key in request.keys if key in changes):
        document = document_of(observed, change.key)
        if change.action == "delete":
            states.append(State.AFTER if document is None else State.BEFORE)
            continue
        mine = [item for item in change.fields if request.carries(change.key, item.path)]
        if document is None:
            return Fate.MOVED
        states += [_state(change.key, item, document, entries.get(change.key, [])) for item in mine]
    if State.MOVED in states:
        return Fate.MOVED
    return Fate.TAKEN if states and all(state is State.AFTER for state in states) else Fate.NOT_TAKEN


def state_of(plan: Plan, key: Key, change: FieldChange, document: Document) -> State:
    """Whether live has the value before a planned change, the value after it, or another."""
    return _state(key, change, document, _entries(plan).get(key, []))


def unmanaged_moved(plan: Plan, request: Request, observed: Observed) -> tuple[Moved, ...]:
    """Unmanaged values that this request carries along and that somebody changed since the plan was made."""
    found: list[Moved] = []
    for change in plan.changes:
        document, entry = document_of(observed, change.key), request.entry(change.key)
        if document is not None and entry is not None:
            found.extend(_echo_moved(change, document, [(request, entry)]))
    return tuple(found)


def carries_unmanaged(plan: Plan, request: Request) -> bool:
    """Whether a request sends back values that the plan doesn't change: an overwrite of part of a Struct does."""
    if request.action != "overwrite":
        return False
    changes = {change.key: change for change in plan.changes}
    for key in request.keys:
        entry, change = request.entry(key), changes.get(key)
        if entry is None or change is None:
            continue
        planned = {item.path for item in change.fields}
        if any(
            _unplanned((name,), entry.values[name], planned)
            for name in ("metadata", "output_info")
            if name in entry.values
        ):
            return True
    return False


def _unplanned(path: FieldPath, sent: Any, planned: set[FieldPath]) -> bool:
    if path in planned:
        return False
    if isinstance(sent, Mapping) and sent:
        return any(_unplanned((*path, name), value, planned) for name, value in sent.items())
    return not any(item[: len(path)] == path for item in planned)


def remaining(plan: Plan, observed: Observed) -> tuple[tuple[Key, FieldChange | None], ...]:
    """The planned paths that live does not have as wanted, as live → wanted; None stands for a deletion not done."""
    left: list[tuple[Key, FieldChange | None]] = []
    entries = _entries(plan)
    for change in plan.changes:
        document = document_of(observed, change.key)
        if change.action == "delete":
            if document is not None:
                left.append((change.key, None))
            continue
        mine = entries.get(change.key, [])
        left.extend(
            (change.key, FieldChange(path=item.path, before=_live(change.key, item, document), after=item.after))
            for item in change.fields
            if document is None or _state(change.key, item, document, mine) is not State.AFTER
        )
    return tuple(left)


_Entries = list[tuple[Request, Entry]]


def _entries(plan: Plan) -> dict[Key, _Entries]:
    """For each resource, the entries about it, with their requests."""
    found: dict[Key, _Entries] = {}
    for request in plan.requests:
        for entry in request.entries:
            found.setdefault(entry.key, []).append((request, entry))
    return found


def _moved(change: Change, document: Document | None, entries: _Entries) -> Iterator[Moved]:
    key = change.key
    if change.action == "delete":
        yield from _deletion_moved(change, document)
    elif document is None:
        yield Moved(key=key, path="", planned="exists", live=MISSING, wanted="exists")
    else:
        for item in change.fields:
            if _state(key, item, document, entries) is State.MOVED:
                live = _live(key, item, document)
                yield Moved(key=key, path=path_text(item.path), planned=item.before, live=live, wanted=item.after)
        yield from _echo_moved(change, document, entries)


def _deletion_moved(change: Change, document: Document | None) -> Iterator[Moved]:
    """A model that was adopted or protected since is not the one whose deletion was reviewed."""
    if document is None or change.key.kind is Kind.MODEL_VERSION:
        return
    planned = next((item.before for item in change.fields if item.path == MARK), MISSING)
    live = lookup(document, MARK)
    if not _same(planned, live):
        yield Moved(key=change.key, path=path_text(MARK), planned=planned, live=live, wanted=MISSING)


def _field_of(key: Key, change: FieldChange) -> FieldSpec:
    return next(field for field in KINDS[key.kind] if change.path[: len(field.path)] == field.path)


def _live(key: Key, change: FieldChange, document: Document | None) -> Any:
    if document is None:
        return MISSING
    field = _field_of(key, change)
    live = lookup(field_from_document(field, document), change.path[len(field.path) :])
    # A secret's present value is as secret as the one that replaces it.
    return Sensitive(live, "live") if change.is_sensitive and live is not MISSING else live


def _state(key: Key, change: FieldChange, document: Document, entries: _Entries) -> State:
    live, field = _live(key, change, document), _field_of(key, change)
    wanted = _wanted(change, entries)
    # The service answers with the url of its own copy of an image: a copy that wasn't there before is the one sent.
    is_image_sent = field.shape is Shape.IMAGE and MISSING not in (wanted, live) and not _same(live, change.before)
    if is_image_sent and is_copy_of_another(document, wanted):
        return State.AFTER
    if _same(live, wanted) or (field.shape is Shape.TAGS and equal_fields(field, live, wanted)):
        return State.AFTER
    if _is_unknown(change.before):
        return State.BEFORE  # a plan does not keep the secret that was there, so it can't be told from another
    if _same(live, change.before) or (field.shape is Shape.TAGS and equal_fields(field, live, change.before)):
        return State.BEFORE
    return State.MOVED


def _wanted(change: FieldChange, entries: _Entries) -> Any:
    """The wanted value; for a secret of a plan that was read from a file, what its request sends."""
    if _is_unknown(change.after):
        for _, entry in entries:
            sent = lookup(entry.values, change.path)
            if sent is not MISSING:
                return sent
    return change.after


def _is_unknown(value: Any) -> bool:
    return isinstance(value, Sensitive) and value.reveal() is None


def _same(one: Any, other: Any) -> bool:
    return one is other if MISSING in (one, other) else equal(one, other)


def _echo_moved(change: Change, document: Document, entries: _Entries) -> Iterator[Moved]:
    """Unmanaged values that an overwrite carries along and that somebody changed since."""
    planned = {item.path for item in change.fields}
    for request, entry in entries:
        if request.action != "overwrite":
            continue
        for name in ("metadata", "output_info"):
            sent, live = entry.values.get(name), document.get(name, {})
            if isinstance(sent, Mapping):
                owned = SERVER_OWNED_IN_OUTPUT_INFO if name == "output_info" else frozenset[str]()
                live = {inner: value for inner, value in live.items() if inner not in owned}
                yield from _differing(change.key, (name,), live, sent, planned)


def _differing(
    key: Key, path: FieldPath, live: Mapping[str, Any], sent: Mapping[str, Any], planned: set[FieldPath]
) -> Iterator[Moved]:
    for name in sorted({*live, *sent}):
        here = (*path, name)
        one, other = live.get(name, MISSING), sent.get(name, MISSING)
        if here in planned or _same(one, other):
            continue
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _differing(key, here, one, other, planned)
        elif not any(item[: len(here)] == here for item in planned):
            yield Moved(key=key, path=path_text(here), planned=other, live=one, wanted=other)


# --- what answers show ---


@dataclass(frozen=True, slots=True)
class Shown:
    """The newest whole document of each object that an answer showed. Safe for several threads at once."""

    documents: dict[Key, Document] = field(default_factory=dict)

    def add(self, request: Request, reply: Reply) -> None:
        """Take note of an answer; what an answer before it showed of the same objects is out of date."""
        by_id = {document.get("id"): document for document in reply.documents if "created_at" in document}
        for key in request.keys:
            document = by_id.get(key.version_id or key.model_id)
            if document is None:
                self.documents.pop(key, None)
            else:
                self.documents[key] = document

    def observed(self) -> Observed:
        """The objects as read. A model of which only versions were shown has an empty document."""
        versions: dict[Key, list[ObservedVersion]] = defaultdict(list)
        models: dict[Key, Mapping[str, object]] = {}
        for key, document in sorted(self.documents.items()):
            if key.version_id:
                versions[key.model()].append(ObservedVersion(key=key, document=document))
            else:
                models[key] = document
        return Observed(
            models={
                key: ObservedModel(key=key, document=models.get(key, {}), versions=tuple(versions.get(key, ())))
                for key in sorted({*models, *versions})
            }
        )
