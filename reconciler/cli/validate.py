"""`reconciler validate`: check manifests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import CommonOptions, common_options, paths_argument, shard_option
from reconciler.cli.output import echo_result, is_page
from reconciler.cli.pipeline import Outcome, telling_pipeline
from reconciler.cli.run import (
    echo_json,
    echo_problems,
    open_session,
    progress,
    reporting_problems,
    settings_from,
    validation_document,
)
from reconciler.cli.standard_input import manifests_from_stdin
from reconciler.errors import ProblemsError
from reconciler.manifests.selection import Shard

if TYPE_CHECKING:
    from reconciler.manifests.validate import Validated


@click.command("validate")
@paths_argument()
@click.option("--online", is_flag=True, help="Also check params against the service's model types and live models.")
@click.option(
    "--types", metavar="FILE", help="Also check params against this snapshot (`get types --format json`); offline."
)
@shard_option()
@click.option("--junit", metavar="FILE", help="Also write the problems as JUnit XML, a test case per file.")
@common_options()
@reporting_problems
@telling_pipeline
def command(
    paths: tuple[str, ...],
    common: CommonOptions,
    *,
    online: bool,
    types: str | None,
    junit: str | None,
    shard: Shard | None,
    outcome: Outcome,
) -> int:
    """Check manifests and tell every problem of every file at once; offline unless --online."""
    if online and types is not None:
        raise click.UsageError("--online asks the service, --types reads a file instead. Give one of them.")
    with _junit_told(junit):
        validated = _validated(paths, common, online=online, types=types, shard=shard)
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
    told = f"Valid: {models} model{'s' * (models != 1)} in {files} file{'s' * (files != 1)}."
    if is_page(common):
        from reconciler.report.results import Result

        warnings = tuple(f"warning: {warning}" for warning in validated.warnings)
        echo_result(Result(title="Manifests are valid", summary=told, sentences=warnings), common)
        return 0
    click.echo(told)
    return 0


def _validated(
    paths: tuple[str, ...], common: CommonOptions, *, online: bool, types: str | None, shard: Shard | None
) -> Validated:
    stdin = manifests_from_stdin(paths)
    if online or types is not None:
        from reconciler.plan.planning import Inputs

        with open_session(common, connect=online) as session:
            return session.validated_with_types(Inputs(paths=paths, types=types, shard=shard, stdin=stdin))
    # Without the session, whose imports take as long as everything that one file needs.
    from reconciler.manifests.validate import manifests_at

    settings = settings_from(common)
    for note in settings.notes:
        progress(common, f"note: {note}")
    return manifests_at(paths, settings, environ=os.environ, stdin=stdin, shard=shard)


@contextmanager
def _junit_told(path: str | None) -> Iterator[None]:
    """Write the problems that end the block as JUnit XML, where a file is named for it."""
    try:
        yield
    except ProblemsError as error:
        if path is not None:
            from reconciler.ci.junit import write_junit

            write_junit(error.problems, (), path)
        raise
