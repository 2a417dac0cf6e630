"""Stated params against what the service's own model types say about them.

In: what manifests state below output_info.params, the model types, and the live versions where there are any. Out: problems
for what is certainly wrong, warnings for what probably is. Never guesses: an error about a manifest that the service would
take is worse than a missed one, which the service still refuses. So

- a param that the live version has is never an error, because the service itself adds params that no type declares;
- a value that equals the live one is never an error, whatever the type says, so an exported manifest is always valid;
- a path declared more than once (the options of an enum may each bring their own) is wrong only if wrong for each;
- what an enum's option brings counts only where that option is known to be chosen;
- a version's params_specs replace the type's field of the same path (resources.proto, OutputInfo.params_specs).

Offline there is no live state, and a manifest doesn't state its model's type. A value is checked against every type that declares
the param, and is wrong if none of them allows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.compare.desired_spec import merged
from reconciler.compare.in_sync import is_held
from reconciler.compare.match import Match
from reconciler.compare.params.fields import (
    PARAMS,
    Declared,
    FieldSet,
    ParamField,
    ParamFields,
    fields_for,
    sensitive_params,
    types_from_snapshot,
)
from reconciler.compare.params.of_defaults import UNDECLARED, OfDefaults
from reconciler.compare.params.values import Complaint, complaint_about
from reconciler.errors import Origin, Problem, ProblemList
from reconciler.loading.nodes import json_pointer
from reconciler.resources.canonical import equal
from reconciler.resources.desired import Desired, DesiredVersion, Removal
from reconciler.resources.fields import Action
from reconciler.resources.observed import Document
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_text
from reconciler.resources.wording import listed, nearest, quoted

__all__ = [
    "Findings",
    "check",
    "check_offline",
    "fields_for",
    "findings",
    "problems_with_params",
    "sensitive_params",
    "types_from_snapshot",
    "unknown_params",
]

_LISTED = 8
"""Declared params that a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What is wrong, and what probably is; each once, in the order of files and lines."""

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


# --- one entry against one version --------------------------------------------------------------------------


def problems_with_params(
    stated: Mapping[str, Any] | None,
    *,
    live: Mapping[str, Any],
    fields: ParamFields,
    origins: Mapping[FieldPath, Origin],
    pointer: str = "",
    action: Action = Action.MERGE,
    removals: Iterable[Removal] = (),
) -> tuple[Problem, ...]:
    """What is wrong with the params that one entry states and removes.

    `stated` is what stands below output_info.params, None where the entry states no params; `live` are the version's
    params, {} where unknown. `origins` are by path from the version down, () for the entry; `pointer` is the entry's.
    """
    place = _Place(origins=origins, pointer=pointer)
    overwritten = stated is not None and action is Action.OVERWRITE
    params = (stated or {}) if overwritten else {**live, **(stated or {})}
    declared = fields.chosen(params)
    problems = _problems_with_values(stated or {}, live, declared, sensitive_params(fields), action, place)
    removals = tuple(removals)
    is_missing_any = stated is not None and overwritten and not equal(stated, live)
    if not removals and not is_missing_any:
        return tuple(problems)
    required = [path for path, same in declared.items() if all(field.is_required for field in same)]
    problems.extend(_removed_though_required(removals, required, pointer))
    if stated is not None and is_missing_any:
        problems.extend(
            Problem(
                code="param-required",
                message=f"{path_text(path)} is required, and this overwrite leaves the version without it.",
                origin=place.of(PARAMS),
                pointer=place.pointer_to(PARAMS),
                hint="State it too, or write action: merge.",
            )
            for path in required
            if lookup(stated, path[len(PARAMS) :]) is MISSING
        )
    return tuple(problems)


def unknown_params(
    stated: Mapping[str, Any],
    *,
    live: Mapping[str, Any],
    fields: ParamFields,
    type_id: str,
    origins: Mapping[FieldPath, Origin],
    pointer: str = "",
) -> tuple[Problem, ...]:
    """A problem for each param that the model's type doesn't declare and the version doesn't have.

    What an option of an enum brings is declared, chosen or not. Where the type declares no fields at all, nothing can be said
    about any of them: then it is one problem, "undeclared-params".
    """
    place = _Place(origins=origins, pointer=pointer)
    declared = fields.names
    unknown = [name for name in stated if name not in declared and name not in live]
    if unknown and not declared:
        path = (*PARAMS, unknown[0])
        what = f"model type {quoted(type_id)} declares no fields, so the names of its params can't be checked."
        return (Problem(code="undeclared-params", message=what, origin=place.of(path), pointer=place.pointer_to(path)),)
    problems = []
    for name in unknown:
        path, near = (*PARAMS, name), nearest(name, declared - stated.keys())
        meant = f" Did you mean {near}?" if near else f" It declares {listed(sorted(declared)[:_LISTED])}."
        problems.append(
            Problem(
                code="unknown-param",
                message=f"{path_text(path)} is not declared by model type {quoted(type_id)}.{meant}",
                origin=place.of(path),
                pointer=place.pointer_to(path),
                hint="If it is right all the same, say --allow-unknown-params.",
            )
        )
    return tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an entry's values stand."""

    origins: Mapping[FieldPath, Origin]
    pointer: str

    def of(self, path: FieldPath) -> Origin:
        """The place of the innermost statement at or above a path."""
        above = (self.origins.get(path[:end]) for end in range(len(path), -1, -1))
        return next(origin for origin in above if origin is not None)

    def pointer_to(self, path: FieldPath) -> str:
        """The JSON pointer of a path of the entry."""
        return self.pointer + json_pointer(path)


def _problems_with_values(
    stated: Mapping[str, Any],
    live: Mapping[str, Any],
    declared: Declared,
    secrets: frozenset[str],
    action: Action,
    place: _Place,
) -> list[Problem]:
    problems = []
    for path, same in declared.items():
        if path[len(PARAMS)] not in stated:
            continue
        inner = path[len(PARAMS) :]
        value, before = lookup(stated, inner), lookup(live, inner)
        if value is MISSING or _leaves(before, value, action):
            continue
        complaint = _shared_complaint(same, value, is_secret=inner[0] in secrets)
        if complaint is not None:
            problems.append(
                Problem(
                    code=complaint.code,
                    message=f"{path_text(path)}: {complaint.text}.",
                    origin=place.of(path),
                    pointer=place.pointer_to(path),
                    hint=complaint.hint,
                )
            )
    return problems


def _leaves(before: Any, value: Any, action: Action) -> bool:
    """Whether stating `value` leaves what is live as it is."""
    if before is MISSING:
        return False
    return (
        is_held(before, value) or equal(before, merged(before, value))
        if action is Action.MERGE
        else equal(before, value)
    )


def _shared_complaint(same: tuple[ParamField, ...], value: Any, *, is_secret: bool) -> Complaint | None:
    """What is wrong with a value by every one of the fields; None where any allows it."""
    complaints: dict[str, Complaint] = {}
    for field in same:
        complaint = complaint_about(field, value, is_secret=is_secret)
        if complaint is None:
            return None
        hint = f"{complaint.hint} {field.source}" if complaint.hint else field.source
        complaints.setdefault(complaint.text, Complaint(code=complaint.code, text=complaint.text, hint=hint))
    first = next(iter(complaints.values()))
    more = "" if len(complaints) == 1 else "; no other type or option that has this param allows it either"
    return Complaint(code=first.code, text=first.text + more, hint=first.hint)


def _removed_though_required(removals: Iterable[Removal], required: list[FieldPath], pointer: str) -> Iterator[Problem]:
    for removal in removals:
        for path in required:
            if path[: len(removal.path)] == removal.path:
                yield Problem(
                    code="param-required",
                    message=f"{path_text(path)} is required, so it can't be removed.",
                    origin=removal.origin,
                    pointer=f"{pointer}/remove/params",
                    hint="Take it out of `remove`.",
                )


# --- all entries --------------------------------------------------------------------------------------------


def check(matches: Iterable[Match], types: Mapping[str, Document]) -> tuple[Problem, ...]:
    """What is wrong with the params of every entry, by the model's type and each selected version's params_specs."""
    return findings(matches, types).problems


def findings(matches: Iterable[Match], types: Mapping[str, Document], *, allows_unknown: bool = False) -> Findings:
    """The same as `check`, and the warnings. Unless it `allows_unknown` params, they are problems."""
    problems, warnings = ProblemList(), ProblemList()
    undeclared: dict[str, Problem] = {}
    of_defaults = OfDefaults()
    for match in matches:
        type_id = match.observed.model_type_id
        model_type = types.get(type_id)
        for key, entries in match.versions.items():
            fields: ParamFields | None = None
            for entry in entries:
                if not _is_about_params(entry):
                    continue
                document = match.observed.versions_by_id[key.version_id].document
                live = lookup(document, PARAMS)
                if _is_held(entry, live):
                    continue
                fields = fields or fields_for(model_type, document)
                found = _entry_findings(entry, live, fields, type_id)
                if entry.default is not None:
                    left = of_defaults.take(match.desired.key, problems=found.problems, unknown=found.warnings)
                    found = Findings(warnings=left)
                problems.extend(found.problems)
                for each in found.warnings:
                    if each.code == UNDECLARED:
                        undeclared.setdefault(type_id, each)
                    else:
                        (warnings if allows_unknown else problems).extend((each,))
    warnings.extend(undeclared.values())
    (warnings if allows_unknown else problems).extend(of_defaults.unknown())
    problems.extend(of_defaults.wrong())
    return _once(problems, warnings)


def check_offline(desired: Desired, types: Mapping[str, Document]) -> tuple[Problem, ...]:
    """What is wrong with the params in manifests, as far as that shows without the live side.

    A manifest doesn't say its model's type, so a value is wrong where no type that has the param allows it.
    """
    problems = ProblemList()
    every = FieldSet(fields=tuple(field for each in types.values() for field in fields_for(each, None).by_type.fields))
    entries = [each.versions for each in desired.models] + [each.versions for each in desired.defaults]
    for versions in entries:
        for entry in versions:
            place = _Place(origins=entry.origins, pointer=f"/spec/versions/{entry.index}")
            stated = _mapping(lookup(entry.stated, PARAMS)) or {}
            problems.extend(_problems_with_values(stated, {}, every.anywhere, every.secrets, entry.action, place))
    return tuple(problems)


def _is_about_params(entry: DesiredVersion) -> bool:
    removed = any(removal.path[: len(PARAMS)] == PARAMS for removal in entry.removals)
    return removed or lookup(entry.stated, PARAMS) is not MISSING


def _is_held(entry: DesiredVersion, live: Any) -> bool:
    """Whether an entry leaves the live params as they are, as most entries do. That is never an error."""
    if entry.action is not Action.MERGE or entry.removals:
        return False
    stated = lookup(entry.stated, PARAMS)
    return isinstance(stated, Mapping) and is_held(live, stated)


def _entry_findings(entry: DesiredVersion, live: Any, fields: ParamFields, type_id: str) -> Findings:
    """The problems of one entry, and warnings about unknown params."""
    stated = _mapping(lookup(entry.stated, PARAMS))
    pointer = f"/spec/versions/{entry.index}"
    problems = problems_with_params(
        stated,
        live=_mapping(live) or {},
        fields=fields,
        origins=entry.origins,
        pointer=pointer,
        action=entry.action,
        removals=entry.removals,
    )
    unknown = unknown_params(
        stated or {},
        live=_mapping(live) or {},
        fields=fields,
        type_id=type_id,
        origins=entry.origins,
        pointer=pointer,
    )
    return Findings(problems=problems, warnings=unknown)


def _mapping(value: Any) -> Mapping[str, Any] | None:
    return value if isinstance(value, Mapping) else None


def _once(problems: ProblemList, warnings: ProblemList) -> Findings:
    return Findings(problems=tuple(dict.fromkeys(problems)), warnings=tuple(dict.fromkeys(warnings)))
