"""`reconciler export`: write live models as manifests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from reconciler.cli.options import CommonOptions, common_options, require_text
from reconciler.cli.output import counted, echo_document, echo_json, echo_result, is_page, note
from reconciler.cli.run import open_session, reporting_problems

if TYPE_CHECKING:
    from reconciler.apply.export import Exported
    from reconciler.report.results import Result


@click.command("export")
@click.option("--output", callback=require_text, metavar="DIR", help="Write one file per model into this folder.")
@click.option("--force", is_flag=True, help="With --output: overwrite files that exist already.")
@click.option("--name", callback=require_text, metavar="GLOB", help="Only models whose name matches, such as 'gen*'.")
@click.option("--type", "type_id", callback=require_text, metavar="ID", help="Only models of this model type.")
@click.option(
    "--version",
    "versions",
    type=click.Choice(["latest", "all"]),
    default="latest",
    show_default=True,
    help="The versions that each manifest states.",
)
@common_options()
@reporting_problems
def command(
    common: CommonOptions,
    *,
    output: str | None,
    force: bool,
    name: str | None,
    type_id: str | None,
    versions: Literal["latest", "all"],
) -> int:
    """Write the app's live models as manifests that `apply` accepts; nothing is written to the service.

    Without --output the manifests go to standard output as one YAML stream. Secret params, and the few values that a manifest
    can't hold, are left out; a comment names each.
    """
    if force and output is None:
        raise click.UsageError("--force does nothing without --output. Add --output DIR, or leave out --force.")
    with open_session(common) as session:
        exported = session.export(
            name=name or "",
            type_id=type_id or "",
            versions=versions,
            folder=None if output is None else Path(output),
            overwrite=force,
        )
    if common.format == "json":
        echo_json(_document(exported))
    elif is_page(common):
        echo_result(_result(exported), common)
    elif output is None:
        echo_document("---\n".join(exported.texts()))
    else:
        click.echo("".join(f"{file}\n" for file in exported.files.values()), nl=False)
    _warn(exported, common)
    return 0


def _document(exported: Exported) -> dict[str, object]:
    from reconciler.resources.tree import path_text

    return {
        "kind": "Export",
        "manifests": [manifest.document for manifest in exported.manifests],
        "files": list(exported.files.values()),
        "skipped": [
            {"address": item.key.address, "path": path_text(item.path) or None, "reason": item.reason}
            for item in exported.left_out
        ],
    }


def _result(exported: Exported) -> Result:
    """What was exported, for a page: the manifests themselves, or the files that hold them."""
    from reconciler.report.results import Block, Result

    shown = () if exported.files else zip(exported.manifests, exported.texts(), strict=True)
    return Result(
        title="Exported models",
        summary=f"{counted(len(exported.manifests), 'manifest')}, {len(exported.left_out)} left out.",
        sentences=(*exported.files.values(), *(f"not exported: {item}" for item in exported.left_out)),
        blocks=tuple(Block(name=manifest.key.address, language="yaml", text=text) for manifest, text in shown),
    )


def _warn(exported: Exported, common: CommonOptions) -> None:
    from reconciler.report.escape import neutral

    for item in exported.left_out:
        click.echo(f"warning: not exported: {neutral(str(item))}.", err=True)
    if not exported.manifests and not exported.left_out:
        note(common, "No model matches.")
