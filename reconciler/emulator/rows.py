"""Users, models, versions, workflows, deployments and model types as rows: find, add, save, delete. No rule of the service is here.

In: a connection inside a transaction. Out: messages and their row numbers. Each function keeps the columns beside a
message equal to the message. Functions that need a model's latest version take `newest_first`, an ORDER BY clause for
versions, because the order of versions with equal times is one of the emulator's switches.
"""

# ruff: noqa: S608 - statements are put together from this file's own column names; values are always parameters

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2

Connection = sqlite3.Connection
TAG_FIELDS: Final = ("toolkits", "use_cases", "languages")
WORD: Final = re.compile(r"\w+")


@dataclass(slots=True, kw_only=True)
class ModelRow:
    """A stored model: its row number, and the Model message without model_version."""

    pk: int
    message: Any
    builtin: bool


@dataclass(slots=True, kw_only=True)
class VersionRow:
    """A stored version: its row number, the ModelVersion without output_info.data, and that data as bytes."""

    pk: int
    message: Any
    data: bytes


def nanoseconds(timestamp: Any) -> int:
    """A Timestamp as one number."""
    return int(timestamp.seconds) * 1_000_000_000 + int(timestamp.nanos)


def set_timestamp(timestamp: Any, value: int) -> None:
    """The inverse of `nanoseconds`."""
    timestamp.seconds, timestamp.nanos = divmod(value, 1_000_000_000)


def words_of(*texts: str) -> str:
    """The lower-case words of the texts, each between two spaces, so that LIKE '% pet%' finds a prefix."""
    return " " + " ".join(WORD.findall(" ".join(texts).lower().replace("_", " "))) + " "


# --- users and apps -----------------------------------------------------------------------------------------------


def put_user(connection: Connection, message: Any) -> None:
    """Insert or replace a User."""
    connection.execute("INSERT OR REPLACE INTO users VALUES (?, ?)", (message.id, message.SerializeToString()))


def find_user(connection: Connection, user_id: str) -> Any:
    """The User that a seed states, or None."""
    row = connection.execute("SELECT body FROM users WHERE user_id = ?", (user_id,)).fetchone()
    return None if row is None else resources_pb2.User.FromString(row[0])


def stated_users(connection: Connection) -> list[Any]:
    """Every User that seeds state, by id."""
    rows = connection.execute("SELECT body FROM users ORDER BY user_id")
    return [resources_pb2.User.FromString(row[0]) for row in rows]


def first_app_time(connection: Connection, user_id: str) -> int | None:
    """When the user's oldest app was made; None for a user without apps."""
    row = connection.execute("SELECT min(created_at) FROM apps WHERE user_id = ?", (user_id,)).fetchone()
    return None if row[0] is None else int(row[0])


def add_app(connection: Connection, user_id: str, app_id: str, *, created_at: int, builtin: bool = False) -> None:
    """Add an app where there is none of that id."""
    connection.execute("INSERT OR IGNORE INTO apps VALUES (?, ?, ?, ?)", (user_id, app_id, created_at, int(builtin)))


def has_app(connection: Connection, user_id: str, app_id: str) -> bool:
    """Whether the app exists."""
    row = connection.execute("SELECT 1 FROM apps WHERE user_id = ? AND app_id = ?", (user_id, app_id)).fetchone()
    return row is not None


def app_owners(connection: Connection) -> list[str]:
    """The users that own apps, without the built-in one."""
    return [row[0] for row in connection.execute("SELECT DISTINCT user_id FROM apps WHERE NOT builtin ORDER BY 1")]


# --- models -------------------------------------------------------------------------------------------------------


def find_model(connection: Connection, user_id: str, app_id: str, model_id: str) -> ModelRow | None:
    """One model, or None."""
    row = connection.execute(
        "SELECT pk, body, builtin FROM models WHERE user_id = ? AND app_id = ? AND model_id = ?",
        (user_id, app_id, model_id),
    ).fetchone()
    if row is None:
        return None
    return ModelRow(pk=row[0], message=resources_pb2.Model.FromString(row[1]), builtin=bool(row[2]))


def add_model(connection: Connection, message: Any, *, builtin: bool = False) -> int:
    """Insert a model without versions and return its row number. Its id must be new to the app."""
    values = {**_model_columns(message), "builtin": int(builtin)}
    names = ", ".join(values)
    cursor = connection.execute(
        f"INSERT INTO models ({names}) VALUES ({', '.join('?' * len(values))})", tuple(values.values())
    )
    pk = int(cursor.lastrowid or 0)
    _save_tags(connection, pk, message)
    return pk


def save_model(connection: Connection, pk: int, message: Any) -> None:
    """Replace the message of a model."""
    values = _model_columns(message)
    assignments = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE models SET {assignments} WHERE pk = ?", (*values.values(), pk))
    connection.execute("DELETE FROM tags WHERE model_pk = ?", (pk,))
    _save_tags(connection, pk, message)


def delete_model(connection: Connection, pk: int) -> None:
    """Delete a model with its versions."""
    connection.execute("DELETE FROM versions WHERE model_pk = ?", (pk,))
    connection.execute("DELETE FROM tags WHERE model_pk = ?", (pk,))
    connection.execute("DELETE FROM models WHERE pk = ?", (pk,))


def model_bodies(
    connection: Connection, pks: Sequence[int], *, newest_first: str, version_ids: Sequence[str] = ()
) -> list[tuple[bytes, tuple[bytes, bytes] | None]]:
    """For each model in the order of `pks`: its body, and its latest version's body and data (None without versions).

    With `version_ids`, the latest among those versions.
    """
    chosen = f"AND version_id IN ({marks(version_ids)})" if version_ids else ""
    latest = f"SELECT pk FROM versions WHERE model_pk = models.pk {chosen} ORDER BY {newest_first} LIMIT 1"
    rows = connection.execute(
        "SELECT models.pk, models.body, versions.body, versions.data FROM models "
        f"LEFT JOIN versions ON versions.pk = ({latest}) WHERE models.pk IN ({marks(pks)})",
        (*version_ids, *pks),
    )
    found = {pk: (body, None if version is None else (version, data)) for pk, body, version, data in rows}
    return [found[pk] for pk in pks]


def marks(values: Sequence[Any]) -> str:
    """A placeholder for each value: "?, ?"."""
    return ", ".join("?" * len(values))


def _model_columns(message: Any) -> dict[str, Any]:
    return {
        "user_id": message.user_id,
        "app_id": message.app_id,
        "model_id": message.id,
        "name": message.name,
        "model_type_id": message.model_type_id,
        "created_at": nanoseconds(message.created_at),
        "modified_at": nanoseconds(message.modified_at),
        "star_count": message.star_count,
        "visibility": message.visibility.gettable,
        "bookmarked": int(message.HasField("bookmark_origin")),
        "starred": int(message.is_starred),
        "featured": int(message.featured_order.value > 0),
        "license_type": message.license_type,
        "source": message.source,
        "creator": message.creator,
        "replica_count": message.replica_count,
        "words": words_of(message.id, message.name, message.description, message.notes),
        "body": message.SerializeToString(),
    }


def _save_tags(connection: Connection, pk: int, message: Any) -> None:
    rows = [(pk, kind, tag) for kind in TAG_FIELDS for tag in getattr(message, kind)]
    if rows:
        connection.executemany("INSERT OR IGNORE INTO tags VALUES (?, ?, ?)", rows)


# --- versions -----------------------------------------------------------------------------------------------------


def find_version(connection: Connection, model_pk: int, version_id: str) -> VersionRow | None:
    """One version of a model, or None."""
    row = connection.execute(
        "SELECT pk, body, data FROM versions WHERE model_pk = ? AND version_id = ?", (model_pk, version_id)
    ).fetchone()
    return None if row is None else _version_row(row)


def version_at(connection: Connection, pk: int) -> VersionRow:
    """The version of a row number that is known to exist."""
    return _version_row(connection.execute("SELECT pk, body, data FROM versions WHERE pk = ?", (pk,)).fetchone())


def latest_version(connection: Connection, model_pk: int, *, newest_first: str) -> VersionRow | None:
    """The newest version of a model, or None for a model without versions."""
    row = connection.execute(
        f"SELECT pk, body, data FROM versions WHERE model_pk = ? ORDER BY {newest_first} LIMIT 1", (model_pk,)
    ).fetchone()
    return None if row is None else _version_row(row)


def versions_of(connection: Connection, model_pk: int) -> list[VersionRow]:
    """All versions of a model, oldest first; equally old ones in the order in which they were added."""
    rows = connection.execute(
        "SELECT pk, body, data FROM versions WHERE model_pk = ? ORDER BY created_at, pk", (model_pk,)
    )
    return [_version_row(row) for row in rows]


def count_versions(connection: Connection, model_pk: int) -> int:
    """How many versions a model has."""
    return int(connection.execute("SELECT count(*) FROM versions WHERE model_pk = ?", (model_pk,)).fetchone()[0])


def add_versions(connection: Connection, model_pk: int, messages: Iterable[Any]) -> None:
    """Insert versions, whose ids must be new to the model. Their output_info.data is split off the messages."""
    for message in messages:
        data = message.output_info.data.SerializeToString()
        if message.HasField("output_info"):
            message.output_info.ClearField("data")
        values = {"model_pk": model_pk, "data": data, **_version_columns(message)}
        connection.execute(
            f"INSERT INTO versions ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
            tuple(values.values()),
        )


def save_version(connection: Connection, pk: int, message: Any) -> None:
    """Replace the message of a version; its concepts stay."""
    values = _version_columns(message)
    assignments = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE versions SET {assignments} WHERE pk = ?", (*values.values(), pk))


def delete_version(connection: Connection, pk: int) -> None:
    """Delete a version; the next newest becomes the latest."""
    connection.execute("DELETE FROM versions WHERE pk = ?", (pk,))


def _version_row(row: Any) -> VersionRow:
    return VersionRow(pk=row[0], message=resources_pb2.ModelVersion.FromString(row[1]), data=row[2])


def _version_columns(message: Any) -> dict[str, Any]:
    return {
        "version_id": message.id,
        "created_at": nanoseconds(message.created_at),
        "status_code": message.status.code,
        "num_inputs": message.total_input_count,
        "description": message.description,
        "license": message.license,
        "body": message.SerializeToString(),
    }


# --- workflows ----------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class WorkflowVersionRow:
    """A stored version of a workflow: its row number and the WorkflowVersion message."""

    pk: int
    message: Any


def put_workflow(connection: Connection, message: Any, versions: Iterable[Any]) -> None:
    """Insert or replace a workflow with its versions; `message` has neither nodes nor version."""
    existing = find_workflow(connection, message.user_id, message.app_id, message.id)
    if existing is not None:
        connection.execute("DELETE FROM workflow_versions WHERE workflow_pk = ?", (existing,))
        connection.execute("DELETE FROM workflows WHERE pk = ?", (existing,))
    values = {
        "user_id": message.user_id,
        "app_id": message.app_id,
        "workflow_id": message.id,
        "created_at": nanoseconds(message.created_at),
        "modified_at": nanoseconds(message.modified_at),
        "star_count": message.star_count,
        "starred": int(message.is_starred),
        "bookmarked": int(message.HasField("bookmark_origin")),
        "visibility": message.visibility.gettable,
        "words": words_of(message.id, message.description, message.notes),
        "body": message.SerializeToString(),
    }
    cursor = connection.execute(
        f"INSERT INTO workflows ({', '.join(values)}) VALUES ({marks(list(values))})", tuple(values.values())
    )
    connection.executemany(
        "INSERT INTO workflow_versions (workflow_pk, version_id, created_at, body) VALUES (?, ?, ?, ?)",
        [
            (cursor.lastrowid, version.id, nanoseconds(version.created_at), version.SerializeToString())
            for version in versions
        ],
    )


def find_workflow(connection: Connection, user_id: str, app_id: str, workflow_id: str) -> int | None:
    """The row number of one workflow, or None."""
    row = connection.execute(
        "SELECT pk FROM workflows WHERE user_id = ? AND app_id = ? AND workflow_id = ?", (user_id, app_id, workflow_id)
    ).fetchone()
    return None if row is None else int(row[0])


def workflow_at(connection: Connection, pk: int) -> Any:
    """The Workflow of a row number that is known to exist, without nodes and version."""
    row = connection.execute("SELECT body FROM workflows WHERE pk = ?", (pk,)).fetchone()
    return resources_pb2.Workflow.FromString(row[0])


def workflows_of(connection: Connection, user_id: str, app_id: str) -> list[int]:
    """The row numbers of an app's workflows, by id."""
    rows = connection.execute(
        "SELECT pk FROM workflows WHERE user_id = ? AND app_id = ? ORDER BY workflow_id", (user_id, app_id)
    )
    return [row[0] for row in rows]


def workflow_versions(connection: Connection, workflow_pk: int) -> list[WorkflowVersionRow]:
    """All versions of a workflow, newest first; of equally old ones the one that was added last."""
    rows = connection.execute(
        "SELECT pk, body FROM workflow_versions WHERE workflow_pk = ? ORDER BY created_at DESC, pk DESC", (workflow_pk,)
    )
    return [_workflow_version_row(row) for row in rows]


def all_workflow_versions(connection: Connection) -> list[WorkflowVersionRow]:
    """Every version of every workflow."""
    rows = connection.execute("SELECT pk, body FROM workflow_versions ORDER BY pk")
    return [_workflow_version_row(row) for row in rows]


def save_workflow_version(connection: Connection, row: WorkflowVersionRow) -> None:
    """Replace the message of a workflow's version."""
    connection.execute("UPDATE workflow_versions SET body = ? WHERE pk = ?", (row.message.SerializeToString(), row.pk))


def _workflow_version_row(row: Any) -> WorkflowVersionRow:
    return WorkflowVersionRow(pk=row[0], message=resources_pb2.WorkflowVersion.FromString(row[1]))


# --- deployments --------------------------------------------------------------------------------------------------


def put_deployment(connection: Connection, message: Any) -> None:
    """Insert or replace a deployment."""
    connection.execute(
        "INSERT OR REPLACE INTO deployments VALUES (?, ?, ?, ?)",
        (message.user_id, message.id, nanoseconds(message.created_at), message.SerializeToString()),
    )


def find_deployment(connection: Connection, user_id: str, deployment_id: str) -> Any:
    """One Deployment, or None."""
    row = connection.execute(
        "SELECT body FROM deployments WHERE user_id = ? AND deployment_id = ?", (user_id, deployment_id)
    ).fetchone()
    return None if row is None else resources_pb2.Deployment.FromString(row[0])


def all_deployments(connection: Connection) -> list[Any]:
    """Every Deployment of every user, newest first; equally old ones by id."""
    rows = connection.execute("SELECT body FROM deployments ORDER BY created_at DESC, user_id, deployment_id")
    return [resources_pb2.Deployment.FromString(row[0]) for row in rows]


# --- model types --------------------------------------------------------------------------------------------------


def put_model_type(connection: Connection, message: Any) -> None:
    """Insert or replace a model type."""
    connection.execute(
        "INSERT INTO model_types (model_type_id, body) VALUES (?, ?) "
        "ON CONFLICT (model_type_id) DO UPDATE SET body = excluded.body",
        (message.id, message.SerializeToString()),
    )


def find_model_type(connection: Connection, model_type_id: str) -> Any:
    """One ModelType, or None."""
    row = connection.execute("SELECT body FROM model_types WHERE model_type_id = ?", (model_type_id,)).fetchone()
    return None if row is None else resources_pb2.ModelType.FromString(row[0])


def all_model_types(connection: Connection) -> list[Any]:
    """Every ModelType, in the order they were added."""
    rows = connection.execute("SELECT body FROM model_types ORDER BY pk")
    return [resources_pb2.ModelType.FromString(row[0]) for row in rows]
