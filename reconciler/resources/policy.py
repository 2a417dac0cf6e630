"""The rules that policies state: conditions on the changes of a plan, each with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reconciler.errors import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a policy. `when` is a CEL expression that is true for a change that breaks the rule.

    With severity "deny" such a change is refused, with "warn" it is reported. `origin` is the place of the rule, and
    `when_origin` that of its expression.
    """

    name: str
    severity: Literal["deny", "warn"]
    message: str
    when: str
    origin: Origin
    when_origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One document of kind Policy. The names of rules are unique within a run, not only within a policy."""

    name: str
    rules: tuple[Rule, ...]
    origin: Origin
