"""One export: which live models, in which form, and where to.

In: what the user asked for, the live side of one app, and what reconciler.yaml states. Out: the manifests, and their files. It
never writes to the service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from reconciler.apply.export import Exported, Form, exported
from reconciler.apply.live import Live, read_secrets
from reconciler.apply.manifest_files import write_manifests
from reconciler.config import Flags, settings
from reconciler.config.places import working_directory
from reconciler.config.sources import ID_VARIABLES
from reconciler.errors import ReconcilerError
from reconciler.resources.fields import Action
from reconciler.resources.observed import ObservedModel
from reconciler.resources.wording import listed, nearest, quoted

_MOST_TYPES: Final = 5
"""Model types of an app that an error names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporting:
    """What is exported: the models of `ids`, or those of a name (a wildcard) and a model type, or all of them.

    `versions` are the versions that each manifest states, and with `selects_latest` the latest one is stated as that. `states_scope`
    says whether manifests state their user and app even if reconciler.yaml does. With `folder` there is a file for each
    model; files that exist are replaced only with `replaces_files`.
    """

    ids: tuple[str, ...] = ()
    name: str = ""
    type_id: str = ""
    versions: Literal["latest", "all"] = "latest"
    selects_latest: bool = False
    action: Action = Action.MERGE
    states_scope: Literal["auto", "always"] = "auto"
    folder: Path | None = None
    replaces_files: bool = False

    def exported(self, live: Live, *, flags: Flags, environ: Mapping[str, str]) -> Exported:
        """Read the models and write the files. `flags` and `environ` are those that the settings were resolved with.

        Raises ReconcilerError if an id, the name or the type matches nothing, RefusedError if files exist already.
        """
        models = live.search(ids=self.ids, name=self.name, type_id=self.type_id, versions=self.versions)
        if not models and (self.name or self.type_id):
            raise self._no_match(live)
        form = Form(
            action=self.action,
            selects_latest=self.selects_latest,
            implied=_ids_in_config(flags, environ) if self.states_scope == "auto" else {},
        )
        found = exported(models, secrets=read_secrets(live.remote, models), form=form)
        if self.folder is None:
            return found
        return write_manifests(found, self.folder, overwrite=self.replaces_files)

    def _no_match(self, live: Live) -> ReconcilerError:
        """Why no model has the name and the type, with the nearest that there is."""
        models = live.search(versions="latest")
        of_type = [model for model in models if model.model_type_id == self.type_id or not self.type_id]
        if not models:
            return ReconcilerError(f"There are no models in app {live.scope}.")
        if not of_type:
            types = {model.model_type_id for model in models}
            return ReconcilerError(
                f"No model in app {live.scope} has the type {quoted(self.type_id)}. {_hint(self.type_id, types)}"
                f"The types there are: {listed(sorted(types)[:_MOST_TYPES])}{', …' if len(types) > _MOST_TYPES else ''}."
            )
        also = f" of the type {quoted(self.type_id)}" if self.type_id else ""
        return ReconcilerError(
            f"No model{also} in app {live.scope} has a name that matches {quoted(self.name)}. "
            f"{_hint(self.name.strip('*'), _names(of_type))}`reconciler get models` lists the names; a model id is given without "
            "--name."
        )


def _ids_in_config(flags: Flags, environ: Mapping[str, str]) -> dict[str, str]:
    """The user_id and app_id that reconciler.yaml, or the chosen environment in it, states.

    The settings are resolved once more without the other sources: a manifest must mean the same model wherever it is planned.
    """
    found = settings(
        flags=replace(flags, user_id=None, app_id=None),
        environ={name: text for name, text in environ.items() if name not in ID_VARIABLES.values()},
        cwd=working_directory(),
        home=None,
    )
    ids = {"user_id": found.user_id, "app_id": found.app_id}
    return {name: text for name, text in ids.items() if text is not None}


def _names(models: Iterable[ObservedModel]) -> set[str]:
    return {name for model in models if (name := str(model.document.get("name", "")))}


def _hint(given: str, known: Iterable[str]) -> str:
    near = nearest(given, known)
    return f"Did you mean {quoted(near)}? " if near else ""
