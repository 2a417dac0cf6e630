"""`reconciler drift`: the plan, read as drift."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

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
from reconciler.cli.report_files import limiting_markdown, writing_report_files
from reconciler.cli.run import inputs_from, open_session, reporting_problems
from reconciler.cli.webhook import notifying_webhook
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.report.report import Report


@helpful_command("drift")
@paths_argument()
@plan_options(out=True)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep the drift history in this file, and report which drift is new, which has been standing since when, and which "
    "is resolved. Use one file per set of manifests and environment.",
)
@click.option("--new-only", is_flag=True, help="With --state: exit with 2 for new drift only.")
@click.option(
    "--metrics",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the outcome as Prometheus metrics, for node_exporter's textfile collector (name it *.prom).",
)
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
    state: Path | None,
    new_only: bool,
    metrics: Path | None,
    max_chars: int | None,
    outcome: Outcome,
) -> int:
    """Exit with 2 when live models differ from the manifests; writes nothing to the service."""
    if new_only and state is None:
        raise click.UsageError("--new-only needs --state FILE: without a drift history all drift is new.")
    measured = _Measured(metrics, paths, common)
    try:
        with open_session(common, shard=planning.shard) as session:
            measured.endpoint = session.settings.endpoint.url
            report = session.drift(
                replace(inputs_from(paths, planning), unmanaged=unmanaged),
                history_file=state,
                only_new=new_only,
                out=planning.out,
            )
    except ReconcilerError as error:
        with suppress(ReconcilerError):  # the error of the run matters more than one about its metrics
            measured.write(None, error.exit_code)
        raise
    if report.has_manifests:
        measured.write(report, report.exit_code)
    elif report.exit_code:
        measured.write(None, report.exit_code)  # a run over nothing has nothing to say but that it failed
    outcome.report, outcome.plan_path = report, planning.out
    code = echo_report(report, common, max_chars=max_chars)
    note_digest(report, planning.out, common)
    return code


class _Measured:
    """The metrics of one run, if a file is given for them; the clock starts here."""

    def __init__(self, path: Path | None, paths: tuple[str, ...], common: CommonOptions) -> None:
        self._path = path
        self._paths = paths
        self._environment = common.environment or ""
        self._started = time.monotonic()
        self.endpoint = common.endpoint or ""

    def write(self, report: Report | None, exit_code: int) -> None:
        """Write the file; a failed run has no `report`."""
        if self._path is None:
            return
        from reconciler.ci.metrics import Run, write_metrics

        run = Run(
            labels={"endpoint": self.endpoint, "environment": self._environment, "manifests": " ".join(self._paths)},
            finished_at=time.time(),
            duration=time.monotonic() - self._started,
            exit_code=exit_code,
            report=report,
        )
        write_metrics(run, self._path)
