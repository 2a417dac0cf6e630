"""`reconciler get`: look at the live side, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import echo_result, is_page
from reconciler.cli.run import echo_json, open_session, progress, reporting_problems

if TYPE_CHECKING:
    from reconciler.resources.keys import Key
    from reconciler.session import Session

Documents = list[dict[str, Any]]
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One thing to look at: its JSON document's kind and list, its table's headers, how it is read and shown."""

    kind: str
    name: str
    headers: Row
    read: Callable[[Session, tuple[str, ...]], Documents]
    rows: Callable[[Mapping[str, Any]], list[Row]]


@click.command("get")
@click.argument("subject", type=click.Choice(["types", "models", "versions", "concepts", "output-info"]))
@click.argument("ids", nargs=-1, metavar="[ID]...")
@common_options()
@reporting_problems
def command(subject: str, ids: tuple[str, ...], common: CommonOptions) -> int:
    """Look at live model types, models, versions, concepts or output info of an app; nothing is written.

    ID is a type for types (its params are shown then), a model for models, MODEL or MODEL@VERSION for the others. Without one everything of the
    app is shown. Params that the model type declares secret are shown as (sensitive).
    """
    chosen = TYPE_PARAMS if subject == "types" and ids else SUBJECTS[subject]
    with open_session(common) as session:
        documents = chosen.read(session, tuple(dict.fromkeys(ids)))
    if common.format == "json":
        echo_json({"kind": chosen.kind, chosen.name: documents})
        return 0
    rows = [row for document in documents for row in chosen.rows(document)]
    if is_page(common):
        from reconciler.report.results import Result

        what = subject.replace("-", " ").capitalize()
        counted = f"{len(rows)} row{'s' * (len(rows) != 1)}."
        echo_result(Result(title=what, summary=counted, headers=chosen.headers, rows=tuple(rows)), common)
        return 0
    from reconciler.report.table import table

    click.echo(table(chosen.headers, rows), nl=False)
    if not rows:
        progress(common, f"There are no {subject.replace('-', ' ')}.")
    return 0


# --- reading --------------------------------------------------------------------------------------------------


def _read_types(session: Session, ids: tuple[str, ...]) -> Documents:
    from reconciler.cli.live import remote_of, require_known, scope_from

    scope = scope_from(session.settings)
    found = {str(document["id"]): dict(document) for document in remote_of(session).list_model_types(scope)}
    require_known("model type", {name: found.get(name) for name in ids}, scope)
    return [found[name] for name in (ids or sorted(found))]


def _read_models(session: Session, ids: tuple[str, ...]) -> Documents:
    from reconciler.cli.live import each, key_from, own_models, remote_of, require_known, scope_from
    from reconciler.compare.live_secrets import read_secrets_of_models
    from reconciler.resources.secrets import redacted

    scope, remote = scope_from(session.settings), remote_of(session)
    if ids:
        keys = [key_from(scope, text) for text in ids]
        found = require_known("model", dict(zip(ids, each(remote.get_model, keys, session), strict=True)), scope)
        models = tuple(found.values())
    else:
        models = own_models(remote.list_models(scope), scope)
    secrets = read_secrets_of_models(remote, models)
    documents = []
    for model in models:
        document = redacted(model.document)
        if model.latest is not None:
            latest = secrets.conceal(model.latest.key, model.latest.document, source="live")
            document["model_version"] = redacted(latest)
        documents.append(document)
    return documents


def _read_versions(session: Session, ids: tuple[str, ...]) -> Documents:
    from reconciler.cli.live import remote_of, scope_from
    from reconciler.compare.live_secrets import read_secrets
    from reconciler.resources.observed import ObservedVersion
    from reconciler.resources.secrets import redacted

    scope, remote = scope_from(session.settings), remote_of(session)

    def read(key: Key) -> list[ObservedVersion] | None:
        if not key.version_id:
            return list(remote.list_versions(key))
        version = remote.get_version(key)
        return None if version is None else [version]

    versions = [version for found in _each_of(session, ids, read).values() for version in found]
    # An answer about versions doesn't tell the model's type: what is secret for any type counts as secret.
    secrets = read_secrets(remote, scope, {version.key: ("", version.document) for version in versions})
    return [
        {"model_id": version.key.model_id, **redacted(secrets.conceal(version.key, version.document, source="live"))}
        for version in versions
    ]


def _read_concepts(session: Session, ids: tuple[str, ...]) -> Documents:
    from reconciler.cli.live import remote_of

    found = _each_of(session, ids, lambda key: list(remote_of(session).list_concepts(key)))
    return [
        {"model_id": key.model_id, **({"version_id": key.version_id} if key.version_id else {}), **concept}
        for key, concepts in found.items()
        for concept in concepts
    ]


def _read_output_info(session: Session, ids: tuple[str, ...]) -> Documents:
    from reconciler.cli.live import remote_of, scope_from
    from reconciler.compare.live_secrets import read_secrets
    from reconciler.resources.secrets import redacted

    remote = remote_of(session)
    answers = _each_of(session, ids, remote.get_output_info)
    versions, documents = {}, {}
    for key, model in answers.items():
        version = dict(model.get("model_version", {}))
        named = key.version(str(version.get("id") or key.version_id or "none"))
        # The service answers in two places, the old one being the model itself (clarifai-python-grpc, test_model_crud).
        versions[named] = (str(model.get("model_type_id", "")), version if "output_info" in version else model)
        documents[named] = {**model, "model_version": version} if version else dict(model)
    secrets = read_secrets(remote, scope_from(session.settings), versions)
    shown = []
    for key, document in documents.items():
        concealed = secrets.conceal(key, document, source="live")
        if "model_version" in document:
            concealed["model_version"] = secrets.conceal(key, document["model_version"], source="live")
        shown.append(redacted(concealed))
    return shown


def _each_of(session: Session, ids: tuple[str, ...], read: Callable[[Key], Any]) -> dict[Key, Any]:
    """What `read` gives for each MODEL or MODEL@VERSION, else for each of the app's models that has a version.

    Raises ReconcilerError that names every one that doesn't exist.
    """
    from reconciler.cli.live import each, key_from, own_models, remote_of, require_known, scope_from, unless_missing

    scope = scope_from(session.settings)
    if ids:
        keys = [key_from(scope, text, may_name_version=True) for text in ids]
    else:
        models = own_models(remote_of(session).list_models(scope), scope)
        keys = [model.key for model in models if model.latest is not None]
    answers = each(unless_missing(read), keys, session)
    names = {key: key.address.removeprefix(f"{scope}/") for key in keys}
    require_known("model or version", {names[key]: answer for key, answer in zip(keys, answers, strict=True)}, scope)
    return dict(zip(keys, answers, strict=True))


# --- tables ---------------------------------------------------------------------------------------------------


def _type_rows(document: Mapping[str, Any]) -> list[Row]:
    prefix = "output_info.params."
    paths = [str(field.get("path", "")) for field in document.get("model_type_fields", [])]
    params = ", ".join(path.removeprefix(prefix) for path in paths if path.startswith(prefix))
    return [(_text(document, "id"), _text(document, "title"), params)]


def _param_rows(document: Mapping[str, Any]) -> list[Row]:
    """A row for each param that a type declares: what it takes, and what it is where nobody states it."""
    from reconciler.report.escape import value_text

    prefix = "output_info.params."
    rows: list[Row] = []
    for field in document.get("model_type_fields", []):
        path = str(field.get("path", ""))
        if path.startswith(prefix):
            kind = _text(field, "field_type").lower() + (", required" if field.get("required") else "")
            default = value_text(field["default_value"]) if "default_value" in field else ""
            rows.append((_text(document, "id"), path.removeprefix(prefix), kind, _allowed(field), default))
    return rows


def _allowed(field: Mapping[str, Any]) -> str:
    """The range of a number, or the options of a choice. A range without `min` begins at 0: proto3 tells no difference."""
    limits = field.get("model_type_range_info")
    if limits is not None:
        step = f" by {limits['step']:g}" if "step" in limits else ""
        return f"{limits.get('min', 0):g} to {limits.get('max', 0):g}{step}"
    return ", ".join(_text(option, "id") for option in field.get("model_type_enum_options", []))


def _model_rows(document: Mapping[str, Any]) -> list[Row]:
    latest = document.get("model_version", {})
    return [
        (
            _text(document, "id"),
            _text(document, "name"),
            _text(document, "model_type_id"),
            _text(document, "visibility", "gettable"),
            _text(latest, "id"),
            _status(latest),
        )
    ]


def _version_rows(document: Mapping[str, Any]) -> list[Row]:
    return [
        (
            _text(document, "model_id"),
            _text(document, "id"),
            _text(document, "created_at"),
            _status(document),
            _text(document, "visibility", "gettable"),
            _text(document, "description"),
        )
    ]


def _concept_rows(document: Mapping[str, Any]) -> list[Row]:
    return [tuple(_text(document, name) for name in ("model_id", "id", "name", "language"))]


def _output_info_rows(document: Mapping[str, Any]) -> list[Row]:
    from reconciler.report.escape import value_text
    from reconciler.resources.tree import lookup, path_text

    version = document.get("model_version", {})
    info = version.get("output_info") or document.get("output_info") or {}
    leaves = list(_leaves({name: value for name, value in info.items() if name not in ("data", "message")}, ()))
    concepts = lookup(info, ("data", "concepts"))
    if isinstance(concepts, list):
        leaves.append((("data", "concepts"), [str(concept.get("id", "")) for concept in concepts]))
    named = (_text(document, "id"), _text(version, "id"))
    return [(*named, path_text(path), value_text(value)) for path, value in leaves]


def _leaves(value: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and value:
        return [leaf for name, item in sorted(value.items()) for leaf in _leaves(item, (*path, name))]
    return [(path, value)] if path else []


def _status(version: Mapping[str, Any]) -> str:
    return _text(version, "status", "code").removeprefix("MODEL_").lower()


def _text(document: Mapping[str, Any], *path: str) -> str:
    from reconciler.resources.tree import MISSING, lookup

    value = lookup(document, path)
    return "" if value is MISSING else str(value)


TYPE_PARAMS: Final = Subject(
    kind="ModelTypes",
    name="model_types",
    headers=("TYPE", "PARAM", "KIND", "ALLOWED", "DEFAULT"),
    read=_read_types,
    rows=_param_rows,
)
"""What `get types` shows of types that were asked for by name."""

SUBJECTS: Final[Mapping[str, Subject]] = {
    "types": Subject(
        kind="ModelTypes",
        name="model_types",
        headers=("ID", "TITLE", "PARAMS"),
        read=_read_types,
        rows=_type_rows,
    ),
    "models": Subject(
        kind="Models",
        name="models",
        headers=("ID", "NAME", "TYPE", "VISIBILITY", "LATEST VERSION", "STATUS"),
        read=_read_models,
        rows=_model_rows,
    ),
    "versions": Subject(
        kind="ModelVersions",
        name="versions",
        headers=("MODEL", "VERSION", "CREATED", "STATUS", "VISIBILITY", "DESCRIPTION"),
        read=_read_versions,
        rows=_version_rows,
    ),
    "concepts": Subject(
        kind="Concepts",
        name="concepts",
        headers=("MODEL", "ID", "NAME", "LANGUAGE"),
        read=_read_concepts,
        rows=_concept_rows,
    ),
    "output-info": Subject(
        kind="OutputInfo",
        name="models",
        headers=("MODEL", "VERSION", "PATH", "VALUE"),
        read=_read_output_info,
        rows=_output_info_rows,
    ),
}
