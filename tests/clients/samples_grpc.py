"""The samples of Clarifai's "Manage Models" page for Python (gRPC), in the order of the page.

Reads the address from CLARIFAI_GRPC_BASE and the ids from CLARIFAI_USER_ID, CLARIFAI_APP_ID and CLARIFAI_PAT. Prints a line
of JSON for each sample: the call, the code of its answer, and what the sample shows.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from clarifai_grpc.channel.clarifai_channel import ClarifaiChannel
from clarifai_grpc.grpc.api import resources_pb2, service_pb2, service_pb2_grpc
from google.protobuf.struct_pb2 import Struct

MODEL_ID = "petsID"

HOST, PORT = os.environ["CLARIFAI_GRPC_BASE"].split(":")
STUB = service_pb2_grpc.V2Stub(ClarifaiChannel.get_insecure_grpc_channel(HOST, int(PORT)))
METADATA = (("authorization", "Key " + os.environ["CLARIFAI_PAT"]),)
USER_APP = resources_pb2.UserAppIDSet(user_id=os.environ["CLARIFAI_USER_ID"], app_id=os.environ["CLARIFAI_APP_ID"])


def call(rpc: str, **fields: Any) -> Any:
    """Make one call; its status must be success."""
    request = getattr(service_pb2, f"{rpc}Request", None) or service_pb2.GetModelRequest
    response = getattr(STUB, rpc)(request(user_app_id=USER_APP, **fields), metadata=METADATA)
    if response.status.code != 10000:
        raise SystemExit(f"{rpc} failed: {response.status}")
    return response


def show(rpc: str, response: Any, shown: Any) -> None:
    """Print what a sample shows."""
    sys.stdout.write(json.dumps({"call": rpc, "code": response.status.code, "shown": shown}) + "\n")


def main() -> None:
    """Run every sample."""
    response = call("ListModelTypes")
    show("ListModelTypes", response, [kind.id for kind in response.model_types])
    response = call("ListModels")
    show("ListModels", response, [model.id for model in response.models])
    response = call("GetModel", model_id=MODEL_ID)
    show("GetModel", response, response.model.id)
    response = call("GetModelOutputInfo", model_id=MODEL_ID)
    concepts = response.model.model_version.output_info.data.concepts
    show("GetModelOutputInfo", response, [concept.id for concept in concepts])
    response = call("ListModelConcepts", model_id=MODEL_ID)
    show("ListModelConcepts", response, [concept.id for concept in response.concepts])
    response = call("ListModelVersions", model_id=MODEL_ID)
    show("ListModelVersions", response, len(response.model_versions))
    response = call("GetModelVersion", model_id=MODEL_ID, version_id="daf51b311c8644a486bbbe57c0680bc2")
    show("GetModelVersion", response, response.model_version.id)

    response = call("PatchModels", action="overwrite", models=[resources_pb2.Model(id=MODEL_ID, name="newname")])
    show("PatchModels", response, response.models[0].name)
    params = Struct()
    params.update({"min_value": 0.95})
    version = resources_pb2.ModelVersion(
        id="b0b89c973e5d4b6d9599ce13da04b894", output_info=resources_pb2.OutputInfo(params=params)
    )
    response = call("PatchModelVersions", action="overwrite", model_id=MODEL_ID, model_versions=[version])
    show("PatchModelVersions", response, response.model_versions[0].output_info.params["min_value"])

    query = resources_pb2.ModelQuery(name="gen*", model_type_id="concept")
    response = call("PostModelsSearches", model_query=query)
    show("PostModelsSearches", response, [model.id for model in response.models])

    response = call("DeleteModelVersion", model_id=MODEL_ID, version_id="9641cbbb019b424db17e593b48ebc7ff")
    show("DeleteModelVersion", response, None)
    response = call("DeleteModel", model_id=MODEL_ID)
    show("DeleteModel", response, None)
    response = call("DeleteModels", delete_all=True)
    show("DeleteModels", response, None)


if __name__ == "__main__":
    main()
