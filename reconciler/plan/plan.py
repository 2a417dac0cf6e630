"""The plan: what would change, by which requests, and what a guard refuses. It can be saved and applied later.

`planning.py` makes it from drifts, requests and the decisions of the guards; `document.py` turns it into JSON and back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, Literal

from reconciler.compare.expectations import Expectation
from reconciler.compare.match import Match
from reconciler.compare.results import FieldChange
from reconciler.errors import Origin, Problem, Refusal
from reconciler.remote.observe import FEW
from reconciler.requests.results import Notice
from reconciler.resources.desired import Statement
from reconciler.resources.fields import MOST_ENTRIES
from reconciler.resources.keys import Key
from reconciler.resources.request import Request
from reconciler.resources.tree import FieldPath

if TYPE_CHECKING:
    from reconciler.compare.released import Released
    from reconciler.compare.unreadable import NotComparable
    from reconciler.plan.overrides import PlannedOverride
    from reconciler.plan.preview import Preview

HEAD: Final = "head"
BASE: Final = "base"
"""Whose manifests state a rule: those of the work tree, or those of the base."""

CREATED_AT: Final = "%Y-%m-%dT%H:%M:%SZ"
"""The form of `created_at`, for strftime and strptime."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource that the plan changes or deletes.

    `attribution` is set if the plan was compared with a base: "this_change" if only the manifests of the head state it,
    "base" if those of the base do too. The fields of a deletion are what is lost. It carries `object_digest`, a digest of the
    whole object as it was reviewed, for a model its owner mark then (`mark`, {} for none; None if a plan of an earlier version
    doesn't say), and for a version `retain`, the number of newest versions that stay. `statements` are what the manifest states
    of the resource; a saved plan keeps those of the fields that change, where they say more than the change itself.
    `unreadable` are the paths of an update whose values can't be read back as they are sent.
    """

    key: Key
    action: Literal["update", "delete"]
    fields: tuple[FieldChange, ...] = ()
    origin: Origin | None = None
    reason: str | None = None
    attribution: str | None = None
    object_digest: str | None = None
    mark: Mapping[str, Any] | None = None
    retain: int | None = None
    unreadable: tuple[FieldPath, ...] = ()
    statements: tuple[Statement, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmanaged:
    """A live model without a manifest, and the owner that its mark names (None: no mark)."""

    address: str
    owner: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmanagedCount:
    """How many models of an app have no manifest; at least so many, unless the app `is_complete`ly listed."""

    app: str
    count: int
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionBase:
    """The git revision that changes were attributed by: the name that was given, and its commit."""

    ref: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the desired state came from. `config` is the path of the settings file, None without one."""

    digest: str
    files: tuple[str, ...]
    git_commit: str | None = None
    git_branch: str | None = None
    config: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyResult:
    """What a rule of a policy says of one change, or of the whole plan if `address` is None.

    `source` says whether the rule is the head's or the base's; `overridden`, that its refusal was let through.
    """

    rule: str
    severity: Literal["deny", "warn"]
    address: str | None
    message: str
    overridden: bool
    source: Literal["head", "base"]
    origin: Origin

    @property
    def is_denied(self) -> bool:
        """Whether it refuses the plan."""
        return self.severity == "deny" and not self.overridden

    @property
    def sentence(self) -> str:
        """What the rule says of the change, for people."""
        about = "" if self.address is None else f"{self.address}: "
        return (
            f"{about}{self.message} (rule {self.rule}{of_source(self.source)}, {self.origin.path}:{self.origin.line})"
        )


def of_source(source: Literal["head", "base"]) -> str:
    """What is added to the name of a rule of the base."""
    return " of the base" if source == BASE else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The calls of an apply, and the seconds that `rate`, in calls per second, alone makes them take.

    `predictions` counts the inputs × versions that probes ask for, None without --probe.
    """

    calls: int
    seconds: float
    rate: float
    predictions: int | None = None


def forecast(requests: Sequence[Request], *, rate: float, recorded: int = 0, batch: int = 1) -> Forecast:
    """What sending these requests and reading back takes at `rate` calls per second.

    Of `recorded` models the owner mark is written afterwards, `batch` in each call, and read once more.
    """
    models = {key.model() for request in requests for key in request.keys}
    sent = sum(len(request.in_parts()) for request in requests)
    calls = sent + _reads(len(models)) + -(-recorded // batch) + _reads(recorded)
    return Forecast(calls=calls, seconds=round(calls / rate, 1), rate=rate)


def _reads(models: int) -> int:
    return models if models <= FEW else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything one run would do, in the order in which it would do it.

    `not_comparable` are stated values about which nothing can be said. `released` is what the base manages and these manifests
    no longer do. `unmanaged` are live models without a manifest (None: not asked for), and `unmanaged_counts` their number in
    each app that was listed anyway. `warnings` are what the manifests may not have meant.
    `compared` are the models whose manifests were compared with live, `matched` those manifests, and `hidden` the texts of
    secrets that they state. `overrides` are the versions whose params change, and `stated_versions` all that manifests name. A
    saved plan keeps none of these five. `preview` is what probes found. `owner` is the owner that
    it was made for, whose mark is on its models, but for those of `only_defaults`: addresses of
    changed models that have no manifest. `policy` is what the rules of policies say (None: there are none), and
    `overridden_rules` those whose refusals are let through. `unchanged` counts models wholly in sync. `batch` is the most entries of a
    request. `created_at` is RFC 3339 in UTC. Two plans with the same content at the same time have the same fingerprint.
    """

    tool_version: str
    created_at: str
    endpoint: str
    source: Source
    changes: tuple[Change, ...] = ()
    requests: tuple[Request, ...] = ()
    refused: tuple[Refusal, ...] = ()
    notices: tuple[Notice, ...] = ()
    not_comparable: tuple[NotComparable, ...] = ()
    released: tuple[Released, ...] = ()
    unmanaged: tuple[Unmanaged, ...] | None = None
    unmanaged_counts: tuple[UnmanagedCount, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    warnings: tuple[Problem, ...] = ()
    unchanged: int = 0
    environment: str | None = None
    owner: str | None = None
    only_defaults: tuple[str, ...] = ()
    attribution_base: AttributionBase | None = None
    forecast: Forecast | None = None
    policy: tuple[PolicyResult, ...] | None = None
    overridden_rules: tuple[str, ...] = ()
    compared: tuple[Key, ...] = field(default=(), compare=False)
    matched: tuple[Match, ...] = field(default=(), compare=False, repr=False)
    hidden: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    overrides: tuple[PlannedOverride, ...] = field(default=(), compare=False)
    stated_versions: tuple[Key, ...] = field(default=(), compare=False)
    preview: Preview | None = None
    batch: int = MOST_ENTRIES
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def made_at(self) -> datetime:
        """`created_at` as a time. Raises ValueError for another form."""
        return datetime.strptime(self.created_at, CREATED_AT).replace(tzinfo=timezone.utc)

    @property
    def summary(self) -> dict[str, int]:
        """Entries of `changes` by action, models in sync, and refusals."""
        return {
            "update": sum(change.action == "update" for change in self.changes),
            "delete": sum(change.action == "delete" for change in self.changes),
            "unchanged": self.unchanged,
            "refused": len(self.refused),
        }

    @property
    def is_undo(self) -> bool:
        """Whether it takes back what another run wrote, rather than doing what manifests state."""
        return "undo" in self.extra

    @property
    def unmet(self) -> tuple[Expectation, ...]:
        """The expectations that the live side doesn't meet; no request can change that."""
        return tuple(item for item in self.expectations if not item.is_met)

    @property
    def has_changes(self) -> bool:
        """Whether anything would be written, or is refused."""
        return bool(self.changes or self.refused)
