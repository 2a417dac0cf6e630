"""Models that only defaults manage are never candidates for deletion, never marked, and change in no unmanaged path."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.compare.diff import compared
from reconciler.compare.filling import with_defaults
from reconciler.compare.match import matches
from reconciler.errors import Origin
from reconciler.plan.guards import PruneRules, cap, model_candidates, version_candidates
from reconciler.resources.desired import Desired, DesiredModel, DesiredVersion, Fill, ModelDefaults, Selection, Selector
from reconciler.resources.fields import MARK, Action
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Observed, ObservedModel, ObservedVersion

PLACE = Origin(path="m.yaml")
APPS = (Scope("me", "pets"), Scope("me", "zoo"))
IDS = ("a", "b", "cls-a", "cls-b")
TYPES = ("classifier", "llm")
KEYS = [Key(*scope, model_id) for scope in APPS for model_id in IDS]


def model(key: Key, type_id: str, owner: str | None, versions: int) -> ObservedModel:
    metadata: dict[str, Any] = {} if owner is None else {"reconciler": {"owner": owner, "protect": False}}
    read = tuple(
        ObservedVersion(key=key.version(f"{number:032x}"), document={"id": f"{number:032x}", "output_info": {}})
        for number in range(versions)
    )
    return ObservedModel(
        key=key,
        document={"id": key.model_id, "metadata": metadata},
        model_type_id=type_id,
        latest=read[0] if read else None,
        versions=read,
        versions_complete=True,
    )


@st.composite
def fleets(draw: st.DrawFn) -> tuple[Desired, Observed]:
    """Live models with and without marks, manifests for some of them, and defaults of both scopes."""
    live = {
        key: model(
            key, draw(st.sampled_from(TYPES)), draw(st.sampled_from([None, "us", "them"])), draw(st.integers(0, 3))
        )
        for key in KEYS
    }
    stated = draw(st.sets(st.sampled_from(KEYS), min_size=1))
    manifests = tuple(
        DesiredModel(key=key, action=Action.MERGE, stated={"name": "x"}, origin=PLACE) for key in sorted(stated)
    )
    defaults = []
    for number in range(draw(st.integers(1, 2))):
        select = Selection(
            ids=draw(st.sampled_from([(), ("*",), ("cls-*",), ("a", "b")])),
            model_type_ids=draw(st.sampled_from([(), ("classifier",), TYPES])),
            origin=PLACE,
        )
        protect, retain = draw(st.none() | st.booleans()), draw(st.sampled_from([None, 1]))
        fill = Fill(
            name=f"d{number}",
            action=draw(st.sampled_from(list(Action))),
            stated={"metadata": {f"tier{number}": "gold"}},
            protect=protect if number == 0 else None,
            retain_versions=retain if number == 0 else None,
            origin=PLACE,
        )
        version = DesiredVersion(
            selector=Selector(select="latest"),
            action=Action.MERGE,
            stated={"output_info": {"params": {f"p{number}": 1}}},
            origins={(): PLACE},
            default=fill.name,
        )
        defaults.append(
            ModelDefaults(
                name=fill.name,
                scope=draw(st.sampled_from(APPS)),
                select=select,
                is_live=draw(st.booleans()),
                model=Fill(
                    name=fill.name,
                    action=Action.MERGE,
                    stated=fill.stated,
                    protect=fill.protect,
                    retain_versions=fill.retain_versions,
                    origin=PLACE,
                ),
                versions=(version,),
                origin=PLACE,
            )
        )
    listed = frozenset(draw(st.sets(st.sampled_from(APPS))))
    return Desired(models=manifests, defaults=tuple(defaults)), Observed(models=live, listed=listed)


@given(fleet=fleets(), whole_app=st.booleans())
def test_never_a_deletion_never_a_mark(fleet: tuple[Desired, Observed], *, whole_app: bool) -> None:
    desired, observed = fleet
    filled = with_defaults(desired, observed)
    without = {model.key for model in filled.models if not model.has_manifest}
    rules = PruneRules(owner="us", whole_app=whole_app, max_count=5, max_percent=50)
    found = matches(filled, observed)
    candidates = {
        candidate.key.model()
        for candidate in (*model_candidates(filled, observed, rules), *version_candidates(found, owner="us"))
    }
    assert not candidates & without
    plain = {candidate.key for candidate in model_candidates(desired, observed, rules)}
    assert {candidate.key for candidate in model_candidates(filled, observed, rules)} == plain - without, (
        "nothing else is spared"
    )
    assert cap(filled, observed, rules) <= cap(desired, observed, rules), "defaults never allow more deletions"
    changed = compared(found, owner="us").drifts
    assert not [
        drift.key for drift in changed if drift.key in without and any(each.path[:2] == MARK for each in drift.changes)
    ]
    for drift in changed:
        if drift.key.model() in without:
            assert all(
                (each.path[0] == "metadata" and each.path[1].startswith("tier"))
                or each.path[:2] == ("output_info", "params")
                for each in drift.changes
            )


@given(fleet=fleets())
def test_only_live_defaults_reach_models_without_a_manifest(fleet: tuple[Desired, Observed]) -> None:
    desired, observed = fleet
    filled = with_defaults(desired, observed)
    live = {default.scope for default in desired.defaults if default.is_live}
    assert {model.key for model in desired.models} <= {model.key for model in filled.models}
    assert {model.key.scope for model in filled.models if not model.has_manifest} <= live
    assert list(filled.models) == sorted(filled.models, key=lambda each: each.key)
