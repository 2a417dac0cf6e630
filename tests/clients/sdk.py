"""Drives the emulator with the `clarifai` package, as its users do; prints what it saw as one JSON document.

Run with the interpreter that has the package; CLARIFAI_API_BASE, CLARIFAI_PAT and CLARIFAI_USER_ID are set.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from clarifai.client.app import App  # type: ignore[import-not-found]
from clarifai.client.model import Model  # type: ignore[import-not-found]
from clarifai_grpc.grpc.api import resources_pb2, service_pb2
from google.protobuf import json_format, struct_pb2

METRO = "https://samples.clarifai.com/metro-north.jpg"
PETS_VERSION = "b0b89c973e5d4b6d9599ce13da04b894"


def main() -> None:
    """Call what the SDK has for models, in the order of its own tests: list, patch, remove the image, delete."""
    app = App(app_id="pets", user_id="demo")
    seen: dict[str, Any] = {}
    seen["models"] = [model.id for model in app.list_models()]
    seen["filtered"] = [model.id for model in app.list_models(filter_by={"model_type_id": "text-to-text"})]
    seen["paged"] = [model.id for model in app.list_models(page_no=1, per_page=2)]
    seen["predicted"] = predictions()
    seen["everywhere"] = len(list(app.list_models(only_in_app=False)))

    app.patch_model(
        "petsID",
        action="merge",
        description="Cats and dogs",
        notes="Notes",
        visibility=50,
        toolkits=["Clarifai"],
        use_cases=["misc"],
        languages=["en"],
        image_url=METRO,
    )
    patched = stored(app)
    seen["patched"] = {
        name: patched[name] for name in ("description", "notes", "visibility", "toolkits", "use_cases", "languages")
    }
    app.patch_model("petsID", action="remove", image_url=patched["image"]["url"])
    seen["has_image"] = "image" in stored(app)

    breeds = Model(model_id="pet-breeds", user_id="demo", app_id="pets")
    seen["versions"] = [version.model_version.id for version in breeds.list_versions()]
    params = struct_pb2.Struct()
    params.update({"min_value": 0.95})
    pets = Model(model_id="petsID", user_id="demo", app_id="pets")
    pets.patch_version(PETS_VERSION, output_info=resources_pb2.OutputInfo(params=params))
    seen["params"] = stored(app)["model_version"]["output_info"]["params"]
    seen["loaded"] = app.model(model_id="petsID").model_info.name

    breeds.delete_version("3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e01")
    app.delete_model("pet-names")
    seen["left"] = [model.id for model in app.list_models()]
    try:
        app.delete_model("pet-names")
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing narrower
        seen["second_delete"] = "Model does not exist" in str(error)
    seen["documented"] = other_patch_operations(app)
    json.dump(seen, sys.stdout)


def predictions() -> list[list[str]]:
    """What petsID predicts: by its own params, and with params of the call, in both of the ways that the SDK has."""
    model = Model(model_id="petsID", user_id="demo", app_id="pets")
    overrides: list[dict[str, Any]] = [
        {},
        {"inference_params": {"min_value": 0}},
        {"output_config": {"min_value": 0.1, "max_concepts": 1}},
        {"inference_params": {"min_value": 0.95}},
    ]
    answers = [model.predict_by_url(METRO, "image", **override) for override in overrides]
    answers.append(model.predict_by_bytes(b"a cat", "text", inference_params={"min_value": 0}))
    return [[concept.id for concept in answer.outputs[0].data.concepts] for answer in answers]


def other_patch_operations(app: Any) -> dict[str, Any]:
    """The sample "Other Patch Operations" of "Manage Models" as it is printed, and what it leaves."""
    app.patch_model(model_id="model_clusterer", action="merge", description="description", notes="notes", toolkits=["OpenAI"], use_cases=["llm"], languages=["en"], image_url=METRO)  # fmt: skip
    app.patch_model(model_id="model_clusterer", action="remove", image_url=METRO)
    model = stored(app, "model_clusterer")
    names = ("description", "notes", "toolkits", "use_cases", "languages")
    return {**{name: model[name] for name in names}, "has_image": "image" in model}


def stored(app: Any, model_id: str = "petsID") -> dict[str, Any]:
    """GetModel through the SDK's own stub."""
    answer = app.STUB.GetModel(service_pb2.GetModelRequest(user_app_id=app.user_app_id, model_id=model_id))
    found: dict[str, Any] = json_format.MessageToDict(answer.model, preserving_proto_field_name=True)
    return found


if __name__ == "__main__":
    main()
