"""The service's patch actions against the examples of its documentation (tests/data/patch_vectors.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.resources import MISSING
from reconciler.semantics import (
    MergeTags,
    OverwriteStruct,
    Reading,
    Unsent,
    merged_value,
    overwritten_struct,
    patched,
)

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "patch_vectors.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS["merge"], ids=lambda vector: vector["rule"])
def test_merge_does_what_the_documentation_shows(vector: dict[str, Any]) -> None:
    assert merged_value(vector["stored"], vector["patch"]) == vector["result"]


@pytest.mark.parametrize("vector", VECTORS["overwrite"], ids=lambda vector: vector["rule"])
def test_overwrite_of_a_whole_struct_does_what_the_documentation_shows(vector: dict[str, Any]) -> None:
    assert overwritten_struct(vector["stored"], vector["patch"], Reading()) == vector["result"]


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (OverwriteStruct.WHOLE, {"a": {"x": 1}}),
        (OverwriteStruct.BY_KEY, {"a": {"x": 1}, "b": 2}),
        (OverwriteStruct.BY_KEY_DEEP, {"a": {"x": 1, "y": 0}, "b": 2}),
    ],
)
def test_overwrite_of_a_struct_has_three_readings(reading: OverwriteStruct, expected: dict[str, Any]) -> None:
    stored = {"a": {"y": 0}, "b": 2}
    assert overwritten_struct(stored, {"a": {"x": 1}}, Reading(overwrite_struct=reading)) == expected


def test_a_struct_that_is_not_there_becomes_what_is_sent() -> None:
    for reading in OverwriteStruct:
        assert overwritten_struct(MISSING, {"a": 1}, Reading(overwrite_struct=reading)) == {"a": 1}


@pytest.mark.parametrize(
    ("unsent", "kept"), [(Unsent.KEPT, {"output_config": {"max_concepts": 5}}), (Unsent.DROPPED, {})]
)
def test_overwrite_keeps_or_drops_the_unsent_fields_of_output_info(unsent: Unsent, kept: dict[str, Any]) -> None:
    version = {"id": "v", "license": "MIT", "output_info": {"output_config": {"max_concepts": 5}, "params": {"a": 1}}}
    after = patched(version, {"output_info": {"params": {"b": 2}}}, action="overwrite", reading=Reading(unsent=unsent))
    assert after == {"id": "v", "license": "MIT", "output_info": {**kept, "params": {"b": 2}}}


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (MergeTags.APPEND, ["a", "b", "b", "c"]),
        (MergeTags.APPEND_MISSING, ["a", "b", "c"]),
        (MergeTags.REPLACE, ["b", "c"]),
    ],
)
def test_merge_of_tags_has_three_readings(reading: MergeTags, expected: list[str]) -> None:
    model = {"id": "m", "toolkits": ["a", "b"]}
    after = patched(model, {"id": "m", "toolkits": ["b", "c"]}, action="merge", reading=Reading(merge_tags=reading))
    assert after == {"id": "m", "toolkits": expected}


def test_remove_takes_away_the_image_that_its_url_names_and_no_other() -> None:
    model = {"id": "m", "name": "n", "image": {"url": "https://example.com/a", "hosted": {}}}
    right, wrong = {"image": {"url": "https://example.com/a"}}, {"image": {"url": "https://example.com/b"}}
    assert patched(model, right, action="remove", reading=Reading()) == {"id": "m", "name": "n"}
    assert patched(model, wrong, action="remove", reading=Reading()) == model


@pytest.mark.parametrize(("action", "patch"), [("remove", {"name": "x", "image": {}}), ("replace", {"name": "x"})])
def test_what_the_service_does_not_define_is_an_error(action: str, patch: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"remove is defined|unknown patch action"):
        patched({"id": "m"}, patch, action=action, reading=Reading())
