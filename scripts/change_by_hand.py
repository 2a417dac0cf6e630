"""Changes one model the way a person in the web page would: with Clarifai's own client, past every manifest.

    python scripts/change_by_hand.py http://127.0.0.1:PORT USER/APP/MODEL "new description"

Knows nothing of the reconciler. Only for an emulator: it talks without encryption.
"""

from __future__ import annotations

import os
import sys

from clarifai_grpc.channel.clarifai_channel import ClarifaiChannel
from clarifai_grpc.grpc.api import resources_pb2, service_pb2, service_pb2_grpc
from clarifai_grpc.grpc.api.status import status_code_pb2


def main(endpoint: str, address: str, description: str) -> int:
    """Send one PatchModels; the exit code says whether the service said yes."""
    host, _, port = endpoint.removeprefix("http://").partition(":")
    user_id, app_id, model_id = address.split("/")
    with ClarifaiChannel.get_insecure_grpc_channel(base=host, port=int(port)) as channel:
        answer = service_pb2_grpc.V2Stub(channel).PatchModels(
            service_pb2.PatchModelsRequest(
                user_app_id=resources_pb2.UserAppIDSet(user_id=user_id, app_id=app_id),
                models=[resources_pb2.Model(id=model_id, description=description)],
                action="overwrite",
            ),
            metadata=[("authorization", f"Key {os.environ.get('CLARIFAI_PAT', 'any')}")],
            timeout=30,
        )
    if answer.status.code != status_code_pb2.SUCCESS:
        print(f"{answer.status.code} {answer.status.description}: {answer.status.details}", file=sys.stderr)
        return 1
    print(f"{address}: description is now {answer.models[0].description!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
