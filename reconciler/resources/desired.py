"""What the manifests state: one DesiredModel per manifest, with the origin of every stated value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from reconciler.errors import Origin
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key, Scope
from reconciler.resources.tree import FieldPath

if TYPE_CHECKING:
    from reconciler.resources.policy import Policy
    from reconciler.resources.probe import Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Something that must be absent.

    Without `item`, the value at `path`: a Struct key, or the image at ("image",). With `item`, that item of the tag
    list at `path`.
    """

    path: FieldPath
    origin: Origin
    item: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one manifest entry states of one resource: stated fields, nested as in the API document, and removals.

    `select` is how the entry means the resource, where it doesn't name it: another version may be meant by now.
    """

    action: Action
    stated: Mapping[str, Any]
    removals: tuple[Removal, ...] = ()
    select: Literal["latest", "latest-trained", "all"] | None = None

    @property
    def names(self) -> set[str]:
        """The first names of the paths that it is about."""
        return {*self.stated, *(removal.path[0] for removal in self.removals)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which versions an entry of `versions` applies to. Exactly one of the two fields is set."""

    version_id: str | None = None
    select: Literal["latest", "latest-trained", "all"] | None = None

    def __str__(self) -> str:
        return self.version_id or f"select: {self.select}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredVersion:
    """One entry of `versions`.

    `stated` contains the stated fields alone, nested as in the manifest ({"output_info": {"params": {…}}}). `origins`
    maps the path of each stated value, down to the leaves, to its position, and () to that of the entry. `expected_concepts`
    are concept ids that are checked and never written; None if the entry has no `expect`. `id_origin` tells the place of the
    version's id, and `index` is the position of the entry in its document. `default` is the name of the ModelDefaults that the entry comes from, None for
    one of the model's own manifest.
    """

    selector: Selector
    action: Action
    stated: Mapping[str, Any]
    removals: tuple[Removal, ...] = ()
    expected_concepts: tuple[str, ...] | None = None
    id_origin: Callable[[], Origin] | None = field(default=None, compare=False, repr=False)
    origins: Mapping[FieldPath, Origin]
    default: str | None = None
    index: int = field(default=0, compare=False)

    @property
    def origin(self) -> Origin:
        """The place of the entry. Most of a fleet is in sync, and nobody asks for its places."""
        return self.origins[()]

    @property
    def statement(self) -> Statement:
        """What it states, without the places."""
        return Statement(action=self.action, stated=self.stated, removals=self.removals, select=self.selector.select)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What one ModelDefaults, called `name`, states of a model itself. The other fields are as in DesiredModel."""

    name: str
    action: Action
    stated: Mapping[str, Any]
    removals: tuple[Removal, ...] = ()
    protect: bool | None = None
    retain_versions: int | None = None
    origin: Origin
    origins: Mapping[FieldPath, Origin] = field(default_factory=dict)

    @property
    def statement(self) -> Statement:
        """What it states, without the places."""
        return Statement(action=self.action, stated=self.stated, removals=self.removals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which models a ModelDefaults is for: globs of ids, model types, and labels of manifests. What is empty selects all."""

    ids: tuple[str, ...] = ()
    model_type_ids: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDefaults:
    """One document of kind ModelDefaults, for the models of one app. `is_live`: for those without a manifest too."""

    name: str
    scope: Scope
    select: Selection
    is_live: bool = False
    model: Fill
    versions: tuple[DesiredVersion, ...] = ()
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredModel:
    """One manifest of kind Model. `protect` and `retain_versions` are None if the manifest doesn't state them.

    `stated` and `origins` are as in DesiredVersion; () has the place of `spec`. `labels` are for selection alone and are never sent. `id_origin` tells
    the place of the model's id. `fills` are what defaults state of the model beside its own manifest; the entries of defaults for
    versions are among `versions`. A model that only defaults manage has no manifest: `origin` is the place of the first of them.
    """

    key: Key
    action: Action
    stated: Mapping[str, Any]
    removals: tuple[Removal, ...] = ()
    versions: tuple[DesiredVersion, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    protect: bool | None = None
    retain_versions: int | None = None
    origin: Origin
    id_origin: Callable[[], Origin] | None = field(default=None, compare=False, repr=False)
    origins: Mapping[FieldPath, Origin] = field(default_factory=dict)
    fills: tuple[Fill, ...] = ()
    has_manifest: bool = True

    @property
    def statement(self) -> Statement:
        """What its manifest states of the model itself, without the places."""
        return Statement(action=self.action, stated=self.stated, removals=self.removals)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """What defaults state of the model itself, and last what its manifest does. They state different paths."""
        return (*(fill.statement for fill in self.fills), self.statement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """All manifests of a run, ordered by key.

    `files` are the files that were read, sorted, and `digest` is a digest of their contents. `has_references` is False
    only if no value came from an environment variable or a variable of reconciler.yaml. `passed_over` are paths that
    were skipped although they may contain manifests. The documents of each other kind are in the order of files and lines.
    """

    models: tuple[DesiredModel, ...]
    files: tuple[str, ...] = ()
    digest: str = ""
    has_references: bool = True
    passed_over: tuple[str, ...] = ()
    defaults: tuple[ModelDefaults, ...] = ()
    policies: tuple[Policy, ...] = ()
    probes: tuple[Probe, ...] = ()

    @property
    def scopes(self) -> frozenset[Scope]:
        """The apps whose models the manifests or the defaults are about."""
        return frozenset((*(model.key.scope for model in self.models), *(default.scope for default in self.defaults)))
