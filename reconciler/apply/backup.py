"""Keeps what is about to be deleted: a folder per run with every model as a manifest and as the raw messages.

In: the models, read whole. Out: ROOT/RUN, which holds USER/APP/MODEL.yaml (what `apply` accepts) and MODEL.json (the Model
message and every ModelVersion message), readable by their owner alone. The folder appears under its name when everything
in it is on the disk, or not at all; where it can't be written, ReconcilerError is raised and nothing may be deleted.

Ids come from the service and become file names: whatever they are, the names stay inside the folder, are told apart on
file systems that ignore case, and fit. Secrets are in neither file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from reconciler.apply.export import NotExportableError, file_names, manifest_from_model, yaml_from_manifest
from reconciler.apply.live import read_secrets
from reconciler.errors import ReconcilerError
from reconciler.remote.observe import observe
from reconciler.remote.port import Remote
from reconciler.resources.keys import Key
from reconciler.resources.observed import ObservedModel, ObservedVersion
from reconciler.resources.secrets import Secrets
from reconciler.state.folder import PRIVATE_FOLDER, sync_folder
from reconciler.state.whole_files import write_new

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def backup_plan(
    remote: Remote,
    keys: Iterable[Key],
    root: Path,
    run_id: str,
    parallelism: int,
    *,
    known: frozenset[str] = frozenset(),
) -> Path:
    """Read the models of `keys` with all their versions and keep them in `root`/`run_id`, which is returned.

    A key of a version keeps its whole model; a model that no longer exists needs no backup. `known` are texts that are
    secret wherever they turn up. Raises RemoteError where a
    read failed, ReconcilerError where the folder can't be written.
    """
    models = {key.model() for key in keys}
    observed = observe(remote, dict.fromkeys(models, _needs_all), parallelism=parallelism)
    kept = [observed.models[key] for key in sorted(models) if key in observed.models]
    secrets = replace(read_secrets(remote, kept), known=known)
    return write_backup(root, run_id, kept, secrets=secrets)


def _needs_all(model: ObservedModel) -> bool:
    return not model.versions_complete


def write_backup(root: Path, run_id: str, models: Iterable[ObservedModel], *, secrets: Secrets) -> Path:
    """Keep these models, each with the versions it was read with, in `root`/`run_id`, which is returned.

    Raises ReconcilerError where `run_id` is no plain name, is taken, or the folder can't be written whole.
    """
    if not _PLAIN_NAME.fullmatch(run_id):
        raise ReconcilerError(f"The backup can't be named {run_id!r}: a run id has letters, digits, _, - and . only.")
    target = root / run_id
    draft = root / f".{run_id}.{os.getpid()}.tmp"
    try:
        root.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        if target.exists():
            raise ReconcilerError(f"The backup {target} exists already; nothing was written over it. Try again.")
        draft.mkdir(mode=PRIVATE_FOLDER)
        try:
            _fill(draft, list(models), secrets)
            draft.rename(target)
            sync_folder(root)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise ReconcilerError(
            f"The backup can't be written to {target}: {error.strerror or error}. Nothing was deleted."
        ) from error
    return target


def _fill(folder: Path, models: list[ObservedModel], secrets: Secrets) -> None:
    places = file_paths(model.key for model in models)
    for model in models:
        place = folder / places[model.key]
        for level in (place.parent.parent, place.parent):
            level.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        write_new(place.with_name(f"{place.name}.json"), _message_text(model, secrets))
        try:
            manifest = manifest_from_model(model, _versions(model), secrets=secrets)
        except NotExportableError:
            continue  # no manifest can name it; its messages are there
        write_new(place.with_name(f"{place.name}.yaml"), yaml_from_manifest(manifest))
    for parent, _, _ in os.walk(folder, topdown=False):
        sync_folder(Path(parent))


def _versions(model: ObservedModel) -> tuple[ObservedVersion, ...]:
    return tuple(model.versions_by_id.values())


def _message_text(model: ObservedModel, secrets: Secrets) -> str:
    document = {
        "kind": "Backup",
        "address": model.key.address,
        "model": secrets.redacted(model.key, model.document),
        "versions": [secrets.redacted(version.key, version.document) for version in _versions(model)],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


# --- names ----------------------------------------------------------------------------------------------------


def file_paths(keys: Iterable[Key]) -> Mapping[Key, Path]:
    """A place without a suffix for each model, USER/APP/MODEL, made of plain names only."""
    models = sorted(keys)
    users = file_names({key.user_id for key in models})
    found: dict[Key, Path] = {}
    for user_id, folder in users.items():
        apps = file_names({key.app_id for key in models if key.user_id == user_id})
        for app_id, inner in apps.items():
            held = [key for key in models if (key.user_id, key.app_id) == (user_id, app_id)]
            names = file_names({key.model_id for key in held})
            found.update({key: Path(folder) / inner / names[key.model_id] for key in held})
    return found
