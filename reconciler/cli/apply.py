"""`reconciler apply`: change the live models to what the manifests, or a saved plan, state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reconciler.cli import completing
from reconciler.cli.choosing import require_text
from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import (
    CommonOptions,
    PlanOptions,
    common_options,
    paths_argument,
    plan_options,
)
from reconciler.cli.output import echo_applied
from reconciler.cli.pipeline import Outcome, reporting_to_pipeline
from reconciler.cli.probe_options import ProbeOptions, probe_options
from reconciler.cli.run import (
    NOTHING_WRITTEN,
    confirmed,
    declined,
    has_terminal,
    in_environment,
    inputs_from,
    open_session,
    reporting_problems,
)

if TYPE_CHECKING:
    from reconciler.apply.results import OnError


@helpful_command("apply")
@paths_argument(required=False)
@plan_options()
@click.option(
    "--plan", "plan_file", metavar="FILE", help="Apply exactly this saved plan, if the live state is still as planned."
)
@click.option(
    "--max-age", type=click.FloatRange(min=0), metavar="HOURS", help="With --plan: refuse a plan older than this."
)
@click.option(
    "--expect-digest",
    callback=require_text,
    metavar="DIGEST",
    help="With --plan: refuse a plan that doesn't have this digest, which `reconciler plan --out` prints.",
)
@click.option(
    "--resume",
    metavar="RUN",
    shell_complete=completing.runs,
    help='Finish an interrupted or incomplete run, as it was planned; "latest" is the last run.',
)
@click.option(
    "--on-error",
    type=click.Choice(["continue", "abort"]),
    default="continue",
    show_default=True,
    help="After an update fails: continue with the others, or start no further one. Nothing is deleted after a failure.",
)
@probe_options(
    undo=True, what="After writing, check what the Probe documents expect of predictions; a miss is exit code 4."
)
@click.option("-y", "--yes", is_flag=True, help="Write without asking.")
@common_options()
@reporting_problems
@reporting_to_pipeline
def command(
    paths: tuple[str, ...],
    planning: PlanOptions,
    common: CommonOptions,
    *,
    plan_file: str | None,
    max_age: float | None,
    expect_digest: str | None,
    resume: str | None,
    on_error: OnError,
    probing: ProbeOptions,
    yes: bool,
    outcome: Outcome,
) -> int:
    """Change the live models to what the manifests in PATH state, or apply a saved plan.

    Asks before writing on a terminal, and exits with 1 if the answer is no; elsewhere --yes or --plan is required.
    """
    terms = (("--max-age", max_age), ("--expect-digest", expect_digest))
    given = [option for option, value in terms if value is not None]
    if resume is not None and (plan_file is not None or given):
        left_out = ", ".join(["--plan", *(option for option, _ in terms)])
        raise click.UsageError(f"--resume continues with the plan of its run. Leave out {left_out}.")
    if resume is not None and probing.probe:
        raise click.UsageError("--resume finishes a run as it was planned, without probes. Leave out --probe.")
    _require_one_source(paths, plan_file or resume, planning, given)
    if resume is not None:
        with open_session(common) as session:
            outcome.report = replace(session, on_error=on_error).resume(resume)
        return echo_applied(outcome.report, common)
    if plan_file is not None:
        return _apply_saved(plan_file, max_age, expect_digest, on_error, probing, common, outcome)
    if not yes and not has_terminal():
        raise click.UsageError("There is no terminal to ask on. Give --yes, or --plan FILE with a reviewed plan.")
    with open_session(common, shard=planning.shard) as session:
        report = replace(session, on_error=on_error).apply(
            replace(inputs_from(paths, planning), probe_limit=probing.probe_limit),
            confirm=None if yes else lambda plan: confirmed(plan, common),
            undo_on_miss=probing.undo_on_miss,
        )
    if report is None:
        raise declined(NOTHING_WRITTEN)
    outcome.report = report
    return echo_applied(report, common, is_plan_shown=not yes and bool(report.outcome.run or report.stale))


def _require_one_source(
    paths: tuple[str, ...], plan_file: str | None, planning: PlanOptions, terms: Sequence[str]
) -> None:
    if plan_file is None and not paths:
        raise click.UsageError("Give PATH..., --plan FILE or --resume RUN.")
    if plan_file is not None:
        picked = (
            paths,
            planning.targets,
            planning.excludes,
            planning.overrides,
            planning.selectors,
            planning.prune,
            planning.types,
            planning.shard,
            planning.resend,
            planning.allow_empty,
            planning.allow_unknown_params,
        )
        if any(picked):
            raise click.UsageError(
                "--plan and --resume apply a plan as it is. Leave out PATH and the options that a plan is made with."
            )
    elif terms:
        raise click.UsageError(f"{terms[0]} does nothing without --plan. Add --plan FILE, or leave out {terms[0]}.")


def _apply_saved(
    plan_file: str,
    max_age: float | None,
    digest: str | None,
    on_error: OnError,
    probing: ProbeOptions,
    common: CommonOptions,
    outcome: Outcome,
) -> int:
    from reconciler.session import saved_report

    plan = saved_report(plan_file).plan
    if common.environment is None:
        # The plan says whose token, endpoint and variables it was made with.
        common = in_environment(common, plan.environment)
    with open_session(common) as session:
        report = replace(session, on_error=on_error).apply_saved(
            plan,
            max_age_hours=max_age,
            digest=digest,
            probe_limit=probing.probe_limit,
            undo_on_miss=probing.undo_on_miss,
        )
    outcome.report, outcome.plan_path = report, plan_file
    return echo_applied(report, common)
