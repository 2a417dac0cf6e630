"""Live models that no manifest names: which they are, and how many.

In: all manifests of a run, and the live side as far as it was read. Out: the models, if the run was asked for them and so has
listed their apps, and their number wherever an app was listed. What a listing shows of other apps and users is not counted, and
neither are bookmarks of other users' models. Nothing here decides what is deleted (`guards.py` does).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final

from reconciler.manifests.selection import Inputs, in_shard, is_targeted
from reconciler.plan.guards import owner_mark
from reconciler.plan.plan import Plan, Unmanaged, UnmanagedCount
from reconciler.resources.desired import Desired
from reconciler.resources.keys import Key
from reconciler.resources.observed import Observed, ObservedModel


def unmanaged_models(desired: Desired, observed: Observed, inputs: Inputs) -> tuple[Unmanaged, ...]:
    """The own live models of completely listed apps that no manifest names, as far as the run is about them."""
    return tuple(
        Unmanaged(address=model.key.address, owner=owner_mark(model).get("owner"))
        for model in _without_manifest(desired, observed, inputs)
        if model.key.scope in observed.listed
    )


def unmanaged_counts(
    desired: Desired, observed: Observed, inputs: Inputs, deleted: Collection[Key]
) -> tuple[UnmanagedCount, ...]:
    """Their number in each app that was listed, completely or as far as it was needed; apps without any are left out.

    Those that the plan deletes are shown as deletions, and not counted.
    """
    counts = Counter(
        model.key.scope
        for model in _without_manifest(desired, observed, inputs)
        if model.key.scope in observed.listed | observed.listed_in_part and model.key not in deleted
    )
    return tuple(
        UnmanagedCount(app=str(scope), count=count, is_complete=scope in observed.listed)
        for scope, count in sorted(counts.items())
    )


def _without_manifest(desired: Desired, observed: Observed, inputs: Inputs) -> list[ObservedModel]:
    manifests = {model.key for model in desired.models}
    if inputs.selectors:  # labels are of manifests, so what has none is never selected
        return []
    return [
        model
        for key, model in sorted(observed.models.items())
        if key not in manifests
        and not model.is_bookmark
        and is_targeted(key, inputs.targets, inputs.excludes)
        and in_shard(key, inputs.shard)
    ]


UNMANAGED_PARTS: Final = ("unmanaged", "unmanaged_counts")
"""The keys of a plan document about models without a manifest; each is absent where nothing is known of it."""


def unmanaged_parts(plan: Plan) -> dict[str, Any]:
    """What a plan document says of them."""
    counts = [{"app": item.app, "count": item.count, "complete": item.is_complete} for item in plan.unmanaged_counts]
    models = plan.unmanaged
    return {
        **(
            {} if models is None else {"unmanaged": [{"address": each.address, "owner": each.owner} for each in models]}
        ),
        **({"unmanaged_counts": counts} if counts else {}),
    }


def unmanaged_from_parts(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same read back, as arguments of Plan."""
    models = document.get("unmanaged")
    return {
        "unmanaged": None
        if models is None
        else tuple(Unmanaged(**_known(each, ("address", "owner"))) for each in models),
        "unmanaged_counts": tuple(
            UnmanagedCount(**_known(each, ("app", "count")), is_complete=each["complete"])
            for each in document.get("unmanaged_counts", [])
        ),
    }


def _known(entry: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: entry[name] for name in names}
