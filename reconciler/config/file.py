"""Finds, reads and validates reconciler.yaml.

Takes the path of a settings file, or the working directory, from which the file is searched upward. Returns its content, or
raises every problem at once with its position. Defaults aren't filled in here; settings.py does that.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from reconciler.config.endpoint import parse_endpoint
from reconciler.errors import Origin, Problem, ProblemsError, ReconcilerError, UsageError
from reconciler.loading.document import LoadedDocument
from reconciler.loading.nodes import JsonPath, dotted, json_pointer
from reconciler.resources.fields import MOST_ENTRIES, SETTINGS_FILE
from reconciler.resources.wording import quoted

NAME: Final = SETTINGS_FILE
_PAT_NAME: Final = re.compile(r"CLARIFAI_PAT[A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The allowed values of a number, from `least` to `most`. If `is_open`, `least` itself isn't allowed."""

    least: float
    most: float
    is_open: bool = False

    def problem(self, value: float) -> str | None:
        """Return why `value` isn't allowed, or None if it is. The reason is a predicate without a subject."""
        if math.isfinite(value) and self.least <= value <= self.most and not (self.is_open and value == self.least):
            return None
        lower = f"greater than {self.least:g}" if self.is_open else f"at least {self.least:g}"
        return f"must be {lower} and at most {self.most:g}, found {value:g}"


RANGES: Final[Mapping[str, Range]] = {
    "rate": Range(least=0, most=1000, is_open=True),
    "parallelism": Range(least=1, most=64),
    "batch": Range(least=1, most=MOST_ENTRIES),
    "timeout": Range(least=0, most=3600, is_open=True),
    "max_count": Range(least=0, most=1_000_000),
    "max_percent": Range(least=0, most=100),
}
"""The allowed values of `limits` and `prune`, and of the flags of the same names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """A valid settings file. `path` is as the user would write it, None if there is no file.

    `root` is the folder beside whose settings file the state folder lies: that of the file that was found upward, the
    working directory if there is none. It is relative to the working directory. --config doesn't change it.
    """

    path: str | None = None
    root: Path = Path()
    content: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[Problem, ...] = ()

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a mapping at the top level, empty if the file doesn't state it."""
        found: Mapping[str, Any] = self.content.get(name, {})
        return found

    def environment(self, name: str | None) -> Mapping[str, Any]:
        """Return one of `environments`, empty for None. Raises UsageError, with the known names, for any other name."""
        if name is None:
            return {}
        known = self.section("environments")
        if name in known:
            chosen: Mapping[str, Any] = known[name]
            return chosen
        if self.path is None:
            raise UsageError(
                f"Environment '{name}' is unknown: there is no {NAME} in this folder or above it. Create one, or name one "
                "with --config."
            )
        names = f"only {', '.join(sorted(known))}. Choose one of those" if known else "no environments. Add it there"
        raise UsageError(f"Environment '{name}' is unknown: {self.path} defines {names}.")


def read_config(given: str | None, *, cwd: Path) -> ConfigFile:
    """Read the file `given` by --config, or else the nearest reconciler.yaml in or above `cwd`, which need not exist.

    Raises ProblemsError with all problems of the file.
    """
    nearest = _nearest(cwd)
    root = Path() if nearest is None else Path(os.path.relpath(nearest.parent, cwd))
    if given is None and nearest is None:
        return ConfigFile()
    shown = given or (root / NAME).as_posix()
    path = cwd / shown
    if path.is_dir():
        raise ProblemsError((_problem("unreadable", "this is a folder. Name a file.", Origin(path=shown)),))
    # Imported here, so that a command without a settings file doesn't import the YAML loader for it.
    from reconciler.loading.load import load

    loaded = load([str(path)])
    documents = [document.with_path(shown) for document in loaded.documents]
    problems = [replace(problem, origin=problem.origin._replace(path=shown)) for problem in loaded.problems]
    warnings = [replace(problem, origin=problem.origin._replace(path=shown)) for problem in loaded.warnings]
    if documents:
        # The loader reports a value that JSON can't express (`.inf`) and replaces it by a placeholder. What the schema
        # says about the placeholder would be a second message about the same value.
        reported = {problem.origin for problem in problems}
        problems.extend(problem for problem in _content_problems(documents[0]) if problem.origin not in reported)
    for document in documents[1:]:
        hint = "Keep one document; put settings that differ under environments."
        problems.append(
            _problem("extra-document", "the file has more than one document.", document.origin(), hint=hint)
        )
    if problems:
        raise ProblemsError(tuple(sorted(problems, key=lambda each: (each.origin, each.pointer, each.code))))
    content = documents[0].value if documents else {}
    return ConfigFile(path=shown, root=root, content=MappingProxyType(content), warnings=tuple(warnings))


def _nearest(cwd: Path) -> Path | None:
    """Return the first reconciler.yaml in `cwd` and the folders above it, up to the one that contains `.git`."""
    for folder in (cwd, *cwd.parents):
        if _is_there(folder / NAME):
            return folder / NAME
        if _is_there(folder / ".git"):
            return None
    return None


def _is_there(path: Path) -> bool:
    try:
        # Not stat: a link that leads nowhere is a settings file that can't be read, which must not go unnoticed.
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ReconcilerError(
            f"{path} can't be looked at: {error.strerror}. Make the folder accessible, or name the settings file with --config."
        ) from error
    return True


def _content_problems(document: LoadedDocument) -> Iterator[Problem]:
    from reconciler.loading.shape import shape_problems

    # schemas/config.v1.schema.json decides about names and types. A schema can't express the syntax of an endpoint, and the
    # published one leaves out the upper limits, so those are checked here.
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
    """Yield the endpoints, ids, names and numbers of a document that needn't match the schema, each with its path."""
    if not isinstance(content, dict):
        return
    environments = content.get("environments")
    named = environments.items() if isinstance(environments, dict) else ()
    for prefix, part in (((), content), *((("environments", name), part) for name, part in named)):
        for key in ("endpoint", "user_id", "app_id", "pat_env"):
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
            # Plaintext is checked for the endpoint that a run uses, together with its --insecure.
            parse_endpoint(value, insecure=True)
        except UsageError as error:
            return str(error)
        return None
    if key == "pat_env":
        if _PAT_NAME.fullmatch(value):
            return None
        # This file alone must not decide which variable of the environment is sent to the service as a token.
        return f"{dotted(path)} must be a name that begins with CLARIFAI_PAT, such as CLARIFAI_PAT_PROD, found {quoted(value)}."
    problem = RANGES[key].problem(value) if key in RANGES else id_problem(value)
    return f"{dotted(path)} {problem}." if problem else None


def _problem(code: str, message: str, origin: Origin, *, pointer: str = "", hint: str | None = None) -> Problem:
    return Problem(code=code, message=message, origin=origin, pointer=pointer, hint=hint)
