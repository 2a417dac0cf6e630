"""`reconciler apply`: make the live models what the manifests, or a saved plan, say."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli.inputs import inputs_from
from reconciler.cli.options import CommonOptions, PlanOptions, common_options, paths_argument, plan_options, use_color
from reconciler.cli.output import terminal_columns
from reconciler.cli.pipeline import Outcome, telling_pipeline
from reconciler.cli.run import echo_report, open_session, progress, reporting_problems

if TYPE_CHECKING:
    from reconciler.report import Report


@click.command("apply")
@paths_argument(required=False)
@plan_options()
@click.option("--plan", "plan_file", metavar="FILE", help="Apply exactly this saved plan, if live is still as planned.")
@click.option("--max-age", type=click.FloatRange(min=0), metavar="HOURS", help="With --plan: refuse an older one.")
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
    yes: bool,
    outcome: Outcome,
) -> int:
    """Make the live models what the manifests in PATH say, or apply a saved plan.

    Asks before writing on a terminal; elsewhere --yes or --plan is needed.
    """
    _require_one_source(paths, plan_file, planning, max_age)
    if plan_file is not None:
        return _apply_saved(plan_file, max_age, common, outcome)
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on. Give --yes, or --plan FILE with a reviewed plan.")
    with open_session(common) as session:
        report = session.apply(
            inputs_from(paths, planning), confirm=None if yes else lambda shown: _asked(shown, common)
        )
    if report is None:
        progress(common, "Nothing was written.")
        return 0
    outcome.report = report
    return echo_report(report, common)


def _require_one_source(
    paths: tuple[str, ...], plan_file: str | None, planning: PlanOptions, max_age: float | None
) -> None:
    if plan_file is None and not paths:
        raise click.UsageError("Give PATH... or --plan FILE.")
    if plan_file is not None:
        picked = paths or planning.targets or planning.selectors or planning.prune or planning.types
        if picked:
            raise click.UsageError("--plan applies a file as it is: leave out PATH and the options that make a plan.")
    elif max_age is not None:
        raise click.UsageError("--max-age does nothing without --plan.")


def _apply_saved(plan_file: str, max_age: float | None, common: CommonOptions, outcome: Outcome) -> int:
    from reconciler.planfile import read_plan

    plan = read_plan(plan_file)
    with open_session(common) as session:
        report = session.apply_saved(plan, max_age_hours=max_age)
    outcome.report, outcome.plan_path = report, plan_file
    return echo_report(report, common)


def _asked(shown: Report, common: CommonOptions) -> bool:
    from reconciler.render.text import render

    isatty = sys.stderr.isatty()
    color = use_color(common.color, isatty=isatty, environ=os.environ)
    text = render(shown, color=color, verbose=common.verbose, columns=terminal_columns(isatty=isatty))
    click.echo(text, err=True, nl=False)
    return click.confirm("Write these changes?", err=True)
