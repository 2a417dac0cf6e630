"""Reads the part of the live side that a plan is about, in as few calls as it takes.

In: the manifests of the run, and those of a base. Out: an Observed with every model that they name, and whole apps where the run
needs them. Raises RemoteError; nothing here is decided on a part of what was asked for.

The models that ModelDefaults with `scope: live` select are found by the listing that the plan makes anyway, by one search if a single
model type is asked for, and else by a listing of their app. Nothing is read twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from reconciler.compare.filling import filled, filled_live
from reconciler.compare.match import needs_all_versions
from reconciler.errors import FaultClass, RemoteError
from reconciler.remote.observe import FEW, NeedsVersions, observe
from reconciler.remote.port import Remote
from reconciler.resources.desired import Desired, DesiredModel, ModelDefaults
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Observed, ObservedModel

if TYPE_CHECKING:
    from reconciler.manifests.base import BaseState

Stated = tuple[DesiredModel, tuple[ModelDefaults, ...]]
"""A manifest, and the defaults of the revision that it is of."""


def observed_for(
    chosen: Desired,
    remote: Remote,
    *,
    whole: Desired,
    scopes: Collection[Scope],
    lists_apps: bool,
    is_pruning: bool,
    base: BaseState | None,
    parallelism: int,
) -> Observed:
    """The live side of the chosen manifests; all of the apps in `scopes`, those of all manifests, if `lists_apps`.

    A base may need more versions of the same models, and the models of its manifests that are gone. The live models that the
    defaults of the `whole`, or of the base, select are read too.
    """
    stated: dict[Key, list[Stated]] = {model.key: [(model, chosen.defaults)] for model in chosen.models}
    for model in () if base is None else base.desired.models:
        if model.key in stated:
            stated[model.key].append((model, () if base is None else base.desired.defaults))
    needs: dict[Key, NeedsVersions] = {
        key: partial(_needs_versions, tuple(models), is_pruning) for key, models in stated.items()
    }
    gone = () if base is None else base.gone
    needs.update({model.key: _needs_nothing for model in gone if model.key.scope in scopes})
    live = tuple(
        default
        for desired in (whole, None if base is None else base.desired)
        for default in (() if desired is None else desired.defaults)
        if default.is_live
    )
    listed = frozenset(scopes) if lists_apps else frozenset[Scope]()
    versions = {key: _named_versions(model for model, _ in models) for key, models in stated.items()}
    searched = _searches(live, needs, listed)
    observed = observe(
        remote,
        needs,
        listed=listed | {default.scope for default in live if default.scope not in searched},
        searched=searched,
        others=partial(_needs_versions_by_default, live) if live else None,
        versions=versions,
        parallelism=parallelism,
    )
    elsewhere = tuple(model for model in gone if model.key.scope not in scopes)
    return _with_elsewhere(observed, elsewhere, remote, parallelism) if elsewhere else observed


def _searches(live: Iterable[ModelDefaults], keys: Collection[Key], listed: Collection[Scope]) -> Mapping[Scope, str]:
    """The apps in which one search by model type takes fewer calls than a listing, each with the type.

    A search shows no other models, so it never has more pages. It is one call too many where the plan lists the app anyway.
    """
    types: dict[Scope, set[tuple[str, ...]]] = defaultdict(set)
    for default in live:
        types[default.scope].add(default.select.model_type_ids)
    manifests: dict[Scope, int] = defaultdict(int)
    for key in keys:
        manifests[key.scope] += 1
    found: dict[Scope, str] = {}
    for scope, asked in types.items():
        only = next(iter(asked)) if len(asked) == 1 else ()
        if len(only) == 1 and scope not in listed and manifests[scope] <= FEW:
            found[scope] = only[0]
    return found


def _with_elsewhere(observed: Observed, gone: Collection[DesiredModel], remote: Remote, parallelism: int) -> Observed:
    """The live state with the models of manifests that are gone together with all others of their app."""
    models = dict(observed.models)
    for scope in sorted({model.key.scope for model in gone}):
        needs: dict[Key, NeedsVersions] = {model.key: _needs_nothing for model in gone if model.key.scope == scope}
        try:
            models.update(observe(remote, needs, parallelism=parallelism).models)
        except RemoteError as error:
            if error.fault is not FaultClass.NOT_FOUND:  # where the app is gone, so are its models
                raise
    return replace(observed, models=dict(sorted(models.items())))


def _named_versions(models: Iterable[DesiredModel]) -> frozenset[str]:
    """The versions that manifests of one model name by id."""
    selectors = (entry.selector for model in models for entry in model.versions)
    return frozenset(selector.version_id for selector in selectors if selector.version_id is not None)


def _needs_nothing(_live: ObservedModel) -> bool:
    return False


def _needs_versions(stated: tuple[Stated, ...], is_pruning: bool, live: ObservedModel) -> bool:
    models = (filled(model, defaults, live.model_type_id) for model, defaults in stated)
    return any(
        needs_all_versions(model, live) or (is_pruning and model.retain_versions is not None) for model in models
    )


def _needs_versions_by_default(defaults: tuple[ModelDefaults, ...], live: ObservedModel) -> bool:
    model = filled_live(live, defaults)
    return model is not None and needs_all_versions(model, live)
