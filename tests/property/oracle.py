"""What must be true after an apply, computed a second time: from the manifests' rules alone, by none of the tool's code.

In: the service's state as the emulator's snapshot gives it, the manifests as plain JSON, the owner of reconciler.yaml.
Out: the state wanted and every path that differs. Nothing here knows a call, an action of the API or a request: the
rules are those that a manifest's author reads.

- Only stated paths are managed.
- merge: scalars equal, mappings hold at least the stated keys, lists hold at least the stated items (live ones keep
  their order, new ones follow). overwrite: each stated field is exactly what is stated. remove: the path is absent.
- Numbers are doubles, booleans are no numbers; tags are sets; lists of objects with ids are keyed by the id, other lists
  are ordered; empty and absent are the same for texts and tags, and different inside a Struct.
- With an owner, a managed model's metadata.reconciler is {owner, protect}; an overwrite of metadata leaves it alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Json = Any
Fields = dict[str, Json]
State = dict[str, Fields]
"""Models and versions by address, USER/APP/MODEL or USER/APP/MODEL@VERSION, without times."""

ABSENT: Final = type("Absent", (), {"__repr__": lambda self: "ABSENT"})()
TAGS: Final = ("toolkits", "use_cases", "languages")
TEXTS: Final = ("name", "description", "notes", "license")
MARK: Final = "reconciler"
TIMES: Final = ("created_at", "modified_at")


class ContradictionError(Exception):
    """Two entries of `versions` want different things of one version."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One path of one resource; ABSENT stands for no value on that side."""

    path: tuple[str, ...]
    before: Json
    after: Json

    @property
    def text(self) -> str:
        """The dotted form: a dot or a backslash inside a name has a backslash before it."""
        return ".".join(name.replace("\\", "\\\\").replace(".", "\\.") for name in self.path)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The state wanted, what differs by address, and how many models with a manifest are wholly in sync."""

    wanted: State
    differences: Mapping[str, Sequence[Difference]]
    unchanged: int


# --- equality -------------------------------------------------------------------------------------------------------


def is_number(value: Json) -> bool:
    """Whether JSON calls it a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def keyed(value: Json) -> dict[Json, Json] | None:
    """A list of objects with ids, texts or numbers, by these ids; None for any other value, or where an id comes twice."""
    if not isinstance(value, list) or not all(isinstance(item, dict) and "id" in item for item in value):
        return None
    if not all(is_number(item["id"]) or isinstance(item["id"], str) for item in value):
        return None
    found = {(is_number(item["id"]), item["id"]): item for item in value}
    return found if len(found) == len(value) else None


def equal(a: Json, b: Json) -> bool:
    """Whether two JSON values mean the same."""
    if is_number(a) and is_number(b):
        return float(a) == float(b)
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list):
        by_id, other = keyed(a), keyed(b)
        if by_id is not None and other is not None:
            return by_id.keys() == other.keys() and all(equal(by_id[key], other[key]) for key in by_id)
        return len(a) == len(b) and all(map(equal, a, b))
    return bool(a == b)


# --- what is wanted of one value --------------------------------------------------------------------------------


def merged(live: Json, stated: Json) -> Json:
    """The live value after it holds at least what is stated."""
    if isinstance(live, dict) and isinstance(stated, dict):
        return {**live, **{key: merged(live[key], value) if key in live else value for key, value in stated.items()}}
    if isinstance(live, list) and isinstance(stated, list):
        return _merged_lists(live, stated)
    return live if equal(live, stated) else stated


def _merged_lists(live: list[Json], stated: list[Json]) -> list[Json]:
    by_id, new = keyed(live), keyed(stated)
    if by_id and new:
        return list(
            {**by_id, **{key: merged(by_id[key], new[key]) if key in by_id else new[key] for key in new}}.values()
        )
    left, added = list(live), []
    for item in stated:
        place = next((place for place, other in enumerate(left) if equal(other, item)), None)
        if place is None:
            added.append(item)
        else:
            del left[place]
    return [*live, *added]


def exactly(live: Json, stated: Json) -> Json:
    """The stated value; the live one where it means the same."""
    return live if equal(live, stated) else stated


def without(value: Json, path: Sequence[str]) -> Json:
    """A mapping without the key at `path`."""
    if not isinstance(value, dict) or path[0] not in value:
        return value
    if len(path) == 1:
        return {key: item for key, item in value.items() if key != path[0]}
    return {**value, path[0]: without(value[path[0]], path[1:])}


def path_of(text: str) -> tuple[str, ...]:
    """A dotted path of a manifest as names."""
    marked = text.replace("\\\\", "\0").replace("\\.", "\1")
    return tuple(name.replace("\0", "\\").replace("\1", ".") for name in marked.split("."))


def wanted_struct(
    live: Json, stated: Json, removed: Iterable[str], *, action: str, reserved: str | None = None
) -> Json:
    """A Struct as wanted; ABSENT goes in and out. `reserved` names a key that an overwrite leaves alone."""
    if stated is ABSENT:
        after = live
    elif live is ABSENT:
        after = stated or ABSENT
    elif action == "merge":
        after = merged(live, stated)
    else:
        kept = {reserved: live[reserved]} if reserved is not None and reserved in live else {}
        after = exactly(live, {**stated, **kept})
    for text in removed:
        after = without(after, path_of(text))
    return after


def wanted_tags(live: list[str], stated: list[str] | None, removed: Iterable[str], *, action: str) -> list[str]:
    """A tag list as wanted, a set: a live one that is right keeps its order."""
    after = list(live)
    if stated is not None:
        after = [*live, *(tag for tag in stated if tag not in live)] if action == "merge" else list(stated)
    after = [tag for tag in after if tag not in set(removed)]
    return live if set(after) == set(live) else after


# --- what is wanted of one resource ----------------------------------------------------------------------------


def _wanted_common(live: Fields, entry: Mapping[str, Json], action: str) -> Fields:
    after = dict(live)
    removed = entry.get("remove", {})
    after.update({name: entry[name] for name in TEXTS if name in entry})
    if "deploy_restriction" in entry:
        after["deploy_restriction"] = entry["deploy_restriction"]
    if "visibility" in entry:
        after["visibility"] = {"gettable": entry["visibility"]}
    metadata = wanted_struct(
        live.get("metadata", ABSENT),
        entry.get("metadata", ABSENT),
        removed.get("metadata", ()),
        action=action,
        reserved=MARK if "id" not in entry and "select" not in entry else None,
    )
    return _with(after, "metadata", metadata)


def _with(fields: Fields, name: str, value: Json) -> Fields:
    rest = {key: item for key, item in fields.items() if key != name}
    return rest if value is ABSENT else {**rest, name: value}


def wanted_model(live: Fields, spec: Mapping[str, Json], *, owner: str | None) -> Fields:
    """A Model document as wanted. Without an owner, nothing can be said of an image where there is one already."""
    action = spec.get("action", "merge")
    removed = spec.get("remove", {})
    after = _wanted_common(live, spec, action)
    for name in TAGS:
        tags = wanted_tags(live.get(name, []), spec.get(name), removed.get(name, ()), action=action)
        after = _with(after, name, tags or ABSENT)
    if removed.get("image"):
        after = _with(after, "image", ABSENT)
    url = live.get("image", {}).get("url")
    if "image" in spec and url != spec["image"]["url"] and (owner is not None or not url):
        after["image"] = spec["image"]
    if owner is not None:
        metadata = after.get("metadata", {})
        was = metadata.get(MARK, {}).get("protect", False)
        after["metadata"] = {**metadata, MARK: {"owner": owner, "protect": spec.get("protect", was)}}
    return after


def wanted_version(live: Fields, entry: Mapping[str, Json], *, inherited: str) -> Fields:
    """A ModelVersion document as wanted by one entry."""
    action = entry.get("action", inherited)
    after = _wanted_common(live, entry, action)
    info = live.get("output_info", {})
    params = wanted_struct(
        info.get("params", ABSENT),
        entry.get("output_info", {}).get("params", ABSENT),
        entry.get("remove", {}).get("params", ()),
        action=action,
    )
    new_info = _with(info, "params", params)
    return after if equal(new_info, info) else {**after, "output_info": new_info}


def is_selected(version_id: str, entry: Mapping[str, Json], newest_first: Sequence[tuple[str, Fields]]) -> bool:
    """Whether an entry of `versions` is about this version."""
    if "id" in entry:
        return bool(entry["id"] == version_id)
    if entry["select"] == "all":
        return True
    trained = [name for name, fields in newest_first if fields["status"]["code"] == "MODEL_TRAINED"]
    chosen = [name for name, _ in newest_first] if entry["select"] == "latest" else trained
    return chosen[:1] == [version_id]


# --- the whole ----------------------------------------------------------------------------------------------------


def timeless(fields: Mapping[str, Json]) -> Fields:
    """A message without the times that every write moves, and without what apply records in the owner mark."""
    kept = {name: value for name, value in fields.items() if name not in TIMES}
    mark = kept.get("metadata", {}).get(MARK)
    if isinstance(mark, dict) and "unreadable" in mark:
        mark = {name: value for name, value in mark.items() if name != "unreadable"}
        kept["metadata"] = {**kept["metadata"], MARK: mark}
    return kept


def state_of(snapshot: Mapping[str, Json]) -> State:
    """A snapshot by address."""
    found: State = {}
    for app in snapshot["apps"]:
        for model in app["models"]:
            address = f"{app['user_id']}/{app['app_id']}/{model['id']}"
            found[address] = timeless({name: value for name, value in model.items() if name != "versions"})
            found.update({f"{address}@{version['id']}": timeless(version) for version in model["versions"]})
    return found


def outcome(
    snapshot: Mapping[str, Json], specs: Mapping[str, Mapping[str, Json]], *, owner: str | None = None
) -> Outcome:
    """What is wanted of everything, by the specs of the models with a manifest (by address).

    Raises ContradictionError where two entries of `versions` want different things of one version.
    """
    live = state_of(snapshot)
    wanted = copy.deepcopy(live)
    differences: dict[str, list[Difference]] = {}
    unchanged = 0
    for app in snapshot["apps"]:
        for model in app["models"]:
            address = f"{app['user_id']}/{app['app_id']}/{model['id']}"
            spec = specs.get(address)
            if spec is None:
                continue
            wanted[address] = wanted_model(live[address], spec, owner=owner)
            wanted.update(_wanted_versions(address, model["versions"], spec))
            addresses = [address, *(f"{address}@{version['id']}" for version in model["versions"])]
            found = {name: list(differing(live[name], wanted[name])) for name in addresses}
            differences.update({name: items for name, items in found.items() if items})
            unchanged += not any(found.values())
    return Outcome(wanted=wanted, differences=differences, unchanged=unchanged)


def _wanted_versions(address: str, versions: Sequence[Fields], spec: Mapping[str, Json]) -> State:
    ordered = sorted(versions, key=lambda version: (version["created_at"], version["id"]), reverse=True)
    newest_first = [(str(version["id"]), timeless(version)) for version in ordered]
    found: State = {}
    for version_id, live in newest_first:
        entries = [entry for entry in spec.get("versions", ()) if is_selected(version_id, entry, newest_first)]
        inherited = spec.get("action", "merge")
        after = live
        for entry in entries:
            after = wanted_version(after, entry, inherited=inherited)
        if any(list(differing(after, wanted_version(after, entry, inherited=inherited))) for entry in entries):
            raise ContradictionError(f"{address}@{version_id}")
        found[f"{address}@{version_id}"] = after
    return found


# --- what differs -------------------------------------------------------------------------------------------------


def managed(fields: Fields) -> Fields:
    """The managed fields of a document: absent texts and tags left out, visibility by its name, the image by its url."""
    found = {name: fields[name] for name in (*TEXTS, *TAGS) if fields.get(name)}
    if fields.get("deploy_restriction"):
        found["deploy_restriction"] = fields["deploy_restriction"]
    if "visibility" in fields:
        found["visibility"] = fields["visibility"]["gettable"]
    if fields.get("image", {}).get("url"):
        found["image"] = {"url": fields["image"]["url"]}
    found["metadata"] = fields.get("metadata", {})
    found["output_info"] = {"params": fields.get("output_info", {}).get("params", {})}
    found.setdefault("image", {})
    return found


def differing(before: Fields, after: Fields) -> Iterator[Difference]:
    """The managed paths at which two documents differ."""
    one, other = managed(before), managed(after)
    for name in TAGS:
        if set(one.get(name, ())) == set(other.get(name, ())):
            one.pop(name, None)
            other.pop(name, None)
    return differing_at((), one, other)


def differing_at(path: tuple[str, ...], before: Json, after: Json) -> Iterator[Difference]:
    """The deepest mapping keys at which two values differ; a list differs as a whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from differing_at((*path, key), before.get(key, ABSENT), after.get(key, ABSENT))
    elif not equal(before, after):
        yield Difference(path=path, before=before, after=after)


def deletions(differences: Iterable[Difference]) -> set[tuple[str, ...]]:
    """The paths inside a Struct that go."""
    structs = ("metadata", "output_info")
    return {found.path for found in differences if found.after is ABSENT and found.path[0] in structs}


def can_merge_reach(before: Json, after: Json) -> bool:
    """Whether one documented `merge`, sent once or twice, makes a Struct value of another.

    Merge replaces scalars, goes into objects and lists of objects with text ids, and `{}` and `[]` clear; it deletes no
    single key, sets no null, and appends to other lists each time.
    """
    if equal(before, after):
        return True
    if isinstance(before, dict) and isinstance(after, dict):
        if not after:
            return True
        return all(key in after for key in before) and all(
            can_merge_reach(before[key], value) if key in before else merges_into_itself(value)
            for key, value in after.items()
        )
    if isinstance(before, list) and isinstance(after, list):
        if not after:
            return True
        was, now = keyed(before), keyed(after)
        if was is None or now is None or not all(isinstance(item["id"], str) for item in (*before, *after)):
            return False
        added = [item for key, item in now.items() if key not in was]
        return (
            list(now)[: len(was)] == list(was)
            and all(can_merge_reach(was[key], now[key]) for key in was)
            and all(map(merges_into_itself, added))
        )
    return merges_into_itself(after)


def merges_into_itself(value: Json) -> bool:
    """Whether a value that is not there yet can be set by a merge, and a second one changes nothing."""
    if isinstance(value, dict):
        return all(map(merges_into_itself, value.values()))
    if isinstance(value, list):
        has_text_ids = keyed(value) is not None and all(isinstance(item["id"], str) for item in value)
        return has_text_ids and all(map(merges_into_itself, value))
    return value is not None
