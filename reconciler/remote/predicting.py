"""One call of PostModelOutputs: inputs and the params of the call → an answer for each input, in the order of the inputs.

A prediction is a read: it changes nothing, so it is repeated like every other read. Params that are secret are not among those
of a call; whoever makes an Override leaves them out.

The status of the call says whether all, some or none of the inputs could be predicted, and each output has a status of its own
(Clarifai documentation, "API Outputs"). So an input that fails doesn't make the others fail.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

from reconciler.errors import FaultClass, RemoteError
from reconciler.remote import statuses
from reconciler.remote.caller import Caller, status_name
from reconciler.resources.keys import Key
from reconciler.resources.prediction import MAX_INPUTS, Answer, Override, Prediction, Sample, ScoredConcept, Unpredicted

RPC: Final = "PostModelOutputs"

_BUSY: Final = frozenset({21351, 21354, 21355})
_COMPARED: Final = frozenset({"concepts", "text", "embeddings"})
_INCIDENTAL: Final = frozenset({"image", "metadata", "geo"})
"""Fields of an answer that say nothing about what was predicted."""


def predict(
    caller: Caller, key: Key, samples: Sequence[Sample], override: Override | None, *, clean: Callable[[str], str]
) -> tuple[Answer, ...]:
    """Predict on one version. `clean` removes secrets from the service's texts. Raises RemoteError if the call fails."""
    body: dict[str, Any] = {
        "user_app_id": {"user_id": key.user_id, "app_id": key.app_id},
        "model_id": key.model_id,
        "version_id": key.version_id,
        "inputs": [{"id": sample.id, "data": _data(sample)} for sample in samples],
    }
    if not all((key.user_id, key.app_id, key.model_id, key.version_id)) or not 0 < len(samples) <= MAX_INPUTS:
        description = f"a prediction needs the four ids of a version and 1 to {MAX_INPUTS} inputs"
        raise RemoteError(
            rpc=RPC, code="NOT_SENT", description=description, fault=FaultClass.FATAL, attempts=0, sent=False
        )
    if override is not None:
        # Both, as the official SDK does (clarifai-python, client/model.py, _override_model_version).
        info = {"params": dict(override.params), "output_config": dict(override.output_config)}
        body["model"] = {"model_version": {"output_info": {name: value for name, value in info.items() if value}}}
    message = caller.call(RPC, body, accepts=lambda response: _is_answered(response, len(samples))).message
    outputs = _in_order(samples, message.outputs)
    is_success = message.status.code == statuses.SUCCESS
    return tuple(_answer(output, is_success=is_success, clean=clean) for output in outputs)


def _data(sample: Sample) -> dict[str, Any]:
    if sample.text is not None:
        return {"text": {"raw": sample.text}}
    if sample.url is not None:
        return {"image": {"url": sample.url}}
    return {"image": {"base64": base64.b64encode(sample.image or b"").decode()}}


def _is_answered(response: Any, inputs: int) -> bool:
    """Whether a response without success has an output, with its own status, for each input.

    FAILURE means that none could be predicted. Where the reason is that the model is busy, the call is repeated instead.
    """
    if response.status.code not in (statuses.MIXED_STATUS, statuses.FAILURE) or len(response.outputs) != inputs:
        return False
    return not all(output.status.code in _BUSY for output in response.outputs)


def _in_order(samples: Sequence[Sample], outputs: Sequence[Any]) -> list[Any]:
    """An output for each sample, None for one that the response leaves out: by the id, or else by the position."""
    by_id = {output.input.id: output for output in outputs}
    if len(by_id) == len(outputs) and by_id.keys() <= {sample.id for sample in samples}:
        return [by_id.get(sample.id) for sample in samples]
    if len(outputs) != len(samples):
        return [None] * len(samples)
    return list(outputs)


def _answer(output: Any, *, is_success: bool, clean: Callable[[str], str]) -> Answer:
    if output is None:
        return Unpredicted(reason="the response has no output for this input")
    status = output.status
    if status.code != statuses.SUCCESS and not (is_success and status.code == 0):
        texts = list(dict.fromkeys(filter(None, (clean(status.description), clean(status.details)))))
        return Unpredicted(reason=": ".join((f"{status.code} {status_name(status.code)}".strip(), *texts)))
    if not _is_finite(output.data):
        return Unpredicted(reason="the answer has a value that is not a number")
    return prediction_from(output.data)


def _is_finite(data: Any) -> bool:
    values = [concept.value for concept in data.concepts]
    return all(map(math.isfinite, (*values, *(data.embeddings[0].vector if data.embeddings else ()))))


def prediction_from(data: Any) -> Prediction:
    """The Data of an output as a Prediction."""
    concepts = [ScoredConcept(item.id or item.name, _shortest(item.value)) for item in data.concepts]
    vector = tuple(data.embeddings[0].vector) if data.embeddings else ()
    names = {field.name for field, _ in data.ListFields()} - _COMPARED - _INCIDENTAL
    return Prediction(
        concepts=tuple(sorted(concepts, key=lambda concept: (-concept.value, concept.id))),
        text=data.text.raw if data.HasField("text") else None,
        embedding=vector,
        dimensions=len(vector),
        others=tuple(sorted(names)),
    )


def _shortest(value: float) -> float:
    """The shortest decimal that is the same float32: 0.9426, not 0.9426000118255615."""
    for digits in range(1, 10):
        short = float(f"{value:.{digits}g}")
        if struct.pack("f", short) == struct.pack("f", value):
            return short
    return value
