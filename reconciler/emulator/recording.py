"""Records the calls that an emulator gets as JSON lines, for tests that assert what a pipeline sent.

In: calls as they end. Out: a line for each in a file: `n` (the order of arrival), `rpc`, `request` (with proto field
names), `metadata`, `status_code` (Clarifai's, 0 where the call ended as a gRPC error) and `grpc_code`. No secret is
written: of the metadata only what is not one, and of params the model type's ENCRYPTED_STRING and ARRAY_OF_SECRETS are
replaced. Where the type is unknown, every string among the params is.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2
from google.protobuf import json_format

from reconciler.emulator import params, rows
from reconciler.emulator.rows import Connection
from reconciler.errors import ReconcilerError

REDACTED: Final = "(redacted)"
RECORDED_METADATA: Final = ("user-agent", "x-clarifai-request-id-prefix")


class RecordError(ReconcilerError):
    """The file for the record can't be written."""


class Recorder:
    """Writes one file, from the first call to `close`. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """Create the file, or empty it. Raises RecordError."""
        self._lock = threading.Lock()
        self._open: dict[int, dict[str, Any]] = {}
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            self._file = os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8")
        except OSError as error:
            raise RecordError(
                f"the record can't be written to {path}: {error.strerror}. Choose another file."
            ) from error

    def begin(self, number: int, rpc: str, request: Any, metadata: Mapping[str, str], connection: Connection) -> None:
        """Note a call that arrives; what is secret in it depends on the state before the call."""
        entry = {
            "n": number,
            "rpc": rpc,
            "request": _without_secrets(request, connection),
            "metadata": {name: metadata[name] for name in RECORDED_METADATA if name in metadata},
        }
        with self._lock:
            self._open[number] = entry

    def end(self, number: int, *, status_code: int, grpc_code: str) -> None:
        """Write a call that has ended."""
        with self._lock:
            entry = {**self._open.pop(number), "status_code": status_code, "grpc_code": grpc_code}
            self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file; calls that are still under way are not written. May be called more than once."""
        with self._lock:
            self._file.close()


def _without_secrets(request: Any, connection: Connection) -> dict[str, Any]:
    shown = type(request)()
    shown.CopyFrom(request)
    kind = _model_type(request, connection)
    for info in _output_infos(shown):
        _redact(info, kind)
    try:
        found: dict[str, Any] = json_format.MessageToDict(shown, preserving_proto_field_name=True)
    except (ValueError, json_format.Error) as error:
        return {"unreadable": str(error)}
    return found


def _output_infos(message: Any) -> Iterator[Any]:
    """Every OutputInfo in a message: of versions, of models, and of a workflow's nodes."""
    for spec, value in message.ListFields():
        if spec.message_type is None or spec.message_type.file.package.startswith("google."):
            continue
        for inner in value if isinstance(value, Sequence) else (value,):
            if inner.DESCRIPTOR.name == "OutputInfo":
                yield inner
            elif hasattr(inner, "ListFields"):
                yield from _output_infos(inner)


def _model_type(request: Any, connection: Connection) -> Any:
    """The ModelType of the model that a request names; None where it names none that exists."""
    if not {"model_id", "user_app_id"} <= set(request.DESCRIPTOR.fields_by_name):
        return None
    row = connection.execute(
        "SELECT model_type_id FROM models WHERE model_id = ? AND app_id = ?",
        (request.model_id, request.user_app_id.app_id),
    ).fetchone()
    return None if row is None else rows.find_model_type(connection, row[0])


def _redact(info: Any, kind: Any) -> None:
    fields = info.params.fields
    if kind is None:
        secret = list(fields)
    else:
        version = resources_pb2.ModelVersion()
        version.output_info.CopyFrom(info)
        secret = params.secret_names(kind, version)
    for name in secret:
        if name in fields:
            _redact_strings(fields[name])


def _redact_strings(value: Any) -> None:
    shape = value.WhichOneof("kind")
    if shape == "string_value":
        value.string_value = REDACTED
    elif shape == "list_value":
        for item in value.list_value.values:
            _redact_strings(item)
    elif shape == "struct_value":
        for item in value.struct_value.fields.values():
            _redact_strings(item)
