"""The managed fields of each kind of resource, and facts about them that several stages need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from reconciler.resources.keys import Kind
from reconciler.resources.tree import FieldPath


class Action(str, Enum):
    """How a manifest's lists and mappings are meant. Not the action of a request, which the tool chooses itself."""

    MERGE = "merge"  # they contain at least what is stated
    OVERWRITE = "overwrite"  # they contain exactly what is stated


class Shape(str, Enum):
    """How a field's value is compared and how the service's patch actions treat it."""

    STRING = "string"  # a proto3 scalar: "" means absent, so it can't be sent
    VISIBILITY = "visibility"  # the enum name in the manifest, {"gettable": name} in the API document
    ENUM = "enum"  # a proto3 enum by name; its first value means absent, so it can't be sent
    TAGS = "tags"  # a repeated string, compared as a set: [] means absent, so PatchModels can't send it
    IMAGE = "image"  # {"url": …}: the service may return the URL of its own copy
    STRUCT = "struct"  # google.protobuf.Struct: JSON with doubles as numbers; inside it, empty differs from absent


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One managed field. `path` is the same in the manifest and in the API document."""

    path: FieldPath
    shape: Shape


KINDS: Final[Mapping[Kind, tuple[FieldSpec, ...]]] = {
    Kind.MODEL: (
        FieldSpec(path=("name",), shape=Shape.STRING),
        FieldSpec(path=("description",), shape=Shape.STRING),
        FieldSpec(path=("notes",), shape=Shape.STRING),
        FieldSpec(path=("visibility",), shape=Shape.VISIBILITY),
        FieldSpec(path=("deploy_restriction",), shape=Shape.ENUM),
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


@lru_cache(maxsize=4096)
def fields_below(kind: Kind, names: frozenset[str]) -> tuple[FieldSpec, ...]:
    """The managed fields of a kind whose paths begin with any of these names."""
    return tuple(field for field in KINDS[kind] if field.path[0] in names)


CHOICES: Final[Mapping[FieldPath, tuple[str, ...]]] = {
    ("visibility",): ("PRIVATE", "ORG", "PUBLIC"),
    ("deploy_restriction",): (
        "NO_LIMITS",
        "SHARED_COMPUTE_ONLY",
        "DEDICATED_COMPUTE_ONLY",
        "MODEL_OWNER_DEDICATED_COMPUTE_ONLY",
    ),
}
"""The values that a manifest can state for fields that take one of a few (resources.proto: Visibility.Gettable, DeployRestriction)."""

MOST_ENTRIES: Final = 128
"""The most entries of one request. Clarifai's documentation names 128 as the most objects in one request, for deleting inputs.
How many models or versions a patch takes isn't documented, so a request that the service refuses is sent in parts."""

SETTINGS_FILE: Final = "reconciler.yaml"
"""The name of the settings file. A file of this name among the manifests isn't read as a manifest."""

MARK_KEY: Final = "reconciler"
"""The key in a model's `metadata` that contains the owner mark {"owner": NAME, "protect": bool}."""

MARK: Final[FieldPath] = ("metadata", MARK_KEY)
"""The path of the owner mark, which settings and not statements ask for."""

IMAGE_URL: Final[FieldPath] = ("image", "url")
"""The path of a model's image, which the service serves from an address of its own."""

UNREADABLE_KEY: Final = "unreadable"
"""The key in the owner mark that records what was sent of values that can't be read back (compare/unreadable.py)."""

MODEL_TRAINED: Final = 21100
"""The Clarifai status code of a version whose training has finished (status_code.proto)."""

MODEL_TRAINING_STATUSES: Final = frozenset({21101, 21103, *range(21104, 21106), *range(21107, 21110)})
"""The Clarifai status codes of a version that isn't finished, which pruning therefore keeps (status_code.proto):
MODEL_TRAINING, MODEL_QUEUED_FOR_TRAINING, and those of uploading and building, their failures included."""
