"""Text fitted into columns: at blanks where there are any, anywhere else, and never into nothing."""

from __future__ import annotations

import pytest

from reconciler.report.wrap import listed, without_commands, wrapped


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("one two three", None, ["  one two three"]),
        ("one two three", 15, ["  one two three"]),
        ("one two three", 14, ["  one two", "    three"]),
        ("abcdefghijklmnopqrs", 12, ["  abcdefghij", "    klmnopqr", "    s"]),
        ("漢字漢字漢字", 10, ["  漢字漢字", "    漢字"]),
        ("abcdefg", 4, ["  abcdefg"]),
        ("abcdefgh ij", 4, ["  abcdefgh", "    ij"]),
        ("see demo/pets/m@b0b89c973e5d", 24, ["  see demo/pets/m@", "    b0b89c973e5d"]),
        ("demo/pets/m@b0b89c973e5d4b6d", 24, ["  demo/pets/m@", "    b0b89c973e5d4b6d"]),
        ("a ::b c d e f g", 16, ["  a ::b c d e", "    f g"]),
    ],
)
def test_lines_break_at_blanks_and_a_line_has_room_for_eight_columns(
    text: str, columns: int | None, expected: list[str]
) -> None:
    assert wrapped(text, columns, indent="  ", hanging="    ") == expected


@pytest.mark.parametrize(
    ("names", "columns", "expected"),
    [
        ([], 20, []),
        (["a"], 20, ["  a"]),
        (["aaa", "bbb", "ccc", "ddd"], 12, ["  aaa, bbb,", "  ccc, ddd"]),
        (["aaa", "bbb"], 11, ["  aaa, bbb"]),
        (["aaa", "bbb", "c"], 10, ["  aaa,", "  bbb, c"]),
    ],
)
def test_names_share_lines_with_commas_between(names: list[str], columns: int, expected: list[str]) -> None:
    assert list(listed(names, columns, indent="  ")) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("::error::x", "\\x3a:error::x"),
        ("  ::error::x", "  \\x3a:error::x"),
        ("\x1b[31m::error::x", "\x1b[31m\\x3a:error::x"),
        ("a ::error::x", "a ::error::x"),
    ],
)
def test_no_line_begins_with_a_command(line: str, expected: str) -> None:
    assert without_commands(line) == expected
