"""The patch rules: every published vector, and what the page leaves open."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import patching
from reconciler.emulator.patching import MODEL_RULES, VERSION_RULES, BadPatchError, Variant, patch_fields

VECTORS = json.loads((Path(__file__).parent.parent / "data" / "patch_vectors.json").read_text(encoding="utf-8"))
CASES = [
    pytest.param(action, vector, id=f"{action}: {vector['rule']}")
    for action in ("merge", "remove", "overwrite")
    for vector in VECTORS[action]
]


@pytest.mark.parametrize(("action", "vector"), CASES)
def test_published_vector(action: str, vector: dict[str, Any]) -> None:
    given = copy.deepcopy(vector)

    assert getattr(patching, action)(vector["patch"], vector["stored"]) == vector["result"]
    assert vector == given, "the arguments are left as they were"


def test_there_are_vectors_of_each_action() -> None:
    assert {action: len(VECTORS[action]) for action in ("merge", "remove", "overwrite")} == {
        "merge": 17,
        "remove": 10,
        "overwrite": 2,
    }


STORED = {"params": {"a": {"x": 1, "y": 2}, "b": [1]}}
PATCH = {"params": {"a": {"x": 9}, "b": [2]}}


@pytest.mark.parametrize(
    ("action", "variant", "params"),
    [
        ("overwrite", Variant(struct="whole"), {"a": {"x": 9}, "b": [2]}),
        ("overwrite", Variant(struct="by_key"), {"a": {"x": 9}, "b": [2]}),
        ("overwrite", Variant(struct="by_key_deep"), {"a": {"x": 9, "y": 2}, "b": [2]}),
        ("merge", Variant(), {"a": {"x": 9, "y": 2}, "b": [1, 2]}),
    ],
)
def test_struct_in_each_variant(action: str, variant: Variant, params: Any) -> None:
    stored = {"output_info": STORED}

    assert patch_fields(action, {"output_info": PATCH}, stored, VERSION_RULES, variant) == {
        "output_info": {"params": params}
    }


@pytest.mark.parametrize(
    ("variant", "left"),
    [
        (Variant(struct="whole"), {"min_value": 1}),
        (Variant(struct="by_key"), {"min_value": 1, "top_k": 3}),
        (Variant(struct="by_key_deep"), {"min_value": 1, "top_k": 3}),
    ],
)
def test_overwrite_without_a_key(variant: Variant, left: Any) -> None:
    stored = {"metadata": {"min_value": 0, "top_k": 3}}

    assert patch_fields("overwrite", {"metadata": {"min_value": 1}}, stored, MODEL_RULES, variant) == {"metadata": left}


@pytest.mark.parametrize("action", ["merge", "overwrite"])
def test_unsent_fields_of_the_message_stay(action: str) -> None:
    stored = {"name": "n", "notes": "kept", "metadata": {"k": 1}}

    patched = patch_fields(action, {"name": "m"}, stored, MODEL_RULES, Variant(keeps_unsent=False))

    assert patched == {"name": "m", "notes": "kept", "metadata": {"k": 1}}


@pytest.mark.parametrize(
    ("keeps_unsent", "output_info"),
    [
        (True, {"params": {"a": 1}, "output_config": {"max_concepts": 5}, "fields_map": {"image": "in"}}),
        (False, {"params": {"a": 1}}),
    ],
)
def test_overwrite_of_a_sub_message(keeps_unsent: bool, output_info: Any) -> None:
    stored = {"output_info": {"output_config": {"max_concepts": 5}, "fields_map": {"image": "in"}}}

    patched = patch_fields(
        "overwrite", {"output_info": {"params": {"a": 1}}}, stored, VERSION_RULES, Variant(keeps_unsent=keeps_unsent)
    )

    assert patched == {"output_info": output_info}


@pytest.mark.parametrize(
    ("action", "tags", "result"),
    [
        ("merge", "append_missing", ["a", "b", "c"]),
        ("merge", "append", ["a", "b", "b", "c"]),
        ("merge", "replace", ["b", "c"]),
        ("overwrite", "append_missing", ["b", "c"]),
    ],
)
def test_tags(action: str, tags: Any, result: list[str]) -> None:
    stored = {"toolkits": ["a", "b"]}

    assert patch_fields(action, {"toolkits": ["b", "c"]}, stored, MODEL_RULES, Variant(tags=tags)) == {
        "toolkits": result
    }


def test_server_owned_fields_are_not_patched() -> None:
    patch = {"id": "x", "user_id": "u", "created_at": "t", "model_version": {}, "star_count": 3, "output_info": {}}

    assert patch_fields("overwrite", patch, {"id": "m"}, MODEL_RULES, Variant()) == {"id": "m"}


def test_remove_takes_marked_keys_out_of_a_struct() -> None:
    stored = {"output_info": {"params": {"a": 1, "b": 2}, "fields_map": {}}}

    patched = patch_fields("remove", {"output_info": {"params": {"a": True}}}, stored, VERSION_RULES, Variant())

    assert patched == {"output_info": {"params": {"b": 2}, "fields_map": {}}}


@pytest.mark.parametrize(
    ("action", "patch", "reason"),
    [
        ("replace", {}, "Unrecognized action 'replace'. Supported actions: merge, overwrite, remove"),
        ("", {}, "Unrecognized action ''. Supported actions: merge, overwrite, remove"),
        (
            "remove",
            {"description": "x"},
            "action 'remove' can't be used on description; it marks keys of metadata and params",
        ),
    ],
)
def test_what_can_not_be_done_is_refused(action: str, patch: Any, reason: str) -> None:
    with pytest.raises(BadPatchError) as caught:
        patch_fields(action, patch, {}, VERSION_RULES, Variant())

    assert str(caught.value) == reason
