"""Numbers that a service rounds to the grid of a model type's range: when a live value is the stated one.

In: matches of manifests with live versions, and drifts. Out: the same matches, in which a stated number that live has within
the tolerance is the live number, so that it is not drift; and the same drifts, whose changes carry the tolerance within which
the value that is read back counts as the one that was sent. The tolerance is that of the check (`Range.tolerance`): whatever
the check takes for a point of the grid, the comparison takes for the same point. Numbers without a grid are compared exactly.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.compare.in_sync import is_held
from reconciler.compare.match import Match, is_about_params
from reconciler.compare.params.fields import PARAMS, Declared, ParamField, fields_for
from reconciler.compare.params.ranges import decimal_from
from reconciler.compare.results import Drift, FieldChange
from reconciler.resources.canonical import equal, is_within
from reconciler.resources.desired import DesiredVersion
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import Document
from reconciler.resources.tree import MISSING, FieldPath, lookup, with_value


def settled(matches: Iterable[Match], types: Mapping[str, Document]) -> tuple[Match, ...]:
    """The matches, with each stated number that live has within the tolerance of its grid as it is live."""
    return tuple(_settled_match(match, types) for match in matches) if types else tuple(matches)


def _settled_match(match: Match, types: Mapping[str, Document]) -> Match:
    versions = {
        key: tuple(_settled_entry(entry, key, match, types) if is_about_params(entry) else entry for entry in entries)
        for key, entries in match.versions.items()
    }
    is_same = all(
        one is other
        for key, entries in versions.items()
        for one, other in zip(entries, match.versions[key], strict=True)
    )
    return match if is_same else replace(match, versions=versions)


def _settled_entry(entry: DesiredVersion, key: Key, match: Match, types: Mapping[str, Document]) -> DesiredVersion:
    document = match.observed.versions_by_id[key.version_id].document
    stated = entry.stated
    if is_held(lookup(document, PARAMS), lookup(stated, PARAMS)):
        return entry  # in sync as it is, like most of a fleet
    names: Collection[str] = lookup(stated, PARAMS) if isinstance(lookup(stated, PARAMS), Mapping) else ()
    for path, value, tolerance in _on_grids(names, stated, document, types.get(match.observed.model_type_id)):
        live = lookup(document, path)
        if not equal(live, value) and is_within(live, value, tolerance):
            stated = with_value(stated, path, live)
    return entry if stated is entry.stated else replace(entry, stated=stated)


def with_tolerances(
    drifts: Iterable[Drift], matches: Iterable[Match], types: Mapping[str, Document]
) -> tuple[Drift, ...]:
    """The drifts, with the tolerance of each number that stands on a grid."""
    if not types:
        return tuple(drifts)
    type_ids = {match.desired.key: match.observed.model_type_id for match in matches}
    return tuple(_with_tolerances(drift, types.get(type_ids[drift.key.model()])) for drift in drifts)


def _with_tolerances(drift: Drift, model_type: Document | None) -> Drift:
    names = {
        item.path[len(PARAMS)] for item in drift.changes if item.path[:2] == PARAMS and len(item.path) > len(PARAMS)
    }
    if drift.key.kind is not Kind.MODEL_VERSION or not names:
        return drift
    found = {path: tolerance for path, _, tolerance in _on_grids(names, drift.after, drift.document, model_type)}
    if not found:
        return drift

    def tolerant(item: FieldChange) -> FieldChange:
        return replace(item, tolerance=found[item.path]) if item.path in found else item

    return replace(drift, changes=tuple(map(tolerant, drift.changes)))


def _on_grids(
    names: Collection[str], spec: Mapping[str, Any], document: Document, model_type: Document | None
) -> Iterator[tuple[FieldPath, Any, float]]:
    """What stands on the grid of a range in the params of these names: path, number, and tolerance."""
    params, live = lookup(spec, PARAMS), lookup(document, PARAMS)
    if not isinstance(params, Mapping):
        return
    chosen = {**(live if isinstance(live, Mapping) else {}), **params}
    declared: Declared = fields_for(model_type, document).chosen(chosen)
    for path, same in declared.items():
        value = lookup(spec, path) if path[len(PARAMS)] in names else MISSING
        tolerances = [] if value is MISSING else [found for field in same if (found := _tolerance(field, value))]
        if tolerances:
            yield path, value, min(tolerances)


def _tolerance(field: ParamField, value: Any) -> float:
    """How far a live number may be from this one; 0 where there is no grid, or the number isn't on it."""
    allowed = field.range
    number = None if allowed is None or allowed.step is None else decimal_from(value)
    return 0.0 if allowed is None or number is None or not allowed.allows(number) else float(allowed.tolerance(number))
