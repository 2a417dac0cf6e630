"""One document of kind ModelDefaults → what it selects and what it states, under the rules that a JSON Schema can't state.

In: a document and the ids of the run. Out: ModelDefaults; problems and warnings are recorded. It never knows any model.
"""

from __future__ import annotations

from typing import Any

from reconciler.loading.document import LoadedDocument
from reconciler.loading.nodes import JsonPath, value_at
from reconciler.manifests.entries import Entry, Origins, versions_from
from reconciler.manifests.identity import scope_of
from reconciler.manifests.interpolate import is_plain_setting
from reconciler.manifests.reading import Reading
from reconciler.resources.desired import Fill, ModelDefaults, Selection
from reconciler.resources.fields import Action
from reconciler.resources.keys import Kind, Scope

LIVE = "live"

_UNTOLD = Scope(user_id="?", app_id="?")


def defaults_from_document(document: LoadedDocument, reading: Reading) -> ModelDefaults | None:
    """What one document states; only complete where `reading.problems` stayed empty."""
    spec = document.value.get("spec")
    name = value_at(document.value, ("metadata", "name"))
    scope = scope_of(document, reading.ids, reading.problems, reading.warnings, what="document")
    if not isinstance(spec, dict) or not isinstance(name, str):
        return None
    is_live = spec.get("scope") == LIVE
    fill, action = _fill(document, spec.get("model", {}), name, reading)
    selection = _selection(document, spec.get("select"))
    if is_live and selection.labels:
        reading.problems.add(
            "labels-of-live-models",
            "spec.select.labels can't be combined with scope: live: live models have no labels.",
            document.origin(("spec", "select", "labels")),
            pointer="/spec/select/labels",
            hint="Select by ids or model_type_ids, or leave out scope: live.",
        )
    entries = versions_from(document, spec.get("versions"), action, reading.problems, reading.warnings, default=name)
    return ModelDefaults(
        name=name,
        scope=scope or _UNTOLD,
        select=selection,
        is_live=is_live,
        model=fill,
        versions=entries,
        origin=document.origin(),
    )


def _fill(document: LoadedDocument, value: Any, name: str, reading: Reading) -> tuple[Fill, Action]:
    path = ("spec", "model")
    whole = value if isinstance(value, dict) else {}
    entry = Entry(document, path, Kind.MODEL, reading.problems, reading.warnings, whole)
    action = entry.action(Action.MERGE)
    stated = entry.stated(action)
    protect = entry.value("protect")
    fill = Fill(
        name=name,
        action=action,
        stated=stated,
        removals=entry.removals_beside(stated),
        protect=protect if isinstance(protect, bool) else None,
        retain_versions=entry.retain_versions(),
        origin=document.origin(path),
        origins=Origins(document, path, stated),
    )
    return fill, action


def _selection(document: LoadedDocument, value: Any) -> Selection:
    """The selection; what isn't one the schema has reported."""
    found = value if isinstance(value, dict) else {}
    labels = found.get("labels")
    return Selection(
        ids=_texts(found.get("ids")),
        model_type_ids=_texts(found.get("model_type_ids")),
        labels=labels if isinstance(labels, dict) else {},
        origin=document.origin(("spec", "select")),
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def is_shown_in_defaults(path: JsonPath) -> bool:
    """Whether plans must show the value at a path of such a document, so that it can't come from the environment."""
    if path[:2] == ("spec", "model"):
        return is_plain_setting(("spec", *path[2:]))
    return path[:2] != ("spec", "versions") or is_plain_setting(path)
