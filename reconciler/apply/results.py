"""What became of a plan that was written: the outcome of each request, what had moved, and what isn't as desired afterwards.

In: what `sending.py`, `gate.py` and `verify.py` find out. Out: an Outcome, which reports show and which decides the exit code. It
sends and reads nothing, so that a report doesn't load what writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from reconciler import exit_codes
from reconciler.resources.keys import Key
from reconciler.resources.request import Request
from reconciler.resources.secrets import holds_sensitive

if TYPE_CHECKING:
    from reconciler.compare.results import FieldChange
    from reconciler.plan.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A path whose live value is no longer the planned one. `path` is "" if the resource itself is gone or was replaced."""

    key: Key
    path: str
    planned: Any
    live: Any
    desired: Any

    @property
    def is_sensitive(self) -> bool:
        """Whether any of the three must not be shown."""
        return any(holds_sensitive(value) for value in (self.planned, self.live, self.desired))


OnError = Literal["continue", "abort"]
"""Whether a run goes on after a request has failed."""


class Status(str, Enum):
    """The outcome of a request."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFailure:
    """One object that a request did not change, with the reason."""

    key: Key
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """The outcome of one request. `attempts` counts calls made for it, those for its parts included.

    `error` is set if the request failed, or if it was not sent for a reason of its own. `failures` are the objects of a failed
    request that were refused. `is_unknown` marks a failure after which the request may have been carried out. `moved` are
    the paths that were no longer as planned, because of which objects were held back.
    """

    request: Request
    status: Status
    is_unknown: bool = False
    error: str | None = None
    attempts: int = 0
    request_id: str | None = None
    failures: tuple[ItemFailure, ...] = ()
    moved: tuple[Moved, ...] = ()


Left = tuple[Key, "FieldChange | None"]
"""A planned path whose live value isn't the desired one, as live → desired; None stands for a deletion that did not happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of writing a plan.

    `remaining` are the planned paths that the live state doesn't have afterwards (None: a deletion that did not happen). `unread` is
    the reason if verification failed. `marks` are the results of recording values that can't be read back in owner marks.
    `backups` are the folders with what was deleted, and `run` is the id of the journal.
    """

    results: tuple[StepResult, ...] = ()
    remaining: tuple[Left, ...] = ()
    unread: str | None = None
    marks: tuple[StepResult, ...] = ()
    backups: tuple[str, ...] = ()
    is_interrupted: bool = False
    run: str | None = None

    def is_complete(self, plan: Plan) -> bool:
        """Whether every request of the plan was done and the live state matches it."""
        sent = all(result.status in (Status.DONE, Status.SKIPPED) for result in self.results)
        return sent and len(self.results) == len(plan.requests) and not (self.remaining or self.unread)

    def exit_code(self, plan: Plan) -> int:
        """The exit code of a run with this result."""
        if self.is_interrupted:
            return exit_codes.INTERRUPTED
        return exit_codes.OK if self.is_complete(plan) else exit_codes.INCOMPLETE
