"""Drift over time: what this run sees for the first time, what an earlier one saw too, and what is resolved.

In: a plan, the history that earlier runs left, the time. Out: a HistoryComparison, and the history for the next run. It reads no
file and no clock.

A history holds one entry for each path that differed: its address, its path, when it was first seen, and a fingerprint of the
live and the desired value. The same path with another fingerprint is new drift: somebody changed something again. A
fingerprint is a keyed digest, so that the file discloses no value; for a secret there is not even that, only the fact that it
differed.

A run that looks at a part of the fleet (--target, --exclude, --selector, no --prune) says nothing about the rest: entries that it did not
check stay as they are, and don't count as resolved.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.compare.expectations import Expectation
from reconciler.compare.results import FieldChange
from reconciler.manifests.selection import is_targeted
from reconciler.plan.plan import Change, Plan
from reconciler.resources.canonical import canonical
from reconciler.resources.fields import KINDS, Shape
from reconciler.resources.keys import Key
from reconciler.resources.secrets import revealed
from reconciler.resources.tree import MISSING, path_text

WHOLE = ""
"""The path of an entry about a resource as a whole: its deletion."""

CONCEPTS = "expect.concepts"
"""The path of an entry about an unmet expectation."""

_SETS: Final = {
    kind: frozenset(field.path for field in fields if field.shape is Shape.TAGS) for kind, fields in KINDS.items()
}
"""The paths whose lists have no order: the same items in another order are the same drift."""

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
class DriftHistory:
    """The drift that the last run saw. `salt` is the key of the fingerprints, `endpoint` the service they are about."""

    salt: str
    endpoint: str
    updated_at: str = ""
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PathHistory:
    """What the history says about one path: when its drift was first seen, and whether this run is the first to see it."""

    since: str
    is_new: bool

    @property
    def word(self) -> str:
        """The word of the JSON document."""
        return "new" if self.is_new else "standing"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryComparison:
    """A run's drift compared with the history: every path that differs, and the entries that are resolved."""

    places: Mapping[Place, PathHistory]
    resolved: tuple[Entry, ...] = ()

    @property
    def new_count(self) -> int:
        """How many paths no earlier run saw with these values."""
        return sum(found.is_new for found in self.places.values())

    @property
    def standing_count(self) -> int:
        """How many paths an earlier run saw with these values."""
        return len(self.places) - self.new_count

    def of_change(self, change: Change) -> PathHistory:
        """A resource is new drift if any path in it is; `since` is when its oldest one was first seen."""
        found = [self.places[place] for place, _ in _places_of(change)]
        return PathHistory(since=min(item.since for item in found), is_new=any(item.is_new for item in found))

    def of_field(self, change: Change, field: FieldChange) -> PathHistory | None:
        """One path of a change; None in a deletion, which is one drift as a whole."""
        return self.places.get((change.key.address, path_text(field.path)))

    def of_expectation(self, item: Expectation) -> PathHistory | None:
        """An unmet expectation; None for one that is met."""
        return self.places.get((item.key.address, CONCEPTS))


def compared_with_history(
    plan: Plan, history: DriftHistory, *, now: str, was_checked: Callable[[Entry], bool]
) -> tuple[HistoryComparison, DriftHistory]:
    """A plan's drift compared with the history, and the history after this run.

    `was_checked` says whether this run would have found an entry's drift, if it were still there.
    """
    known = {entry.place: entry for entry in history.entries}
    entries: dict[Place, Entry] = {}
    places: dict[Place, PathHistory] = {}
    for place, value in _drifting(plan):
        fingerprint = fingerprint_of(history.salt, place, value)
        before = known.get(place)
        is_new = before is None or before.fingerprint != fingerprint
        first_seen = now if before is None or is_new else before.first_seen
        entries[place] = Entry(address=place[0], path=place[1], fingerprint=fingerprint, first_seen=first_seen)
        places[place] = PathHistory(since=first_seen, is_new=is_new)
    gone = [entry for entry in history.entries if entry.place not in entries]
    resolved = tuple(sorted(entry for entry in gone if was_checked(entry)))
    entries.update({entry.place: entry for entry in gone if not was_checked(entry)})
    after = DriftHistory(
        salt=history.salt, endpoint=history.endpoint, updated_at=now, entries=tuple(sorted(entries.values()))
    )
    return HistoryComparison(places=dict(sorted(places.items())), resolved=resolved), after


def was_checked(
    entry: Entry,
    *,
    compared: frozenset[str],
    targets: tuple[str, ...],
    excludes: tuple[str, ...],
    is_partial: bool,
    is_pruning: bool,
) -> bool:
    """Whether a run would have found an entry's drift again, if it were still there.

    `compared` are the addresses of the models whose manifests were compared; a run `is_partial` where it selected some of the
    manifests, or skipped what may hold one. Only a run that `is_pruning` finds deletions.
    """
    # A model's id may contain "@", so an address can be split in two ways; one that fits is enough.
    models = {entry.address, entry.address.rpartition("@")[0]} - {""}
    if entry.path == WHOLE:
        # An entry doesn't say which deletions a selection by anything but names covers, so there it stays.
        is_known = bool(targets or excludes) or not is_partial
        return (
            is_pruning and is_known and any(is_targeted(_model_key(address), targets, excludes) for address in models)
        )
    return not is_partial or not models.isdisjoint(compared)


def _model_key(address: str) -> Key:
    user_id, app_id, model_id = address.split("/", 2)
    return Key(user_id=user_id, app_id=app_id, model_id=model_id)


def fingerprint_of(salt: str, place: Place, value: Any) -> str:
    """A digest of what differs where, which discloses nothing to anyone without the salt and the value."""
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
        yield (address, path_text(field.path)), "sensitive" if field.is_sensitive else sides


def _side(value: Any, *, is_set: bool) -> list[Any]:
    if value is MISSING:
        return []
    plain = canonical(revealed(value))
    return [sorted(plain) if is_set and isinstance(plain, list) else plain]
