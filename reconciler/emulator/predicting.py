"""Predictions by a known rule: the call PostModelOutputs.

In: a request with inputs, and perhaps other params for this call alone. Out: an output for each input. The rules are invented,
so that a test can know each answer in advance; what params do to an answer is as documented ("Prediction Parameters").

- A version with concepts gives each of them the value of `score`, which depends on the concept's id and on the input alone. Left
  out are those below `min_value`, then those that `select_concepts` doesn't name, then all but the `max_concepts` highest.
- A model type whose output is text answers with a sentence that quotes the prompt. `temperature` chooses how it begins.
- A model type whose output is embeddings answers with a vector that depends on the input, and a little on the params.

The params of a request (`model.model_version.output_info.params`) are those for this call, and `output_config` there takes
precedence over them, as the official SDK sends both (clarifai-python, client/model.py, _override_model_version).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2
from google.protobuf import json_format

from reconciler.emulator import params, rows
from reconciler.emulator.answers import (
    DESCRIPTIONS,
    FAILURE,
    INPUT_DOWNLOAD_FAILED,
    INPUT_INVALID,
    INVALID_ARGUMENT,
    INVALID_REQUEST,
    MIXED_STATUS,
    MODEL_MISSING,
    SUCCESS,
    TRAINED,
    VERSION_STATUS_TEXTS,
    RefusedCallError,
)
from reconciler.emulator.turn import Turn

MAX_INPUTS: Final = 128  # clarifai-python, client/model.py: "Too many inputs. Max is 128."
DEFAULT_MAX_CONCEPTS: Final = 20  # resources.proto, OutputConfig.max_concepts
PLACEHOLDER: Final = "{data.text.raw}"
BEGINNINGS: Final = ("Yes.", "No.", "Perhaps.", "It depends.")
DIMENSIONS: Final = 8
LOGGED_BYTES: Final = 1024


def score(concept_id: str, content: bytes) -> float:
    """The value of a concept for an input, from 0 to 0.9999 in steps of 0.0001."""
    digest = hashlib.sha256(concept_id.encode() + b"\0" + content).digest()
    return int.from_bytes(digest[:4], "big") % 10_000 / 10_000


def post_model_outputs(turn: Turn, request: Any) -> Any:
    """PostModelOutputs."""
    if not 0 < len(request.inputs) <= MAX_INPUTS:
        reason = f"the request has {len(request.inputs)} inputs. Send from 1 to {MAX_INPUTS}"
        raise RefusedCallError(INVALID_REQUEST, reason)
    row = turn.model(*turn.scope(request.user_app_id), request.model_id)
    version = turn.version(row, request.version_id) if request.version_id else turn.latest(row)
    if version is None:
        raise RefusedCallError(MODEL_MISSING, f"Model {request.model_id} has no version")
    if version.message.status.code in VERSION_STATUS_TEXTS and version.message.status.code != TRAINED:
        raise RefusedCallError(version.message.status.code)
    kind = rows.find_model_type(turn.connection, row.message.model_type_id)
    predictor = _predictor(turn, request, version, kind, row.message.model_type_id)
    answer = service_pb2.MultiOutputResponse()
    for number, sent in enumerate(request.inputs):
        output = answer.outputs.add()
        _fill(output, sent, predictor, turn.switches.failing_inputs)
        output.id = hashlib.sha256(f"{turn.now} {number}".encode()).hexdigest()[:32]
        rows.set_timestamp(output.created_at, turn.now)
        output.model.CopyFrom(turn.show.model(row, version))
        output.model.model_version.ClearField("output_info")  # as recorded answers of PostModelOutputs have it
    failed = sum(output.status.code != SUCCESS for output in answer.outputs)
    if failed or predictor.misses_concepts:
        answer.status.code = FAILURE if failed == len(answer.outputs) else MIXED_STATUS
    return answer


def without_large_bytes(request: Any) -> Any:
    """A request as the log keeps it: the bytes of images are replaced by their digest if there are many of them."""
    if not isinstance(request, service_pb2.PostModelOutputsRequest):
        return request
    logged = service_pb2.PostModelOutputsRequest()
    logged.CopyFrom(request)
    for sent in logged.inputs:
        content = sent.data.image.base64
        if len(content) > LOGGED_BYTES:
            sent.data.image.base64 = f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}".encode()
    return logged


# --- what a version predicts --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Predictor:
    """A version and the params of one call. `output` is what it gives: concepts, text, embeddings, or "" for nothing."""

    output: str
    concepts: Sequence[Any]
    params: Mapping[str, Any]
    config: Any
    is_percentage: bool
    misses_concepts: bool

    def data(self, content: bytes, prompt: str) -> Any:
        """The output's data for one input."""
        if self.output == "text":
            return resources_pb2.Data(text=resources_pb2.Text(raw=self._answer(prompt)))
        if self.output == "embeddings":
            vector = self._vector(content)
            embedding = resources_pb2.Embedding(vector=vector, num_dimensions=len(vector))
            return resources_pb2.Data(embeddings=[embedding])
        if self.output == "regions":
            found = self._concepts(content)
            regions = [resources_pb2.Region(data=resources_pb2.Data(concepts=[concept])) for concept in found]
            return resources_pb2.Data(regions=regions)
        return resources_pb2.Data(concepts=self._concepts(content) if self.output == "concepts" else ())

    def _concepts(self, content: bytes) -> list[Any]:
        found = []
        for concept in self.concepts:
            value = score(concept.id, content)
            # float32 has 0.95 as 0.94999998: six decimals are as exact as a threshold in it can be.
            if value >= round(self._min_value(), 6) and self._is_selected(concept):
                found.append(
                    resources_pb2.Concept(id=concept.id, name=concept.name, value=value, app_id=concept.app_id)
                )
        found.sort(key=lambda concept: (-concept.value, concept.id))
        return found[: self.config.max_concepts or int(_number(self.params, "max_concepts")) or DEFAULT_MAX_CONCEPTS]

    def _min_value(self) -> float:
        if self.config.min_value:
            return float(self.config.min_value)
        value = _number(self.params, "min_value")
        return value / 100 if self.is_percentage else value

    def _is_selected(self, concept: Any) -> bool:
        wanted = _selected(self.config, self.params)
        return not wanted or bool(wanted & {concept.id, concept.name})

    def _answer(self, prompt: str) -> str:
        template = str(self.params.get("prompt_template") or PLACEHOLDER)
        whole = " ".join(filter(None, (self.params.get("system_prompt"), template.replace(PLACEHOLDER, prompt))))
        temperature = _number(self.params, "temperature")
        chosen = hashlib.sha256(f"{temperature:g} {prompt}".encode()).digest()[0] if temperature else 0
        words = f"{BEGINNINGS[chosen % len(BEGINNINGS)]} You said: {whole}".split(" ")
        return " ".join(words[: int(_number(self.params, "max_tokens")) or None])

    def _vector(self, content: bytes) -> list[float]:
        known = json.dumps(self.params, sort_keys=True).encode()
        parts = zip(_numbers(content), _numbers(known), strict=True)
        vector = [own + 0.1 * other for own, other in parts]
        length = math.sqrt(sum(part * part for part in vector))
        return [part / length for part in vector]


def _predictor(turn: Turn, request: Any, version: Any, kind: Any, type_id: str) -> _Predictor:
    stored = json_format.MessageToDict(version.message.output_info.params)
    info = request.model.model_version.output_info
    has_override = request.model.HasField("model_version") and bool(info.ListFields())
    if not has_override:
        # The older place of the same message (resources.proto, Model.output_info, deprecated in 2023).
        info = request.model.output_info
        has_override = bool(info.ListFields())
    mode = turn.switches.predict_override
    if has_override and mode == "refused":
        raise RefusedCallError(INVALID_ARGUMENT, "the params of this model can't be changed in a request")
    if mode == "ignored":
        info = resources_pb2.OutputInfo()
    own = json_format.MessageToDict(info.params)
    keeps = turn.switches.predict_params == "merged" or not own
    declared = params.declared(kind, version.message).get("min_value")
    concepts = resources_pb2.Data.FromString(version.data).concepts
    return _Predictor(
        output=_output(kind, type_id, has_concepts=bool(concepts)),
        concepts=concepts,
        params={**stored, **own} if keeps else own,
        config=info.output_config,
        is_percentage=declared is not None and declared.model_type_range_info.max > 1,
        misses_concepts=_misses(info.output_config, concepts),
    )


def _output(kind: Any, type_id: str, *, has_concepts: bool) -> str:
    fields = () if kind is None else kind.output_fields
    if any(field.startswith("regions") for field in fields):
        return "regions"
    for output in ("text", "embeddings", "concepts"):
        if output in fields:
            return output
    if type_id.endswith("-embedder"):
        return "embeddings"
    return "concepts" if has_concepts else ""


def _misses(config: Any, concepts: Iterable[Any]) -> bool:
    """Whether some concepts that a request selects aren't the version's. Refused if all are ("Prediction Parameters")."""
    known = {name for concept in concepts for name in (concept.id, concept.name)}
    wanted = _selected(config, {})
    if wanted and not wanted & known:
        raise RefusedCallError(INVALID_ARGUMENT, f"no concept is named {', '.join(sorted(wanted))}")
    return bool(wanted - known)


def _selected(config: Any, values: Mapping[str, Any]) -> set[str]:
    """The ids or names that `select_concepts` has: of a request's output_config, else of the params."""
    if config.select_concepts:
        return {concept.id or concept.name for concept in config.select_concepts}
    listed = values.get("select_concepts")
    found: set[str] = set()
    for item in listed if isinstance(listed, list) else ():
        found.add(str(item.get("id") or item.get("name") or "") if isinstance(item, dict) else str(item))
    return found - {""}


def _number(values: Mapping[str, Any], name: str) -> float:
    value = values.get(name)
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0.0


def _numbers(content: bytes) -> list[float]:
    return [byte / 128 - 0.996 for byte in hashlib.sha256(content).digest()[:DIMENSIONS]]


# --- inputs -------------------------------------------------------------------------------------------------------


def _fill(output: Any, sent: Any, predictor: _Predictor, failing: Sequence[str]) -> None:
    """Give an output its input, its status, and its data if that is success."""
    output.input.id = sent.id
    output.input.data.CopyFrom(sent.data)
    output.input.data.image.ClearField("base64")
    content, prompt = _content(sent.data)
    code = SUCCESS
    if not content:
        code = INPUT_INVALID
    elif any(fnmatchcase(name, glob) for glob in failing for name in (sent.id, sent.data.image.url)):
        code = INPUT_DOWNLOAD_FAILED
    output.status.code = code
    output.status.description = DESCRIPTIONS[code]
    if code == SUCCESS:
        output.data.CopyFrom(predictor.data(content, prompt))
        if predictor.output == "text":
            output.prompt_tokens, output.completion_tokens = len(prompt.split()), len(output.data.text.raw.split())


def _content(data: Any) -> tuple[bytes, str]:
    """What an input holds, as bytes and as a prompt: its text, else the address of a file, else the bytes of an image."""
    text = data.text.raw or data.text.url or data.image.url or data.video.url or data.audio.url
    return (text.encode(), text) if text else (data.image.base64, "(image)")
