"""Drift over time: what an earlier run saw too, what is new, and what is over.

In: a plan, the memory of the runs before, the time. Out: a Recollection, and the memory for the next run. Pure: files
and clocks are others' business.

A memory holds one entry per path that differed: its address, its path, when it was first seen, and a fingerprint of
its live and wanted value. The same path with another fingerprint is new drift: somebody changed something again. Fingerprints are
keyed digests, so that the file tells nothing of values; of a secret not even that is kept, only that it differed.

A run that looks at a part (--target, --selector, no --prune) says nothing of the rest: entries that it did not look
at stay as they are, and are not taken for resolved.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.compare.diff import FieldChange
from reconciler.compare.expectations import Expectation
from reconciler.manifests.selection import is_targeted
from reconciler.plan.plan import Change, Plan
from reconciler.resources.canonical import canonical
from reconciler.resources.fields import KINDS, Shape
from reconciler.resources.keys import Key
from reconciler.resources.secrets import revealed
from reconciler.resources.tree import MISSING, path_text

WHOLE = ""
"""The path of an entry that is about a resource as a whole: its deletion."""

CONCEPTS = "expect.concepts"
"""The path of an entry that is about an unmet expectation."""

_SETS: Final = {
    kind: frozenset(field.path for field in fields if field.shape is Shape.TAGS) for kind, fields in KINDS.items()
}
"""The paths whose lists have no order: the same items in another order are no other drift."""

Place = tuple[str, str]
"""An address, and a path in it."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Entry:
    """One path that differed. `first_seen` is RFC 3339 in UTC."""

    address: str
    path: str
    fingerprint: str
    first_seen: str

    @property
    def place(self) -> Place:
        """What it is about."""
        return self.address, self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the last run knew. `salt` keys the fingerprints; `endpoint` is the service that they are about."""

    salt: str
    endpoint: str
    updated_at: str = ""
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What the memory says of one drift: since when it stands, and whether this run is the first to see it."""

    since: str
    is_new: bool

    @property
    def word(self) -> str:
        """The word of the JSON document."""
        return "new" if self.is_new else "standing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """A run's drift beside the memory: every path that differs, and the entries that are over."""

    places: Mapping[Place, Recalled]
    resolved: tuple[Entry, ...] = ()

    @property
    def new_count(self) -> int:
        """How many paths no earlier run saw as they are now."""
        return sum(recalled.is_new for recalled in self.places.values())

    @property
    def standing_count(self) -> int:
        """How many paths an earlier run saw just so."""
        return len(self.places) - self.new_count

    def of_change(self, change: Change) -> Recalled:
        """A resource is new drift where any path in it is; `since` is when its oldest one was first seen."""
        found = [self.places[place] for place, _ in _places_of(change)]
        return Recalled(since=min(item.since for item in found), is_new=any(item.is_new for item in found))

    def of_field(self, change: Change, field: FieldChange) -> Recalled | None:
        """One path of a change; None in a deletion, which is one drift."""
        return self.places.get((change.key.address, path_text(field.path)))

    def of_expectation(self, item: Expectation) -> Recalled | None:
        """An unmet expectation; None for one that is met."""
        return self.places.get((item.key.address, CONCEPTS))


def recalled(
    plan: Plan, memory: Memory, *, now: str, looked_at: Callable[[Entry], bool]
) -> tuple[Recollection, Memory]:
    """What a plan's drift is to the memory, and the memory after this run.

    `looked_at` says whether this run would have found an entry's drift, if it were still there.
    """
    known = {entry.place: entry for entry in memory.entries}
    entries: dict[Place, Entry] = {}
    places: dict[Place, Recalled] = {}
    for place, value in _drifting(plan):
        fingerprint = fingerprint_of(memory.salt, place, value)
        before = known.get(place)
        is_new = before is None or before.fingerprint != fingerprint
        first_seen = now if before is None or is_new else before.first_seen
        entries[place] = Entry(address=place[0], path=place[1], fingerprint=fingerprint, first_seen=first_seen)
        places[place] = Recalled(since=first_seen, is_new=is_new)
    gone = [entry for entry in memory.entries if entry.place not in entries]
    resolved = tuple(sorted(entry for entry in gone if looked_at(entry)))
    entries.update({entry.place: entry for entry in gone if not looked_at(entry)})
    after = Memory(salt=memory.salt, endpoint=memory.endpoint, updated_at=now, entries=tuple(sorted(entries.values())))
    return Recollection(places=dict(sorted(places.items())), resolved=resolved), after


def was_looked_at(
    entry: Entry, *, compared: frozenset[str], targets: tuple[str, ...], is_partial: bool, is_pruning: bool
) -> bool:
    """Whether a run would have found an entry's drift again, were it still there.

    `compared` are the addresses of the models whose manifests were compared; a run `is_partial` where it chose among the
    manifests. Deletions are found by a run that `is_pruning` only.
    """
    # A model's id may have an "@" in it, so an address can be read in two ways; one that fits is enough.
    models = {entry.address, entry.address.rpartition("@")[0]} - {""}
    if entry.path == WHOLE:
        # Which deletions a part that isn't named by targets covers can't be told from an entry: it stays.
        is_known = bool(targets) or not is_partial
        return is_pruning and is_known and any(is_targeted(_model_key(address), targets) for address in models)
    return not is_partial or not models.isdisjoint(compared)


def _model_key(address: str) -> Key:
    user_id, app_id, model_id = address.split("/", 2)
    return Key(user_id=user_id, app_id=app_id, model_id=model_id)


def fingerprint_of(salt: str, place: Place, value: Any) -> str:
    """A digest of what differs where, of no use to anyone who doesn't have the salt and the value."""
    text = json.dumps([*place, value], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(bytes.fromhex(salt), text.encode(), hashlib.sha256).hexdigest()


def _drifting(plan: Plan) -> Iterator[tuple[Place, Any]]:
    for change in plan.changes:
        yield from _places_of(change)
    for item in plan.unmet:
        yield (item.key.address, CONCEPTS), [list(item.missing), list(item.unexpected)]


def _places_of(change: Change) -> Iterator[tuple[Place, Any]]:
    address = change.key.address
    if change.action == "delete":
        yield (address, WHOLE), "delete"
        return
    for field in change.fields:
        is_set = field.path in _SETS[change.key.kind]
        sides = [_side(value, is_set=is_set) for value in (field.before, field.after)]
        value = "sensitive" if field.is_sensitive else sides
        yield (address, path_text(field.path)), value


def _side(value: Any, *, is_set: bool) -> list[Any]:
    if value is MISSING:
        return []
    told = canonical(revealed(value))
    return [sorted(told) if is_set and isinstance(told, list) else told]
