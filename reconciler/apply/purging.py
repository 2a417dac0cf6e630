"""Deletes every model of an app: guards, a second listing, a backup, deletions by id, and a last listing.

In: a Remote and an app. Out: Purged. The app's models are those of its listing, bookmarks included. They are deleted by the ids
that were listed and confirmed, through the same gate as any other deletion. DeleteModels with `delete_all`, on request,
deletes everything that is there when it arrives, so it is sent only right after a listing that shows exactly those models.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from reconciler.apply.results import Outcome
from reconciler.errors import Refusal, RefusedError, RemoteError
from reconciler.plan.deletion import deletion_of
from reconciler.plan.guards import purge_refusals
from reconciler.plan.in_use import WORKFLOWS, Use, in_use_refusals
from reconciler.plan.plan import Plan
from reconciler.remote.port import Remote
from reconciler.requests.calls import deletion_requests
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import ObservedModel
from reconciler.resources.request import DELETE_ALL, Entry, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """The result of a purge: `deleted` are models that were there and no longer are, `remaining` those that are there now.

    `remaining` is None if the listing afterwards failed. `error` is why a deletion, or that listing, failed; the app can still
    be empty, if only the response was lost.
    """

    deleted: tuple[Key, ...] = ()
    remaining: tuple[Key, ...] | None = ()
    backup: str | None = None
    error: str | None = None

    @property
    def converged(self) -> bool:
        """Whether the app is known to be empty."""
        return self.remaining == ()


@dataclass(frozen=True, kw_only=True)
class Purging:
    """What a purge needs.

    `empty_plan` makes a plan of this run without manifests, and `write` writes one. `uses` finds what uses models. `alone` locks
    the app against other runs. With `deletes_all`, one call deletes everything in the app.
    """

    remote: Remote
    scope: Scope
    owner: str | None
    protect: tuple[str, ...]
    batch: int
    deletes_all: bool
    empty_plan: Callable[..., Plan]
    write: Callable[[Plan], Outcome]
    uses: Callable[[Collection[Key]], Mapping[Key, tuple[Use, ...]]]
    alone: Callable[[], AbstractContextManager[None]]

    def purge(self, *, confirm: Callable[[tuple[ObservedModel, ...]], bool]) -> Purged | None:
        """Delete the app's models if `confirm` returns true for them, otherwise return None. Raises RefusedError before anything is deleted."""
        models = self.allowed()
        if not models:
            return Purged()
        if not confirm(models):
            return None
        with self.alone():
            return self._purged(models)

    def allowed(self) -> tuple[ObservedModel, ...]:
        """The app's models, all of which may be deleted. Raises RefusedError if one may not."""
        models = self._listed()
        _require_none(purge_refusals(models, owner=self.owner, protect=self.protect))
        _require_none(in_use_refusals(self.uses_elsewhere([model.key for model in models])))
        return models

    def uses_elsewhere(self, keys: Collection[Key]) -> Mapping[Key, tuple[Use, ...]]:
        """What uses models now, except workflows of the app itself, which are meant to lose their models."""
        uses = self.uses(keys) if keys else {}
        others = {
            key: tuple(use for use in found if (use.kind, use.app_id) != (WORKFLOWS, self.scope.app_id))
            for key, found in uses.items()
        }
        return {key: found for key, found in others.items() if found}

    def _purged(self, models: tuple[ObservedModel, ...]) -> Purged:
        outcome = self.write(self._plan(models))
        errors = [result.error for result in outcome.results if result.error]
        backup = next(iter(outcome.backups), None)
        try:
            remaining = tuple(model.key for model in self._listed())
        except RemoteError as failure:
            return Purged(remaining=None, backup=backup, error="; ".join([*errors, str(failure)]))
        deleted = tuple(model.key for model in models if model.key not in remaining)
        return Purged(deleted=deleted, remaining=remaining, backup=backup, error="; ".join(errors) or None)

    def _plan(self, models: tuple[ObservedModel, ...]) -> Plan:
        keys = [model.key for model in models]
        requests = tuple(deletion_requests(keys, batch=self.batch))
        if self.deletes_all:
            entries = tuple(Entry(key=key) for key in keys)
            requests = (Request(rpc="DeleteModels", action=DELETE_ALL, scope=self.scope, entries=entries),)
        changes = tuple(deletion_of(model, model.key, reason="the app is purged") for model in models)
        return self.empty_plan(changes=changes, requests=requests)

    def _listed(self) -> tuple[ObservedModel, ...]:
        """Every model that the app's listing says is the app's."""
        listed = self.remote.list_models(self.scope)
        return tuple(sorted((model for model in listed if model.key.scope == self.scope), key=lambda model: model.key))


def _require_none(refusals: tuple[Refusal, ...]) -> None:
    if refusals:
        raise RefusedError(refusals)
