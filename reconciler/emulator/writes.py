"""The calls that change models and versions in place.

Unless `refused_object` says otherwise, a request is applied whole or not at all: a refusal rolls back what was done before
it. That PatchModels works this way is a guess (the Model message has no room for a status of its own); it is documented for
datasets only.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from clarifai_grpc.grpc.api import service_pb2
from google.protobuf import json_format

from reconciler.emulator import params, rows
from reconciler.emulator.answers import (
    BAD_FORMAT,
    INVALID_ARGUMENT,
    INVALID_REQUEST,
    MIXED_STATUS,
    BrokenOffCallError,
    RefusedCallError,
)
from reconciler.emulator.patching import MODEL_RULES, VERSION_RULES, BadPatchError, Rules, Variant, patch_fields
from reconciler.emulator.rows import ModelRow
from reconciler.emulator.settling import drop_unstored_tags, settle_model, settle_tags, settle_version
from reconciler.emulator.switches import Switches
from reconciler.emulator.turn import Turn

HOSTED_PREFIX: Final = "https://data.clarifai.com"
HOSTED_SIZES: Final = ("small", "large")


def patch_models(turn: Turn, request: Any) -> Any:
    """PatchModels: model level fields only. Makes no version, and moves modified_at."""
    user_id, app_id = turn.written_scope(request.user_app_id)
    answer = service_pb2.MultiModelResponse()

    def patch(sent: Any) -> None:
        row = turn.model(user_id, app_id, sent.id)
        before = _copy(row.message)
        if request.action == "remove":
            _remove_image(row, sent)
        else:
            _patch_model(turn, row, sent, request.action)
        rows.set_timestamp(row.message.modified_at, turn.now)
        patched = _copy(row.message)
        settle_model(before, row.message, sent, turn.switches)
        rows.save_model(turn.connection, row.pk, row.message)
        if turn.switches.patch_answer == "as_sent":
            row.message = patched
        answer.models.append(turn.show.model(row, turn.latest(row)))

    _patch_each(turn.switches, taken(turn.switches, "models", request.models), patch, answer)
    return answer


def _patch_each(switches: Switches, items: Sequence[Any], patch: Callable[[Any], None], answer: Any) -> None:
    """Patch one object after the other. What stays done if one of them is refused is a switch."""
    for sent in items:
        try:
            patch(sent)
        except RefusedCallError as refusal:  # noqa: PERF203 - each object is refused alone
            if switches.refused_object == "nothing" or len(items) == 1:
                raise
            if switches.refused_object == "before":
                answer.status.code = refusal.code
                return
            answer.status.code = MIXED_STATUS


def _copy(message: Any) -> Any:
    made = type(message)()
    made.CopyFrom(message)
    return made


def _patch_model(turn: Turn, row: ModelRow, sent: Any, action: str) -> None:
    if sent.HasField("output_info") and turn.switches.patch_models_output_info == "error":
        raise RefusedCallError(INVALID_ARGUMENT, "output_info can not be patched with PatchModels")
    before = _copy(row.message.image)
    _apply(row.message, sent, action, MODEL_RULES, turn.switches)
    if not sent.HasField("image"):
        return
    image = row.message.image
    if image.url == before.url and not image.base64:
        image.CopyFrom(before)
    elif turn.switches.image_url == "hosted":
        _host_image(row.message)
    else:
        image.ClearField("hosted")


def _remove_image(row: ModelRow, sent: Any) -> None:
    """`remove` takes the image away and can't be combined with another change of the model.

    image.url must be the current one (service.proto, PatchModelsRequest.action). Where the service has made a copy of
    the image, that is the url that it serves; the one that was sent is accepted too, because "Manage Models" (Clarifai
    documentation, "Other Patch Operations") removes an image by the url that it has just set. The status code of the
    refusals is a guess.
    """
    fields = {spec.name for spec, _ in sent.ListFields()}
    if fields != {"id", "image"} or {spec.name for spec, _ in sent.image.ListFields()} != {"url"}:
        others = ", ".join(sorted(fields - {"id", "image"})) or "no image.url"
        raise RefusedCallError(
            INVALID_REQUEST, f"action 'remove' takes image.url alone, model '{sent.id}' has {others} in the request"
        )
    image = row.message.image
    is_current = sent.image.url == image.url or _hosted_suffix(row.message, sent.image) == image.hosted.suffix
    if not image.url or not is_current:
        raise RefusedCallError(INVALID_REQUEST, f"image.url is not the current value of model '{sent.id}'")
    row.message.ClearField("image")


def _host_image(message: Any) -> None:
    """Replace the image by a hosted copy that looks like those in the service's answers."""
    suffix = _hosted_suffix(message, message.image)
    message.ClearField("image")
    message.image.url = f"{HOSTED_PREFIX}/large/{suffix}"
    message.image.hosted.prefix = HOSTED_PREFIX
    message.image.hosted.suffix = suffix
    message.image.hosted.sizes.extend(HOSTED_SIZES)
    message.image.hosted.crossorigin = "use-credentials"


def _hosted_suffix(model: Any, image: Any) -> str:
    """Where the copy of an image lies. It depends on the url or the bytes that were sent alone, so that both urls of an
    image lead to the same place."""
    content = base64.b64encode(image.base64) if image.base64 else image.url.encode()
    name = hashlib.md5(content, usedforsecurity=False).hexdigest()
    owner = model.user_id
    return f"users/{owner}/apps/{model.app_id}/input_owners/{owner}/inputs/image/{name}"


def patch_model_versions(turn: Turn, request: Any) -> Any:
    """PatchModelVersions: a version keeps its id, its concepts and its status."""
    user_id, app_id = turn.written_scope(request.user_app_id)
    model = turn.model(user_id, app_id, request.model_id)
    kind = rows.find_model_type(turn.connection, model.message.model_type_id)
    answer = service_pb2.MultiModelVersionResponse()

    def patch(sent: Any) -> None:
        row = turn.version(model, sent.id)
        before = _copy(row.message)
        _apply(row.message, sent, request.action, VERSION_RULES, turn.switches)
        _require_allowed(turn, before, row.message, sent, kind)
        if turn.switches.version_modified_at == "bumped":
            rows.set_timestamp(row.message.modified_at, turn.now)
        patched = _copy(row.message)
        settle_version(
            before, row.message, sent, turn.switches, model_id=request.model_id, kind=kind, action=request.action
        )
        rows.save_version(turn.connection, row.pk, row.message)
        if turn.switches.patch_answer == "as_sent":
            row.message = patched
        answer.model_versions.append(turn.show.version(model, row))

    _patch_each(turn.switches, taken(turn.switches, "model_versions", request.model_versions), patch, answer)
    return answer


def _require_allowed(turn: Turn, before: Any, after: Any, sent: Any, kind: Any) -> None:
    accelerators = (set(version.inference_compute_info.accelerator_type) for version in (before, after))
    if next(accelerators) != next(accelerators):
        # The service rejects this (comment in the clarifai package, runners/models/model_deploy.py); the code is a guess.
        raise RefusedCallError(INVALID_ARGUMENT, "inference_compute_info.accelerator_type can not be changed")
    if sent.output_info.HasField("params") and turn.switches.validate_params == "error":
        params.require_valid(after.output_info.params, params.declared(kind, after))


def patch_model_toolkits(turn: Turn, request: Any) -> Any:
    """PatchModelToolkits: the list becomes the one sent, empty ones too."""
    return service_pb2.MultiModelToolkitResponse(toolkits=_set_tags(turn, request, "toolkits", request.toolkits))


def patch_model_use_cases(turn: Turn, request: Any) -> Any:
    """PatchModelUseCases: the list becomes the one sent, empty ones too."""
    return service_pb2.MultiModelUseCaseResponse(usecases=_set_tags(turn, request, "use_cases", request.usecases))


def patch_model_languages(turn: Turn, request: Any) -> Any:
    """PatchModelLanguages: the list becomes the one sent, empty ones too."""
    return service_pb2.MultiModelLanguageResponse(languages=_set_tags(turn, request, "languages", request.languages))


def _set_tags(turn: Turn, request: Any, field: str, tags: Sequence[str]) -> Sequence[str]:
    user_id, app_id = turn.written_scope(request.user_app_id)
    if request.action != "overwrite":
        raise RefusedCallError(
            INVALID_REQUEST,
            f"Invalid action: Unrecognized action '{request.action}'. Supported actions: overwrite",
        )
    row = turn.model(user_id, app_id, request.model_id)
    before = _copy(row.message)
    row.message.ClearField(field)
    getattr(row.message, field).extend(dict.fromkeys(tags))
    sent = list(getattr(row.message, field))
    settle_tags(row.message, field, turn.switches)
    drop_unstored_tags(before, row.message, turn.switches)
    rows.set_timestamp(row.message.modified_at, turn.now)
    rows.save_model(turn.connection, row.pk, row.message)
    return sent if turn.switches.patch_answer == "as_sent" else list(getattr(row.message, field))


def taken(switches: Switches, name: str, items: Sequence[Any]) -> Sequence[Any]:
    """The objects of a request that are looked at. An empty list is refused; what happens to too many is a switch."""
    if not items:
        raise RefusedCallError(INVALID_REQUEST, f"{name} is empty")
    if switches.max_batch is None or len(items) <= switches.max_batch:
        return items
    if switches.batch_over == "first":
        return items[: switches.max_batch]
    details = f"{len(items)} {name} in one request, at most {switches.max_batch} are allowed"
    if switches.batch_over.isdigit():
        raise RefusedCallError(int(switches.batch_over), details)
    raise BrokenOffCallError(switches.batch_over, details)


def _apply(stored: Any, sent: Any, action: str, rules: Rules, switches: Switches) -> None:
    """Patch the message `stored` in place. Only fields that were sent are written, the others keep their bytes."""
    variant = Variant(
        removes_keys=switches.remove_keys == "taken",
        struct=switches.overwrite_struct,
        keeps_unsent=switches.overwrite_output_info == "keep_unsent",
        tags=switches.merge_tags,
    )
    try:
        patch = json_format.MessageToDict(sent, preserving_proto_field_name=True)
        patch = {name: value for name, value in patch.items() if name in rules}
        before = type(stored)()
        for name in patch:
            _copy_field(stored, before, name)
        after = patch_fields(
            action, patch, json_format.MessageToDict(before, preserving_proto_field_name=True), rules, variant
        )
        for name in patch:
            stored.ClearField(name)
        json_format.ParseDict(after, stored)
    except BadPatchError as error:
        raise RefusedCallError(INVALID_REQUEST, f"Invalid action: {error}") from error
    except (ValueError, json_format.Error) as error:
        raise RefusedCallError(BAD_FORMAT, f"{type(sent).DESCRIPTOR.name} {sent.id}: {error}") from error


def _copy_field(source: Any, target: Any, name: str) -> None:
    spec = source.DESCRIPTOR.fields_by_name[name]
    value = getattr(source, name)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):  # repeated
        getattr(target, name).extend(value)
    elif spec.message_type is None:
        setattr(target, name, value)
    elif source.HasField(name):
        getattr(target, name).CopyFrom(value)
