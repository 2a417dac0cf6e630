"""What resources are called: the app that holds them, and the key of a model or of one of its versions."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Kind(str, Enum):
    """The kinds of resource that a plan changes."""

    MODEL = "model"
    MODEL_VERSION = "model_version"


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
