"""`reconciler drift`: the plan, read as drift."""

from __future__ import annotations

import click

from reconciler.cli.inputs import inputs_from
from reconciler.cli.options import CommonOptions, PlanOptions, common_options, paths_argument, plan_options
from reconciler.cli.run import echo_report, open_session, reporting_problems


@click.command("drift")
@paths_argument()
@plan_options()
@common_options()
@reporting_problems
def command(paths: tuple[str, ...], planning: PlanOptions, common: CommonOptions) -> int:
    """Exit with 2 when live models differ from the manifests; writes nothing."""
    with open_session(common) as session:
        report = session.plan(inputs_from(paths, planning), kind="Drift", detailed=True)
    return echo_report(report, common)
