"""Predictions over a real connection: what is sent, how answers are read, and what is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from clarifai_grpc.grpc.api import resources_pb2, service_pb2
from google.protobuf import json_format

from reconciler.errors import FaultClass, RemoteError
from reconciler.resources.keys import Key
from reconciler.resources.prediction import Override, Prediction, Sample, ScoredConcept, Unpredicted
from tests.remote.scripted_service import ScriptedService, failing, in_turn, ok

KEY = Key(user_id="jane", app_id="pets", model_id="cats", version_id="v1")
PHOTO, TEXT, FILE = (
    Sample(id="photo", url="https://a.example/b.jpg"),
    Sample(id="ask", text="?"),
    Sample(id="f", image=b"\0\1"),
)


def output(input_id: str = "", *, code: int = 10000, **data: Any) -> Any:
    return json_format.ParseDict(
        {"status": {"code": code}, "input": {"id": input_id}, "data": data}, resources_pb2.Output()
    )


def answer(*outputs: Any, status: Any = None) -> Any:
    return service_pb2.MultiOutputResponse(status=status or ok(), outputs=outputs)


def concepts(**values: float) -> dict[str, Any]:
    return {"concepts": [{"id": name, "value": value} for name, value in values.items()]}


def predicted(samples: Sequence[Sample], *answers: Any, override: Override | None = None) -> Any:
    """The answers, and the calls that it took."""
    with ScriptedService(PostModelOutputs=in_turn(*answers)) as service:
        return service.remote().predict(KEY, samples, override=override), service.calls


def test_inputs_are_sent_as_text_url_or_bytes() -> None:
    _, (call,) = predicted([PHOTO, TEXT, FILE], answer(output(), output(), output()))

    assert json_format.MessageToDict(call.request, preserving_proto_field_name=True) == {
        "user_app_id": {"user_id": "jane", "app_id": "pets"},
        "model_id": "cats",
        "version_id": "v1",
        "inputs": [
            {"id": "photo", "data": {"image": {"url": "https://a.example/b.jpg"}}},
            {"id": "ask", "data": {"text": {"raw": "?"}}},
            {"id": "f", "data": {"image": {"base64": "AAE="}}},
        ],
    }


def test_an_override_is_sent_as_params_and_as_output_config() -> None:
    override = Override(params={"min_value": 0.95, "temperature": 0}, output_config={"min_value": 0.95})
    _, (call,) = predicted([TEXT], answer(output()), override=override)

    info = call.request.model.model_version.output_info
    assert json_format.MessageToDict(info.params) == {"min_value": 0.95, "temperature": 0}
    assert info.output_config.min_value == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (concepts(cat=0.1, dog=0.9426), Prediction(concepts=(ScoredConcept("dog", 0.9426), ScoredConcept("cat", 0.1)))),
        (concepts(b=0.5, a=0.5), Prediction(concepts=(ScoredConcept("a", 0.5), ScoredConcept("b", 0.5)))),
        ({"concepts": [{"name": "cat", "value": 1}]}, Prediction(concepts=(ScoredConcept("cat", 1.0),))),
        ({"text": {"raw": "Yes."}}, Prediction(text="Yes.")),
        ({"text": {}}, Prediction(text="")),
        ({"embeddings": [{"vector": [0.5, 0.25]}]}, Prediction(embedding=(0.5, 0.25), dimensions=2)),
        ({"regions": [{"id": "r"}], "image": {"url": "x"}}, Prediction(others=("regions",))),
        ({}, Prediction()),
    ],
)
def test_what_an_output_is_read_as(data: dict[str, Any], expected: Prediction) -> None:
    (found,), _ = predicted([PHOTO], answer(output("photo", **data)))

    assert found == expected
    assert found.embedding == expected.embedding


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([output("ask", text={"raw": "2"}), output("photo", text={"raw": "1"})], ["1", "2"]),
        ([output("", text={"raw": "1"}), output("", text={"raw": "2"})], ["1", "2"]),
        ([output("x", text={"raw": "1"}), output("y", text={"raw": "2"})], ["1", "2"]),
        ([output("ask", text={"raw": "2"})], [None, "2"]),
        ([output("", text={"raw": "1"})], [None, None]),
        ([], [None, None]),
    ],
)
def test_outputs_are_told_apart_by_the_ids_of_their_inputs_or_by_their_order(
    outputs: Sequence[Any], expected: Sequence[str | None]
) -> None:
    found, _ = predicted([PHOTO, TEXT], answer(*outputs))

    assert [each.text if isinstance(each, Prediction) else None for each in found] == expected


@pytest.mark.parametrize(
    ("status", "codes"), [(10010, (10000, 30002)), (10020, (30002, 30002)), (10000, (10000, 30002))]
)
def test_an_input_that_fails_leaves_the_others(status: int, codes: tuple[int, int]) -> None:
    outputs = [output(name, code=code) for name, code in zip(("photo", "ask"), codes, strict=True)]
    found, calls = predicted([PHOTO, TEXT], answer(*outputs, status=failing(status) if status != 10000 else None))

    assert len(calls) == 1
    assert [isinstance(each, Unpredicted) for each in found] == [code != 10000 for code in codes]
    assert {each.reason for each in found if isinstance(each, Unpredicted)} == {"30002 INPUT_FAILED"}


@pytest.mark.parametrize(
    "data", [{"concepts": [{"id": "a", "value": "NaN"}]}, {"embeddings": [{"vector": ["Infinity"]}]}]
)
def test_an_answer_without_numbers_is_none(data: dict[str, Any]) -> None:
    (found,), _ = predicted([TEXT], answer(output("ask", **data)))

    assert found == Unpredicted(reason="the answer has a value that is not a number")


@pytest.mark.parametrize("code", [21351, 21354, 21355, 11005])
def test_a_busy_model_is_asked_again(code: int) -> None:
    (found,), calls = predicted([TEXT], answer(status=failing(code)), answer(output("ask", text={"raw": "Yes."})))

    assert (found, len(calls)) == (Prediction(text="Yes."), 2)


def test_a_call_whose_inputs_are_all_busy_is_repeated() -> None:
    busy = answer(output("ask", code=21354), status=failing(10020))
    (found,), calls = predicted([TEXT], busy, answer(output("ask", text={"raw": "Yes."})))

    assert (found, len(calls)) == (Prediction(text="Yes."), 2)


def test_a_model_that_stays_busy_is_given_up_after_at_most_two_minutes() -> None:
    busy = answer(status=failing(21351))
    with ScriptedService(PostModelOutputs=in_turn(busy)) as service, pytest.raises(RemoteError) as caught:
        service.remote().predict(KEY, [TEXT])

    assert (caught.value.status, caught.value.fault) == (21351, FaultClass.TRANSIENT)
    assert sum(service.time.slept) <= 120


@pytest.mark.parametrize("code", [21202, 21200, 11007])
def test_what_fails_for_good_is_an_error(code: int) -> None:
    with pytest.raises(RemoteError) as caught:
        predicted([TEXT], answer(status=failing(code)))

    assert caught.value.status == code


@pytest.mark.parametrize("samples", [[], [TEXT] * 129])
def test_a_call_with_no_or_too_many_inputs_is_not_sent(samples: Sequence[Sample]) -> None:
    with pytest.raises(RemoteError) as caught:
        predicted(samples)

    assert not caught.value.sent
