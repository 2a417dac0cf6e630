"""Chooses the requests that resolve drifts, and proves each of them.

The service's patch actions are only partly documented (`semantics` lists the open variants), so no call is chosen by a rule of
thumb. For each field that differs, candidates are tried from the least to the most invasive. The first one is used for which,
in every variant,

    1. patching the live document results in exactly the desired document: the desired values, and nothing else changed;
    2. patching it again changes nothing, so a retry after a lost response is safe.

A candidate `merge` sends only the leaves that differ and leaves other keys alone, but it appends to lists. A candidate
`overwrite` sends the whole field. That is right for lists, but it also sends unmanaged siblings, so it is used only if no
merge can be proven (`output_info` is sent with all its live fields, which one variant would otherwise drop).
Fields of one resource that need the same call share one entry; a plain string joins whichever call there is.
No call that deletes a Struct key satisfies (1) in the key-by-key variant. There `overwrite`, the documented way, is used if
it changes nothing else, and a notice says that only reading the live state afterwards shows whether it worked. A change
without any safe call is refused.

What the service shows of a secret may be a mask, which looks like any other value. So a param that the model type declares
secret is sent only as the manifest states it. A Struct with a secret that isn't stated can't be overwritten: if the mask were
sent too, it would replace the secret, and if it were left out, the secret would be deleted. There, the leaves to be set are
merged, and then the keys to be deleted are removed one by one (`_in_two_steps`). A secret that the service doesn't show at all
looks like one that isn't there; if an overwrite could delete it, the plan says so.

Entries for many models share a PatchModels request, and entries for versions of one model a PatchModelVersions request, up
to `batch` in each. A tag list is emptied by its own call, and an image is removed by a request without any other field, as the
service requires.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from reconciler.compare.results import Drift
from reconciler.compare.unreadable import Unreadable
from reconciler.errors import Refusal
from reconciler.requests.results import Calls, Notice
from reconciler.requests.semantics import TAG_FIELDS, VARIANTS, Variant, distinct_variants, patched
from reconciler.resources.canonical import document_from_field, equal, keyed_by_id
from reconciler.resources.fields import FieldSpec, Shape, fields_below
from reconciler.resources.keys import Key, Kind
from reconciler.resources.request import PATCH_RPCS, RPCS, Entry, Request, replacing_rpc
from reconciler.resources.secrets import Sensitive, revealed
from reconciler.resources.tree import MISSING, FieldPath, is_mapping, lookup, path_text, with_value

SERVER_OWNED_IN_OUTPUT_INFO = frozenset({"data", "message"})
"""Fields that are never sent: concepts can't be patched (documentation, "Manage Models"), and `message` stands for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """What one call does to one resource.

    `unproven` are the variants in which the call may not reach the desired value. It does no harm in any variant.
    """

    rpc: str
    action: str
    entry: Entry
    unproven: tuple[Variant, ...] = ()


def calls_from_drifts(drifts: Iterable[Drift], *, batch: int) -> Calls:
    """The fewest proven requests that change each drift's `before` into its `after`.

    `batch` is the most entries in one request; the service's own maximum is not documented.
    """
    patches: list[Patch] = []
    notices: list[Notice] = []
    refusals: list[Refusal] = []
    for drift in drifts:
        chosen, refused = patches_from_drift(drift)
        patches.extend(chosen)
        refusals.extend(refused)
        notices.extend(_notice(patch) for patch in chosen if patch.unproven)
        if drift.unreadable:
            notices.extend(_hidden_notices(drift, chosen))
    return Calls(requests=tuple(_requests(patches, batch)), notices=tuple(notices), refusals=tuple(refusals))


def _notice(patch: Patch) -> Notice:
    names = ", ".join(path_text(field.path) for field in patch.entry.fields if field.shape is Shape.STRUCT)
    return Notice(
        address=patch.entry.key.address,
        message=f"keys are deleted from {names}. Clarifai's documentation doesn't say for certain that the service does that. Apply "
        "reads the result, and reports every key that is still there.",
    )


def _hidden_notices(drift: Drift, patches: Iterable[Patch]) -> Iterator[Notice]:
    for field in (field for patch in patches if patch.action == "overwrite" for field in patch.entry.fields):
        names = [path_text(path) for path, value in _values_in(drift, field) if value.is_empty]
        if names:
            yield Notice(
                address=drift.key.address,
                message=f"{', '.join(names)} is a secret by the model type, and the service shows no value of it. If there is one, "
                f"it is lost, because this change replaces {path_text(field.path)} as a whole. To keep it, state it in the manifest.",
            )


def patches_from_drift(drift: Drift) -> tuple[list[Patch], list[Refusal]]:
    """The patches for one resource, and a refusal for each field that no safe call can change."""
    chosen: list[Patch] = []
    refusals: list[Refusal] = []
    for field in fields_below(drift.key.kind, frozenset(change.path[0] for change in drift.changes)):
        after = lookup(drift.after, field.path)
        if lookup(drift.before, field.path) is after:
            continue
        patch = _first_safe(drift, field)
        patches = _in_two_steps(drift, field) if patch is None else [patch]
        chosen.extend(patches)
        if not patches:
            refusals.append(_refusal(drift, field, after))
    return _joined(chosen), refusals


def _refusal(drift: Drift, field: FieldSpec, after: Any) -> Refusal:
    why = "the API can't clear it" if after is MISSING else "no call changes it without changing something else"
    remedy = "State another value, or change it by hand."
    names = ", ".join(path_text(path) for path in _unsendable(drift, field))
    if names:
        why = f"no call changes it without sending or deleting what can't be read back ({names})"
        remedy = f"State {names} as a whole too, or under `remove`, or change {path_text(field.path)} by hand."
    return Refusal(
        rule="no-safe-call",
        address=drift.key.address,
        message=f"{path_text(field.path)} of {drift.key.address} can't be changed as stated: {why}.",
        remedy=remedy,
    )


def _first_safe(drift: Drift, field: FieldSpec) -> Patch | None:
    """The first candidate proven in every variant; else the last one that reaches the value in some and does no harm in any."""
    fallback: Patch | None = None
    for patch in _candidates(drift, field):
        failing = unproven_variants(drift, patch)
        if failing is None:
            continue
        if not failing:
            return patch
        if len(failing) < len(VARIANTS):
            fallback = replace(patch, unproven=failing)
    return fallback


def _candidates(drift: Drift, field: FieldSpec) -> Iterator[Patch]:
    """Calls that might change one field as desired, least invasive first."""
    key, before, after = drift.key, lookup(drift.before, field.path), lookup(drift.after, field.path)

    def patch(action: str, value: Any, rpc: str = PATCH_RPCS[key.kind]) -> Patch:
        return Patch(rpc=rpc, action=action, entry=Entry(key=key, values=with_value({}, field.path, value)))

    if after is MISSING:
        if (rpc := replacing_rpc(field)) is not None:
            yield patch("overwrite", [], rpc)
        elif field.shape is Shape.IMAGE:
            yield patch("remove", before)
    elif field.shape is Shape.STRUCT:
        leaves = _mergeable(drift, field, merge_patch(before, after))
        # Not documented: that an empty Struct at the root of a merge clears it, as one inside a Struct does, and
        # that a number serves as the `id` by which lists merge.
        if leaves and not _has_numeric_ids(leaves):
            yield patch("merge", leaves)
        if _unsendable(drift, field):
            if removals := removal_patch(before, after):
                yield patch("remove", removals)
            return
        whole = Entry(key=key, values=_whole(drift, field, lookup(_overwriting(drift), field.path)))
        yield Patch(rpc=PATCH_RPCS[key.kind], action="overwrite", entry=whole)
    else:
        value = document_from_field(field, after)
        yield patch("merge", value)
        yield patch("overwrite", value)


def _in_two_steps(drift: Drift, field: FieldSpec) -> list[Patch]:
    """Two patches for a Struct, the first to set values and the second to remove keys; none if that isn't safe."""
    before, after = lookup(drift.before, field.path), lookup(drift.after, field.path)
    if field.shape is not Shape.STRUCT:
        return []
    between = _with_removed_keys(before, after)
    first = _first_safe(replace(drift, after=with_value(drift.after, field.path, between)), field)
    # The second is proven on the document that the first leaves behind. `before` only says which keys to remove.
    second = _first_safe(replace(drift, document=with_value(drift.document, field.path, between)), field)
    return [] if first is None or second is None else [first, second]


def removal_patch(before: Any, after: Any) -> dict[str, Any]:
    """The keys of `before` that `after` lacks, in the form for `remove`: true for each, nested as they are."""
    before, after = (value.reveal() if isinstance(value, Sensitive) else value for value in (before, after))
    patch: dict[str, Any] = {}
    if not is_mapping(before) or not is_mapping(after):
        return patch
    for name, value in before.items():
        inner = True if name not in after else removal_patch(value, after[name])
        if inner:
            patch[name] = inner
    return patch


def _with_removed_keys(before: Any, after: Any) -> Any:
    """`after` together with the keys that only `before` has."""
    if not is_mapping(before) or not is_mapping(after):
        return after
    kept = {name: value for name, value in before.items() if name not in after}
    return {**kept, **{name: _with_removed_keys(before.get(name), value) for name, value in after.items()}}


def _values_in(drift: Drift, field: FieldSpec) -> Iterator[tuple[FieldPath, Unreadable]]:
    return ((path, value) for path, value in drift.unreadable.items() if path[: len(field.path)] == field.path)


def _unsendable(drift: Drift, field: FieldSpec) -> list[FieldPath]:
    """The values in a Struct that can't be read back, and that an overwrite of the Struct could therefore destroy."""
    return [path for path, value in _values_in(drift, field) if not (value.is_whole or value.is_empty)]


def _mergeable(drift: Drift, field: FieldSpec, leaves: dict[str, Any]) -> dict[str, Any] | None:
    """The leaves of a merge, in which values that can't be read back are as stated; None where one isn't stated."""
    for path, value in _values_in(drift, field):
        inner = path[len(field.path) :]
        if lookup(leaves, inner) is not MISSING:
            if value.stated is MISSING:
                return None
            leaves = with_value(leaves, inner, value.stated)
    return leaves


def _overwriting(drift: Drift) -> Mapping[str, Any]:
    """The desired spec as an overwrite sends it: values that can't be read back are as stated, not as the service shows them."""
    after = drift.after
    for path, value in drift.unreadable.items():
        if value.is_whole and lookup(after, path) is not MISSING:
            after = with_value(after, path, value.stated)
    return after


def _whole(drift: Drift, field: FieldSpec, after: Any) -> dict[str, Any]:
    """A Struct for overwrite; inside a message (output_info), with the message's live fields around it."""
    if len(field.path) == 1:
        return {field.path[0]: after}
    parent, name = field.path
    live = lookup(drift.document, (parent,))
    kept = {} if live is MISSING else {n: v for n, v in live.items() if n not in SERVER_OWNED_IN_OUTPUT_INFO}
    return {parent: {**kept, name: after}}


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves of `after` that differ from `before`, nested as they are; a changed list of objects with ids by item."""
    patch: dict[str, Any] = {}
    for name, value in after.items():
        stored = before.get(name, MISSING)
        if equal(stored, value):
            continue
        if is_mapping(stored) and is_mapping(value):
            patch[name] = merge_patch(stored, value)
        elif isinstance(stored, list) and isinstance(value, list):
            patch[name] = _list_patch(stored, value)
        else:
            patch[name] = value
    return patch


def _list_patch(before: list[Any], after: list[Any]) -> list[Any]:
    keyed_before, keyed_after = keyed_by_id(before), keyed_by_id(after)
    if keyed_before is None or keyed_after is None:
        return after
    return [
        {"id": name, **merge_patch(keyed_before[name], item)} if name in keyed_before else item
        for name, item in keyed_after.items()
        if name not in keyed_before or not equal(keyed_before[name], item)
    ]


def _has_numeric_ids(value: Any) -> bool:
    if is_mapping(value):
        return any(map(_has_numeric_ids, value.values()))
    if not isinstance(value, list):
        return False
    return any(isinstance(item, Mapping) and isinstance(item.get("id"), (int, float)) for item in value) or any(
        map(_has_numeric_ids, value)
    )


# --- the proof ----------------------------------------------------------------------------------------------


def unproven_variants(drift: Drift, patch: Patch) -> tuple[Variant, ...] | None:
    """The variants in which a patch doesn't reach the desired values, without doing harm; None if it does harm in any.

    Harm means that an unmanaged value changes, that a managed one becomes neither the desired value nor the one before, or that
    a second sending results in another state than the first.
    """
    before = _touched(drift.document, patch)
    entry = revealed(patch.entry.values)
    desired = before
    spec = _overwriting(drift) if patch.action == "overwrite" else drift.after
    for field in patch.entry.fields:
        after = revealed(lookup(spec, field.path))
        desired = with_value(desired, field.path, MISSING if after is MISSING else document_from_field(field, after))
    missed: list[Variant] = []
    for variant, alike in distinct_variants(entry, action=patch.action).items():
        once = patched(before, entry, action=patch.action, variant=variant)
        if not _same(patched(once, entry, action=patch.action, variant=variant), once):
            return None
        if not _same(once, desired):
            if not _same(_without_leftovers(once, before, desired), desired):
                return None
            missed.extend(alike)
    return tuple(sorted(missed, key=VARIANTS.index))


def _touched(document: Mapping[str, Any], patch: Patch) -> dict[str, Any]:
    """The part of a document that a patch names, because no action changes the rest of a resource."""
    return {name: revealed(_settable(name, document[name])) for name in patch.entry.values if name in document}


def _settable(name: str, value: Any) -> Any:
    """The value of a field without what is the service's own, such as the copies of an image that it hosts."""
    if name == "image" and is_mapping(value):
        return {n: v for n, v in value.items() if n == "url"}
    if name == "output_info" and is_mapping(value):
        return {n: v for n, v in value.items() if n not in SERVER_OWNED_IN_OUTPUT_INFO}
    return value


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one is other or equal(_normal(one), _normal(other))


def _normal(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document in a form without differences that mean nothing to the service: tag order, and empty or absent fields."""
    return {
        name: sorted(value) if name in TAG_FIELDS else value
        for name, value in document.items()
        if value not in ({}, [])
    }


def _without_leftovers(
    once: Mapping[str, Any], before: Mapping[str, Any], desired: Mapping[str, Any]
) -> dict[str, Any]:
    """`once` without the mapping keys that were there before, aren't desired, and stayed as they were."""
    kept: dict[str, Any] = {}
    for name, value in once.items():
        was, want = before.get(name, MISSING), desired.get(name, MISSING)
        if want is MISSING and equal(was, value):
            continue
        is_nested = all(map(is_mapping, (value, was, want)))
        kept[name] = _without_leftovers(value, was, want) if is_nested else value
    return kept


# --- from patches to requests ---------------------------------------------------------------------------------


def _joined(patches: list[Patch]) -> list[Patch]:
    """One patch per call: those of the same RPC and action are merged, and plain values join an overwrite if there is one."""
    if len(patches) < 2:
        return patches
    overwriting = any(p.action == "overwrite" and p.rpc in PATCH_RPCS.values() for p in patches)
    stays = any(p.action == "merge" and p.entry.fields[0].shape in (Shape.STRUCT, Shape.IMAGE) for p in patches)
    groups: dict[tuple[str, str], list[Patch]] = defaultdict(list)
    for patch in patches:
        moves = patch.action == "merge" and overwriting and not stays
        groups[patch.rpc, "overwrite" if moves else patch.action].append(patch)
    return [_united(rpc, action, group) for (rpc, action), group in groups.items()]


def _united(rpc: str, action: str, group: list[Patch]) -> Patch:
    values: dict[str, Any] = {}
    for patch in group:
        values.update(patch.entry.values)
    return Patch(
        rpc=rpc,
        action=action,
        entry=Entry(key=group[0].entry.key, values=values),
        unproven=tuple(dict.fromkeys(variant for patch in group for variant in patch.unproven)),
    )


_ACTION_ORDER = {"merge": 0, "overwrite": 1, "remove": 2}


def _requests(patches: list[Patch], batch: int) -> Iterator[Request]:
    """Models before versions; merge, overwrite, then remove; and by key, so that the same drifts always give the same plan."""
    groups: dict[tuple[Any, ...], list[Patch]] = defaultdict(list)
    for patch in patches:
        groups[_group(patch)].append(patch)
    for group in sorted(groups):
        members = sorted(groups[group], key=lambda patch: patch.entry.key)
        first = members[0]
        for entries in _batches([patch.entry for patch in members], batch):
            yield Request(rpc=first.rpc, action=first.action, scope=first.entry.key.scope, entries=entries)


def _group(patch: Patch) -> tuple[Any, ...]:
    """What can share a request: one app, RPC and action, versions of one model only, and tag calls and removals alone."""
    key = patch.entry.key
    takes_one = RPCS[patch.rpc].entries is None
    model = key.model() if key.kind is Kind.MODEL_VERSION else None
    apart = key if takes_one or patch.action == "remove" else model
    return (key.scope, key.kind.value, takes_one, patch.rpc, _ACTION_ORDER[patch.action], apart)


def deletion_requests(keys: Iterable[Key], *, batch: int) -> Iterator[Request]:
    """The requests that delete `keys`, versions first; at most `batch` models in each, and never `delete_all`.

    service.proto has no call that deletes several versions.
    """
    ordered = sorted(keys)
    for key in ordered:
        if key.kind is Kind.MODEL_VERSION:
            yield Request(rpc="DeleteModelVersion", action=None, scope=key.scope, entries=(Entry(key=key),))
    models = (key for key in ordered if key.kind is Kind.MODEL)
    for scope, group in groupby(models, key=lambda key: key.scope):
        for entries in _batches([Entry(key=key) for key in group], batch):
            yield Request(rpc="DeleteModels", action=None, scope=scope, entries=entries)


def _batches(entries: list[Entry], size: int) -> Iterator[tuple[Entry, ...]]:
    return (tuple(entries[start : start + size]) for start in range(0, len(entries), size))
