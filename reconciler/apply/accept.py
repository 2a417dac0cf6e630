"""Drift → the manifests that state it: each stated value that differs live becomes the live one, in its file, at its own place.

In: a plan with the matches that it was made from, and the files that the manifests came from. Out: an Acceptance: the new
texts, what they accept, and what is left as it is, with the reason. Nothing is written here but by `write_accepted`.

What the manifest means decides what is written: a stated key that live no longer has goes; of a list under `merge` go the items
that live no longer has, and nothing is added; under `overwrite`, a list or Struct becomes the live one; what came back leaves
`remove`. Before a text is handed out it is read again: it must state exactly the accepted values and otherwise what it stated
before. `check` judges all new texts together; a value to which it objects is left, and the others are tried without it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from reconciler.apply.accept_values import adapted, items_of
from reconciler.compare.match import Match
from reconciler.compare.results import FieldChange
from reconciler.errors import Origin, Problem, ProblemList, ReconcilerError
from reconciler.loading.layout import layouts
from reconciler.loading.load import LoadedDocument
from reconciler.loading.nodes import JsonPath, json_pointer, value_at
from reconciler.loading.parse import documents_from_text
from reconciler.loading.splice import NotEditableError, edited, edits, same
from reconciler.plan.plan import Plan
from reconciler.resources.desired import DesiredModel, DesiredVersion, Removal, Statement
from reconciler.resources.fields import IMAGE_URL, MARK, Action
from reconciler.resources.keys import Key
from reconciler.resources.secrets import variables_in
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_text, with_value
from reconciler.state.whole_files import write_whole

Entry = DesiredModel | DesiredVersion

_REFERENCE: Final = "${"
_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One stated value that the manifests now state as it is live. Either side is MISSING where nothing is (to be) stated."""

    address: str
    path: str
    origin: Origin
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """One difference that stays, with a clause that says why."""

    address: str
    path: str
    origin: Origin
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedFile:
    """A file that changes: its text as it was read, and as it is to be. Both are without a byte order mark."""

    path: str
    before: str
    after: str
    has_bom: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """All that an accept found. `hidden` are texts that no output may show, `warnings` are about the manifests."""

    accepted: tuple[Accepted, ...] = ()
    left: tuple[Left, ...] = ()
    files: tuple[AcceptedFile, ...] = ()
    hidden: frozenset[str] = frozenset()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """A value to be stated at a place of a document (MISSING: nothing), for a difference. Empty containers around it go if `prunes`."""

    at: JsonPath
    value: Any
    accepted: Accepted
    base: JsonPath
    prunes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why new texts can't be used as they are: at a JSON `pointer` into a document of a file, or about a value of a resource."""

    reason: str
    file: str = ""
    pointer: str = ""
    address: str = ""
    path: str = ""


Check = Callable[[Mapping[str, str], Sequence[Accepted]], Sequence[Objection]]
"""Takes the new texts by path, and what they accept; returns what is wrong with them."""


def acceptance(plan: Plan, texts: Mapping[str, str], *, check: Check) -> Acceptance:
    """What accepting the drift of a plan changes in the `texts` of its manifests, which are without a byte order mark."""
    left: list[Left] = []
    wishes: dict[str, list[tuple[Origin, _Wish]]] = {}
    changes = {change.key: {item.path: item for item in change.fields} for change in plan.changes}
    for match in plan.matched:
        for wish in _wishes(match, changes, plan, left):
            wishes.setdefault(match.desired.origin.path, []).append((match.desired.origin, wish))
    while True:
        files: dict[str, AcceptedFile] = {}
        accepted: list[Accepted] = []
        undone: list[Left] = []
        for path, wanted in sorted(wishes.items()):
            file, done, others = _edited(path, texts[path], wanted)
            undone += others
            if file is not None and done:
                files[path] = file
                accepted += done
        objections = check({path: file.after for path, file in files.items()}, accepted) if files else ()
        if not objections:
            break
        wishes = _without(wishes, files.keys(), objections[0], left)
    return Acceptance(
        accepted=tuple(accepted),
        left=tuple(sorted((*left, *undone), key=lambda item: (item.origin, item.address, item.path))),
        files=tuple(files[path] for path in sorted(files)),
        hidden=plan.hidden,
        warnings=plan.warnings,
    )


def _without(
    wishes: Mapping[str, list[tuple[Origin, _Wish]]], changed: Collection[str], objection: Objection, left: list[Left]
) -> dict[str, list[tuple[Origin, _Wish]]]:
    """The wishes but for those that an objection is about; if that isn't known, without all of its file, or of all files."""

    def is_meant(path: str, wish: _Wish) -> bool:
        pointer = json_pointer(wish.at)
        at_place = path == objection.file and f"{objection.pointer}/".startswith(f"{pointer}/")
        return at_place or (wish.accepted.address, wish.accepted.path) == (objection.address, objection.path)

    barred = [(path, wish) for path in changed for _, wish in wishes[path] if is_meant(path, wish)]
    if not barred:
        paths = [objection.file] if objection.file in changed else list(changed)
        barred = [(path, wish) for path in paths for _, wish in wishes[path]]
    left += [_left(wish, objection.reason) for _, wish in barred]
    gone = {id(wish) for _, wish in barred}
    kept = {path: [item for item in items if id(item[1]) not in gone] for path, items in wishes.items()}
    return {path: items for path, items in kept.items() if items}


def write_accepted(found: Acceptance) -> Acceptance:
    """Write the files. The values of one that has changed since it was read, or can't be written, are left; the others are written."""
    unwritten = {file.path: reason for file in found.files if (reason := _reason_unwritten(file)) is not None}
    return replace(
        found,
        accepted=tuple(item for item in found.accepted if item.origin.path not in unwritten),
        left=(
            *found.left,
            *(_left_of(item, unwritten[item.origin.path]) for item in found.accepted if item.origin.path in unwritten),
        ),
        files=tuple(file for file in found.files if file.path not in unwritten),
    )


def _reason_unwritten(file: AcceptedFile) -> str | None:
    """Write a file. Returns why it was not written, None if it was."""
    place, mark = Path(file.path), _BOM if file.has_bom else ""
    try:
        if place.read_bytes() != f"{mark}{file.before}".encode():
            return "somebody has changed the file in the meantime"
        write_whole(place, f"{mark}{file.after}", what="manifest", mode=place.stat().st_mode & 0o7777)
    except OSError as error:
        return f"the file can't be read again: {error.strerror}"
    except ReconcilerError as error:
        return str(error).rstrip(".")
    return None


# --- what is to be stated ---------------------------------------------------------------------------------------


def _wishes(
    match: Match, changes: Mapping[Key, Mapping[FieldPath, FieldChange]], plan: Plan, left: list[Left]
) -> Iterator[_Wish]:
    desired = match.desired
    entries: list[tuple[Entry, JsonPath, tuple[Key, ...]]] = [(desired, ("spec",), (desired.key,))]
    for version in desired.versions:
        if version.default is not None:
            continue
        keys = tuple(key for key, meant in match.versions.items() if any(each is version for each in meant))
        entries.append((version, ("spec", "versions", version.index), keys))
    explained: set[tuple[Key, FieldPath]] = set()
    for entry, base, keys in entries:
        for path in sorted({path for key in keys for path in changes.get(key, {})}):
            found = [changes.get(key, {}).get(path) for key in keys]
            change = next(item for item in found if item is not None)
            wished = list(_of_change(entry, base, keys[0], change))
            if not wished:
                continue
            explained |= {(key, path) for key in keys}
            if any(item is None or not same_value(item.before, change.before) for item in found):
                wished = [_not(wish, "the versions that the entry selects differ") for wish in wished]
            for wish in wished:
                if isinstance(wish, Left):
                    left.append(wish)
                else:
                    yield wish
        yield from _expected(entry, base, keys, plan, left)
    for key in sorted({desired.key, *match.versions}):
        for path, change in changes.get(key, {}).items():
            if (key, path) not in explained:
                reason = (
                    "it is the owner mark, which apply writes"
                    if path[:2] == MARK
                    else _of_default(match, key, path) or "no value in the manifest says it"
                )
                left.append(_left_at(key, change, reason, desired.origin))


def _of_default(match: Match, key: Key, path: FieldPath) -> str | None:
    """Why a value that a default states is left; None for others."""
    named: list[tuple[str, Statement]] = [(fill.name, fill.statement) for fill in match.desired.fills]
    if key.version_id:
        named = [(entry.default, entry.statement) for entry in match.versions.get(key, ()) if entry.default is not None]
    for name, statement in named:
        is_removed = any(removal.path == path[: len(removal.path)] for removal in statement.removals)
        if is_removed or lookup(statement.stated, path) is not MISSING:
            return f"it comes from the ModelDefaults {name}"
    return None


def same_value(one: Any, other: Any) -> bool:
    """Whether two live values are the same; MISSING is only itself."""
    return one is other if MISSING in (one, other) else same(one, other)


def _of_change(entry: Entry, base: JsonPath, key: Key, change: FieldChange) -> Iterator[_Wish | Left]:
    """What one entry has to say of a difference between what it states and what is live."""
    path, live = change.path, change.before
    if path[:2] == MARK:
        yield from _of_mark(entry, base, key, change)
        return
    stated = lookup(entry.stated, path)
    for index_path, removal in _removals_at(entry, path):
        if removal.item is None or (isinstance(live, list) and removal.item in live):
            shown = live if removal.item is None else [removal.item]
            yield _wish(
                entry, base, key, change, (*base, *index_path), MISSING, shown=("(removed)", shown), prunes=True
            )
    is_exact = entry.action is Action.OVERWRITE
    if stated is MISSING:
        if is_exact and live is not MISSING and _states_above(entry, path):
            yield _wish(entry, base, key, change, (*base, *path), live)
        return
    if change.is_sensitive:
        names = variables_in(change.after)
        reason = f"it comes from ${{env:{names[0]}}}" if names else "it is a secret"
        yield _left_at(key, change, reason, entry.origin)
    elif path == IMAGE_URL:
        if live is not MISSING:
            yield _left_at(key, change, "the service shows the address of its own copy of the image", entry.origin)
        else:
            yield _wish(entry, base, key, change, (*base, "image"), MISSING)
    else:
        value = live if is_exact or live is MISSING else adapted(stated, live)
        if is_exact and isinstance(stated, list) and path[0] in ("toolkits", "use_cases", "languages"):
            value = items_of(stated, [] if live is MISSING else live)
        if value == [] and not is_exact:
            value = MISSING  # an empty list states nothing
        if value is MISSING or not same_value(value, stated):
            yield _wish(entry, base, key, change, (*base, *path), value)


def _of_mark(entry: Entry, base: JsonPath, key: Key, change: FieldChange) -> Iterator[_Wish | Left]:
    live, desired = (with_value({}, change.path, side) for side in (change.before, change.after))
    protect = lookup(live, (*MARK, "protect"))
    if not isinstance(entry, DesiredModel) or entry.protect is None or not isinstance(protect, bool):
        return
    if lookup(live, (*MARK, "owner")) == lookup(desired, (*MARK, "owner")):
        yield _wish(
            entry, base, key, change, (*base, "protect"), protect, shown=(entry.protect, protect), name="protect"
        )


def _expected(entry: Entry, base: JsonPath, keys: Sequence[Key], plan: Plan, left: list[Left]) -> Iterator[_Wish]:
    """The concepts that versions should have, where they have others."""
    if not isinstance(entry, DesiredVersion) or entry.expected_concepts is None:
        return
    found = [item for item in plan.expectations if item.key in keys]
    if all(item.is_met for item in found):
        return
    change = FieldChange(
        path=("expect", "concepts"),
        before=list(found[0].live),
        after=list(entry.expected_concepts),
        origin=entry.origin,
    )
    if any(item.live != found[0].live for item in found):
        left.append(_left_at(keys[0], change, "the versions that the entry selects differ", entry.origin))
    elif not found[0].live:
        left.append(_left_at(keys[0], change, "the version has no concepts", entry.origin))
    else:
        value = items_of(list(entry.expected_concepts), list(found[0].live))
        yield _wish(entry, base, keys[0], change, (*base, "expect", "concepts"), value)


def _states_above(entry: Entry, path: FieldPath) -> bool:
    return any(isinstance(lookup(entry.stated, path[:end]), Mapping) for end in range(len(path) - 1, 0, -1))


def _removals_at(entry: Entry, path: FieldPath) -> Iterator[tuple[JsonPath, Removal]]:
    """The entries of `remove` about a path, each with its place below the entry."""
    counts: dict[str, int] = {}
    for removal in entry.removals:
        name = "params" if removal.path[0] == "output_info" else removal.path[0]
        index = counts.setdefault(name, 0)
        counts[name] += 1
        if removal.path == path[: len(removal.path)]:
            yield (("remove", name) if name == "image" else ("remove", name, index)), removal


def _wish(
    entry: Entry,
    base: JsonPath,
    key: Key,
    change: FieldChange,
    at: JsonPath,
    value: Any,
    *,
    shown: tuple[Any, Any] | None = None,
    name: str = "",
    prunes: bool = False,
) -> _Wish:
    before, after = shown or (lookup(entry.stated, change.path), value)
    origin = change.origin or entry.origin
    accepted = Accepted(
        address=key.address, path=name or path_text(change.path), origin=origin, before=before, after=after
    )
    return _Wish(at=at, value=value, accepted=accepted, base=base, prunes=prunes or entry.action is Action.MERGE)


def _not(wish: _Wish | Left, reason: str) -> Left:
    return wish if isinstance(wish, Left) else _left(wish, reason)


def _left(wish: _Wish, reason: str) -> Left:
    return _left_of(wish.accepted, reason)


def _left_of(item: Accepted, reason: str) -> Left:
    return Left(address=item.address, path=item.path, origin=item.origin, reason=reason)


def _left_at(key: Key, change: FieldChange, reason: str, default: Origin) -> Left:
    return Left(address=key.address, path=path_text(change.path), origin=change.origin or default, reason=reason)


# --- the text -----------------------------------------------------------------------------------------------------


def _edited(
    path: str, text: str, wanted: Sequence[tuple[Origin, _Wish]]
) -> tuple[AcceptedFile | None, list[Accepted], list[Left]]:
    """The file with as many wishes fulfilled as can be, and the others."""
    documents = documents_from_text(text, path, ProblemList())
    try:
        roots = layouts(text)
    except yaml.YAMLError:
        roots = []
    if len(documents) != len(roots):
        return None, [], [_left(wish, "the structure of the file can't be read") for _, wish in wanted]
    done: list[Accepted] = []
    left: list[Left] = []
    found, expected = [], []
    for document, root in zip(documents, roots, strict=True):
        wishes = [wish for origin, wish in wanted if origin == document.origin()]
        after, made, fulfilled, unfulfilled = _edits_of(document, root, text, wishes)
        found += made
        expected.append(after)
        done += fulfilled
        left += unfulfilled
    if not found:
        return None, [], left
    new = edited(text, found)
    problems = ProblemList()
    read = documents_from_text(new, path, problems)
    if (
        problems
        or len(read) != len(expected)
        or not all(same(each.value, value) for each, value in zip(read, expected, strict=True))
    ):
        return None, [], [*left, *(_left_of(item, "the edited text would not state exactly that") for item in done)]
    return AcceptedFile(path=path, before=text, after=new), done, left


def _edits_of(
    document: LoadedDocument, root: Any, text: str, wishes: list[_Wish]
) -> tuple[Any, list[Any], list[Accepted], list[Left]]:
    left: list[Left] = []
    while True:
        after = copy.deepcopy(document.value)
        usable: list[_Wish] = []
        for wish in sorted(wishes, key=_in_order):
            reason = _obstacle(document, wish)
            if reason is None:
                _state(after, wish)
                usable.append(wish)
            else:
                left.append(_left(wish, reason))
        try:
            made = edits(text, root, document.value, after)
        except NotEditableError as error:
            barred = [wish for wish in usable if _overlap(wish.at, error.path)] or usable
            left += [_left(wish, error.reason) for wish in barred]
            wishes = [wish for wish in usable if not any(wish is each for each in barred)]
            continue
        return after, made, [wish.accepted for wish in usable], left


def _in_order(wish: _Wish) -> tuple[bool, tuple[tuple[int, str], ...]]:
    """What is set comes first, then what goes, from the back of each list: the places of the others stay what they are."""
    is_gone = wish.value is MISSING
    steps = tuple((-step if is_gone else step, "") if isinstance(step, int) else (0, step) for step in wish.at)
    return is_gone, steps


def _overlap(one: JsonPath, other: JsonPath) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _obstacle(document: LoadedDocument, wish: _Wish) -> str | None:
    """Why a value can't be stated in this document, as far as its own text is concerned."""
    held = value_at(document.value, wish.at)
    if held is MISSING and wish.accepted.before is not MISSING:
        for end in range(len(wish.at) - 1, 0, -1):
            above = value_at(document.value, wish.at[:end])
            if isinstance(above, str) and _REFERENCE in above:
                return "it comes from ${…}"
        return f"it is stated by {wish.accepted.origin}, not by the manifest"
    if any(_REFERENCE in text for text in _strings(held)):
        return "it comes from ${…}"
    if any(_REFERENCE in text for text in _strings(wish.value)):
        return "the live value contains ${, which a manifest can't state literally"
    return None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield name
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _state(tree: Any, wish: _Wish) -> None:
    """Set or remove a value in a document, and remove what gets empty by it."""
    at = wish.at
    holder = value_at(tree, at[:-1])
    if wish.value is not MISSING:
        holder[at[-1]] = copy.deepcopy(wish.value)
        return
    del holder[at[-1]]
    while wish.prunes and not holder and len(at) - 1 > len(wish.base):
        at = at[:-1]
        holder = value_at(tree, at[:-1])
        del holder[at[-1]]


def files_as_text(paths: Iterable[str]) -> dict[str, str]:
    """The files of manifests as texts, with a byte order mark where they have one. Raises ReconcilerError."""
    return {path: _text_of(path) for path in paths}


def _text_of(path: str) -> str:
    try:
        return Path(path).read_bytes().decode()
    except OSError as error:
        raise ReconcilerError(f"{path} can't be read again: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ReconcilerError(f"{path} is no longer UTF-8: somebody has changed it in the meantime.") from error
