"""reconciler.yaml → its checked content, every problem at once with its place.

Its schema (schemas/config.v1.schema.json) decides on names and types; what a schema can't say (an endpoint's form, ids, the
upper ends of the limits) is checked here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from reconciler.config.endpoint import parse_endpoint
from reconciler.errors import Origin, Problem, ProblemsError, UsageError
from reconciler.loading.document import LoadedDocument
from reconciler.loading.nodes import JsonPath, dotted, json_pointer
from reconciler.resources.fields import SETTINGS_FILE

NAME: Final = SETTINGS_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The values a number may have: at least `least` (more than it where `is_open`), at most `most`."""

    least: float
    most: float
    is_open: bool = False

    def problem(self, value: float) -> str | None:
        """Why `value` is outside, None where it isn't."""
        if math.isfinite(value) and self.least <= value <= self.most and not (self.is_open and value == self.least):
            return None
        return f"must be {'above' if self.is_open else 'from'} {self.least:g} {self._upper()}, found {value:g}"

    def _upper(self) -> str:
        return (
            "and finite"
            if self.most == math.inf
            else f"to {self.most:g}"
            if not self.is_open
            else f"up to {self.most:g}"
        )


RANGES: Final[Mapping[str, Range]] = {
    "rate": Range(least=0, most=1000, is_open=True),
    "parallelism": Range(least=1, most=64),
    # 128 is the largest number of objects in one request that the service documents, for deleting inputs.
    "batch": Range(least=1, most=128),
    "timeout": Range(least=0, most=3600, is_open=True),
    "max_count": Range(least=0, most=1_000_000),
    "max_percent": Range(least=0, most=100),
}
"""What the numbers of `limits` and `prune`, and the flags of the same names, may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """A checked reconciler.yaml. `path` is as the user would write it, None where there is no file."""

    path: str | None = None
    content: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[Problem, ...] = ()

    def section(self, name: str) -> Mapping[str, Any]:
        """A mapping at the top level; empty where it isn't stated."""
        found: Mapping[str, Any] = self.content.get(name, {})
        return found

    def environment(self, name: str | None) -> Mapping[str, Any]:
        """One of `environments`, empty for None. Raises UsageError with the known names for another."""
        if name is None:
            return {}
        known = self.section("environments")
        if name in known:
            chosen: Mapping[str, Any] = known[name]
            return chosen
        if self.path is None:
            raise UsageError(f"Environment '{name}' is not known: there is no {NAME} here. Write one, or use --config.")
        names = f"known are {', '.join(sorted(known))}" if known else "it has no environments"
        raise UsageError(f"Environment '{name}' is not in {self.path}: {names}.")


def read_config(given: str | None, *, cwd: Path) -> ConfigFile:
    """Read the file `given` by --config, else reconciler.yaml in `cwd`, which need not exist.

    Raises ProblemsError with everything that is wrong with it.
    """
    shown = given or NAME
    path = cwd / shown
    if given is None and not path.exists():
        return ConfigFile()
    if path.is_dir():
        raise ProblemsError((_problem("unreadable", "is a folder, not a file", Origin(path=shown)),))
    from reconciler.loading.load import load

    loaded = load([str(path)])
    documents = [document.with_path(shown) for document in loaded.documents]
    problems = [replace(problem, origin=problem.origin._replace(path=shown)) for problem in loaded.problems]
    warnings = [replace(problem, origin=problem.origin._replace(path=shown)) for problem in loaded.warnings]
    if documents:
        # What YAML itself got wrong (`.inf`) was replaced by something harmless, and is told once.
        told = {problem.origin for problem in problems}
        problems.extend(problem for problem in _content_problems(documents[0]) if problem.origin not in told)
    for document in documents[1:]:
        hint = "Keep one; other settings belong under environments."
        problems.append(_problem("extra-document", "a second document in this file", document.origin(), hint=hint))
    if problems:
        raise ProblemsError(tuple(sorted(problems, key=lambda each: (each.origin, each.pointer, each.code))))
    content = documents[0].value if documents else {}
    return ConfigFile(path=shown, content=MappingProxyType(content), warnings=tuple(warnings))


def _content_problems(document: LoadedDocument) -> Iterator[Problem]:
    from reconciler.loading.shape import shape_problems

    found = shape_problems(document, "Config")
    yield from found
    wrong = {problem.pointer for problem in found}
    for path, value in _values(document.value):
        if json_pointer(path) in wrong:
            continue
        message = _value_problem(path, value)
        if message is not None:
            yield _problem("wrong-value", message, document.origin(path), pointer=json_pointer(path))


def _values(content: Any) -> Iterator[tuple[JsonPath, Any]]:
    """The endpoints, ids and numbers of a document, whatever its other parts look like."""
    if not isinstance(content, dict):
        return
    environments = content.get("environments")
    named = environments.items() if isinstance(environments, dict) else ()
    for prefix, part in (((), content), *((("environments", name), part) for name, part in named)):
        for key in ("endpoint", "user_id", "app_id"):
            if isinstance(part, dict) and isinstance(part.get(key), str):
                yield (*prefix, key), part[key]
    for section in ("limits", "prune"):
        for key, value in content[section].items() if isinstance(content.get(section), dict) else ():
            if key in RANGES and isinstance(value, (int, float)) and not isinstance(value, bool):
                yield (section, key), value


def _value_problem(path: JsonPath, value: Any) -> str | None:
    from reconciler.resources.ids import id_problem

    key = str(path[-1])
    if key == "endpoint":
        try:
            # Whether plaintext is allowed is a matter of the run, and of the endpoint that it chooses.
            parse_endpoint(value, insecure=True)
        except UsageError as error:
            return str(error)
        return None
    problem = RANGES[key].problem(value) if key in RANGES else id_problem(value)
    return f"{dotted(path)} {problem}." if problem else None


def _problem(code: str, message: str, origin: Origin, *, pointer: str = "", hint: str | None = None) -> Problem:
    return Problem(code=code, message=message, origin=origin, pointer=pointer, hint=hint)
