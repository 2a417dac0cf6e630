"""Values and names in messages: shortened, quoted, and without characters that a terminal or a CI runner would act on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from reconciler.resources.secrets import Sensitive

_MAX_SHOWN: Final = 60

RUNNER_COMMAND: Final = re.compile(r"##(?=(?:vso|teamcity)?\[)", re.IGNORECASE)
"""What a runner obeys anywhere in a line: GitHub's "##[" (actions/runner, ActionCommand), "##vso[" of Azure Pipelines
(microsoft/azure-pipelines-agent, CommandParser) and "##teamcity[" (TeamCity documentation, "Service Messages")."""


def described(value: Any) -> str:
    """Return a value as messages describe it: `the number 5`, `the string "x"`, `a mapping`."""
    if value is None:
        return "nothing"
    if isinstance(value, Sensitive):
        return f"{value} from {value.source}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {shortened(str(value))}"
    if isinstance(value, str):
        return f"the string {quoted(value)}"
    return "a list" if isinstance(value, list) else "a mapping"


def quoted(text: str) -> str:
    """Return `text` in double quotes, shortened, with control characters escaped."""
    return f'"{shortened(text)}"'


def shortened(text: str) -> str:
    """Return at most 60 characters of `text`, with control characters escaped."""
    short = text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in short)


def listed(names: Iterable[str]) -> str:
    """Return names separated by commas, each shortened."""
    return ", ".join(shortened(name) for name in names)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` probably misspells, or None. Case and `-` versus `_` don't count."""
    import difflib  # only an error needs it

    names = sorted(known)
    by_lower = {candidate.lower().replace("-", "_"): candidate for candidate in names}

    match = difflib.get_close_matches(name.lower().replace("-", "_"), by_lower, n=1, cutoff=0.6)
    return by_lower[match[0]] if match else None
