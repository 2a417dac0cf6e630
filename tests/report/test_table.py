"""Tables fit the columns of a terminal, and no value of a row is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.report.escape import neutral
from reconciler.report.table import table
from reconciler.report.width import width

HEADERS = ("ID", "NOTES", "LATEST VERSION")
MODELS = [
    ("petsID", "Tells the cats of the house from its dogs", "b0b89c973e5d4b6d9599ce13da04b894"),
    ("model_clusterer", "漢字", ""),
]


def test_without_a_limit_a_row_is_a_line_and_a_long_text_moves_its_own_row_only() -> None:
    assert table(("a", "b"), [("x" * 60, "1"), ("x" * 61, "2"), ("漢" * 40, "3"), ("x", "4")]) == (
        f"a{' ' * 61}b\n{'x' * 60}  1\n{'x' * 61}  2\n{'漢' * 40}  3\nx{' ' * 61}4\n"
    )


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            120,
            [
                "ID               NOTES                                      LATEST VERSION",
                "petsID           Tells the cats of the house from its dogs  b0b89c973e5d4b6d9599ce13da04b894",
                "model_clusterer  漢字",
            ],
        ),
        (
            80,
            [
                "ID               NOTES                          LATEST VERSION",
                "petsID           Tells the cats of the house    b0b89c973e5d4b6d9599ce13da04b894",
                "                 from its dogs",
                "model_clusterer  漢字",
            ],
        ),
        (
            60,
            [
                "ID              petsID",
                "NOTES           Tells the cats of the house from its dogs",
                "LATEST VERSION  b0b89c973e5d4b6d9599ce13da04b894",
                "",
                "ID              model_clusterer",
                "NOTES           漢字",
            ],
        ),
        (
            40,
            [
                "ID              petsID",
                "NOTES           Tells the cats of the",
                "                house from its dogs",
                "LATEST VERSION  b0b89c973e5d4b6d9599ce13",
                "                da04b894",
                "",
                "ID              model_clusterer",
                "NOTES           漢字",
            ],
        ),
    ],
)
def test_with_a_limit_texts_are_wrapped_and_words_only_broken_if_they_fill_a_line(
    columns: int, expected: list[str]
) -> None:
    assert table(HEADERS, MODELS, columns=columns).splitlines() == expected


def test_no_line_of_a_table_is_a_command_of_a_ci_runner() -> None:
    lines = table(("a", "b"), [("x", "some words ::error::no")], columns=20).splitlines()
    assert not any(line.lstrip().startswith("::") for line in lines)
    assert not table(("a",), [("::error::no",)]).splitlines()[1].startswith("::")


TEXTS = st.text(st.sampled_from("ab -:漢\x1b"), max_size=40)


@given(rows=st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=4), columns=st.integers(20, 120))
def test_a_table_fits_and_holds_every_letter(rows: list[tuple[str, str, str]], columns: int) -> None:
    lines = table(("A", "B", "C"), rows, columns=columns).splitlines()
    assert all(width(line.replace("\\x3a", ":")) <= columns for line in lines)
    held = "".join(neutral(text) for row in rows for text in row)
    shown = "".join(lines).replace("\\x3a", ":")
    for letter in "ab-:漢":
        assert shown.count(letter) == held.count(letter)
