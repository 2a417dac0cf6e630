"""`reconciler plan`: show what apply would change, and write nothing."""

from __future__ import annotations

import click

from reconciler.cli.inputs import inputs_from
from reconciler.cli.options import CommonOptions, PlanOptions, common_options, paths_argument, plan_options
from reconciler.cli.run import echo_report, open_session, reporting_problems


@click.command("plan")
@paths_argument()
@plan_options(out=True, detailed_exitcode=True)
@common_options()
@reporting_problems
def command(paths: tuple[str, ...], planning: PlanOptions, common: CommonOptions) -> int:
    """Show what `apply` would change, and write nothing.

    PATH is a manifest, a folder of manifests, or "-" for standard input.
    """
    with open_session(common) as session:
        report = session.plan(inputs_from(paths, planning), detailed=planning.detailed_exitcode)
    if planning.out is not None:
        from reconciler.planfile import write_plan

        write_plan(report.plan, planning.out)
    return echo_report(report, common)
