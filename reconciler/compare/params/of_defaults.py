"""What is wrong with the params that defaults state: once for each place, naming the models.

In: the findings about each entry of a ModelDefaults for each model. Out: the same problems, each once however many models it
concerns. A default that is right for one type of model may be wrong for another, so the message names the models.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.errors import Problem
from reconciler.resources.keys import Key

UNDECLARED: Final = "undeclared-params"
"""The code of what is reported once for each type: nothing can be said about its params."""


@dataclass(slots=True, kw_only=True)
class OfDefaults:
    """Collects problems by what they say; each with the addresses of its models."""

    _wrong: dict[Problem, list[str]] = field(default_factory=dict)
    _unknown: dict[Problem, list[str]] = field(default_factory=dict)

    def take(self, key: Key, *, problems: Iterable[Problem], unknown: Iterable[Problem]) -> tuple[Problem, ...]:
        """Take what was found for one model; returns what isn't about one model alone."""
        for problem in problems:
            self._wrong.setdefault(problem, []).append(key.address)
        others = []
        for problem in unknown:
            if problem.code == UNDECLARED:
                others.append(problem)
            else:
                self._unknown.setdefault(problem, []).append(key.address)
        return tuple(others)

    def wrong(self) -> Iterator[Problem]:
        """What is certainly wrong."""
        return _named(self._wrong)

    def unknown(self) -> Iterator[Problem]:
        """The params that the type of the model doesn't declare."""
        return _named(self._unknown)


def _named(found: dict[Problem, list[str]]) -> Iterator[Problem]:
    for problem, addresses in found.items():
        distinct = sorted(set(addresses))
        more = f" and {len(distinct) - 1} more" if distinct[1:] else ""
        yield replace(problem, message=f"for {distinct[0]}{more}: {problem.message}")
