"""Seeds and snapshots: a whole state as one JSON document.

In: a mapping, or a JSON or YAML file. Out: rows; and back. The format:

    {"apps": [{"user_id": …, "app_id": …,
               "models": [{…Model…, "versions": [{…ModelVersion…}]}],
               "workflows": [{…Workflow…}]}],
     "model_types": [{…ModelType…}]}

Messages are protobuf JSON with proto field names; the concepts of a version are in its output_info.data.concepts.
`versions` are oldest first. Times and version ids that are left out are made up, the same ones each time, and so that
a later entry of a list is newer. Loading replaces models, workflows and model types of the same id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from clarifai_grpc.grpc.api import resources_pb2
from google.protobuf import json_format

from reconciler.emulator import rows
from reconciler.emulator.lifecycle import fill_new_model, fill_new_version
from reconciler.emulator.rows import Connection
from reconciler.errors import ReconcilerError

EPOCH: Final = 1_704_067_200_000_000_000  # 2024-01-01T00:00:00Z, when made-up times begin
MINUTE: Final = 60_000_000_000
SECOND: Final = 1_000_000_000


class SeedError(ReconcilerError):
    """A seed that can't be read or used; nothing of it was loaded."""


class _PlainLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML without dates: a time in a seed is protobuf JSON, which is a string."""


_PlainLoader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in _PlainLoader.yaml_implicit_resolvers.items()
}


def read_seed(path: Path) -> Mapping[str, Any]:
    """The seed in a file; `*.json` is read as JSON, anything else as YAML. Raises SeedError."""
    try:
        text = path.read_text(encoding="utf-8")
        seed = json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise SeedError(f"seed file {path} can't be read: {error.strerror}. Check the path.") from error
    except (ValueError, yaml.YAMLError) as error:
        raise SeedError(f"seed file {path} is not JSON or YAML: {error}. Correct the file.") from error
    return _mapping(seed, f"seed file {path}")


def load(connection: Connection, seed: Mapping[str, Any], *, builtin: bool = False) -> None:
    """Add everything a seed has. Raises SeedError naming the entry that is wrong; the caller rolls back."""
    _known_keys(seed, {"apps", "model_types"}, "seed")
    for place, entry in enumerate(_list(seed, "model_types", "seed")):
        rows.put_model_type(connection, _parse(entry, resources_pb2.ModelType(), f"model_types[{place}]"))
    for place, app in enumerate(_list(seed, "apps", "seed")):
        _load_app(connection, _mapping(app, f"apps[{place}]"), f"apps[{place}]", builtin=builtin)


def _load_app(connection: Connection, app: Mapping[str, Any], where: str, *, builtin: bool) -> None:
    _known_keys(app, {"user_id", "app_id", "models", "workflows"}, where)
    owner = tuple(str(app.get(name) or "") for name in ("user_id", "app_id"))
    if not all(owner):
        raise SeedError(f"{where} of the seed has no user_id or no app_id. Give both.")
    user_id, app_id = owner
    rows.add_app(connection, user_id, app_id, created_at=EPOCH, builtin=builtin)
    models, workflows = _list(app, "models", where), _list(app, "workflows", where)
    for place, entry in enumerate(models):
        _load_model(connection, entry, user_id, app_id, f"{where}.models[{place}]", place, builtin=builtin)
    for place, entry in enumerate(workflows):
        message = _parse(entry, resources_pb2.Workflow(), f"{where}.workflows[{place}]")
        message.user_id, message.app_id = user_id, app_id
        for field in ("created_at", "modified_at"):
            if not message.HasField(field):
                rows.set_timestamp(getattr(message, field), EPOCH + place * MINUTE)
        rows.put_workflow(connection, message)


def _load_model(
    connection: Connection, entry: Any, user_id: str, app_id: str, where: str, place: int, *, builtin: bool
) -> None:
    stated = dict(_mapping(entry, where))
    versions = _list(stated, "versions", where)
    stated.pop("versions", None)
    message = _parse(stated, resources_pb2.Model(), where)
    if message.HasField("model_version"):
        raise SeedError(f"{where} of the seed has model_version. Write it as an entry of versions.")
    message.user_id, message.app_id = user_id, app_id
    made_up = EPOCH + place * MINUTE
    fill_new_model(message, made_up)
    existing = rows.find_model(connection, user_id, app_id, message.id)
    if existing is not None:
        rows.delete_model(connection, existing.pk)
    pk = rows.add_model(connection, message, builtin=builtin)
    parsed: dict[str, Any] = {}
    for number, version in enumerate(versions):
        spot = f"{where}.versions[{number}]"
        one = _parse(version, resources_pb2.ModelVersion(), spot, needs_id=False)
        one.id = (
            one.id
            or hashlib.md5(f"{user_id}/{app_id}/{message.id}/{number}".encode(), usedforsecurity=False).hexdigest()
        )
        if one.id in parsed:
            raise SeedError(f"{spot} of the seed has the id {one.id} of an earlier version. Give each its own.")
        one.user_id, one.app_id = user_id, app_id
        fill_new_version(one, made_up + (number + 1) * SECOND)
        parsed[one.id] = one
    rows.add_versions(connection, pk, parsed.values())


def snapshot(connection: Connection) -> dict[str, Any]:
    """The whole state but the built-in models of clarifai/main, as a seed, ordered by ids."""
    found = connection.execute("SELECT user_id, app_id FROM apps WHERE NOT builtin ORDER BY 1, 2").fetchall()
    apps = []
    for user_id, app_id in found:
        ids = connection.execute(
            "SELECT model_id FROM models WHERE user_id = ? AND app_id = ? ORDER BY model_id", (user_id, app_id)
        ).fetchall()
        models = [_model_json(connection, user_id, app_id, model_id) for (model_id,) in ids]
        workflows = [
            _json(workflow)
            for workflow in rows.all_workflows(connection)
            if (workflow.user_id, workflow.app_id) == (user_id, app_id)
        ]
        apps.append({"user_id": user_id, "app_id": app_id, "models": models, "workflows": workflows})
    return {"apps": apps, "model_types": [_json(kind) for kind in rows.all_model_types(connection)]}


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


def _json(message: Any) -> dict[str, Any]:
    result: dict[str, Any] = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return result


def _parse(entry: Any, message: Any, where: str, *, needs_id: bool = True) -> Any:
    try:
        json_format.ParseDict(dict(_mapping(entry, where)), message)
    except json_format.ParseError as error:
        raise SeedError(
            f"{where} of the seed is not a {message.DESCRIPTOR.name}: {error}. Use the fields of resources.proto."
        ) from error
    if needs_id and not message.id:
        raise SeedError(f"{where} of the seed has no id. Give it one.")
    return message


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SeedError(f"{where} is {type(value).__name__}, not a mapping. See the seed format in the documentation.")
    return value


def _list(mapping: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = mapping.get(key) or []
    if not isinstance(value, (list, tuple)):
        raise SeedError(f"{key} of {where} is {type(value).__name__}, not a list. Write it as a list.")
    return list(value)


def _known_keys(mapping: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(map(str, mapping)) - known)
    if unknown:
        raise SeedError(f"{where} has unknown keys {', '.join(unknown)}. Known are {', '.join(sorted(known))}.")
