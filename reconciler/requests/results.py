"""What deriving requests from drifts yields: the requests, remarks about them, and refusals.

They are types of their own, so that a plan without a change doesn't import what proves requests.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.errors import Refusal
from reconciler.resources.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A remark about the plan of one resource."""

    address: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """The requests for all drifts in the order of sending, remarks about them, and what no call can change."""

    requests: tuple[Request, ...]
    notices: tuple[Notice, ...] = ()
    refusals: tuple[Refusal, ...] = ()
