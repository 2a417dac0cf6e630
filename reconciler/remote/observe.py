"""Reads the live side: all that a run needs to know, or an error; never a part of it.

In: a Remote and the models that matter, each with a question "do I need every version of it?". Out: Observed. Reads
cost calls, and calls are limited, so a few models are read one by one and many through the listing, which carries
each model's latest version; older versions are listed only for models whose question says so. A model that a listing
doesn't show is asked for by its id before anybody calls it absent (a listing leaves bookmarked models out, and offset
pages can skip one while others write).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from reconciler.remote.port import Remote
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Document, Observed, ObservedModel

NeedsVersions = Callable[[ObservedModel], bool]
"""Whether the latest version, which is at hand, doesn't answer for a model."""

FEW = 3
"""Up to so many models of an app are read one by one; a listing costs a call per 1,000 models of the app."""

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def observe(
    remote: Remote,
    needs: Mapping[Key, NeedsVersions],
    *,
    listed: frozenset[Scope] = frozenset(),
    gone: Collection[Key] = (),
    parallelism: int = 8,
) -> Observed:
    """Read the models in `needs`, and every model of the apps in `listed`.

    Of the models in `gone`, whose deletion was acknowledged, a listing that doesn't show them is enough to call them absent.
    Models that don't exist are simply not in the result; a read that failed raises RemoteError.
    """
    wanted: dict[Scope, list[Key]] = defaultdict(list)
    for key in needs:
        wanted[key.scope].append(key)
    models: dict[Key, ObservedModel] = {}
    single: list[Key] = []
    for scope in sorted({*wanted, *listed}):
        keys = wanted.get(scope, [])
        if scope not in listed and len(keys) <= FEW:
            single.extend(keys)
            continue
        missing = set(keys)
        for model in remote.list_models(scope):
            # A listing shows Clarifai's own models beside the app's; they have another scope and are left out.
            if model.key.scope == scope:
                models[model.key] = model
                missing.discard(model.key)
            if not missing and scope not in listed:
                break  # the rest of the listing is about models that nobody asked for
        single.extend(sorted(missing - set(gone)))
    for found in each(remote.get_model, single, parallelism):
        if found is not None:
            models[found.key] = found
    incomplete = [model for key, model in models.items() if key in needs and needs[key](model)]
    for model in each(lambda model: with_all_versions(remote, model), incomplete, parallelism):
        models[model.key] = model
    return Observed(models=dict(sorted(models.items())), listed=listed)


def with_all_versions(remote: Remote, model: ObservedModel) -> ObservedModel:
    """The model with every version it has, read now."""
    return replace(model, versions=tuple(remote.list_versions(model.key)), versions_complete=True)


def concepts_of(remote: Remote, keys: Iterable[Key], *, parallelism: int = 8) -> dict[Key, tuple[Document, ...]]:
    """The concepts of versions, in a call each (more where they fill several pages)."""
    todo = list(keys)
    return dict(zip(todo, each(lambda key: tuple(remote.list_concepts(key)), todo, parallelism), strict=True))


def each(read: Callable[[_In], _Out], items: Iterable[_In], parallelism: int) -> list[_Out]:
    """What `read` gives for each item, in their order; several are read at once, and the first error is raised."""
    todo = list(items)
    if len(todo) < 2:
        return [read(item) for item in todo]
    with ThreadPoolExecutor(max_workers=min(parallelism, len(todo))) as pool:
        return list(pool.map(read, todo))
