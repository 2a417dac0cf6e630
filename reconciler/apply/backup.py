"""Backs up what is about to be deleted: a folder per run, with every model as a manifest and as the raw messages.

In: the models with all their versions, read right before their deletion. Out: ROOT/RUN with USER/APP/MODEL.yaml (which `apply`
accepts) and MODEL.json (the Model message and every ModelVersion message), readable by their owner alone. A file appears under
its name only when it is complete and on the disk. If it can't be written, ReconcilerError is raised and nothing may be deleted.

Ids come from the service and become file names. Whatever they are, the names stay inside the folder, differ on file systems
that ignore case, and are short enough. Neither file contains secrets.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reconciler.apply.export import NotExportableError, manifest_from_model
from reconciler.apply.manifest_files import file_names
from reconciler.errors import ReconcilerError
from reconciler.resources.keys import Key
from reconciler.resources.observed import ObservedModel, ObservedVersion
from reconciler.resources.secrets import Secrets
from reconciler.state.folder import PRIVATE_FOLDER, sync_folder
from reconciler.state.whole_files import write_new

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(kw_only=True)
class Backup:
    """The backup of one run, in `root`/`run_id`, which appears with the first models that are kept.

    `keys` are all that the run may delete, so that every model has one name from the start. `secrets_of` returns what is
    secret in models. `on_folder` is called once, when the folder exists. Safe to use from several threads.
    """

    root: Path
    run_id: str
    keys: Iterable[Key]
    secrets_of: Callable[[Collection[ObservedModel]], Secrets]
    on_folder: Callable[[Path], None] = lambda folder: None
    _kept: set[Key] = field(init=False, default_factory=set)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    @property
    def folders(self) -> tuple[str, ...]:
        """The folder, if there is anything in it."""
        return (str(self.root / self.run_id),) if self._kept else ()

    def prepare(self) -> None:
        """Make the root folder, before anything is written anywhere. Raises ReconcilerError if that fails."""
        try:
            self.root.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def has(self, keys: Iterable[Key]) -> bool:
        """Whether the backup has all of these models."""
        with self._lock:
            return self._kept.issuperset(keys)

    def add(self, models: Collection[ObservedModel]) -> bool:
        """Back up models that were just read with all their versions. Returns whether any of them is new in the backup.

        Raises RemoteError if it can't be found out which params are secret, ReconcilerError if the files can't be written.
        """
        with self._lock:
            new = [model for model in models if model.key not in self._kept]
            if not new:
                return False
            secrets = self.secrets_of(new)
            places = file_paths({key.model() for key in self.keys} | {model.key for model in new})
            self._write(new, places, secrets)
            if not self._kept:
                self.on_folder(self.root / self.run_id)
            self._kept.update(model.key for model in new)
            return True

    def _write(self, models: list[ObservedModel], places: Mapping[Key, Path], secrets: Secrets) -> None:
        if not _PLAIN_NAME.fullmatch(self.run_id):
            raise ReconcilerError(
                f"The backup can't be named {self.run_id!r}: a run id has letters, digits, _, - and . only."
            )
        target = self.root / self.run_id
        # Files, and the folder with the first of them, appear under their names when they are complete and on the disk.
        draft = self.root / f".{self.run_id}.{os.getpid()}.tmp"
        try:
            self.root.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            if target.exists() and not self._kept:
                raise ReconcilerError(f"The backup {target} exists already; nothing was written over it. Try again.")
            draft.mkdir(mode=PRIVATE_FOLDER)
            try:
                _fill(draft, models, places, secrets)
                _move_into(draft, target)
                sync_folder(self.root)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> ReconcilerError:
        where = self.root / self.run_id
        return ReconcilerError(
            f"The backup can't be written to {where}: {error.strerror or error}. Nothing was deleted."
        )


def _move_into(draft: Path, target: Path) -> None:
    if not target.exists():
        draft.rename(target)
        return
    for folder, _, names in os.walk(draft):
        inner = target / Path(folder).relative_to(draft)
        inner.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        for name in names:
            (Path(folder) / name).rename(inner / name)
        sync_folder(inner)


def _fill(folder: Path, models: list[ObservedModel], places: Mapping[Key, Path], secrets: Secrets) -> None:
    for model in models:
        place = folder / places[model.key]
        for level in (place.parent.parent, place.parent):
            level.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        write_new(place.with_name(f"{place.name}.json"), _message_text(model, secrets))
        try:
            manifest = manifest_from_model(model, _versions(model), secrets=secrets)
        except NotExportableError:
            continue  # no manifest can name it; its messages are there
        write_new(place.with_name(f"{place.name}.yaml"), manifest.text())
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
