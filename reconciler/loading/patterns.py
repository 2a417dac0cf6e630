"""Regular expressions of manifests, matched in a time that is linear in the text, whatever the expression.

Python's own engine can take years for some expressions. jsonschema-rs, which judges manifests anyway, has an engine without
look-around and backreferences, whose time is bounded (docs.rs, crate `regex`). The size of a compiled expression is bounded too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

MAX_PATTERN: Final = 1000
_MAX_COMPILED: Final = 1024 * 1024


class PatternError(ValueError):
    """A text that can't be used as a regular expression; the message says why."""


@cache
def pattern(text: str) -> Callable[[str], bool]:
    """What says whether some part of a string matches a regular expression. Raises PatternError."""
    from jsonschema_rs import RegexOptions, ValidationError, validator_for  # 10 ms that only expectations need

    if len(text) > MAX_PATTERN:
        raise PatternError(f"it is longer than {MAX_PATTERN} characters")
    options = RegexOptions(size_limit=_MAX_COMPILED, dfa_size_limit=_MAX_COMPILED)
    try:
        validator = validator_for({"type": "string", "pattern": text}, pattern_options=options)
    except (ValidationError, ValueError):
        raise PatternError("it is no regular expression, or it uses look-around or backreferences") from None

    def matches(value: str) -> bool:
        try:
            return bool(validator.is_valid(value))
        except UnicodeEncodeError:  # half of a surrogate pair, which a string in Rust can't hold
            return False

    return matches
