"""`reconciler schema`: prints the JSON Schema of a manifest, the configuration, a plan or an emulator's seed."""

from __future__ import annotations

from typing import Final

import click

from reconciler import exit_codes
from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import echo_document, echo_result, is_page
from reconciler.loading.schema import FILES, schema_text

KINDS: Final = tuple(FILES)


@helpful_command("schema")
@click.argument("kind", metavar="[KIND]", type=click.Choice(KINDS, case_sensitive=False), default=KINDS[0])
@common_options()
def command(kind: str, common: CommonOptions) -> int:
    """Print the JSON Schema of KIND: Model (the default), ModelDefaults, Policy, Probe, Config, Plan or Seed (what the emulator starts with).

    Editors check a manifest against it while you type, if the first line of the manifest is
    `# yaml-language-server: $schema=FILE`.
    """
    text = schema_text(kind).rstrip("\n")
    if is_page(common):
        from reconciler.report.results import Block, Result

        block = Block(name="", language="json", text=text)
        echo_result(
            Result(title=f"JSON Schema of {kind}", summary="JSON Schema, draft 2020-12.", blocks=(block,)), common
        )
        return exit_codes.OK
    echo_document((text if text.endswith("\n") else f"{text}\n",))
    return exit_codes.OK
