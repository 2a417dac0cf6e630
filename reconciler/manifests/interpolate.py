"""References in manifests: `${var:NAME}` and `${env:NAME}` → the values they stand for.

A reference is a whole scalar. `${var:NAME}` takes a variable with its type, lists and mappings included; `${env:NAME}`
takes an environment variable as a Sensitive string. `$${` anywhere in a string is a literal `${`. Keys are kept
literally. Another string that contains `${` is kept too, unless it looks like a reference that would be silently ignored.
A variable's own value may refer to the environment, not to other variables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.errors import Problem, ProblemList
from reconciler.loading.document import LoadedDocument
from reconciler.loading.nodes import JsonPath, dotted, json_pointer
from reconciler.resources.secrets import Sensitive
from reconciler.resources.wording import listed, nearest, quoted, shortened

_WHOLE: Final = re.compile(r"\$\{(?P<source>[^:{}]*):(?P<name>[^{}]*)\}", re.DOTALL)
_BARE: Final = re.compile(r"\$\{[A-Za-z_][0-9A-Za-z_.]*\}")
"""How other tools write a reference: the shell, Terraform, GitHub's expressions."""
_PART: Final = re.compile(r"(?<!\$)\$\{(?:var|env):")
_ESCAPE: Final = "$${"
_PLAIN_SETTINGS: Final = frozenset(
    {"action", "visibility", "deploy_restriction", "id", "select", "remove", "protect", "retain_versions", "expect"}
)


def interpolate(
    document: LoadedDocument,
    *,
    variables: Mapping[str, Any],
    environ: Mapping[str, str],
    refused: Callable[[str], str | None] = lambda name: None,
    is_shown: Callable[[JsonPath], bool] | None = None,
) -> tuple[LoadedDocument, tuple[Problem, ...]]:
    """The document with its references replaced, and what is wrong with them. A wrong reference stays as it is.

    `refused` returns why a variable of the environment must not be read, None if it may be. `is_shown` says what plans must
    show, so that it can't come from the environment; without it, what they must show of a Model.
    """
    if not document.has_references:
        return document, ()
    references = _References(document, variables, environ, refused, is_shown or is_plain_setting, ProblemList())
    value = references.resolved(document.value, (), in_variable=None)
    return document.with_value(value), tuple(references.problems)


def lookalikes(document: LoadedDocument) -> Iterator[Problem]:
    """A warning for each string that other tools take for a reference, and that is kept literally here: `${HOME}`."""
    for path, text in _texts(document.value, ()) if document.has_references else ():
        if _BARE.fullmatch(text):
            yield Problem(
                code="reference-like",
                message=f"{dotted(path)}: {quoted(text)} is not a reference; kept literally.",
                origin=document.origin(path),
                pointer=json_pointer(path),
                hint="Write ${var:NAME} or ${env:NAME} for a reference, $${ for a literal ${.",
            )


def _texts(value: Any, path: JsonPath) -> Iterator[tuple[JsonPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def escaped(text: str) -> str:
    """`text` written so that interpolation gives it back: what an exported manifest must hold."""
    if "$" not in text:  # no pattern below matches then, and one character is found fast in long notes
        return text
    needs_escape = _ESCAPE in text or _WHOLE.fullmatch(text) or _PART.search(text)
    return text.replace("${", _ESCAPE) if needs_escape else text


@dataclass(frozen=True, slots=True)
class _References:
    document: LoadedDocument
    variables: Mapping[str, Any]
    environ: Mapping[str, str]
    refused: Callable[[str], str | None]
    is_shown: Callable[[JsonPath], bool]
    problems: ProblemList

    def resolved(self, value: Any, path: JsonPath, *, in_variable: str | None) -> Any:
        """`value` without references; `in_variable` names the variable whose value this is part of."""
        if isinstance(value, str):
            return self._text(value, path, in_variable) if "${" in value else value
        if isinstance(value, dict):
            return {name: self.resolved(item, (*path, name), in_variable=in_variable) for name, item in value.items()}
        if isinstance(value, list):
            return [self.resolved(item, (*path, index), in_variable=in_variable) for index, item in enumerate(value)]
        return value

    def _text(self, text: str, path: JsonPath, in_variable: str | None) -> Any:
        whole = _WHOLE.fullmatch(text)
        if whole is None:
            if _PART.search(text):
                self._report(
                    "partial-reference",
                    f"{dotted(path)} mixes a reference with other text: {quoted(text)}.",
                    path,
                    "A reference must be the whole value: put the whole text into the variable. "
                    "Write $${ for a literal ${.",
                )
                return text
            return text.replace(_ESCAPE, "${")
        source, name = whole["source"], whole["name"]
        if source == "env":
            return self._from_environ(text, name, path)
        if source == "var" and in_variable is None:
            return self._from_variables(text, name, path)
        if source == "var":
            message = f"the variable {quoted(in_variable or '')} refers to another one: {quoted(text)}."
            self._report("nested-reference", message, path, "Variables may refer to ${env:NAME} only.")
        else:
            message = f"{quoted(text)} is not a known reference: it must name var or env, found {quoted(source)}."
            self._report("unknown-reference", message, path, "Write ${var:NAME} or ${env:NAME}; $${ for a literal ${.")
        return text

    def _from_variables(self, text: str, name: str, path: JsonPath) -> Any:
        if name in self.variables:
            return self.resolved(self.variables[name], path, in_variable=name)
        near = nearest(name, self.variables)
        if near is not None:
            hint = f"Did you mean {quoted(near)}?"
        elif self.variables:
            hint = f"Known variables: {listed(sorted(self.variables))}."
        else:
            hint = "No variables are set: choose an environment of reconciler.yaml with --environment."
        self._report("unknown-variable", f"there is no variable {quoted(name)} for {shortened(text)}.", path, hint)
        return text

    def _from_environ(self, text: str, name: str, path: JsonPath) -> Any:
        if self.is_shown(path):
            message = f"{dotted(path)} can't be {shortened(text)}: environment variables are sensitive, this is shown."
            self._report("sensitive-setting", message, path, "Write it out, or use ${var:NAME}.")
            return text
        refused = self.refused(name)
        if refused is not None:
            why, _, hint = refused.partition(". ")
            self._report("refused-variable", f"the environment variable {quoted(name)} {why}.", path, hint)
            return text
        value = self.environ.get(name, "")
        if value and all(letter < "\ud800" or letter > "\udfff" for letter in value):
            return Sensitive(value, f"env:{name}")
        if value:
            why, hint = "is not valid UTF-8", "Set it to a valid string."
        else:
            why = "is empty" if name in self.environ else "is not set"
            near = nearest(name, (known for known in self.environ if self.environ[known]))
            hint = f"Set it, or did you mean {quoted(near)}?" if near else "Set it before running this command."
        message = f"the environment variable {quoted(name)} for {shortened(text)} {why}."
        self._report("unset-environment", message, path, hint)
        return text

    def _report(self, code: str, message: str, path: JsonPath, hint: str) -> None:
        self.problems.add(code, message, self.document.origin(path), pointer=json_pointer(path), hint=hint)


def is_plain_setting(path: JsonPath) -> bool:
    """Whether a path of a manifest names something that plans must show: an identity, a rule, a label."""
    if path[:1] != ("spec",):
        return True
    inner = path[3:] if path[1:2] == ("versions",) else path[1:]
    return bool(inner) and inner[0] in _PLAIN_SETTINGS
