"""`reconciler show`: print a saved plan again."""

from __future__ import annotations

import click

from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.run import echo_report, reporting_problems


@click.command("show")
@click.argument("file", metavar="FILE")
@common_options()
@reporting_problems
def command(file: str, common: CommonOptions) -> int:
    """Print a saved plan again, in any format."""
    from reconciler.plan.saved import read_plan
    from reconciler.report.report import Report

    plan = read_plan(file)
    return echo_report(Report(kind="Plan", plan=plan, warnings=plan.warnings), common)
