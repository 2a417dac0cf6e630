"""Laws of ranges: what people type for a point of the grid is on it, what is named instead is allowed, bounds hold."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.compare.params.check import problems_with_params
from reconciler.compare.params.fields import fields_for
from reconciler.compare.params.ranges import Range, range_from_info
from reconciler.errors import Origin

HERE = Origin(path="pets.yaml")


def single(number: float) -> float:
    """A number as the service's protobuf holds it, printed at full length: 0.009999999776482582."""
    unpacked: float = struct.unpack("<f", struct.pack("<f", number))[0]
    return unpacked


@dataclass(frozen=True)
class Grid:
    """A range as its author thought of it, in decimals."""

    low: Decimal
    step: Decimal
    count: int

    @property
    def high(self) -> Decimal:
        return self.low + self.step * self.count

    @property
    def info(self) -> dict[str, Any]:
        bounds = {"min": self.low, "max": self.high, "step": self.step}
        return {name: single(float(number)) for name, number in bounds.items() if number}


STEPS = st.sampled_from(["0.001", "0.01", "0.02", "0.05", "0.1", "0.25", "0.3", "0.5", "1", "2", "16", "100"]).map(
    Decimal
)
GRIDS = st.builds(
    lambda low, step, count: Grid(low * step, step, count), st.integers(0, 50), STEPS, st.integers(1, 1000)
)
NUMBERS = st.floats(-2000, 200_000, allow_nan=False) | st.integers(-2000, 200_000)


def is_allowed(value: float, info: dict[str, Any]) -> bool:
    field = {"path": "output_info.params.p", "field_type": "RANGE", "model_type_range_info": info}
    fields = fields_for({"id": "t", "model_type_fields": [field]}, None)
    return not problems_with_params({"p": value}, live={}, fields=fields, origins={(): HERE})


@given(GRIDS, st.data())
def test_a_typed_point_of_the_grid_is_allowed(grid: Grid, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, grid.count))
    assert is_allowed(float(grid.low + index * grid.step), grid.info)


@given(GRIDS, st.data())
def test_a_calculated_point_of_the_grid_is_allowed(grid: Grid, data: st.DataObject) -> None:
    """0.1 + 0.2 is 0.30000000000000004 as a double."""
    index = data.draw(st.integers(0, grid.count))
    assert is_allowed(float(grid.low) + index * float(grid.step), grid.info)


@given(GRIDS, st.data(), st.sampled_from(["0.5", "0.25", "0.1", "-0.1"]).map(Decimal))
def test_a_point_between_is_not(grid: Grid, data: st.DataObject, part: Decimal) -> None:
    index = data.draw(st.integers(1, grid.count))
    value = float(grid.low + (index - abs(part)) * grid.step)
    assert not is_allowed(value, grid.info)


@given(GRIDS, NUMBERS)
def test_nothing_out_of_range_is_allowed(grid: Grid, value: float) -> None:
    if not single(float(grid.low)) <= single(value) <= single(float(grid.high)):
        assert not is_allowed(value, grid.info)


@given(GRIDS, NUMBERS)
@example(Grid(Decimal(0), Decimal("0.01"), 100), 0.955)
def test_what_is_named_instead_is_allowed_and_nothing_allowed_is_nearer(grid: Grid, value: float) -> None:
    found = range_from_info(grid.info, None)
    number = Decimal(repr(value))
    named = found.nearest(number)
    assert named
    assert all(found.allows(point) and is_allowed(float(point), grid.info) for point in named)
    every = (grid.low + index * grid.step for index in range(grid.count + 1))
    assert min(abs(point - number) for point in every) == min(abs(point - number) for point in named)


INFOS = st.fixed_dictionaries(
    {},
    optional={name: st.floats(width=32) | st.just("Infinity") for name in ("min", "max", "step")},
)


@given(INFOS, st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_any_range_answers_for_any_number(info: dict[str, Any], value: float) -> None:
    found: Range = range_from_info(info, value)
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if found.wrong_with(number) is None:
        assert found.allows(number)
    else:
        assert all(found.allows(point) for point in found.nearest(number))
