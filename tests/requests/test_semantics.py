"""The service's patch actions against the examples of its documentation (tests/data/patch_vectors.json)."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from clarifai_grpc.grpc.api import resources_pb2

from reconciler.requests.semantics import (
    STRUCT_FIELDS,
    VARIANTS,
    MergeTags,
    OverwriteStruct,
    RemoveKeys,
    Unsent,
    Variant,
    distinct_variants,
    merged_value,
    overwritten_struct,
    patched,
)
from reconciler.resources.tree import MISSING

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "patch_vectors.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS["merge"], ids=lambda vector: vector["rule"])
def test_merge_does_what_the_documentation_shows(vector: dict[str, Any]) -> None:
    assert merged_value(vector["stored"], vector["patch"]) == vector["result"]


@pytest.mark.parametrize("vector", VECTORS["overwrite"], ids=lambda vector: vector["rule"])
def test_overwrite_of_a_whole_struct_does_what_the_documentation_shows(vector: dict[str, Any]) -> None:
    assert overwritten_struct(vector["stored"], vector["patch"], Variant()) == vector["result"]


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        (OverwriteStruct.WHOLE, {"a": {"x": 1}}),
        (OverwriteStruct.BY_KEY, {"a": {"x": 1}, "b": 2}),
        (OverwriteStruct.BY_KEY_DEEP, {"a": {"x": 1, "y": 0}, "b": 2}),
    ],
)
def test_overwrite_of_a_struct_has_three_variants(variant: OverwriteStruct, expected: dict[str, Any]) -> None:
    stored = {"a": {"y": 0}, "b": 2}
    assert overwritten_struct(stored, {"a": {"x": 1}}, Variant(overwrite_struct=variant)) == expected


def test_a_struct_that_is_not_there_becomes_what_is_sent() -> None:
    for variant in OverwriteStruct:
        assert overwritten_struct(MISSING, {"a": 1}, Variant(overwrite_struct=variant)) == {"a": 1}


@pytest.mark.parametrize(
    ("unsent", "kept"), [(Unsent.KEPT, {"output_config": {"max_concepts": 5}}), (Unsent.DROPPED, {})]
)
def test_overwrite_keeps_or_drops_the_unsent_fields_of_output_info(unsent: Unsent, kept: dict[str, Any]) -> None:
    version = {"id": "v", "license": "MIT", "output_info": {"output_config": {"max_concepts": 5}, "params": {"a": 1}}}
    after = patched(version, {"output_info": {"params": {"b": 2}}}, action="overwrite", variant=Variant(unsent=unsent))
    assert after == {"id": "v", "license": "MIT", "output_info": {**kept, "params": {"b": 2}}}


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        (MergeTags.APPEND, ["a", "b", "b", "c"]),
        (MergeTags.APPEND_MISSING, ["a", "b", "c"]),
        (MergeTags.REPLACE, ["b", "c"]),
    ],
)
def test_merge_of_tags_has_three_variants(variant: MergeTags, expected: list[str]) -> None:
    model = {"id": "m", "toolkits": ["a", "b"]}
    after = patched(model, {"id": "m", "toolkits": ["b", "c"]}, action="merge", variant=Variant(merge_tags=variant))
    assert after == {"id": "m", "toolkits": expected}


@pytest.mark.parametrize("variant", MergeTags)
def test_tags_where_there_are_none_become_those_sent_in_every_variant(variant: MergeTags) -> None:
    after = patched({"id": "m"}, {"id": "n", "use_cases": ["a"]}, action="merge", variant=Variant(merge_tags=variant))
    assert after == {"id": "m", "use_cases": ["a"]}


@pytest.mark.parametrize("field", ["toolkits", "use_cases", "languages"])
def test_every_tag_list_of_a_model_has_these_variants(field: str) -> None:
    found = [
        patched({field: ["a"]}, {field: ["a", "b"]}, action="merge", variant=Variant(merge_tags=tags))[field]
        for tags in (MergeTags.APPEND, MergeTags.APPEND_MISSING, MergeTags.REPLACE)
    ]
    assert found == [["a", "a", "b"], ["a", "b"], ["a", "b"]]


def test_the_structs_are_those_that_the_services_own_messages_declare() -> None:
    """Every Struct in what a model, a version or its output_info holds of its own, by the name of its field."""
    messages = (resources_pb2.Model, resources_pb2.ModelVersion, resources_pb2.OutputInfo, resources_pb2.OutputConfig)
    structs = {
        field.name
        for message in messages
        for field in message.DESCRIPTOR.fields
        if field.message_type is not None and field.message_type.full_name == "google.protobuf.Struct"
    }
    assert structs == STRUCT_FIELDS


@pytest.mark.parametrize("keys", RemoveKeys)
@pytest.mark.parametrize("stored", [{}, {"a": 1}, {"a": [1]}, {"a": None}, {"b": {"x": 1}}])
def test_remove_of_a_key_inside_of_what_is_no_mapping_changes_nothing(keys: RemoveKeys, stored: dict[str, Any]) -> None:
    model = {"id": "m", "metadata": stored}
    sent = {"id": "m", "metadata": {"a": {"x": True}}}
    assert patched(model, sent, action="remove", variant=Variant(remove_keys=keys)) == model


MODEL = {"id": "m", "name": "n", "metadata": {"a": {"x": 1}}, "toolkits": ["a"], "image": {"url": "a", "hosted": {}}}


@pytest.mark.parametrize(
    ("action", "patch", "changed"),
    [
        ("merge", {"id": "other"}, {}),
        ("merge", {"name": "o", "metadata": {"a": {"y": 2}}}, {"name": "o", "metadata": {"a": {"x": 1, "y": 2}}}),
        ("merge", {"name": None, "notes": None}, {}),
        ("merge", {"metadata": {}}, {"metadata": {}}),
        ("merge", {"visibility": {"gettable": "ORG"}}, {"visibility": {"gettable": "ORG"}}),
        ("merge", {"name": "o", "toolkits": ["b"]}, {"name": "o", "toolkits": ["a", "b"]}),
        ("overwrite", {"id": "other"}, {}),
        ("overwrite", {"name": "o"}, {"name": "o"}),
        ("overwrite", {"toolkits": ["b"], "languages": []}, {"toolkits": ["b"], "languages": []}),
        ("overwrite", {"metadata": {"a": {"y": 2}}}, {"metadata": {"a": {"y": 2}}}),
        ("overwrite", {"presets": {"b": 1}}, {"presets": {"b": 1}}),
        ("overwrite", {"image": {"url": "b"}}, {"image": {"url": "b", "hosted": {}}}),
    ],
)
def test_a_patch_changes_what_it_names_and_nothing_else(
    action: str, patch: dict[str, Any], changed: dict[str, Any]
) -> None:
    assert patched(MODEL, patch, action=action, variant=Variant()) == {**MODEL, **changed}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_merge_of_what_is_there_returns_the_document_itself(variant: Variant) -> None:
    sent = {"id": "m", "name": "n", "metadata": {"a": {"x": 1}}}
    assert patched(MODEL, sent, action="merge", variant=variant) is MODEL


@pytest.mark.parametrize("action", ["merge", "overwrite"])
def test_nothing_given_is_changed(action: str) -> None:
    document, patch = deepcopy(MODEL), {"metadata": {"a": {"z": [1]}}, "toolkits": ["b"]}
    sent = deepcopy(patch)
    for variant in VARIANTS:
        patched(document, patch, action=action, variant=variant)
    assert (document, patch) == (MODEL, sent)


@pytest.mark.parametrize(
    ("struct", "unsent", "expected"),
    [
        (OverwriteStruct.WHOLE, Unsent.KEPT, {"data": {"fields_map": {"n": {"b": 2}}, "more": 1, "list": [2]}}),
        (OverwriteStruct.WHOLE, Unsent.DROPPED, {"data": {"fields_map": {"n": {"b": 2}}, "list": [2]}}),
        (OverwriteStruct.BY_KEY, Unsent.DROPPED, {"data": {"fields_map": {"n": {"b": 2}, "m": 1}, "list": [2]}}),
        (
            OverwriteStruct.BY_KEY_DEEP,
            Unsent.KEPT,
            {"data": {"fields_map": {"n": {"a": 1, "b": 2}, "m": 1}, "more": 1, "list": [2]}},
        ),
    ],
)
def test_a_struct_inside_messages_is_overwritten_as_one_and_the_messages_around_it_as_messages(
    struct: OverwriteStruct, unsent: Unsent, expected: dict[str, Any]
) -> None:
    live = {"output_info": {"data": {"fields_map": {"n": {"a": 1}, "m": 1}, "more": 1, "list": [1]}}}
    sent = {"output_info": {"data": {"fields_map": {"n": {"b": 2}}, "list": [2]}}}
    after = patched(live, sent, action="overwrite", variant=Variant(overwrite_struct=struct, unsent=unsent))
    assert after == {"output_info": expected}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("live", [{}, {"output_info": "text"}, {"output_info": {"params": "text"}}])
def test_what_is_no_message_is_replaced_by_one(variant: Variant, live: dict[str, Any]) -> None:
    sent = {"output_info": {"params": {"a": {"b": 1}}}}
    assert patched(live, sent, action="overwrite", variant=variant) == sent


def test_overwrite_key_by_key_at_every_depth_goes_as_deep_as_both_are_mappings() -> None:
    stored = {"a": {"b": {"c": 1, "d": 1}, "e": 1}, "f": {"g": 1}, "h": 1}
    sent = {"a": {"b": {"c": 2}}, "f": 2, "h": {"i": 2}, "j": {"k": 2}}
    variant = Variant(overwrite_struct=OverwriteStruct.BY_KEY_DEEP)
    assert overwritten_struct(stored, sent, variant) == {
        "a": {"b": {"c": 2, "d": 1}, "e": 1},
        "f": 2,
        "h": {"i": 2},
        "j": {"k": 2},
    }


@pytest.mark.parametrize(
    ("stored", "sent", "expected"),
    [
        (None, {"a": None, "b": {"c": None, "d": 1}}, {"b": {"d": 1}}),
        ([1], [], []),
        ({"a": 1}, {}, {}),
        ([{"id": "1"}], [{"id": 1}], [{"id": "1"}, {"id": 1}]),
        ([{"id": "1"}], [2], [{"id": "1"}, 2]),
        ([2], [{"id": "1"}], [2, {"id": "1"}]),
        (
            [{"id": "1", "v": {"x": 1}}, {"id": "2"}],
            [{"id": "3"}, {"id": "1", "v": {"y": 2}}],
            [{"id": "1", "v": {"x": 1, "y": 2}}, {"id": "2"}, {"id": "3"}],
        ),
        ({"a": 1}, [1], [1]),
        (1, [1], [1]),
        ([1], 2, 2),
        ("x", {"a": 1}, {"a": 1}),
    ],
)
def test_merge_at_its_edges(stored: Any, sent: Any, expected: Any) -> None:
    assert merged_value(stored, sent) == expected


@pytest.mark.parametrize(
    ("action", "patch", "kinds"),
    [
        ("merge", {"name": "x", "metadata": {"a": 1}}, 1),
        ("merge", {"name": "x", "languages": ["en"]}, 3),
        ("overwrite", {"name": "x", "toolkits": ["a"]}, 1),
        ("overwrite", {"name": "x", "metadata": {"a": 1}}, 3),
        ("overwrite", {"metadata": {"a": 1}, "image": {"url": "https://x"}}, 6),
        ("overwrite", {name: {"a": 1} for name in STRUCT_FIELDS}, 3),
        ("overwrite", {"output_info": {"params": {"a": 1}}}, 6),
        ("remove", {"image": {"url": "https://x"}}, 1),
        ("remove", {"id": "m", "image": {"url": "https://x"}}, 1),
        ("remove", {"output_info": {"params": {"a": True}}}, 2),
    ],
)
def test_of_the_variants_only_so_many_can_differ_for_a_patch(action: str, patch: dict[str, Any], kinds: int) -> None:
    assert len(distinct_variants(patch, action=action)) == kinds


def test_there_is_a_variant_for_each_combination_of_answers() -> None:
    assert len(set(VARIANTS)) == 36


@pytest.mark.parametrize("live", [{"id": "m"}, {"id": "m", "image": {"hosted": {}}}])
def test_removing_an_image_that_is_not_there_changes_nothing(live: dict[str, Any]) -> None:
    assert patched(live, {"id": "m", "image": {"url": "https://x"}}, action="remove", variant=Variant()) == live


def test_remove_takes_away_the_image_that_its_url_names_and_no_other() -> None:
    model = {"id": "m", "name": "n", "image": {"url": "https://example.com/a", "hosted": {}}}
    right, wrong = {"image": {"url": "https://example.com/a"}}, {"image": {"url": "https://example.com/b"}}
    assert patched(model, right, action="remove", variant=Variant()) == {"id": "m", "name": "n"}
    assert patched(model, wrong, action="remove", variant=Variant()) == model


@pytest.mark.parametrize(
    ("keys", "expected"),
    [(RemoveKeys.TAKEN, {"a": 1, "c": {"e": 4}}), (RemoveKeys.IGNORED, {"a": 1, "b": 2, "c": {"d": 3, "e": 4}})],
)
def test_remove_takes_away_the_keys_that_are_sent_as_true_or_nothing(keys: RemoveKeys, expected: Any) -> None:
    version = {"id": "v", "license": "MIT", "output_info": {"params": {"a": 1, "b": 2, "c": {"d": 3, "e": 4}}}}
    sent = {"id": "v", "output_info": {"params": {"b": True, "c": {"d": True}, "gone": True}}}
    found = patched(version, sent, action="remove", variant=Variant(remove_keys=keys))
    assert found == {"id": "v", "license": "MIT", "output_info": {"params": expected}}


@pytest.mark.parametrize(
    ("stored", "expected"),
    [({}, {}), ({"a": 1, "b": 2}, {"a": 1}), ({"a": {"x": 1}}, {"a": {}}), ({"a": None}, {"a": None})],
)
def test_remove_of_a_key_in_what_is_no_mapping_changes_nothing(stored: dict[str, Any], expected: Any) -> None:
    sent = {"metadata": {"a": {"x": True}, "b": True}}
    assert patched({"metadata": stored}, sent, action="remove", variant=Variant()) == {"metadata": expected}
    assert patched({"id": "m"}, sent, action="remove", variant=Variant()) == {"id": "m"}


@pytest.mark.parametrize(
    ("action", "patch", "reason"),
    [
        ("remove", {"name": "x", "image": {}}, "remove is defined for the image alone"),
        ("remove", {"id": "m"}, "remove is defined for the image alone"),
        ("remove", {"name": "x"}, "remove is defined for keys that are sent as true"),
        ("remove", {"metadata": "x"}, "remove is defined for keys that are sent as true"),
        ("replace", {"name": "x"}, "unknown patch action 'replace'"),
    ],
)
def test_what_the_service_does_not_define_is_an_error(action: str, patch: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        patched({"id": "m", "metadata": {"a": 1}}, patch, action=action, variant=Variant())
