"""The nouns that every step shares: what a manifest wants, what the service has, what may change.

Nothing here does anything. Values of fields are JSON values (None, bool, int, float, str, list, dict), plus two of
our own: `MISSING` for "absent", and `Sensitive` around a value that no output may show. The KINDS table says
which fields of a resource this tool manages and how the service stores them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple

from reconciler.errors import Origin


class Missing(Enum):
    """The type of MISSING, the one word for "absent" (never None, which is a JSON value)."""

    MISSING = "absent"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING

SENSITIVE_TEXT: Final = "(sensitive)"


class Sensitive:
    """A value that no output, plan, backup, log or error may show; only `reveal` gives it, only to be sent or compared.

    `source` says where it can be read again: "env:NAME", "manifest" or "live". Not JSON on purpose: what forgets
    to redact it fails instead of leaking.
    """

    __slots__ = ("_value", "source")

    def __init__(self, value: Any, source: str) -> None:
        self._value = value
        self.source = source

    def reveal(self) -> Any:
        """The value itself."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sensitive) and type(self._value) is type(other._value) and self._value == other._value

    def __hash__(self) -> int:
        return hash(("Sensitive", str(self._value)))

    def __repr__(self) -> str:
        return SENSITIVE_TEXT

    __str__ = __repr__


Path = tuple[str, ...]
"""Names from the resource down to a value: ("output_info", "params", "min_value")."""


def path_text(path: Path) -> str:
    """The dotted form shown to users and used in manifests; a dot or backslash inside a name is escaped by a backslash."""
    return ".".join(name.replace("\\", "\\\\").replace(".", "\\.") for name in path)


def path_from_text(text: str) -> Path:
    """The inverse of `path_text`; a live Struct may have empty names. Raises ValueError on a dangling backslash."""
    names: list[str] = []
    name: list[str] = []
    letters = iter(text)
    for letter in letters:
        if letter == "\\":
            escaped = next(letters, None)
            if escaped is None:
                raise ValueError("ends in a lone backslash")
            name.append(escaped)
        elif letter == ".":
            names.append("".join(name))
            name = []
        else:
            name.append(letter)
    names.append("".join(name))
    return tuple(names)


class Kind(str, Enum):
    """The kinds of resource that a plan changes."""

    MODEL = "model"
    MODEL_VERSION = "model_version"


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
    """One managed field: its path in manifest and API document alike, its shape, and how its list is emptied.

    `clearing_rpc` and `clearing_field` name the call whose `overwrite` can empty a tag list
    (service.proto: PatchModelToolkits, PatchModelUseCases, PatchModelLanguages).
    """

    path: Path
    shape: Shape
    clearing_rpc: str | None = None
    clearing_field: str | None = None


KINDS: Final[Mapping[Kind, tuple[FieldSpec, ...]]] = {
    Kind.MODEL: (
        FieldSpec(path=("name",), shape=Shape.STRING),
        FieldSpec(path=("description",), shape=Shape.STRING),
        FieldSpec(path=("notes",), shape=Shape.STRING),
        FieldSpec(path=("visibility",), shape=Shape.VISIBILITY),
        FieldSpec(path=("toolkits",), shape=Shape.TAGS, clearing_rpc="PatchModelToolkits", clearing_field="toolkits"),
        FieldSpec(path=("use_cases",), shape=Shape.TAGS, clearing_rpc="PatchModelUseCases", clearing_field="usecases"),
        FieldSpec(
            path=("languages",), shape=Shape.TAGS, clearing_rpc="PatchModelLanguages", clearing_field="languages"
        ),
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


class Scope(NamedTuple):
    """One app of one user; both ids are never empty."""

    user_id: str
    app_id: str

    def __str__(self) -> str:
        return f"{self.user_id}/{self.app_id}"


class Key(NamedTuple):
    """The identity of a resource; `address` is its text: USER/APP/MODEL or USER/APP/MODEL@VERSION."""

    # A tuple, because a run looks keys up, compares and sorts them by the ten thousand, and tuples do that in C.

    user_id: str
    app_id: str
    model_id: str
    version_id: str = ""

    @property
    def kind(self) -> Kind:
        """MODEL, or MODEL_VERSION where there is a version id."""
        return Kind.MODEL_VERSION if self.version_id else Kind.MODEL

    @property
    def scope(self) -> Scope:
        """The app that holds it."""
        return Scope(self.user_id, self.app_id)

    @property
    def address(self) -> str:
        """The text that plans and reports use."""
        suffix = f"@{self.version_id}" if self.version_id else ""
        return f"{self.user_id}/{self.app_id}/{self.model_id}{suffix}"

    def model(self) -> Key:
        """The key of the model itself."""
        return Key(user_id=self.user_id, app_id=self.app_id, model_id=self.model_id)

    def version(self, version_id: str) -> Key:
        """The key of one version of this model."""
        return Key(user_id=self.user_id, app_id=self.app_id, model_id=self.model_id, version_id=version_id)


# --- what the manifests want ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Something that must be absent: a path (a Struct key, or ("image",)), or one `item` of a tag list at `path`."""

    path: Path
    origin: Origin
    item: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which version is meant: by `version_id`, or by `select` where that is None."""

    version_id: str | None = None
    select: Literal["latest", "latest-trained", "all"] | None = None

    def __str__(self) -> str:
        return self.version_id or f"select: {self.select}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredVersion:
    """One entry of `versions`: the fields stated (nested as in the manifest), their removals and places.

    `stated` holds only stated fields ({"output_info": {"params": {…}}}); `origins` maps the path of each stated
    value, down to the leaves, to its place. `expected_concepts` are ids, checked and never written; None where not stated.
    """

    selector: Selector
    action: Action
    stated: Mapping[str, Any]
    removals: tuple[Removal, ...] = ()
    expected_concepts: tuple[str, ...] | None = None
    origin: Origin
    origins: Mapping[Path, Origin] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredModel:
    """One manifest of kind Model. `protect` and `retain_versions` are None where the manifest doesn't state them."""

    key: Key
    action: Action
    stated: Mapping[str, Any]
    removals: tuple[Removal, ...] = ()
    versions: tuple[DesiredVersion, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    protect: bool | None = None
    retain_versions: int | None = None
    origin: Origin
    origins: Mapping[Path, Origin] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """All manifests of a run, ordered by key; `files` are the files read, sorted, `digest` is over their contents.

    Without `has_references` nothing in them came from the environment or a variable. `passed_over` are names that were not
    read and that may hold manifests.
    """

    models: tuple[DesiredModel, ...]
    files: tuple[str, ...] = ()
    digest: str = ""
    has_references: bool = True
    passed_over: tuple[str, ...] = ()


# --- what the service has -----------------------------------------------------------------------------------

Document = Mapping[str, Any]
"""A message as JSON with proto field names, as google.protobuf.json_format gives it; default scalars are absent."""


@dataclass(frozen=True, kw_only=True)
class ObservedVersion:
    """One version as read. `status_code` is Clarifai's (21100 = trained); `created_at` is RFC 3339, UTC."""

    key: Key
    document: Document
    created_at: str = ""
    status_code: int = 0


@dataclass(frozen=True, kw_only=True)
class ObservedModel:
    """One model as read.

    `document` is the Model message without `model_version`. `versions` are those read so far, newest first
    (created_at, then id); `versions_complete` says that they are all there are. `latest` is the version that the
    service itself calls the model's, None for a model without versions.
    """

    key: Key
    document: Document
    model_type_id: str = ""
    latest: ObservedVersion | None = None
    versions: tuple[ObservedVersion, ...] = ()
    versions_complete: bool = False

    @property
    def is_bookmark(self) -> bool:
        """Whether it is a bookmark of somebody else's model (resources.proto, Model.bookmark_origin)."""
        return "bookmark_origin" in self.document

    @cached_property
    def versions_by_id(self) -> Mapping[str, ObservedVersion]:
        """The versions read so far, the latest among them."""
        known = {version.key.version_id: version for version in self.versions}
        if self.latest is not None:
            known.setdefault(self.latest.key.version_id, self.latest)
        return known


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The live side of a run: complete for the apps in `listed`, and for every model that the manifests name."""

    models: Mapping[Key, ObservedModel]
    listed: frozenset[Scope] = frozenset()


# --- what differs and what is sent --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One path whose value differs. `before`/`after` are MISSING where the value is absent on that side.

    Where a plan was compared with a base, `attribution` says who wants it, and `base` is the value that the base's own
    manifests would leave there (MISSING: none).
    """

    path: Path
    before: Any
    after: Any
    origin: Origin | None = None
    attribution: str | None = None
    base: Any = MISSING

    @property
    def is_sensitive(self) -> bool:
        """Whether either side holds a value that must not be shown."""
        return holds_sensitive(self.before) or holds_sensitive(self.after)


def holds_sensitive(value: Any) -> bool:
    """Whether `value` is, or contains, a Sensitive."""
    if isinstance(value, Sensitive):
        return True
    if isinstance(value, Mapping):
        return any(holds_sensitive(item) for item in value.values())
    if isinstance(value, list):
        return any(holds_sensitive(item) for item in value)
    return False


def secret_texts(value: Any, *, is_secret: bool = False) -> Iterator[str]:
    """The text of every scalar inside every Sensitive of a JSON value; of every scalar, where the value `is_secret`."""
    if isinstance(value, Sensitive):
        yield from secret_texts(value.reveal(), is_secret=True)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secret_texts(item, is_secret=is_secret)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from secret_texts(item, is_secret=is_secret)
    elif is_secret and value is not None and not isinstance(value, bool):
        yield str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call that changes the service.

    `body` is the whole request message as JSON with proto field names (it parses into service_pb2.<rpc>Request);
    it may hold Sensitive leaves. `keys` are the resources it changes, ordered.
    """

    rpc: str
    action: str | None
    body: Mapping[str, Any]
    keys: tuple[Key, ...]
