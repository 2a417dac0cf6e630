"""Filters, order and pages of listings, as SQL.

In: a list request. Out: the row numbers of one page. Filters and sort fields are those of service.proto,
ListModelsRequest, ListModelVersionsRequest and ListWorkflowsRequest, as far as their comments say what they do.
"""

# ruff: noqa: S608 - statements are put together from this file's own column names; values are always parameters

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.emulator.answers import INVALID_REQUEST, TRAINED, RefusedCallError
from reconciler.emulator.rows import Connection, all_model_types, marks, words_of
from reconciler.emulator.switches import Switches

DEFAULT_PER_PAGE: Final = 128
MAIN_USER: Final = "clarifai"
MAIN_APP: Final = "main"
VISIBLE_TO_ALL: Final = 50  # resources.proto, Visibility.Gettable.PUBLIC

TIES: Final = {"id": "{id}", "id_descending": "{id} DESC", "insertion": "{pk}"}
"""The switch `list_order` as the end of an ORDER BY clause, for objects other than versions."""

YOUNGER: Final = {"id": ("version_id", "DESC"), "id_descending": ("version_id", "ASC"), "insertion": ("pk", "DESC")}
"""The switch `list_order` for versions of equal time: the column that decides, and its direction from new to old."""


@dataclass(slots=True)
class Where:
    """Conditions that must all hold, with their values in order."""

    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, condition: str, *values: Any) -> None:
        """Add a condition."""
        self.conditions.append(condition)
        self.values.extend(values)

    def __str__(self) -> str:
        return " AND ".join(f"({condition})" for condition in self.conditions) or "1"


def page_bounds(page: int, per_page: int, switches: Switches) -> tuple[int, int]:
    """LIMIT and OFFSET of a page; page 0 is the first, per_page 0 the default (service.proto: 128)."""
    if per_page > switches.max_per_page:
        if switches.per_page_over == "error":
            raise RefusedCallError(
                INVALID_REQUEST, f"per_page {per_page} is over the maximum of {switches.max_per_page}"
            )
        per_page = switches.max_per_page
    per_page = per_page or min(DEFAULT_PER_PAGE, switches.max_per_page)
    return per_page, (max(page, 1) - 1) * per_page


def newest_first(switches: Switches) -> str:
    """The ORDER BY clause that puts a model's latest version first."""
    column, direction = YOUNGER[switches.list_order]
    return f"created_at DESC, {column} {direction}"


def model_page(
    connection: Connection, request: Any, switches: Switches, *, user_id: str, app_id: str, me: str
) -> list[int]:
    """The row numbers of one page of ListModels; `user_id` and `app_id` are resolved, "" where left out."""
    where = Where()
    add_model_scope(where, switches, user_id=user_id, app_id=app_id, me=me, leaks=not request.dont_fetch_from_main)
    _add_model_filters(connection, where, request, user_id=user_id)
    limit, offset = page_bounds(request.page, request.per_page, switches)
    order = _model_order(request, switches)
    source = "models"
    if request.trained_only or request.license:
        source += f" LEFT JOIN versions ON versions.pk = {_latest('pk', switches)}"
    rows = connection.execute(
        f"SELECT models.pk FROM {source} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",
        (*where.values, limit, offset),
    )
    return [row[0] for row in rows]


def search_page(
    connection: Connection, request: Any, switches: Switches, *, user_id: str, app_id: str, me: str
) -> list[int]:
    """The row numbers of one page of PostModelsSearches: by name and type, oldest first so that pages don't move."""
    where = Where()
    add_model_scope(where, switches, user_id=user_id, app_id=app_id, me=me, leaks=True)
    where.add("models.bookmarked = 0")
    if request.model_query.name:
        add_name(where, request.model_query.name, "models.name")
    if request.model_query.model_type_id:
        where.add("models.model_type_id = ?", request.model_query.model_type_id)
    limit, offset = page_bounds(request.pagination.page, request.pagination.per_page, switches)
    rows = connection.execute(
        f"SELECT pk FROM models WHERE {where} ORDER BY created_at, model_id LIMIT ? OFFSET ?",
        (*where.values, limit, offset),
    )
    return [row[0] for row in rows]


def add_model_scope(where: Where, switches: Switches, *, user_id: str, app_id: str, me: str, leaks: bool) -> None:
    """Which apps a listing is over.

    With an app: that app and, with `leaks`, clarifai/main too (service.proto, ListModelsRequest.dont_fetch_from_main).
    Without an app: all apps of the user. Without a user either: the caller's own models and the public ones of
    everybody. (V2.ListModels has HTTP bindings without app and without user.)
    """
    if app_id:
        own = "models.user_id = ? AND models.app_id = ?"
        if leaks and switches.main_models:
            main = (MAIN_USER, MAIN_APP, VISIBLE_TO_ALL)
            where.add(f"{own} OR {own} AND models.visibility = ?", user_id, app_id, *main)
        else:
            where.add(own, user_id, app_id)
    elif user_id:
        where.add("models.user_id = ?", user_id)
    else:
        where.add("models.user_id = ? OR models.visibility = ?", me, VISIBLE_TO_ALL)
    if not switches.main_models:
        where.add("models.builtin = 0")


def add_name(where: Where, pattern: str, *columns: str) -> None:
    """A name filter: case doesn't matter, `*` stands for anything."""
    like = re.sub(r"([%_\\])", r"\\\1", pattern).replace("*", "%")
    where.add(" OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in columns), *([like] * len(columns)))


def add_search(where: Where, text: str, *, column: str, user_column: str | None = None) -> None:
    """Every keyword is the beginning of some word."""
    for word in words_of(text).split():
        condition, values = f"{column} LIKE ?", [f"% {word}%"]
        if user_column is not None:
            condition, values = f"{condition} OR {user_column} LIKE ?", [*values, f"{word}%"]
        where.add(condition, *values)


def add_query(where: Where, text: str, *, column: str) -> None:
    """Full words, all of them; `OR` between two means either, `-` before one means not."""
    alternatives: list[list[str]] = [[]]
    values: list[str] = []
    for token in text.split():
        if token == "OR":
            alternatives.append([])
            continue
        for word in words_of(token.lstrip("-")).split():
            alternatives[-1].append(f"{column} {'NOT ' if token.startswith('-') else ''}LIKE ?")
            values.append(f"% {word} %")
    where.add(" OR ".join("(" + (" AND ".join(words) or "1") + ")" for words in alternatives), *values)


def _add_model_filters(connection: Connection, where: Where, request: Any, *, user_id: str) -> None:
    if request.bookmark and request.trained_only:
        raise RefusedCallError(INVALID_REQUEST, "trained_only and bookmark can not be used at the same time")
    where.add("models.bookmarked = ?", int(request.bookmark))
    for name in ("model_type_id", "license_type", "source", "creator"):
        if getattr(request, name):
            where.add(f"models.{name} = ?", getattr(request, name))
    if request.trained_only:
        where.add("versions.status_code = ?", TRAINED)
    if request.license:
        where.add("versions.license = ?", request.license)
    flags = {"featured": request.featured_only, "starred": request.starred_only}
    for column in (name for name, is_asked in flags.items() if is_asked):
        where.add(f"models.{column} = 1")
    if request.visibility.gettable:
        where.add("models.visibility = ?", request.visibility.gettable)
    if request.min_replicas:
        where.add("models.replica_count >= ?", request.min_replicas)
    _add_memberships(connection, where, request)
    _add_texts(where, request, user_id=user_id)


def _add_texts(where: Where, request: Any, *, user_id: str) -> None:
    """The three ways to search by words; `name` and `query` are deprecated for `search`."""
    if request.search:
        add_search(where, request.search, column="models.words", user_column=None if user_id else "models.user_id")
    if request.query:
        add_query(where, request.query, column="models.words")
    if request.name:
        owners = ("models.user_id",) if request.filter_by_user_id else ()
        add_name(where, request.name, "models.model_id", "models.name", *owners)


def _add_memberships(connection: Connection, where: Where, request: Any) -> None:
    """Filters by lists: one of the tags, one of the versions, all of the type's input and output fields."""
    for kind in ("toolkits", "use_cases", "languages"):
        tags = list(getattr(request, kind))
        if tags:
            chosen = f"SELECT 1 FROM tags WHERE model_pk = models.pk AND kind = ? AND tag IN ({marks(tags)})"
            where.add(f"EXISTS ({chosen})", kind, *tags)
    if request.model_version_ids:
        ids = list(request.model_version_ids)
        where.add(f"models.pk IN (SELECT model_pk FROM versions WHERE version_id IN ({marks(ids)}))", *ids)
    if request.input_fields or request.output_fields:
        types = _types_with_fields(connection, set(request.input_fields), set(request.output_fields))
        where.add(f"models.model_type_id IN ({marks(types)})", *types)


def _model_order(request: Any, switches: Switches) -> str:
    direction = "ASC" if request.sort_ascending else "DESC"
    chosen = request.WhichOneof("sort_by")
    ties = TIES[switches.list_order].format(id="models.model_id", pk="models.pk")
    if chosen == "sort_by_relevance" and request.sort_by_relevance:
        return _relevance("models.words", request, ties)
    columns = {
        "sort_by_name": "models.name",
        "sort_by_num_inputs": f"coalesce({_latest('num_inputs', switches)}, 0)",
        "sort_by_created_at": "models.created_at",
        "sort_by_star_count": "models.star_count",
    }
    is_chosen = chosen is not None and getattr(request, chosen)
    column = columns.get(chosen, "models.modified_at") if is_chosen else "models.modified_at"
    return f"{column} {direction}, {ties}"


def _latest(column: str, switches: Switches) -> str:
    """A column of a model's latest version, as an expression; NULL for a model without versions."""
    return f"(SELECT {column} FROM versions WHERE model_pk = models.pk ORDER BY {newest_first(switches)} LIMIT 1)"


def _types_with_fields(connection: Connection, inputs: set[str], outputs: set[str]) -> list[str]:
    return [
        kind.id
        for kind in all_model_types(connection)
        if inputs <= set(kind.input_fields) and outputs <= set(kind.output_fields)
    ]


def version_page(connection: Connection, request: Any, switches: Switches, *, model_pk: int) -> list[int]:
    """The row numbers of one page of ListModelVersions, newest first unless asked otherwise.

    Versions whose sort values are equal follow the switch `list_order`, which also decides which of them is the
    latest: sorted by created_at, the newest one of the listing is always the version that ListModels shows.
    """
    where = Where()
    where.add("model_pk = ?", model_pk)
    if request.trained_only:
        where.add("status_code = ?", TRAINED)
    chosen = request.WhichOneof("sort_by")
    column = chosen.removeprefix("sort_by_") if chosen and getattr(request, chosen) else "created_at"
    if column == "created_at":
        tie, downwards = YOUNGER[switches.list_order]
        upwards = "ASC" if downwards == "DESC" else "DESC"
        order = f"created_at ASC, {tie} {upwards}" if request.sort_ascending else newest_first(switches)
    else:
        ties = TIES[switches.list_order].format(id="version_id", pk="pk")
        order = f"{column} {'ASC' if request.sort_ascending else 'DESC'}, {ties}"
    limit, offset = page_bounds(request.page, request.per_page, switches)
    rows = connection.execute(
        f"SELECT pk FROM versions WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?", (*where.values, limit, offset)
    )
    return [row[0] for row in rows]


def workflow_page(
    connection: Connection, request: Any, switches: Switches, *, user_id: str, app_id: str, me: str
) -> list[int]:
    """The row numbers of one page of ListWorkflows: of an app, or of all apps of a user where no app is named.

    Without a user either: the caller's own workflows and public ones. V2.ListWorkflows has HTTP bindings for all three.
    """
    where = Where()
    if user_id:
        where.add("user_id = ?", user_id)
    else:
        where.add("user_id = ? OR visibility = ?", me, VISIBLE_TO_ALL)
    if app_id:
        where.add("app_id = ?", app_id)
    _add_workflow_filters(where, request, user_id=user_id)
    limit, offset = page_bounds(request.page, request.per_page, switches)
    rows = connection.execute(
        f"SELECT pk FROM workflows WHERE {where} ORDER BY {_workflow_order(request, switches)} LIMIT ? OFFSET ?",
        (*where.values, limit, offset),
    )
    return [row[0] for row in rows]


def _add_workflow_filters(where: Where, request: Any, *, user_id: str) -> None:
    where.add("bookmarked = ?", int(request.bookmark))
    if request.featured_only:
        where.add("0")  # clarifai's staff picks these, and the message has no field that says so
    if request.starred_only:
        where.add("starred = 1")
    if request.visibility.gettable:
        where.add("visibility = ?", request.visibility.gettable)
    owner_column = None if user_id else "user_id"
    for text in filter(None, (request.search, request.search_term)):
        add_search(where, text, column="words", user_column=owner_column)
    if request.query:
        add_query(where, request.query, column="words")
    if request.id:
        add_name(where, request.id, "workflow_id")


def _workflow_order(request: Any, switches: Switches) -> str:
    direction = "ASC" if request.sort_ascending else "DESC"
    ties = TIES[switches.list_order].format(id="workflow_id", pk="pk")
    chosen = request.WhichOneof("sort_by")
    if chosen == "sort_by_relevance" and request.sort_by_relevance:
        return _relevance("words", request, ties)
    columns = {"sort_by_id": "workflow_id", "sort_by_created_at": "created_at", "sort_by_star_count": "star_count"}
    column = columns.get(chosen, "modified_at") if chosen and getattr(request, chosen) else "modified_at"
    return f"{column} {direction}, {ties}, app_id"


def _relevance(column: str, request: Any, ties: str) -> str:
    """A guess at relevance: the fewer other words an object has, the more it is about the ones searched for."""
    if not request.search:
        raise RefusedCallError(INVALID_REQUEST, "sort_by_relevance can only be used if search is not empty")
    return f"length({column}) {'DESC' if request.sort_ascending else 'ASC'}, {ties}"
