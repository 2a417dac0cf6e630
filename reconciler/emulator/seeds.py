"""Seeds and snapshots: a whole state as one JSON document.

In: a mapping. Out: rows; and back. docs/emulator.md and schemas/seed.v1.schema.json describe the format; `seed_file`
reads it from files. Rules that hold here:

- Messages are protobuf JSON with proto field names; the concepts of a version are in its output_info.data.concepts.
- `versions` are oldest first. Times and version ids that are left out are made up, the same ones each time, and so
  that a later entry of a list is newer.
- Loading replaces users, models, workflows, deployments and model types of the same id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2
from google.protobuf import json_format

from reconciler.emulator import rows
from reconciler.emulator.lifecycle import fill_new_model, fill_new_version
from reconciler.emulator.rows import Connection
from reconciler.errors import ReconcilerError

EPOCH: Final = 1_704_067_200_000_000_000  # 2024-01-01T00:00:00Z, when made-up times begin
MINUTE: Final = 60_000_000_000
SECOND: Final = 1_000_000_000

Path = tuple["str | int", ...]
"""Where something stands in a seed: ("apps", 0, "models", 2)."""


class SeedError(ReconcilerError):
    """A seed that can't be read or used; nothing of it was loaded. `path` is where in the seed it is wrong."""

    def __init__(self, message: str, *, path: Path = ()) -> None:
        self.path = path
        super().__init__(message)


def dotted(path: Path) -> str:
    """A path as messages write it: `apps[0].models[2]`; "the seed" for the whole."""
    text = "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in path)
    return text.removeprefix(".") or "the seed"


def load(connection: Connection, seed: Mapping[str, Any], *, builtin: bool = False) -> None:
    """Add everything that a seed has. Raises SeedError naming the entry that is wrong; the caller rolls back."""
    _require_known(seed, {"apps", "deployments", "model_types", "users"}, ())
    for path, entry in _entries(seed, "model_types", ()):
        rows.put_model_type(connection, _parse(entry, resources_pb2.ModelType(), path))
    for path, entry in _entries(seed, "users", ()):
        rows.put_user(connection, _parse(entry, resources_pb2.User(), path))
    for path, entry in _entries(seed, "apps", ()):
        _load_app(connection, _mapping(entry, path), path, builtin=builtin)
    for path, entry in _entries(seed, "deployments", ()):
        _load_deployment(connection, entry, path)


def _load_app(connection: Connection, app: Mapping[str, Any], path: Path, *, builtin: bool) -> None:
    _require_known(app, {"user_id", "app_id", "models", "workflows"}, path)
    user_id, app_id = (str(app.get(name) or "") for name in ("user_id", "app_id"))
    if not (user_id and app_id):
        raise SeedError(f"{dotted(path)} has no user_id or no app_id. Give both.", path=path)
    rows.add_app(connection, user_id, app_id, created_at=EPOCH, builtin=builtin)
    for spot, entry in _entries(app, "models", path):
        _load_model(connection, entry, (user_id, app_id), spot, builtin=builtin)
    for spot, entry in _entries(app, "workflows", path):
        _load_workflow(connection, entry, (user_id, app_id), spot)


def _load_model(connection: Connection, entry: Any, app: tuple[str, str], path: Path, *, builtin: bool) -> None:
    stated = dict(_mapping(entry, path))
    versions = list(_entries(stated, "versions", path))
    stated.pop("versions", None)
    message = _parse(stated, resources_pb2.Model(), path)
    if message.HasField("model_version"):
        raise SeedError(f"{dotted(path)} has model_version. Write it as an entry of versions.", path=path)
    message.user_id, message.app_id = app
    made_up = _made_up_time(path)
    fill_new_model(message, made_up)
    existing = rows.find_model(connection, *app, message.id)
    if existing is not None:
        rows.delete_model(connection, existing.pk)
    pk = rows.add_model(connection, message, builtin=builtin)
    parsed = _parse_versions(versions, resources_pb2.ModelVersion, f"{app[0]}/{app[1]}/{message.id}")
    for number, version in enumerate(parsed):
        version.user_id, version.app_id = app
        fill_new_version(version, made_up + (number + 1) * SECOND)
    rows.add_versions(connection, pk, parsed)


def _load_workflow(connection: Connection, entry: Any, app: tuple[str, str], path: Path) -> None:
    """A workflow with its versions, or with the nodes of its only version."""
    stated = dict(_mapping(entry, path))
    versions = list(_entries(stated, "versions", path))
    nodes = list(_entries(stated, "nodes", path))
    if versions and nodes:
        raise SeedError(f"{dotted(path)} has nodes and versions. Write the nodes into the versions.", path=path)
    for name in ("versions", "nodes"):
        stated.pop(name, None)
    message = _parse(stated, resources_pb2.Workflow(), path)
    if message.HasField("version"):
        raise SeedError(f"{dotted(path)} has version. Write it as an entry of versions.", path=path)
    message.user_id, message.app_id = app
    made_up = _made_up_time(path)
    _fill_times(message, made_up)
    entries = versions or [(path, {"nodes": [node for _, node in nodes]})]
    parsed = _parse_versions(entries, resources_pb2.WorkflowVersion, f"{app[0]}/{app[1]}/workflows/{message.id}")
    for number, version in enumerate(parsed):
        version.user_id, version.app_id, version.workflow_id = *app, message.id
        _fill_times(version, made_up + (number + 1) * SECOND)
    rows.put_workflow(connection, message, parsed)


def _load_deployment(connection: Connection, entry: Any, path: Path) -> None:
    message = _parse(entry, resources_pb2.Deployment(), path)
    if not message.user_id:
        raise SeedError(f"{dotted(path)} has no user_id. Say whose deployment it is.", path=path)
    _fill_times(message, _made_up_time(path))
    rows.put_deployment(connection, message)


def _parse_versions(entries: Sequence[tuple[Path, Any]], kind: Any, seed_of_ids: str) -> list[Any]:
    """The versions of one object; those without an id get one that depends on their place alone."""
    parsed: dict[str, Any] = {}
    for number, (path, entry) in enumerate(entries):
        one = _parse(entry, kind(), path, needs_id=False)
        made_up = hashlib.md5(f"{seed_of_ids}/{number}".encode(), usedforsecurity=False).hexdigest()
        one.id = one.id or made_up
        if one.id in parsed:
            raise SeedError(f"{dotted(path)} has the id {one.id} of an earlier version. Give each its own.", path=path)
        parsed[one.id] = one
    return list(parsed.values())


def _made_up_time(path: Path) -> int:
    """The time of an entry that states none: a minute later for each place further down its list."""
    return EPOCH + next(name for name in reversed(path) if isinstance(name, int)) * MINUTE


def _fill_times(message: Any, value: int) -> None:
    for field in ("created_at", "modified_at"):
        if not message.HasField(field):
            rows.set_timestamp(getattr(message, field), value)


def snapshot(connection: Connection) -> dict[str, Any]:
    """The whole state but the built-in models of clarifai/main, as a seed, ordered by ids."""
    found = connection.execute("SELECT user_id, app_id FROM apps WHERE NOT builtin ORDER BY 1, 2").fetchall()
    apps = []
    for user_id, app_id in found:
        ids = connection.execute(
            "SELECT model_id FROM models WHERE user_id = ? AND app_id = ? ORDER BY model_id", (user_id, app_id)
        ).fetchall()
        models = [_model_json(connection, user_id, app_id, model_id) for (model_id,) in ids]
        workflows = [_workflow_json(connection, pk) for pk in rows.workflows_of(connection, user_id, app_id)]
        apps.append({"user_id": user_id, "app_id": app_id, "models": models, "workflows": workflows})
    deployments = sorted(rows.all_deployments(connection), key=lambda found: (found.user_id, found.id))
    return {
        "users": [_json(user) for user in rows.stated_users(connection)],
        "apps": apps,
        "deployments": [_json(deployment) for deployment in deployments],
        "model_types": [_json(kind) for kind in rows.all_model_types(connection)],
    }


def _model_json(connection: Connection, user_id: str, app_id: str, model_id: str) -> dict[str, Any]:
    row = rows.find_model(connection, user_id, app_id, model_id)
    if row is None:
        raise LookupError(f"model {model_id} left the state inside a transaction")
    versions = []
    for version in rows.versions_of(connection, row.pk):
        if version.data:
            version.message.output_info.data.MergeFromString(version.data)
        versions.append(_json(version.message))
    return {**_json(row.message), "versions": versions}


def _workflow_json(connection: Connection, pk: int) -> dict[str, Any]:
    versions = [_json(row.message) for row in reversed(rows.workflow_versions(connection, pk))]
    return {**_json(rows.workflow_at(connection, pk)), "versions": versions}


def _json(message: Any) -> dict[str, Any]:
    result: dict[str, Any] = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return result


def _parse(entry: Any, message: Any, path: Path, *, needs_id: bool = True) -> Any:
    try:
        json_format.ParseDict(dict(_mapping(entry, path)), message)
    except json_format.ParseError as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise SeedError(
            f"{dotted(path)} is not a {message.DESCRIPTOR.name}: {reason}. Use the fields of resources.proto.",
            path=path,
        ) from error
    if needs_id and not message.id:
        raise SeedError(f"{dotted(path)} has no id. Give it one.", path=path)
    return message


def _mapping(value: Any, path: Path) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SeedError(
            f"{dotted(path)} is {type(value).__name__}, not a mapping. docs/emulator.md has the format.", path=path
        )
    return value


def _entries(mapping: Mapping[str, Any], key: str, path: Path) -> Iterator[tuple[Path, Any]]:
    """The entries of a list, each with its path; none where the list is left out."""
    value = mapping.get(key) or []
    where = (*path, key)
    if not isinstance(value, (list, tuple)):
        raise SeedError(f"{dotted(where)} is {type(value).__name__}, not a list. Write it as a list.", path=where)
    for number, entry in enumerate(value):
        yield (*where, number), entry


def _require_known(mapping: Mapping[str, Any], known: set[str], path: Path) -> None:
    unknown = sorted(set(map(str, mapping)) - known)
    if unknown:
        raise SeedError(
            f"{dotted(path)} has unknown keys {', '.join(unknown)}. Known are {', '.join(sorted(known))}.", path=path
        )
