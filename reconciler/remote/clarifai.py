"""The implementation of `port.Remote` over gRPC: which call answers which question, and who owns a model.

Takes keys and scopes, returns the resources of the responses. Every failure is a RemoteError.

The user id "me" is the service's alias for the token's user (resources.proto, UserAppIDSet.user_id), but responses contain
the user's real id. The keys of live models must equal those of manifests, which may say "me". So a model of the token's
user, in the app of the request, gets the user id of the request. A model of any other user in the same listing keeps its
own key, so it can't be mistaken for one of the app.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.config.credentials import Token
from reconciler.config.endpoint import Endpoint
from reconciler.errors import FaultClass, RemoteError
from reconciler.remote import statuses
from reconciler.remote.convert import LazyDocument, documents_from, model_from, newest_first, version_from
from reconciler.remote.paging import DOCUMENTED_PAGE, FetchPage, Pages, page_body, started
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
    from reconciler.resources.prediction import Answer, Override, Sample

ME: Final = "me"


class ClarifaiRemote:
    """A connection to one endpoint with one token. It can be used from several threads.

    `token` is None for an endpoint that checks none. `name` is the endpoint's name in plans if that isn't its URL
    ("embedded"). `secrets` are strings that no error may show. The constructor makes no call; it raises ReconcilerError
    if the root certificates can't be used.
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
        # Importing clarifai_grpc takes a fifth of a second, which commands without a connection don't have to spend.
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
        self._first_types: dict[Scope, Future[Sequence[Any]]] = {}
        self._own_user_id = ""
        self._shows_asked_versions = True
        self._own_user_lock = threading.Lock()

    def close(self) -> None:
        """Close the connection."""
        self._caller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def register_secret(self, secret: str) -> None:
        """Keep `secret` out of every later error, whatever the service responds."""
        self._scrubber.register([secret])

    # --- reads ------------------------------------------------------------------------------------------------

    def list_models(
        self, scope: Scope, *, is_enough: Callable[[], bool] = lambda: False, missing: Callable[[], int] | None = None
    ) -> Iterator[ObservedModel]:
        """Yield every model in the listing of an app, each with its latest version, including models of other apps.

        Before each further page `is_enough` is asked; the listing ends there if it says so. `missing` is how many models there should
        be at least after those that were yielded, None if that isn't known.
        """
        # By default the service sorts by time of change. That order shifts while models are patched, so that pages by
        # offset would skip some.
        order = {"sort_by_created_at": True, "sort_ascending": True}
        body = {**_user_app("ListModels", scope), **order}
        return self._list_models("ListModels", body, scope, is_enough=is_enough, missing=missing)

    def search_models(self, scope: Scope, *, name: str, model_type_id: str) -> Iterator[ObservedModel]:
        """Yield the models of an app that match a name with wildcards and a type id. "" matches any."""
        filters = {"name": name, "model_type_id": model_type_id}
        query = {field: value for field, value in filters.items() if value}
        return self._list_models(
            "PostModelsSearches", {**_user_app("PostModelsSearches", scope), "model_query": query}, scope
        )

    def _list_models(
        self,
        rpc: str,
        body: Mapping[str, Any],
        scope: Scope,
        *,
        is_enough: Callable[[], bool] = lambda: False,
        missing: Callable[[], int] | None = None,
    ) -> Iterator[ObservedModel]:
        own_user_id, listed = scope.user_id, list[Any]()
        if own_user_id == ME and missing is not None:
            # Nothing is yielded until the whole listing was read.
            first = missing()
            missing = lambda: first - len(listed)  # noqa: E731
        messages: Iterable[Any] = self._list(
            rpc, body, "models", identity=_owner_and_id, is_enough=is_enough, missing=missing
        )
        if own_user_id == ME:
            for message in messages:
                listed.append(message)
            messages, own_user_id = listed, self._own_user_among(listed, scope)
        for message in messages:
            yield model_from(_require_id(rpc, message), own_user_id=own_user_id, scope=scope)

    def _own_user_among(self, messages: Iterable[Any], scope: Scope) -> str:
        """Return the user id that responses contain for the token's user, given a listing of an app of "me".

        It is needed only to compare owners, so a listing without any model of the app returns "me" itself.
        """
        # If all models of the app have one user, that is the token's user, and no call is needed.
        first_of: dict[str, Any] = {}
        for message in messages:
            if message.app_id == scope.app_id and message.user_id:
                first_of.setdefault(message.user_id, message)
        if len(first_of) < 2 or ME in first_of:
            return ME if ME in first_of or not first_of else next(iter(first_of))
        # Several users have an app of this id. GetModel with "me" returns a model of the token's user.
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
        """Return one model with its latest version, or None if the service reports that it doesn't exist."""
        body = {**_user_app("GetModel", key.scope), "model_id": _require("GetModel", "model_id", key.model_id)}
        try:
            response = self._caller.call("GetModel", body)
        except RemoteError as error:
            if error.status == statuses.MODEL_DOES_NOT_EXIST:
                return None
            raise
        message = _require_id("GetModel", response.message.model)
        if not message.user_id and not message.app_id:
            # A response without an owner is about the model that was requested.
            message.user_id, message.app_id = key.user_id, key.app_id
        own_user_id = message.user_id if key.user_id == ME else key.user_id
        model = model_from(message, own_user_id=own_user_id, scope=key.scope)
        # If the app has no such model, the service may return Clarifai's own model of that id (service.proto describes
        # this fallback at ListModelsRequest.dont_fetch_from_main). That isn't the model that was requested.
        return model if model.key == key.model() else None

    def list_versions(self, key: Key) -> Iterator[ObservedVersion]:
        """Yield every version of a model, newest first."""
        rpc, model = "ListModelVersions", key.model()
        body = {
            **_user_app(rpc, key.scope),
            "model_id": _require(rpc, "model_id", key.model_id),
            "sort_by_created_at": True,
        }
        messages = self._list(rpc, body, "model_versions", identity=_id, until_empty=False)
        yield from newest_first(version_from(_require_id(rpc, message), key=model) for message in messages)

    def find_versions(self, scope: Scope, version_ids: Collection[str]) -> Iterator[ObservedVersion]:
        """Yield those of some versions of an app's models that listings of models show; maybe none.

        Nothing is called any more once a listing has shown none of the versions that it was asked for.
        """
        asked = sorted(version_ids)
        for first in range(0, len(asked), DOCUMENTED_PAGE):
            if not self._shows_asked_versions:
                return
            found = self._find_some_versions(scope, asked[first : first + DOCUMENTED_PAGE])
            self._shows_asked_versions = bool(found)
            yield from found

    def _find_some_versions(self, scope: Scope, ids: list[str]) -> list[ObservedVersion]:
        # "If set, only return the model of these versions" (service.proto, ListModelsRequest.model_version_ids). Whether the
        # response then contains that version of the model or the latest one isn't documented, so it is looked at.
        rpc, found = "ListModels", list[ObservedVersion]()
        body = {**_user_app(rpc, scope), "model_version_ids": ids}
        messages = self._list(
            rpc,
            body,
            "models",
            identity=_version_identity,
            until_empty=False,
            is_enough=lambda: not found or len(found) == len(ids),
        )
        try:
            for message in messages:
                key = Key(user_id=scope.user_id, app_id=scope.app_id, model_id=_require_id(rpc, message).id)
                is_own = message.app_id == scope.app_id and scope.user_id in (message.user_id, ME)
                if is_own and message.model_version.id in ids:
                    found.append(version_from(message.model_version, key=key))
        except RemoteError as error:
            if error.fault is FaultClass.TRANSIENT:
                raise
            return []  # a service that doesn't take the filter shows nothing
        return found

    def get_version(self, key: Key) -> ObservedVersion | None:
        """Return one version, or None if the service reports that the model or the version doesn't exist."""
        rpc = "GetModelVersion"
        body = {
            **_user_app(rpc, key.scope),
            "model_id": _require(rpc, "model_id", key.model_id),
            "version_id": _require(rpc, "version_id", key.version_id),
        }
        try:
            response = self._caller.call(rpc, body)
        except RemoteError as error:
            # The code for an unknown version isn't documented, so every code that means "not found" is accepted.
            if error.fault is FaultClass.NOT_FOUND:
                return None
            raise
        return version_from(_require_id(rpc, response.message.model_version), key=key.model())

    def ask_for_model_types(self, scope: Scope) -> None:
        """Ask for the first page of model types now, in a thread of its own; `list_model_types` takes it over.

        Whether that page is the last one is decided there: pages that were read meanwhile may show that it is short.
        """
        fetch = self._fetch_page("ListModelTypes", _user_app("ListModelTypes", scope), "model_types")
        self._first_types[scope] = started(lambda: fetch(1, DOCUMENTED_PAGE))

    def list_model_types(self, scope: Scope) -> Iterator[Document]:
        """Yield every ModelType message."""
        body = _user_app("ListModelTypes", scope)
        # Reading on to an empty page would add a fifth to the calls of a plan. If a type were missed, its params wouldn't
        # be validated here, but the service validates them as well. There are far fewer types than a page has by default, and a page
        # of that size is never refused.
        messages = self._list(
            "ListModelTypes",
            body,
            "model_types",
            identity=_id,
            until_empty=False,
            per_page=DOCUMENTED_PAGE,
            first=self._first_types.pop(scope, None),
        )
        for message in messages:
            yield LazyDocument(message)

    def list_workflows(self, user_id: str) -> Iterator[Document]:
        """Yield every Workflow message of every app of a user."""
        # service.proto also binds ListWorkflows to /v2/users/{user_id}/workflows, which lists the workflows of all apps.
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
        """Yield every Concept of a version, or of the latest version if the key is that of a model."""
        rpc = "ListModelConcepts"
        body = {
            **_user_app(rpc, key.scope),
            "model_id": _require(rpc, "model_id", key.model_id),
            "version_id": key.version_id,
        }
        for message in self._list(rpc, body, "concepts", identity=_concept_identity, until_empty=False):
            yield LazyDocument(message)

    def get_output_info(self, key: Key) -> Document:
        """Return the Model message of GetModelOutputInfo, which includes the concepts."""
        rpc = "GetModelOutputInfo"
        body = {
            **_user_app(rpc, key.scope),
            "model_id": _require(rpc, "model_id", key.model_id),
            "version_id": key.version_id,
        }
        return LazyDocument(self._caller.call(rpc, body).message.model)

    def predict(self, key: Key, samples: Sequence[Sample], *, override: Override | None = None) -> tuple[Answer, ...]:
        """Predict on one version, with other params for this call if there is an `override`."""
        from reconciler.remote.predicting import predict

        return predict(self._caller, key, samples, override, clean=self._scrubber.clean)

    def _list(
        self,
        rpc: str,
        body: Mapping[str, Any],
        field: str,
        *,
        identity: Any,
        until_empty: bool = True,
        is_enough: Callable[[], bool] = lambda: False,
        missing: Callable[[], int] | None = None,
        per_page: int | None = None,
        first: Future[Sequence[Any]] | None = None,
    ) -> Iterator[Any]:
        return self._pages.read(
            rpc,
            self._fetch_page(rpc, body, field),
            identity=identity,
            until_empty=until_empty,
            is_enough=is_enough,
            missing=missing,
            per_page=per_page,
            first=first,
        )

    def _fetch_page(self, rpc: str, body: Mapping[str, Any], field: str) -> FetchPage:
        def fetch(page: int, per_page: int) -> Sequence[Any]:
            # The search takes a Pagination message; the listings have the two fields themselves (service.proto).
            pages = {"page": page, "per_page": per_page}
            paged = {**body, "pagination": pages} if rpc == "PostModelsSearches" else page_body(body, page, per_page)
            messages: Sequence[Any] = getattr(self._caller.call(rpc, paged).message, field)
            return messages

        return fetch

    # --- users --------------------------------------------------------------------------------------------------

    def resolve_user_id(self, scope: Scope) -> str:
        """Return the id of a scope's user. For "me" it takes at most two calls, once per connection.

        Needed only if manifests name one app both with "me" and with a user's id.
        """
        if scope.user_id != ME:
            return scope.user_id
        with self._own_user_lock:
            if not self._own_user_id:
                self._own_user_id = self._ask_own_user_id(scope)
            return self._own_user_id

    def _ask_own_user_id(self, scope: Scope) -> str:
        try:
            user_id = self._caller.call("GetUser", {"user_app_id": {"user_id": ME}}).message.user.id
        # A token that belongs to an app may not read users. It can read its app, which names the user.
        except RemoteError as error:
            if error.fault is FaultClass.TRANSIENT:
                raise
            user_id = ""
        # If both fail, the error of GetApp is reported: the scope that it needs, Apps:Get, is required for every read.
        user_id = user_id or self._caller.call("GetApp", _user_app("GetApp", scope)).message.app.user_id
        if not user_id:
            raise _unusable("GetApp", f"app {scope.app_id} has no user")
        return str(user_id)

    # --- writes -------------------------------------------------------------------------------------------------

    def send(self, request: Request, *, before_attempt: Callable[[], None] = lambda: None) -> Reply:
        """Send one request. Raises RemoteError with `sent` False for a request that isn't allowed; see `writes`."""
        body = request.body
        require_sendable(request.rpc, request.action, body)
        # The service may quote the request in an error.
        self._scrubber.register(secret_texts(body))
        safety = Safety.REPEATABLE if request.is_repeatable else Safety.ONCE
        response = self._caller.call(
            request.rpc, body, safety=safety, may_be_too_large=request.may_be_too_large, before_attempt=before_attempt
        )
        return Reply(
            request_id=self._scrubber.clean(response.message.status.req_id),
            attempts=response.attempts,
            documents=documents_from(response.message),
        )


def _id(message: Any) -> object:
    return message.id


def _owner_and_id(message: Any) -> object:
    return message.user_id, message.app_id, message.id


def _version_identity(message: Any) -> object:
    return message.user_id, message.app_id, message.id, message.model_version.id


def _user_and_id(message: Any) -> object:
    return message.user_id, message.id


def _concept_identity(message: Any) -> object:
    return message.user_id, message.app_id, message.id, message.language


def _user(rpc: str, user_id: str) -> dict[str, Any]:
    return {"user_app_id": {"user_id": _require(rpc, "user_id", user_id)}}


def _user_app(rpc: str, scope: Scope) -> dict[str, Any]:
    # With an empty app id the service lists the models of all apps of the user, with an empty user id those of all users
    # (service.proto, ListModels: its other bindings are "/v2/users/{user_id}/models" and "/v2/models").
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
            description=f"the {name} is empty, which the service would take to mean all of them",
            fault=FaultClass.FATAL,
            attempts=0,
            sent=False,
        )
    return value


def _require_id(rpc: str, message: Any) -> Any:
    if not message.id:
        raise _unusable(rpc, f"a {message.DESCRIPTOR.name} has no id")
    return message


def _unusable(rpc: str, what: str) -> RemoteError:
    return RemoteError(
        rpc=rpc, code="UNREADABLE_ANSWER", description=f"{what} in the service's response", fault=FaultClass.FATAL
    )
