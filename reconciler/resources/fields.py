"""Which fields of a resource this tool manages, how the service stores them, and what a manifest may ask of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from reconciler.resources.keys import Kind
from reconciler.resources.tree import FieldPath


class Action(str, Enum):
    """How a manifest's lists and mappings are meant: hold at least these (merge), or exactly these (overwrite)."""

    MERGE = "merge"
    OVERWRITE = "overwrite"


class Shape(str, Enum):
    """How a field's value behaves under comparison and under the service's patch actions."""

    STRING = "string"  # proto3 scalar: "" is the same as absent, and can't be sent
    VISIBILITY = "visibility"  # enum name in the manifest, {"gettable": name} in the API document
    TAGS = "tags"  # repeated string, compared as a set; [] is the same as absent, and can't be sent by PatchModels
    IMAGE = "image"  # {"url": …}; the service may serve a hosted copy under another url
    STRUCT = "struct"  # google.protobuf.Struct: JSON, numbers are doubles, empty differs from absent


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One managed field: its path in manifest and API document alike, and its shape."""

    path: FieldPath
    shape: Shape


KINDS: Final[Mapping[Kind, tuple[FieldSpec, ...]]] = {
    Kind.MODEL: (
        FieldSpec(path=("name",), shape=Shape.STRING),
        FieldSpec(path=("description",), shape=Shape.STRING),
        FieldSpec(path=("notes",), shape=Shape.STRING),
        FieldSpec(path=("visibility",), shape=Shape.VISIBILITY),
        FieldSpec(path=("toolkits",), shape=Shape.TAGS),
        FieldSpec(path=("use_cases",), shape=Shape.TAGS),
        FieldSpec(path=("languages",), shape=Shape.TAGS),
        FieldSpec(path=("image",), shape=Shape.IMAGE),
        FieldSpec(path=("metadata",), shape=Shape.STRUCT),
    ),
    Kind.MODEL_VERSION: (
        FieldSpec(path=("description",), shape=Shape.STRING),
        FieldSpec(path=("license",), shape=Shape.STRING),
        FieldSpec(path=("visibility",), shape=Shape.VISIBILITY),
        FieldSpec(path=("metadata",), shape=Shape.STRUCT),
        FieldSpec(path=("output_info", "params"), shape=Shape.STRUCT),
    ),
}

SETTINGS_FILE: Final = "reconciler.yaml"
"""Where a run's settings are found; among manifests it is passed over."""

MARK_KEY: Final = "reconciler"
"""The key inside a model's `metadata` that holds the owner mark {"owner": NAME, "protect": bool}."""

MODEL_TRAINED: Final = 21100
MODEL_TRAINING_STATUSES: Final = frozenset({21101, 21103, *range(21104, 21106), *range(21107, 21110)})
"""Clarifai status codes of a version that is still being made (status_code.proto: TRAINING, QUEUED, UPLOADING, BUILDING…)."""
