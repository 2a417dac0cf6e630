"""`reconciler get`: print parts of the live side, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import counted, echo_json, echo_result, echo_table, is_page, note
from reconciler.cli.run import open_session, reporting_problems
from reconciler.resources.tree import MISSING, lookup, path_text

if TYPE_CHECKING:
    from reconciler.apply.live import Documents, Live

Row = tuple[str, ...]

_PARAMS: Final = "output_info.params."


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Something to get: the kind and the list's key in its JSON document, its table's headers, how it is read and shown."""

    kind: str
    key: str
    headers: Row
    read: Callable[[Live, tuple[str, ...]], Documents]
    rows: Callable[[Mapping[str, Any]], list[Row]]


class _Subjects(click.Choice[str]):
    """The choices in plural; one of something may be asked for in singular."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        plural = f"{value}s"
        return super().convert(plural if plural in self.choices else value, param, ctx)


@helpful_command("get")
@click.argument("subject", type=_Subjects(["types", "models", "versions", "concepts", "output-info"]))
@click.argument("ids", nargs=-1, metavar="[ID]...")
@common_options()
@reporting_problems
def command(subject: str, ids: tuple[str, ...], common: CommonOptions) -> int:
    """Print live model types, models, versions, concepts or output info of an app; nothing is written.

    ID is a model type for types (then its params are listed), a model for models, MODEL or MODEL@VERSION for the others. Without
    any, everything in the app is printed. Params that the model type declares secret are shown as (sensitive).
    """
    chosen = TYPE_PARAMS if subject == "types" and ids else SUBJECTS[subject]
    with open_session(common) as session:
        documents = chosen.read(session.live, tuple(dict.fromkeys(ids)))
    if common.format == "json":
        echo_json({"kind": chosen.kind, chosen.key: documents})
        return 0
    rows = [row for document in documents for row in chosen.rows(document)]
    if is_page(common):
        from reconciler.report.results import Result

        title = subject.replace("-", " ").capitalize()
        summary = f"{counted(len(rows), 'row')}."
        echo_result(Result(title=title, summary=summary, headers=chosen.headers, rows=tuple(rows)), common)
        return 0
    echo_table(chosen.headers, rows)
    if not rows:
        note(common, f"There are no {subject.replace('-', ' ')}.")
    return 0


# --- tables ---------------------------------------------------------------------------------------------------


def _type_rows(document: Mapping[str, Any]) -> list[Row]:
    paths = [str(field.get("path", "")) for field in document.get("model_type_fields", [])]
    params = ", ".join(path.removeprefix(_PARAMS) for path in paths if path.startswith(_PARAMS))
    return [(_text(document, "id"), _text(document, "title"), params)]


def _param_rows(document: Mapping[str, Any]) -> list[Row]:
    """A row for each param that a type declares: which values it takes, and its default."""
    from reconciler.report.escape import value_text

    rows: list[Row] = []
    for field in document.get("model_type_fields", []):
        path = str(field.get("path", ""))
        if path.startswith(_PARAMS):
            kind = _text(field, "field_type").lower() + (", required" if field.get("required") else "")
            default = value_text(field["default_value"]) if "default_value" in field else ""
            rows.append((_text(document, "id"), path.removeprefix(_PARAMS), kind, _allowed(field), default))
    return rows


def _allowed(field: Mapping[str, Any]) -> str:
    """The range of a number, or the options of a choice."""
    limits = field.get("model_type_range_info")
    if limits is not None:
        step = f" by {limits['step']:g}" if "step" in limits else ""
        # proto3 leaves out a 0, so a range without `min` begins there.
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
    """A row for each value of the output info; concepts, which have a command of their own, are one list of ids."""
    from reconciler.report.escape import value_text

    version = document.get("model_version", {})
    info = version.get("output_info") or document.get("output_info") or {}
    named = (_text(document, "id"), _text(version, "id"))
    shown = {name: value for name, value in info.items() if name not in ("data", "message")}
    rows: list[Row] = [(*named, path_text(path), value_text(value)) for path, value in _values(shown)]
    concepts = lookup(info, ("data", "concepts"))
    if isinstance(concepts, list):
        rows.append((*named, "data.concepts", value_text([str(concept.get("id", "")) for concept in concepts])))
    return rows


def _values(tree: Mapping[str, Any]) -> list[tuple[tuple[str, ...], Any]]:
    """The values of a tree with their paths, sorted; a list, and an empty mapping, is one value."""
    found: list[tuple[tuple[str, ...], Any]] = []
    for name, value in sorted(tree.items()):
        if isinstance(value, Mapping) and value:
            found += [((name, *path), inner) for path, inner in _values(value)]
        else:
            found.append(((name,), value))
    return found


def _status(version: Mapping[str, Any]) -> str:
    return _text(version, "status", "code").removeprefix("MODEL_").lower()


def _text(document: Mapping[str, Any], *path: str) -> str:
    value = lookup(document, path)
    return "" if value is MISSING else str(value)


TYPE_PARAMS: Final = Subject(
    kind="ModelTypes",
    key="model_types",
    headers=("TYPE", "PARAM", "KIND", "ALLOWED", "DEFAULT"),
    read=lambda live, ids: live.types(ids),
    rows=_param_rows,
)
"""What `get types` shows of types that are asked for by id."""

SUBJECTS: Final[Mapping[str, Subject]] = {
    "types": Subject(
        kind="ModelTypes",
        key="model_types",
        headers=("ID", "TITLE", "PARAMS"),
        read=lambda live, ids: live.types(ids),
        rows=_type_rows,
    ),
    "models": Subject(
        kind="Models",
        key="models",
        headers=("ID", "NAME", "TYPE", "VISIBILITY", "LATEST VERSION", "STATUS"),
        read=lambda live, ids: live.models(ids),
        rows=_model_rows,
    ),
    "versions": Subject(
        kind="ModelVersions",
        key="versions",
        headers=("MODEL", "VERSION", "CREATED", "STATUS", "VISIBILITY", "DESCRIPTION"),
        read=lambda live, ids: live.versions(ids),
        rows=_version_rows,
    ),
    "concepts": Subject(
        kind="Concepts",
        key="concepts",
        headers=("MODEL", "ID", "NAME", "LANGUAGE"),
        read=lambda live, ids: live.concepts(ids),
        rows=_concept_rows,
    ),
    "output-info": Subject(
        kind="OutputInfo",
        key="models",
        headers=("MODEL", "VERSION", "PATH", "VALUE"),
        read=lambda live, ids: live.output_info(ids),
        rows=_output_info_rows,
    ),
}
