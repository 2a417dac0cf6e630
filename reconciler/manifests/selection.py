"""Which manifests a run is about: --target and --exclude globs, and --selector labels.

In: Desired. Out: the Desired that remains. A glob that matches nothing is an error (a typo would read as "in
sync"); what left git is judged by `policy` on all manifests, never on a selection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import BinaryIO, Literal, TextIO

from reconciler.errors import ProblemList, ReconcilerError
from reconciler.resources.desired import Desired, DesiredModel
from reconciler.resources.keys import Key, Scope

ME = "me"
"""The service's alias for the token's user (resources.proto, UserAppIDSet.user_id)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One part of `count`; `number` is from 1."""

    number: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What one run is about. `types` is a file with a snapshot of the model types, used instead of asking for them.

    `resend` are the kinds of values to send again where they can't be compared.
    `probe_limit` is the most inputs × versions to predict on, None to predict nothing.
    With `unmanaged`, live models without a manifest are listed too.
    `overrides` are the names of rules whose refusals are let through; unless a run `enforces_policies`, they only warn.
    No manifest at all is an error, unless `allow_empty`, and so is a param that nobody knows, unless `allow_unknown_params`.
    """

    paths: tuple[str, ...]
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    selectors: tuple[tuple[str, str], ...] = ()
    prune: bool = False
    prune_whole_app: bool = False
    max_deletes: int | None = None
    take_over: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    enforces_policies: bool = True
    resend: frozenset[Literal["image", "secrets"]] = frozenset()
    types: str | None = None
    shard: Shard | None = None
    allow_empty: bool = False
    allow_unknown_params: bool = False
    unmanaged: bool = False
    stdin: TextIO | BinaryIO | None = None
    probe_limit: int | None = None

    @property
    def is_probing(self) -> bool:
        """Whether inputs are predicted at all."""
        return self.probe_limit is not None


def in_one_spelling(desired: Desired, user_id_of: Callable[[Scope], str]) -> Desired:
    """The manifests with one key per model, where one app is called both me/APP and USER/APP.

    `user_id_of` tells who "me" is; it is asked only then. Raises ProblemsError for two manifests of one model.
    """
    scopes = {model.key.scope for model in desired.models} | {default.scope for default in desired.defaults}
    if all(scope.user_id != ME for scope in scopes):
        return desired
    doubtful = {s for s in scopes if s.user_id == ME and any(o.app_id == s.app_id and o != s for o in scopes)}
    real = {scope: user_id_of(scope) for scope in sorted(doubtful)}
    models: dict[Key, DesiredModel] = {}
    problems = ProblemList()
    for model in desired.models:
        key = model.key._replace(user_id=real.get(model.key.scope, model.key.user_id))
        other = models.setdefault(key, replace(model, key=key))
        if other.origin != model.origin:
            problems.add(
                "duplicate-model",
                f"model {key.address} has another manifest at {min(other.origin, model.origin)}, under another user_id.",
                max(other.origin, model.origin),
                pointer="/metadata/user_id",
                hint="Keep one of the two.",
            )
    problems.raise_if_any()
    defaults = tuple(replace(each, scope=real_scope(each.scope, real)) for each in desired.defaults)
    return replace(desired, models=tuple(models[key] for key in sorted(models)), defaults=defaults)


def real_scope(scope: Scope, user_ids: Mapping[Scope, str]) -> Scope:
    """An app under the user id that the mapping has for it, if any."""
    return scope._replace(user_id=user_ids.get(scope, scope.user_id))


def is_targeted(key: Key, targets: Collection[str], excludes: Collection[str] = ()) -> bool:
    """Whether a model matches any of the targets, or there are none, and none of the excludes.

    A glob is compared with the id, APP/MODEL and USER/APP/MODEL.
    """
    if not targets and not excludes:
        return True
    names = (key.model_id, f"{key.app_id}/{key.model_id}", key.model().address)
    return (not targets or _matches_any(names, targets)) and not _matches_any(names, excludes)


def _matches_any(names: Collection[str], globs: Collection[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs for name in names)


def selected(
    desired: Desired,
    *,
    targets: tuple[str, ...],
    selectors: tuple[tuple[str, str], ...],
    excludes: tuple[str, ...] = (),
) -> Desired:
    """The manifests that match any target, none of `excludes`, and every selector."""
    if not targets and not excludes and not selectors:
        return desired
    models = tuple(
        model
        for model in desired.models
        if is_targeted(model.key, targets, excludes)
        and all(model.labels.get(name) == value for name, value in selectors)
    )
    if selectors and desired.models and not models and not targets and not excludes:
        stated = ", ".join(f"{name}={value}" for name, value in selectors)
        raise ReconcilerError(f"--selector {stated} matches no manifest. It is compared with metadata.labels.")
    return replace(desired, models=models)


def in_shard(key: Key, shard: Shard | None) -> bool:
    """Whether a model belongs to a shard. The same for every run, machine and spelling of the user: by app and model."""
    if shard is None:
        return True
    digest = hashlib.sha256(f"{key.app_id}/{key.model_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % shard.count == shard.number - 1


def sharded(desired: Desired, shard: Shard | None) -> Desired:
    """The manifests of one shard."""
    if shard is None:
        return desired
    return replace(desired, models=tuple(model for model in desired.models if in_shard(model.key, shard)))


def require_targets_match(targets: tuple[str, ...], keys: Iterable[Key], *, option: str = "--target") -> None:
    """Raise ReconcilerError for a glob of an option that no model matches."""
    known = list(keys)
    for glob in targets:
        if not any(is_targeted(key, (glob,)) for key in known):
            raise ReconcilerError(
                f"{option} {glob!r} matches no model. It is compared with MODEL, APP/MODEL and USER/APP/MODEL."
            )


def chosen_by(inputs: Inputs, desired: Desired) -> Desired:
    """The manifests that a run is about."""
    chosen = selected(desired, targets=inputs.targets, selectors=inputs.selectors, excludes=inputs.excludes)
    return sharded(chosen, inputs.shard)


def chosen_offline(inputs: Inputs, desired: Desired) -> Desired:
    """The same, for a run that knows only manifests. Raises ReconcilerError for a glob that matches none."""
    require_globs_match(inputs, stated={model.key for model in desired.models})
    return chosen_by(inputs, desired)


def require_globs_match(inputs: Inputs, *, live: Collection[Key] = (), stated: Collection[Key]) -> None:
    """Raise ReconcilerError for a glob of a run that matches no model, live or stated by a manifest.

    A model of another owner can only be taken over with a manifest.
    """
    known = {*live, *stated}
    require_targets_match(inputs.targets, known)
    require_targets_match(inputs.excludes, known, option="--exclude")
    require_targets_match(inputs.take_over, stated, option="--take-over")
