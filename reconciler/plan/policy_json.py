"""What policies say of a plan, as JSON data and back.

In: a plan, or its document. Out: the keys `policy` and `overridden_rules`, or the results. Without policies there are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.errors import Origin
from reconciler.plan.plan import Plan, PolicyResult


def policy_documents(plan: Plan) -> dict[str, Any]:
    """The keys that a plan with policies has; `overridden_rules` only where a rule was overridden."""
    if plan.policy is None:
        return {}
    document: dict[str, Any] = {"policy": [_document(item) for item in plan.policy]}
    if plan.overridden_rules:
        document["overridden_rules"] = list(plan.overridden_rules)
    return document


def policy_from_document(document: Mapping[str, Any]) -> tuple[PolicyResult, ...] | None:
    """The results in a plan document; None for a plan without policies."""
    if "policy" not in document:
        return None
    return tuple(PolicyResult(**{**entry, "origin": Origin(**entry["origin"])}) for entry in document["policy"])


def _document(item: PolicyResult) -> dict[str, Any]:
    return {
        "rule": item.rule,
        "severity": item.severity,
        "address": item.address,
        "message": item.message,
        "overridden": item.overridden,
        "source": item.source,
        "origin": item.origin._asdict(),
    }
