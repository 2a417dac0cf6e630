"""A client for the emulator's tests: the real stubs of clarifai_grpc, with and without the channel's hidden retries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
from clarifai_grpc.channel.clarifai_channel import ClarifaiChannel
from clarifai_grpc.grpc.api import resources_pb2, service_pb2, service_pb2_grpc
from google.protobuf import json_format

if TYPE_CHECKING:
    from reconciler.emulator.server import Emulator

PETS_VERSION = "b0b89c973e5d4b6d9599ce13da04b894"
PETS = {"user_id": "demo", "app_id": "pets"}


class Client:
    """Calls by name and JSON: `client("GetModel", model_id="petsID")`, user demo and app pets unless said otherwise."""

    def __init__(self, stub: Any) -> None:
        self.stub = stub
        self.metadata: tuple[tuple[str, str], ...] = (("authorization", "Key planted-token"),)

    def __call__(self, rpc: str, *, timeout: float = 10, **fields: Any) -> Any:
        """The answer message of one call."""
        request_type = service_pb2.DESCRIPTOR.services_by_name["V2"].methods_by_name[rpc].input_type.name
        request = json_format.ParseDict({"user_app_id": PETS, **fields}, getattr(service_pb2, request_type)())
        return getattr(self.stub, rpc)(request, metadata=self.metadata, timeout=timeout)

    def json(self, rpc: str, **fields: Any) -> dict[str, Any]:
        """The answer as JSON with proto field names; its status must be success, and is left out."""
        answer = self(rpc, **fields)
        assert answer.status.code == 10000, answer.status
        return without_status(answer)

    def status(self, rpc: str, **fields: Any) -> tuple[int, str]:
        """The code and the details of an answer's status."""
        status = self(rpc, **fields).status
        return status.code, status.details

    def models(self, **fields: Any) -> list[str]:
        """The ids that ListModels gives."""
        return [model["id"] for model in self.json("ListModels", **fields).get("models", [])]

    def model(self, model_id: str = "petsID") -> dict[str, Any]:
        """GetModel's model."""
        found: dict[str, Any] = self.json("GetModel", model_id=model_id)["model"]
        return found

    def version(self, version_id: str = PETS_VERSION, model_id: str = "petsID") -> dict[str, Any]:
        """GetModelVersion's version."""
        found: dict[str, Any] = self.json("GetModelVersion", model_id=model_id, version_id=version_id)["model_version"]
        return found

    def params(self, version_id: str = PETS_VERSION, model_id: str = "petsID") -> dict[str, Any]:
        """The params of a version."""
        found: dict[str, Any] = self.version(version_id, model_id)["output_info"].get("params", {})
        return found

    def patch_model(self, action: str = "merge", **fields: Any) -> tuple[int, str]:
        """PatchModels of petsID."""
        return self.status("PatchModels", action=action, models=[{"id": "petsID", **fields}])

    def patch_version(self, action: str = "merge", **fields: Any) -> tuple[int, str]:
        """PatchModelVersions of petsID's version."""
        versions = [{"id": PETS_VERSION, **fields}]
        return self.status("PatchModelVersions", model_id="petsID", action=action, model_versions=versions)


def without_status(answer: Any) -> dict[str, Any]:
    """An answer as JSON without its status."""
    found: dict[str, Any] = json_format.MessageToDict(answer, preserving_proto_field_name=True)
    return {key: value for key, value in found.items() if key != "status"}


@contextmanager
def connected(emulator: Emulator, *, retries: bool = False) -> Iterator[Client]:
    """A client of a running emulator; `retries` keeps the channel's own ones on UNAVAILABLE, as Clarifai's SDK has."""
    host, port = emulator.url.removeprefix("http://").split(":")
    channel = ClarifaiChannel.get_insecure_grpc_channel(host, int(port))
    if not retries:
        channel.close()
        channel = grpc.insecure_channel(f"{host}:{port}", options=[("grpc.enable_retries", 0)])
    try:
        yield Client(service_pb2_grpc.V2Stub(channel))
    finally:
        channel.close()


def user_app(user_id: str = "", app_id: str = "") -> Mapping[str, str]:
    """A user_app_id as JSON."""
    message = resources_pb2.UserAppIDSet(user_id=user_id, app_id=app_id)
    found: dict[str, str] = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return found
