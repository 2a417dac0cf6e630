"""`reconciler plan`: show what apply would change, and write nothing."""

from __future__ import annotations

from functools import partial

import click

from reconciler.cli.inputs import inputs_from
from reconciler.cli.options import CommonOptions, PlanOptions, common_options, paths_argument, plan_options
from reconciler.cli.pipeline import Outcome, telling_pipeline
from reconciler.cli.run import echo_report, open_session, reporting_problems


@click.command("plan")
@paths_argument()
@plan_options(out=True, detailed_exitcode=True)
@click.option(
    "--base",
    metavar="REF",
    help="Read the manifests of this git revision too, and tell for each change whether only PATH as it is now wants it "
    "(this_change), or the revision does too (base: pending, or drift).",
)
@click.option("--gitlab-report", metavar="FILE", help="Write the counts as GitLab's `artifacts: reports: terraform`.")
@common_options()
@reporting_problems
@telling_pipeline
def command(
    paths: tuple[str, ...],
    planning: PlanOptions,
    common: CommonOptions,
    *,
    base: str | None,
    gitlab_report: str | None,
    outcome: Outcome,
) -> int:
    """Show what `apply` would change, and write nothing.

    PATH is a manifest, a folder of manifests, or "-" for standard input.
    """
    from reconciler.cli.base import base_state  # heavy, and --help needs none of it

    with open_session(common) as session:
        state = None if base is None else partial(base_state, base, paths, common, session)
        report = session.plan(inputs_from(paths, planning), detailed=planning.detailed_exitcode, base=state)
    outcome.report = report
    if planning.out is not None:
        from reconciler.plan.saved import write_plan

        write_plan(report.plan, planning.out)
        outcome.plan_path = planning.out
    if gitlab_report is not None:
        from reconciler.ci.gitlab import write_report

        write_report(report.plan, gitlab_report)
    return echo_report(report, common)
