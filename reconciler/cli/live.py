"""What the commands that look at the live side share: which app, which models are its own, reading several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from reconciler.errors import FaultClass, ReconcilerError, RemoteError, UsageError
from reconciler.resources.ids import id_problem
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import ObservedModel
from reconciler.resources.wording import quoted

if TYPE_CHECKING:
    from reconciler.config import Settings
    from reconciler.remote.port import Remote
    from reconciler.session import Session

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def scope_from(settings: Settings) -> Scope:
    """The app that a command is about. Raises ReconcilerError that says where its ids can be given."""
    user_id, app_id = settings.user_id, settings.app_id
    if user_id and app_id:
        return Scope(user_id, app_id)
    missing = [name for name, value in (("user", user_id), ("app", app_id)) if not value]
    ways = [f"--{name}-id, {name}_id in reconciler.yaml, or CLARIFAI_{name.upper()}_ID" for name in missing]
    raise ReconcilerError(f"No {' and no '.join(missing)} id was given. Give {'; and '.join(ways)}.")


def own_models(models: Iterable[ObservedModel], scope: Scope) -> tuple[ObservedModel, ...]:
    """The app's own among listed models, ordered by id: a listing also returns Clarifai's, and may return bookmarks."""
    own = [model for model in models if model.key.scope == scope and not model.is_bookmark]
    return tuple(sorted(own, key=lambda model: model.key))


def each(read: Callable[[_In], _Out], items: Iterable[_In], session: Session) -> list[_Out]:
    """What `read` gives for each item, in their order, several at once; the first error is raised."""
    todo = list(items)
    if len(todo) < 2:
        return [read(item) for item in todo]
    with ThreadPoolExecutor(max_workers=min(session.settings.limits.parallelism, len(todo))) as pool:
        return list(pool.map(read, todo))


def remote_of(session: Session) -> Remote:
    """The session's connection, which these commands always have."""
    if session.remote is None:
        raise ReconcilerError("This command needs a connection to the service.")
    return session.remote


def key_from(scope: Scope, text: str, *, may_name_version: bool = False) -> Key:
    """The model, or with `may_name_version` the version, that MODEL or MODEL@VERSION names. Raises UsageError."""
    model_id, at, version_id = text.rpartition("@") if may_name_version and "@" in text else (text, "", "")
    problem = id_problem(model_id) or (id_problem(version_id) if at else None)
    if problem is not None:
        form = "MODEL or MODEL@VERSION" if may_name_version else "a model's id"
        raise UsageError(f"{quoted(text)} is not {form}: a part of it {problem}.")
    return Key(user_id=scope.user_id, app_id=scope.app_id, model_id=model_id, version_id=version_id)


def unless_missing(read: Callable[[_In], _Out]) -> Callable[[_In], _Out | None]:
    """`read`, giving None where the service says that what was asked about doesn't exist."""

    def reading(item: _In) -> _Out | None:
        try:
            return read(item)
        except RemoteError as error:
            if error.fault is FaultClass.NOT_FOUND:
                return None
            raise

    return reading


def require_known(what: str, found: Mapping[str, _Out | None], scope: Scope) -> dict[str, _Out]:
    """What was found, by name. Raises ReconcilerError that names every one that is None."""
    missing = [quoted(name) for name, value in found.items() if value is None]
    if missing:
        raise ReconcilerError(f"No {what} {', '.join(missing)} in app {scope}. Check the spelling and the app.")
    return {name: value for name, value in found.items() if value is not None}
