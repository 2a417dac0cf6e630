"""The calls that make or delete models and versions."""

from __future__ import annotations

import re
import uuid
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2
from clarifai_grpc.grpc.api.status import status_pb2

from reconciler.emulator import params, rows
from reconciler.emulator.answers import (
    DUPLICATE,
    INVALID_REQUEST,
    MIXED_STATUS,
    MODEL_MISSING,
    TRAINED,
    VERSION_STATUS_TEXTS,
    RefusedCallError,
)
from reconciler.emulator.turn import Turn
from reconciler.emulator.usage import give_up
from reconciler.emulator.writes import taken

QUEUED: Final = 21103
PRIVATE: Final = 10
SENDABLE: Final = re.compile(r"\S+")


def delete_model(turn: Turn, request: Any) -> Any:
    """DeleteModel: the model with its versions."""
    user_id, app_id = turn.written_scope(request.user_app_id)
    row = turn.model(user_id, app_id, request.model_id)
    give_up(turn, user_id, app_id, request.model_id)
    rows.delete_model(turn.connection, row.pk)
    return _done()


def delete_models(turn: Turn, request: Any) -> Any:
    """DeleteModels: the ids, or every model of the app with delete_all. Both, or neither, are refused (a guess)."""
    user_id, app_id = turn.written_scope(request.user_app_id)
    if request.delete_all and request.ids:
        raise RefusedCallError(INVALID_REQUEST, "ids and delete_all can not be used at the same time")
    if request.delete_all:
        found = turn.connection.execute(
            "SELECT model_id FROM models WHERE user_id = ? AND app_id = ?", (user_id, app_id)
        )
        ids = [row[0] for row in found.fetchall()]
    else:
        ids = list(dict.fromkeys(taken(turn.switches, "ids", request.ids)))
    is_mixed = False
    for model_id in ids:
        row = rows.find_model(turn.connection, user_id, app_id, model_id)
        if row is None:
            if turn.switches.delete_models_unknown == "error":
                raise RefusedCallError(MODEL_MISSING)
            is_mixed = True
            continue
        give_up(turn, user_id, app_id, model_id)
        rows.delete_model(turn.connection, row.pk)
    answer = _done()
    if is_mixed and turn.switches.delete_models_unknown == "mixed":
        answer.status.code = MIXED_STATUS
    return answer


def delete_model_version(turn: Turn, request: Any) -> Any:
    """DeleteModelVersion: the last one too; the model then has none."""
    user_id, app_id = turn.written_scope(request.user_app_id)
    model = turn.model(user_id, app_id, request.model_id)
    version = turn.version(model, request.version_id)
    give_up(turn, user_id, app_id, request.model_id, version_id=request.version_id)
    rows.delete_version(turn.connection, version.pk)
    return _done()


def _done() -> Any:
    return status_pb2.BaseResponse()


def post_models(turn: Turn, request: Any) -> Any:
    """PostModels: models without a version (since January 2023, "Upcoming API changes", model versions)."""
    user_id, app_id = turn.written_scope(request.user_app_id)
    sent_models = list(request.models) or [request.model]
    answer = service_pb2.SingleModelResponse()
    for sent in sent_models:
        if not SENDABLE.fullmatch(sent.id):
            raise RefusedCallError(INVALID_REQUEST, f"model id '{sent.id}' is empty or has spaces")
        if rows.find_model(turn.connection, user_id, app_id, sent.id) is not None:
            raise RefusedCallError(DUPLICATE, f"Model '{sent.id}' already exists")
        message = resources_pb2.Model()
        message.CopyFrom(sent)
        message.ClearField("model_version")
        message.ClearField("output_info")
        message.user_id, message.app_id = user_id, app_id
        fill_new_model(message, turn.now)
        rows.add_model(turn.connection, message)
        row = turn.model(user_id, app_id, sent.id)
        answer.model.CopyFrom(turn.show.model(row, None))
    return answer


def fill_new_model(message: Any, now: int) -> None:
    """Fill in what every model has: a name (its id), a visibility, times."""
    message.name = message.name or message.id
    message.visibility.gettable = message.visibility.gettable or PRIVATE
    for name in ("created_at", "modified_at"):
        if not message.HasField(name):
            rows.set_timestamp(getattr(message, name), now)


def post_model_versions(turn: Turn, request: Any) -> Any:
    """PostModelVersions: a new version; of a trainable type it is queued for training, else it is ready."""
    user_id, app_id = turn.written_scope(request.user_app_id)
    taken(turn.switches, "model_versions", request.model_versions)
    model = turn.model(user_id, app_id, request.model_id)
    kind = rows.find_model_type(turn.connection, model.message.model_type_id)
    for offset, sent in enumerate(request.model_versions):
        message = resources_pb2.ModelVersion()
        message.CopyFrom(sent)
        message.id = uuid.uuid4().hex
        message.user_id, message.app_id = user_id, app_id
        message.description = message.description or request.description
        message.status.code = QUEUED if kind is not None and kind.trainable else TRAINED
        if turn.switches.server_adds_params != "never":
            params.add_defaults(message.output_info.params, params.declared(kind, message))
        fill_new_version(message, turn.now + offset * 1000)
        rows.add_versions(turn.connection, model.pk, [message])
    fresh = turn.model(user_id, app_id, request.model_id)
    rows.set_timestamp(fresh.message.modified_at, turn.now)
    rows.save_model(turn.connection, fresh.pk, fresh.message)
    return service_pb2.SingleModelResponse(model=turn.show.model(fresh, turn.latest(fresh)))


def fill_new_version(message: Any, now: int) -> None:
    """Fill in what every version has: a status, a visibility, times, the count of its concepts."""
    message.status.code = message.status.code or TRAINED
    message.status.description = message.status.description or VERSION_STATUS_TEXTS.get(message.status.code, "")
    message.visibility.gettable = message.visibility.gettable or PRIVATE
    message.active_concept_count = message.active_concept_count or len(message.output_info.data.concepts)
    if not message.HasField("created_at"):
        rows.set_timestamp(message.created_at, now)
    if not message.HasField("modified_at"):
        message.modified_at.CopyFrom(message.created_at)
