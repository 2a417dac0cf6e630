"""`reconciler accept`: take the drift into the manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reconciler import exit_codes
from reconciler.cli.choosing import with_selection
from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import CommonOptions, common_options, paths_argument
from reconciler.cli.output import counted, echo_document, echo_json, echo_problems, echo_result, is_page, note
from reconciler.cli.run import open_session, reporting_problems
from reconciler.manifests.selection import Inputs

if TYPE_CHECKING:
    from reconciler.apply.accept import Acceptance


@helpful_command("accept")
@paths_argument()
@with_selection
@click.option("--dry-run", is_flag=True, help="Print the changes as a unified diff, and write nothing.")
@common_options()
@reporting_problems
def command(
    paths: tuple[str, ...],
    common: CommonOptions,
    *,
    targets: tuple[str, ...],
    excludes: tuple[str, ...],
    selectors: tuple[tuple[str, str], ...],
    dry_run: bool,
) -> int:
    """Write what differs live into the manifests, each value at its own place; nothing is written to the service.

    PATH is a manifest or a folder of manifests. Comments, order, quotes and every other byte stay. What can't be accepted, such as a
    value from a variable or a secret, is left and reported: exit code 4.
    """
    with open_session(common) as session:
        found = session.accept(Inputs(paths=paths, targets=targets, excludes=excludes, selectors=selectors))
        if not dry_run:
            from reconciler.session.accepting import write_accepted

            found = write_accepted(found)
    _echo(found, common, is_written=not dry_run)
    return exit_codes.INCOMPLETE if found.left else exit_codes.OK


def _echo(found: Acceptance, common: CommonOptions, *, is_written: bool) -> None:
    from reconciler.report import accepted as words

    if not common.quiet:
        echo_problems(found.warnings, common, label="warning")
    if common.format == "json":
        echo_json(words.acceptance_document(found, is_written=is_written))
        return
    diff = "" if is_written else words.unified_diff(found)
    if is_page(common):
        from reconciler.report.results import Block, Result

        blocks = (Block(name="Changes", language="diff", text=diff),) if diff else ()
        sentences = (*words.accepted_texts(found), *words.left_texts(found))
        echo_result(
            Result(title="Accept", summary=_summary(found, is_written=is_written), sentences=sentences, blocks=blocks),
            common,
        )
        return
    if is_written:
        click.echo("".join(f"{text}\n" for text in words.accepted_texts(found)), nl=False)
    else:
        echo_document((diff,))
    for text in words.left_texts(found):
        click.echo(f"warning: {text}", err=True)
    note(common, _summary(found, is_written=is_written))


def _summary(found: Any, *, is_written: bool) -> str:
    values, files = counted(len(found.accepted), "value"), counted(len(found.files), "file")
    if not found.accepted and not found.left:
        return "Accept: nothing to do; the manifests match the live state."
    verb = "accepted" if is_written else "would be accepted"
    return f"Accept: {values} {verb} in {files}, {len(found.left)} left."
