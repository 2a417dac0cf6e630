"""`reconciler show`: print a saved plan again."""

from __future__ import annotations

import click

from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import echo_report
from reconciler.cli.report_files import limiting_markdown
from reconciler.cli.run import reporting_problems


@helpful_command("show")
@click.argument("file", metavar="FILE")
@common_options()
@reporting_problems
@limiting_markdown
def command(file: str, common: CommonOptions, *, max_chars: int | None) -> int:
    """Print a saved plan again, in any format."""
    from reconciler.session import saved_report

    return echo_report(saved_report(file), common, max_chars=max_chars)
