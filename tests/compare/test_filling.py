"""What defaults fill in: laws over random statements, and the models that they select."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.compare.diff import spec_as_stated
from reconciler.compare.filling import conflicts, filled, reduced, unmanaged
from reconciler.errors import Origin
from reconciler.resources.canonical import equal, spec_from_document
from reconciler.resources.desired import DesiredModel, Fill, ModelDefaults, Removal, Selection
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key, Kind, Scope
from tests.property.values import DOCUMENTS, STATEMENTS

PLACE = Origin(path="m.yaml", line=1, column=1)
KEY = Key(user_id="me", app_id="pets", model_id="cat")
ACTIONS = st.sampled_from(list(Action))


def fill(stated: dict[str, Any], *, action: Action = Action.MERGE, removals: tuple[Removal, ...] = ()) -> Fill:
    return Fill(name="d", action=action, stated=stated, removals=removals, origin=PLACE)


def model(stated: dict[str, Any], *, action: Action = Action.MERGE, removals: tuple[Removal, ...] = ()) -> DesiredModel:
    return DesiredModel(key=KEY, action=action, stated=stated, removals=removals, origin=PLACE)


def gone(*path: str, item: str | None = None) -> Removal:
    return Removal(path=path, origin=PLACE, item=item)


def leaves(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    if not isinstance(value, dict) or not value:
        return {path: value}
    return {place: leaf for name, item in value.items() for place, leaf in leaves(item, (*path, name)).items()}


@pytest.mark.parametrize(
    ("default", "own", "left"),
    [
        ({"notes": "x"}, {"notes": "y"}, {}),
        ({"notes": "x"}, {"name": "y"}, {"notes": "x"}),
        ({"toolkits": ["a"]}, {"toolkits": ["b"]}, {}),
        ({"image": {"url": "a"}}, {"image": {"url": "b"}}, {}),
        ({"metadata": {"a": 1, "b": 2}}, {"metadata": {"b": 3}}, {"metadata": {"a": 1}}),
        ({"metadata": {"a": {"x": 1, "y": 2}}}, {"metadata": {"a": {"y": 3}}}, {"metadata": {"a": {"x": 1}}}),
        ({"metadata": {"a": {"x": 1}}}, {"metadata": {"a": 5}}, {}),
        ({"metadata": {"a": 5}}, {"metadata": {"a": {"x": 1}}}, {}),
        ({"metadata": {"a": [1]}}, {"metadata": {"a": [2]}}, {}),
        ({"metadata": {"a": 1}}, {"metadata": {}}, {"metadata": {"a": 1}}),
    ],
)
def test_a_path_that_the_manifest_states_is_the_manifests(
    default: dict[str, Any], own: dict[str, Any], left: dict[str, Any]
) -> None:
    assert reduced(fill(default), Kind.MODEL, [model(own)]).stated == left


def test_what_the_manifest_removes_or_overwrites_is_stated_too() -> None:
    stated = {"metadata": {"a": 1, "b": {"c": 1, "d": 2}}, "toolkits": ["x", "y"], "image": {"url": "u"}}
    removals = (gone("metadata", "b", "c"), gone("toolkits", item="x"), gone("image"))
    found = reduced(fill(stated), Kind.MODEL, [model({}, removals=removals)])
    assert found.stated == {"metadata": {"a": 1, "b": {"d": 2}}, "toolkits": ["y"]}
    exact = model({"metadata": {}}, action=Action.OVERWRITE)
    assert reduced(fill({"metadata": {"a": 1}}), Kind.MODEL, [exact]).stated == {}
    removing = fill({}, removals=(gone("metadata", "a"), gone("metadata", "z"), gone("toolkits", item="x")))
    own = model({"metadata": {"a": {"b": 1}}, "toolkits": ["x"]})
    assert reduced(removing, Kind.MODEL, [own]).removals == (gone("metadata", "z"),)


@pytest.mark.parametrize(
    ("default", "own", "left"),
    [
        # All that the default states is removed: it doesn't state an empty mapping instead.
        (fill({"metadata": {"a": 1}}), [model({}, removals=(gone("metadata", "a"),))], {}),
        (fill({"metadata": {"a": 1}}), [model({}, removals=(gone("metadata"),))], {}),
        (fill({"metadata": {"a": {"b": {"c": 1}}}}), [model({}, removals=(gone("metadata", "a", "b", "c"),))], {}),
        (
            fill({"metadata": {"a": {"b": {"c": 1}, "d": {}}}}),
            [model({}, removals=(gone("metadata", "a", "b", "c"),))],
            {"metadata": {"a": {"d": {}}}},
        ),
        (fill({"metadata": {"a": 1}}, action=Action.OVERWRITE), [model({}, removals=(gone("metadata"),))],
         {"metadata": {}}),
        # Under overwrite, the default names what the manifest states too, by whichever of its entries.
        (fill({"metadata": {"a": 1}}, action=Action.OVERWRITE), [model({"metadata": {"b": {"x": 1}, "a": 2}})],
         {"metadata": {"a": 2, "b": {"x": 1}}}),
        (fill({"metadata": {"a": 1}}, action=Action.OVERWRITE),
         [model({"metadata": {"a": 2}}), model({"metadata": {"a": 2, "b": {"x": 1}}})],
         {"metadata": {"a": 2, "b": {"x": 1}}}),
    ],
)  # fmt: skip
def test_nothing_that_the_manifest_removes_or_states_is_left_to_a_default(
    default: Fill, own: list[DesiredModel], left: dict[str, Any]
) -> None:
    assert reduced(default, Kind.MODEL, own).stated == left


@pytest.mark.parametrize(
    ("own", "is_left"),
    [
        ({"a": {"b": 1}}, False),
        ({"a": {"b": {"c": 1}}}, False),
        ({"a": 5}, False),
        ({"a": {"x": 1}}, True),
        ({"x": 1}, True),
    ],
)
def test_a_default_removes_nothing_where_the_manifest_states_the_path_or_a_value_above_it(
    own: dict[str, Any], *, is_left: bool
) -> None:
    removal = gone("metadata", "a", "b")
    found = reduced(fill({}, removals=(removal,)), Kind.MODEL, [model({"metadata": own})])
    assert found.removals == ((removal,) if is_left else ())


@given(data=st.data(), kind=st.sampled_from(list(Kind)))
def test_a_default_never_changes_what_the_manifest_states(data: st.DataObject, kind: Kind) -> None:
    before = spec_from_document(kind, data.draw(DOCUMENTS[kind]))
    own = model(data.draw(STATEMENTS[kind]), action=data.draw(ACTIONS))
    default = fill(data.draw(STATEMENTS[kind]), action=data.draw(ACTIONS))
    statements = (reduced(default, kind, [own]).statement, own.statement)
    after = spec_as_stated(kind, before, statements)
    assert equal(spec_as_stated(kind, after, (own.statement,)), after), "the manifest is in sync"
    assert equal(spec_as_stated(kind, after, statements), after), "a second plan is empty"


@given(data=st.data(), kind=st.sampled_from(list(Kind)))
def test_under_merge_each_leaf_is_either_the_manifests_or_filled(data: st.DataObject, kind: Kind) -> None:
    default, own = data.draw(STATEMENTS[kind]), data.draw(STATEMENTS[kind])
    left = reduced(fill(default), kind, [model(own)]).stated
    mine = leaves(own)
    filled_in = leaves(left) if left else {}
    for path, value in leaves(default).items() if default else ():
        touched = any(
            other[: len(path)] == path or (leaf != {} and path[: len(other)] == other) for other, leaf in mine.items()
        )
        if touched or value == {}:
            continue
        assert path in filled_in, path
        assert filled_in[path] == value
    assert not set(filled_in) & {path for path, leaf in mine.items() if leaf != {}}


@given(one=STATEMENTS[Kind.MODEL], other=STATEMENTS[Kind.MODEL])
def test_without_a_conflict_the_order_of_defaults_does_not_matter(one: dict[str, Any], other: dict[str, Any]) -> None:
    fills = [fill(one), fill(other)]
    if not list(conflicts(fills, KEY)):
        there, back = (
            spec_as_stated(Kind.MODEL, {}, [each.statement for each in order]) for order in (fills, fills[::-1])
        )
        for path, value in leaves(there).items() if there else ():
            mine = leaves(back)[path]
            assert set(mine) == set(value) if path[-1] in ("toolkits", "use_cases", "languages") else equal(mine, value)


@pytest.mark.parametrize(
    ("one", "other", "paths"),
    [
        (fill({"notes": "x"}), fill({"notes": "x"}), []),
        (fill({"notes": "x"}), fill({"notes": "y"}), [("notes",)]),
        (fill({"toolkits": ["a", "b"]}), fill({"toolkits": ["b", "a"]}), []),
        (fill({"toolkits": ["a"]}), fill({"toolkits": ["b"]}), [("toolkits",)]),
        (fill({"metadata": {"a": 1, "b": 20}}), fill({"metadata": {"b": 20.0, "c": 3}}), []),
        (fill({"metadata": {"a": {"x": 1}}}), fill({"metadata": {"a": {"x": 2, "y": 1}}}), [("metadata", "a", "x")]),
        (fill({"metadata": {"a": 1}}, action=Action.OVERWRITE), fill({"metadata": {"b": 1}}), [("metadata",)]),
        (fill({"metadata": {"a": 1}}), fill({}, removals=(gone("metadata", "a"),)), [("metadata", "a")]),
        (fill({"toolkits": ["a"]}), fill({}, removals=(gone("toolkits", item="a"),)), [("toolkits",)]),
        (fill({}, removals=(gone("toolkits", item="b"),)), fill({"toolkits": ["a"]}), []),
        (replace(fill({}), protect=True), replace(fill({}), protect=False), [("protect",)]),
        (replace(fill({}), retain_versions=2), replace(fill({}), retain_versions=3), [("retain_versions",)]),
        (replace(fill({}), protect=True, retain_versions=2), replace(fill({}), protect=True), []),
    ],
)
def test_two_defaults_contradict_each_other_where_they_state_a_path_differently(
    one: Fill, other: Fill, paths: list[tuple[str, ...]]
) -> None:
    assert [conflict.path for conflict in conflicts([one, other], KEY)] == paths
    assert [conflict.path for conflict in conflicts([other, one], KEY)] == paths


def test_a_contradiction_names_the_places_of_the_value_and_of_the_removal() -> None:
    places = [Origin(path="d.yaml", line=line, column=5) for line in range(1, 5)]
    removing = fill(
        {},
        removals=(
            Removal(path=("metadata", "z"), origin=places[1]),
            Removal(path=("metadata", "a"), origin=places[2]),
        ),
    )
    stating = replace(fill({"metadata": {"a": 1}}), origins={("metadata", "a"): places[3]})
    (found,) = conflicts([removing, stating], KEY)
    assert (found.one, found.other, found.address) == (places[2], places[3], KEY.address)


@pytest.mark.parametrize(
    ("select", "labels", "expected"),
    [
        ({"ids": ("c*",)}, {}, True),
        ({"ids": ("d*", "cat")}, {}, True),
        ({"ids": ("d*",)}, {}, False),
        ({"ids": ("c*",), "model_type_ids": ("other",)}, {}, False),
        ({"model_type_ids": ("other", "classifier")}, {}, True),
        ({"labels": {"team": "vision"}}, {"team": "vision", "x": "y"}, True),
        ({"labels": {"team": "vision", "tier": "gold"}}, {"team": "vision"}, False),
    ],
)
def test_all_conditions_of_a_selection_must_hold(
    select: dict[str, Any], labels: dict[str, str], *, expected: bool
) -> None:
    default = ModelDefaults(
        name="d",
        scope=KEY.scope,
        select=Selection(**select, origin=PLACE),
        model=fill({"notes": "x"}),
        origin=PLACE,
    )
    desired = DesiredModel(key=KEY, action=Action.MERGE, stated={}, labels=labels, origin=PLACE)
    assert bool(filled(desired, [default], "classifier").fills) is expected
    elsewhere = DesiredModel(
        key=KEY._replace(app_id="other"), action=Action.MERGE, stated={}, labels=labels, origin=PLACE
    )
    assert not filled(elsewhere, [default], "classifier").fills
    assert not filled(unmanaged(KEY), [default], "classifier").fills, "it has no manifest"
    assert default.scope == Scope("me", "pets")
