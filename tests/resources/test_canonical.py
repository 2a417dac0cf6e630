"""Equality, canonical values, and specs from API documents."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.resources.canonical import canonical, equal, keyed_by_id, spec_from_document
from reconciler.resources.keys import Kind
from reconciler.resources.secrets import Sensitive, revealed
from reconciler.resources.tree import MISSING, lookup, with_value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (20, 20.0),
        (0, -0.0),
        ("a", "a"),
        (None, None),
        ([], []),
        ({}, {}),
        ([1, "a"], [1.0, "a"]),
        ({"a": [1]}, {"a": [1.0]}),
        ([{"id": "1"}, {"id": "2", "v": 1}], [{"id": "2", "v": 1.0}, {"id": "1"}]),
        ([{"id": 1}, {"id": 2}], [{"id": 2.0}, {"id": 1}]),
        (Sensitive("x", "env:A"), "x"),
        ("x", Sensitive("x", "live")),
        ({"a": Sensitive("x", "live")}, {"a": "x"}),
        (Sensitive(20, "manifest"), 20.0),
        (Sensitive(True, "live"), True),
    ],
)
def test_equal_to_the_service(one: Any, other: Any) -> None:
    assert equal(one, other)
    assert equal(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (True, 1),
        (False, 0),
        (None, ""),
        (None, {}),
        ([], {}),
        ("1", 1),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        ({"a": 1}, {"a": 1, "b": None}),
        ([{"id": "1"}], [{"id": 1}]),
        ([{"id": "1", "v": True}], [{"id": "1", "v": 1}]),
        ([{"id": "1"}, {"id": "1"}], [{"id": "1"}, {"id": "1", "v": 1}]),
        (Sensitive("x", "live"), "y"),
        (Sensitive(20, "manifest"), 20.5),
        (Sensitive(True, "live"), 1),
    ],
)
def test_different_to_the_service(one: Any, other: Any) -> None:
    assert not equal(one, other)
    assert not equal(other, one)


def test_whole_doubles_are_integers_as_far_as_a_double_holds_them() -> None:
    given = {"a": 20.0, "b": [0.5, -3.0], "c": 2.0**53, "d": 2.0**54, "e": True, "f": None}
    assert repr(canonical(given)) == repr({"a": 20, "b": [0.5, -3], "c": 2**53, "d": 2.0**54, "e": True, "f": None})


@pytest.mark.parametrize(
    "items",
    [[{"id": True}], [{"id": None}], [{"id": []}], [{}], ["id"], [{"id": "1"}, {"id": "1"}], [{"id": 1}, {"id": 1.0}]],
)
def test_a_list_without_an_id_of_its_own_in_each_item_is_not_keyed(items: list[Any]) -> None:
    assert keyed_by_id(items) is None


def test_paths_into_trees() -> None:
    tree = {"a": {"b": 1}, "c": 2}
    assert lookup(tree, ("a", "b")) == 1
    assert lookup(tree, ("a", "x")) is MISSING
    assert lookup(tree, ("c", "b")) is MISSING
    assert with_value(tree, ("a", "x", "y"), 3) == {"a": {"b": 1, "x": {"y": 3}}, "c": 2}
    assert with_value(tree, ("c", "d"), 3) == {"a": {"b": 1}, "c": {"d": 3}}
    assert with_value(tree, ("a", "b"), MISSING) == {"a": {}, "c": 2}
    assert with_value(tree, ("x", "y"), MISSING) == tree
    assert tree == {"a": {"b": 1}, "c": 2}


def test_a_models_spec_holds_what_is_managed_and_there() -> None:
    document = {
        "id": "petsID",
        "name": "pets",
        "description": "",
        "visibility": {"gettable": "ORG"},
        "toolkits": ["OpenAI"],
        "use_cases": [],
        "image": {"url": "https://example.com/a", "hosted": {"prefix": "p"}},
        "metadata": {"n": 1.0},
        "presets": {"x": 1},
        "model_type_id": "t",
    }
    assert spec_from_document(Kind.MODEL, document) == {
        "name": "pets",
        "visibility": "ORG",
        "toolkits": ["OpenAI"],
        "image": {"url": "https://example.com/a"},
        "metadata": {"n": 1},
    }


@pytest.mark.parametrize("visibility", [{}, {"gettable": "UNKNOWN_VISIBILITY"}, {"gettable": 0}])
def test_what_is_as_good_as_absent_is_absent(visibility: dict[str, Any]) -> None:
    document = {"visibility": visibility, "image": {"url": ""}}
    assert spec_from_document(Kind.MODEL, document) == {"metadata": {}}


def test_a_struct_that_is_not_there_has_no_keys() -> None:
    documents: list[dict[str, Any]] = [{}, {"output_info": {}}, {"output_info": {"params": {}}}, {"metadata": None}]
    for document in documents:
        assert spec_from_document(Kind.MODEL_VERSION, document) == {"metadata": {}, "output_info": {"params": {}}}


def test_revealed_reveals_at_every_depth() -> None:
    assert revealed({"a": [Sensitive({"b": Sensitive("x", "live")}, "manifest")]}) == {"a": [{"b": "x"}]}
    assert revealed([Sensitive("x", "live")]) == ["x"]
