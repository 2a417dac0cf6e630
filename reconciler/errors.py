"""The tree of errors, and the problems found in manifests, configuration and plan files.

    ReconcilerError               any expected failure; exit code 1
    ├── UsageError                the command line is wrong or contradicts itself; exit code 64
    ├── ProblemsError             manifests, configuration or plan files are invalid; carries every Problem
    ├── RefusedError              guards refused the run; carries every Refusal; exit code 3
    └── RemoteError               a call to the service failed; carries the facts of that call

An error carries facts as fields. Its message has the form "<what> <which> <where>: <why>. <what to do>." and never
contains a token or another sensitive value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from reconciler import exit_codes


class Origin(NamedTuple):
    """A position in a file. Line and column count from 1; `path` is "-" for standard input."""

    # A NamedTuple rather than a frozen dataclass, as Key is: a run creates and compares about a dozen per model.

    path: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One error or warning about the input.

    `code` is a stable identifier in kebab case ("unknown-key"). `pointer` is a JSON pointer into the document; "" is
    the root. `hint` is one sentence that says what to do, or None if the message already says it. `key` is the key that
    is missing from the mapping at `pointer`, if the problem is about that.
    """

    code: str
    message: str
    origin: Origin
    pointer: str = ""
    hint: str | None = None
    key: str | None = None

    def __str__(self) -> str:
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.origin}: {self.message}{hint}"


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON data, as reports and plan documents contain it."""
    return {
        "code": problem.code,
        "message": problem.message,
        "path": problem.origin.path,
        "line": problem.origin.line,
        "column": problem.origin.column,
        "pointer": problem.pointer,
        "hint": problem.hint,
    }


def problem_from_document(document: Mapping[str, Any]) -> Problem:
    """Return the problem that `problem_document` turned into `document`."""
    return Problem(
        code=document["code"],
        message=document["message"],
        origin=Origin(path=document["path"], line=document["line"], column=document["column"]),
        pointer=document["pointer"],
        hint=document["hint"],
    )


class ProblemList:
    """Collects problems so that all of them are reported together. Iteration is in the order of files and lines."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def add(
        self,
        code: str,
        message: str,
        origin: Origin,
        *,
        pointer: str = "",
        hint: str | None = None,
        key: str | None = None,
    ) -> None:
        """Record one problem."""
        self._problems.append(Problem(code=code, message=message, origin=origin, pointer=pointer, hint=hint, key=key))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Record problems that were found elsewhere."""
        self._problems.extend(problems)

    def __bool__(self) -> bool:
        return bool(self._problems)

    def __iter__(self) -> Iterator[Problem]:
        # Code and message break ties, so that the order doesn't depend on which check ran first.
        return iter(sorted(self._problems, key=lambda p: (p.origin, p.pointer, p.code, p.message)))

    def raise_if_any(self) -> None:
        """Raise ProblemsError with all recorded problems; do nothing if there are none."""
        if self._problems:
            raise ProblemsError(tuple(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The reason why a guard stopped a run.

    `rule` is the stable name of the guard, `address` the resource concerned (None: the whole run), and `remedy` one
    sentence that says what would allow the run.
    """

    rule: str
    message: str
    address: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.message}{remedy}"


class ReconcilerError(Exception):
    """Base of all errors that this package raises; any other exception is a bug."""

    exit_code = exit_codes.ERROR


class UsageError(ReconcilerError):
    """The options are invalid or contradict each other. Nothing was read from or sent to the service."""

    exit_code = exit_codes.USAGE


class ProblemsError(ReconcilerError):
    """The input is invalid. `problems` is never empty and is ordered by file, line and column."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class RefusedError(ReconcilerError):
    """Guards refused the run before anything was written. `refusals` is never empty."""

    exit_code = exit_codes.REFUSED

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        self.refusals = refusals
        super().__init__("\n".join(str(refusal) for refusal in refusals))


class FaultClass(str, Enum):
    """How the caller should react to a failed call. docs/reliability.md lists the class of each status."""

    TRANSIENT = "transient"  # may succeed when it is repeated
    FATAL = "fatal"  # about the account, the token or the endpoint: every other call would fail too
    PER_ITEM = "per_item"  # about the objects in the request: others may still succeed
    NOT_FOUND = "not_found"  # as PER_ITEM; also the only class that means an object doesn't exist


class RemoteError(ReconcilerError):
    """A call that failed, with a gRPC status or with the Clarifai status in its response.

    `code` is a gRPC status name ("UNAVAILABLE") or a Clarifai status with its name ("21200 MODEL_DOES_NOT_EXIST").
    `status` is the number of the Clarifai status, None for gRPC. `details` is the service's own detail text, and
    `attempts` counts how often the call was made. `sent` is False only if the request never left this process.
    `may_be_size` is whether the request may have been too large, or may have had too many objects.
    """

    def __init__(
        self,
        *,
        rpc: str,
        code: str,
        description: str,
        fault: FaultClass,
        status: int | None = None,
        request_id: str | None = None,
        details: str | None = None,
        attempts: int = 1,
        sent: bool = True,
        may_be_size: bool = False,
    ) -> None:
        self.rpc = rpc
        self.code = code
        self.description = description
        self.details = details
        self.fault = fault
        self.status = status
        self.request_id = request_id
        self.attempts = attempts
        self.sent = sent
        self.may_be_size = may_be_size
        # The service often repeats the description as the details.
        more = f" ({details})" if details and details != description else ""
        rid = f" [request {request_id}]" if request_id else ""
        super().__init__(f"{rpc} failed: {code}: {description}{more}{rid}")
