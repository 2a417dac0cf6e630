"""Reads what an app has, for those who show it or keep it: model types, models, versions, concepts, output info.

In: a Remote, an app, ids. Out: documents as the service gave them, ordered, with every secret param as `(sensitive)`; or an
error that names every id that doesn't exist. Models of other apps, which a listing may show too, are left out. It never
writes, and it never shows a param of a version without knowing whether a model type declares it secret: where the types
can't be read, that is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from reconciler.compare.params.fields import secrets_from_types
from reconciler.errors import FaultClass, ReconcilerError, RemoteError, UsageError
from reconciler.remote.observe import each, with_all_versions
from reconciler.remote.port import Remote
from reconciler.resources.ids import id_problem
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Document, ObservedModel, ObservedVersion
from reconciler.resources.secrets import PARAMS, Secrets
from reconciler.resources.tree import lookup
from reconciler.resources.wording import nearest, quoted

_In = TypeVar("_In")
_Out = TypeVar("_Out")

Documents = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The live side of one app. `ids` of its methods are names as a user gives them; without any, all of the app is read."""

    remote: Remote
    scope: Scope
    parallelism: int = 8

    def types(self, ids: Iterable[str] = ()) -> Documents:
        """Model types, by their ids."""
        found = {str(document["id"]): dict(document) for document in self.remote.list_model_types(self.scope)}
        names = list(ids)
        self._require_known("model type", {name: found.get(name) for name in names}, known=lambda: found)
        return [found[name] for name in (names or sorted(found))]

    def models(self, ids: Iterable[str] = ()) -> Documents:
        """Models, each with its latest version under `model_version`."""
        names = list(ids)
        if names:
            keys = [self._key(name) for name in names]
            answers = self._each(self.remote.get_model, keys)
            found = dict(zip(names, answers, strict=True))
            models = tuple(self._require_known("model", found, known=self._model_ids).values())
        else:
            models = self._own(self.remote.list_models(self.scope))
        secrets = read_secrets(self.remote, models)
        documents = []
        for model in models:
            document = secrets.redacted(model.key, model.document)
            if model.latest is not None:
                document["model_version"] = secrets.redacted(model.latest.key, model.latest.document)
            documents.append(document)
        return documents

    def versions(self, ids: Iterable[str] = ()) -> Documents:
        """Versions of models, or single ones if MODEL@VERSION is given, each with its `model_id`."""

        def read(key: Key) -> list[ObservedVersion] | None:
            if not key.version_id:
                return list(self.remote.list_versions(key))
            version = self.remote.get_version(key)
            return None if version is None else [version]

        versions = [version for found in self._each_of(ids, read).values() for version in found]
        # A response about versions doesn't name the model's type: what any type declares secret counts as secret.
        secrets = _read_secrets(self.remote, self.scope, {version.key: ("", version.document) for version in versions})
        return [
            {"model_id": version.key.model_id, **secrets.redacted(version.key, version.document)}
            for version in versions
        ]

    def concepts(self, ids: Iterable[str] = ()) -> Documents:
        """Concepts of models' latest versions, or of single versions, each with its `model_id` (and `version_id`)."""
        found = self._each_of(ids, lambda key: list(self.remote.list_concepts(key)))
        return [
            {"model_id": key.model_id, **({"version_id": key.version_id} if key.version_id else {}), **concept}
            for key, concepts in found.items()
            for concept in concepts
        ]

    def output_info(self, ids: Iterable[str] = ()) -> Documents:
        """The output info of models' latest versions, or of single versions, as Model messages."""
        versions, documents = {}, {}
        for key, model in self._each_of(ids, self.remote.get_output_info).items():
            version = dict(model.get("model_version", {}))
            named = key.version(str(version.get("id") or key.version_id or "none"))
            # The service answers in two places, the old one being the model itself (clarifai-python-grpc, test_model_crud).
            versions[named] = (str(model.get("model_type_id", "")), version if "output_info" in version else model)
            documents[named] = {**model, "model_version": version} if version else dict(model)
        secrets = _read_secrets(self.remote, self.scope, versions)
        shown = []
        for key, document in documents.items():
            redacted = secrets.redacted(key, document)
            if "model_version" in document:
                redacted["model_version"] = secrets.redacted(key, document["model_version"])
            shown.append(redacted)
        return shown

    def search(
        self, *, ids: Iterable[str] = (), name: str = "", type_id: str = "", versions: Literal["latest", "all"]
    ) -> list[ObservedModel]:
        """The models of these ids; without any, those of a name (a wildcard) and a model type, "" for any.

        Each has its latest version, or all of them. Raises ReconcilerError for ids that don't exist.
        """
        names = list(dict.fromkeys(ids))
        listed: Iterable[ObservedModel]
        if names:
            answers = self._each(self.remote.get_model, [self._key(name) for name in names])
            own = [model if model is not None and self._is_own(model) else None for model in answers]
            listed = self._require_known("model", dict(zip(names, own, strict=True)), known=self._model_ids).values()
        elif name or type_id:
            listed = self.remote.search_models(self.scope, name=name, model_type_id=type_id)
        else:
            listed = self.remote.list_models(self.scope)
        if versions == "all":
            return self._each(lambda model: with_all_versions(self.remote, model), self._own(listed))
        return self._with_latest(self._own(listed))

    def _with_latest(self, models: Iterable[ObservedModel]) -> list[ObservedModel]:
        """The models with their latest versions alone, which are read one by one where the listing left out parts of them."""
        found = {model.key: model for model in models}
        partial = [model for model in found.values() if model.latest and "output_info" not in model.latest.document]
        for model in self._each(lambda model: self.remote.get_model(model.key) or model, partial):
            found[model.key] = model
        return list(found.values())

    def _own(self, models: Iterable[ObservedModel]) -> tuple[ObservedModel, ...]:
        """The app's own among listed models, by their ids: a listing also shows Clarifai's, and bookmarks of others'."""
        return tuple(sorted(filter(self._is_own, models), key=lambda model: model.key))

    def _is_own(self, model: ObservedModel) -> bool:
        return model.key.scope == self.scope and not model.is_bookmark

    def _model_ids(self) -> list[str]:
        return [model.key.model_id for model in self._own(self.remote.list_models(self.scope))]

    def _each_of(self, ids: Iterable[str], read: Callable[[Key], _Out | None]) -> dict[Key, _Out]:
        """What `read` gives for each MODEL or MODEL@VERSION, else for each of the app's models that has a version."""
        names = list(ids)
        if names:
            keys = [self._key(name, may_name_version=True) for name in names]
        else:
            models = self._own(self.remote.list_models(self.scope))
            keys = [model.key for model in models if model.latest is not None]
        shown = {key: key.address.removeprefix(f"{self.scope}/") for key in keys}
        answers = zip(shown.values(), self._each(_unless_missing(read), shown), strict=True)
        found = self._require_known("model or version", dict(answers), known=self._model_ids)
        return {key: found[name] for key, name in shown.items()}

    def _each(self, read: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
        return each(read, items, self.parallelism)

    def _key(self, text: str, *, may_name_version: bool = False) -> Key:
        """The model, or with `may_name_version` the version, that MODEL or MODEL@VERSION names. Raises UsageError."""
        model_id, at, version_id = text.rpartition("@") if may_name_version and "@" in text else (text, "", "")
        problem = id_problem(model_id) or (id_problem(version_id) if at else None)
        if problem is not None:
            form = "MODEL or MODEL@VERSION" if may_name_version else "a model id"
            raise UsageError(f"{quoted(text)} is not {form}: a part of it {problem}.")
        return Key(user_id=self.scope.user_id, app_id=self.scope.app_id, model_id=model_id, version_id=version_id)

    def _require_known(
        self, what: str, found: Mapping[str, _Out | None], *, known: Callable[[], Iterable[str]]
    ) -> dict[str, _Out]:
        """What was found, by name. Raises ReconcilerError that names every one that wasn't, with the nearest of the `known`."""
        missing = [name for name, value in found.items() if value is None]
        if missing:
            there = list(known())
            near = list(dict.fromkeys(hint for name in missing if (hint := nearest(name, there)) is not None))
            hint = f"Did you mean {', '.join(map(quoted, near))}?" if near else "Check the spelling and the app."
            raise ReconcilerError(f"No {what} {', '.join(map(quoted, missing))} in app {self.scope}. {hint}")
        return {name: value for name, value in found.items() if value is not None}


def _unless_missing(read: Callable[[_In], _Out | None]) -> Callable[[_In], _Out | None]:
    """`read`, giving None if the service says that what was asked about doesn't exist."""

    def reading(item: _In) -> _Out | None:
        try:
            return read(item)
        except RemoteError as error:
            if error.fault is FaultClass.NOT_FOUND:
                return None
            raise

    return reading


# --- which params are secret -----------------------------------------------------------------------------------


def read_secrets(remote: Remote, models: Collection[ObservedModel]) -> Secrets:
    """Which params are secret of every version that these models were read with.

    Raises RemoteError if the model types can't be read: what may be a secret is not shown.
    """
    versions = {
        version.key: (model.model_type_id, version.document)
        for model in models
        for version in model.versions_by_id.values()
    }
    return _read_secrets(remote, next(iter(models)).key.scope, versions) if versions else Secrets()


def _read_secrets(remote: Remote, scope: Scope, versions: Mapping[Key, tuple[str, Document]]) -> Secrets:
    """The same for versions by key, each with the id of its model's type ("" if it isn't known) and its document."""
    if not any(_has_params(document) for _, document in versions.values()):
        return Secrets()  # without params nothing is secret, and the types need not be read
    types = {str(document.get("id")): document for document in remote.list_model_types(scope)}
    return secrets_from_types(types, lambda key: versions[key])


def _has_params(document: Document) -> bool:
    params = lookup(document, PARAMS)
    return isinstance(params, Mapping) and bool(params)
