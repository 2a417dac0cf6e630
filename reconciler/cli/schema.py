"""`reconciler schema`: prints the JSON Schema of a manifest, the configuration or a plan."""

from __future__ import annotations

from typing import Final

import click

from reconciler.cli import exit_codes
from reconciler.cli.options import verbose_option

KINDS: Final = ("Model", "Config", "Plan")


@click.command(name="schema")
@click.argument("kind", metavar="[KIND]", type=click.Choice(KINDS, case_sensitive=False), default=KINDS[0])
@verbose_option()
def command(kind: str) -> int:
    """Print the JSON Schema of KIND: Model (the default), Config or Plan.

    Editors check a manifest against it while you type, where its first line is
    `# yaml-language-server: $schema=FILE`.
    """
    from reconciler.schema import schema_text

    click.echo(schema_text(kind).rstrip("\n"))
    return exit_codes.OK
