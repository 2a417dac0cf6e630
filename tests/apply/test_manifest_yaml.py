"""How values are written: whole texts, for each style. That they are read back equal is a law of its own (tests/property)."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.apply.manifest_yaml import comment, yaml_text
from reconciler.errors import ReconcilerError

LINES = "first\nsecond"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Cats & dogs", "Cats & dogs"),
        ("https://x/y?z#a", "https://x/y?z#a"),
        ("it's: here", "'it''s: here'"),
        ("a:b", "a:b"),
        ("a:", "'a:'"),
        ("a #b", "'a #b'"),
        ("a#b", "a#b"),
        ("東京 😀", "東京 😀"),
        ("", "''"),
        (" a", "' a'"),
        *(
            (text, f"'{text}'")
            for text in ("yes", "No", "~", "null", "012", "1_000", "12:30", "1e3", "0o7", "1.5", ".inf")
        ),
        *(
            (text, f"'{text}'")
            for text in ("2024-01-01", "=", "<<", "-", "- a", "...", "--- a", "*a", "&a", "!a", "{a}", "@a", "%a")
        ),
        ("a\tb", '"a\\tb"'),
        ("a\u202eb", '"a\\u202Eb"'),
        ("\U000e0041", '"\\U000E0041"'),
        ("x" * 2000, "x" * 2000),
        (None, "null"),
        (True, "true"),
        (20, "20"),
        (20.0, "20.0"),
        (1e300, "1.0e+300"),
        (-1.5e-07, "-1.5e-07"),
        ([], "[]"),
        ({}, "{}"),
    ],
)
def test_a_value_on_one_line(value: Any, written: str) -> None:
    assert yaml_text({"key": value}) == f"key: {written}\n"
    assert yaml_text({"key": [value]}) == f"key:\n  - {written}\n"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (LINES, "|-\n    first\n    second"),
        (f"{LINES}\n", "|\n    first\n    second"),
        (f"{LINES}\n\n", "|+\n    first\n    second\n"),
        ("a\n\n  b\n", "|\n    a\n\n      b"),
        ("  a\nb", "|2-\n      a\n    b"),
        ("\na", "|2-\n\n    a"),
        ("\tif x:\n\t\ty", "|2-\n    \tif x:\n    \t\ty"),
        ("a  \nb", "|-\n    a  \n    b"),
        ("# Title\n- item: x\n---\n", "|\n    # Title\n    - item: x\n    ---"),
        (" \n", '" \\n"'),
        ("a\r\nb", '"a\\r\\nb"'),
        ("a\nb\u2028", '"a\\nb\\u2028"'),
    ],
)
def test_a_text_of_several_lines_is_a_literal_block_where_all_of_it_can_be_seen(text: str, written: str) -> None:
    assert yaml_text({"a": {"key": text}}) == f"a:\n  key: {written}\n"
    assert yaml_text({"a": [text]}) == f"a:\n  - {written}\n"


def test_collections_inside_collections() -> None:
    document = {"a": {"b": [{"c": 1, "d": [2, [3, {}]]}, [], {"e": {"f": "g"}}]}, "h": [[1], [[2]]]}
    assert yaml_text(document) == (
        "a:\n"
        "  b:\n"
        "    - c: 1\n"
        "      d:\n"
        "        - 2\n"
        "        - - 3\n"
        "          - {}\n"
        "    - []\n"
        "    - e:\n"
        "        f: g\n"
        "h:\n"
        "  - - 1\n"
        "  - - - 2\n"
    )
    assert yaml_text({}) == "{}\n"


def test_a_key_too_long_for_a_plain_one_is_written_explicitly() -> None:
    name = "k" * 1001
    assert yaml_text({"a": [{name: 1, "b": {name: [2]}}]}) == (
        f"a:\n  - ? {name}\n    : 1\n    b:\n      ? {name}\n      :\n        - 2\n"
    )


def test_a_comment_is_one_line() -> None:
    assert comment("a\nb\u202e é") == "# a\\nb\\u202E é\n"


def test_what_is_not_json_is_an_error() -> None:
    with pytest.raises(ReconcilerError, match="type set"):
        yaml_text({"key": {1}})
