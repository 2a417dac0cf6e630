"""Laws of the paths that differ: DeepDiff, which knows nothing of this project, judges the walk."""

from __future__ import annotations

from typing import Any

from deepdiff import DeepDiff
from hypothesis import given
from hypothesis import strategies as st

from reconciler.compare.paths import changed_paths
from reconciler.resources.canonical import equal
from reconciler.resources.fields import KINDS, Shape
from reconciler.resources.keys import Kind
from reconciler.resources.secrets import Sensitive
from reconciler.resources.tree import FieldPath, lookup

from .values import STRUCTS, VALUES

ITEMS = st.one_of(STRUCTS, st.fixed_dictionaries({"id": st.just("x"), "a": VALUES}))
METADATA = next(field for field in KINDS[Kind.MODEL] if field.shape is Shape.STRUCT)


def judged_by_deepdiff(before: Any, after: Any) -> set[FieldPath]:
    """The paths by DeepDiff, cut where they enter a list.

    DeepDiff takes 20 and 20.0 for two values, and lists of objects with ids for ordered ones. The service doesn't.
    """
    found = DeepDiff(before, after, view="tree", ignore_private_variables=False, threshold_to_diff_deeper=0)
    paths = {names(node.path(output_format="list")) for nodes in found.values() for node in nodes}
    return {path for path in paths if not equal(lookup(before, path), lookup(after, path))}


def names(path: list[str | int]) -> FieldPath:
    end = next((index for index, name in enumerate(path) if isinstance(name, int)), len(path))
    return tuple(str(name) for name in path[:end])


@given(before=STRUCTS, after=STRUCTS)
def test_the_walk_finds_the_paths_that_deepdiff_finds(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = changed_paths(METADATA, before, after)
    assert found == sorted(("metadata", *path) for path in judged_by_deepdiff(before, after))


@given(before=ITEMS, after=ITEMS)
def test_a_list_of_objects_has_changed_where_deepdiff_says_so(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = changed_paths(METADATA, {"items": [before]}, {"items": [after]})
    differ = not equal(before, after)
    assert found == ([("metadata", "items")] if differ else [])
    assert not differ or DeepDiff(before, after, ignore_private_variables=False, zip_ordered_iterables=True)


@given(before=STRUCTS, after=STRUCTS)
def test_a_difference_is_one_in_both_directions_and_inside_secrets(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    found = changed_paths(METADATA, before, after)
    assert changed_paths(METADATA, after, before) == found
    wrapped = {name: Sensitive(value, "manifest") for name, value in after.items()}
    assert changed_paths(METADATA, before, wrapped) == found
    assert bool(found) is not equal(before, after)
