"""Readings that share what bears on a patch do the same with it: the proof may try one for all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.requests.semantics import VARIANTS, bearing, patched
from tests.property.values import MODEL_DOCUMENTS, VERSION_DOCUMENTS

DOCUMENTS = st.one_of(MODEL_DOCUMENTS, VERSION_DOCUMENTS)


@given(document=DOCUMENTS, patch=DOCUMENTS, action=st.sampled_from(["merge", "overwrite", "remove"]), data=st.data())
def test_readings_with_the_same_bearing_do_the_same(
    document: dict[str, Any], patch: dict[str, Any], action: str, data: st.DataObject
) -> None:
    names = data.draw(st.sets(st.sampled_from(sorted(patch)))) if patch and action != "remove" else set()
    part = {name: patch[name] for name in names}
    if action == "remove":
        part = {"image": document.get("image", {"url": "https://x"})}
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for variant in VARIANTS:
        after = patched(document, part, action=action, variant=variant)
        shared = found.setdefault(bearing(part, action=action, variant=variant), after)
        assert after == shared
