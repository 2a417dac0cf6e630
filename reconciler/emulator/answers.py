"""How stored messages look in an answer, and how refusals are told.

In: stored messages and the switches. Out: messages as the service shows them. Application errors are ordinary answers:
gRPC says OK and `status.code` tells (Clarifai documentation, "Manage Models", comments of the samples).
"""

from __future__ import annotations

from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.emulator.rows import ModelRow, VersionRow
from reconciler.emulator.switches import Switches

SUCCESS: Final = 10000
MIXED_STATUS: Final = 10010
RESOURCE_MISSING: Final = 11101
INVALID_REQUEST: Final = 11102
KEY_INVALID: Final = 11008
KEY_NOT_FOUND: Final = 11009
BAD_FORMAT: Final = 11100
THROTTLED: Final = 11005
MODEL_MISSING: Final = 21200
PERMISSION_DENIED: Final = 21201
INVALID_ARGUMENT: Final = 21202
MODEL_INVALID_REQUEST: Final = 21203
DUPLICATE: Final = 40010
UNCATEGORIZED: Final = 99009
TRAINED: Final = 21100

DESCRIPTIONS: Final = {
    SUCCESS: "Ok",
    MIXED_STATUS: "Mixed Success",
    10020: "Failure",
    11003: "Throttle hourly request limit exceeded",
    THROTTLED: "Making too many requests",
    KEY_INVALID: "Invalid API key or Invalid API key/application pair",
    KEY_NOT_FOUND: "API key not found",
    BAD_FORMAT: "Bad request format",
    RESOURCE_MISSING: "Resource does not exist",
    INVALID_REQUEST: "Invalid request",
    MODEL_MISSING: "Model does not exist",
    PERMISSION_DENIED: "Model permission denied",
    INVALID_ARGUMENT: "Model invalid argument",
    MODEL_INVALID_REQUEST: "Model invalid request",
    DUPLICATE: "Object has a duplicate ID",
    98009: "Internal unexpected timeout",
    UNCATEGORIZED: "Internal uncategorized error",
}
"""The published text of each code (Clarifai documentation, "Status Codes", "Rate Limits", "API Outputs"); where that
prints none, a plain wording of the code's name."""

VERSION_STATUS_TEXTS: Final = {
    TRAINED: "Model is trained and ready for deployment",
    21101: "Model is currently training",
    21102: "Model not yet trained",
    21103: "Model is currently in queue for training.",
}

OUTPUT_INFO_MESSAGE: Final = "Show output_info with: GET /models/{model_id}/output_info"
"""Stands for the concepts in answers of PatchModels and PostModelVersions as recorded, braces and all."""


class RefusedCallError(Exception):
    """A call that is answered by a status other than success; everything it did is rolled back."""

    def __init__(self, code: int, details: str = "") -> None:
        self.code = code
        self.details = details or DESCRIPTIONS[code]
        super().__init__(f"{code}: {self.details}")


def set_status(status: Any, code: int, *, request_id: str, details: str = "") -> None:
    """Fill a Status message as every answer has it."""
    status.code = code
    status.description = DESCRIPTIONS[code]
    status.details = details
    status.req_id = request_id


def shown_version(row: VersionRow, *, with_concepts: bool = False) -> Any:
    """The version with its concepts, or with the sentence that stands for them."""
    message = resources_pb2.ModelVersion()
    message.CopyFrom(row.message)
    fill_version(message)
    if with_concepts:
        message.output_info.ClearField("message")
        message.output_info.data.MergeFromString(row.data)
    return message


def shown_model(row: ModelRow, version: VersionRow | None, switches: Switches, fields: frozenset[str]) -> Any:
    """The model with one version; `fields` are the request's additional_fields."""
    message = resources_pb2.Model()
    message.CopyFrom(row.message)
    if version is not None:
        message.model_version.CopyFrom(version.message)
        fill_version(message.model_version)
    fill_model(message, switches, fields)
    return message


def fill_version(message: Any) -> None:
    """Add what every answer shows: sub-messages even if empty, and the sentence in place of the concepts."""
    for name in ("metadata", "input_info", "train_info", "import_info"):
        getattr(message, name).SetInParent()
    message.output_info.output_config.SetInParent()
    message.output_info.message = OUTPUT_INFO_MESSAGE


def fill_model(message: Any, switches: Switches, fields: frozenset[str]) -> None:
    """Add what every answer shows, and leave out what has to be asked for."""
    everything = "all" in fields
    message.metadata.SetInParent()
    message.workflow_recommended.SetInParent()
    message.languages_full.extend(resources_pb2.FullTag(id=tag, name=tag) for tag in message.languages)
    if switches.presets == "always" or everything or "presets" in fields:
        message.presets.SetInParent()
    else:
        message.ClearField("presets")
    if not (everything or "stars" in fields):
        message.ClearField("star_count")
        message.ClearField("is_starred")
    if not (everything or "counts" in fields):
        message.ClearField("version_count")
