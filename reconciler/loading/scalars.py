"""How YAML 1.1, as in PyYAML's safe loader, reads a scalar, and which results surprise people."""

from __future__ import annotations

import math
import re
import sys
from typing import Any, Final

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from reconciler.resources.canonical import MAX_EXACT

TAG_PREFIX: Final = "tag:yaml.org,2002:"

MAX_NUMBER_TEXT: Final = 400
"""Characters of a number: Python converts long ones in quadratic time."""

_KNOWN_SCALARS: Final = 10_000
_MEANINGFUL_LETTERS: Final = frozenset(Resolver.yaml_implicit_resolvers)
"""What a plain scalar begins with that YAML may read as anything but a string."""

_CONVERTIBLE: Final = frozenset({"null", "bool", "int", "float", "str"})
_CONSTRUCTOR: Final = SafeConstructor()
_TRUE_AND_FALSE: Final = frozenset({"true", "false"})
# Numbers in JSON and YAML 1.2, strings in YAML 1.1: an exponent without dot or sign, octal with 0o.
_TEXT_LIKE_NUMBER: Final = re.compile(r"[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)[eE][-+]?\d+|0o[0-7]+)")

Reading = tuple[str, Any]
"""The kind of a scalar and its value. Kinds: "null", "bool", "int", "float", "str"; and what has no JSON value:
"merge" (the key <<), "timestamp", "number" (looks like one and can't be converted), "tag" (a tag that isn't plain data).
"""


def read_plain(text: str) -> Reading:
    """An untagged scalar without quotes."""
    resolvers = Resolver.yaml_implicit_resolvers
    for tag, pattern in (*resolvers.get(text[:1], ()), *resolvers.get(None, ())):
        if pattern.match(text):
            return _converted(tag.removeprefix(TAG_PREFIX), text)
    return "str", text


class PlainReadings(dict[str, "tuple[Any, str | None, bool] | None"]):
    """How plain scalars are read, computed once for each text, because manifests repeat the same words.

    By the text: its value; the text itself where the value isn't a string or looks as if it weren't; and whether it is
    ordinary, as `LoadedDocument` says. None if there is more to do: a problem to report, or a reference to look for.
    """

    def __missing__(self, text: str) -> tuple[Any, str | None, bool] | None:
        if len(self) >= _KNOWN_SCALARS:
            self.clear()  # texts that repeat are soon known again
        reading = self[text] = _whole_reading(sys.intern(text))
        return reading


def _whole_reading(text: str) -> tuple[Any, str | None, bool] | None:
    if "${" in text:
        return None
    if text[:1] not in _MEANINGFUL_LETTERS:
        return text, None, True
    kind, value = read_plain(text)
    if kind in {"timestamp", "number", "tag"} or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if kind == "str" and not may_surprise(text):
        return text, None, True
    return value, text, _has_one_spelling(value) and surprise(text, value) is None


def _has_one_spelling(value: Any) -> bool:
    """Whether a value goes through a double, as all numbers of a Struct do, and comes back as it is: 20.0 comes back as 20."""
    return not value.is_integer() if isinstance(value, float) else not isinstance(value, int) or abs(value) <= MAX_EXACT


def read_tagged(tag: str, text: str) -> Reading:
    """A scalar with an explicit tag such as !!str."""
    kind = tag.removeprefix(TAG_PREFIX)
    if not tag.startswith(TAG_PREFIX) or kind not in _CONVERTIBLE:
        return "tag", text
    return _converted(kind, text)


def surprise(raw: str, value: Any) -> str | None:
    """How YAML reads `raw`, if few people expect it: `no` → "false", `012` → "the number 10"; None otherwise."""
    if isinstance(value, bool):
        return None if raw.lower() in _TRUE_AND_FALSE else str(value).lower()
    if isinstance(value, str):
        return "a string, not a number" if _TEXT_LIKE_NUMBER.fullmatch(raw) else None
    if isinstance(value, int | float):
        digits = raw.lstrip("+-")
        is_octal = isinstance(value, int) and digits.startswith("0") and digits[1:2].isdigit()
        return f"the number {value}" if is_octal or "_" in digits or ":" in digits else None
    return None


def may_surprise(text: str) -> bool:
    """Whether a plain scalar that YAML reads as text looks like a number."""
    return text[:1] in "+-.0123456789" and _TEXT_LIKE_NUMBER.fullmatch(text) is not None


def _converted(kind: str, text: str) -> Reading:
    if kind in ("str", "value"):
        return "str", text
    if kind in ("merge", "timestamp"):
        return kind, text
    if kind == "null":
        return kind, None
    if len(text) > MAX_NUMBER_TEXT:
        return "number", 0
    try:
        return kind, getattr(_CONSTRUCTOR, f"construct_yaml_{kind}")(yaml.ScalarNode(TAG_PREFIX + kind, text))
    except (ValueError, KeyError, IndexError, OverflowError):
        return "number", 0
