"""Params of model versions against the service's own model types.

check.py      a manifest's params against the fields of its model's type
of_defaults.py  what defaults get wrong, once for each place
fields.py     which params a model type, and a version's params_specs, declare
values.py     one value against one declared field
ranges.py     float32 bounds and step grids, in decimals
grid.py       when a live number is the stated one, on such a grid
snapshot.py   model types from a file
"""
