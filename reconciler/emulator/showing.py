"""How stored objects look in answers.

In: stored messages and the switches in force. Out: messages as the service shows them. Nothing here changes the state.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.emulator import params, rows
from reconciler.emulator.rows import Connection, ModelRow, VersionRow
from reconciler.emulator.switches import Switches

MASK: Final = "****"
OUTPUT_INFO_MESSAGE: Final = "Show output_info with: GET /models/{model_id}/output_info"
"""Stands for the concepts in recorded answers of PatchModels and PostModelVersions, braces included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """Turns stored messages into those of an answer."""

    connection: Connection
    switches: Switches
    _types: dict[str, Any] = field(default_factory=dict)

    def version(self, model: ModelRow, row: VersionRow, *, with_concepts: bool = False) -> Any:
        """A version with its concepts, or with the sentence that stands for them."""
        message = resources_pb2.ModelVersion()
        message.CopyFrom(row.message)
        self._complete_version(message, model.message)
        if with_concepts:
            message.output_info.ClearField("message")
            message.output_info.data.MergeFromString(row.data)
        return message

    def model(self, row: ModelRow, version: VersionRow | None, fields: frozenset[str] = frozenset()) -> Any:
        """A model with one version; `fields` are the request's additional_fields."""
        message = resources_pb2.Model()
        message.CopyFrom(row.message)
        if version is not None:
            message.model_version.CopyFrom(version.message)
            self._complete_version(message.model_version, message)
        self._complete_model(message, fields)
        return message

    def add_listed_model(
        self, models: Any, body: bytes, version: tuple[bytes, bytes] | None, fields: frozenset[str]
    ) -> Any:
        """Append a stored model to the models of an answer, with a stored version's body; returns the message."""
        message = models.add()
        message.MergeFromString(body)
        if version is not None:
            message.model_version.MergeFromString(version[0])
            self._complete_version(message.model_version, message)
            if not self.switches.output_info_in_list:
                message.model_version.ClearField("output_info")
        self._complete_model(message, fields)
        return message

    def workflow(self, pk: int, fields: frozenset[str] = frozenset()) -> Any:
        """A workflow with its latest version, whose nodes are those of the workflow.

        (resources.proto, Workflow.version: "used to return the latest version when listing Workflows".)
        """
        message = rows.workflow_at(self.connection, pk)
        versions = rows.workflow_versions(self.connection, pk)
        if versions:
            message.version.CopyFrom(versions[0].message)
            message.nodes.extend(versions[0].message.nodes)
        message.metadata.SetInParent()
        if not {"all", "stars"} & fields:
            message.ClearField("star_count")
            message.ClearField("is_starred")
        return message

    def _complete_version(self, message: Any, model: Any) -> None:
        """Make a stored version what every answer shows.

        Sub-messages are there even if empty, a sentence stands for the concepts, and secrets and times are shown as the
        switches say.
        """
        for name in ("metadata", "input_info", "train_info", "import_info"):
            getattr(message, name).SetInParent()
        message.output_info.output_config.SetInParent()
        message.output_info.message = OUTPUT_INFO_MESSAGE
        if self.switches.secrets != "as_sent":
            self._conceal_secrets(message, model.model_type_id)
        if self.switches.version_created_at == "equal":
            message.created_at.CopyFrom(model.created_at)
        elif self.switches.version_created_at == "absent":
            message.ClearField("created_at")

    def _conceal_secrets(self, version: Any, model_type_id: str) -> None:
        if model_type_id not in self._types:
            self._types[model_type_id] = rows.find_model_type(self.connection, model_type_id)
        stored = version.output_info.params.fields
        for name in params.secret_names(self._types[model_type_id], version):
            if name not in stored:
                continue
            if self.switches.secrets == "absent":
                del stored[name]
            else:
                params.conceal(stored[name], self._concealed)

    def _concealed(self, secret: str) -> str:
        if self.switches.secrets == "masked":
            return MASK
        salt = uuid.uuid4().hex if self.switches.secrets == "ciphertext_new" else ""
        return "enc:" + hashlib.sha256(f"{salt}{secret}".encode()).hexdigest()

    def _complete_model(self, message: Any, fields: frozenset[str]) -> None:
        """Add what every answer shows, and leave out what has to be asked for."""
        everything = "all" in fields
        message.metadata.SetInParent()
        message.workflow_recommended.SetInParent()
        message.languages_full.extend(_full_tags(message.languages))
        if self.switches.presets == "always" or everything or "presets" in fields:
            message.presets.SetInParent()
        else:
            message.ClearField("presets")
        if not (everything or "stars" in fields):
            message.ClearField("star_count")
            message.ClearField("is_starred")
        if not (everything or "counts" in fields):
            message.ClearField("version_count")


def _full_tags(tags: Sequence[str]) -> list[Any]:
    return [resources_pb2.FullTag(id=tag, name=tag) for tag in tags]
