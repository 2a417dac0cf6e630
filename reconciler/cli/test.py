"""`reconciler test`: what plan would say of a recorded live side, offline."""

from __future__ import annotations

from dataclasses import replace

import click

from reconciler.cli.choosing import require_text
from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import CommonOptions, PlanOptions, common_options, paths_argument, plan_options
from reconciler.cli.output import echo_report
from reconciler.cli.pipeline import Outcome, reporting_to_pipeline
from reconciler.cli.run import inputs_from, open_session, reporting_problems


@helpful_command("test")
@paths_argument()
@click.option(
    "--against",
    required=True,
    callback=require_text,
    metavar="FILE",
    help="The recorded live side: what `reconciler export --format json` printed, or a seed (`reconciler schema Seed`).",
)
@plan_options(detailed_exitcode=True)
@click.option("--base", metavar="REF", help="Also read the manifests and policies of this git revision, as plan does.")
@common_options()
@reporting_problems
@reporting_to_pipeline
def command(
    paths: tuple[str, ...],
    planning: PlanOptions,
    common: CommonOptions,
    *,
    against: str,
    base: str | None,
    outcome: Outcome,
) -> int:
    """Plan against a recorded live side, without the service and without a token: for tests of defaults and policies.

    The exit codes are those of plan. --endpoint has no effect.
    """
    from reconciler.session.recorded import against_recorded

    # The emulator needs no token, whatever the settings say about the service.
    offline = replace(common, endpoint="embedded")
    with open_session(offline, connect=False) as session, against_recorded(session, against) as recorded:
        report = recorded.plan(inputs_from(paths, planning), detailed=planning.detailed_exitcode, base=base)
    outcome.report = report
    return echo_report(report, common)
