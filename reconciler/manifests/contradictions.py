"""Finds manifests that state another user or app than the chosen environment does.

Takes the documents of a run with the app that each is about, and the ids of the environment. Returns one problem per pair of values, however many
manifests it concerns. Without this check, `--environment staging` would write the values of staging to the production app that
a manifest names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.config import Settings
from reconciler.errors import Origin, Problem
from reconciler.loading.document import LoadedDocument
from reconciler.resources.keys import Scope
from reconciler.resources.wording import quoted

_PLACES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenEnvironment:
    """The environment of a run: its name, the settings file that defines it, and the ids that it states, by name."""

    name: str
    file: str
    ids: Mapping[str, str]


def chosen_environment(settings: Settings) -> ChosenEnvironment | None:
    """Return the environment of the settings, None if there is none or if it states no ids."""
    if settings.environment is None or not settings.environment_ids:
        return None
    return ChosenEnvironment(name=settings.environment, file=str(settings.config_path), ids=settings.environment_ids)


def contradictions(
    documents: Iterable[tuple[Scope, LoadedDocument]], environment: ChosenEnvironment | None
) -> Iterator[Problem]:
    """Yield a problem for each pair of an id of the environment and another one that manifests state."""
    if environment is None:
        return
    found: dict[tuple[str, str], list[Origin]] = {}
    for scope, document in documents:
        for name, wanted in environment.ids.items():
            # A manifest that states no id takes that of the environment, or of a flag, so only stated ones can contradict.
            stated = scope.user_id if name == "user_id" else scope.app_id
            if stated != wanted and name in document.value["metadata"]:
                found.setdefault((name, stated), []).append(document.origin(("metadata", name)))
    for (name, stated), origins in sorted(found.items()):
        yield Problem(
            code="contradicts-environment",
            message=f"metadata.{name} is {quoted(stated)} in {_places(sorted(origins))}, but environment "
            f"{quoted(environment.name)} of {environment.file} states {quoted(environment.ids[name])}.",
            origin=min(origins),
            pointer=f"/metadata/{name}",
            hint=f"Leave metadata.{name} out of manifests that are meant for several environments, or choose another "
            "environment.",
        )


def _places(origins: list[Origin]) -> str:
    """Return the number of manifests and the first places, such as "2 manifests (a.yaml:3:20, b.yaml:3:20)"."""
    if len(origins) == 1:
        return "1 manifest"
    more = f" and {len(origins) - _PLACES} more" if len(origins) > _PLACES else ""
    return f"{len(origins)} manifests ({', '.join(map(str, origins[:_PLACES]))}{more})"
