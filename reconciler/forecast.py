"""What applying a plan will take: how many calls, and how long at the rate that is kept.

Made from the requests alone, so that it says the same for a plan and for its file; not part of what a fingerprint covers,
because the rate is the reader's. Reading back is counted as `writing` does it: a few models one by one, of many one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.observe import FEW
from reconciler.resources import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The calls of an apply, and the seconds that `rate`, in calls per second, alone makes them take."""

    calls: int
    seconds: float
    rate: float


def forecast(requests: Sequence[Request], *, rate: float) -> Forecast:
    """What sending these requests and reading back takes at `rate` calls per second."""
    models = {key.model() for request in requests for key in request.keys}
    calls = len(requests) + (len(models) if len(models) <= FEW else 1)
    return Forecast(calls=calls, seconds=round(calls / rate, 1), rate=rate)
