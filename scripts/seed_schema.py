"""Writes schemas/seed.v1.schema.json, the form of the emulator's seeds: `python -m scripts.seed_schema`.

In: the messages of the installed clarifai-grpc and the comments in its stubs, and the parts of a seed that are the
emulator's own (SEED below). Out: the schema, which names the version of clarifai-grpc that it was made from. Messages
that no emulated call acts on are described as objects with any keys.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2
from clarifai_grpc.grpc.api.status import status_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

SCHEMA: Final = Path(__file__).resolve().parent.parent / "schemas" / "seed.v1.schema.json"
MADE_FROM: Final = f"Made by scripts/seed_schema.py from clarifai-grpc {version('clarifai-grpc')}."

ROOTS: Final = ("User", "Model", "ModelVersion", "Workflow", "WorkflowVersion", "Deployment", "ModelType")
DETAILED: Final = frozenset(
    {
        *ROOTS,
        *("AutoscaleConfig", "BookmarkOrigin", "ComputeInfo", "Concept", "Data", "DeploymentNodepool", "FullTag"),
        *("HostedURL", "Image", "ImportInfo", "InputInfo", "MethodSignature", "ModelTypeEnumOption"),
        *("ModelTypeEnumOptionAlias", "ModelTypeField", "ModelTypeRangeInfo", "NodeInput", "Nodepool"),
        *(
            "OpenRouterInfo",
            "OutputConfig",
            "OutputInfo",
            "Status",
            "TrainInfo",
            "Visibility",
            "Worker",
            "WorkflowNode",
        ),
    }
)
MANY: Final = 40
"""An enum with more names than this is not listed: StatusCode has hundreds."""

_TIME: Final = {"type": "string", "format": "date-time"}
_WELL_KNOWN: Final[Mapping[str, Mapping[str, Any]]] = {
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Timestamp": _TIME,
    "google.protobuf.Duration": {"type": "string", "examples": ["3600s"]},
    "google.protobuf.BoolValue": {"type": "boolean"},
    "google.protobuf.Int32Value": {"type": "integer"},
    "google.protobuf.UInt32Value": {"type": "integer"},
    "google.protobuf.FloatValue": {"type": "number"},
}
_ID: Final = {"type": "string", "minLength": 1}

SEED: Final[Mapping[str, Any]] = {
    "users": {
        "description": "Users whose details GetUser answers with. A user that owns an app need not be listed.",
        "type": "array",
        "items": {"$ref": "#/$defs/User"},
    },
    "apps": {
        "description": "The apps with their models and workflows.",
        "type": "array",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["user_id", "app_id"],
            "properties": {
                "user_id": {**_ID, "description": "Who owns the app.", "examples": ["demo"]},
                "app_id": {**_ID, "description": "The app's id.", "examples": ["pets"]},
                "models": {
                    "description": "The app's models.",
                    "type": "array",
                    "items": {"$ref": "#/$defs/SeedModel"},
                },
                "workflows": {
                    "description": "The app's workflows.",
                    "type": "array",
                    "items": {"$ref": "#/$defs/SeedWorkflow"},
                },
            },
        },
    },
    "deployments": {
        "description": "Deployments, which belong to a user and may run models of any app.",
        "type": "array",
        "items": {"$ref": "#/$defs/SeedDeployment"},
    },
    "model_types": {
        "description": "The model types. Left out: those of the sample.",
        "type": "array",
        "items": {"$ref": "#/$defs/ModelType"},
    },
}


def schema() -> dict[str, Any]:
    """The whole schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": MADE_FROM,
        "title": "Seed of the emulator",
        "description": "What an emulated service starts with. Objects are protobuf JSON with proto field names.",
        "type": "object",
        "additionalProperties": False,
        "properties": SEED,
        "$defs": {**_seed_objects(), **_messages()},
    }


def text() -> str:
    """The schema as the file has it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _seed_objects() -> dict[str, Any]:
    """Messages as seeds have them: versions in a list of their own, and the ids that must be there."""
    model, workflow, deployment = (dict(_properties(_descriptor(name))) for name in ("Model", "Workflow", "Deployment"))
    del model["model_version"], workflow["version"]
    model["versions"] = {
        "description": "The model's versions, oldest first. An id that is left out is made up, the same one each time.",
        "type": "array",
        "items": {"$ref": "#/$defs/ModelVersion"},
    }
    workflow["versions"] = {
        "description": "The workflow's versions, oldest first, instead of `nodes`.",
        "type": "array",
        "items": {"$ref": "#/$defs/WorkflowVersion"},
    }
    workflow["nodes"] = {**workflow["nodes"], "description": "The nodes of the workflow's only version."}
    return {
        "SeedModel": _object("A model with all its versions.", model, required=["id"]),
        "SeedWorkflow": _object("A workflow with all its versions.", workflow, required=["id"]),
        "SeedDeployment": _object("A deployment and who owns it.", deployment, required=["id", "user_id"]),
    }


def _messages() -> dict[str, Any]:
    found: dict[str, Any] = {}
    pending = [_descriptor(name) for name in ROOTS]
    while pending:
        message = pending.pop()
        if message.name in found or message.name not in DETAILED:
            continue
        found[message.name] = _object(_class_comment(message.name), dict(_properties(message)))
        pending += [field.message_type for field in message.fields if field.message_type is not None]
    return {name: found[name] for name in sorted(found)}


def _object(description: str, properties: dict[str, Any], *, required: list[str] | None = None) -> dict[str, Any]:
    made = {"description": description, "type": "object", "additionalProperties": False}
    return {**made, **({"required": required} if required else {}), "properties": properties}


def _properties(message: Descriptor) -> Iterator[tuple[str, Any]]:
    comments = _field_comments(message.name)
    for field in message.fields:
        value = _value(field)
        comment = comments.get(field.name) or f"`{field.name}` of {message.name} in resources.proto."
        yield field.name, {**value, "description": comment}


def _value(field: FieldDescriptor) -> dict[str, Any]:
    message = field.message_type
    if message is not None and message.GetOptions().map_entry:
        return {"type": "object"}
    one = _one(field)
    return {"type": "array", "items": one} if field.is_repeated else one


def _one(field: FieldDescriptor) -> dict[str, Any]:
    if field.message_type is not None:
        name = field.message_type.full_name
        if name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[name])
        return (
            {"$ref": f"#/$defs/{field.message_type.name}"}
            if field.message_type.name in DETAILED
            else {"type": "object"}
        )
    if field.enum_type is not None:
        names = [value.name for value in field.enum_type.values]
        number = {"type": "integer"}
        return {"anyOf": [{"enum": names}, number]} if len(names) <= MANY else {"type": ["string", "integer"]}
    scalars: dict[int, dict[str, Any]] = {
        FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
        FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
        FieldDescriptor.CPPTYPE_FLOAT: {"type": "number"},
        FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number"},
        FieldDescriptor.CPPTYPE_INT64: {"type": ["integer", "string"]},
        FieldDescriptor.CPPTYPE_UINT64: {"type": ["integer", "string"]},
    }
    return scalars.get(field.cpp_type, {"type": "integer"})


def _descriptor(name: str) -> Descriptor:
    found: Descriptor = resources_pb2.DESCRIPTOR.message_types_by_name[name]
    return found


# --- comments -----------------------------------------------------------------------------------------------------


@cache
def _classes() -> Mapping[str, ast.ClassDef]:
    stubs = (Path(module.__file__).with_suffix(".pyi") for module in (status_pb2, resources_pb2))
    nodes = (node for stub in stubs for node in ast.parse(stub.read_text(encoding="utf-8")).body)
    return {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}


def _class_comment(name: str) -> str:
    node = _classes().get(name)
    return (node is not None and _short(ast.get_docstring(node))) or f"The message {name}."


def _field_comments(name: str) -> dict[str, str]:
    """The comment of each field: the string after its annotation, or the docstring of its property."""
    found: dict[str, str] = {}
    body = _classes()[name].body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef):
            found[node.name] = _short(ast.get_docstring(node))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(after, ast.Expr):
            found[node.target.id] = _short(ast.literal_eval(after.value))
    return {field: comment for field, comment in found.items() if comment}


def _short(comment: str | None) -> str:
    """The first sentence of a comment."""
    paragraph = " ".join((comment or "").strip().partition("\n\n")[0].split())
    sentence = re.match(r".*?(?<!e\.g)(?<!i\.e)\.(?=\s+[A-Z]|$)", paragraph)
    return sentence[0] if sentence else paragraph


if __name__ == "__main__":
    SCHEMA.write_text(text(), encoding="utf-8")
