"""What ModelDefaults add to models: which ones they select, what they fill in, and where two of them contradict each other.

In: Desired and Observed. Out: the same Desired in which each selected model carries what the defaults state for it, and models
without a manifest that defaults with `scope: live` select. A default never changes what a model's own manifest states.

Precedence is by path. A scalar, an image and a tag list are one path each, and so is every leaf of a Struct: a default for
`metadata.limits.max` fills that one key beside the `metadata.limits.min` of a manifest. A manifest that removes a path states it too,
and under `action: overwrite` it states a Struct whole, since nothing else may be in it. Which versions an entry means is known
only with the live side, so `match.py` reduces the entries of defaults for each version to what the manifest leaves unstated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import combinations
from typing import Any, Final, Protocol

from reconciler.errors import Origin, Problem
from reconciler.resources.canonical import equal, equal_fields
from reconciler.resources.desired import Desired, DesiredModel, Fill, ModelDefaults, Removal
from reconciler.resources.fields import KINDS, Action, FieldSpec, Shape
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import Observed, ObservedModel
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_text, with_value
from reconciler.resources.wording import quoted

SETTINGS: Final = ("protect", "retain_versions")
"""What a manifest or a default states of a model beside its fields."""

_TYPE_UNKNOWN: Final = ""


class Stating(Protocol):
    """What states fields of one resource: an entry of a manifest or of a default."""

    @property
    def action(self) -> Action:
        """How lists and mappings are meant."""

    @property
    def stated(self) -> Mapping[str, Any]:
        """The stated fields, nested."""

    @property
    def removals(self) -> tuple[Removal, ...]:
        """What must be absent."""

    @property
    def origins(self) -> Mapping[FieldPath, Origin]:
        """The place of each stated path."""

    @property
    def origin(self) -> Origin:
        """The place of the entry."""


# --- which models -----------------------------------------------------------------------------------------------


def selects(default: ModelDefaults, model: DesiredModel, type_id: str) -> bool:
    """Whether a default is for a model of this type. A model without a manifest is only for `scope: live`."""
    chosen = default.select
    return (
        default.scope == model.key.scope
        and (model.has_manifest or default.is_live)
        and (not chosen.ids or any(fnmatchcase(model.key.model_id, glob) for glob in chosen.ids))
        and (not chosen.model_type_ids or type_id in chosen.model_type_ids)
        and all(model.labels.get(name) == value for name, value in chosen.labels.items())
    )


def filled(model: DesiredModel, defaults: Iterable[ModelDefaults], type_id: str) -> DesiredModel:
    """A model with what the defaults that select it state beside its own manifest."""
    chosen = [default for default in defaults if selects(default, model, type_id)]
    if not chosen:
        return model
    fills = tuple(_fill(default.model, model) for default in chosen)
    settings: dict[str, Any] = {
        name: next((value for each in (model, *fills) if (value := getattr(each, name)) is not None), None)
        for name in SETTINGS
    }
    return replace(
        model,
        fills=tuple(fill for fill in fills if _states_anything(fill)),
        versions=(*model.versions, *(entry for default in chosen for entry in default.versions)),
        **settings,
    )


def _fill(fill: Fill, model: DesiredModel) -> Fill:
    """What a default states of a model, without what the model's manifest does."""
    left: Fill = reduced(fill, Kind.MODEL, (model,))
    claimed: dict[str, Any] = {name: None for name in SETTINGS if getattr(model, name) is not None}
    return replace(left, **claimed)


def _states_anything(fill: Fill) -> bool:
    return bool(fill.stated or fill.removals) or any(getattr(fill, name) is not None for name in SETTINGS)


def unmanaged(key: Key) -> DesiredModel:
    """A model without a manifest, to be filled. It is never pruned and never marked."""
    return DesiredModel(key=key, action=Action.MERGE, stated={}, origin=Origin(path=""), has_manifest=False)


def with_defaults(desired: Desired, observed: Observed) -> Desired:
    """The manifests with what defaults fill in, and the models of the live side that only defaults manage.

    A model that was not read keeps what its manifest states.
    """
    if not desired.defaults:
        return desired
    models = [
        filled(model, desired.defaults, live.model_type_id) if (live := observed.models.get(model.key)) else model
        for model in desired.models
    ]
    known = {model.key for model in desired.models}
    for key, live in observed.models.items():
        if key not in known and (found := filled_live(live, desired.defaults)) is not None:
            models.append(found)
    return replace(desired, models=tuple(sorted(models, key=lambda model: model.key)))


def filled_live(live: ObservedModel, defaults: Iterable[ModelDefaults]) -> DesiredModel | None:
    """A live model without a manifest, as the defaults with `scope: live` want it; None where none selects it."""
    model = unmanaged(live.key)
    chosen = [default for default in defaults if selects(default, model, live.model_type_id)]
    if live.is_bookmark or not chosen:
        return None
    return replace(filled(model, chosen, live.model_type_id), origin=chosen[0].origin)


def without_effect(desired: Desired, observed: Observed) -> tuple[Problem, ...]:
    """A warning for each default that selects no model. `desired` is as `with_defaults` returns it.

    Of a model that was not read the type is unknown: it may be selected.
    """
    return tuple(
        Problem(
            code="selects-nothing",
            message=f"the ModelDefaults {quoted(default.name)} selects no model of {default.scope}.",
            origin=default.select.origin,
            pointer="/spec/select",
            hint="Correct spec.select, or remove the document.",
        )
        for default in desired.defaults
        if not any(_may_select(default, model, observed) for model in desired.models)
    )


def _may_select(default: ModelDefaults, model: DesiredModel, observed: Observed) -> bool:
    live = observed.models.get(model.key)
    if live is None:
        default = replace(default, select=replace(default.select, model_type_ids=()))
    return selects(default, model, _TYPE_UNKNOWN if live is None else live.model_type_id)


# --- what is left for a default to state --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Own:
    """What the manifest states of one field, by all of its entries for the resource, and what it removes there."""

    values: tuple[tuple[Any, Action], ...]
    removals: tuple[Removal, ...]

    @property
    def is_stated(self) -> bool:
        return bool(self.values)

    @property
    def is_exact(self) -> bool:
        return any(action is Action.OVERWRITE for _, action in self.values)


def reduced(entry: Any, kind: Kind, own: Sequence[Stating]) -> Any:
    """An entry of a default, without what the manifest's own entries for the same resource state or remove."""
    if not own:
        return entry
    stated: dict[str, Any] = {}
    for field in KINDS[kind]:
        value = lookup(entry.stated, field.path)
        if value is not MISSING:
            left = _left(field, value, _own_of(field, own), entry.action)
            stated = stated if left is MISSING else with_value(stated, field.path, left)
    removals = tuple(removal for removal in entry.removals if not _is_spoken_for(removal, kind, own))
    return replace(entry, stated=stated, removals=removals)


def _own_of(field: FieldSpec, own: Sequence[Stating]) -> _Own:
    values = [(lookup(each.stated, field.path), each.action) for each in own]
    size = len(field.path)
    return _Own(
        values=tuple((value, action) for value, action in values if value is not MISSING),
        removals=tuple(removal for each in own for removal in each.removals if removal.path[:size] == field.path),
    )


def _left(field: FieldSpec, value: Any, own: _Own, action: Action) -> Any:
    """The part of a default's value for one field that the manifest says nothing about; MISSING where none is left."""
    if field.shape is Shape.TAGS:
        removed = {removal.item for removal in own.removals}
        kept = [tag for tag in value if tag not in removed]
        return MISSING if own.is_stated or (value and not kept) else kept
    if field.shape is not Shape.STRUCT:
        return MISSING if own.is_stated or own.removals else value
    if own.is_exact:
        return MISSING
    left = value
    for removal in own.removals:
        left = _without_path(left, removal.path[len(field.path) :])
    for stated, _ in own.values:
        left = MISSING if left is MISSING else _unclaimed(left, stated)
    if action is Action.OVERWRITE:
        # The default wants no other keys than its own and the manifest's, so it has to name the manifest's too.
        left = {} if left is MISSING else left
        for stated, _ in own.values:
            left = _overlaid(left, stated)
    elif value and not left:
        return MISSING
    return left


def _unclaimed(value: Any, own: Any) -> Any:
    """What of a default's value stands beside a value of the manifest; MISSING where nothing does."""
    if not (isinstance(value, Mapping) and isinstance(own, Mapping)):
        return MISSING
    left = {
        name: kept
        for name, item in value.items()
        if (kept := _unclaimed(item, own[name]) if name in own else item) is not MISSING
    }
    return left if left or not value else MISSING


def _overlaid(value: Any, own: Any) -> Any:
    if not (isinstance(value, Mapping) and isinstance(own, Mapping)):
        return own
    return {**value, **{name: _overlaid(value[name], item) if name in value else item for name, item in own.items()}}


def _without_path(value: Any, path: FieldPath) -> Any:
    """A default's value without what is at a path, and without the mappings above it that have nothing else."""
    if value is MISSING or not path:
        return MISSING
    if lookup(value, path) is MISSING:
        return value
    left = with_value(value, path, MISSING)
    while path[1:] and not lookup(left, path[:-1]):
        path = path[:-1]
        left = with_value(left, path, MISSING)
    return left


def _is_spoken_for(removal: Removal, kind: Kind, own: Sequence[Stating]) -> bool:
    """Whether the manifest states what a default removes, or something below or above it."""
    field = _field_of(removal.path, kind)
    mine = _own_of(field, own)
    if field.shape is not Shape.STRUCT or mine.is_exact:
        return mine.is_stated
    return any(_touches(each.stated, removal.path) for each in own)


def _touches(stated: Any, path: FieldPath) -> bool:
    """Whether something is stated at a path or below it, or a value that is not a mapping above it."""
    for name in path:
        if not isinstance(stated, Mapping):
            return True
        if name not in stated:
            return False
        stated = stated[name]
    return True


def _field_of(path: FieldPath, kind: Kind) -> FieldSpec:
    return next(field for field in KINDS[kind] if path[: len(field.path)] == field.path)


# --- where two defaults contradict each other ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One path that two defaults want differently for a model; `one` stands before `other`."""

    path: FieldPath
    one: Origin
    other: Origin
    address: str


def conflicts(entries: Sequence[Stating], key: Key) -> Iterator[Conflict]:
    """The conflicts between entries of defaults for one resource, each already reduced by the manifest's own entries."""
    for first, second in combinations(entries, 2):
        for path in _conflicting_paths(first, second, key.kind):
            one, other = sorted((_place(first, path), _place(second, path)))
            yield Conflict(path=path, one=one, other=other, address=key.address)


def conflict_problems(found: Iterable[Conflict]) -> Iterator[Problem]:
    """One problem for each pair of places, however many models it concerns."""
    models: dict[tuple[FieldPath, Origin, Origin], list[str]] = {}
    for item in found:
        models.setdefault((item.path, item.one, item.other), []).append(item.address)
    for (path, one, other), addresses in models.items():
        more = f" and {len(addresses) - 1} more" if addresses[1:] else ""
        yield Problem(
            code="conflicting-defaults",
            message=f"{path_text(path)} of {min(addresses)}{more} is stated differently in {one}, by another entry of defaults.",
            origin=other,
            hint="State it in the model's manifest, or let only one of the two select the model.",
        )


def _conflicting_paths(first: Stating, second: Stating, kind: Kind) -> Iterator[FieldPath]:
    for field in KINDS[kind]:
        one, other = lookup(first.stated, field.path), lookup(second.stated, field.path)
        if one is MISSING or other is MISSING:
            continue
        if field.shape is Shape.STRUCT and Action.OVERWRITE not in (first.action, second.action):
            yield from _differing_leaves(one, other, field.path)
        elif not equal_fields(field, one, other):
            yield field.path
    for name in SETTINGS:
        values = {getattr(each, name, None) for each in (first, second)} - {None}
        if len(values) > 1:
            yield (name,)
    for stating, removing in ((first, second), (second, first)):
        for removal in removing.removals:
            if (removal.item is None and _touches(stating.stated, removal.path)) or (
                removal.item is not None and removal.item in (lookup(stating.stated, removal.path) or ())
            ):
                yield removal.path


def _differing_leaves(one: Any, other: Any, path: FieldPath) -> Iterator[FieldPath]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in one:
            if name in other:
                yield from _differing_leaves(one[name], other[name], (*path, name))
    elif not equal(one, other):
        yield path


def _place(entry: Stating, path: FieldPath) -> Origin:
    for removal in entry.removals:
        if removal.path == path:
            return removal.origin
    for end in range(len(path), 0, -1):
        if path[:end] in entry.origins:
            return entry.origins[path[:end]]
    return entry.origin
