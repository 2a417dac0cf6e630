"""The quick predicate passes nothing that jsonschema refuses, and passes what manifests ordinarily hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.loading.quickcheck import quick_check
from reconciler.loading.shape import _judging_schema

MODEL = _judging_schema("Model")
KEYS = [
    "apiVersion",
    "kind",
    "metadata",
    "spec",
    "id",
    "user_id",
    "app_id",
    "labels",
    "action",
    "name",
    "description",
    "toolkits",
    "image",
    "url",
    "remove",
    "versions",
    "select",
    "output_info",
    "params",
    "protect",
    "retain_versions",
    "license",
    "visibility",
    "expect",
    "concepts",
    "strange",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.floats(allow_nan=False),
    st.sampled_from(["", "merge", "overwrite", "PRIVATE", "latest", "reconciler/v1", "Model", "x"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)),
    max_leaves=12,
)
WHOLE: dict[str, Any] = {
    "apiVersion": "reconciler/v1",
    "kind": "Model",
    "metadata": {"id": "a", "user_id": "b", "app_id": "c", "labels": {"team": "d"}},
    "spec": {
        "action": "overwrite",
        "name": "n",
        "visibility": "PRIVATE",
        "toolkits": ["OpenAI"],
        "image": {"url": "https://x"},
        "metadata": {"a": [1, {"b": None}]},
        "protect": True,
        "retain_versions": 3,
        "remove": {"toolkits": ["x"], "metadata": ["y.z"]},
        "versions": [
            {"select": "latest", "output_info": {"params": {"min_value": 0.5}}},
            {"id": "0" * 32, "action": "merge", "license": "MIT", "remove": {"params": ["k"]}},
        ],
    },
}


@given(spec=VALUES)
def test_what_passes_is_valid(spec: Any) -> None:
    document = {**WHOLE, "spec": spec}
    assert not quick_check(MODEL)(document) or Draft202012Validator(MODEL).is_valid(document)


@given(entry=VALUES, key=st.sampled_from(KEYS))
def test_what_passes_is_valid_with_one_part_replaced(entry: Any, key: str) -> None:
    documents = [
        {**WHOLE, key: entry},
        {**WHOLE, "spec": {**WHOLE["spec"], key: entry}},
        {**WHOLE, "spec": {**WHOLE["spec"], "versions": [{"select": "latest", key: entry}]}},
        {**WHOLE, "metadata": {**WHOLE["metadata"], key: entry}},
    ]
    for document in documents:
        assert not quick_check(MODEL)(document) or Draft202012Validator(MODEL).is_valid(document)


def test_a_whole_manifest_passes() -> None:
    assert quick_check(MODEL)(WHOLE)
    assert Draft202012Validator(MODEL).is_valid(WHOLE)


@pytest.mark.parametrize(
    ("schema", "value"),
    [({"type": "integer"}, True), ({"type": "integer"}, 1.0), ({"if": {}}, 1), ({"type": ["string"]}, "a")],
)
def test_what_it_does_not_know_passes_nothing(schema: dict[str, Any], value: Any) -> None:
    assert not quick_check(schema)(value)
