"""The calls that read models, versions, concepts, model types, apps and users. They change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler.emulator import listing, rows
from reconciler.emulator.answers import (
    MODEL_MISSING,
    RESOURCE_MISSING,
    RefusedCallError,
)
from reconciler.emulator.rows import words_of
from reconciler.emulator.turn import Turn

PERSONAL: Final = (
    "primary_email",
    "first_name",
    "last_name",
    "email_addresses",
    "bill_type",
    "date_gdpr_consent",
    "date_tos_consent",
    "date_marketing_consent",
    "date_pii_consent",
    "metadata",
    "two_factor_auth_enabled",
)
"""Fields of a User that only the user gets."""


def list_models(turn: Turn, request: Any) -> Any:
    """ListModels: each model with its latest version."""
    user_id, app_id = turn.listed_scope(request.user_app_id)
    page = listing.model_page(turn.connection, request, turn.switches, user_id=user_id, app_id=app_id, me=turn.me)
    asked = request.model_version_ids if turn.switches.listed_version == "asked" else ()
    answer = _models_answer(turn, page, frozenset(request.additional_fields), version_ids=asked)
    if not request.show_replicas:
        for model in answer.models:
            model.ClearField("replica_count")
    return answer


def post_models_searches(turn: Turn, request: Any) -> Any:
    """PostModelsSearches: models whose name and type fit."""
    user_id, app_id = turn.listed_scope(request.user_app_id)
    page = listing.search_page(turn.connection, request, turn.switches, user_id=user_id, app_id=app_id, me=turn.me)
    return _models_answer(turn, page, frozenset())


def _models_answer(turn: Turn, page: list[int], fields: frozenset[str], *, version_ids: Sequence[str] = ()) -> Any:
    answer = service_pb2.MultiModelResponse()
    show, order = turn.show, listing.newest_first(turn.switches)
    bodies = rows.model_bodies(turn.connection, page, newest_first=order, version_ids=version_ids)
    for pk, (body, version) in zip(page, bodies, strict=True):
        model = show.add_listed_model(answer.models, body, version, fields)
        if "counts" in fields or "all" in fields:
            model.version_count = rows.count_versions(turn.connection, pk)
    return answer


def get_model(turn: Turn, request: Any) -> Any:
    """GetModel: the model with the version asked for, else its latest."""
    row = turn.model(*turn.scope(request.user_app_id), request.model_id)
    version = turn.version(row, request.version_id) if request.version_id else turn.latest(row)
    fields = frozenset(request.additional_fields)
    return service_pb2.SingleModelResponse(model=turn.show.model(row, version, fields))


def get_model_output_info(turn: Turn, request: Any) -> Any:
    """GetModelOutputInfo: as GetModel, with all concepts in model_version.output_info.data."""
    row = turn.model(*turn.scope(request.user_app_id), request.model_id)
    version = turn.version(row, request.version_id) if request.version_id else turn.latest(row)
    model = turn.show.model(row, version, frozenset(request.additional_fields))
    if version is not None:
        model.model_version.CopyFrom(turn.show.version(row, version, with_concepts=True))
    return service_pb2.SingleModelResponse(model=model)


def list_model_concepts(turn: Turn, request: Any) -> Any:
    """ListModelConcepts: of the version asked for, else of the latest; in the order of training."""
    row = turn.model(*turn.scope(request.user_app_id), request.model_id)
    version = turn.version(row, request.version_id) if request.version_id else turn.latest(row)
    concepts = [] if version is None else list(resources_pb2.Data.FromString(version.data).concepts)
    for word in words_of(request.search).split():
        concepts = [concept for concept in concepts if f" {word}" in words_of(concept.id, concept.name)]
    limit, offset = listing.page_bounds(request.page, request.per_page, turn.switches)
    return service_pb2.MultiConceptResponse(concepts=concepts[offset : offset + limit])


def list_model_versions(turn: Turn, request: Any) -> Any:
    """ListModelVersions: newest first unless asked otherwise."""
    row = turn.model(*turn.scope(request.user_app_id), request.model_id)
    page = listing.version_page(turn.connection, request, turn.switches, model_pk=row.pk)
    found = [rows.version_at(turn.connection, pk) for pk in page]
    wanted = set(request.concept_ids)
    if wanted:
        found = [version for version in found if wanted <= _concept_ids(version.data)]
    versions = [turn.show.version(row, version) for version in found]
    return service_pb2.MultiModelVersionResponse(model_versions=versions)


def _concept_ids(data: bytes) -> set[str]:
    return {concept.id for concept in resources_pb2.Data.FromString(data).concepts}


def get_model_version(turn: Turn, request: Any) -> Any:
    """GetModelVersion."""
    row = turn.model(*turn.scope(request.user_app_id), request.model_id)
    version = turn.version(row, request.version_id)
    return service_pb2.SingleModelVersionResponse(model_version=turn.show.version(row, version))


def list_model_types(turn: Turn, request: Any) -> Any:
    """ListModelTypes: the same for every user and app."""
    limit, offset = listing.page_bounds(request.page, request.per_page, turn.switches)
    types = rows.all_model_types(turn.connection)
    return service_pb2.MultiModelTypeResponse(model_types=types[offset : offset + limit])


def get_model_type(turn: Turn, request: Any) -> Any:
    """GetModelType."""
    found = rows.find_model_type(turn.connection, request.model_type_id)
    if found is None:
        raise RefusedCallError(MODEL_MISSING, f"Model type {request.model_type_id} does not exist")
    return service_pb2.SingleModelTypeResponse(model_type=found)


def get_app(turn: Turn, request: Any) -> Any:
    """GetApp, with no more than its ids and when it was made."""
    user_id, app_id = turn.scope(request.user_app_id)
    found = turn.connection.execute(
        "SELECT user_id, app_id, created_at FROM apps WHERE user_id = ? AND app_id = ?", (user_id, app_id)
    ).fetchone()
    if found is None:
        raise RefusedCallError(RESOURCE_MISSING, f"App {user_id}/{app_id} does not exist")
    return service_pb2.SingleAppResponse(app=_app(found))


def list_apps(turn: Turn, request: Any) -> Any:
    """ListApps of a user, by id."""
    user_id = turn.scope(request.user_app_id)[0] or turn.me
    limit, offset = listing.page_bounds(request.page, request.per_page, turn.switches)
    found = turn.connection.execute(
        "SELECT user_id, app_id, created_at FROM apps WHERE user_id = ? ORDER BY app_id LIMIT ? OFFSET ?",
        (user_id, limit, offset),
    ).fetchall()
    return service_pb2.MultiAppResponse(apps=[_app(row) for row in found])


def _app(row: Any) -> Any:
    user_id, app_id, created_at = row
    app = resources_pb2.App(id=app_id, name=app_id, user_id=user_id)
    rows.set_timestamp(app.created_at, created_at)
    return app


def get_user(turn: Turn, request: Any) -> Any:
    """GetUser: "me", or an empty id, is the token's user. Names and addresses of other users are not shown (a guess)."""
    user_id = turn.scope(request.user_app_id)[0] or turn.me
    user = rows.find_user(turn.connection, user_id)
    since = rows.first_app_time(turn.connection, user_id)
    if user is None:
        if since is None and user_id != turn.me:
            raise RefusedCallError(RESOURCE_MISSING, f"User {user_id} does not exist")
        user = resources_pb2.User(id=user_id)
    if user_id != turn.me:
        for name in PERSONAL:
            user.ClearField(name)
    if not user.HasField("created_at") and since is not None:
        rows.set_timestamp(user.created_at, since)
    if not {"all", "stars"} & set(request.additional_fields):
        user.ClearField("star_count")
        user.ClearField("is_starred")
    return service_pb2.SingleUserResponse(user=user)
