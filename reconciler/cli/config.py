"""`reconciler config`: print the settings in force, and where each comes from."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import echo_json, note
from reconciler.cli.run import open_session, reporting_problems, setting_text
from reconciler.report.escape import neutral
from reconciler.report.wrap import without_commands


@helpful_command("config")
@common_options(formats=("text", "json"))
@reporting_problems
def command(common: CommonOptions) -> int:
    """Print the settings in force, each with its source. Nothing is sent to the service, and the token is never shown.

    Give the options of the command whose settings you want to see.
    """
    with open_session(common, connect=False) as session:
        settings = session.settings
    missing = settings.token_problem if settings.needs_token else ""
    problems = [text for text in (settings.endpoint_problem, missing) if text]
    if common.format == "json":
        listed: dict[str, Any] = {each.name: {"value": each.value, "source": each.source} for each in settings.listing}
        echo_json({"kind": "Settings", "settings": listed, "problems": problems})
        return 0
    for setting in settings.listing:
        click.echo(without_commands(neutral(setting_text(setting))))
    for text in problems:
        note(common, f"note: {text}")
    return 0
