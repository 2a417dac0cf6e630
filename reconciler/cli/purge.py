"""`reconciler purge`: delete every model of an app, after a backup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import echo_result, is_page
from reconciler.cli.progress import wipe
from reconciler.cli.run import echo_json, open_session, progress, reporting_problems
from reconciler.cli.standard_input import has_terminal
from reconciler.errors import Refusal, RefusedError, RemoteError, UsageError
from reconciler.resources import Key, ObservedModel, Scope

if TYPE_CHECKING:
    from reconciler.config import Settings
    from reconciler.render.results import Result
    from reconciler.session import Session


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


@click.command("purge")
@click.argument("app", metavar="USER/APP")
@click.option(
    "--confirm",
    metavar="USER/APP",
    help="The same USER/APP again. This is the confirmation: without a terminal nothing more is asked or needed.",
)
@click.option("--yes", is_flag=True, help="On a terminal: don't ask.")
@common_options()
@reporting_problems
def command(app: str, common: CommonOptions, *, confirm: str | None, yes: bool) -> int:
    """Delete every model of an app, after a backup of them all.

    Refused where a model is protected, matches prune.protect, is a bookmark, or carries another owner's mark.
    """
    scope = _scope(app)
    if confirm != app:
        said = "is missing" if confirm is None else f"says {confirm}"
        raise click.UsageError(f"--confirm {said}. To delete every model of {app}, give --confirm {app}.")
    _require_same_app(scope, common)
    with open_session(common) as session:
        models = _own(session, scope)
        _require_allowed(models, session.settings)
        if models and has_terminal() and not yes and not _asked(scope, models):
            progress(common, "Nothing was deleted.")
            return exit_codes.OK
        purged = _purged(session, scope, models, common) if models else Purged()
    _echo(purged, scope, common)
    return exit_codes.OK if purged.converged else exit_codes.INCOMPLETE


# --- guards ---------------------------------------------------------------------------------------------------


def _scope(app: str) -> Scope:
    from reconciler.manifests.ids import id_problem
    from reconciler.manifests.wording import quoted

    user_id, slash, app_id = app.partition("/")
    problem = id_problem(user_id) or id_problem(app_id)
    if not slash or problem is not None:
        raise UsageError(f"{quoted(app)} is not of the form USER/APP, for example demo/pets.")
    return Scope(user_id, app_id)


def _require_same_app(scope: Scope, common: CommonOptions) -> None:
    for option, given, meant in (
        ("--user-id", common.user_id, scope.user_id),
        ("--app-id", common.app_id, scope.app_id),
    ):
        if given is not None and given != meant:
            raise UsageError(f"{option} {given} contradicts USER/APP, {scope}. Leave {option} out.")


def _own(session: Session, scope: Scope) -> tuple[ObservedModel, ...]:
    """Every model that the app's listing says is the app's, bookmarks included."""
    from reconciler.cli.live import remote_of

    listed = remote_of(session).list_models(scope)
    return tuple(sorted((model for model in listed if model.key.scope == scope), key=lambda model: model.key))


def _require_allowed(models: tuple[ObservedModel, ...], settings: Settings) -> None:
    refusals = tuple(refusal for model in models for refusal in _refusals(model, settings))
    if refusals:
        raise RefusedError(refusals)


def _refusals(model: ObservedModel, settings: Settings) -> Iterator[Refusal]:
    from reconciler.cli.live import is_bookmark
    from reconciler.policy import owner_mark

    address, mark = model.key.address, owner_mark(model)
    names = (model.key.model_id, str(model.document.get("name", "")))
    glob = next((glob for glob in settings.prune.protect if any(fnmatchcase(name, glob) for name in names)), None)
    if is_bookmark(model):
        yield Refusal(
            rule="bookmark",
            address=address,
            message=f"{address} is a bookmark of another app's model.",
            remedy="Remove the bookmark first.",
        )
    if mark.get("protect", False) is not False:
        yield Refusal(
            rule="protected",
            address=address,
            message=f"{address} is protected: its live mark says so.",
            remedy="Apply a manifest with protect: false first.",
        )
    if glob is not None:
        yield Refusal(
            rule="protected-name",
            address=address,
            message=f"{address} matches {glob!r} of prune.protect.",
            remedy="Take the pattern out of reconciler.yaml, or delete the other models one by one.",
        )
    if mark and mark["owner"] != settings.owner:
        yield Refusal(
            rule="foreign-owner",
            address=address,
            message=f"{address} belongs to {mark['owner']!r}, by its owner mark.",
            remedy="Purge with the reconciler.yaml of that owner.",
        )


def _asked(scope: Scope, models: tuple[ObservedModel, ...]) -> bool:
    from reconciler.render.escape import neutral

    wipe()
    for model in models:
        click.echo(f"  - {neutral(model.key.model_id)}", err=True)
    return click.confirm(f"Delete {_counted(len(models))} of {scope}? They can't be recovered.", err=True)


# --- deleting -------------------------------------------------------------------------------------------------


def _purged(session: Session, scope: Scope, models: tuple[ObservedModel, ...], common: CommonOptions) -> Purged:
    """Back up, look once more, delete, look again."""
    from reconciler.apply import Status, apply_requests
    from reconciler.backup import backup_plan
    from reconciler.cli.live import remote_of
    from reconciler.deletions import purge_request
    from reconciler.render.escape import neutral

    keys = tuple(model.key for model in models)
    run_id = session.now().strftime("%Y%m%dT%H%M%S%fZ")
    folder = backup_plan(remote_of(session), keys, session.backups, run_id, session.settings.limits.parallelism)
    if common.format != "text":
        progress(common, f"Backup: {folder.as_posix()}")
    else:
        wipe()
        click.echo(f"Backup: {neutral(folder.as_posix())}")
    again = _own(session, scope)
    _require_allowed(again, session.settings)
    _require_known(again, keys)
    (result,) = apply_requests([purge_request(scope, keys)], remote_of(session))
    error = result.error if result.status is Status.FAILED else None
    try:
        remaining = tuple(model.key for model in _own(session, scope))
    except RemoteError as failure:
        told = "; ".join(text for text in (error, str(failure)) if text)
        return Purged(remaining=None, backup=folder.as_posix(), error=told)
    deleted = tuple(key for key in keys if key not in remaining)
    return Purged(deleted=deleted, remaining=remaining, backup=folder.as_posix(), error=error)


def _require_known(models: tuple[ObservedModel, ...], backed_up: tuple[Key, ...]) -> None:
    """Refuse what came after the backup: delete_all would take it too."""
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


def _counted(count: int) -> str:
    return f"{count} model{'' if count == 1 else 's'}"


def _echo(purged: Purged, scope: Scope, common: CommonOptions) -> None:
    from reconciler.render.escape import neutral

    if common.format == "json":
        echo_json(_document(purged))
        return
    if is_page(common):
        echo_result(_result(purged, scope), common)
        return
    for key in purged.deleted:
        click.echo(f"deleted {neutral(key.address)}")
    for key in purged.remaining or ():
        click.echo(f"error: {neutral(key.address)} is still there", err=True)
    if purged.error is not None:
        click.echo(f"error: {neutral(purged.error)}", err=True)
    click.echo(neutral(_summary(purged, scope)))


def _summary(purged: Purged, scope: Scope) -> str:
    if purged.converged:
        counted = f"{_counted(len(purged.deleted))} deleted, none left" if purged.deleted else "there are no models"
        return f"Purge of {scope}: {counted}."
    left = "unknown, listing failed" if purged.remaining is None else f"{_counted(len(purged.remaining))} left"
    return f"Purge of {scope}: incomplete; {left}."


def _result(purged: Purged, scope: Scope) -> Result:
    from reconciler.render.results import Result

    return Result(
        title="Purge",
        summary=_summary(purged, scope),
        sentences=(
            *([f"error: {purged.error}"] if purged.error else ()),
            *(f"error: {key.address} is still there" for key in purged.remaining or ()),
            *([f"Backup: {purged.backup}"] if purged.backup else ()),
            *(f"deleted {key.address}" for key in purged.deleted),
        ),
    )


def _document(purged: Purged) -> dict[str, Any]:
    remaining = purged.remaining
    return {
        "kind": "Purge",
        "deleted": [key.address for key in purged.deleted],
        "remaining": None if remaining is None else [key.address for key in remaining],
        "backup": purged.backup,
        "converged": purged.converged,
        "error": purged.error,
    }
