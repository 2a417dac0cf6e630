"""`reconciler explain`: what the manifests state of one model, where, and what apply would do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from reconciler.cli import completing
from reconciler.cli.choosing import require_text
from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import CommonOptions, allow_unknown_params_option, common_options, paths_argument
from reconciler.cli.output import counted, echo_json, echo_result, echo_sentence, echo_table, is_page
from reconciler.cli.run import open_session, reporting_problems, standard_input
from reconciler.manifests.selection import Inputs
from reconciler.resources.tree import MISSING, path_text

if TYPE_CHECKING:
    from reconciler.report.explanation import Block, ExplainedPath, Explanation

_HEADERS: Final = ("PATH", "STATED", "WHERE", "LIVE", "STATE")


@helpful_command("explain")
@click.argument("model", metavar="MODEL", callback=require_text, shell_complete=completing.model_ids)
@paths_argument()
@allow_unknown_params_option()
@common_options()
@reporting_problems
def command(model: str, paths: tuple[str, ...], common: CommonOptions, *, allow_unknown_params: bool) -> int:
    """Show each path of MODEL that the manifests in PATH manage: the stated value, where it is stated, the live value, whether
    they differ, and which call of apply would change it. Nothing is written.

    MODEL is an id, APP/ID or USER/APP/ID. Each version that the manifest means has a table of its own.
    """
    inputs = Inputs(paths=paths, stdin=standard_input(paths), allow_unknown_params=allow_unknown_params)
    with open_session(common) as session:
        found = session.explain(inputs, model)
    if common.format == "json":
        from reconciler.report.explanation import explanation_document

        echo_json(explanation_document(found))
        return 0
    if is_page(common):
        from reconciler.report.results import Result

        rows = tuple((block.key.address, *_row(path)) for block in found.blocks for path in block.paths)
        result = Result(
            title=f"Model {found.blocks[0].key.address}",
            summary=_summary(found),
            sentences=(
                *(f"{path_text(path.path)}: {path.reason}" for path in found.paths if path.reason is not None),
                *(f"refused: {refusal}" for refusal in found.refused),
            ),
            headers=("RESOURCE", *_HEADERS),
            rows=rows,
        )
        echo_result(result, common)
        return 0
    _print(found)
    return 0


def _print(found: Explanation) -> None:
    for block in found.blocks:
        echo_sentence(_title(block))
        if block.paths:
            echo_table(_HEADERS, map(_row, block.paths), indent="  ")
        else:
            echo_sentence("nothing is stated", indent="  ")
        for path in block.paths:
            if path.reason is not None:
                echo_sentence(f"{path_text(path.path)}: {path.reason}", indent="  ")
        click.echo()
    for refusal in found.refused:
        echo_sentence(f"Refused: {refusal}")
    click.echo(_summary(found))


def _title(block: Block) -> str:
    select = f" (select: {block.select})" if block.select else ""
    return f"{block.key.address}{select}  {block.origin}"


def _row(path: ExplainedPath) -> tuple[str, ...]:
    from reconciler.report.explanation import OWNER_SETTING

    name = path_text(path.path)
    item = "" if path.item is None else f" {_shown(path.item)}"
    stated = f"must not contain{item}" if item else "must be absent" if path.value is MISSING else _shown(path.value)
    return (
        name,
        stated,
        OWNER_SETTING if path.origin is None else str(path.origin),
        _shown(path.live),
        _state(path),
    )


def _state(path: ExplainedPath) -> str:
    if path.is_in_sync is None and path.call is None:
        return "not comparable"
    if path.is_in_sync:
        return "in sync"
    return "differs" if path.call is None else f"differs: {' '.join(filter(None, path.call))}"


def _shown(value: object) -> str:
    from reconciler.report.edits import ABSENT
    from reconciler.report.escape import value_text
    from reconciler.resources.secrets import SENSITIVE_TEXT, Sensitive, redacted

    if value is MISSING:
        return ABSENT
    return SENSITIVE_TEXT if isinstance(value, Sensitive) else value_text(redacted(value))


def _summary(found: Explanation) -> str:
    differing = sum(path.is_in_sync is False for path in found.paths)
    unknown = sum(path.is_in_sync is None for path in found.paths)
    more = f", {unknown} not comparable" if unknown else ""
    return f"{counted(len(found.paths), 'managed path')}: {differing} to change{more}."
