"""Models, versions, workflows and model types as rows: find, add, save, delete. No rule of the service is here.

In: a connection inside a transaction. Out: messages and their row numbers. Each function keeps the columns beside a
message equal to the message, and a model's `latest_pk` on its newest version (created_at, then id).
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
    latest_pk: int | None
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


# --- apps ---------------------------------------------------------------------------------------------------------


def add_app(connection: Connection, user_id: str, app_id: str, *, created_at: int, builtin: bool = False) -> None:
    """Add an app where there is none of that id."""
    connection.execute("INSERT OR IGNORE INTO apps VALUES (?, ?, ?, ?)", (user_id, app_id, created_at, int(builtin)))


def has_app(connection: Connection, user_id: str, app_id: str) -> bool:
    """Whether the app exists."""
    row = connection.execute("SELECT 1 FROM apps WHERE user_id = ? AND app_id = ?", (user_id, app_id)).fetchone()
    return row is not None


def users(connection: Connection) -> list[str]:
    """The users that own apps, the built-in one left out."""
    return [row[0] for row in connection.execute("SELECT DISTINCT user_id FROM apps WHERE NOT builtin ORDER BY 1")]


# --- models -------------------------------------------------------------------------------------------------------


def find_model(connection: Connection, user_id: str, app_id: str, model_id: str) -> ModelRow | None:
    """One model, or None."""
    row = connection.execute(
        "SELECT pk, body, latest_pk, builtin FROM models WHERE user_id = ? AND app_id = ? AND model_id = ?",
        (user_id, app_id, model_id),
    ).fetchone()
    if row is None:
        return None
    return ModelRow(pk=row[0], message=resources_pb2.Model.FromString(row[1]), latest_pk=row[2], builtin=bool(row[3]))


def add_model(connection: Connection, message: Any, *, builtin: bool = False) -> int:
    """Insert a model, which has no versions yet; gives its row number. The ids must be new."""
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


def model_bodies(connection: Connection, pks: Sequence[int]) -> list[tuple[bytes, bytes | None]]:
    """The bytes of models and of their latest versions, in the order of `pks`."""
    marks = ", ".join("?" * len(pks))
    rows = connection.execute(
        "SELECT models.pk, models.body, versions.body FROM models LEFT JOIN versions ON versions.pk = models.latest_pk "
        f"WHERE models.pk IN ({marks})",
        tuple(pks),
    )
    found = {pk: (body, version) for pk, body, version in rows}
    return [found[pk] for pk in pks]


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


def versions_of(connection: Connection, model_pk: int) -> list[VersionRow]:
    """All versions of a model, oldest first."""
    rows = connection.execute(
        "SELECT pk, body, data FROM versions WHERE model_pk = ? ORDER BY created_at, version_id", (model_pk,)
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
    _point_at_latest(connection, model_pk)


def save_version(connection: Connection, pk: int, message: Any) -> None:
    """Replace the message of a version; its concepts stay."""
    values = _version_columns(message)
    assignments = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE versions SET {assignments} WHERE pk = ?", (*values.values(), pk))


def delete_version(connection: Connection, model_pk: int, pk: int) -> None:
    """Delete a version; the next newest becomes the latest."""
    connection.execute("DELETE FROM versions WHERE pk = ?", (pk,))
    _point_at_latest(connection, model_pk)


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


def _point_at_latest(connection: Connection, model_pk: int) -> None:
    row = connection.execute(
        "SELECT pk, num_inputs FROM versions WHERE model_pk = ? ORDER BY created_at DESC, version_id DESC LIMIT 1",
        (model_pk,),
    ).fetchone()
    pk, num_inputs = (None, 0) if row is None else row
    connection.execute("UPDATE models SET latest_pk = ?, num_inputs = ? WHERE pk = ?", (pk, num_inputs, model_pk))


# --- workflows and model types ------------------------------------------------------------------------------------


def put_workflow(connection: Connection, message: Any) -> None:
    """Insert or replace a workflow."""
    connection.execute(
        "INSERT OR REPLACE INTO workflows VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            message.user_id,
            message.app_id,
            message.id,
            nanoseconds(message.created_at),
            nanoseconds(message.modified_at),
            words_of(message.id, message.description, message.notes),
            message.SerializeToString(),
        ),
    )


def all_workflows(connection: Connection) -> list[Any]:
    """Every workflow of every app."""
    rows = connection.execute("SELECT body FROM workflows ORDER BY user_id, app_id, workflow_id")
    return [resources_pb2.Workflow.FromString(row[0]) for row in rows]


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
