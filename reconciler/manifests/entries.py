"""One document → its DesiredModel, under the rules that a JSON Schema can't state.

Every rule works on what has the right type and passes over the rest, which the schema has reported: so one run finds all
problems. Nothing here knows other documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from reconciler.errors import Origin, ProblemList
from reconciler.loading.document import LoadedDocument
from reconciler.loading.nodes import JsonPath, dotted, json_pointer, value_at
from reconciler.manifests.structs import StructReader
from reconciler.resources.desired import DesiredModel, DesiredVersion, Removal, Selector
from reconciler.resources.fields import KINDS, MARK_KEY, Action, Shape
from reconciler.resources.ids import version_id_problem
from reconciler.resources.keys import Key, Kind
from reconciler.resources.secrets import Sensitive
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_from_text, path_text
from reconciler.resources.wording import quoted

MAX_NOTES_BYTES: Final = 64 * 1024
"""resources.proto, Model.notes: "supports up to 64Kbs"."""

_MOST_BYTES: Final = 4
"""Bytes of a character in UTF-8, at most."""

_ACTIONS: Final = tuple(action.value for action in Action)
_RULES: Final = {
    "latest": Selector(select="latest"),
    "latest-trained": Selector(select="latest-trained"),
    "all": Selector(select="all"),
}
_REMOVABLE_STRUCTS: Final[Mapping[str, FieldPath]] = {"metadata": ("metadata",), "params": ("output_info", "params")}
_REMOVABLE_TAGS: Final = ("toolkits", "use_cases", "languages")


def model_from_document(
    document: LoadedDocument, key: Key, problems: ProblemList, warnings: ProblemList
) -> DesiredModel:
    """What one document wants; only complete where `problems` stayed empty."""
    spec = document.value.get("spec")
    if not isinstance(spec, dict):
        return DesiredModel(key=key, action=Action.MERGE, stated={}, origin=document.origin())
    labels = value_at(document.value, ("metadata", "labels"))
    entry = Entry(document, ("spec",), Kind.MODEL, problems, warnings, spec)
    action = entry.action(Action.MERGE)
    stated = entry.stated(action)
    protect = entry.value("protect")
    return DesiredModel(
        key=key,
        action=action,
        stated=stated,
        removals=entry.removals_beside(stated),
        versions=versions_from(document, spec.get("versions"), action, problems, warnings),
        labels=labels if isinstance(labels, dict) else {},
        protect=protect if isinstance(protect, bool) else None,
        retain_versions=entry.retain_versions(),
        origin=document.origin(),
        id_origin=partial(document.origin, ("metadata", "id")),
        origins=Origins(document, ("spec",), stated),
    )


def versions_from(
    document: LoadedDocument,
    entries: Any,
    inherited: Action,
    problems: ProblemList,
    warnings: ProblemList,
    *,
    default: str | None = None,
) -> tuple[DesiredVersion, ...]:
    """What `spec.versions` states, entry by entry; `default` is the name of the document if it is a ModelDefaults."""
    versions: list[DesiredVersion] = []
    seen: dict[Selector, Entry] = {}
    for index, value in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(value, dict):
            continue
        entry = Entry(document, ("spec", "versions", index), Kind.MODEL_VERSION, problems, warnings, value)
        selector = entry.selector()
        if selector is not None and (first := seen.setdefault(selector, entry)) is not entry:
            message = f"this entry means the same as the one in line {first.origin().line}: {selector}."
            entry.report("duplicate-version", message, (), "Put both into one entry.")
        action = entry.action(inherited)
        stated = entry.stated(action)
        versions.append(
            DesiredVersion(
                selector=selector or Selector(),
                action=action,
                stated=stated,
                removals=entry.removals_beside(stated),
                expected_concepts=entry.expected_concepts(),
                id_origin=partial(document.origin, (*entry.path, "id")) if "id" in value else None,
                origins=Origins(document, entry.path, stated),
                default=default,
                index=index,
            )
        )
    return tuple(versions)


@dataclass(frozen=True, slots=True)
class Entry:
    """The mapping of a document that describes one resource: `spec`, or one of `spec.versions`; `whole` is its value."""

    document: LoadedDocument
    path: JsonPath
    kind: Kind
    problems: ProblemList
    warnings: ProblemList
    whole: Mapping[str, Any]

    def value(self, name: str, *path: str) -> Any:
        """What stands at a path below this entry; MISSING where nothing does."""
        value = self.whole.get(name, MISSING)
        return value_at(value, path) if path else value

    def origin(self, path: JsonPath = ()) -> Origin:
        """The place of what stands at `path` below this entry."""
        return self.document.origin((*self.path, *path))

    def report(self, code: str, message: str, path: JsonPath, hint: str | None) -> None:
        """Record a problem at `path` below this entry."""
        pointer = json_pointer((*self.path, *path))
        self.problems.add(code, message, self.origin(path), pointer=pointer, hint=hint)

    # --- settings ---

    def action(self, inherited: Action) -> Action:
        """The stated action, else the inherited one."""
        stated = self.value("action")
        return Action(stated) if stated in _ACTIONS else inherited

    def selector(self) -> Selector | None:
        """Which version is meant; None where the schema has reported that it can't be told."""
        version_id, select = self.value("id"), self.value("select")
        if isinstance(version_id, str) and select is MISSING:
            why = version_id_problem(version_id)
            if why is None:
                return Selector(version_id=version_id)
            hint = "Copy it from `reconciler get versions MODEL`, or use select: latest."
            self.report("bad-id", f"{dotted((*self.path, 'id'))} {quoted(version_id)} {why}.", ("id",), hint)
        elif version_id is MISSING and isinstance(select, str):
            return _RULES.get(select)
        return None

    def retain_versions(self) -> int | None:
        """How many versions stay; None where not stated."""
        count = self.value("retain_versions")
        return int(count) if isinstance(count, int | float) and not isinstance(count, bool) else None

    def expected_concepts(self) -> tuple[str, ...] | None:
        """The ids of the concepts that the version should have; None where not stated."""
        if "expect" not in self.whole:
            return None
        concepts = self.value("expect", "concepts")
        return tuple(map(str, concepts)) if isinstance(concepts, list) and concepts else None

    # --- fields ---

    def stated(self, action: Action) -> dict[str, Any]:
        """The stated fields, nested as in the manifest and normalised."""
        stated: dict[str, Any] = {}
        for field in KINDS[self.kind]:
            value = self._field(field.path, field.shape, action) if field.path[0] in self.whole else MISSING
            if value is MISSING:
                continue
            target = stated
            for name in field.path[:-1]:
                target = target.setdefault(name, {})
            target[field.path[-1]] = value
        return stated

    def _field(self, path: FieldPath, shape: Shape, action: Action) -> Any:
        value = self.value(*path)
        if isinstance(value, dict) and shape is Shape.STRUCT:
            return self._struct(value, path, action)
        if isinstance(value, list) and shape is Shape.TAGS and not value and action is Action.MERGE:
            message = f"{dotted((*self.path, *path))} is empty, which states nothing under action: merge."
            self.report("states-nothing", message, path, "To empty it, write action: overwrite; else leave it out.")
        if path == ("notes",):
            self._require_size(value, path)
        return value

    def _struct(self, value: dict[str, Any], path: FieldPath, action: Action) -> Any:
        if self.kind is Kind.MODEL and MARK_KEY in value:
            self._report_mark((*path, MARK_KEY))
        if not value and action is Action.MERGE:
            name = dotted((*self.path, *path))
            self.warnings.add(
                "states-nothing",
                f"{name} is empty, which states nothing under action: merge.",
                self.origin(path),
                pointer=json_pointer((*self.path, *path)),
                hint="To empty it, write action: overwrite; else leave it out.",
            )
        if self.document.is_ordinary:
            return value
        reader = StructReader(self.document, self.problems, self.warnings)
        return reader.read(value, (*self.path, *path))

    def _require_size(self, value: Any, path: FieldPath) -> None:
        text = value.reveal() if isinstance(value, Sensitive) else value
        if not isinstance(text, str) or len(text) * _MOST_BYTES <= MAX_NOTES_BYTES:
            return
        size = len(text.encode("utf-8", "replace"))
        if size > MAX_NOTES_BYTES:
            message = (
                f"{dotted((*self.path, *path))} has {size:,} bytes in UTF-8, more than the {MAX_NOTES_BYTES:,} allowed."
            )
            self.report("notes-too-long", message, path, "Shorten them, or link to a longer text.")

    def _report_mark(self, path: JsonPath) -> None:
        message = f"{dotted((*self.path, *path))} is reserved for the owner mark, which apply writes itself."
        hint = "Leave it out: `owner` in reconciler.yaml and spec.protect set it."
        self.report("reserved-key", message, path, hint)

    # --- removals ---

    def removals_beside(self, stated: Mapping[str, Any]) -> tuple[Removal, ...]:
        """What must be absent; reports what of it is also stated."""
        if "remove" not in self.whole:
            return ()
        removals = tuple(self._removals())
        self._require_no_conflict(stated, removals)
        return removals

    def _removals(self) -> Iterator[Removal]:
        if self.value("remove", "image") is True and self.kind is Kind.MODEL:
            yield Removal(path=("image",), origin=self.origin(("remove", "image")))
        for name in _REMOVABLE_TAGS if self.kind is Kind.MODEL else ():
            for index, item in self._texts("remove", name):
                yield Removal(path=(name,), item=item, origin=self.origin(("remove", name, index)))
        for name, base in _REMOVABLE_STRUCTS.items():
            for index, text in self._texts("remove", name):
                place = ("remove", name, index)
                try:
                    inner = path_from_text(text)
                    if not all(inner):
                        raise ValueError("has an empty name")
                except ValueError as error:
                    hint = r"Write names joined by dots; a dot inside a name as \., a backslash as \\."
                    self.report("bad-path", f"{dotted((*self.path, *place))}: {quoted(text)} {error}.", place, hint)
                    continue
                if self.kind is Kind.MODEL and inner[0] == MARK_KEY:
                    self._report_mark(place)
                    continue
                yield Removal(path=(*base, *inner), origin=self.origin(place))

    def _texts(self, name: str, *path: str) -> list[tuple[int, str]]:
        """The texts of a list with their positions; what isn't one, or is empty, the schema has reported."""
        items = self.value(name, *path)
        held = items if isinstance(items, list) else []
        return [(index, item) for index, item in enumerate(held) if isinstance(item, str) and item]

    def _require_no_conflict(self, stated: Mapping[str, Any], removals: tuple[Removal, ...]) -> None:
        # The same path or tag, or one that holds the other.
        tags = {path: frozenset(map(str, items)) for path, items in _stated_tags(stated)}
        for removal in removals:
            conflict = _conflict(stated, removal, tags.get(removal.path, frozenset()))
            if conflict is None:
                continue
            what = quoted(removal.item) if removal.item is not None else path_text(removal.path)
            held = path_text(conflict)
            line = self.origin(conflict).line
            message = f"{what} is removed here, and {held} is stated in line {line}."
            if removal.item is not None:
                message = f"{what} is removed from {held} here, and stated there in line {line}."
            origin = removal.origin
            pointer = json_pointer((*self.path, "remove"))
            self.problems.add("stated-and-removed", message, origin, pointer=pointer, hint="Keep one of the two.")


def _stated_tags(stated: Mapping[str, Any]) -> Iterator[tuple[FieldPath, list[Any]]]:
    for name in _REMOVABLE_TAGS:
        if isinstance(items := stated.get(name), list):
            yield (name,), [item for item in items if isinstance(item, str)]


def _conflict(stated: Mapping[str, Any], removal: Removal, tags: frozenset[str]) -> FieldPath | None:
    """The stated path that contradicts a removal. `tags` are the stated ones of a tag list.

    Removing inside a stated mapping is fine: the mapping holds at least what is stated. Removing inside a stated
    text, number or list is not: there is no inside.
    """
    value: Any = stated
    for depth, name in enumerate(removal.path):
        if not isinstance(value, Mapping):
            return removal.path[:depth]
        if name not in value:
            return None
        value = value[name]
    if removal.item is not None:
        return removal.path if removal.item in tags else None
    return removal.path


class Origins(Mapping[FieldPath, Origin]):
    """The place of each stated field and of everything inside its mappings, found out where it is asked for; of the entry itself at ().

    What a variable brought in stands where the variable is named.
    """

    __slots__ = ("_document", "_path", "_stated")

    def __init__(self, document: LoadedDocument, path: JsonPath, stated: Mapping[str, Any]) -> None:
        self._document = document
        self._path = path
        self._stated = stated

    def __getitem__(self, path: FieldPath) -> Origin:
        if path not in self:
            raise KeyError(path)
        return self._document.origin((*self._path, *path))

    def __contains__(self, path: object) -> bool:
        return isinstance(path, tuple) and lookup(self._stated, path) is not MISSING

    def __iter__(self) -> Iterator[FieldPath]:
        yield ()
        yield from _paths(self._stated, ())

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _paths(stated: Mapping[str, Any], path: FieldPath) -> Iterator[FieldPath]:
    """The path of everything inside a mapping and the mappings in it."""
    for name, item in stated.items():
        yield (*path, name)
        if isinstance(item, Mapping):
            yield from _paths(item, (*path, name))
