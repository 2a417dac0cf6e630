"""`reconciler apply`: make the live models what the manifests, or a saved plan, say."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reconciler.cli.inputs import inputs_from
from reconciler.cli.options import CommonOptions, PlanOptions, common_options, paths_argument, plan_options, use_color
from reconciler.cli.output import terminal_columns
from reconciler.cli.pipeline import Outcome, telling_pipeline
from reconciler.cli.progress import wipe
from reconciler.cli.run import echo_applied, open_session, progress, reporting_problems
from reconciler.cli.standard_input import has_terminal

if TYPE_CHECKING:
    from reconciler.apply.sending import OnError
    from reconciler.report.report import Report


@click.command("apply")
@paths_argument(required=False)
@plan_options()
@click.option("--plan", "plan_file", metavar="FILE", help="Apply exactly this saved plan, if live is still as planned.")
@click.option("--max-age", type=click.FloatRange(min=0), metavar="HOURS", help="With --plan: refuse an older one.")
@click.option(
    "--resume", metavar="RUN", help='Finish a run that was cut off, as it was planned; "latest" is the last one.'
)
@click.option(
    "--on-error",
    type=click.Choice(["continue", "abort"]),
    default="continue",
    show_default=True,
    help="After a refused update: go on with the others, or start no further one. Deletions never follow a failure.",
)
@click.option("--yes", is_flag=True, help="Write without asking.")
@common_options()
@reporting_problems
@telling_pipeline
def command(
    paths: tuple[str, ...],
    planning: PlanOptions,
    common: CommonOptions,
    *,
    plan_file: str | None,
    max_age: float | None,
    resume: str | None,
    on_error: OnError,
    yes: bool,
    outcome: Outcome,
) -> int:
    """Make the live models what the manifests in PATH say, or apply a saved plan.

    Asks before writing on a terminal; elsewhere --yes or --plan is needed.
    """
    if resume is not None and (plan_file is not None or max_age is not None):
        raise click.UsageError("--resume goes on with the plan of its run: leave out --plan and --max-age.")
    _require_one_source(paths, plan_file or resume, planning, max_age)
    if plan_file is not None or resume is not None:
        return _apply_saved(plan_file, resume, max_age, on_error, common, outcome)
    if not yes and not has_terminal():
        raise click.UsageError("There is no terminal to ask on. Give --yes, or --plan FILE with a reviewed plan.")
    with open_session(common) as session:
        report = replace(session, on_error=on_error).apply(
            inputs_from(paths, planning), confirm=None if yes else lambda shown: asked(shown, common)
        )
    if report is None:
        progress(common, "Nothing was written.")
        return 0
    outcome.report = report
    return echo_applied(report, common)


def _require_one_source(
    paths: tuple[str, ...], plan_file: str | None, planning: PlanOptions, max_age: float | None
) -> None:
    if plan_file is None and not paths:
        raise click.UsageError("Give PATH..., --plan FILE or --resume RUN.")
    if plan_file is not None:
        picked = paths or planning.targets or planning.selectors or planning.prune or planning.types or planning.shard
        if picked:
            raise click.UsageError(
                "--plan and --resume apply a plan as it is: leave out PATH and the options that make one."
            )
    elif max_age is not None:
        raise click.UsageError("--max-age does nothing without --plan.")


def _apply_saved(
    plan_file: str | None,
    resume: str | None,
    max_age: float | None,
    on_error: OnError,
    common: CommonOptions,
    outcome: Outcome,
) -> int:
    if plan_file is None:
        with open_session(common) as session:
            report = replace(session, on_error=on_error).resume(str(resume))
    else:
        from reconciler.plan.saved import read_plan

        plan = read_plan(plan_file)
        with open_session(common) as session:
            report = replace(session, on_error=on_error).apply_saved(plan, max_age_hours=max_age)
    outcome.report, outcome.plan_path = report, plan_file
    return echo_applied(report, common)


def asked(shown: Report, common: CommonOptions) -> bool:
    """Show a plan on standard error and ask whether to write it."""
    from reconciler.report.text import render

    isatty = sys.stderr.isatty()
    color = use_color(common.color, isatty=isatty, environ=os.environ)
    text = render(shown, color=color, verbose=common.verbose, columns=terminal_columns(isatty=isatty))
    wipe()
    click.echo(text, err=True, nl=False)
    return click.confirm("Write these changes?", err=True)
