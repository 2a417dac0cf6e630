"""What the manifests ask for: one DesiredModel per manifest, with the place of every stated value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reconciler.errors import Origin
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key
from reconciler.resources.tree import FieldPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Something that must be absent: a path (a Struct key, or ("image",)), or one `item` of a tag list at `path`."""

    path: FieldPath
    origin: Origin
    item: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one manifest entry states of one resource: stated fields, nested as in the API document, and removals."""

    action: Action
    stated: Mapping[str, Any]
    removals: tuple[Removal, ...] = ()


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
    origins: Mapping[FieldPath, Origin] = field(default_factory=dict)

    @property
    def statement(self) -> Statement:
        """What it states, without the places."""
        return Statement(action=self.action, stated=self.stated, removals=self.removals)


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
    origins: Mapping[FieldPath, Origin] = field(default_factory=dict)

    @property
    def statement(self) -> Statement:
        """What it states of the model itself, without the places."""
        return Statement(action=self.action, stated=self.stated, removals=self.removals)


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
