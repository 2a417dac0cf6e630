"""Changes the description of a model with Clarifai's own client, as a person might do without changing the manifest.

    python scripts/change_by_hand.py http://127.0.0.1:PORT USER/APP/MODEL "new description"

It doesn't use the reconciler. It is for the emulator only, because the connection isn't encrypted.
"""

from __future__ import annotations

import os
import sys

from clarifai_grpc.channel.clarifai_channel import ClarifaiChannel
from clarifai_grpc.grpc.api import resources_pb2, service_pb2, service_pb2_grpc
from clarifai_grpc.grpc.api.status import status_code_pb2


def main(endpoint: str, address: str, description: str) -> int:
    """Send one PatchModels request. Returns 0 if it succeeded, 1 otherwise."""
    host, _, port = endpoint.removeprefix("http://").partition(":")
    user_id, app_id, model_id = address.split("/")
    with ClarifaiChannel.get_insecure_grpc_channel(base=host, port=int(port)) as channel:
        response = service_pb2_grpc.V2Stub(channel).PatchModels(
            service_pb2.PatchModelsRequest(
                user_app_id=resources_pb2.UserAppIDSet(user_id=user_id, app_id=app_id),
                models=[resources_pb2.Model(id=model_id, description=description)],
                action="overwrite",
            ),
            metadata=[("authorization", f"Key {os.environ.get('CLARIFAI_PAT', 'any')}")],
            timeout=30,
        )
    if response.status.code != status_code_pb2.SUCCESS:
        print(f"{response.status.code} {response.status.description}: {response.status.details}", file=sys.stderr)
        return 1
    print(f"{address}: description is now {response.models[0].description!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
