"""`reconciler export`: write live models as manifests."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import echo_result, is_page
from reconciler.cli.run import echo_json, open_session, progress, reporting_problems

if TYPE_CHECKING:
    from reconciler.apply.export import LeftOut, Manifest
    from reconciler.remote.port import Remote
    from reconciler.report.results import Result
    from reconciler.resources.keys import Key
    from reconciler.resources.observed import ObservedModel
    from reconciler.session import Session

SCHEMA: Final = Path("schemas") / "model.v1.schema.json"


def _require_text(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("the value is empty. Give one, or leave the option out.")
    return value


@click.command("export")
@click.option("--output", callback=_require_text, metavar="DIR", help="Write a file per model into this folder.")
@click.option("--force", is_flag=True, help="With --output: overwrite files that are there already.")
@click.option("--name", callback=_require_text, metavar="GLOB", help="Only models whose name matches, such as 'gen*'.")
@click.option("--type", "type_id", callback=_require_text, metavar="ID", help="Only models of this model type.")
@click.option(
    "--version",
    "which",
    type=click.Choice(["latest", "all"]),
    default="latest",
    show_default=True,
    help="The versions that each manifest states.",
)
@common_options()
@reporting_problems
def command(
    common: CommonOptions, *, output: str | None, force: bool, name: str | None, type_id: str | None, which: str
) -> int:
    """Write the app's live models as manifests that `apply` accepts; nothing is written to the service.

    Without --output the manifests go to standard output as one YAML stream. Secret params and the little that a manifest
    can't hold are left out, each with a comment.
    """
    if force and output is None:
        raise click.UsageError("--force does nothing without --output.")
    with open_session(common) as session:
        models = _live_models(session, name or "", type_id or "", which)
        manifests, skipped = _manifests(session, models)
    files: dict[Key, str] = {}
    if output is not None:
        files = _write(manifests, Path(output), is_forced=force)
    if common.format == "json":
        echo_json(
            {
                "kind": "Export",
                "manifests": [manifest.document for manifest in manifests],
                "files": list(files.values()),
                "skipped": [_skipped_document(item) for item in skipped],
            }
        )
    elif is_page(common):
        echo_result(_result(manifests, files, skipped), common)
    elif output is None:
        from reconciler.apply.export import yaml_from_manifest

        click.echo("---\n".join(map(yaml_from_manifest, manifests)), nl=False)
    else:
        click.echo("".join(f"{file}\n" for file in files.values()), nl=False)
    _tell(common, manifests, skipped)
    return 0


def _result(manifests: list[Manifest], files: Mapping[Key, str], skipped: list[LeftOut]) -> Result:
    """What was exported, for a page: the manifests themselves, or the files that hold them."""
    from reconciler.apply.export import yaml_from_manifest
    from reconciler.report.results import Block, Result

    shown = () if files else manifests
    return Result(
        title="Exported models",
        summary=f"{len(manifests)} manifest{'s' * (len(manifests) != 1)}, {len(skipped)} left out.",
        sentences=(*files.values(), *(f"not exported: {item}" for item in skipped)),
        blocks=tuple(
            Block(name=manifest.key.address, language="yaml", text=yaml_from_manifest(manifest)) for manifest in shown
        ),
    )


def _tell(common: CommonOptions, manifests: list[Manifest], skipped: list[LeftOut]) -> None:
    from reconciler.report.escape import neutral

    for item in skipped:
        click.echo(f"warning: not exported: {neutral(str(item))}.", err=True)
    if not manifests and not skipped:
        progress(common, "There are no such models.")


def _skipped_document(item: LeftOut) -> dict[str, str | None]:
    from reconciler.resources.tree import path_text

    return {"address": item.key.address, "path": path_text(item.path) or None, "reason": item.reason}


# --- reading --------------------------------------------------------------------------------------------------


def _live_models(session: Session, name: str, type_id: str, which: str) -> list[ObservedModel]:
    """The app's own models, each with the versions that its manifest is to state."""
    from reconciler.cli.live import each, own_models, remote_of, scope_from
    from reconciler.remote.observe import with_all_versions

    scope, remote = scope_from(session.settings), remote_of(session)
    is_search = bool(name or type_id)
    listed = remote.search_models(scope, name=name, model_type_id=type_id) if is_search else remote.list_models(scope)
    models = own_models(listed, scope)
    if which == "all":
        return each(lambda model: with_all_versions(remote, model), models, session)
    return each(lambda model: _with_latest(remote, model), models, session)


def _with_latest(remote: Remote, model: ObservedModel) -> ObservedModel:
    """The model with its latest version as the only one, asked for by its id where the listing didn't show all of it."""
    if model.latest is not None and "output_info" not in model.latest.document:
        model = remote.get_model(model.key) or model
    return replace(model, versions=() if model.latest is None else (model.latest,))


def _manifests(session: Session, models: list[ObservedModel]) -> tuple[list[Manifest], list[LeftOut]]:
    """A manifest for each model that can have one, and all that is in none."""
    from reconciler.apply.export import LeftOut, NotExportableError, manifest_from_model
    from reconciler.cli.live import remote_of
    from reconciler.compare.live_secrets import read_secrets_of_models

    secrets = read_secrets_of_models(remote_of(session), models)

    def exported(model: ObservedModel) -> Manifest | LeftOut:
        try:
            return manifest_from_model(model, model.versions, secrets=secrets)
        except NotExportableError as error:
            return LeftOut(key=model.key, path=(), reason=str(error))

    results = [exported(model) for model in models]
    manifests = [result for result in results if not isinstance(result, LeftOut)]
    nameless = [result for result in results if isinstance(result, LeftOut)]
    return manifests, [*nameless, *(item for manifest in manifests for item in manifest.left_out)]


# --- writing --------------------------------------------------------------------------------------------------


def _write(manifests: list[Manifest], folder: Path, *, is_forced: bool) -> dict[Key, str]:
    """One file per model; each appears whole. Raises RefusedError, with nothing written, where files are there already."""
    from reconciler.apply.backup import file_names
    from reconciler.apply.export import yaml_from_manifest
    from reconciler.errors import ReconcilerError
    from reconciler.state.whole_files import write_whole

    names = file_names({manifest.key.model_id for manifest in manifests})
    files = {manifest.key: folder / f"{names[manifest.key.model_id]}.yaml" for manifest in manifests}
    if not is_forced:
        _require_absent(files)
    schema = _schema_seen_from(folder)
    for manifest in manifests:
        path = files[manifest.key]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ReconcilerError(f"The manifest can't be written to {path}: {error.strerror}.") from error
        write_whole(path, yaml_from_manifest(manifest, schema=schema), what="manifest", mode=0o666)
    return {key: path.as_posix() for key, path in files.items()}


def _require_absent(files: Mapping[Key, Path]) -> None:
    from reconciler.errors import Refusal, RefusedError

    there = [path.as_posix() for path in files.values() if os.path.lexists(path)]
    if there:
        message = f"No file was written, because there is one already: {', '.join(there)}."
        remedy = "Give another folder, or --force to overwrite."
        raise RefusedError((Refusal(rule="file-exists", message=message, remedy=remedy),))


def _schema_seen_from(folder: Path) -> str | None:
    """How a manifest in this folder names the schema in the nearest schemas/ above it; None where there is none."""
    above = folder.resolve()
    for levels, parent in enumerate((above, *above.parents)):
        if (parent / SCHEMA).is_file():
            return (Path(*[".."] * levels) / SCHEMA).as_posix()
    return None
