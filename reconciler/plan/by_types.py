"""What a plan asks the model types: whether params fit, which are secret, and when a number counts as the stated one.

In: matches of manifests with live models, and the model types by id, of which there are none where no manifest is about params. Out:
warnings, Secrets, and a Comparison. Without types nothing is imported that knows about them, and what compares
only where something differs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from reconciler.compare.match import Match, is_about_params
from reconciler.compare.results import Comparison
from reconciler.errors import Problem, ProblemsError
from reconciler.resources.desired import DesiredModel
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Document
from reconciler.resources.secrets import PARAMS, Secrets, Sensitive, secret_texts
from reconciler.resources.tree import MISSING, lookup

if TYPE_CHECKING:
    from reconciler.compare.unreadable import Resend


def scope_of_types(models: Iterable[DesiredModel]) -> Scope | None:
    """The app in which the model types are asked for: that of the first model that is about params. None if none is."""
    return next((model.key.scope for model in models if any(map(is_about_params, model.versions))), None)


def require_fitting_params(
    found: Sequence[Match], types: Mapping[str, Document], *, allows_unknown: bool
) -> tuple[Problem, ...]:
    """Raise ProblemsError for params that their model's type doesn't take or know; give the warnings."""
    if not types or not found:
        return ()
    from reconciler.compare.params.check import findings

    found_here = findings(found, types, allows_unknown=allows_unknown)
    if found_here.problems:
        raise ProblemsError(found_here.problems)
    return found_here.warnings


def compared_by_types(
    found: Sequence[Match],
    types: Mapping[str, Document],
    *,
    owner: str | None,
    secrets: Secrets,
    resend: Collection[Resend],
) -> Comparison:
    """The comparison, in which a number on the grid of its type's range is what the service made of it."""
    if not found:
        return Comparison(drifts=())
    from reconciler.compare.diff import compared

    if not types:
        return compared(found, owner=owner, secrets=secrets, resend=resend)
    from reconciler.compare.params.grid import settled, tolerances

    type_ids = {match.desired.key: match.observed.model_type_id for match in found}
    return compared(
        settled(found, types),
        owner=owner,
        secrets=secrets,
        resend=resend,
        tolerances=partial(tolerances, model_type_of=lambda key: types.get(type_ids[key.model()])),
    )


def secrets_by_types(
    known: frozenset[str],
    found: tuple[Match, ...],
    types: Mapping[str, Document],
    variables: Mapping[str, tuple[str, ...]],
) -> Secrets:
    """What is secret in a run: the texts that are known, each with its `variables`, and the params that model types declare so."""
    if not types:  # no manifest is about params, so none is compared
        return Secrets(known=known, variables=variables)
    from reconciler.compare.params.fields import secrets_from_types

    models = {match.desired.key: match.observed for match in found}

    def version_of(key: Key) -> tuple[str, Document]:
        model = models[key.model()]
        return model.model_type_id, model.versions_by_id[key.version_id].document

    return replace(secrets_from_types(types, version_of, known=known), variables=variables)


def stated_secrets(found: Iterable[Match], secrets: Secrets) -> set[str]:
    """The texts that manifests state in params which the model type declares secret: the service may quote them in errors."""
    return {
        text
        for match in found
        for key, entries in match.versions.items()
        for name in secrets.params_of(key)
        for entry in entries
        if (value := lookup(entry.stated, (*PARAMS, name))) is not MISSING
        for text in secret_texts(Sensitive(value, "manifest"))
    }
