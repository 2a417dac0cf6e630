"""`reconciler validate`: check manifests."""

from __future__ import annotations

import sys

import click

from reconciler.cli.options import CommonOptions, common_options, paths_argument
from reconciler.cli.run import echo_json, echo_problems, open_session, reporting_problems, validation_document


@click.command("validate")
@paths_argument()
@common_options()
@reporting_problems
def command(paths: tuple[str, ...], common: CommonOptions) -> int:
    """Check manifests and tell every problem of every file at once; offline."""
    from reconciler.session import Inputs

    with open_session(common, connect=False) as session:
        inputs = Inputs(paths=paths, stdin=sys.stdin.buffer if "-" in paths else None)
        validated = session.validated(inputs)
    if common.format == "json":
        echo_json(validation_document((), validated.warnings))
        return 0
    if not common.quiet:
        echo_problems(validated.warnings, label="warning")
    models, files = len(validated.desired.models), len(validated.desired.files)
    click.echo(f"Valid: {models} model{'s' * (models != 1)} in {files} file{'s' * (files != 1)}.")
    return 0
