"""The params that a plan leads to, as the params of one prediction: what an override can say of them, and what it can't.

Takes the drifts of a plan and the model types. Returns, for each version whose params change, an Override or the reason why there
is none. An Override has all the params that the version will have, so it means the same whether the service merges the params of
a call into those of the version or predicts with them alone. It never has a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.compare.match import Match
from reconciler.compare.params.fields import fields_for
from reconciler.compare.results import Drift
from reconciler.resources.keys import Key
from reconciler.resources.observed import Document
from reconciler.resources.prediction import Override, Prediction
from reconciler.resources.secrets import PARAMS, holds_sensitive
from reconciler.resources.tree import MISSING, lookup, path_text

MIN_VALUE: Final = "min_value"
MAX_CONCEPTS: Final = "max_concepts"
SELECT_CONCEPTS: Final = "select_concepts"
DEFAULT_MAX_CONCEPTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOverride:
    """A version whose params change. `before` and `after` are its params without secrets.

    `override` is None where no override means what the plan does; `reason` says why. `changed` are the names of the params that
    change. `left_out` are secrets that the version has, which no override contains. `unit` is what min_value counts as 1.
    """

    key: Key
    override: Override | None = None
    reason: str = ""
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    changed: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    unit: float = 1


def planned_overrides(
    drifts: Iterable[Drift], found: Iterable[Match], types: Mapping[str, Document]
) -> tuple[PlannedOverride, ...]:
    """The versions whose params the drifts change, in their order."""
    models = {match.desired.key: match.observed for match in found}
    planned = []
    for drift in drifts:
        changes = [item for item in drift.changes if item.path[: len(PARAMS)] == PARAMS]
        if not drift.key.version_id or not changes:
            continue
        type_id = models[drift.key.model()].model_type_id
        planned.append(_planned(drift, unit=_unit(types.get(type_id), drift)))
    return tuple(planned)


def _unit(model_type: Document | None, drift: Drift) -> float:
    """What a version's min_value counts as 1: 100 where its range goes beyond 1, as that of most model types does.

    ("Manage Models": 0 to 1 for embedding-classifiers, 0 to 100 for most of the other model types.)
    """
    declared = fields_for(model_type, drift.document).chosen(_params(drift.after)).get((*PARAMS, MIN_VALUE), ())
    return 100 if any(_above_one(lookup(field.document, ("model_type_range_info", "max"))) for field in declared) else 1


def _above_one(value: Any) -> bool:
    return isinstance(value, (int, float)) and value > 1


def _params(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    found = lookup(spec, PARAMS)
    return found if isinstance(found, Mapping) else {}


def _planned(drift: Drift, *, unit: float) -> PlannedOverride:
    before, after = _params(drift.before), _params(drift.after)
    secret = {name for side in (before, after) for name, value in side.items() if holds_sensitive(value)}
    values = {name: value for name, value in after.items() if name not in secret}
    changes = [item for item in drift.changes if item.path[: len(PARAMS)] == PARAMS]
    stated = {str(name) for statement in drift.statements for name in _params(statement.stated)}
    stated |= {str(item.path[len(PARAMS)]) for item in changes if len(item.path) > len(PARAMS)}
    removed = [path_text(item.path) for item in changes if item.after is MISSING]
    reason = ""
    if stated & secret:
        reason = (
            f"a secret is never sent with a prediction, and its manifest states {', '.join(sorted(stated & secret))}"
        )
    elif removed:
        reason = f"the params of a call can't leave one out, and the plan removes {', '.join(removed)}"
    return PlannedOverride(
        key=drift.key,
        override=None if reason else Override(params=values, output_config=_output_config(values, unit)),
        reason=reason,
        before={name: value for name, value in before.items() if name not in secret},
        after=values,
        changed=tuple(sorted({str(item.path[len(PARAMS)]) for item in changes if len(item.path) > len(PARAMS)})),
        left_out=tuple(sorted(secret)),
        unit=unit,
    )


def _output_config(params: Mapping[str, Any], unit: float) -> dict[str, Any]:
    """The params that OutputConfig has fields for, in its form; what it can't say is left to the params."""
    config: dict[str, Any] = {}
    low, most = _number(params, MIN_VALUE), _number(params, MAX_CONCEPTS)
    # OutputConfig takes 0 for "not set", and has probabilities where some model types have percentages.
    if low is not None and 0 < low <= 1 and unit == 1:
        config[MIN_VALUE] = low
    if most is not None and most >= 1 and float(most).is_integer():
        config[MAX_CONCEPTS] = int(most)
    concepts = list(_selected(params.get(SELECT_CONCEPTS)))
    if concepts:
        config[SELECT_CONCEPTS] = concepts
    return config


def _selected(value: Any) -> Iterator[dict[str, str]]:
    for item in value if isinstance(value, (list, tuple)) else ():
        if isinstance(item, str):
            yield {"id": item}
        elif isinstance(item, Mapping):
            named = {name: item[name] for name in ("id", "name") if isinstance(item.get(name), str)}
            if named:
                yield named


def _number(params: Mapping[str, Any], name: str) -> float | None:
    value = params.get(name)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


# --- whether a change shows in predictions -------------------------------------------------------------------


def could_matter(planned: PlannedOverride, before: Prediction) -> bool:
    """Whether the planned params, if a call takes them, could give another prediction than `before`.

    Exact for what a threshold, a selection and a maximum leave out; True for what they may add, and for every other param.
    """
    rules = {MIN_VALUE: _threshold_matters, MAX_CONCEPTS: _maximum_matters, SELECT_CONCEPTS: _selection_matters}
    return any(name not in rules or rules[name](planned, before) for name in planned.changed)


def _threshold_matters(planned: PlannedOverride, before: Prediction) -> bool:
    low, new = _number({MIN_VALUE: 0, **planned.before}, MIN_VALUE), _number({MIN_VALUE: 0, **planned.after}, MIN_VALUE)
    if low is None or new is None:
        return True
    if new > low:
        return any(concept.value < new / planned.unit for concept in before.concepts)
    return len(before.concepts) < _maximum(planned.after)


def _maximum_matters(planned: PlannedOverride, before: Prediction) -> bool:
    old, new = _maximum(planned.before), _maximum(planned.after)
    return len(before.concepts) > new if new < old else len(before.concepts) >= old


def _selection_matters(planned: PlannedOverride, before: Prediction) -> bool:
    old, new = _names(planned.before), _names(planned.after)
    if new and any(concept.id not in new for concept in before.concepts):
        return True
    return bool(old) and not (new and new <= old)


def _maximum(params: Mapping[str, Any]) -> float:
    value = _number(params, MAX_CONCEPTS)
    # 0 stands for the default (resources.proto, OutputConfig.max_concepts).
    return value if value is not None and value >= 1 else DEFAULT_MAX_CONCEPTS


def _names(params: Mapping[str, Any]) -> frozenset[str]:
    """The ids and names of the concepts that `select_concepts` has; empty where every concept is shown."""
    return frozenset(name for item in _selected(params.get(SELECT_CONCEPTS)) for name in item.values())
