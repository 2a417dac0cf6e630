"""The law of the YAML writer: whatever JSON it gets, PyYAML's safe loaders and this tool's own read back the very same."""

from __future__ import annotations

import io
import math
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.apply.manifest_yaml import yaml_text
from reconciler.loading.load import load

PIECES = (
    *("yes", "No", "012", "1_000", "12:30", "1e3", "0o7", "0x1F", "~", "null", "=", "<<", ".inf", "2024-01-01", "1.5", "+", "."),
    *(" ", "  ", "\n", "\n\n", "\t", "\r", "\r\n", "\x85", "\u2028", "\u2029", "\xa0", "\u3000", "\u202e", "\u200d", "\x07"),
    *("- ", "? ", ": ", ":", "#", " #", "'", '"', "|", ">", "%", "@", "`", "{", "}", "[", "]", ",", "&a", "*a", "!t", "---", "..."),
    *("##vso[x]", "##[y]", "##TeamCity[z]", "\n  ::error::x", "::"),
    *("a", "b c", "\\", "é", "😀", "\U000e0041", "\U0010ffff", "\ufffd", "\ue000", "x" * 1030, "y" * 70),
)  # fmt: skip
TEXTS = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
)
SCALARS = st.one_of(
    TEXTS, st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=14,
)
DOCUMENTS = st.dictionaries(TEXTS, VALUES, max_size=5)


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
@given(document=DOCUMENTS)
def test_what_is_written_is_read_back_as_it_was(loader: Any, document: dict[str, Any]) -> None:
    assert is_same(yaml.load(yaml_text(document), loader), document)


@given(value=VALUES)
def test_this_tools_own_loader_reads_the_same(value: Any) -> None:
    document = {"apiVersion": "reconciler/v1", "kind": "Model", "spec": {"metadata": value}}
    loaded = load(["-"], stdin=io.BytesIO(yaml_text(document).encode()))
    assert is_same([each.value for each in loaded.documents], [document])


@given(document=DOCUMENTS)
def test_no_character_acts_on_its_surroundings_unseen(document: dict[str, Any]) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e\ufeff]", yaml_text(document))


@given(document=DOCUMENTS)
def test_no_ci_runner_finds_a_command(document: dict[str, Any]) -> None:
    text = yaml_text(document)
    assert not re.search(r"##(vso|teamcity)?\[", text, re.IGNORECASE)
    assert not re.search(r"^\s*::", text, re.MULTILINE)


def is_same(first: Any, second: Any) -> bool:
    """Equal, of the same types, and with keys in the same order."""
    if type(first) is not type(second):
        return False
    if isinstance(first, dict):
        return list(first) == list(second) and all(is_same(first[name], second[name]) for name in first)
    if isinstance(first, list):
        return len(first) == len(second) and all(map(is_same, first, second))
    return bool(first == second) and (
        not isinstance(first, float) or math.copysign(1, first) == math.copysign(1, second)
    )
