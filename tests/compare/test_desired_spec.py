"""What a manifest entry makes of a spec: merge, overwrite, removals."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.compare.desired_spec import aligned, desired_spec, merged
from reconciler.errors import Origin
from reconciler.resources.desired import Removal
from reconciler.resources.fields import Action
from reconciler.resources.keys import Kind
from reconciler.resources.secrets import Sensitive

HERE = Origin(path="m.yaml")


def wanted(before: dict[str, Any], stated: dict[str, Any], action: Action, *removals: Removal) -> dict[str, Any]:
    return desired_spec(Kind.MODEL, before, stated, action=action, removals=removals)


@pytest.mark.parametrize(
    ("before", "stated", "expected"),
    [
        (1, 2, 2),
        (1, 1.0, 1),
        (1, True, True),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}),
        ({"a": {"x": 1}}, {"a": 2}, {"a": 2}),
        ({"a": 2}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({"a": {"x": 1}}, {"a": {}}, {"a": {"x": 1}}),
        ({"a": [1]}, {"a": []}, {"a": [1]}),
        ([1, 2], [2, 3], [1, 2, 3]),
        ([1], [1, 1], [1, 1]),
        ([320, 1], [320, 320], [320, 1, 320]),
        ([1.0], [1], [1.0]),
        ([1], [True], [1, True]),
        ([{"id": "1", "a": 1}], [{"id": "1", "b": 2}, {"id": "2"}], [{"id": "1", "a": 1, "b": 2}, {"id": "2"}]),
        ([{"a": 1}], [{"id": "1"}], [{"a": 1}, {"id": "1"}]),
        ([], [{"id": "1"}], [{"id": "1"}]),
        ("x", None, None),
    ],
)
def test_merged_holds_at_least_what_is_stated(before: Any, stated: Any, expected: Any) -> None:
    assert repr(merged(before, stated)) == repr(expected)


def test_aligned_keeps_the_live_spelling_of_what_means_the_same() -> None:
    before = {"a": [{"id": "1"}, {"id": "2"}], "b": 1, "c": 3}
    stated = {"a": [{"id": "2"}, {"id": "1"}], "b": 2}
    assert aligned(before, stated) == {"a": [{"id": "1"}, {"id": "2"}], "b": 2}
    assert aligned("x", "x") == "x"


def test_a_stated_secret_stays_one_where_the_live_text_is_the_same() -> None:
    secret = Sensitive("x", "env:A")
    assert isinstance(aligned({"a": "x", "b": 1}, {"a": secret, "b": 2})["a"], Sensitive)
    assert isinstance(merged({"a": "x"}, {"a": secret})["a"], Sensitive)


def test_tags_are_sets_in_the_live_order() -> None:
    before = {"toolkits": ["b", "a"]}
    assert wanted(before, {"toolkits": ["a", "c"]}, Action.MERGE)["toolkits"] == ["b", "a", "c"]
    assert wanted(before, {"toolkits": ["a", "b"]}, Action.OVERWRITE)["toolkits"] == ["b", "a"]
    assert wanted(before, {"toolkits": ["a", "c"]}, Action.OVERWRITE)["toolkits"] == ["a", "c"]
    assert "toolkits" not in wanted(before, {"toolkits": []}, Action.OVERWRITE)
    assert "toolkits" not in wanted({}, {"toolkits": []}, Action.OVERWRITE)


def test_overwritten_metadata_keeps_the_owner_mark() -> None:
    mark = {"owner": "x", "protect": False}
    before = {"metadata": {"a": 1, "reconciler": mark}}
    assert wanted(before, {"metadata": {"b": 2}}, Action.OVERWRITE) == {"metadata": {"b": 2, "reconciler": mark}}


def test_what_is_not_stated_stays() -> None:
    before = {"name": "n", "description": "d", "toolkits": ["a"], "metadata": {"a": 1}}
    assert wanted(before, {"name": "m"}, Action.OVERWRITE) == {**before, "name": "m"}


@pytest.mark.parametrize(
    ("removal", "expected"),
    [
        (Removal(path=("metadata", "a"), origin=HERE), {"toolkits": ["x", "y"], "metadata": {"b": {"c": 1}}}),
        (Removal(path=("metadata", "b", "c"), origin=HERE), {"toolkits": ["x", "y"], "metadata": {"a": 1, "b": {}}}),
        (
            Removal(path=("metadata", "a", "deeper"), origin=HERE),
            {"toolkits": ["x", "y"], "metadata": {"a": 1, "b": {"c": 1}}},
        ),
        (Removal(path=("toolkits",), item="x", origin=HERE), {"toolkits": ["y"], "metadata": {"a": 1, "b": {"c": 1}}}),
        (
            Removal(path=("languages",), item="x", origin=HERE),
            {"toolkits": ["x", "y"], "metadata": {"a": 1, "b": {"c": 1}}},
        ),
        (Removal(path=("image",), origin=HERE), {"toolkits": ["x", "y"], "metadata": {"a": 1, "b": {"c": 1}}}),
    ],
)
def test_removals_take_away_what_they_name(removal: Removal, expected: dict[str, Any]) -> None:
    before = {"toolkits": ["x", "y"], "metadata": {"a": 1, "b": {"c": 1}}}
    assert wanted(before, {}, Action.MERGE, removal) == expected


def test_removing_the_last_tag_leaves_none() -> None:
    assert wanted({"toolkits": ["x"]}, {}, Action.MERGE, Removal(path=("toolkits",), item="x", origin=HERE)) == {}
