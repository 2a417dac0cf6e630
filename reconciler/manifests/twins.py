"""What a document means, told from one of the same form that was found to be right.

Most of what validating finds out about a document hangs on its form and on a few of its words: the ids of user and app, an
action, a selector, the tags. The others are *free*: the model's id, texts, versions' ids and the values inside Structs.
What they may be is told of each by itself, and they change nothing else in what a document means. So once a document
passed without a problem or a warning, another one of its form that has the same words but for free ones, each of them
plainly allowed, means the same with its own words and places. All others are validated as usual: a document is never
called wrong here. A property test holds both ways to the same results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from reconciler.errors import Origin
from reconciler.loading.form import Filled, Form, Picked, picked
from reconciler.loading.nodes import JsonPath
from reconciler.loading.scalars import surprise
from reconciler.manifests.structs import MAX_EXACT, number_normalised
from reconciler.resources.desired import DesiredModel, DesiredVersion, Removal, Selector
from reconciler.resources.fields import KINDS, Shape
from reconciler.resources.ids import id_problem, id_warning, version_id_problem
from reconciler.resources.keys import Key, Kind
from reconciler.resources.tree import MISSING, FieldPath


class _Role(Enum):
    """What a free word is."""

    MODEL_ID = "model id"
    VERSION_ID = "version id"
    TEXT = "text"
    INSIDE_STRUCT = "inside a Struct"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Free:
    """A free hole of a form: its role, the entry of `versions` that it belongs to (None: the model), and its path there."""

    hole: int
    role: _Role
    version: int | None = None
    path: FieldPath = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Roles:
    """Which holes of a form decide what else its documents mean, and which are free."""

    decisive: Picked
    free: tuple[_Free, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Right:
    """A document that was found to be right, and what it means."""

    filled: Filled
    model: DesiredModel


class Twins:
    """The documents found to be right in one reading of manifests, under one set of flags and defaults."""

    def __init__(self) -> None:
        self._roles: dict[Form, _Roles] = {}
        self._right: dict[tuple[Form, tuple[str, ...]], _Right] = {}

    def remember(self, filled: Filled, model: DesiredModel) -> None:
        """Take a document that has neither a problem nor a warning as the measure of those that follow."""
        roles = self._roles.get(filled.form)
        if roles is None:
            roles = self._roles[filled.form] = _roles_of(filled.form)
        self._right.setdefault((filled.form, roles.decisive(filled.texts)), _Right(filled=filled, model=model))

    def model_of(self, filled: Filled) -> DesiredModel | None:
        """What a document means, without a problem and a warning; None where it has to be validated."""
        roles = self._roles.get(filled.form)
        if roles is None:
            return None
        right = self._right.get((filled.form, roles.decisive(filled.texts)))
        if right is None:
            return None
        changes = []
        for free in roles.free:
            if filled.texts[free.hole] != right.filled.texts[free.hole]:
                value = _allowed(free.role, *filled.value_of(free.hole))
                if value is MISSING:
                    return None
                changes.append((free, value))
        model = _twin(right, filled, changes)
        # Of the rules about several entries, free words only touch this one.
        is_repeated = len({entry.selector for entry in model.versions}) < len(model.versions)
        return None if is_repeated else model


def _twin(right: _Right, filled: Filled, changes: Sequence[tuple[_Free, Any]]) -> DesiredModel:
    """What `right` means, with a document's own words and places."""
    model, here = right.model, right.filled
    key = model.key
    selectors = [entry.selector for entry in model.versions]
    values: dict[int | None, list[tuple[FieldPath, Any]]] = {}
    for free, value in changes:
        if free.role is _Role.MODEL_ID:
            key = Key(user_id=key.user_id, app_id=key.app_id, model_id=value)
        elif free.role is _Role.VERSION_ID and free.version is not None:
            selectors[free.version] = Selector(version_id=value)
        else:
            values.setdefault(free.version, []).append((free.path, value))
    versions = tuple(
        DesiredVersion(
            selector=selectors[index],
            action=entry.action,
            stated=_with(entry.stated, values.get(index, ())),
            removals=_moved_removals(entry.removals, here, filled),
            expected_concepts=entry.expected_concepts,
            origin=_moved(entry.origin, here, filled),
            origins=_Moved(entry.origins, here, filled),
        )
        for index, entry in enumerate(model.versions)
    )
    return DesiredModel(
        key=key,
        action=model.action,
        stated=_with(model.stated, values.get(None, ())),
        removals=_moved_removals(model.removals, here, filled),
        versions=versions,
        labels=model.labels,
        protect=model.protect,
        retain_versions=model.retain_versions,
        origin=filled.start(),
        origins=_Moved(model.origins, here, filled),
    )


class _Moved(Mapping[FieldPath, Origin]):
    """The places of one document as those of another one of its form, each told when it is asked for."""

    __slots__ = ("_here", "_origins", "_there")

    def __init__(self, origins: Mapping[FieldPath, Origin], here: Filled, there: Filled) -> None:
        self._origins = origins
        self._here = here
        self._there = there

    def __getitem__(self, path: FieldPath) -> Origin:
        return _moved(self._origins[path], self._here, self._there)

    def __contains__(self, path: object) -> bool:
        return path in self._origins

    def __iter__(self) -> Iterator[FieldPath]:
        return iter(self._origins)

    def __len__(self) -> int:
        return len(self._origins)


def _moved(origin: Origin, here: Filled, there: Filled) -> Origin:
    line, column = here.moved(origin.line, origin.column, there)
    return Origin(path=there.path, line=line, column=column)


def _moved_removals(removals: tuple[Removal, ...], here: Filled, there: Filled) -> tuple[Removal, ...]:
    return tuple(
        Removal(path=removal.path, item=removal.item, origin=_moved(removal.origin, here, there))
        for removal in removals
    )


def _roles_of(form: Form) -> _Roles:
    free = tuple(found for index, hole in enumerate(form.holes) if (found := _free(index, hole.path)) is not None)
    ours = {found.hole for found in free}
    decisive = picked(tuple(index for index in range(len(form.holes)) if index not in ours))
    return _Roles(decisive=decisive, free=free)


def _free(hole: int, path: JsonPath) -> _Free | None:
    """The role of a hole at a path of the document; None where it decides."""
    if path == ("metadata", "id"):
        return _Free(hole=hole, role=_Role.MODEL_ID)
    if path[:1] != ("spec",):
        return None
    if path[1:2] == ("versions",) and len(path) > 3:
        return _free_in(hole, Kind.MODEL_VERSION, path[3:], int(path[2]))
    return _free_in(hole, Kind.MODEL, path[1:], None)


def _free_in(hole: int, kind: Kind, inner: JsonPath, version: int | None) -> _Free | None:
    """The role of a hole inside one entry. Items of lists decide: lists have rules about their items together."""
    path = tuple(name for name in inner if isinstance(name, str))
    if len(path) < len(inner):
        return None
    if path == ("id",) and kind is Kind.MODEL_VERSION:
        return _Free(hole=hole, role=_Role.VERSION_ID, version=version)
    for field in KINDS[kind]:
        if field.shape is Shape.STRING and path == field.path and path != ("notes",):
            return _Free(hole=hole, role=_Role.TEXT, version=version, path=path)
        if field.shape is Shape.IMAGE and path == (*field.path, "url"):
            return _Free(hole=hole, role=_Role.TEXT, version=version, path=path)
        if field.shape is Shape.STRUCT and path[: len(field.path)] == field.path and len(path) > len(field.path):
            return _Free(hole=hole, role=_Role.INSIDE_STRUCT, version=version, path=path)
    return None


def _allowed(role: _Role, value: Any, raw: str | None) -> Any:
    """A free word's value where it plainly may stand there; MISSING where that has to be judged."""
    if role is _Role.INSIDE_STRUCT:
        if raw is None or surprise(raw, value) is None:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return value
            return number_normalised(value) if isinstance(value, float) or abs(value) <= MAX_EXACT else MISSING
        return MISSING
    if raw is not None or not isinstance(value, str):
        return MISSING
    if role is _Role.TEXT:
        return value
    if role is _Role.VERSION_ID:
        return value if version_id_problem(value) is None else MISSING
    return value if id_problem(value) is None and id_warning(value) is None else MISSING


def _with(tree: Mapping[str, Any], values: Sequence[tuple[FieldPath, Any]]) -> Mapping[str, Any]:
    """Nested mappings with other values at paths that they have; what lies on the way is copied once."""
    if not values:
        return tree
    copies: dict[FieldPath, dict[str, Any]] = {(): dict(tree)}
    for path, value in values:
        holder = copies[()]
        for end in range(1, len(path)):
            if path[:end] not in copies:
                copies[path[:end]] = holder[path[end - 1]] = dict(holder[path[end - 1]])
            holder = copies[path[:end]]
        holder[path[-1]] = value
    return copies[()]
