"""Deletes every model of an app: guards, a backup, one more look, one call, and a last look.

In: a Remote and an app. Out: Purged. The call is `delete_all`, which takes whatever is there when it arrives; so nothing
may have come after the backup, and what the listing shows decides, bookmarks included.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from reconciler.apply.backup import backup_plan
from reconciler.apply.sending import Status, apply_requests
from reconciler.errors import Refusal, RefusedError, RemoteError
from reconciler.plan.guards import purge_refusals
from reconciler.remote.port import Remote
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import ObservedModel
from reconciler.resources.request import DELETE_ALL, Entry, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What became of a purge: `deleted` are models that were there and aren't any more, `remaining` those that are.

    `remaining` is None where listing afterwards failed. `error` is why the deletion, or that listing, failed; an app can be
    empty all the same, where only the answer was lost.
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
    """What a purge needs around it.

    `backups` is the folder that keeps what was deleted, in a folder `run_id`. `alone` keeps other runs from the app
    while one backs up and deletes.
    """

    remote: Remote
    scope: Scope
    owner: str | None
    protect: tuple[str, ...]
    backups: Path
    run_id: str
    parallelism: int
    alone: Callable[[], AbstractContextManager[None]]

    def purge(
        self, *, confirm: Callable[[tuple[ObservedModel, ...]], bool], on_backup: Callable[[Path], None]
    ) -> Purged | None:
        """Delete the app's models if `confirm` says yes to them, else give None. Raises RefusedError, with nothing deleted."""
        models = self._allowed()
        if not models:
            return Purged()
        if not confirm(models):
            return None
        with self.alone():
            return self._purged(tuple(model.key for model in models), on_backup)

    def _purged(self, keys: tuple[Key, ...], on_backup: Callable[[Path], None]) -> Purged:
        folder = backup_plan(self.remote, keys, self.backups, self.run_id, self.parallelism)
        on_backup(folder)
        _require_backed_up(self._allowed(), keys)
        entries = tuple(Entry(key=key) for key in keys)
        request = Request(rpc="DeleteModels", action=DELETE_ALL, scope=self.scope, entries=entries)
        (result,) = apply_requests([request], self.remote)
        error = result.error if result.status is Status.FAILED else None
        try:
            remaining = tuple(model.key for model in self._listed())
        except RemoteError as failure:
            told = "; ".join(text for text in (error, str(failure)) if text)
            return Purged(remaining=None, backup=folder.as_posix(), error=told)
        deleted = tuple(key for key in keys if key not in remaining)
        return Purged(deleted=deleted, remaining=remaining, backup=folder.as_posix(), error=error)

    def _allowed(self) -> tuple[ObservedModel, ...]:
        models = self._listed()
        refusals = purge_refusals(models, owner=self.owner, protect=self.protect)
        if refusals:
            raise RefusedError(refusals)
        return models

    def _listed(self) -> tuple[ObservedModel, ...]:
        """Every model that the app's listing says is the app's."""
        listed = self.remote.list_models(self.scope)
        return tuple(sorted((model for model in listed if model.key.scope == self.scope), key=lambda model: model.key))


def _require_backed_up(models: tuple[ObservedModel, ...], backed_up: tuple[Key, ...]) -> None:
    refusals = tuple(
        Refusal(
            rule="not-backed-up",
            address=model.key.address,
            message=f"{model.key.address} was created during this run and is in no backup; nothing was deleted.",
            remedy="Run the command again.",
        )
        for model in models
        if model.key not in backed_up
    )
    if refusals:
        raise RefusedError(refusals)
