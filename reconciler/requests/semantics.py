"""How the service applies a patch: merge, overwrite and remove as pure functions, in each variant that is left open.

The documentation ("Patching"; "Manage Models"; service.proto on PatchModelsRequest.action) gives the rules for JSON
and leaves four questions open that decide whether a call loses data. A `Variant` is one set of answers to them, and VARIANTS are
all combinations. `calls` proves each request in all of them.

    merge      scalars and values of another type are replaced; mappings merge deeply, unsent keys stay; lists of
               objects with `id` merge by it, new ones after the old; other lists are APPENDED; {} and [] replace;
               null does nothing
    overwrite  each sent scalar and list replaces; an unsent field of the resource itself stays (observed: a rename
               left description and tags alone); a Struct is replaced whole, or key by key [open]; the unsent fields
               of a sent message such as output_info stay, or are dropped [open]
    remove     on PatchModels only the cover image, named by its current url, and nothing else in the request; the keys of
               a Struct that are sent as true are removed ("Patching"), or stay, since "Manage Models" says that remove is for
               images alone [open]

Tag lists (toolkits, use_cases, languages) under merge are appended, appended where missing, or replaced [open].
Documents are JSON with proto field names. Arguments are never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import product
from typing import Any, Final

from reconciler.resources.canonical import keyed_by_id
from reconciler.resources.tree import is_mapping, lookup


class OverwriteStruct(str, Enum):
    """What `overwrite` does to a Struct."""

    WHOLE = "whole"
    BY_KEY = "by_key"
    BY_KEY_DEEP = "by_key_deep"


class Unsent(str, Enum):
    """What `overwrite` does to the fields of a sent message that were not sent."""

    KEPT = "kept"
    DROPPED = "dropped"


class MergeTags(str, Enum):
    """What `merge` does to a tag list."""

    APPEND = "append"
    APPEND_MISSING = "append_missing"
    REPLACE = "replace"


class RemoveKeys(str, Enum):
    """What `remove` does to the keys of a Struct."""

    TAKEN = "taken"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One consistent answer to what the documentation leaves open."""

    overwrite_struct: OverwriteStruct = OverwriteStruct.WHOLE
    unsent: Unsent = Unsent.KEPT
    merge_tags: MergeTags = MergeTags.APPEND
    remove_keys: RemoveKeys = RemoveKeys.TAKEN


VARIANTS: Final = tuple(
    Variant(overwrite_struct=struct, unsent=unsent, merge_tags=tags, remove_keys=keys)
    for struct, unsent, tags, keys in product(OverwriteStruct, Unsent, MergeTags, RemoveKeys)
)

STRUCT_FIELDS: Final = frozenset({"metadata", "presets", "params", "fields_map", "hyper_params", "model_metadata"})
"""Fields of type google.protobuf.Struct among those a patch can carry (resources.proto)."""
TAG_FIELDS: Final = frozenset({"toolkits", "use_cases", "languages"})


def distinct_variants(patch: Mapping[str, Any], *, action: str) -> Mapping[Variant, tuple[Variant, ...]]:
    """One variant of each set that does the same with a patch, and the variants of that set: one to six of the 36."""
    return _distinct(_questions(patch, action=action))


def _questions(patch: Mapping[str, Any], *, action: str) -> tuple[str, ...]:
    """The open questions that bear on a patch.

    `merge` depends on the variant for tag lists only, `overwrite` for mappings only (Structs, and messages that may have unsent
    fields and hold Structs; scalars and lists are replaced in every variant), and `remove` for the keys of Structs.
    """
    if action == "merge":
        return () if TAG_FIELDS.isdisjoint(patch) else ("merge_tags",)
    if action == "overwrite":
        mappings = {name for name, value in patch.items() if is_mapping(value)}
        if mappings <= STRUCT_FIELDS:
            return ("overwrite_struct",) if mappings else ()
        return ("overwrite_struct", "unsent")
    if action == "remove" and patch.keys() - {"id", "image"}:
        return ("remove_keys",)
    return ()


@cache
def _distinct(questions: tuple[str, ...]) -> Mapping[Variant, tuple[Variant, ...]]:
    groups: dict[tuple[Enum, ...], list[Variant]] = {}
    for variant in VARIANTS:
        groups.setdefault(tuple(getattr(variant, question) for question in questions), []).append(variant)
    return {group[0]: tuple(group) for group in groups.values()}


def patched(
    document: Mapping[str, Any], patch: Mapping[str, Any], *, action: str, variant: Variant
) -> Mapping[str, Any]:
    """The document of a model or version after one patch of it. `patch` is that one entry of the request."""
    sent = {name: value for name, value in patch.items() if name != "id"}
    if action == "merge":
        return _merge_resource(document, sent, variant)
    if action == "overwrite":
        return {
            **document,
            **{name: _overwritten(name, document.get(name), value, variant) for name, value in sent.items()},
        }
    if action == "remove":
        return (
            _without_keys(document, sent, variant) if sent and "image" not in sent else _without_image(document, sent)
        )
    raise ValueError(f"unknown patch action {action!r}")


def _merge_resource(document: Mapping[str, Any], sent: Mapping[str, Any], variant: Variant) -> Mapping[str, Any]:
    merged = _merged_mappings(document, sent)
    tags = {
        name: _merged_tags(document.get(name, []), value, variant) for name, value in sent.items() if name in TAG_FIELDS
    }
    return {**merged, **tags} if tags else merged


def _merged_tags(stored: list[str], sent: list[str], variant: Variant) -> list[str]:
    if variant.merge_tags is MergeTags.REPLACE:
        return list(sent)
    if variant.merge_tags is MergeTags.APPEND_MISSING:
        return [*stored, *(tag for tag in sent if tag not in stored)]
    return [*stored, *sent]


def merged_value(stored: Any, sent: Any) -> Any:
    """`merge` of one value into one stored value (None for none), as in the examples of the documentation."""
    if is_mapping(sent) and sent:
        return _merged_mappings(stored if is_mapping(stored) else {}, sent)
    if isinstance(sent, list) and sent and isinstance(stored, list):
        return _merged_lists(stored, sent)
    return sent


def _merged_mappings(stored: Mapping[str, Any], sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """`merge` of two mappings; `stored` itself where that changes nothing, as the second merge of the same doesn't."""
    after: dict[str, Any] | None = None
    for name, value in sent.items():
        if value is None:
            continue
        there = stored.get(name)
        merged = merged_value(there, value)
        if merged is not there:
            after = dict(stored) if after is None else after
            after[name] = merged
    return stored if after is None else after


def _merged_lists(stored: list[Any], sent: list[Any]) -> list[Any]:
    keyed_stored, keyed_sent = keyed_by_id(stored), keyed_by_id(sent)
    if keyed_stored is None or keyed_sent is None:
        return [*stored, *sent]
    kept = [merged_value(item, keyed_sent[name]) if name in keyed_sent else item for name, item in keyed_stored.items()]
    return [*kept, *(item for name, item in keyed_sent.items() if name not in keyed_stored)]


def _overwritten(name: str, stored: Any, sent: Any, variant: Variant) -> Any:
    if name in STRUCT_FIELDS:
        return overwritten_struct(stored, sent, variant)
    if is_mapping(sent):
        inside = stored if is_mapping(stored) else {}
        kept = inside if variant.unsent is Unsent.KEPT else {}
        return {**kept, **{key: _overwritten(key, inside.get(key), value, variant) for key, value in sent.items()}}
    return sent


def overwritten_struct(stored: Any, sent: Mapping[str, Any], variant: Variant) -> dict[str, Any]:
    """`overwrite` of a Struct in one variant."""
    if variant.overwrite_struct is OverwriteStruct.WHOLE or not isinstance(stored, Mapping):
        return dict(sent)
    if variant.overwrite_struct is OverwriteStruct.BY_KEY:
        return {**stored, **sent}
    return _overwritten_deep(stored, sent)


def _overwritten_deep(stored: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    after = dict(stored)
    for name, value in sent.items():
        inner = after.get(name)
        deep = isinstance(value, Mapping) and isinstance(inner, Mapping)
        after[name] = _overwritten_deep(inner, value) if deep else value  # type: ignore[arg-type]
    return after


def _without_image(document: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    if sent.keys() != {"image"}:
        raise ValueError("remove is defined for the image alone")
    if lookup(document, ("image", "url")) != lookup(sent, ("image", "url")):
        return dict(document)
    return {name: value for name, value in document.items() if name != "image"}


def _without_keys(document: Mapping[str, Any], sent: Mapping[str, Any], variant: Variant) -> dict[str, Any]:
    """The document without the keys of its Structs that are sent as true."""
    if variant.remove_keys is RemoveKeys.IGNORED:
        return dict(document)
    after = dict(document)
    for name, value in sent.items():
        stored = document.get(name)
        if value is True:
            after.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(stored, Mapping):
            after[name] = _without_keys(stored, value, variant)
        elif not isinstance(value, Mapping):
            raise ValueError("remove is defined for keys that are sent as true")
    return after
