"""The service itself, behind the Protocol of `port`: which calls answer which question, and whose models are whose.

"me" is the service's alias for the token's user (resources.proto, UserAppIDSet.user_id), but answers name the real
one. Keys must equal those of the manifests, which may say "me". A model of the token's user, in exactly the app asked
about, gets the scope's spelling; a model that a listing shows of anyone else keeps its own key, and so can't be taken
for the app's. Who the token's user is, the answers tell at no cost where all models of that app have one user (GetModel's
answer about the app does by itself), and GetModel tells where several users have an app of that id. Only where
manifests call one app both "me" and a user's id is the service asked who "me" is (GetUser; GetApp for keys that belong
to an app and may not read users).

Importing this module is cheap; making a ClarifaiRemote imports clarifai_grpc (a fifth of a second).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.config.credentials import Token
from reconciler.config.endpoint import Endpoint
from reconciler.errors import FaultClass, RemoteError
from reconciler.remote import statuses
from reconciler.remote.convert import LazyDocument, documents_from, model_from, newest_first, version_from
from reconciler.remote.paging import Pages, page_body
from reconciler.remote.port import Reply
from reconciler.remote.retry import Safety
from reconciler.remote.scrub import Scrubber
from reconciler.remote.writes import require_sendable
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Document, ObservedModel, ObservedVersion
from reconciler.resources.request import Request
from reconciler.resources.secrets import secret_texts

if TYPE_CHECKING:
    from typing_extensions import Self

    from reconciler.remote.caller import Timing

ME: Final = "me"


class ClarifaiRemote:
    """A connection to one endpoint with one token (None for an endpoint that checks none). Safe for several threads.

    `name` is what plans call the endpoint, where that isn't its url ("embedded"). `secrets` are texts that no error may
    show. Nothing is sent before the first call. Raises ReconcilerError where the root certificates can't be used.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        token: Token | None = None,
        root_certificates: Path | None = None,
        timing: Timing | None = None,
        name: str | None = None,
        secrets: Iterable[str] = (),
    ) -> None:
        from reconciler.remote.caller import Caller, Timing

        self.endpoint = name or endpoint.url
        self._scrubber = Scrubber(secrets)
        if token is not None:
            self._scrubber.register([token.reveal()])
        self._caller = Caller(
            endpoint,
            token=token,
            root_certificates=root_certificates,
            timing=timing or Timing(),
            scrubber=self._scrubber,
        )
        self._pages = Pages()
        self._own_user_id = ""
        self._own_user_lock = threading.Lock()

    def close(self) -> None:
        """Let go of the connection."""
        self._caller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def register_secret(self, secret: str) -> None:
        """Add a text that no error from here may show."""
        self._scrubber.register([secret])

    # --- reads ------------------------------------------------------------------------------------------------

    def list_models(self, scope: Scope) -> Iterator[ObservedModel]:
        """Every model the listing of an app returns, each with its latest version; models of other apps included."""
        # The default order, by time of change, shifts while models are patched, and offset pages would skip some.
        order = {"sort_by_created_at": True, "sort_ascending": True}
        return self._list_models("ListModels", {**_user_app("ListModels", scope), **order}, scope)

    def search_models(self, scope: Scope, *, name: str, model_type_id: str) -> Iterator[ObservedModel]:
        """Models of an app by name wildcard and type; an empty string leaves that filter out."""
        filters = {"name": name, "model_type_id": model_type_id}
        query = {field: value for field, value in filters.items() if value}
        return self._list_models(
            "PostModelsSearches", {**_user_app("PostModelsSearches", scope), "model_query": query}, scope
        )

    def _list_models(self, rpc: str, body: Mapping[str, Any], scope: Scope) -> Iterator[ObservedModel]:
        messages: Iterable[Any] = self._list(rpc, body, "models", identity=_owner_and_id)
        own_user_id = scope.user_id
        if own_user_id == ME:
            messages = list(messages)
            own_user_id = self._own_user_among(messages, scope)
        for message in messages:
            yield model_from(_require_id(rpc, message), own_user_id=own_user_id, scope=scope)

    def _own_user_among(self, messages: Iterable[Any], scope: Scope) -> str:
        """Whose models of the scope's app are the token's user's own, as the answers spell that user."""
        first_of: dict[str, Any] = {}
        for message in messages:
            if message.app_id == scope.app_id and message.user_id:
                first_of.setdefault(message.user_id, message)
        if len(first_of) < 2 or ME in first_of:
            return ME if ME in first_of or not first_of else next(iter(first_of))
        # Several users have an app of that id. What GetModel answers for "me" is the token's user's own.
        for message in first_of.values():
            body = {**_user_app("GetModel", scope), "model_id": message.id}
            try:
                found = self._caller.call("GetModel", body).message.model
            except RemoteError as error:
                if error.status != statuses.MODEL_DOES_NOT_EXIST:
                    raise
                continue
            if found.app_id == scope.app_id and found.user_id:
                return str(found.user_id)
        return self.resolve_user_id(scope)

    def get_model(self, key: Key) -> ObservedModel | None:
        """One model with its latest version, or None where the service says that it doesn't exist."""
        body = {**_user_app("GetModel", key.scope), "model_id": _require("GetModel", "model_id", key.model_id)}
        try:
            answer = self._caller.call("GetModel", body)
        except RemoteError as error:
            if error.status == statuses.MODEL_DOES_NOT_EXIST:
                return None
            raise
        message = _require_id("GetModel", answer.message.model)
        if not message.user_id and not message.app_id:
            # An answer that names nobody is about the model that was asked for.
            message.user_id, message.app_id = key.user_id, key.app_id
        own_user_id = message.user_id if key.user_id == ME else key.user_id
        model = model_from(message, own_user_id=own_user_id, scope=key.scope)
        # Where an app has no such model the service may answer with Clarifai's own of that id (service.proto,
        # ListModelsRequest.dont_fetch_from_main tells of it): not the model that was asked for.
        return model if model.key == key.model() else None

    def list_versions(self, key: Key) -> Iterator[ObservedVersion]:
        """Every version of a model, newest first."""
        rpc, model = "ListModelVersions", key.model()
        body = {
            **_user_app(rpc, key.scope),
            "model_id": _require(rpc, "model_id", key.model_id),
            "sort_by_created_at": True,
        }
        messages = self._list(rpc, body, "model_versions", identity=_id, until_empty=False)
        yield from newest_first(version_from(_require_id(rpc, message), key=model) for message in messages)

    def get_version(self, key: Key) -> ObservedVersion | None:
        """One version of a model, or None where the service says that there is no such model or version."""
        rpc = "GetModelVersion"
        body = {
            **_user_app(rpc, key.scope),
            "model_id": _require(rpc, "model_id", key.model_id),
            "version_id": _require(rpc, "version_id", key.version_id),
        }
        try:
            answer = self._caller.call(rpc, body)
        except RemoteError as error:
            # Which code an unknown version has isn't published: the model's, or that of any resource.
            if error.fault is FaultClass.NOT_FOUND:
                return None
            raise
        return version_from(_require_id(rpc, answer.message.model_version), key=key.model())

    def list_model_types(self, scope: Scope) -> Iterator[Document]:
        """Every ModelType message."""
        body = _user_app("ListModelTypes", scope)
        # Beside a listing of models the proof of an empty page would be a fifth of a plan's calls, and a type that isn't
        # seen costs a check of params that the service makes too.
        for message in self._list("ListModelTypes", body, "model_types", identity=_id, until_empty=False):
            yield LazyDocument(message)

    def list_workflows(self, user_id: str) -> Iterator[Document]:
        """Every Workflow message of every app of a user."""
        # service.proto binds ListWorkflows to /v2/users/{user_id}/workflows too: without an app it lists over all of them.
        body = {**_user("ListWorkflows", user_id), "sort_by_created_at": True, "sort_ascending": True}
        for message in self._list("ListWorkflows", body, "workflows", identity=_owner_and_id):
            yield LazyDocument(message)

    def list_deployments(self, user_id: str) -> Iterator[Document]:
        """Every Deployment message of a user."""
        for message in self._list(
            "ListDeployments", _user("ListDeployments", user_id), "deployments", identity=_user_and_id
        ):
            yield LazyDocument(message)

    def list_concepts(self, key: Key) -> Iterator[Document]:
        """Every Concept of a model's version (its latest, where the key names no version)."""
        rpc = "ListModelConcepts"
        body = {
            **_user_app(rpc, key.scope),
            "model_id": _require(rpc, "model_id", key.model_id),
            "version_id": key.version_id,
        }
        for message in self._list(rpc, body, "concepts", identity=_concept_identity, until_empty=False):
            yield LazyDocument(message)

    def get_output_info(self, key: Key) -> Document:
        """The Model message of GetModelOutputInfo, concepts included."""
        rpc = "GetModelOutputInfo"
        body = {
            **_user_app(rpc, key.scope),
            "model_id": _require(rpc, "model_id", key.model_id),
            "version_id": key.version_id,
        }
        return LazyDocument(self._caller.call(rpc, body).message.model)

    def _list(
        self, rpc: str, body: Mapping[str, Any], field: str, *, identity: Any, until_empty: bool = True
    ) -> Iterator[Any]:
        def fetch(page: int, per_page: int) -> Any:
            pages = {"page": page, "per_page": per_page}
            paged = {**body, "pagination": pages} if rpc == "PostModelsSearches" else page_body(body, page, per_page)
            return getattr(self._caller.call(rpc, paged).message, field)

        return self._pages.read(rpc, fetch, identity=identity, until_empty=until_empty)

    # --- whose --------------------------------------------------------------------------------------------------

    def resolve_user_id(self, scope: Scope) -> str:
        """The real id of the scope's user: asked of the service for "me", once per connection."""
        if scope.user_id != ME:
            return scope.user_id
        with self._own_user_lock:
            if not self._own_user_id:
                self._own_user_id = self._ask_own_user_id(scope)
            return self._own_user_id

    def _ask_own_user_id(self, scope: Scope) -> str:
        try:
            user_id = self._caller.call("GetUser", {"user_app_id": {"user_id": ME}}).message.user.id
        except RemoteError as error:
            if error.fault is FaultClass.TRANSIENT:
                raise
            user_id = ""
        # What GetApp needs (Apps:Get) every other read needs too, so its failure is the one worth telling.
        user_id = user_id or self._caller.call("GetApp", _user_app("GetApp", scope)).message.app.user_id
        if not user_id:
            raise _broken_promise("GetApp", f"nobody is named as the user of app {scope.app_id}")
        return str(user_id)

    # --- writes -------------------------------------------------------------------------------------------------

    def send(self, request: Request, *, before_attempt: Callable[[], None] = lambda: None) -> Reply:
        """Send one change. For a request that no plan may hold it raises RemoteError with `sent` False."""
        body = request.body
        require_sendable(request.rpc, request.action, body)
        self._scrubber.register(secret_texts(body))
        safety = Safety.REPEATABLE if request.is_repeatable else Safety.ONCE
        answer = self._caller.call(request.rpc, body, safety=safety, before_attempt=before_attempt)
        return Reply(request_id=answer.request_id, attempts=answer.attempts, documents=documents_from(answer.message))


def _id(message: Any) -> object:
    return message.id


def _owner_and_id(message: Any) -> object:
    return message.user_id, message.app_id, message.id


def _user_and_id(message: Any) -> object:
    return message.user_id, message.id


def _concept_identity(message: Any) -> object:
    return message.user_id, message.app_id, message.id, message.language


def _user(rpc: str, user_id: str) -> dict[str, Any]:
    return {"user_app_id": {"user_id": _require(rpc, "user_id", user_id)}}


def _user_app(rpc: str, scope: Scope) -> dict[str, Any]:
    # With an empty app id the service lists over all apps of the user, with an empty user id over all users
    # (service.proto, ListModels: "/v2/users/{user_id}/models" and "/v2/models" are its other bindings).
    return {
        "user_app_id": {
            "user_id": _require(rpc, "user_id", scope.user_id),
            "app_id": _require(rpc, "app_id", scope.app_id),
        }
    }


def _require(rpc: str, name: str, value: str) -> str:
    if not value:
        raise RemoteError(
            rpc=rpc,
            code="NOT_SENT",
            description=f"the {name} is empty, which the service would read as all of them",
            fault=FaultClass.FATAL,
            attempts=0,
            sent=False,
        )
    return value


def _require_id(rpc: str, message: Any) -> Any:
    if not message.id:
        raise _broken_promise(rpc, f"a {message.DESCRIPTOR.name} has no id")
    return message


def _broken_promise(rpc: str, what: str) -> RemoteError:
    return RemoteError(
        rpc=rpc, code="UNREADABLE_ANSWER", description=f"{what} in the service's answer", fault=FaultClass.FATAL
    )
