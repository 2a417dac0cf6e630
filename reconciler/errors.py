"""Every error that a user can meet, and the problems that manifests can have.

    ReconcilerError               what, where, why and what to do; exit code 1
    ├── UsageError                the command line contradicts itself; exit code 64
    ├── ProblemsError             manifests, config or plan files that are wrong: carries every Problem at once
    ├── RefusedError              a guard said no: carries every Refusal; exit code 3
    └── RemoteError               the service, or the way to it, failed; carries the facts of the failed call

An error carries facts as fields; its text reads "<what> <which> <where>: <why>. <what to do>." and never
holds a token or another sensitive value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from reconciler import exit_codes


class Origin(NamedTuple):
    """A place in a file that a person can open: 1-based line and column. `path` is "-" for standard input."""

    # A tuple, as Key is: a run makes and compares a dozen for each model.

    path: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with the input.

    `code` is a stable kebab-case word ("unknown-key"); `pointer` a JSON pointer into the document ("" is its root);
    `hint` says what to do, in one sentence, or is None where the message already does.
    """

    code: str
    message: str
    origin: Origin
    pointer: str = ""
    hint: str | None = None

    def __str__(self) -> str:
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.origin}: {self.message}{hint}"


def problem_document(problem: Problem) -> dict[str, Any]:
    """A problem, or a warning, as JSON data."""
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
    """The inverse of `problem_document`."""
    return Problem(
        code=document["code"],
        message=document["message"],
        origin=Origin(path=document["path"], line=document["line"], column=document["column"]),
        pointer=document["pointer"],
        hint=document["hint"],
    )


class ProblemList:
    """Collects problems so that all are told at once; `raise_if_any` ends the collecting."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def add(self, code: str, message: str, origin: Origin, *, pointer: str = "", hint: str | None = None) -> None:
        """Record one problem."""
        self._problems.append(Problem(code=code, message=message, origin=origin, pointer=pointer, hint=hint))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Record problems found elsewhere."""
        self._problems.extend(problems)

    def __bool__(self) -> bool:
        return bool(self._problems)

    def __iter__(self) -> Iterator[Problem]:
        return iter(sorted(self._problems, key=lambda p: (p.origin, p.pointer, p.code, p.message)))

    def raise_if_any(self) -> None:
        """Raise ProblemsError with everything recorded, in the order of files and lines."""
        if self._problems:
            raise ProblemsError(tuple(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A guard's no: the rule's stable name, whom it concerns, why, and the flag or act that would allow it."""

    rule: str
    message: str
    address: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.message}{remedy}"


class ReconcilerError(Exception):
    """Root of everything this package raises on purpose."""

    exit_code = exit_codes.ERROR


class UsageError(ReconcilerError):
    """The options or their combination make no sense; nothing was read from or sent to the service."""

    exit_code = exit_codes.USAGE


class ProblemsError(ReconcilerError):
    """Input that can't be used; `problems` is never empty and is ordered by file, line and column."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class RefusedError(ReconcilerError):
    """Guards refused before anything was written; `refusals` is never empty."""

    exit_code = exit_codes.REFUSED

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        self.refusals = refusals
        super().__init__("\n".join(str(refusal) for refusal in refusals))


class FaultClass(str, Enum):
    """What a failed call means for the caller: try again, give up, or only the named objects are wrong."""

    TRANSIENT = "transient"
    FATAL = "fatal"
    PER_ITEM = "per_item"
    NOT_FOUND = "not_found"


class RemoteError(ReconcilerError):
    """A call that did not succeed, at the gRPC level or by the Clarifai status in its answer.

    `code` is a gRPC status name ("UNAVAILABLE") or a Clarifai status ("21200 MODEL_DOES_NOT_EXIST"), whose number is `status`.
    `sent` is False only where the request certainly never reached the service.
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
        more = f" ({details})" if details and details != description else ""
        rid = f" [request {request_id}]" if request_id else ""
        super().__init__(f"{rpc} failed: {code}: {description}{more}{rid}")
