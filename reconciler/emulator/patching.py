"""What merge, remove and overwrite do to a stored object: pure functions over JSON.

In: the patch as sent, the stored object, how its fields are stored, the semantics variant in force. Out: the new object;
the arguments are never changed. Nothing here knows protobuf or the database.

Clarifai's documentation has one page about it ("Patching", api-guide/advanced-topics/patching), written for plain JSON.
`merge` and `remove` here are that page's rules; `overwrite` is replacement. The page knows no protobuf; `patch_fields`
adds what follows from it:

- A field of a message that was not sent is not part of the patch: it stays, whatever the action. (Protobuf never sends
  an empty scalar or list, so those can't be cleared.) In the page's own overwrite example of a model the unsent fields
  of the sub-message stay too, while the rule above it says otherwise; hence the variant's `keeps_unsent`.
- A Struct is JSON of the user's own. Whether `overwrite` replaces it whole or key by key is unknown: `struct`.
- A list of plain strings has no ids, so the page's rule is to append; whether an item that is already there is added
  again is unknown: `tags`.
- `{}` clears under merge, which only a Struct can express: an empty sub-message says nothing.

This file is deliberately not built on any client-side code that predicts the service: it is a second, separate
implementation of the same page, so that a mistake in one of the two shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Union

Json = Any
Rules = Mapping[str, Union[str, "Rules"]]
"""Writable fields by name: one of the kinds below, or the rules of a sub-message. A field without a rule is the
server's own and a patch of it does nothing."""

SCALAR: Final = "scalar"
TAGS: Final = "tags"  # list of strings
LIST: Final = "list"  # list of objects
STRUCT: Final = "struct"
MESSAGE: Final = "message"  # a sub-message without rules of its own: every field of it is writable

MODEL_RULES: Final[Rules] = {
    "name": SCALAR,
    "display_name": SCALAR,
    "description": SCALAR,
    "notes": SCALAR,
    "task": SCALAR,
    "visibility": {"gettable": SCALAR},
    "toolkits": TAGS,
    "use_cases": TAGS,
    "languages": TAGS,
    "check_consents": TAGS,
    "image": {"url": SCALAR, "base64": SCALAR},
    "metadata": STRUCT,
    "presets": STRUCT,
    "deploy_restriction": SCALAR,
    "workflow_recommended": SCALAR,
    "license_type": SCALAR,
    "source": SCALAR,
    "creator": SCALAR,
    "default_eval_info": MESSAGE,
    "open_router_info": {"params": STRUCT},
}
"""Model fields that PatchModels changes. Seen in tests or documentation: name, description, notes, visibility,
the three tag lists, image, deploy_restriction; the rest is taken from "other metadata type information" (Clarifai
documentation, "Manage Models"). Server-owned by the comments of resources.proto: created_at, modified_at, app_id,
user_id, model_version, model_type_id, languages_full, is_starred, star_count, bookmark_origin, version_count,
replica_count, featured_order, billing_type."""

VERSION_RULES: Final[Rules] = {
    "description": SCALAR,
    "license": SCALAR,
    "visibility": {"gettable": SCALAR},
    "metadata": STRUCT,
    "output_info": {
        "output_config": MESSAGE,
        "fields_map": STRUCT,
        "params": STRUCT,
        "params_specs": LIST,
    },
    "method_signatures": LIST,
    "inference_compute_info": MESSAGE,
}
"""ModelVersion fields that PatchModelVersions changes (Clarifai documentation, "Manage Models": gettable, metadata,
license, description and output_info, not including concepts; method_signatures and inference_compute_info are sent by
the clarifai package)."""


class BadPatchError(ValueError):
    """The action is not known, or can't be used on what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One consistent answer to the points that the documentation leaves open."""

    struct: Literal["whole", "by_key", "by_key_deep"] = "whole"
    keeps_unsent: bool = True
    tags: Literal["append_missing", "append", "replace"] = "append_missing"
    removes_keys: bool = True


def merge(patch: Json, stored: Json) -> Json:
    """`patch` merged into `stored`: objects deeply, lists by id or appended, `{}` and `[]` clear, null says nothing."""
    if patch is None:
        return stored
    if isinstance(patch, dict) and isinstance(stored, dict):
        if not patch:
            return {}
        merged = dict(stored)
        for key, value in patch.items():
            if value is not None:
                merged[key] = merge(value, stored[key]) if key in stored else value
        return merged
    if isinstance(patch, list) and isinstance(stored, list) and patch:
        return _merge_lists(patch, stored)
    return patch


def _merge_lists(patch: list[Json], stored: list[Json]) -> list[Json]:
    merged = list(stored)
    places = {_id(item): place for place, item in enumerate(stored) if _id(item) is not None}
    for item in patch:
        place = places.get(_id(item)) if _id(item) is not None else None
        if place is None:
            merged.append(item)
        else:
            merged[place] = merge(item, merged[place])
    return merged


def remove(patch: Json, stored: Json) -> Json:
    """`stored` without what `patch` marks: a key by true, list items by id. As published, all other values replace
    and lists without ids are appended; `{}` and null say nothing."""
    if patch is None:
        return stored
    if isinstance(patch, dict):
        return _remove_keys(patch, stored) if isinstance(stored, dict) else stored
    if isinstance(patch, list) and isinstance(stored, list):
        marked = {_id(item) for item in patch} - {None}
        kept = [item for item in stored if _id(item) is None or _id(item) not in marked]
        return kept + [item for item in patch if _id(item) is None]
    return patch


def _remove_keys(patch: dict[str, Json], stored: dict[str, Json]) -> dict[str, Json]:
    left = dict(stored)
    for key, value in patch.items():
        if value is True:
            left.pop(key, None)
        elif key in stored:
            left[key] = remove(value, stored[key])
        elif isinstance(value, (bool, int, float, str)):
            left[key] = value
    return left


def overwrite(patch: Json, stored: Json) -> Json:
    """The new object replaces the old one, whatever that was."""
    del stored
    return patch


def overlay(patch: Json, stored: Json, *, deep: bool) -> Json:
    """`stored` with the keys of `patch` replaced: at the top only, or at every depth. Lists are replaced whole."""
    if not (isinstance(patch, dict) and isinstance(stored, dict)):
        return patch
    if not deep:
        return {**stored, **patch}
    return {**stored, **{k: overlay(v, stored[k], deep=True) if k in stored else v for k, v in patch.items()}}


def patch_fields(
    action: str, patch: Mapping[str, Json], stored: Mapping[str, Json], rules: Rules, variant: Variant
) -> dict[str, Json]:
    """The stored message with `patch` applied field by field. Raises BadPatchError for an action that can't do that."""
    if action not in ("merge", "overwrite", "remove"):
        raise BadPatchError(f"Unrecognized action '{action}'. Supported actions: merge, overwrite, remove")
    patched = dict(stored)
    for name, value in patch.items():
        rule = rules.get(name)
        if rule is not None:
            patched[name] = _patch_field(action, value, stored.get(name), rule, variant, name=name)
    return patched


def _patch_field(action: str, patch: Json, stored: Json, rule: str | Rules, variant: Variant, *, name: str) -> Json:
    if rule == STRUCT:
        return _patch_struct(action, patch, {} if stored is None else stored, variant)
    if not isinstance(rule, str) or rule == MESSAGE:
        return _patch_message(action, patch, {} if stored is None else stored, rule, variant)
    if action == "remove":
        raise BadPatchError(f"action 'remove' can't be used on {name}; it marks keys of metadata and params")
    if rule == TAGS and action == "merge":
        return _merge_tags(patch, stored or [], variant)
    return merge(patch, stored) if action == "merge" else overwrite(patch, stored)


def _patch_struct(action: str, patch: dict[str, Json], stored: dict[str, Json], variant: Variant) -> Json:
    if action == "merge":
        return merge(patch, stored)
    if action == "remove":
        return remove(patch, stored) if variant.removes_keys else stored
    if variant.struct == "whole":
        return overwrite(patch, stored)
    return overlay(patch, stored, deep=variant.struct == "by_key_deep")


def _patch_message(
    action: str, patch: dict[str, Json], stored: dict[str, Json], rule: str | Rules, variant: Variant
) -> Json:
    rules = _open_rules(patch) if isinstance(rule, str) else rule
    patched = patch_fields(action, patch, stored, rules, variant)
    if action == "overwrite" and not variant.keeps_unsent:
        return {name: value for name, value in patched.items() if name in patch}
    return patched


def _open_rules(patch: Mapping[str, Json]) -> Rules:
    """Rules for a message known by its JSON alone: the kind of each field is that of the value sent."""

    def kind(value: Json) -> str:
        if isinstance(value, dict):
            return MESSAGE
        if isinstance(value, list):
            return LIST if any(isinstance(item, dict) for item in value) else TAGS
        return SCALAR

    return {name: kind(value) for name, value in patch.items()}


def _merge_tags(patch: list[str], stored: list[str], variant: Variant) -> list[str]:
    if variant.tags == "replace":
        return list(patch)
    if variant.tags == "append":
        return [*stored, *patch]
    return [*stored, *dict.fromkeys(tag for tag in patch if tag not in stored)]


def _id(item: Json) -> Json:
    """The id of a list item, None where it has none."""
    value = item.get("id") if isinstance(item, dict) else None
    return value if isinstance(value, (str, int, float)) else None
