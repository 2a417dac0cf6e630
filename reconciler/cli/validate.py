"""`reconciler validate`: check manifests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

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
from reconciler.cli.run import open_session, reporting_problems, standard_input
from reconciler.errors import ProblemsError
from reconciler.manifests.selection import Inputs, Shard


@click.command("validate")
@paths_argument()
@click.option("--online", is_flag=True, help="Also check params against the service's model types and live models.")
@click.option(
    "--types",
    metavar="FILE",
    help="Also check params against the model types in this file (from `reconciler get types --format json`), offline.",
)
@shard_option()
@allow_empty_option()
@allow_unknown_params_option()
@click.option("--junit", metavar="FILE", help="Also write the problems as JUnit XML, one test case per file.")
@common_options()
@reporting_problems
@reporting_to_pipeline
def command(
    paths: tuple[str, ...],
    common: CommonOptions,
    *,
    online: bool,
    types: str | None,
    junit: str | None,
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
        types=types,
        shard=shard,
        allow_empty=allow_empty,
        allow_unknown_params=allow_unknown_params,
        stdin=standard_input(paths),
    )
    with _failures_in_junit(junit), open_session(common, connect=online, shard=shard) as session:
        validated = session.validate(inputs, online=online)
    outcome.warnings = validated.warnings
    if junit is not None:
        from reconciler.ci.junit import write_junit

        write_junit((), validated.desired.files, junit)
    if common.format == "json":
        echo_json(validation_document((), validated.warnings))
        return 0
    if not common.quiet:
        echo_problems(validated.warnings, label="warning")
    models, files = len(validated.desired.models), len(validated.desired.files)
    summary = f"Valid: {counted(models, 'model')} in {counted(files, 'file')}."
    if is_page(common):
        from reconciler.report.results import Result

        warnings = tuple(f"warning: {warning}" for warning in validated.warnings)
        echo_result(Result(title="Manifests are valid", summary=summary, sentences=warnings), common)
        return 0
    click.echo(summary)
    return 0


@contextmanager
def _failures_in_junit(path: str | None) -> Iterator[None]:
    """Write the problems that end the block as JUnit XML, if a file is given for it."""
    try:
        yield
    except ProblemsError as error:
        if path is not None:
            from reconciler.ci.junit import write_junit

            write_junit(error.problems, (), path)
        raise
