"""Messages as documents: numbers, laziness, times."""

from __future__ import annotations

import json
import math
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from clarifai_grpc.grpc.api import resources_pb2
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import RemoteError
from reconciler.remote.convert import LazyDocument, document_from, message_from
from reconciler.resources.secrets import Sensitive
from reconciler.resources.tree import MISSING, lookup, map_leaves


def with_metadata(value: dict[str, Any]) -> Any:
    return json_format.ParseDict({"id": "cats", "metadata": value}, resources_pb2.Model())


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (20, 20),
        (-0.0, 0),
        (0.95, 0.95),
        (2**53, 2**53),
        (1e300, 1e300),
        (True, True),
        ("20", "20"),
        (None, None),
        ([1, {"deep": 2.0}], [1, {"deep": 2}]),
        ({}, {}),
        ([], []),
    ],
)
def test_struct_values(sent: Any, read: Any) -> None:
    found = document_from(with_metadata({"value": sent}))["metadata"]["value"]
    assert (found, type(found)) == (read, type(read))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.text()
    | st.integers(min_value=-(2**53), max_value=2**53)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def sorted_with_ints(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: sorted_with_ints(item) for name, item in sorted(value.items())}
    if isinstance(value, list):
        return [sorted_with_ints(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53 else value


EVERYTHING = {
    "id": "cats",
    "created_at": "2026-01-02T03:04:05.678901Z",
    "visibility": {"gettable": "PUBLIC"},
    "toolkits": ["a", "b"],
    "workflow_recommended": False,
    "featured_order": 3,
    "image": {"url": "https://x", "hosted": {"prefix": "p", "sizes": ["s"]}},
    "is_starred": True,
    "star_count": 4,
    "model_version": {
        "id": "v",
        "status": {"code": "MODEL_TRAINED", "description": "d"},
        "total_input_count": 5,
        "output_info": {
            "output_config": {"min_value": 0.95, "max_concepts": 20},
            "data": {"concepts": [{"id": "c", "value": 0.5}]},
            "params": {"b": [1.5, None, {}], "a": {"z": True, "y": 2.0}},
            "fields_map": {},
        },
    },
}


@given(metadata=st.dictionaries(st.text(), JSON, max_size=4), left_out=st.sets(st.sampled_from(sorted(EVERYTHING))))
def test_a_document_is_what_protobuf_makes_of_the_message(metadata: dict[str, Any], left_out: set[str]) -> None:
    body = {name: value for name, value in EVERYTHING.items() if name not in left_out}
    message = json_format.ParseDict({**body, "metadata": metadata}, resources_pb2.Model())
    expected = sorted_with_ints(json_format.MessageToDict(message, preserving_proto_field_name=True))
    found = document_from(message)
    assert found == expected
    assert repr(found) == repr(expected)  # the order of names, and 1 apart from True


def test_an_enum_value_that_is_not_known_stays_a_number() -> None:
    model = resources_pb2.Model(visibility=resources_pb2.Visibility(gettable=77))
    assert document_from(model) == {"visibility": {"gettable": 77}}


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_what_is_sent_is_read_back(value: dict[str, Any]) -> None:
    sent = message_from({"id": "cats", "metadata": value}, resources_pb2.Model())
    assert document_from(sent) == {"id": "cats", "metadata": value}


def test_an_empty_struct_differs_from_none() -> None:
    assert document_from(with_metadata({})) == {"id": "cats", "metadata": {}}
    assert document_from(resources_pb2.Model(id="cats")) == {"id": "cats"}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_without_a_json_form_is_an_error_that_names_the_object(number: float) -> None:
    message = resources_pb2.Model(id="cats")
    message.metadata["bad"] = number
    with pytest.raises(RemoteError) as raised:
        len(LazyDocument(message))
    assert (raised.value.code, "Model 'cats'" in str(raised.value)) == ("UNREADABLE_ANSWER", True)


def test_a_document_leaves_out_what_it_should_and_changes_nothing() -> None:
    message = resources_pb2.Model(id="cats", model_version=resources_pb2.ModelVersion(id="v"))
    assert dict(LazyDocument(message, leave_out=("model_version",))) == {"id": "cats"}
    assert message.model_version.id == "v"


def test_a_document_is_a_read_only_mapping_that_shows_nothing() -> None:
    message = with_metadata({"key": "secret"})
    document = LazyDocument(message)
    assert document == {"id": "cats", "metadata": {"key": "secret"}}
    assert (len(document), list(document), document.get("missing")) == (2, ["id", "metadata"], None)
    assert "secret" not in repr(document)
    assert "secret" not in repr(LazyDocument(message))
    with pytest.raises(TypeError):
        document["id"] = "dogs"  # type: ignore[index]


def test_a_document_can_be_looked_at_by_many_threads_first() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            document = LazyDocument(with_metadata({str(number): number for number in range(50)}))
            with ThreadPoolExecutor(4) as pool:
                assert set(pool.map(lambda _, seen=document: len(seen), range(4))) == {2}
    finally:
        sys.setswitchinterval(interval)


def test_sensitive_values_are_revealed_for_sending_only() -> None:
    body = {"id": "cats", "metadata": {"key": Sensitive("value", "env:A"), "more": Sensitive({"n": [1]}, "manifest")}}
    assert document_from(message_from(body, resources_pb2.Model())) == {
        "id": "cats",
        "metadata": {"key": "value", "more": {"n": [1]}},
    }


@given(st.dictionaries(st.text(), JSON, max_size=3), st.lists(st.text(max_size=3), max_size=2), st.booleans())
def test_a_field_looked_at_alone_is_what_the_whole_document_says(
    value: dict[str, Any], tags: list[str], is_starred: bool
) -> None:
    message = resources_pb2.Model(id="cats", toolkits=tags, is_starred=is_starred)
    message.metadata.update(value)
    message.created_at.GetCurrentTime()
    message.model_version.id = "v"
    whole = document_from(message, leave_out=("model_version",))
    names = [*message.DESCRIPTOR.fields_by_name, "no_such_field"]
    document = LazyDocument(message, leave_out=("model_version",))
    assert {name: document[name] for name in names if name in document} == whole
    assert [document.get(name, "absent") for name in names] == [whole.get(name, "absent") for name in names]
    with pytest.raises(KeyError):
        document["model_version"]


def version_with_params(value: dict[str, Any]) -> resources_pb2.ModelVersion:
    message = resources_pb2.ModelVersion(id="v", description="d")
    message.visibility.gettable = resources_pb2.Visibility.Gettable.PUBLIC
    message.output_info.params.SetInParent()
    message.output_info.params.update(value)
    message.output_info.message = "m"
    message.output_info.output_config.min_value = 0.5
    return message


@given(st.dictionaries(st.text(), JSON, max_size=3))
def test_a_message_inside_a_message_is_what_the_whole_document_says(value: dict[str, Any]) -> None:
    message = version_with_params(value)
    whole = document_from(message)
    document = LazyDocument(message)
    assert lookup(document, ("output_info", "params")) == whole["output_info"]["params"]
    assert lookup(document, ("output_info", "output_config", "min_value")) == 0.5
    assert lookup(document, ("visibility", "gettable")) == "PUBLIC"
    assert lookup(document, ("output_info", "params_specs")) is MISSING
    assert document["output_info"] == whole["output_info"]
    assert document == whole
    assert map_leaves(document, lambda leaf: leaf) == whole


@given(
    st.dictionaries(st.text(), JSON, max_size=3),
    st.sets(st.sampled_from(["id", "description", "visibility", "output_info"])),
    st.sets(st.sampled_from(["message", "params", "output_config"])),
)
def test_a_document_is_the_same_whatever_was_looked_at_before(
    value: dict[str, Any], fields: set[str], inner: set[str]
) -> None:
    whole = document_from(version_with_params(value))
    document = LazyDocument(version_with_params(value))
    for name in sorted(inner):
        lookup(document, ("output_info", name))
    for name in sorted(fields):
        document.get(name)
    assert json.dumps(dict(document["output_info"])) == json.dumps(whole["output_info"])
    assert json.dumps(dict(document)) == json.dumps(whole)


@given(st.dictionaries(st.text(), JSON, max_size=3))
def test_a_document_is_the_same_after_it_has_forgotten_what_was_looked_at(value: dict[str, Any]) -> None:
    document = LazyDocument(version_with_params(value))
    before = lookup(document, ("output_info", "params"))
    document.forget()
    assert lookup(document, ("output_info", "params")) == before
    whole = dict(document)
    document.forget()
    assert dict(document) == whole == document_from(version_with_params(value))


def test_an_empty_message_is_false_as_an_empty_mapping_is() -> None:
    message = resources_pb2.Model(id="cats", model_version=resources_pb2.ModelVersion(id="v"))
    message.presets.SetInParent()
    document = LazyDocument(message)
    assert (bool(document), bool(document["presets"]), document["presets"] == {}) == (True, False, True)
    assert (bool(LazyDocument(message, leave_out=("id", "model_version", "presets"))), dict(document["presets"])) == (
        False,
        {},
    )


def test_an_error_in_a_message_inside_a_message_names_the_object() -> None:
    document = LazyDocument(version_with_params({"bad": math.nan}))
    assert "output_info" in document
    for look in (lambda: lookup(document, ("output_info", "params")), lambda: dict(document["output_info"])):
        with pytest.raises(RemoteError) as raised:
            look()
        assert "ModelVersion 'v'" in str(raised.value)
