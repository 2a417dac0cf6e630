from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.errors import Problem
from reconciler.loading.shape import _is_valid, _judging_schema, shape_problems
from tests.loading.manifests import HEADER, loaded_from
from tests.wording import Wording


def problems(text: str) -> list[Problem]:
    (document,) = loaded_from(text).documents
    return list(shape_problems(document, "Model"))


@pytest.mark.parametrize(
    ("spec", "pointer"),
    [
        ("{" + ", ".join(f"k{number}: 1" for number in range(500)) + "}", "/spec"),
        ("{toolkits: [" + "x, " * 500 + "]}", "/spec/toolkits"),
    ],
    ids=["unknown keys", "repeated items"],
)
def test_of_very_many_problems_of_one_rule_a_hundred_are_reported(spec: str, pointer: str, wording: Wording) -> None:
    *first, last = problems(f"{HEADER}spec: {spec}\n")
    assert (len(first), len({problem.code for problem in first}), last.pointer) == (100, 1, pointer)
    wording(last)


def test_a_key_in_the_wrong_place_names_its_right_place(wording: Wording) -> None:
    text = HEADER.replace("metadata: {", "name: x\nmetadata: {visibility: PRIVATE, ") + "spec: {id: x, user_id: y}\n"
    found = problems(text)
    assert [(problem.code, problem.pointer) for problem in found] == [
        ("unknown-key", pointer) for pointer in ("/name", "/metadata/visibility", "/spec/id", "/spec/user_id")
    ]
    wording(*found)


# --- the compiled validator, and the one that explains ------------------------------------------------------

MODEL = _judging_schema("Model")
EXPLAINING = Draft202012Validator(MODEL)
NAMES = [
    "apiVersion",
    "kind",
    "metadata",
    "spec",
    "id",
    "labels",
    "action",
    "name",
    "toolkits",
    "image",
    "url",
    "remove",
]
NAMES += [
    "versions",
    "select",
    "output_info",
    "params",
    "protect",
    "retain_versions",
    "visibility",
    "expect",
    "concepts",
    "x",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-1, 0, 1, 1.0, 3.0, 2**64, -(10**400)]),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.sampled_from(
        ["", "merge", "overwrite", "PRIVATE", "latest", "reconciler/v1", "Model", "\ud800", "a\udfff", "\0"]
    ),
)
KEYS = st.one_of(st.sampled_from(NAMES), st.sampled_from(["\ud800", "", "\0"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=12,
)
WHOLE: dict[str, Any] = {
    "apiVersion": "reconciler/v1",
    "kind": "Model",
    "metadata": {"id": "a", "user_id": "b", "app_id": "c", "labels": {"team": "d"}},
    "spec": {
        "action": "overwrite",
        "name": "n",
        "toolkits": ["OpenAI"],
        "image": {"url": "https://x"},
        "metadata": {"a": [1, {"b": None}]},
        "protect": True,
        "retain_versions": 3,
        "remove": {"toolkits": ["x"], "metadata": ["y.z"]},
        "versions": [
            {"select": "latest", "output_info": {"params": {"min_value": 0.5}}},
            {"id": "0" * 32, "action": "merge", "license": "MIT", "expect": {"concepts": ["cat"]}},
        ],
    },
}


@given(part=VALUES, key=KEYS)
def test_the_compiled_validator_accepts_what_jsonschema_accepts(part: Any, key: str) -> None:
    spec, metadata = WHOLE["spec"], WHOLE["metadata"]
    for document in (
        WHOLE,
        {**WHOLE, key: part},
        {**WHOLE, "metadata": {**metadata, key: part}},
        {**WHOLE, "metadata": {**metadata, "labels": {key: part}}},
        {**WHOLE, "spec": part},
        {**WHOLE, "spec": {**spec, key: part}},
        {**WHOLE, "spec": {**spec, "remove": {key: part}}},
        {**WHOLE, "spec": {**spec, "versions": [{"select": "latest", key: part}]}},
    ):
        is_accepted, is_valid = _is_valid("Model")(document), EXPLAINING.is_valid(document)
        has_half_a_character = "\\ud" in json.dumps(document)
        assert is_accepted == is_valid or (has_half_a_character and not is_accepted)
    assert _is_valid("Model")(WHOLE)
