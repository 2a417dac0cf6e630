"""PostModelOutputs: what is predicted is known in advance, and what params, overrides and switches do to it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.emulator.predicting import score
from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from tests.emulator.client import PETS_VERSION, Client, connected

METRO = "https://samples.clarifai.com/metro-north.jpg"
PHOTO = {"id": "photo", "data": {"image": {"url": METRO}}}
VALUES = {"dog": 0.9426, "cat": 0.4492}
"""What `score` gives the two concepts of petsID for the photo; the version's own min_value is 0.5."""


@contextmanager
def switched(**switches: Any) -> Iterator[Client]:
    with Emulator(seed=SAMPLE, switches=Switches(**switches)) as emulator, connected(emulator) as client:
        yield client


def predicted(
    client: Client, *inputs: Mapping[str, Any], override: Mapping[str, Any] | None = None, **more: Any
) -> Any:
    model = {} if override is None else {"model": {"model_version": {"output_info": override}}}
    fields = {"model_id": "petsID", "version_id": PETS_VERSION, "inputs": list(inputs) or [PHOTO], **model, **more}
    return client("PostModelOutputs", **fields)


def concepts(answer: Any, number: int = 0) -> dict[str, float]:
    return {concept.id: round(concept.value, 4) for concept in answer.outputs[number].data.concepts}


def test_the_value_of_a_concept_depends_on_its_id_and_the_input_alone() -> None:
    assert {name: score(name, METRO.encode()) for name in VALUES} == VALUES
    assert 0 <= score("cat", b"") < 1


def test_an_output_has_what_the_service_shows(client: Client) -> None:
    answer = predicted(client)

    (output,) = answer.outputs
    assert answer.status.code == output.status.code == 10000
    assert (output.input.id, output.input.data.image.url) == ("photo", METRO)
    assert (output.model.id, output.model.model_version.id) == ("petsID", PETS_VERSION)
    assert not output.model.model_version.HasField("output_info")
    assert concepts(answer) == {"dog": 0.9426}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ({}, ["dog"]),
        ({"params": {"min_value": 0}}, ["dog", "cat"]),
        ({"params": {"min_value": 0.95}}, []),
        ({"params": {"min_value": 0.9426}}, ["dog"]),
        ({"output_config": {"min_value": 0.9426}}, ["dog"]),
        ({"output_config": {"min_value": 0.4}, "params": {"min_value": 0.95}}, ["dog", "cat"]),
        ({"params": {"min_value": 0, "max_concepts": 1}}, ["dog"]),
        ({"output_config": {"max_concepts": 1, "min_value": 0.1}}, ["dog"]),
        ({"params": {"min_value": 0, "select_concepts": [{"id": "cat"}]}}, ["cat"]),
        ({"output_config": {"select_concepts": [{"name": "cat"}], "min_value": 0.1}}, ["cat"]),
    ],
)
def test_the_params_of_a_request_decide_what_is_shown(
    client: Client, override: Mapping[str, Any], expected: Sequence[str]
) -> None:
    assert list(concepts(predicted(client, override=override))) == expected


def test_selecting_concepts_that_the_version_does_not_have(client: Client) -> None:
    none = predicted(client, override={"output_config": {"select_concepts": [{"id": "cow"}]}})
    some = predicted(client, override={"output_config": {"select_concepts": [{"id": "cow"}, {"id": "dog"}]}})

    assert (none.status.code, none.status.details) == (21202, "no concept is named cow")
    assert (some.status.code, concepts(some)) == (10010, {"dog": 0.9426})


@pytest.mark.parametrize(
    ("switches", "outcome"),
    [
        ({}, (10000, ["dog", "cat"])),
        ({"predict_override": "ignored"}, (10000, ["dog"])),
        ({"predict_override": "refused"}, (21202, None)),
    ],
)
def test_an_override_is_honoured_ignored_or_refused(switches: Mapping[str, Any], outcome: Any) -> None:
    with switched(**switches) as client:
        answer = predicted(client, override={"params": {"min_value": 0}})
        plain = predicted(client)

    assert (answer.status.code, list(concepts(answer)) if answer.outputs else None) == outcome
    assert concepts(plain) == {"dog": 0.9426}


def test_params_are_merged_into_those_of_the_version_or_replace_them() -> None:
    for position, expected in (("merged", ["dog"]), ("replaced", ["dog", "cat"])):
        with switched(predict_params=position) as client:
            assert list(concepts(predicted(client, override={"params": {"max_concepts": 5}}))) == expected


def test_a_threshold_in_percent_counts_as_one() -> None:
    """The range of visual-classifier's min_value ends at 100."""
    with switched() as client:
        content = METRO.encode()
        assert concepts(predicted(client, model_id="pet-breeds", version_id="")) == {
            name: score(name, content)
            for name in ("beagle", "poodle", "siamese", "sphynx")
            if score(name, content) >= 0.05
        }


def asked(client: Client, prompt: str, **params: Any) -> str:
    inputs = {"data": {"text": {"raw": prompt}}}
    override = {"params": {"temperature": 0, **params}}
    answer = predicted(client, inputs, override=override, model_id="pet-names", version_id="")
    assert answer.status.code == 10000
    return str(answer.outputs[0].data.text.raw)


def test_text_models_answer_by_a_template(client: Client) -> None:
    prompt = "Is this a cat?"

    assert asked(client, prompt) == "Yes. You said: Is this a cat?"
    assert asked(client, prompt, prompt_template="Q: {data.text.raw} A:") == "Yes. You said: Q: Is this a cat? A:"
    assert asked(client, prompt, system_prompt="Be brief.") == "Yes. You said: Be brief. Is this a cat?"
    assert asked(client, prompt, max_tokens=3) == "Yes. You said:"
    answers = {asked(client, prompt, temperature=number / 10) for number in range(1, 20)}
    assert len(answers) > 1
    assert all(answer.endswith(" You said: Is this a cat?") for answer in answers)


def test_embeddings_have_length_one_and_depend_on_the_input(client: Client) -> None:
    main = {"user_id": "clarifai", "app_id": "main"}
    photo, text = {"data": {"image": {"url": METRO}}}, {"data": {"text": {"raw": "x"}}}
    answer = predicted(client, photo, text, photo, user_app_id=main, model_id="general-image-embedding", version_id="")

    vectors = [list(output.data.embeddings[0].vector) for output in answer.outputs]
    assert vectors[0] == vectors[2] != vectors[1]
    assert sum(part * part for part in vectors[0]) == pytest.approx(1)


DETECTOR = {
    "id": "boxes",
    "model_type_id": "visual-detector",
    "versions": [{"id": "a1", "output_info": {"data": {"concepts": [{"id": "cat"}, {"id": "dog"}]}}}],
}


def test_a_detector_gives_regions_and_an_unknown_type_nothing(emulator: Emulator, client: Client) -> None:
    emulator.load({"apps": [{"user_id": "demo", "app_id": "pets", "models": [DETECTOR]}]})
    boxes = predicted(client, model_id="boxes", version_id="a1")
    clusters = predicted(client, model_id="model_clusterer", version_id="")

    assert [region.data.concepts[0].id for region in boxes.outputs[0].data.regions] == ["dog", "cat"]
    assert clusters.status.code == 10000
    assert not clusters.outputs[0].data.ListFields()


def test_a_prediction_takes_the_time_that_a_switch_says() -> None:
    with switched(predict_latency_ms=80) as client:
        began = time.monotonic()
        client("GetModel", model_id="petsID")
        read = time.monotonic()
        predicted(client)
        assert time.monotonic() - read >= 0.08 > read - began


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"model_id": "nobody"}, 21200),
        ({"version_id": "nobody"}, 21200),
        ({"model_id": "pet-draft", "version_id": ""}, 21200),
        ({"model_id": "pet-finder", "version_id": ""}, 21103),
        ({"inputs": [PHOTO] * 129}, 11102),
        ({"inputs": []}, 11102),
    ],
)
def test_what_is_refused(client: Client, fields: Mapping[str, Any], status: int) -> None:
    answer = client("PostModelOutputs", **{"model_id": "petsID", "inputs": [PHOTO], **fields})

    assert answer.status.code == status
    assert not answer.outputs


def test_128_inputs_are_answered_in_their_order(client: Client) -> None:
    inputs = [{"id": str(number), "data": {"text": {"raw": str(number)}}} for number in range(128)]

    assert [output.input.id for output in predicted(client, *inputs).outputs] == [str(number) for number in range(128)]


@pytest.mark.parametrize(
    ("inputs", "code", "codes"),
    [
        ([PHOTO, {"id": "bad-1", "data": {"text": {"raw": "x"}}}], 10010, [10000, 30002]),
        ([{"id": "bad-1", "data": {"text": {"raw": "x"}}}], 10020, [30002]),
        ([PHOTO, {"id": "empty"}], 10010, [10000, 30104]),
        ([PHOTO, {"data": {"image": {"url": "https://gone.example/x.jpg"}}}], 10010, [10000, 30002]),
    ],
)
def test_each_input_has_a_status_of_its_own(inputs: Sequence[Any], code: int, codes: Sequence[int]) -> None:
    with switched(failing_inputs=("bad-*", "https://gone.example/*")) as client:
        answer = predicted(client, *inputs)

    assert answer.status.code == code
    assert [output.status.code for output in answer.outputs] == codes
    assert [bool(output.data.ListFields()) for output in answer.outputs] == [code == 10000 for code in codes]


def test_a_busy_model_answers_in_the_end() -> None:
    faults = tuple(Fault(rpc="PostModelOutputs", kind=kind, times=1) for kind in ("21351", "21354", "21355"))
    with switched(faults=faults) as client:
        codes = [predicted(client).status.code for _ in range(3)]

    assert codes == [21351, 10000, 10000]  # every fault counts the call that the first one hits


def test_the_log_has_a_digest_in_place_of_large_images(tmp_path: Path) -> None:
    record = tmp_path / "calls.jsonl"
    with Emulator(seed=SAMPLE, record=record) as emulator, connected(emulator) as client:
        image = {"data": {"image": {"base64": "A" * 4000}}}
        assert predicted(client, image).status.code == 10000
        assert len(str(emulator.calls[-1].request)) < 1000
    assert len(record.read_text(encoding="utf-8")) < 1000


def test_rest_predicts_as_grpc_does() -> None:
    body = {"inputs": [PHOTO], "model": {"model_version": {"output_info": {"params": {"min_value": 0}}}}}
    path = f"/v2/users/demo/apps/pets/models/petsID/versions/{PETS_VERSION}/outputs"
    with Emulator(seed=SAMPLE, rest_port=0) as emulator:
        answer = httpx.post(f"{emulator.rest_url}{path}", json=body, trust_env=False, timeout=10)

    assert answer.status_code == 200
    shown = answer.json()["outputs"][0]["data"]["concepts"]
    assert {concept["id"]: round(concept["value"], 4) for concept in shown} == VALUES
