"""The documentation's samples in a loop ("Manage Models": GetModel, then PatchModels), one model after the other."""

from __future__ import annotations

import sys

from clarifai_grpc.channel.clarifai_channel import ClarifaiChannel
from clarifai_grpc.grpc.api import resources_pb2, service_pb2, service_pb2_grpc


def main(url: str, size: int, changed: int) -> None:
    """Read every model, and rename those that are to be renamed."""
    host, port = url.removeprefix("http://").split(":")
    stub = service_pb2_grpc.V2Stub(ClarifaiChannel.get_insecure_grpc_channel(base=host, port=int(port)))
    app = resources_pb2.UserAppIDSet(user_id="bench", app_id="fleet")
    for number in range(size):
        name = f"m{number:05d}"
        stub.GetModel(service_pb2.GetModelRequest(user_app_id=app, model_id=name))
        if number < changed:
            model = resources_pb2.Model(id=name, name=f"new {number}")
            stub.PatchModels(service_pb2.PatchModelsRequest(user_app_id=app, models=[model], action="overwrite"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
