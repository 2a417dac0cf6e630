"""What a planned deletion shows: the change, with what would be lost.

In: a live model, and the key of what is deleted (the model, or one of its versions). Out: a Change whose fields are what a
reviewer needs to know before it is gone, in the order of importance, each from its live value to nothing. They are for
people: the request of a deletion needs none of them, and whether the object is still the reviewed one is decided by the
digest of all of it (`guards.object_digest`) and by its owner mark, both of which the change carries.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from reconciler.compare.results import FieldChange
from reconciler.errors import Origin
from reconciler.plan.guards import Candidate, object_digest, owner_mark
from reconciler.plan.plan import Change
from reconciler.remote.observe import each, with_all_versions
from reconciler.remote.port import Remote
from reconciler.resources.canonical import spec_from_document
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import Observed, ObservedModel, ObservedVersion
from reconciler.resources.secrets import Secrets
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_text

VERSIONS: Final[FieldPath] = ("versions",)
"""The number of versions that go with a model."""


COUNTED_IF_REFUSED: Final = 32
"""The most models whose versions are counted in a plan that is refused anyway, for example because of the delete cap."""


def with_counted_versions(observed: Observed, deleted: Collection[Key], remote: Remote, parallelism: int) -> Observed:
    """The live state in which each model to delete has all of its versions: a listing shows the latest alone.

    Takes a call per model (and page). Raises RemoteError.
    """
    models = [observed.models[key] for key in sorted(deleted) if key.kind is Kind.MODEL]
    unread = [model for model in models if not model.versions_complete]
    whole = each(lambda model: with_all_versions(remote, model), unread, parallelism)
    return replace(observed, models={**observed.models, **{model.key: model for model in whole}})


def deletion_of(
    model: ObservedModel,
    key: Key,
    *,
    reason: str,
    secrets: Secrets | None = None,
    origin: Origin | None = None,
    retain: int | None = None,
) -> Change:
    """The planned deletion of a model, or of a version of it, as it was read: what is lost, its digest and its mark."""
    lost = _lost_model(model) if key.kind is Kind.MODEL else _lost_version((), model.versions_by_id[key.version_id])
    values = {path: value for path, value in lost if value not in (MISSING, "", None)}
    hidden = (secrets or Secrets()).conceal(
        key, {path_text(path): value for path, value in values.items()}, source="live"
    )
    return Change(
        key=key,
        action="delete",
        fields=tuple(
            FieldChange(path=path, before=value, after=MISSING)
            for path, value in zip(values, hidden.values(), strict=True)
        ),
        reason=reason,
        origin=origin,
        object_digest=object_digest(model, key),
        mark=recorded_mark(model) if key.kind is Kind.MODEL else None,
        retain=retain,
    )


def deletions_of(
    candidates: Iterable[Candidate], observed: Observed, secrets: Secrets | None = None
) -> tuple[Change, ...]:
    """The planned deletions of what may be deleted, in their order."""
    return tuple(
        deletion_of(
            observed.models[candidate.key.model()],
            candidate.key,
            reason=candidate.reason,
            secrets=secrets,
            origin=candidate.origin,
            retain=candidate.retain,
        )
        for candidate in candidates
    )


def recorded_mark(model: ObservedModel) -> dict[str, Any]:
    """What a plan records of a live owner mark: whose the model is and whether it is protected; {} without a mark."""
    mark = owner_mark(model)
    return {name: mark[name] for name in ("owner", "protect") if name in mark}


def _lost_model(model: ObservedModel) -> Iterator[tuple[FieldPath, Any]]:
    spec = spec_from_document(Kind.MODEL, model.document)
    yield ("name",), spec.get("name", MISSING)
    yield ("model_type_id",), model.model_type_id
    yield ("visibility",), spec.get("visibility", MISSING)
    # A listing shows the latest version alone, so their number is known only of a model whose versions were read.
    yield VERSIONS, len(model.versions_by_id) if model.versions_complete else MISSING
    if model.latest is not None:
        yield ("latest_version", "id"), model.latest.key.version_id
        yield from _lost_version(("latest_version",), model.latest)


def _lost_version(base: FieldPath, version: ObservedVersion) -> Iterator[tuple[FieldPath, Any]]:
    document = version.document
    yield (*base, "created_at"), document.get("created_at", MISSING)
    yield (*base, "description"), document.get("description", MISSING)
    yield (*base, "status"), lookup(document, ("status", "code"))
