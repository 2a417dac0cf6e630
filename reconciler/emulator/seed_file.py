"""Reads a seed from a JSON or YAML file, and says at which line and column it is wrong.

In: a path. Out: the seed as a mapping, and the place of each entry. The published JSON Schema judges the form, so that
all mistakes are reported at once; what only `seeds` can judge (such as an id that is used twice) gets its place here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from reconciler.emulator import seeds
from reconciler.emulator.seeds import SeedError, dotted
from reconciler.errors import Origin, Problem
from reconciler.resources.wording import described, listed, nearest, quoted, shortened

SCHEMA: Final = "seed.v1.schema.json"
MOST_REPORTED: Final = 50
MOST_LISTED: Final = 12
ASK_SCHEMA: Final = "`reconciler schema Seed` prints the known ones."
TYPES: Final[Mapping[str, str]] = {
    "object": "a mapping",
    "array": "a list",
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML without dates (a time in a seed is a string, as in protobuf JSON) and without repeated keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        found: set[Any] = set()
        for key, _ in getattr(node, "value", ()):
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in found:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {quoted(key.value)} is there twice", problem_mark=key.start_mark
                    )
                found.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in _Loader.yaml_implicit_resolvers.items()
}


class SeedFile:
    """A seed that was read from a file."""

    def __init__(self, path: Path) -> None:
        """Read the file; `*.json` is JSON, anything else YAML. Raises SeedError with every problem and its place."""
        self.path = path
        try:
            self._text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise SeedError(f"seed file {path} can't be read: it is not UTF-8. Save it as UTF-8.") from error
        except OSError as error:
            raise SeedError(f"seed file {path} can't be read: {error.strerror}. Check the path.") from error
        self.seed: Mapping[str, Any] = self._parsed()
        problems = list(self._problems())
        if problems:
            raise SeedError(_report(problems))

    def place(self, error: SeedError) -> SeedError:
        """An error that loading met, with the place in this file."""
        return SeedError(f"{self._origin(error.path, at_key=False)}: {error}", path=error.path)

    def _parsed(self) -> Any:
        try:
            if self.path.suffix == ".json":
                return json.loads(self._text)
            return yaml.load(self._text, Loader=_Loader)  # noqa: S506 - a SafeLoader
        except json.JSONDecodeError as error:
            where = Origin(path=str(self.path), line=error.lineno, column=error.colno)
            raise SeedError(f"{where}: not JSON: {error.msg}. Correct the file.") from error
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = Origin(path=str(self.path))
            if mark is not None:
                where = Origin(path=str(self.path), line=mark.line + 1, column=mark.column + 1)
            raise SeedError(f"{where}: not YAML: {error.problem}. Correct the file.") from error
        except (yaml.YAMLError, RecursionError) as error:
            raise SeedError(f"{self.path}: not YAML: {shortened(str(error))}. Correct the file.") from error

    def _problems(self) -> Iterator[Problem]:
        for error in _validator().iter_errors(self.seed):
            path = tuple(error.absolute_path)
            for at, message, hint in _worded(error, path):
                at_key = at != path
                yield Problem(
                    code=str(error.validator), message=message, origin=self._origin(at, at_key=at_key), hint=hint
                )

    def _origin(self, path: seeds.Path, *, at_key: bool) -> Origin:
        """The place of the value (or the key) at `path`, or of the nearest value above it."""
        node, mark = self._tree(), None
        for position, name in enumerate(path):
            if isinstance(node, yaml.MappingNode):
                pair = next(((key, value) for key, value in node.value if key.value == name), None)
                if pair is None:
                    break
                node = pair[1]
                mark = pair[0].start_mark if at_key and position == len(path) - 1 else None
            elif isinstance(node, yaml.SequenceNode) and isinstance(name, int) and name < len(node.value):
                node = node.value[name]
            else:
                break
        mark = mark or (node.start_mark if node is not None else None)
        if mark is None:
            return Origin(path=str(self.path))
        return Origin(path=str(self.path), line=mark.line + 1, column=mark.column + 1)

    @cache  # noqa: B019 - a seed file is read once and lives as long as the command that reports it
    def _tree(self) -> Any:
        """The file's nodes with their marks. JSON is read as YAML, which it nearly is; where it isn't, without places."""
        try:
            return yaml.compose(self._text, Loader=_Loader)
        except yaml.YAMLError:
            return None


def _worded(error: Any, path: seeds.Path) -> Iterator[tuple[seeds.Path, str, str | None]]:
    """What one error of the validator means: where, what is wrong, and what to do."""
    name, value, rule = dotted(path), error.instance, error.validator_value
    if error.validator == "additionalProperties":
        known = tuple(error.schema.get("properties", ()))
        for key in value:
            if key not in known:
                near = nearest(str(key), known)
                shown = f"Known keys here: {listed(known)}." if len(known) <= MOST_LISTED else ASK_SCHEMA
                hint = f"Did you mean {quoted(near)}?" if near else shown
                yield (*path, key), f"unknown key {quoted(str(key))} in {name}.", hint
    elif error.validator == "required":
        for key in rule:
            if key not in value:
                yield path, f"{name} has no {key}.", f"Add `{key}: …`."
    elif error.validator == "type":
        wanted = " or ".join(TYPES[kind] for kind in ([rule] if isinstance(rule, str) else rule))
        yield path, f"{name} must be {wanted}, found {described(value)}.", None
    elif error.validator == "anyOf":
        names = [choice for option in rule for choice in option.get("enum", ())]
        near = nearest(value, names) if isinstance(value, str) else None
        shown = f"Known values: {listed(names)}, or their numbers." if len(names) <= MOST_LISTED else ASK_SCHEMA
        found = quoted(value) if isinstance(value, str) else described(value)
        yield path, f"{name} can't be {found}.", f"Did you mean {near}?" if near else shown
    elif error.validator == "minLength":
        yield path, f"{name} is empty.", "Write a string."
    else:
        yield path, f"{name} breaks the rule {error.validator}: {shortened(str(rule))}.", None


def _report(problems: Sequence[Problem]) -> str:
    ordered = [str(problem) for problem in sorted(problems, key=lambda found: (found.origin, found.message))]
    more = len(ordered) - MOST_REPORTED
    return "\n".join(ordered[:MOST_REPORTED] + ([f"{more} further problems omitted."] if more > 0 else []))


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator  # takes 140 ms, which an emulator without a seed file need not pay

    package = Path(__file__).resolve().parent.parent
    for folder in (package / "schemas", package.parent / "schemas"):
        if (folder / SCHEMA).is_file():
            return Draft202012Validator(json.loads((folder / SCHEMA).read_text(encoding="utf-8")))
    raise FileNotFoundError(
        f"{SCHEMA} is missing from the installation: neither {package} nor the folder above holds it"
    )
