"""`reconciler undo`: take back what one apply wrote."""

from __future__ import annotations

import click

from reconciler.cli.apply import asked
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.run import echo_applied, open_session, progress, reporting_problems
from reconciler.cli.standard_input import has_terminal


@click.command("undo")
@click.argument("run", metavar="RUN")
@click.option("--yes", is_flag=True, help="Write without asking.")
@common_options()
@reporting_problems
def command(run: str, common: CommonOptions, *, yes: bool) -> int:
    """Take back what the apply RUN wrote, where nobody has changed it since.

    RUN is the name of a folder in .reconciler/runs/, or "latest". Every field that stays as it is, is told with the reason;
    a deleted model isn't brought back. Asks before writing on a terminal; elsewhere --yes is needed.
    """
    if not yes and not has_terminal():
        raise click.UsageError("There is no terminal to ask on. Give --yes.")
    with open_session(common) as session:
        report = session.undo(run, confirm=None if yes else lambda shown: asked(shown, common))
    if report is None:
        progress(common, "Nothing was written.")
        return 0
    return echo_applied(report, common)
