"""What the service has: models and versions as they were read from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reconciler.resources.keys import Key, Scope

Document = Mapping[str, Any]
"""A message as JSON with proto field names, in the form of google.protobuf.json_format: default scalars are absent."""


@dataclass(frozen=True, kw_only=True)
class ObservedVersion:
    """One version as it was read.

    `created_at` is the time in seconds since 1970 and nanoseconds, None if the service sent none. `status_code` is a Clarifai
    status code (21100 means trained).
    """

    key: Key
    document: Document
    created_at: tuple[int, int] | None = None
    status_code: int = 0


@dataclass(frozen=True, kw_only=True)
class ObservedModel:
    """One model as it was read.

    `document` is the Model message without `model_version`. `latest` is the version that the service returned as the
    model's `model_version`, None for a model without versions. `versions` are the versions read so far, newest first
    (by `created_at`, then in the order of the service's listing); if `versions_complete`, the model has no others.
    """

    key: Key
    document: Document
    model_type_id: str = ""
    latest: ObservedVersion | None = None
    versions: tuple[ObservedVersion, ...] = ()
    versions_complete: bool = False

    @property
    def is_bookmark(self) -> bool:
        """Whether this is a bookmark of another user's model (resources.proto, Model.bookmark_origin)."""
        return "bookmark_origin" in self.document

    @cached_property
    def versions_by_id(self) -> Mapping[str, ObservedVersion]:
        """The versions read so far, including the latest one, by version id."""
        known = {version.key.version_id: version for version in self.versions}
        if self.latest is not None:
            known.setdefault(self.latest.key.version_id, self.latest)
        return known


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The live state that a run has read.

    It includes every model that the manifests name, and all models of the apps in `listed`. A model that isn't included
    although it should be doesn't exist. Of the apps in `listed_in_part`, it also includes what their listing showed before all
    needed models were found.
    """

    models: Mapping[Key, ObservedModel]
    listed: frozenset[Scope] = frozenset()
    listed_in_part: frozenset[Scope] = frozenset()
