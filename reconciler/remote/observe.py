"""Reads the live state that a run needs.

Takes a Remote and the keys of the models to read, each with a function that says whether all of its versions are needed.
Returns an Observed, or raises RemoteError. Never returns a partial result.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

from reconciler.remote.port import Remote
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Document, Observed, ObservedModel, ObservedVersion

NeedsVersions = Callable[[ObservedModel], bool]
"""Whether all versions of a model have to be read. The function is called with the latest version present."""

# A listing takes a call per 1,000 models of the app and one for the empty page that ends it. GetModel takes one each.
FEW = 3
"""The largest number of models of an app that are read one by one instead of with a listing."""

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def observe(
    remote: Remote,
    needs: Mapping[Key, NeedsVersions],
    *,
    listed: frozenset[Scope] = frozenset(),
    searched: Mapping[Scope, str] = MappingProxyType({}),
    others: NeedsVersions | None = None,
    gone: Collection[Key] = (),
    versions: Mapping[Key, Collection[str]] | None = None,
    few: int = FEW,
    parallelism: int = 8,
) -> Observed:
    """Read the models in `needs`, every model of the apps in `listed`, and those of a model type in the apps in `searched`.

    `others` says of the models that are not in `needs` whether all of their versions have to be read.

    Up to `few` models of an app are read one by one.
    A model that doesn't exist isn't in the result. `gone` are models whose deletion the service has acknowledged: if the
    listing doesn't contain them, they aren't asked for one by one. `versions` are the versions of models that the run names by
    id, which may take fewer calls than all versions of these models. Raises RemoteError if any call fails.
    """
    needed: dict[Scope, list[Key]] = defaultdict(list)
    for key in needs:
        needed[key.scope].append(key)
    models: dict[Key, ObservedModel] = {}
    single: list[Key] = []
    read: set[Scope] = set()
    for scope, type_id in sorted(searched.items()):
        found_there = remote.search_models(scope, name="", model_type_id=type_id)
        models.update((model.key, model) for model in found_there if model.key.scope == scope)
    for scope in sorted({*needed, *listed}):
        keys = [key for key in needed.get(scope, []) if key not in models]
        if scope not in listed and len(keys) <= few:
            single.extend(keys)
            continue
        read.add(scope)
        found_here = _listing(remote, scope, frozenset(keys), gone=frozenset(gone), is_whole=scope in listed)
        models.update(found_here)
        missing = {key for key in keys if key not in found_here}
        # A model that isn't in the listing may exist all the same: listings leave out bookmarks, and pages by offset can
        # skip a model while others are created or deleted. Only GetModel can tell that it doesn't exist.
        single.extend(sorted(missing - set(gone)))
    models.update((found.key, found) for found in each(remote.get_model, single, parallelism) if found is not None)
    # A listing contains only the latest version of each model, and listing versions takes at least a call per model.

    def is_incomplete(model: ObservedModel) -> bool:
        ask = needs.get(model.key, others)
        return ask is not None and ask(model)

    incomplete = [model for model in models.values() if is_incomplete(model)]
    if len(incomplete) > few:
        incomplete = _with_named_versions(remote, incomplete, versions or {})
        models.update((model.key, model) for model in incomplete)
        incomplete = [model for model in incomplete if is_incomplete(model)]
    for model in each(lambda model: with_all_versions(remote, model), incomplete, parallelism):
        models[model.key] = model
    return Observed(models=dict(sorted(models.items())), listed=listed, listed_in_part=frozenset(read - listed))


def _listing(
    remote: Remote, scope: Scope, needed: frozenset[Key], *, gone: frozenset[Key], is_whole: bool
) -> dict[Key, ObservedModel]:
    """The models of an app that its listing shows: all, or those on its pages up to the one with the last needed model."""
    found: dict[Key, ObservedModel] = {}
    missing = set(needed)

    def is_enough() -> bool:
        return not (is_whole or missing)

    for model in remote.list_models(scope, is_enough=is_enough, missing=lambda: len(missing - gone)):
        # The service lists Clarifai's own models beside those of the app; they aren't managed.
        if model.key.scope == scope:
            found[model.key] = model
            missing.discard(model.key)
    return found


def _with_named_versions(
    remote: Remote, models: Sequence[ObservedModel], versions: Mapping[Key, Collection[str]]
) -> list[ObservedModel]:
    """The models, each with those of its named versions that one call for many models shows."""
    missing: dict[Scope, set[str]] = defaultdict(set)
    for model in models:
        missing[model.key.scope].update(set(versions.get(model.key, ())) - model.versions_by_id.keys())
    found: dict[Key, list[ObservedVersion]] = defaultdict(list)
    for scope, ids in missing.items():
        for version in remote.find_versions(scope, ids):
            found[version.key.model()].append(version)
    return [replace(model, versions=_newest_first(model, found.get(model.key, ()))) for model in models]


def _newest_first(model: ObservedModel, more: Iterable[ObservedVersion]) -> tuple[ObservedVersion, ...]:
    """The latest version, and then the others that were read."""
    known = {version.key: version for version in (*model.versions, *more)}
    if model.latest is not None:
        known.pop(model.latest.key, None)
    others = sorted(known.values(), key=lambda version: version.created_at or (), reverse=True)
    return (*((model.latest,) if model.latest is not None else ()), *others)


def with_all_versions(remote: Remote, model: ObservedModel) -> ObservedModel:
    """Read all versions of a model, and return the model with them."""
    return replace(model, versions=tuple(remote.list_versions(model.key)), versions_complete=True)


def concepts_of(remote: Remote, keys: Iterable[Key], *, parallelism: int = 8) -> dict[Key, tuple[Document, ...]]:
    """Read the concepts of versions. Takes at least one call per version."""
    todo = list(keys)
    return dict(zip(todo, each(lambda key: tuple(remote.list_concepts(key)), todo, parallelism), strict=True))


def each(read: Callable[[_In], _Out], items: Iterable[_In], parallelism: int) -> list[_Out]:
    """What `read` gives for each item, in their order; several are read at once, and the first error is raised."""
    todo = list(items)
    if len(todo) < 2 or parallelism < 2:
        return [read(item) for item in todo]
    with ThreadPoolExecutor(max_workers=min(parallelism, len(todo))) as pool:
        return list(pool.map(read, todo))
