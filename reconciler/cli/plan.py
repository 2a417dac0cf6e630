"""`reconciler plan`: show what apply would change, and write nothing."""

from __future__ import annotations

from dataclasses import replace

import click

from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import (
    CommonOptions,
    PlanOptions,
    common_options,
    paths_argument,
    plan_options,
    unmanaged_option,
)
from reconciler.cli.output import echo_report, note_digest
from reconciler.cli.pipeline import Outcome, reporting_to_pipeline
from reconciler.cli.probe_options import ProbeOptions, probe_options
from reconciler.cli.report_files import limiting_markdown, writing_report_files
from reconciler.cli.run import inputs_from, open_session, reporting_problems
from reconciler.cli.webhook import notifying_webhook


@helpful_command("plan")
@paths_argument()
@plan_options(out=True, detailed_exitcode=True)
@click.option(
    "--base",
    metavar="REF",
    help="Also read the manifests of this git revision, and attribute each change: this_change where only the manifests in "
    "PATH want it, base where those of the revision want it too (it is pending, or drift).",
)
@probe_options(
    what="Predict the inputs of the Probe documents with the live params and with the planned ones, and show what differs."
)
@click.option("--gitlab-report", metavar="FILE", help="Write the counts as GitLab's `artifacts: reports: terraform`.")
@unmanaged_option()
@common_options()
@reporting_problems
@limiting_markdown
@reporting_to_pipeline
@writing_report_files
@notifying_webhook
def command(
    paths: tuple[str, ...],
    planning: PlanOptions,
    common: CommonOptions,
    *,
    unmanaged: bool,
    base: str | None,
    probing: ProbeOptions,
    gitlab_report: str | None,
    max_chars: int | None,
    outcome: Outcome,
) -> int:
    """Show what `apply` would change, and write nothing.

    PATH is a manifest, a folder of manifests, or "-" for standard input.
    """
    with open_session(common, shard=planning.shard) as session:
        report = session.plan(
            replace(inputs_from(paths, planning), probe_limit=probing.probe_limit, unmanaged=unmanaged),
            detailed=planning.detailed_exitcode,
            base=base,
            out=planning.out,
        )
    outcome.report, outcome.plan_path = report, planning.out
    if gitlab_report is not None:
        from reconciler.ci.gitlab import write_report

        write_report(report.plan, gitlab_report)
    code = echo_report(report, common, max_chars=max_chars)
    note_digest(report, planning.out, common)
    return code
