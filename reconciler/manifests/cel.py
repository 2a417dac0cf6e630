"""Expressions in CEL, the Common Expression Language: compiled, bounded, and evaluated to true or false.

In: the text of an expression, and values for its variables. Out: a bool, or a CelError that says what is wrong and where in the
text. It wraps cel-expr-python, which is imported only where an expression is compiled: most runs have no policy.

An expression can't run away. CEL has no loops but macros over lists and maps, regular expressions take linear time, and the runtime
stops at 10,000 iterations and 32 levels of nesting. What it doesn't bound is the memory for values that double with each macro
(`.map(a, a + a)` again and again), so the length of an expression and the number of its macros and additions are limited here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from reconciler.errors import ReconcilerError

VARIABLES: Final = ("change", "model", "labels", "plan")
"""What an expression can read."""

MAX_LENGTH: Final = 4096
MAX_MACROS: Final = 8
MAX_ADDITIONS: Final = 16

_STRING: Final = re.compile(
    r'''[rRbB]{0,2}(?:"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\'|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')'''
)
_MACRO: Final = re.compile(r"\.\s*(?:all|exists|exists_one|filter|map)\s*\(")
_NAME: Final = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_COMPILER: Final = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)")
_STATUS: Final = re.compile(r"^(?:[A-Z_]+: )?(.*?)(?: \[[A-Z_]+\])?$", re.DOTALL)
_BIGGEST: Final = 2**63 - 1


class CelError(ReconcilerError):
    """An expression that can't be compiled, or not evaluated. `place` is the line and column in it, if known."""

    def __init__(self, reason: str, place: tuple[int, int] | None = None) -> None:
        self.reason = reason
        self.place = place
        where = f"line {place[0]}, column {place[1]} of the expression: " if place else ""
        super().__init__(f"{where}{reason}")


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression. `reads` are the variables that it names."""

    _expression: Any
    reads: frozenset[str]

    def is_true(self, values: Activation) -> bool:
        """Evaluate it. Raises CelError where it can't be, or is neither true nor false."""
        try:
            found = self._expression.eval(values.native)
            value = found.value()
        except (RuntimeError, MemoryError, ValueError) as error:
            raise CelError(_reason(str(error))) from error
        if isinstance(value, bool):
            return value
        if found.type().name() == "ERROR" or not isinstance(value, int | float | str | list | dict | type(None)):
            raise CelError(_reason(str(value)))
        raise CelError(f"its value is {type(value).__name__} {str(value)[:60]!r}, neither true nor false")


@dataclass(frozen=True, slots=True)
class Activation:
    """The values of the variables for one evaluation."""

    native: Any


def compiled(text: str) -> Program:
    """Compile an expression. Raises CelError for what isn't one, is too large, or can't be true or false."""
    without_strings = _STRING.sub('""', text)
    for count, most, what in (
        (len(text), MAX_LENGTH, "characters"),
        (len(_MACRO.findall(without_strings)), MAX_MACROS, "macros (all, exists, exists_one, filter, map)"),
        (without_strings.count("+"), MAX_ADDITIONS, "additions"),
    ):
        if count > most:
            raise CelError(f"it has {count:,} {what}; at most {most:,} are allowed")
    cel = _cel()
    try:
        expression = _environment().compile(text)
    except (RuntimeError, TypeError) as error:
        found = _COMPILER.search(str(error))
        if found is None:
            raise CelError(_reason(str(error))) from error
        line, column = int(found[1]), int(found[2])
        raise CelError(found[3].rstrip(), (line, column) if line > 0 else None) from error
    if expression.return_type() not in (cel.Type.BOOL, cel.Type.DYN):
        raise CelError(f"it is of type {expression.return_type().name()}, and has to be true or false")
    return Program(expression, frozenset(_NAME.findall(without_strings)) & frozenset(VARIABLES))


def activation(values: Mapping[str, Any]) -> Activation:
    """JSON values for the variables, for any number of programs."""
    return Activation(_environment().Activation({name: _native(values.get(name)) for name in VARIABLES}))


@cache
def _environment() -> Any:
    cel = _cel()
    return cel.NewEnv(variables=dict.fromkeys(VARIABLES, cel.Type.DYN))


def _cel() -> Any:
    try:
        from cel_expr_python import cel
    except ImportError as error:
        raise CelError(
            "policies need the package cel-expr-python, which needs Python 3.11 or later. Install it with `pip install cel-expr-python`"
        ) from error
    return cel


def _native(value: Any) -> Any:
    """A JSON value as the runtime takes it: plain mappings, and integers beyond 64 bits as the doubles that they are."""
    if isinstance(value, Mapping):
        return {name: _native(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_native(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _BIGGEST:
        return float(value)
    return value


def _reason(text: str) -> str:
    found = _STATUS.match(text.strip())
    return found[1].strip() if found else text
