"""`reconciler export`: write live models as manifests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from reconciler.cli.choosing import require_text
from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import counted, echo_document, echo_json, echo_result, is_page, note
from reconciler.cli.progress import wipe
from reconciler.cli.run import open_session, reporting_problems
from reconciler.resources.fields import Action

if TYPE_CHECKING:
    from reconciler.apply.export import Exported
    from reconciler.report.results import Result


@helpful_command("export")
@click.argument("ids", nargs=-1, metavar="[ID]...", callback=require_text)
@click.option("-o", "--output", callback=require_text, metavar="DIR", help="Write one file per model into this folder.")
@click.option(
    "--force",
    is_flag=True,
    help="With --output: replace files that exist already. What only the old file contained (comments, variables, keys) is lost, "
    "and listed.",
)
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
@click.option(
    "--select",
    type=click.Choice(["latest"]),
    help="State the latest version as `select: latest` instead of by its id, so that the manifest means every later version, too.",
)
@click.option(
    "--action",
    type=click.Choice(["merge", "overwrite"]),
    default="merge",
    show_default=True,
    help="What the manifests say of lists and mappings. With overwrite, empty ones are stated, and whatever somebody adds to a tag "
    "list, to metadata or to params is drift.",
)
@click.option(
    "--scope",
    type=click.Choice(["auto", "always"]),
    default="auto",
    show_default=True,
    help="Whether manifests state user_id and app_id: auto leaves out those that reconciler.yaml, or the chosen environment in it, "
    "states.",
)
@common_options()
@reporting_problems
def command(
    ids: tuple[str, ...],
    common: CommonOptions,
    *,
    output: str | None,
    force: bool,
    name: str | None,
    type_id: str | None,
    versions: Literal["latest", "all"],
    select: Literal["latest"] | None,
    action: str,
    scope: Literal["auto", "always"],
) -> int:
    """Write the app's live models as manifests that `apply` accepts; nothing is written to the service.

    ID is the id of a model. Without any, all models are exported, or those that --name and --type choose. Without --output the
    manifests go to standard output as one YAML stream. Secret params, and the few values that a manifest can't contain, are left
    out; a comment names each.
    """
    _require_sense(ids, output, name or type_id, versions, force=force, selects_latest=select is not None)
    from reconciler.session.exporting import Exporting

    exporting = Exporting(
        ids=ids,
        name=name or "",
        type_id=type_id or "",
        versions=versions,
        selects_latest=select is not None,
        action=Action(action),
        states_scope=scope,
        folder=None if output is None else Path(output),
        replaces_files=force,
    )
    with open_session(common) as session:
        exported = session.export(exporting)
        place = f"app {session.settings.user_id}/{session.settings.app_id}"
    wipe()
    if common.format == "json":
        echo_json(_document(exported))
    elif is_page(common):
        echo_result(_result(exported), common)
    elif output is None:
        echo_document(("---\n".join(exported.texts()),))
    else:
        click.echo("".join(f"{file}\n" for file in exported.files.values()), nl=False)
    _note(exported, place, common)
    return 0


def _require_sense(
    ids: tuple[str, ...],
    output: str | None,
    searched: str | None,
    versions: str,
    *,
    force: bool,
    selects_latest: bool,
) -> None:
    if force and output is None:
        raise click.UsageError("--force does nothing without --output. Add --output DIR, or leave out --force.")
    if ids and searched:
        raise click.UsageError("ID and --name or --type contradict each other. Give ids, or a name and a type.")
    if selects_latest and versions == "all":
        raise click.UsageError("--select latest and --version all contradict each other. Give one of them.")


def _document(exported: Exported) -> dict[str, object]:
    from reconciler.resources.tree import path_text

    return {
        "kind": "Export",
        "manifests": [manifest.document for manifest in exported.manifests],
        "model_types": {key.address: type_id for key, type_id in exported.types.items()},
        "files": list(exported.files.values()),
        "skipped": [
            {"address": item.key.address, "path": path_text(item.path) or None, "reason": item.reason}
            for item in exported.left_out
        ],
        "lost": [{"file": loss.file, "what": list(loss.lost)} for loss in exported.losses],
    }


def _result(exported: Exported) -> Result:
    """What was exported, for a page: the manifests themselves, or the files that hold them."""
    from reconciler.report.results import Block, Result

    shown = () if exported.files else zip(exported.manifests, exported.texts(), strict=True)
    return Result(
        title="Exported models",
        summary=f"{counted(len(exported.manifests), 'manifest')}, {len(exported.left_out)} left out.",
        sentences=(*exported.files.values(), *exported.notes()),
        blocks=tuple(Block(name=manifest.key.address, language="yaml", text=text) for manifest, text in shown),
    )


def _note(exported: Exported, place: str, common: CommonOptions) -> None:
    """Print what is not in the manifests, and what replaced files have lost, on standard error."""
    for text in exported.notes():
        note(common, f"warning: {text}.")
    if not exported.manifests and not exported.left_out:
        note(common, f"There are no models in {place}.")
