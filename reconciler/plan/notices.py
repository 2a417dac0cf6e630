"""Remarks about a plan: what manifests state to no effect, and what can't be verified.

In: matches, or a comparison, and the owner of the run (None without one). Out: notices, each at an address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.compare.match import Match, idle_entries
from reconciler.compare.results import Comparison
from reconciler.requests.results import Notice
from reconciler.resources.tree import path_text


def protection_notices(found: Iterable[Match], owner: str | None) -> Iterator[Notice]:
    """Entries and settings of manifests that have no effect."""
    for match in found:
        key = match.desired.key
        yield from (Notice(address=key.address, message=message) for message in idle_entries(match))
        if match.desired.protect and not match.desired.has_manifest:
            message = "protect: true has no effect: only defaults manage the model, which is never pruned and gets no owner mark."
            yield Notice(address=key.address, message=message)
        elif owner is None and match.desired.protect:
            # A safety setting that does nothing must say so.
            message = "protect: true has no effect without an owner in reconciler.yaml: it is kept in the owner mark."
            yield Notice(address=key.address, message=message)


def unshown_notices(comparison: Comparison, owner: str | None) -> Iterator[Notice]:
    """What to know about secrets that the service doesn't show, although the manifests state them."""
    for item in comparison.unshown:
        remedy = (
            "Set an owner in reconciler.yaml, so that apply records what it has sent."
            if owner is None
            else "What was sent to a PUBLIC model isn't recorded."
        )
        yield Notice(
            address=item.address,
            message=f"the service doesn't show {path_text(item.path)}. If it doesn't after an apply either, the value can't be verified, "
            f"and every plan sends it again. {remedy}",
        )
