"""What a report says about live models that no manifest names, in the same words in every format.

In: a Report. Out: sentences, in plain text that no format has made harmless yet.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.report.grouping import counted
from reconciler.report.report import Report


def unmanaged_texts(report: Report) -> Iterator[str]:
    """Each such model if the run was asked for them, else their number in each app that was listed anyway."""
    plan = report.plan
    if plan.unmanaged is not None:
        for item in plan.unmanaged:
            yield f"{item.address}{f' (owner {item.owner})' if item.owner is not None else ''}"
        return
    for found in plan.unmanaged_counts:
        least = "" if found.is_complete else "at least "
        yield f"{found.app}: {least}{counted(found.count, 'model', 'models')} (--unmanaged lists them)"
