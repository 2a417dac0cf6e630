"""`reconciler validate`: check manifests."""

from __future__ import annotations

import click

from reconciler.cli.choosing import with_selection
from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import (
    CommonOptions,
    allow_empty_option,
    allow_unknown_params_option,
    common_options,
    paths_argument,
    shard_option,
)
from reconciler.cli.output import counted, echo_json, echo_problems, echo_result, is_page, validation_document
from reconciler.cli.pipeline import Outcome, reporting_to_pipeline
from reconciler.cli.report_files import writing_report_files
from reconciler.cli.run import open_session, reporting_problems, standard_input
from reconciler.manifests.selection import Inputs, Shard


@helpful_command("validate")
@paths_argument()
@click.option("--online", is_flag=True, help="Also check params against the service's model types and live models.")
@click.option(
    "--types",
    metavar="FILE",
    help="Also check params against the model types in this file (from `reconciler get types --format json`), offline.",
)
@with_selection
@shard_option()
@allow_empty_option()
@allow_unknown_params_option()
@common_options()
@reporting_problems
@reporting_to_pipeline
@writing_report_files
def command(
    paths: tuple[str, ...],
    common: CommonOptions,
    *,
    online: bool,
    types: str | None,
    targets: tuple[str, ...],
    excludes: tuple[str, ...],
    selectors: tuple[tuple[str, str], ...],
    shard: Shard | None,
    allow_empty: bool,
    allow_unknown_params: bool,
    outcome: Outcome,
) -> int:
    """Check manifests and report every problem of every file at once; offline unless --online."""
    if online and types is not None:
        raise click.UsageError("--online asks the service, --types reads a file instead. Give one of them.")
    inputs = Inputs(
        paths=paths,
        targets=targets,
        excludes=excludes,
        selectors=selectors,
        types=types,
        shard=shard,
        allow_empty=allow_empty,
        allow_unknown_params=allow_unknown_params,
        stdin=standard_input(paths),
    )
    with open_session(common, connect=online, shard=shard) as session:
        validated = session.validate(inputs, online=online)
    outcome.warnings, outcome.files = validated.warnings, validated.desired.files
    if common.format == "json":
        echo_json(validation_document((), validated.warnings))
        return 0
    if not common.quiet:
        echo_problems(validated.warnings, common, label="warning")
    models, files = len(validated.desired.models), len(validated.desired.files)
    summary = f"Valid: {counted(models, 'model')} in {counted(files, 'file')}."
    if is_page(common):
        from reconciler.report.results import Result

        warnings = tuple(f"warning: {warning}" for warning in validated.warnings)
        echo_result(Result(title="Manifests are valid", summary=summary, sentences=warnings), common)
        return 0
    click.echo(summary)
    return 0
