"""The identities of resources: the app that holds them, and the key of a model or of one of its versions."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Kind(str, Enum):
    """The kinds of resource that a plan can change."""

    MODEL = "model"
    MODEL_VERSION = "model_version"


class Scope(NamedTuple):
    """One app of one user. Neither id is ever empty."""

    user_id: str
    app_id: str

    def __str__(self) -> str:
        return f"{self.user_id}/{self.app_id}"


class Key(NamedTuple):
    """The identity of a model, or of a model version if `version_id` isn't empty."""

    # A NamedTuple rather than a frozen dataclass: a run looks up, compares and sorts tens of thousands of keys, and
    # tuples do all of that in C.

    user_id: str
    app_id: str
    model_id: str
    version_id: str = ""

    @property
    def kind(self) -> Kind:
        """MODEL_VERSION if the key has a version id, otherwise MODEL."""
        return Kind.MODEL_VERSION if self.version_id else Kind.MODEL

    @property
    def scope(self) -> Scope:
        """The app that holds the resource."""
        return Scope(self.user_id, self.app_id)

    @property
    def address(self) -> str:
        """The name of the resource in plans and reports: USER/APP/MODEL or USER/APP/MODEL@VERSION."""
        suffix = f"@{self.version_id}" if self.version_id else ""
        return f"{self.user_id}/{self.app_id}/{self.model_id}{suffix}"

    def model(self) -> Key:
        """Return the key of the model, also if this is the key of one of its versions."""
        return Key(self.user_id, self.app_id, self.model_id) if self.version_id else self

    def version(self, version_id: str) -> Key:
        """Return the key of one version of this model."""
        return Key(user_id=self.user_id, app_id=self.app_id, model_id=self.model_id, version_id=version_id)
