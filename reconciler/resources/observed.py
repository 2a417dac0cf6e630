"""What the service has: models and versions as they were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reconciler.resources.keys import Key, Scope

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
    (created_at, then the order of the listing); `versions_complete` says that they are all there are. `latest` is the version that the
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
