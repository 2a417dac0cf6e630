"""A plan and the rules of policies → what each rule says of each change, and what is refused or warned of for it.

In: a plan, the policies of the manifests and of a base, and the live objects. Out: the plan with `policy`, refusals for what a rule with
severity deny finds, and warnings for the rest. A rule that reads neither `change`, `model` nor `labels` is about the plan as a whole, and
is evaluated once. A rule that can't be evaluated is an error: a change that was not judged never counts as allowed.

The rules of a base apply too, so that a pull request can't drop the rule that stops it. A rule that both state alike applies once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from reconciler.errors import Origin, Problem, ProblemList, ReconcilerError, Refusal
from reconciler.manifests.cel import Activation, CelError, Program, activation, compiled
from reconciler.manifests.selection import Inputs
from reconciler.plan.document import change_document
from reconciler.plan.plan import BASE, HEAD, Change, Plan, PolicyResult, of_source
from reconciler.resources.desired import Desired
from reconciler.resources.keys import Key
from reconciler.resources.observed import Observed
from reconciler.resources.policy import Policy, Rule
from reconciler.resources.secrets import Secrets, redacted
from reconciler.resources.wording import listed, nearest, quoted

if TYPE_CHECKING:
    from reconciler.manifests.base import BaseState

REFUSAL: Final = "policy"
"""The rule of a refusal that a policy causes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A rule that holds for this plan, ready to be evaluated."""

    rule: Rule
    source: Literal["head", "base"]
    program: Program

    @property
    def is_about_changes(self) -> bool:
        return bool(self.program.reads - {"plan"})


def judged(
    plan: Plan,
    desired: Desired,
    *,
    base: BaseState | None,
    observed: Observed,
    secrets: Secrets,
    inputs: Inputs,
) -> tuple[Plan, tuple[Problem, ...]]:
    """The plan as its policies judge it, and warnings. Unless the run is enforcing them, what is denied is a warning too.

    The refusals of overridden rules are let through. Raises ReconcilerError for a name that no rule has, and
    ProblemsError for rules that can't be evaluated.
    """
    overrides, then = inputs.overrides, Desired(models=()) if base is None else base.desired
    rules = _holding(desired.policies, then.policies)
    _require_known(overrides, rules)
    if not rules:
        return plan, ()
    results = tuple(_results(plan, rules, _values(plan, rules, (desired, then), observed, secrets), overrides))
    denied = [item for item in results if item.is_denied and inputs.enforces_policies]
    warned = [item for item in results if not item.overridden and item not in denied]
    judged_plan = replace(
        plan,
        policy=results,
        overridden_rules=tuple(sorted(set(overrides))),
        refused=(*plan.refused, *map(_refusal, denied)),
    )
    return judged_plan, tuple(map(_warning, warned))


def _holding(head: Iterable[Policy], base: Iterable[Policy]) -> tuple[_Held, ...]:
    """The rules of the head, and those of the base that the head doesn't state alike."""
    found: dict[tuple[str, str, str], _Held] = {}
    sources: tuple[tuple[Literal["head", "base"], Iterable[Policy]], ...] = ((HEAD, head), (BASE, base))
    for source, policies in sources:
        for rule in (rule for policy in policies for rule in policy.rules):
            text = (rule.name, rule.severity, rule.when)
            if text not in found:
                found[text] = _Held(rule=rule, source=source, program=compiled(rule.when))
    return tuple(found.values())


def _require_known(overrides: Sequence[str], rules: Sequence[_Held]) -> None:
    known = sorted({held.rule.name for held in rules})
    for name in overrides:
        if name not in known:
            near = nearest(name, known)
            hint = (
                f"Did you mean {quoted(near)}?"
                if near
                else f"Known rules: {listed(known)}."
                if known
                else "There are no policies."
            )
            raise ReconcilerError(f"--override: no policy has a rule {quoted(name)}. {hint}")


# --- what a rule reads --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Values:
    """The values of the variables, for the plan and for each change."""

    plan: Mapping[str, Any]
    models: Mapping[Key, Mapping[str, Any]]
    labels: Mapping[Key, Mapping[str, str]]

    def of(self, change: Change) -> Activation:
        """For one change."""
        key = change.key.model()
        return activation(
            {
                "change": change_document(change),
                "model": self.models.get(key, {}),
                "labels": self.labels.get(key, {}),
                "plan": self.plan,
            }
        )

    def of_plan(self) -> Activation:
        """For the plan as a whole."""
        return activation({"plan": self.plan})


def _values(
    plan: Plan, rules: Sequence[_Held], desired: Sequence[Desired], observed: Observed, secrets: Secrets
) -> _Values:
    labels: dict[Key, Mapping[str, str]] = {}
    for each in desired:
        for model in each.models:
            labels.setdefault(model.key, model.labels)
    models: dict[Key, Mapping[str, Any]] = {}
    if any("model" in held.program.reads for held in rules):
        for key in {change.key.model() for change in plan.changes}:
            models[key] = _model_document(key, observed, secrets)
    about = {
        "summary": plan.summary,
        "created_at": plan.created_at,
        "endpoint": plan.endpoint,
        "environment": plan.environment,
        "owner": plan.owner,
    }
    return _Values(plan=about, models=models, labels=labels)


def _model_document(key: Key, observed: Observed, secrets: Secrets) -> Mapping[str, Any]:
    live = observed.models.get(key)
    if live is None:
        return {"metadata": {}}
    document = redacted(secrets.conceal(key, dict(live.document), source="live"))
    return {"metadata": {}, "model_type_id": live.model_type_id, **document}


# --- what they say --------------------------------------------------------------------------------------------------


def _results(plan: Plan, rules: Sequence[_Held], values: _Values, overrides: Sequence[str]) -> Iterator[PolicyResult]:
    """What the rules find, in the order of changes and then of rules."""
    failed: dict[int, list[tuple[str, CelError]]] = {}
    found: list[PolicyResult] = []

    def judge(index: int, held: _Held, given: Activation, address: str | None) -> None:
        try:
            if held.program.is_true(given):
                found.append(_result(held, address, overrides))
        except CelError as error:
            failed.setdefault(index, []).append((address or "the plan", error))

    about_changes = [(index, held) for index, held in enumerate(rules) if held.is_about_changes]
    for index, held in enumerate(rules):
        if not held.is_about_changes:
            judge(index, held, values.of_plan(), None)
    for change in plan.changes if about_changes else ():
        given = values.of(change)
        for index, held in about_changes:
            judge(index, held, given, change.key.address)
    problems = ProblemList()
    for index, errors in failed.items():
        _report_failure(rules[index], errors, problems)
    problems.raise_if_any()
    yield from found


def _result(held: _Held, address: str | None, overrides: Sequence[str]) -> PolicyResult:
    rule = held.rule
    return PolicyResult(
        rule=rule.name,
        severity=rule.severity,
        address=address,
        message=rule.message,
        overridden=rule.severity == "deny" and rule.name in overrides,
        source=held.source,
        origin=rule.origin,
    )


def _report_failure(held: _Held, errors: Sequence[tuple[str, CelError]], problems: ProblemList) -> None:
    address, error = errors[0]
    more = f" and {len(errors) - 1} more" if errors[1:] else ""
    problems.add(
        "policy-fails",
        f"the rule {quoted(held.rule.name)}{of_source(held.source)} can't be evaluated for {address}{more}: {error}.",
        held.rule.when_origin,
        pointer="/spec/rules",
        hint="Guard keys that may be missing with has(), for example has(f.after) && f.after > 1.",
    )


def _refusal(item: PolicyResult) -> Refusal:
    return Refusal(
        rule=REFUSAL,
        address=item.address,
        message=item.sentence,
        remedy=f"If it is meant, --override {item.rule} lets it through.",
    )


def _warning(item: PolicyResult) -> Problem:
    about = "" if item.address is None else f"{item.address}: "
    return Problem(
        code="policy",
        message=f"{about}{item.message} (rule {item.rule}{of_source(item.source)})",
        origin=item.origin if item.source == HEAD else Origin(path=item.origin.path, line=item.origin.line),
        pointer="/spec/rules",
    )
