"""A recorded live side → a seed for the emulator: what `reconciler export --format json` prints, or a seed as it is.

In: a file. Out: a seed. An export has no owner marks, no status and no times: the models get the mark of the owner that is given,
and their versions count as trained, in the order of the export. Secrets and other values that an export leaves out are missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.emulator.seed_file import SeedFile
from reconciler.emulator.seeds import SeedError

_EXPORT: Final = "Export"
_PLAIN: Final = (
    "name",
    "description",
    "notes",
    "toolkits",
    "use_cases",
    "languages",
    "image",
    "metadata",
    "deploy_restriction",
    "license",
    "output_info",
)
"""Fields that a manifest and a seed spell alike."""


def recorded_seed(
    path: Path, *, user_id: str | None, app_id: str | None, owner: str | None
) -> Path | Mapping[str, Any]:
    """The seed in a file, or one that is made of an export. The ids are for manifests that state none.

    Raises SeedError for a file that is neither.
    """
    document = _json(path)
    if not isinstance(document, Mapping) or document.get("kind") != _EXPORT:
        return SeedFile(path).seed
    types, manifests = document.get("model_types"), document.get("manifests")
    if not isinstance(types, Mapping) or not isinstance(manifests, list):
        raise SeedError(
            f"{path} is an export without model_types. Make it with `reconciler export --format json` of this version."
        )
    apps: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for manifest in manifests:
        metadata = manifest["metadata"]
        user, app = metadata.get("user_id", user_id), metadata.get("app_id", app_id)
        if not user or not app:
            raise SeedError(f"{path} states no user_id or app_id for {metadata['id']}. Give --user-id and --app-id.")
        type_id = types.get(f"{user}/{app}/{metadata['id']}", "")
        apps.setdefault((user, app), []).append(_model(metadata["id"], type_id, manifest["spec"], owner))
    return {"apps": [{"user_id": user, "app_id": app, "models": models} for (user, app), models in apps.items()]}


def _json(path: Path) -> Any:
    """The file as JSON; None where it is something else, about which the reader of seeds has more to say."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _model(model_id: str, type_id: str, spec: Mapping[str, Any], owner: str | None) -> dict[str, Any]:
    versions = spec.get("versions", [])
    model = {"id": model_id, "model_type_id": type_id, **_fields(spec)}
    if owner is not None:
        mark = {"owner": owner, "protect": bool(spec.get("protect", False))}
        model["metadata"] = {**model.get("metadata", {}), "reconciler": mark}
    model["versions"] = [_version(index, len(versions), entry) for index, entry in enumerate(versions)]
    return model


def _version(index: int, count: int, entry: Mapping[str, Any]) -> dict[str, Any]:
    older = count - index
    return {
        "id": entry.get("id", f"{older:032x}"),
        "created_at": f"2024-01-{1 + older // 1440:02}T{older // 60 % 24:02}:{older % 60:02}:00Z",
        "status": {"code": "MODEL_TRAINED"},
        **_fields(entry),
    }


def _fields(stated: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: stated[name] for name in _PLAIN if name in stated}
    if "visibility" in stated:
        found["visibility"] = {"gettable": stated["visibility"]}
    return found
