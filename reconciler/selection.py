"""Which manifests a run is about: --target globs and --selector labels.

In: Desired. Out: the Desired that remains. A target that matches nothing is an error (a typo would read as "in
sync"); what left git is judged by `policy` on all manifests, never on a selection.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from reconciler.errors import ReconcilerError
from reconciler.resources import Desired, Key


def is_targeted(key: Key, globs: Iterable[str]) -> bool:
    """Whether a model matches any glob, by its id, APP/MODEL or USER/APP/MODEL; without globs every model does."""
    names = (key.model_id, f"{key.app_id}/{key.model_id}", key.model().address)
    patterns = tuple(globs)
    return not patterns or any(fnmatchcase(name, glob) for glob in patterns for name in names)


def selected(desired: Desired, *, targets: tuple[str, ...], selectors: tuple[tuple[str, str], ...]) -> Desired:
    """The manifests that match any target and every selector."""
    models = tuple(
        model
        for model in desired.models
        if is_targeted(model.key, targets) and all(model.labels.get(name) == value for name, value in selectors)
    )
    return replace(desired, models=models)


def require_targets_match(targets: tuple[str, ...], keys: Iterable[Key]) -> None:
    """Raise ReconcilerError for a --target that no model matches."""
    known = list(keys)
    for glob in targets:
        if not any(is_targeted(key, (glob,)) for key in known):
            raise ReconcilerError(
                f"--target {glob!r} matches no model. It is compared with MODEL, APP/MODEL and USER/APP/MODEL."
            )
