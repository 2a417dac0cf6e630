"""`reconciler schema`: prints the JSON Schema of a manifest, the configuration or a plan."""

from __future__ import annotations

from typing import Final

import click

from reconciler.cli import exit_codes
from reconciler.cli.options import CommonOptions, common_options

KINDS: Final = ("Model", "Config", "Plan")


@click.command(name="schema")
@click.argument("kind", metavar="[KIND]", type=click.Choice(KINDS, case_sensitive=False), default=KINDS[0])
@common_options()
def command(kind: str, common: CommonOptions) -> int:  # noqa: ARG001  a schema is JSON in every format
    """Print the JSON Schema of KIND: Model (the default), Config or Plan.

    Editors check a manifest against it while you type, where its first line is
    `# yaml-language-server: $schema=FILE`.
    """
    from reconciler.schema import schema_text

    click.echo(schema_text(kind).rstrip("\n"))
    return exit_codes.OK
