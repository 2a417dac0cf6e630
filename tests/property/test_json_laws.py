"""JSON in pieces is the text that the library writes as a whole, and its fingerprint that of the whole document."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.plan.fingerprint import fingerprint, sealed
from reconciler.report.escape import neutral_json
from reconciler.resources.json_text import BATCH, Entries, json_pieces, made, without_surrogates

TEXTS: Final = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cs"]),  # halves of surrogate pairs, which a name on the service can contain
        st.sampled_from('"\\/#[]{}:,\n\x00\x7f\u2028é\U0001f600'),
    ),
    max_size=6,
)
SCALARS: Final = (
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.sampled_from(["##[error]", "\\u0041"])
)
VALUES: Final = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(TEXTS, inner, max_size=4)
    ),
    max_leaves=20,
)
LISTS: Final = st.builds(
    lambda items, times: items * times, st.lists(VALUES, max_size=3), st.sampled_from([1, BATCH, BATCH + 1])
)
DOCUMENTS: Final = st.dictionaries(TEXTS, VALUES | LISTS, max_size=5)
NAMES: Final = ("attribution_base", "changes", "fingerprint", "forecast", "requests", "resolved", "source")
SPELLINGS: Final = pytest.mark.parametrize("spelled", [neutral_json, without_surrogates])


def with_entries(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: Entries(value) if isinstance(value, list) else value for name, value in document.items()}


def expected_fingerprint(document: Mapping[str, Any]) -> str:
    covered = {
        name: value for name, value in document.items() if name not in ("fingerprint", "forecast", "unmanaged_counts")
    }
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@SPELLINGS
@given(value=VALUES | DOCUMENTS)
def test_the_pieces_are_the_text_of_the_library(spelled: Callable[[str], str], value: Any) -> None:
    text = spelled(json.dumps(value, indent=2, ensure_ascii=False))
    assert "".join(json_pieces(value, spelled=spelled)) == text
    if isinstance(value, dict):
        assert "".join(json_pieces(with_entries(value), spelled=spelled)) == text


@given(st.integers(1, 900))
def test_a_deep_value_has_its_text(depth: int) -> None:
    value: Any = "x"
    for level in range(depth):
        value = [value] if level % 2 else {"": value}
    assert "".join(json_pieces(value, spelled=without_surrogates)) == json.dumps(value, indent=2)


@given(DOCUMENTS, st.permutations(NAMES))
def test_a_document_is_sealed_by_the_fingerprint_of_the_whole(values: dict[str, Any], names: list[str]) -> None:
    # In any order of the names, although only for that of a plan each entry is made once.
    document = dict(zip(names, values.values(), strict=False))
    whole = {**document, "fingerprint": expected_fingerprint(document)}
    assert fingerprint(document) == fingerprint(with_entries(document)) == whole["fingerprint"]
    assert json.dumps(made(sealed(with_entries(document)))) == json.dumps(whole)
    written = "".join(json_pieces(sealed(with_entries(document)), spelled=without_surrogates))
    assert written == without_surrogates(json.dumps(whole, indent=2, ensure_ascii=False))


def test_the_entries_of_a_plan_are_made_once_and_a_batch_at_a_time() -> None:
    made_entries: list[int] = []

    def entry_of(number: int) -> dict[str, int]:
        made_entries.append(number)
        return {"number": number}

    numbers = range(10 * BATCH)
    document = {
        "kind": "Plan",
        "changes": Entries(numbers, entry_of),
        "requests": Entries(numbers, entry_of),
        "batch": 1,
    }
    ahead = 0
    written = 0
    for piece in json_pieces(sealed(document), spelled=without_surrogates):
        ahead = max(ahead, len(made_entries) - written)
        written += piece.count('"number"')
    assert (written, made_entries) == (20 * BATCH, [*numbers, *numbers])
    assert ahead <= 2 * BATCH
