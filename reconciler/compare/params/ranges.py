"""A model type's RANGE: bounds, a grid between them, and the allowed values nearest to one that isn't.

`min`, `max` and `step` are float32 (resources.proto, ModelTypeRangeInfo), params are doubles that people type as decimals.
A step of 0.01 arrives as 0.009999999776482582, but 0.95 must still be on that grid. Therefore:

- Each float32 is read as the shortest decimal that has the same float32: 0.01. All arithmetic is decimal.
- A value that is a bound in float32 is within it, and a value within a float32's relative error of a point of the grid is on
  it; but never further away than a hundredth of the step, or a step of 1 would mean nothing among large numbers.
- The grid begins at `min`, else at 0. A type whose own default is off that grid means another one, which nobody has
  documented: then no value is called off the grid. `max` is allowed even where the grid passes over it.
- proto3 can't tell a `max` of 0 from none, and none with it tells whether a missing `min` is 0 or none either. Without a `max`
  only a `min` that is there bounds, and bounds that contradict each other bound nothing.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from reconciler.resources.wording import shortened

_SINGLE_ERROR: Final = Decimal(2) ** -23
"""The distance between neighbouring float32 numbers, relative to their size (IEEE 754)."""

_DOUBLE_ERROR: Final = Decimal(2) ** -52
"""The same for doubles. If it is more than a step, no param can distinguish the points of the grid."""

_FAR: Final = 20
"""Decimal places beyond which a number is written with an exponent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What a RANGE allows; None is "no such limit"."""

    low: Decimal | None = None
    high: Decimal | None = None
    step: Decimal | None = None

    def holds(self, number: Decimal) -> bool:
        """Whether a number is within the bounds."""
        above = self.low is None or number >= self.low or _is_same_single(number, self.low)
        return above and (self.high is None or number <= self.high or _is_same_single(number, self.high))

    def allows(self, number: Decimal) -> bool:
        """Whether a number is within the bounds and on the grid, or the upper bound."""
        if not self.holds(number):
            return False
        return self._is_on_grid(number) or (self.high is not None and _is_same_single(number, self.high))

    def nearest(self, number: Decimal) -> tuple[Decimal, ...]:
        """The allowed value nearest to a number, or both where two are equally near; ascending."""
        if self.low is not None:
            number = max(number, self.low)
        if self.high is not None:
            number = min(number, self.high)
        if self.step is None or self._is_on_grid(number):
            return (number,)
        below = self._start + ((number - self._start) / self.step).to_integral_value(ROUND_FLOOR) * self.step
        points = [point for point in (below, below + self.step) if self.holds(point)]
        distance = min(abs(point - number) for point in points)
        return tuple(point for point in points if abs(point - number) == distance)

    def wrong_with(self, number: Decimal) -> tuple[str, str] | None:
        """The code and the text of what is wrong with a number; None where it is allowed."""
        if self.allows(number):
            return None
        nearest = " or ".join(number_text(point) for point in self.nearest(number))
        remedy = f"the nearest allowed value is {nearest}"
        if not self.holds(number):
            return "param-out-of-range", f"{number_text(number)} is out of the range {self._span()}: {remedy}"
        assert self.step is not None
        grid = f"{number_text(self.step)} {self._span(self._start)}"
        return "param-off-grid", f"{number_text(number)} is off the grid of {grid}: {remedy}"

    def tolerance(self, number: Decimal) -> Decimal:
        """How far from a point of the grid a number, or what a service made of it, may be and still be that point."""
        if self.step is None:
            return Decimal(0)
        return min(max(abs(number), abs(self._start)) * _SINGLE_ERROR, self.step / 100)

    @property
    def _start(self) -> Decimal:
        return Decimal(0) if self.low is None else self.low

    def _is_on_grid(self, number: Decimal) -> bool:
        if self.step is None or abs(number) * _DOUBLE_ERROR > self.step:
            return True
        steps = ((number - self._start) / self.step).to_integral_value(ROUND_HALF_EVEN)
        return abs(self._start + steps * self.step - number) <= self.tolerance(number)

    def _span(self, low: Decimal | None = None) -> str:
        low = self.low if low is None else low
        start = [] if low is None else [f"from {number_text(low)}"]
        end = [] if self.high is None else [f"to {number_text(self.high)}"]
        return " ".join([*start, *end])


def range_from_info(info: Mapping[str, Any], default: Any) -> Range:
    """The Range of a ModelTypeRangeInfo as JSON, and of the field's default value."""
    low, high, step = (_decimal_of_single(info.get(name)) for name in ("min", "max", "step"))
    if high and low is None and high > 0:
        low = Decimal(0)
    if not high:
        high = None
    if low is not None and high is not None and low > high:
        low = high = None
    found = Range(low=low, high=high, step=step if step and step > 0 else None)
    example = decimal_from(default)
    if example is not None and found.holds(example) and not found.allows(example):
        return Range(low=low, high=high)
    return found


def decimal_from(value: Any) -> Decimal | None:
    """A JSON number as the decimal that a person would type for it; None for anything else, and for a number that isn't finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return Decimal(value)
    return Decimal(repr(value)) if math.isfinite(value) else None


def number_text(number: Decimal) -> str:
    """A number as a person would type it: 20, 0.95."""
    short = number.normalize()
    if not short:
        return "0"
    return shortened(str(short) if abs(short.adjusted()) > _FAR else format(short, "f"))


def _decimal_of_single(value: Any) -> Decimal | None:
    """The shortest decimal with the same float32 as `value`; None if it isn't finite."""
    number = decimal_from(value)
    single = math.nan if number is None else _single(number)
    if not math.isfinite(single):
        return None
    # 9 digits distinguish all float32 numbers. 6 digits always survive conversion to float32 and back, so fewer need not be tried.
    texts = (f"{single:.{digits}g}" for digits in range(6, 10))
    return next(Decimal(text) for text in texts if _single(Decimal(text)) == single)


def _single(number: Decimal) -> float:
    """The float32 nearest to a number."""
    try:
        single: float = struct.unpack("<f", struct.pack("<f", float(number)))[0]
    except OverflowError:
        return math.copysign(math.inf, number)
    return single


def _is_same_single(number: Decimal, bound: Decimal) -> bool:
    # A bound of 0 is exact: no float32 is needed to write it, and what rounds to it has another sign.
    return number == bound or (bound != 0 and _single(number) == _single(bound))
