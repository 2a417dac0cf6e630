"""`reconciler purge`: delete every model of an app, after a backup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler import exit_codes
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import echo_result, is_page
from reconciler.cli.progress import wipe
from reconciler.cli.run import echo_json, open_session, progress, reporting_problems
from reconciler.cli.standard_input import has_terminal
from reconciler.errors import UsageError
from reconciler.resources.keys import Scope
from reconciler.resources.observed import ObservedModel

if TYPE_CHECKING:
    from reconciler.apply.purging import Purged
    from reconciler.report.results import Result


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
        purged = session.purge(
            scope,
            confirm=lambda models: not has_terminal() or yes or _asked(scope, models),
            on_backup=lambda folder: _tell_backup(folder, common),
        )
    if purged is None:
        progress(common, "Nothing was deleted.")
        return exit_codes.OK
    _echo(purged, scope, common)
    return exit_codes.OK if purged.converged else exit_codes.INCOMPLETE


def _scope(app: str) -> Scope:
    from reconciler.resources.ids import id_problem
    from reconciler.resources.wording import quoted

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


def _asked(scope: Scope, models: tuple[ObservedModel, ...]) -> bool:
    from reconciler.report.escape import neutral

    wipe()
    for model in models:
        click.echo(f"  - {neutral(model.key.model_id)}", err=True)
    return click.confirm(f"Delete {_counted(len(models))} of {scope}? They can't be recovered.", err=True)


def _tell_backup(folder: Path, common: CommonOptions) -> None:
    """Tell where the backup is before anything is deleted: with the result where that is text, else beside it."""
    from reconciler.report.escape import neutral

    if common.format != "text":
        progress(common, f"Backup: {folder.as_posix()}")
        return
    wipe()
    click.echo(f"Backup: {neutral(folder.as_posix())}")


def _counted(count: int) -> str:
    return f"{count} model{'' if count == 1 else 's'}"


def _echo(purged: Purged, scope: Scope, common: CommonOptions) -> None:
    from reconciler.report.escape import neutral

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
    from reconciler.report.results import Result

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
