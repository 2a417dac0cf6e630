"""What a base revision's manifests manage and this run's no longer do, by meaning rather than by text.

In: the desired state of the base and that of the head, and the live side. Out: Released values in the order of addresses and
paths. A value is released if the base states it, and the head neither states it nor says that it must be absent: it stays
live as it is, but it is no longer managed. Without this report nobody would notice, because it causes no request and no drift.

What counts is what the entries mean for each live resource:

- Files don't matter: a manifest that moves, or a file that is renamed, releases nothing.
- Entries of `versions` are compared for each live version that they select. `select: latest` and the id of the latest version
  are the same entry; a version that no entry of the head selects is released as a whole.
- A list under `action: merge` is its items, a Struct is its keys down to the leaves. Under `overwrite`, a field of the head is
  exactly what is stated, so whatever it no longer states is removed rather than released. The other way round, from
  `overwrite` to `merge`, the stated values stay managed, but extra ones are no longer removed: `loosened` reports that.
- What the base says must be absent (`remove`) is released if the head neither says so nor states it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.compare.match import selected_versions
from reconciler.errors import Origin
from reconciler.resources.canonical import equal, spec_from_document
from reconciler.resources.desired import Desired, DesiredModel, DesiredVersion, Fill, Removal
from reconciler.resources.fields import KINDS, MARK_KEY, Action, FieldSpec, Shape
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import Document, Observed, ObservedModel
from reconciler.resources.secrets import Secrets, Sensitive, holds_sensitive, revealed
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_text

Entry = DesiredModel | DesiredVersion | Fill
"""What one entry of a manifest or a default states of one resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """One value that is no longer managed; the whole model or version where `path` is None.

    `items` are those of a list. `live` is the value at the path, or of a whole resource the live values of what was stated,
    by path; MISSING where there is none. `origin` is the place in the base. `is_removal`: the base said that it must be
    absent. `is_deleted`: this plan deletes the resource.
    """

    address: str
    path: FieldPath | None
    origin: Origin
    items: tuple[Any, ...] | None = None
    live: Any = MISSING
    is_removal: bool = False
    is_deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Loosened:
    """A list or Struct whose extra values are no longer removed: `overwrite` in the base, `merge` now."""

    address: str
    path: FieldPath


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """Something that an entry states, or says must be absent."""

    path: FieldPath
    origin: Origin
    items: tuple[Any, ...] | None = None
    is_removal: bool = False
    is_secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What two revisions state of the same live resource; `after` is empty where the head has no entry for it."""

    key: Key
    document: Document | None
    before: tuple[Entry, ...]
    after: tuple[Entry, ...] = field(default=())


def pairs(base: Desired, head: Desired, observed: Observed) -> Iterator[Pair]:
    """Each resource that the base states something of, with the entries of both revisions for it."""
    heads = {model.key: model for model in head.models}
    for model in base.models:
        other, live = heads.get(model.key), observed.models.get(model.key)
        after: tuple[Entry, ...] = () if other is None else (other, *other.fills)
        yield Pair(
            key=model.key, document=None if live is None else live.document, before=(model, *model.fills), after=after
        )
        if other is not None and live is not None:
            yield from _version_pairs(model, other, live)


def _version_pairs(base: DesiredModel, head: DesiredModel, live: ObservedModel) -> Iterator[Pair]:
    before, after = _by_version(base, live), _by_version(head, live)
    for key, entries in sorted(before.items()):
        document = live.versions_by_id[key.version_id].document
        yield Pair(key=key, document=document, before=entries, after=after.get(key, ()))
    stated = {entry.selector for entry in head.versions}
    for entry in base.versions:
        name = entry.selector.version_id
        if name is not None and name not in live.versions_by_id and entry.selector not in stated:
            yield Pair(key=base.key.version(name), document=None, before=(entry,))


def _by_version(model: DesiredModel, live: ObservedModel) -> dict[Key, tuple[Entry, ...]]:
    found: dict[Key, tuple[Entry, ...]] = {}
    for entry in model.versions:
        for version in selected_versions(entry, live):
            found[version.key] = (*found.get(version.key, ()), entry)
    return found


def released(found: Iterable[Pair], *, secrets: Secrets) -> tuple[Released, ...]:
    """What is released of each resource. No secret is in clear in the result."""
    return tuple(
        sorted(
            (item for pair in found for item in _released(pair, secrets)),
            key=lambda item: (item.address, item.path or (), item.is_removal, item.origin),
        )
    )


def loosened(found: Iterable[Pair]) -> tuple[Loosened, ...]:
    """The lists and Structs that go from exactly what is stated to at least that."""
    return tuple(
        Loosened(address=pair.key.address, path=spec.path)
        for pair in found
        for spec in KINDS[pair.key.kind]
        if spec.shape in (Shape.TAGS, Shape.STRUCT)
        and _is_exact(spec, pair.before)
        and _values(spec.path, pair.after)
        and not _is_exact(spec, pair.after)
    )


def _released(pair: Pair, secrets: Secrets) -> Iterator[Released]:
    if len(pair.before) == len(pair.after) and all(map(_says_the_same, pair.before, pair.after)):
        return  # as most of a fleet does
    live = _live_spec(pair, secrets)
    claims = [claim for entry in pair.before for claim in _claims(pair.key.kind, entry)]
    address = pair.key.address
    if not pair.after:
        if claims or pair.key.kind is Kind.MODEL:
            shown = {path_text(claim.path): _live(live, claim) for claim in claims if not claim.is_removal}
            values = {path: value for path, value in shown.items() if value is not MISSING}
            yield Released(
                address=address,
                path=None,
                origin=pair.before[0].origin,
                live=MISSING if pair.document is None else values,
            )
        return
    seen: list[tuple[FieldPath, Any, bool]] = []
    for claim in claims:
        for left in _left(pair.key.kind, claim, pair.after):
            what = (left.path, left.items, left.is_removal)
            if what not in seen:  # two entries of one version may state the same
                seen.append(what)
                yield Released(
                    address=address,
                    path=left.path,
                    origin=left.origin,
                    items=left.items,
                    live=_live(live, left),
                    is_removal=left.is_removal,
                )


def _says_the_same(one: Entry, other: Entry) -> bool:
    """A quick yes for entries that state the same in the same way; a no means nothing."""
    if one.removals or other.removals or one.action is not other.action or one.stated != other.stated:
        return False
    if isinstance(one, DesiredVersion):
        return isinstance(other, DesiredVersion) and one.expected_concepts == other.expected_concepts
    return isinstance(other, DesiredModel) and (one.protect, one.retain_versions) == (
        other.protect,
        other.retain_versions,
    )


# --- what an entry claims ---------------------------------------------------------------------------------------


def _claims(kind: Kind, entry: Entry) -> Iterator[_Claim]:
    for spec in KINDS[kind]:
        value = lookup(entry.stated, spec.path)
        if value is not MISSING:
            for path, item in _leaves(spec, value, entry.action):
                is_list = isinstance(item, list)
                yield _Claim(
                    path=path,
                    origin=_origin(entry, path),
                    items=tuple(item) if is_list else None,
                    is_secret=holds_sensitive(item),
                )
    for removal in entry.removals:
        items = None if removal.item is None else (removal.item,)
        yield _Claim(path=removal.path, origin=removal.origin, items=items, is_removal=True)
    if isinstance(entry, DesiredVersion):
        if entry.expected_concepts is not None:
            yield _Claim(path=("expect", "concepts"), origin=entry.origin, items=entry.expected_concepts)
    else:
        for name in ("protect", "retain_versions"):
            if getattr(entry, name) is not None:
                yield _Claim(path=(name,), origin=entry.origin)


def _leaves(spec: FieldSpec, value: Any, action: Action) -> Iterator[tuple[FieldPath, Any]]:
    """The values that one stated field manages."""
    if spec.shape is Shape.IMAGE:
        yield (*spec.path, "url"), value
    elif spec.shape is Shape.STRUCT and isinstance(value, Mapping):
        if value:
            yield from _struct_leaves(spec.path, value)
        elif action is Action.OVERWRITE:  # empty: that there is no key at all
            yield spec.path, value
    else:
        yield spec.path, value


def _struct_leaves(path: FieldPath, value: Mapping[str, Any]) -> Iterator[tuple[FieldPath, Any]]:
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _struct_leaves((*path, name), item)
        else:
            yield (*path, name), item


def _origin(entry: Entry, path: FieldPath) -> Origin:
    above = (path[:end] for end in range(len(path), 0, -1))
    return next((entry.origins[each] for each in above if each in entry.origins), entry.origin)


# --- what the head still says of it -----------------------------------------------------------------------------


def _left(kind: Kind, claim: _Claim, after: Sequence[Entry]) -> Iterator[_Claim]:
    """What of a claim the head's entries don't cover: nothing, all of it, or some items of a list."""
    if claim.path in (("expect", "concepts"), ("protect",), ("retain_versions",)):
        if not any(_states_setting(claim.path[0], entry) for entry in after):
            yield claim
        return
    spec = next(each for each in KINDS[kind] if claim.path[: len(each.path)] == each.path)
    if spec.shape in (Shape.TAGS, Shape.STRUCT) and _is_exact(spec, after):
        return
    removals = [removal for entry in after for removal in entry.removals]
    if claim.items is None or (spec.shape is Shape.STRUCT and any(map(_without_item(claim.path), removals))):
        if not any(map(_without_item(claim.path), removals)) and not _is_stated(claim.path, after):
            yield claim
        return
    values = [value for value in _values(claim.path, after) if isinstance(value, list)]
    if _is_stated(claim.path, after) and not values:
        return  # something else than a list stands there now
    items = _items_left(claim.items, [*(item for value in values for item in value), *_removed(claim.path, removals)])
    if items or (not claim.items and not values):
        yield _Claim(
            path=claim.path,
            origin=claim.origin,
            items=items,
            is_removal=claim.is_removal,
            is_secret=claim.is_secret,
        )


def _states_setting(name: str, entry: Entry) -> bool:
    if isinstance(entry, DesiredVersion):
        return name == "expect" and entry.expected_concepts is not None
    return getattr(entry, name, None) is not None


def _is_exact(spec: FieldSpec, entries: Iterable[Entry]) -> bool:
    """Whether any entry states all of a field: what isn't stated is removed."""
    return any(entry.action is Action.OVERWRITE and lookup(entry.stated, spec.path) is not MISSING for entry in entries)


def _values(path: FieldPath, entries: Iterable[Entry]) -> list[Any]:
    found = (lookup(entry.stated, path) for entry in entries)
    return [value for value in found if value is not MISSING]


def _is_stated(path: FieldPath, entries: Sequence[Entry]) -> bool:
    """Whether an entry states a path, or a value above it that is no mapping and so has no such path in it."""
    for end in range(1, len(path) + 1):
        values = _values(path[:end], entries)
        if any(end == len(path) or not isinstance(value, Mapping) for value in values):
            return True
    return False


def _without_item(path: FieldPath) -> Any:
    """Tells whether a removal takes away all that is at a path."""
    return lambda removal: removal.item is None and path[: len(removal.path)] == removal.path


def _removed(path: FieldPath, removals: Iterable[Removal]) -> Iterator[str]:
    return (removal.item for removal in removals if removal.item is not None and removal.path == path)


def _items_left(items: Iterable[Any], covering: Iterable[Any]) -> tuple[Any, ...]:
    """The items that no other item covers; each of these covers one. Objects with the same id are the same item."""
    unused = list(covering)
    left = []
    for item in items:
        at = next((index for index, other in enumerate(unused) if _is_same_item(item, other)), None)
        if at is None:
            left.append(item)
        else:
            del unused[at]
    return tuple(left)


def _is_same_item(one: Any, other: Any) -> bool:
    one, other = revealed(one), revealed(other)
    if isinstance(one, Mapping) and isinstance(other, Mapping) and "id" in one:
        return bool(one["id"] == other.get("id"))
    return equal(one, other)


# --- the live side ------------------------------------------------------------------------------------------------


def _live_spec(pair: Pair, secrets: Secrets) -> Mapping[str, Any]:
    if pair.document is None:
        return {}
    document: Document = pair.document
    if secrets.may_be_in(pair.key, document):
        document = secrets.conceal(pair.key, document, source="live")
    return spec_from_document(pair.key.kind, document)


def _live(spec: Mapping[str, Any], claim: _Claim) -> Any:
    """The live value of what is claimed; hidden where the claim is a secret."""
    path = ("metadata", MARK_KEY, "protect") if claim.path == ("protect",) else claim.path
    value = lookup(spec, path)
    if value is MISSING or not claim.is_secret or isinstance(value, Sensitive):
        return value
    return Sensitive(value, "live")
