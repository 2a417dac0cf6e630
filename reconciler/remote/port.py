"""The interface between the service and the other stages: reads that return resources, and one method that writes.

The other stages use this Protocol alone; `remote/clarifai.py` implements it. Every method raises RemoteError if a call
fails. None returns a part of what was asked for, because a missing page would look like deleted models.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Document, ObservedModel, ObservedVersion
from reconciler.resources.request import Request

if TYPE_CHECKING:
    from reconciler.resources.prediction import Answer, Override, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The successful response to one request.

    `request_id` is the service's id of the call, for Clarifai's support. `attempts` counts how often the request was
    sent. `documents` are the models or versions in the response.
    """

    request_id: str
    attempts: int
    documents: tuple[Document, ...] = ()


class Remote(Protocol):
    """A connection to one endpoint with one access token. `endpoint` is its name in plans."""

    endpoint: str

    def list_models(
        self, scope: Scope, *, is_enough: Callable[[], bool] = lambda: False, missing: Callable[[], int] | None = None
    ) -> Iterator[ObservedModel]:
        """Yield every model in the listing of an app, each with its latest version, including models of other apps.

        Before each further page `is_enough` is asked; the listing ends there if it says so. `missing` is how many models there should
        be at least after those that were yielded, None if that isn't known.
        """
        ...

    def get_model(self, key: Key) -> ObservedModel | None:
        """Return one model with its latest version, or None if the service reports that it doesn't exist."""
        ...

    def list_versions(self, key: Key) -> Iterator[ObservedVersion]:
        """Yield every version of a model, newest first."""
        ...

    def find_versions(self, scope: Scope, version_ids: Collection[str]) -> Iterator[ObservedVersion]:
        """Yield those of some versions of an app's models that one call for many of them shows; maybe none.

        A version that isn't yielded may exist all the same.
        """
        ...

    def get_version(self, key: Key) -> ObservedVersion | None:
        """Return one version, or None if the service reports that the model or the version doesn't exist."""
        ...

    def ask_for_model_types(self, scope: Scope) -> None:
        """Begin with the listing of model types in the background. The run must need it: `list_model_types` takes it over."""
        ...

    def list_model_types(self, scope: Scope) -> Iterator[Document]:
        """Yield every ModelType message."""
        ...

    def list_workflows(self, user_id: str) -> Iterator[Document]:
        """Yield every Workflow message of every app of a user."""
        ...

    def list_deployments(self, user_id: str) -> Iterator[Document]:
        """Yield every Deployment message of a user."""
        ...

    def list_concepts(self, key: Key) -> Iterator[Document]:
        """Yield every Concept of a version, or of the latest version if the key is that of a model."""
        ...

    def get_output_info(self, key: Key) -> Document:
        """Return the Model message of GetModelOutputInfo, which includes the concepts."""
        ...

    def predict(self, key: Key, samples: Sequence[Sample], *, override: Override | None = None) -> tuple[Answer, ...]:
        """Predict on one version: an answer for each of at most 128 inputs, in their order.

        An `override` has params for this call alone. Predictions change nothing, and may cost money.
        """
        ...

    def search_models(self, scope: Scope, *, name: str, model_type_id: str) -> Iterator[ObservedModel]:
        """Yield the models of an app that match a name with wildcards and a type id. "" matches any."""
        ...

    def resolve_user_id(self, scope: Scope) -> str:
        """Return the id of a scope's user. It differs from `scope.user_id` only if that is "me", the token's user."""
        ...

    def register_secret(self, secret: str) -> None:
        """Keep `secret` out of every later error, whatever the service responds."""
        ...

    def send(self, request: Request, *, before_attempt: Callable[[], None] = lambda: None) -> Reply:
        """Send one request. This is the only method that writes.

        `before_attempt` is called right before each attempt, after all waiting. If it raises, the attempt isn't made and
        the error is passed on.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
