"""Judges whether objects are still as they were reviewed. Everything that writes asks it first.

In: a plan and a fresh read of the objects that a request touches. Out: for each object whether it is as planned, has the desired
state already, or has moved, and exactly what moved. Nothing is written against what was not reviewed, so this is checked

    before a run       for every object: if any has moved, the run stops before its first write (`staleness`)
    before a sending   for the objects of a request that sends more than its own leaves, or the owner mark, or that undoes a
                       run, each time it is sent, retries included (`findings`): objects that moved are held back
    after a lost       for the objects of a request without a response: whether it was carried out (`effect_of`)
    response

A planned field has moved if the live value is neither the one that the plan was made from nor the desired one. An overwrite
also sends unmanaged siblings, so a sibling that somebody changed counts too: sending it would revert the change. For a
deletion everything counts: the object itself, its owner mark, what uses it, and for a version the rule that made it old. Nothing
is changed or deleted on a model that another owner has adopted since.
A secret is compared if its value is known, and never shown. A value that can't be read back as it was sent is as planned unless
it is the desired one (secrets), or has moved if it is neither (image URLs, unless a request without a response may have sent it).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from reconciler.apply.results import Moved
from reconciler.compare.results import FieldChange
from reconciler.errors import ReconcilerError
from reconciler.plan.deletion import recorded_mark
from reconciler.plan.guards import is_kept_version, object_digest, owner_mark
from reconciler.plan.in_use import Use
from reconciler.plan.plan import Change, Plan
from reconciler.requests.calls import SERVER_OWNED_IN_OUTPUT_INFO
from reconciler.resources.canonical import equal, equal_fields, field_from_document, is_within
from reconciler.resources.fields import IMAGE_URL, KINDS, MARK_KEY, UNREADABLE_KEY, FieldSpec, Shape
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import Document, Observed
from reconciler.resources.request import Entry, Request
from reconciler.resources.secrets import Sensitive, revealed
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_text, with_value

MARK: Final[FieldPath] = ("metadata", MARK_KEY)
OWNER: Final[FieldPath] = (*MARK, "owner")


class State(Enum):
    """The live value at a planned path, or of a planned object."""

    BEFORE = "before"
    AFTER = "after"
    MOVED = "moved"


class Effect(Enum):
    """Whether a request without a response was carried out, according to a read of its objects."""

    APPLIED = "applied"  # every desired value is there
    NOT_APPLIED = "not_applied"  # some are as before, the others are there: sending it again is right
    MOVED = "moved"  # somebody else wrote there: sending it again would be wrong
    UNREAD = "unread"  # the objects could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One object of a request, as it is now; `moved` says what of it moved."""

    key: Key
    state: State
    moved: tuple[Moved, ...] = ()


class HeldBackError(ReconcilerError):
    """Objects of a request forbid sending it as it is; `findings` has every object of the request."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__("; ".join(sorted(moved_text(item) for found in findings for item in found.moved)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """The live side as it was just read. `uses` are the workflows and deployments that use an object to be deleted.

    `named` are versions that a manifest of this run names, `sent` the objects of requests that may have been carried out.
    """

    observed: Observed
    uses: Mapping[Key, tuple[Use, ...]] = field(default_factory=dict)
    named: Collection[Key] = ()
    sent: Collection[Key] = ()

    def document(self, key: Key) -> Document | None:
        """The live document of a model or version, or None where it doesn't exist."""
        model = self.observed.models.get(key.model())
        if model is None:
            return None
        if not key.version_id:
            return model.document
        version = model.versions_by_id.get(key.version_id)
        return None if version is None else version.document


@dataclass(frozen=True, slots=True, kw_only=True)
class Staleness:
    """What happened to the planned objects since. `done` are positions of requests whose effect is already there."""

    moved: tuple[Moved, ...]
    done: frozenset[int]


def moved_text(moved: Moved) -> str:
    """Which path of which object moved, without any value."""
    return f"{moved.key.address} {moved.path}".rstrip()


class Gate:
    """Judges the objects of one plan against fresh reads. Holds no live state of its own."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._changes = {change.key: change for change in plan.changes}
        self._owners = planned_owners(plan)
        self._entries: dict[Key, list[tuple[Request, Entry]]] = {}
        for request in plan.requests:
            for entry in request.entries:
                self._entries.setdefault(entry.key, []).append((request, entry))

    def staleness(self, live: LiveState) -> Staleness:
        """Compare every planned object with what is live now, before anything is sent."""
        moved = tuple(
            item
            for change in self._plan.changes
            for item in self._moved(change, live, self._entries.get(change.key, ()), change.fields)
        )
        done = frozenset(
            position
            for position, request in enumerate(self._plan.requests)
            if self.effect_of(request, live) is Effect.APPLIED
        )
        return Staleness(moved=moved, done=done)

    def findings(self, request: Request, live: LiveState) -> tuple[Finding, ...]:
        """Each object of a request, or of a part of one, as it is now."""
        return tuple(self._finding(request, entry, live) for entry in request.entries)

    def effect_of(self, request: Request, live: LiveState) -> Effect:
        """What the planned values of a request's objects say about a request that may have been carried out."""
        states: list[State] = []
        for change in (self._changes[key] for key in request.keys if key in self._changes):
            document = live.document(change.key)
            if change.action == "delete":
                states.append(State.AFTER if document is None else State.BEFORE)
                continue
            if document is None:
                return Effect.MOVED
            states += [self._state_once_sent(change.key, item, document) for item in _carried(request, change)]
        if State.MOVED in states:
            return Effect.MOVED
        return Effect.APPLIED if states and all(state is State.AFTER for state in states) else Effect.NOT_APPLIED

    def needs_check(self, request: Request) -> bool:
        """Whether the objects of a request are read again right before each sending of it.

        A merge of scalars sets what the manifest states and touches nothing else, whenever it arrives. A list replaces or
        extends what is there, an overwrite of a Struct carries its other keys along, and a deletion takes everything. The
        owner mark is this run's claim, which another run may have made in the meantime; and an undo only restores what nobody
        has changed since.
        """
        if self._plan.is_undo or request.deletes or request.action == "remove" or request.facts.replaces is not None:
            return True
        return any(
            lookup(entry.values, MARK) is not MISSING
            or any(_is_more_than_leaves(spec, lookup(entry.values, spec.path), request.action) for spec in entry.fields)
            for entry in request.entries
        )

    def _state_in(self, live: LiveState, key: Key, item: FieldChange, document: Document) -> State:
        state = self._state_once_sent if key in live.sent else self._state
        return state(key, item, document)

    def _state_once_sent(self, key: Key, item: FieldChange, document: Document) -> State:
        """The same for a request that may have been carried out: an image that wasn't there before is a copy of the one sent."""
        state = self._state(key, item, document)
        is_copy = item.path == IMAGE_URL and MISSING not in (item.after, live_value(key, item, document))
        return State.AFTER if is_copy and state is State.MOVED else state

    def state_of(self, key: Key, item: FieldChange, document: Document) -> State:
        """Whether live has the value before a planned change, the value after it, or another."""
        return self._state(key, item, document)

    def _finding(self, request: Request, entry: Entry, live: LiveState) -> Finding:
        change, document = self._changes[entry.key], live.document(entry.key)
        items = _carried(request, change)
        moved = tuple(self._moved(change, live, [(request, entry)], items))
        if moved:
            return Finding(key=entry.key, state=State.MOVED, moved=moved)
        if change.action == "delete" and document is None:
            return Finding(key=entry.key, state=State.AFTER)
        states = set() if document is None else {self._state_in(live, entry.key, item, document) for item in items}
        return Finding(key=entry.key, state=State.AFTER if states == {State.AFTER} else State.BEFORE)

    def _moved(
        self,
        change: Change,
        live: LiveState,
        entries: Collection[tuple[Request, Entry]],
        items: Collection[FieldChange],
    ) -> Iterator[Moved]:
        key, document = change.key, live.document(change.key)
        if key.kind is Kind.MODEL_VERSION and live.document(key.model()) is None:
            # A version that is gone with its model isn't done: the model has a manifest.
            yield Moved(key=key.model(), path="", planned="exists", live=MISSING, desired="exists")
            return
        if document is not None and (key.kind is Kind.MODEL_VERSION or change.action == "update"):
            yield from self._owner_moved(key.model(), live)
        if change.action == "delete":
            if document is not None:
                yield from _deletion_moved(change, live)
        elif document is None:
            yield Moved(key=key, path="", planned="exists", live=MISSING, desired="exists")
        else:
            for item in items:
                if self._state_in(live, key, item, document) is State.MOVED:
                    now = live_value(key, item, document)
                    yield Moved(key=key, path=path_text(item.path), planned=item.before, live=now, desired=item.after)
            yield from _siblings_moved(change, document, entries)

    def _owner_moved(self, key: Key, live: LiveState) -> Iterator[Moved]:
        """The present owner of a model, if the plan was neither made for that owner nor takes the model over from it."""
        owner = owner_mark(live.observed.models[key]).get("owner", MISSING)
        before, after = self._owners.get(key, (self._plan.owner or MISSING,) * 2)
        if owner not in (MISSING, before, after):
            yield Moved(key=key, path=path_text(OWNER), planned=before, live=owner, desired=after)

    def _state(self, key: Key, item: FieldChange, document: Document) -> State:
        live, spec = live_value(key, item, document), field_of(key, item)
        if item.path == MARK and isinstance(live, Mapping):
            # What apply itself records there after each run is not a change of the mark.
            live = {name: value for name, value in live.items() if name != UNREADABLE_KEY}
        desired = self._desired(key, item)
        if _is_value(spec, live, desired) or is_within(live, desired, item.tolerance):
            return State.AFTER
        # A plan doesn't keep the secret that was there, and a service may show the same one differently with each read.
        is_secret = item.path != IMAGE_URL and item.path in self._changes[key].unreadable
        if is_secret or _is_unknown(item.before) or _is_value(spec, live, item.before):
            return State.BEFORE
        return State.MOVED

    def _desired(self, key: Key, item: FieldChange) -> Any:
        """The desired value; for a secret of a plan that was read from a file, the value that its request sends."""
        if _is_unknown(item.after):
            for _, entry in self._entries.get(key, ()):
                sent = lookup(entry.values, item.path)
                if sent is not MISSING:
                    return sent
        return item.after


def planned_owners(plan: Plan) -> Mapping[Key, tuple[Any, Any]]:
    """The owners before and after, MISSING for none, of each model whose mark a plan changes."""
    found = {}
    for change in plan.changes:
        for item in change.fields if change.key.kind is Kind.MODEL and change.action == "update" else ():
            before, after = (lookup(with_value({}, item.path, side), OWNER) for side in (item.before, item.after))
            if (before, after) != (MISSING, MISSING):
                found[change.key] = (before, after)
    return found


def _is_more_than_leaves(spec: FieldSpec, value: Any, action: str | None) -> bool:
    if spec.shape is not Shape.STRUCT:
        return spec.shape is Shape.TAGS  # a string, a visibility and an image are one value each
    return action == "overwrite" or _holds_a_list_or_clears(revealed(value))


def _holds_a_list_or_clears(value: Any) -> bool:
    """Whether a merge of this value extends a list, or empties a mapping (an empty one replaces what is there)."""
    if isinstance(value, Mapping):
        return not value or any(map(_holds_a_list_or_clears, value.values()))
    return isinstance(value, list)


def field_of(key: Key, item: FieldChange) -> FieldSpec:
    """The managed field that contains a planned path."""
    return next(spec for spec in KINDS[key.kind] if item.path[: len(spec.path)] == spec.path)


def live_value(key: Key, item: FieldChange, document: Document | None) -> Any:
    """What live has at a planned path, canonical; Sensitive where the planned values are."""
    if document is None:
        return MISSING
    spec = field_of(key, item)
    live = lookup(field_from_document(spec, document), item.path[len(spec.path) :])
    # A secret's present value is as secret as the one that replaces it.
    return Sensitive(live, "live") if item.is_sensitive and live is not MISSING else live


def _carried(request: Request, change: Change) -> tuple[FieldChange, ...]:
    return tuple(item for item in change.fields if request.carries(change.key, item.path))


def _deletion_moved(change: Change, live: LiveState) -> Iterator[Moved]:
    """What forbids a planned deletion: another object than the reviewed one, a mark, a use, or being new enough to be kept."""
    key = change.key
    model = live.observed.models[key.model()]
    if change.object_digest is None:
        yield Moved(key=key, path="", planned="not recorded in this plan", live="exists", desired=MISSING)
        return
    mark = recorded_mark(model)
    if change.mark is not None and not equal(change.mark, mark):
        yield Moved(
            key=key, path=path_text(MARK), planned=change.mark or MISSING, live=mark or MISSING, desired=MISSING
        )
    elif change.object_digest != object_digest(model, key):
        yield Moved(
            key=key, path="", planned="as it was reviewed", live="changed since, or created again", desired=MISSING
        )
    if change.retain is not None and (key in live.named or is_kept_version(model, key, change.retain)):
        planned = f"older than the newest {change.retain}"
        yield Moved(key=key, path="retain_versions", planned=planned, live="to be kept now", desired=MISSING)
    for user in live.uses.get(key, ()):
        yield Moved(key=key, path="in use", planned="unused", live=str(user), desired=MISSING)


def _siblings_moved(change: Change, document: Document, entries: Collection[tuple[Request, Entry]]) -> Iterator[Moved]:
    """Unmanaged values that a request would revert or remove: an overwrite carries them along, and a merge of {} removes them."""
    planned = {item.path for item in change.fields}
    for request, entry in entries:
        for name in ("metadata", "output_info"):
            sent = entry.values.get(name)
            if not isinstance(sent, Mapping):
                continue
            if request.action == "overwrite":
                owned = SERVER_OWNED_IN_OUTPUT_INFO if name == "output_info" else frozenset[str]()
                live = {inner: value for inner, value in document.get(name, {}).items() if inner not in owned}
                yield from _differing(change.key, (name,), live, sent, planned)
            else:
                for path in _emptied((name,), sent):
                    there = lookup(document, path)
                    if path not in planned and isinstance(there, Mapping):
                        yield from _differing(change.key, path, there, {}, planned)


def _emptied(path: FieldPath, sent: Mapping[str, Any]) -> Iterator[FieldPath]:
    """The paths of the empty mappings in what a merge sends: whatever is in these on the live side goes."""
    if not sent:
        yield path
    for name, value in sent.items():
        if isinstance(value, Mapping):
            yield from _emptied((*path, name), value)


def _differing(
    key: Key, path: FieldPath, live: Mapping[str, Any], sent: Mapping[str, Any], planned: set[FieldPath]
) -> Iterator[Moved]:
    for name in sorted({*live, *sent}):
        here = (*path, name)
        one, other = live.get(name, MISSING), sent.get(name, MISSING)
        if here in planned or _same(one, other):
            continue
        is_planned_below = any(item[: len(here)] == here for item in planned)
        # A mapping that is on one side only, and of which just some paths are planned: what else is in it must not go either.
        one, other = ({} if side is MISSING and is_planned_below else side for side in (one, other))
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _differing(key, here, one, other, planned)
        elif not is_planned_below:
            yield Moved(key=key, path=path_text(here), planned=other, live=one, desired=other)


def _is_value(spec: FieldSpec, live: Any, value: Any) -> bool:
    return _same(live, value) or (spec.shape is Shape.TAGS and equal_fields(spec, live, value))


def _is_unknown(value: Any) -> bool:
    return isinstance(value, Sensitive) and value.reveal() is None


def _same(one: Any, other: Any) -> bool:
    return one is other if MISSING in (one, other) else equal(one, other)
