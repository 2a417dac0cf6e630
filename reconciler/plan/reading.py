"""Reads the part of the live side that a plan is about, in as few calls as it takes.

In: the manifests of the run, and those of a base. Out: an Observed with every model that they name, and whole apps where the run
needs them. Raises RemoteError; nothing here is decided on a part of what was asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from reconciler.compare.match import needs_all_versions
from reconciler.errors import FaultClass, RemoteError
from reconciler.remote.observe import NeedsVersions, observe
from reconciler.remote.port import Remote
from reconciler.resources.desired import Desired, DesiredModel
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Observed, ObservedModel

if TYPE_CHECKING:
    from reconciler.manifests.base import BaseState


def observed_for(
    chosen: Desired,
    remote: Remote,
    *,
    scopes: Collection[Scope],
    lists_apps: bool,
    is_pruning: bool,
    base: BaseState | None,
    parallelism: int,
) -> Observed:
    """The live side of the chosen manifests; all of the apps in `scopes`, those of all manifests, if `lists_apps`.

    A base may need more versions of the same models, and the models of its manifests that are gone.
    """
    manifests = {model.key: [model] for model in chosen.models}
    for model in () if base is None else base.desired.models:
        if model.key in manifests:
            manifests[model.key].append(model)
    needs: dict[Key, NeedsVersions] = {
        key: partial(_needs_versions, tuple(models), is_pruning) for key, models in manifests.items()
    }
    gone = () if base is None else base.gone
    needs.update({model.key: _needs_nothing for model in gone if model.key.scope in scopes})
    listed = frozenset(scopes) if lists_apps else frozenset[Scope]()
    observed = observe(remote, needs, listed=listed, parallelism=parallelism)
    elsewhere = tuple(model for model in gone if model.key.scope not in scopes)
    return _with_elsewhere(observed, elsewhere, remote, parallelism) if elsewhere else observed


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


def _needs_nothing(_live: ObservedModel) -> bool:
    return False


def _needs_versions(models: tuple[DesiredModel, ...], is_pruning: bool, live: ObservedModel) -> bool:
    return any(
        needs_all_versions(model, live) or (is_pruning and model.retain_versions is not None) for model in models
    )
