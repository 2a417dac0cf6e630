"""What a RANGE of a model type allows, as decimals; the laws are in tests/property/test_typecheck_laws.py."""

from __future__ import annotations

from decimal import Decimal

from reconciler.compare.params.ranges import range_from_info


def test_only_on_a_grid_may_a_number_be_another_spelling_of_its_neighbour() -> None:
    continuous = range_from_info({"min": 0.0, "max": 1.0}, None)
    assert continuous.tolerance(Decimal("0.5")) == 0
    assert continuous.allows(Decimal("0.123456789"))
    grid = range_from_info({"min": 0.0, "max": 1.0, "step": 0.01}, None)
    assert 0 < grid.tolerance(Decimal("0.5")) < Decimal("0.0001")
    assert not grid.allows(Decimal("0.123456789"))
    assert grid.tolerance(Decimal(0)) == 0
