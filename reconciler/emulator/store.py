"""The emulator's state: one SQLite file (or memory), shared by several processes, and the log of calls.

In: a path or None. Out: transactions, and the log as values. It never applies a rule of the service; `rows` knows what
the tables hold.

Each process has one connection behind one lock, because Python's interpreter lock would make more of them useless.
SQLite keeps processes apart: write-ahead log, BEGIN IMMEDIATE for writers, and a busy timeout.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from clarifai_grpc.grpc.api import service_pb2
from google.protobuf import json_format, message_factory

from reconciler.errors import ReconcilerError

SCHEMA_VERSION: Final = 2
BUSY_TIMEOUT_MS: Final = 20_000
CALLS_KEPT: Final = 10_000

# Messages are kept as bytes beside the few columns that listings filter and sort by. A version's concepts (its
# output_info.data) have a column of their own, because listings never show them and patches never touch them. A
# workflow's nodes are kept in its versions alone.
SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE users (user_id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE apps (
  user_id TEXT NOT NULL, app_id TEXT NOT NULL, created_at INTEGER NOT NULL, builtin INTEGER NOT NULL,
  PRIMARY KEY (user_id, app_id)) WITHOUT ROWID;
CREATE TABLE models (
  pk INTEGER PRIMARY KEY, user_id TEXT NOT NULL, app_id TEXT NOT NULL, model_id TEXT NOT NULL, name TEXT NOT NULL,
  model_type_id TEXT NOT NULL, created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL, star_count INTEGER NOT NULL,
  visibility INTEGER NOT NULL, bookmarked INTEGER NOT NULL, starred INTEGER NOT NULL, featured INTEGER NOT NULL,
  license_type INTEGER NOT NULL, source INTEGER NOT NULL, creator TEXT NOT NULL, replica_count INTEGER NOT NULL,
  words TEXT NOT NULL, builtin INTEGER NOT NULL, body BLOB NOT NULL,
  UNIQUE (user_id, app_id, model_id));
CREATE INDEX models_by_modified ON models (user_id, app_id, modified_at, model_id);
CREATE INDEX models_by_created ON models (user_id, app_id, created_at, model_id);
CREATE INDEX models_by_name ON models (user_id, app_id, name, model_id);
CREATE INDEX models_by_type ON models (user_id, app_id, model_type_id);
CREATE TABLE tags (
  model_pk INTEGER NOT NULL, kind TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (model_pk, kind, tag)) WITHOUT ROWID;
CREATE TABLE versions (
  pk INTEGER PRIMARY KEY, model_pk INTEGER NOT NULL, version_id TEXT NOT NULL, created_at INTEGER NOT NULL,
  status_code INTEGER NOT NULL, num_inputs INTEGER NOT NULL, description TEXT NOT NULL, license TEXT NOT NULL,
  body BLOB NOT NULL, data BLOB NOT NULL,
  UNIQUE (model_pk, version_id));
CREATE INDEX versions_by_created ON versions (model_pk, created_at, version_id);
CREATE INDEX versions_by_id ON versions (version_id);
CREATE TABLE workflows (
  pk INTEGER PRIMARY KEY, user_id TEXT NOT NULL, app_id TEXT NOT NULL, workflow_id TEXT NOT NULL,
  created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL, star_count INTEGER NOT NULL, starred INTEGER NOT NULL,
  bookmarked INTEGER NOT NULL, visibility INTEGER NOT NULL, words TEXT NOT NULL, body BLOB NOT NULL,
  UNIQUE (user_id, app_id, workflow_id));
CREATE TABLE workflow_versions (
  pk INTEGER PRIMARY KEY, workflow_pk INTEGER NOT NULL, version_id TEXT NOT NULL, created_at INTEGER NOT NULL,
  body BLOB NOT NULL,
  UNIQUE (workflow_pk, version_id));
CREATE TABLE deployments (
  user_id TEXT NOT NULL, deployment_id TEXT NOT NULL, created_at INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (user_id, deployment_id)) WITHOUT ROWID;
CREATE TABLE model_types (pk INTEGER PRIMARY KEY, model_type_id TEXT NOT NULL UNIQUE, body BLOB NOT NULL);
CREATE TABLE calls (
  n INTEGER PRIMARY KEY AUTOINCREMENT, rpc TEXT NOT NULL, request BLOB NOT NULL,
  metadata TEXT NOT NULL, status_code INTEGER NOT NULL DEFAULT 0, grpc_code TEXT NOT NULL DEFAULT '');
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as it reached the emulator.

    `request` has proto field names; `metadata` is what the caller sent, tokens redacted. `status_code` is the Clarifai
    status answered (10000 is success), 0 where the call ended as a gRPC error or hasn't ended; `grpc_code` is the
    gRPC status name, "" while the call is under way.
    """

    rpc: str
    request: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    status_code: int = 0
    grpc_code: str = ""


class StateError(ReconcilerError):
    """The state file can't be used."""


class Store:
    """An open state. `close` may be called more than once."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection = _open(path)

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        """A consistent view, or one change: committed at the end, rolled back when the block raises."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def log_call(self, rpc: str, request: Any, metadata: Mapping[str, str]) -> int:
        """Record that a call arrived; gives the number that `log_answer` takes."""
        row = (rpc, request.SerializeToString(), json.dumps(dict(metadata), sort_keys=True))
        with self.transaction(write=True) as connection:
            cursor = connection.execute("INSERT INTO calls (rpc, request, metadata) VALUES (?, ?, ?)", row)
            number = int(cursor.lastrowid or 0)
            if number % 1000 == 0:
                connection.execute("DELETE FROM calls WHERE n <= ?", (number - CALLS_KEPT,))
        return number

    def log_answer(self, number: int, *, status_code: int, grpc_code: str) -> None:
        """Record how the call ended."""
        with self.transaction(write=True) as connection:
            connection.execute(
                "UPDATE calls SET status_code = ?, grpc_code = ? WHERE n = ?", (status_code, grpc_code, number)
            )

    def calls(self) -> tuple[Call, ...]:
        """The calls so far, in the order of their arrival."""
        with self.transaction(write=False) as connection:
            return _calls(connection)

    def clear_calls(self) -> None:
        """Forget the calls so far."""
        with self.transaction(write=True) as connection:
            connection.execute("DELETE FROM calls")

    def close(self) -> None:
        """Let go of the state; memory is gone after that."""
        with self._lock:
            self._connection.close()


def read_calls(path: Path) -> tuple[Call, ...]:
    """The log of a state file that another process may be serving. Raises StateError when there is none."""
    if not path.is_file():
        raise StateError(f"state file {path} doesn't exist. Give the file that an emulator was started with.")
    store = Store(path)
    try:
        return store.calls()
    finally:
        store.close()


def _open(path: Path | None) -> sqlite3.Connection:
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            ":memory:" if path is None else str(path),
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
        )
    except (OSError, sqlite3.Error) as error:
        raise StateError(f"state file {path} can't be opened: {error}. Choose a place that can be written.") from error
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        _create_tables(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise StateError(f"state file {path} is not usable: {error}. Delete it or choose another one.") from error
    except StateError:
        connection.close()
        raise
    return connection


def _create_tables(connection: sqlite3.Connection, path: Path | None) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version == 0 and tables:
            raise StateError(f"state file {path} is some other SQLite database. Choose another file.")
        if version not in (0, SCHEMA_VERSION):
            raise StateError(
                f"state file {path} has format {version}, this emulator writes {SCHEMA_VERSION}. "
                "Delete it or choose another one."
            )
        if version == 0:
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _calls(connection: sqlite3.Connection) -> tuple[Call, ...]:
    rows = connection.execute("SELECT rpc, request, metadata, status_code, grpc_code FROM calls ORDER BY n").fetchall()
    return tuple(
        Call(
            rpc=rpc,
            request=_request_json(rpc, request),
            metadata=json.loads(metadata),
            status_code=status_code,
            grpc_code=grpc_code,
        )
        for rpc, request, metadata, status_code, grpc_code in rows
    )


def _request_json(rpc: str, body: bytes) -> dict[str, Any]:
    message = message_factory.GetMessageClass(
        service_pb2.DESCRIPTOR.services_by_name["V2"].methods_by_name[rpc].input_type
    )()
    message.ParseFromString(body)
    try:
        result: dict[str, Any] = json_format.MessageToDict(message, preserving_proto_field_name=True)
    except (ValueError, json_format.SerializeToJsonError) as error:
        return {"unreadable": str(error)}
    return result
