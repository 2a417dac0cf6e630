"""`reconciler validate`: check manifests."""

from __future__ import annotations

import sys

import click

from reconciler.cli.options import CommonOptions, common_options, paths_argument
from reconciler.cli.run import echo_json, echo_problems, open_session, reporting_problems, validation_document


@click.command("validate")
@paths_argument()
@click.option("--online", is_flag=True, help="Also check params against the service's model types and live models.")
@click.option(
    "--types", metavar="FILE", help="Also check params against this snapshot (`get types --format json`); offline."
)
@common_options()
@reporting_problems
def command(paths: tuple[str, ...], common: CommonOptions, *, online: bool, types: str | None) -> int:
    """Check manifests and tell every problem of every file at once; offline unless --online."""
    from reconciler.planning import Inputs

    if online and types is not None:
        raise click.UsageError("--online asks the service, --types reads a file instead. Give one of them.")
    inputs = Inputs(paths=paths, types=types, stdin=sys.stdin.buffer if "-" in paths else None)
    with open_session(common, connect=online) as session:
        validated = session.validated_with_types(inputs) if online or types else session.validated(inputs)
    if common.format == "json":
        echo_json(validation_document((), validated.warnings))
        return 0
    if not common.quiet:
        echo_problems(validated.warnings, label="warning")
    models, files = len(validated.desired.models), len(validated.desired.files)
    click.echo(f"Valid: {models} model{'s' * (models != 1)} in {files} file{'s' * (files != 1)}.")
    return 0
