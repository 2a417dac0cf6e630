"""Numbers that a service rounds to the grid of a model type's range: when a live value is the stated one.

In: matches of manifests with live versions, and desired specs. Out: the same matches, in which a stated number that live has within
the tolerance is the live number, so that it is not drift; and for a number that is to be sent, the tolerance within which the
value that is read back counts as that number. The tolerance is that of the check (`Range.tolerance`): whatever
the check takes for a point of the grid, the comparison takes for the same point. Numbers without a grid are compared exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.compare.in_sync import is_held
from reconciler.compare.match import Match, is_about_params
from reconciler.compare.params.fields import PARAMS, Declared, ParamField, fields_for
from reconciler.resources.canonical import equal, is_within
from reconciler.resources.desired import DesiredVersion
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import Document
from reconciler.resources.tree import MISSING, FieldPath, lookup, with_value


def settled(matches: Iterable[Match], types: Mapping[str, Document]) -> tuple[Match, ...]:
    """The matches, with each stated number that live has within the tolerance of its grid as it is live."""
    return tuple(_settled_match(match, types) for match in matches) if types else tuple(matches)


def _settled_match(match: Match, types: Mapping[str, Document]) -> Match:
    changed: dict[Key, tuple[DesiredVersion, ...]] = {}
    for key, entries in match.versions.items():
        if any(map(is_about_params, entries)):
            found = tuple(_settled_entry(entry, key, match, types) for entry in entries)
            if any(one is not other for one, other in zip(found, entries, strict=True)):
                changed[key] = found
    return replace(match, versions={**match.versions, **changed}) if changed else match


def _settled_entry(entry: DesiredVersion, key: Key, match: Match, types: Mapping[str, Document]) -> DesiredVersion:
    document = match.observed.versions_by_id[key.version_id].document
    stated, params, live_params = entry.stated, lookup(entry.stated, PARAMS), lookup(document, PARAMS)
    if not isinstance(params, Mapping) or not isinstance(live_params, Mapping):
        return entry
    names = [name for name, value in params.items() if name in live_params and not is_held(live_params[name], value)]
    if not names:  # in sync as it is, like most of a fleet
        return entry
    model_type = types.get(match.observed.model_type_id)
    for path, value, fields in _declared(names, params, document, model_type):
        live = lookup(live_params, path[len(PARAMS) :])
        if equal(live, value) or not is_within(live, value, max(field.step for field in fields)):
            continue  # no tolerance is as wide as a step
        if is_within(live, value, _tolerance(fields, value)):
            stated = with_value(stated, path, live)
    return entry if stated is entry.stated else replace(entry, stated=stated)


def tolerances(
    key: Key,
    document: Document,
    after: Mapping[str, Any],
    paths: Collection[FieldPath],
    *,
    model_type_of: Callable[[Key], Document | None],
) -> dict[FieldPath, float]:
    """The tolerance of each number at one of the paths of a version that stands on a grid. `after` is the desired spec."""
    names = {path[len(PARAMS)] for path in paths if path[: len(PARAMS)] == PARAMS and len(path) > len(PARAMS)}
    if key.kind is not Kind.MODEL_VERSION or not names:
        return {}
    return {
        path: tolerance
        for path, value, fields in _declared(names, lookup(after, PARAMS), document, model_type_of(key))
        if path in paths and (tolerance := _tolerance(fields, value))
    }


def _declared(
    names: Collection[str], params: Any, document: Document, model_type: Document | None
) -> Iterator[tuple[FieldPath, Any, tuple[ParamField, ...]]]:
    """What of the params of these names is declared: path in the spec, value, and the fields that declare it."""
    if not isinstance(params, Mapping):
        return
    live = lookup(document, PARAMS)
    chosen = {**(live if isinstance(live, Mapping) else {}), **params}
    declared: Declared = fields_for(model_type, document).chosen(chosen)
    for path, fields in declared.items():
        if path[len(PARAMS)] in names and (value := lookup(params, path[len(PARAMS) :])) is not MISSING:
            yield path, value, fields


def _tolerance(fields: Iterable[ParamField], value: Any) -> float:
    """How far a live number may be from this one; 0 where there is no grid, or the number isn't on it."""
    return min((found for field in fields if (found := field.tolerance(value))), default=0.0)
