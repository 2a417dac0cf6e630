"""What the rest of the package asks of the service: reads as resources, and one writing verb.

The steps know this Protocol only; `remote/clarifai.py` is its one implementation. Every method raises RemoteError
when a call fails, and never returns a part of what was asked for: a missing page would read as a deletion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Document, ObservedModel, ObservedVersion
from reconciler.resources.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The service's yes to one request: its id for support, how many attempts it took, and the objects it returned."""

    request_id: str
    attempts: int
    documents: tuple[Document, ...] = ()


class Remote(Protocol):
    """A connection to one endpoint with one credential."""

    endpoint: str

    def list_models(self, scope: Scope) -> Iterator[ObservedModel]:
        """Every model the listing of an app returns, each with its latest version; models of other apps included."""
        ...

    def get_model(self, key: Key) -> ObservedModel | None:
        """One model with its latest version, or None where the service says that it doesn't exist."""
        ...

    def list_versions(self, key: Key) -> Iterator[ObservedVersion]:
        """Every version of a model, newest first."""
        ...

    def get_version(self, key: Key) -> ObservedVersion | None:
        """One version of a model, or None where the service says that there is no such model or version."""
        ...

    def list_model_types(self, scope: Scope) -> Iterator[Document]:
        """Every ModelType message."""
        ...

    def list_workflows(self, user_id: str) -> Iterator[Document]:
        """Every Workflow message of every app of a user."""
        ...

    def list_deployments(self, user_id: str) -> Iterator[Document]:
        """Every Deployment message of a user."""
        ...

    def list_concepts(self, key: Key) -> Iterator[Document]:
        """Every Concept of a model's version (its latest, where the key names no version)."""
        ...

    def get_output_info(self, key: Key) -> Document:
        """The Model message of GetModelOutputInfo, concepts included."""
        ...

    def search_models(self, scope: Scope, *, name: str, model_type_id: str) -> Iterator[ObservedModel]:
        """Models of an app by name wildcard and type; an empty string leaves that filter out."""
        ...

    def resolve_user_id(self, scope: Scope) -> str:
        """The real id of a scope's user: another than its own only where that is "me", the token's user."""
        ...

    def register_secret(self, secret: str) -> None:
        """Make sure that no error from here shows this text, whatever the service answers."""
        ...

    def send(self, request: Request, *, before_attempt: Callable[[], None] = lambda: None) -> Reply:
        """Send one change. The only method that writes.

        `before_attempt` is called right before each attempt, when nothing is waited for any more; what it raises passes
        through, and the attempt is not made.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...
