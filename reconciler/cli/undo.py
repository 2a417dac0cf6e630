"""`reconciler undo`: undo what one apply wrote."""

from __future__ import annotations

import click

from reconciler.cli import completing
from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import echo_applied
from reconciler.cli.run import NOTHING_WRITTEN, confirmed, declined, has_terminal, open_session, reporting_problems


@helpful_command("undo")
@click.argument("run", metavar="RUN", shell_complete=completing.runs)
@click.option("-y", "--yes", is_flag=True, help="Write without asking.")
@common_options()
@reporting_problems
def command(run: str, common: CommonOptions, *, yes: bool) -> int:
    """Undo the changes of the apply RUN that nobody has changed since.

    RUN is an id that `reconciler runs` lists, or "latest": the latest run that is not an undo and is not undone. What can't be
    undone is listed with the reason. A run that deleted something can't be undone: exit code 3. Asks before writing on a terminal; elsewhere --yes is required.
    """
    if not yes and not has_terminal():
        raise click.UsageError("There is no terminal to ask on. Give --yes.")
    with open_session(common) as session:
        report = session.undo(run, confirm=None if yes else lambda plan: confirmed(plan, common))
    if report is None:
        raise declined(NOTHING_WRITTEN)
    return echo_applied(report, common, is_plan_shown=not yes and bool(report.outcome.run or report.stale))
