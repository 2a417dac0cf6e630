"""`reconciler purge`: delete every model of an app, after a backup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler import exit_codes
from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import counted, echo_json, echo_result, is_page, note
from reconciler.cli.progress import wipe
from reconciler.cli.run import asked, declined, has_terminal, open_session, reporting_problems
from reconciler.errors import UsageError
from reconciler.resources.keys import Scope
from reconciler.resources.observed import ObservedModel

if TYPE_CHECKING:
    from reconciler.apply.purging import Purged
    from reconciler.report.results import Result


_NOTHING_DELETED: Final = "Nothing was deleted."


@helpful_command("purge")
@click.argument("app", metavar="USER/APP")
@click.option(
    "--confirm",
    metavar="USER/APP",
    help="USER/APP once more, as a confirmation. Without a terminal nothing else is asked.",
)
@click.option(
    "--delete-all",
    is_flag=True,
    help="Delete with one call that takes whatever the app holds, right after a listing that still shows exactly the listed "
    "models; without it the models are deleted by their ids.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only list the models that would be deleted, and check that they may be. Needs no --confirm.",
)
@click.option("-y", "--yes", is_flag=True, help="On a terminal: delete without asking.")
@common_options()
@reporting_problems
def command(app: str, common: CommonOptions, *, confirm: str | None, delete_all: bool, dry_run: bool, yes: bool) -> int:
    """Delete every model of an app, after a backup of them all.

    Refused if a model is protected, matches prune.protect, is a bookmark, or has the mark of another owner.
    """
    scope = _scope(app)
    if confirm != app and not (dry_run and confirm is None):
        said = "is missing" if confirm is None else f"says {confirm}"
        raise click.UsageError(f"--confirm {said}. To delete every model of {app}, give --confirm {app}.")
    _require_same_app(scope, common)
    if dry_run:
        _echo_dry_run(scope, common)
        return exit_codes.OK
    with open_session(common) as session:
        purged = session.purge(
            scope,
            confirm=lambda models: not has_terminal() or yes or _asked(scope, models),
            on_backup=lambda folder: _print_backup(folder, common),
            deletes_all=delete_all,
        )
    if purged is None:
        raise declined(_NOTHING_DELETED)
    _echo(purged, scope, common)
    return exit_codes.OK if purged.converged else exit_codes.INCOMPLETE


def _echo_dry_run(scope: Scope, common: CommonOptions) -> None:
    """Print what a purge would delete now. Raises RefusedError if it would be refused."""
    from reconciler.report.escape import neutral

    listed: list[ObservedModel] = []

    def decline(models: tuple[ObservedModel, ...]) -> bool:
        listed.extend(models)
        return False

    with open_session(common) as session:
        session.purge(scope, confirm=decline, on_backup=lambda folder: None)
    keys = tuple(model.key for model in listed)
    summary = f"Purge of {scope}: {counted(len(keys), 'model')} would be deleted."
    if common.format == "json":
        names = [key.address for key in keys]
        nothing = {"deleted": [], "remaining": names, "backup": None, "converged": not names, "error": None}
        echo_json({"kind": "Purge", "dry_run": True, "would_delete": names, **nothing})
        return
    lines = tuple(f"would delete {key.address}" for key in keys)
    if is_page(common):
        from reconciler.report.results import Result

        echo_result(Result(title="Purge (dry run)", summary=summary, sentences=lines), common)
        return
    for line in (*lines, summary):
        click.echo(neutral(line))


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
            raise UsageError(f"{option} {given} contradicts USER/APP, which is {scope}. Leave out {option}.")


def _asked(scope: Scope, models: tuple[ObservedModel, ...]) -> bool:
    from reconciler.report.escape import neutral

    wipe()
    for model in models:
        click.echo(f"  - {neutral(model.key.model_id)}", err=True)
    question = f"Delete {counted(len(models), 'model')} of {scope}? They can't be recovered."
    return asked(question, outcome=_NOTHING_DELETED)


def _print_backup(folder: Path, common: CommonOptions) -> None:
    """Print where the backup is before anything is deleted: on standard output if the result is text, else as a note."""
    from reconciler.report.escape import neutral

    if common.format != "text":
        note(common, f"Backup: {folder.as_posix()}")
        return
    wipe()
    click.echo(f"Backup: {neutral(folder.as_posix())}")


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
        click.echo(f"error: {neutral(key.address)} was not deleted", err=True)
    if purged.error is not None:
        click.echo(f"error: {neutral(purged.error)}", err=True)
    click.echo(neutral(_summary(purged, scope)))


def _summary(purged: Purged, scope: Scope) -> str:
    if purged.converged:
        done = (
            f"{counted(len(purged.deleted), 'model')} deleted, none left" if purged.deleted else "there are no models"
        )
        return f"Purge of {scope}: {done}."
    if purged.remaining is None:
        left = "what is left is unknown, because listing the models failed"
    else:
        left = f"{counted(len(purged.remaining), 'model')} left"
    return f"Purge of {scope}: incomplete; {left}."


def _result(purged: Purged, scope: Scope) -> Result:
    from reconciler.report.results import Result

    return Result(
        title="Purge",
        summary=_summary(purged, scope),
        sentences=(
            *([f"error: {purged.error}"] if purged.error else ()),
            *(f"error: {key.address} was not deleted" for key in purged.remaining or ()),
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
