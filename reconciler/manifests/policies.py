"""One document of kind Policy → its rules, under what a JSON Schema can't state; and the rules between policies.

An expression that doesn't compile is a problem at its place. Without policies, nothing of CEL is imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.errors import Origin, Problem
from reconciler.loading.document import LoadedDocument
from reconciler.resources.policy import Policy, Rule
from reconciler.resources.wording import listed, quoted


def policy_from_document(document: LoadedDocument) -> Policy | None:
    """What one document states; only complete where the schema accepts the document."""
    metadata, spec = document.value.get("metadata"), document.value.get("spec")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    rules = spec.get("rules") if isinstance(spec, dict) else None
    if not isinstance(name, str) or not isinstance(rules, list):
        return None
    usable = [_rule(document, index, rule) for index, rule in enumerate(rules)]
    return Policy(name=name, rules=tuple(rule for rule in usable if rule is not None), origin=document.origin())


def _rule(document: LoadedDocument, index: int, value: object) -> Rule | None:
    """One rule; None where the schema has reported that it isn't one."""
    names = ("name", "severity", "message", "when")
    if not isinstance(value, dict) or not all(isinstance(value.get(name), str) for name in names):
        return None
    path = ("spec", "rules", index)
    return Rule(
        name=value["name"],
        severity=value["severity"],
        message=value["message"],
        when=value["when"],
        origin=document.origin((*path, "name")),
        when_origin=document.origin((*path, "when")),
    )


def problems_of_rules(policies: Sequence[Policy]) -> Iterator[Problem]:
    """The problems of the rules of a run: expressions that don't compile, and names that occur twice."""
    for policy in policies:
        yield from (problem for rule in policy.rules for problem in _uncompilable(rule))
    yield from repeated_rules(policies)


def _uncompilable(rule: Rule) -> Iterator[Problem]:
    from reconciler.manifests.cel import VARIABLES, CelError, compiled

    try:
        compiled(rule.when)
    except CelError as error:
        yield Problem(
            code="bad-expression",
            message=f"the expression of rule {quoted(rule.name)} can't be used: {error}.",
            origin=rule.when_origin,
            pointer="/spec/rules",
            hint=f"It is in CEL, and can read {listed(VARIABLES)}.",
        )


def repeated_rules(policies: Sequence[Policy]) -> Iterator[Problem]:
    """A problem for each rule whose name another rule of the run has: --override could not tell them apart."""
    first: dict[str, Origin] = {}
    for policy in policies:
        for rule in policy.rules:
            there = first.setdefault(rule.name, rule.origin)
            if there != rule.origin:
                yield Problem(
                    code="duplicate-rule",
                    message=f"the rule {quoted(rule.name)} is already stated in {there}.",
                    origin=rule.origin,
                    pointer="/spec/rules",
                    hint="Give each rule a name of its own.",
                )
