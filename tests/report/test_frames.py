"""The line that a problem is about: the place is marked, nothing acts on a terminal, and nothing that may be secret is shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.cli.sources import MOST, placed
from reconciler.errors import Origin, Problem
from reconciler.report.frames import Frame, source_frame
from reconciler.report.paint import Painter
from reconciler.report.problems import Placed, problem_lines
from reconciler.report.width import width


def problem(line: int, column: int, *, path: str = "m.yaml", pointer: str = "/spec") -> Problem:
    return Problem(code="c", message="message", origin=Origin(path, line, column), pointer=pointer)


def drawn(text: str, line: int, column: int, *, pointer: str = "/spec") -> list[str] | None:
    """The frame as two lines: the text, and the mark below it."""
    frame = source_frame(problem(line, column, pointer=pointer), text.split("\n"))
    return None if frame is None else [frame.text, " " * frame.start + "^" * frame.length]


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("  desciption: Tells cats # c", 3, ["  desciption: Tells cats # c", "  ^^^^^^^^^^"]),
        ("  name: Tells cats # c", 9, ["  name: Tells cats # c", "        ^^^^^^^^^^"]),
        ('  name: "a \\" b": c', 9, ['  name: "a \\" b": c', "        ^^^^^^^^"]),
        ("a: {b: c d, e: [f]}", 8, ["a: {b: c d, e: [f]}", "       ^^^"]),
        ("toolkits: []", 11, ["toolkits: []", "          ^"]),
        ("\tname: x", 2, ["    name: x", "    ^^^^"]),
        ("漢字: 漢", 5, ["漢字: 漢", "      ^^"]),
        ("a: \x1b[2J", 4, ["a: \\x1b[2J", "   ^^^^^^^"]),
        ("a: b", 9, ["a: b", "    ^"]),
        ('a: "unterminated', 4, ['a: "unterminated', "   ^^^^^^^^^^^^^"]),
    ],
)
def test_the_word_at_the_place_is_marked(text: str, column: int, expected: list[str]) -> None:
    assert drawn(text, 1, column) == expected


@pytest.mark.parametrize(
    ("text", "line", "shown"),
    [
        ("  api_key: hunter2", 1, "  api_key: …"),
        ("api_key:\n  hunter2", 2, "  …"),
        ("api_key: |\n  hun\n  ter2", 3, "  …"),
        ("metadata: {owner: vision, token: hunter2}", 1, "metadata: {owner: vision, token: …}"),
        ("description: use sk-abcdefghijklmnop", 1, "description: …"),
        ("params: {min_value: 0.5, x: hunter2, y: true, z: '${env:Z}'}", 1,
         "params: {min_value: 0.5, x: …, y: true, z: '${env:Z}'}"),
        ("params:\n  x: hunter2  # hunter2", 2, "  x: …  …"),
        ("params:\n  x:\n    - deep\n    - {a: hunter2}", 4, "    - {a: …}"),
        ("output_info: {params: {\n  x: hunter2}}", 2, "  x: …"),
    ],
)  # fmt: skip
def test_what_may_be_secret_is_not_shown(text: str, line: int, shown: str) -> None:
    frame = drawn(text, line, 1)
    assert frame is not None
    assert frame[0] == shown


def test_a_value_in_params_is_concealed_by_the_problems_pointer_alone() -> None:
    assert drawn("odd", 1, 1, pointer="/spec/versions/0/output_info/params/x") == ["…", "^"]


@pytest.mark.parametrize(("lines", "shown"), [(19_998, "    - hunter2"), (19_999, "    - …")])
def test_a_line_whose_parents_are_too_far_above_to_be_found_counts_as_private(lines: int, shown: str) -> None:
    text = "spec:\n  toolkits:\n" + "    - same\n" * lines + "    - hunter2"
    frame = drawn(text, lines + 3, 1)
    assert frame is not None
    assert frame[0] == shown


@pytest.mark.parametrize(
    ("text", "line", "pointer"),
    [("a: b", 1, ""), ("a: b\n\nc: d", 2, "/spec"), ("a", 7, "/spec"), ("a: " + "x" * 10_001, 1, "/spec")],
)
def test_a_problem_of_the_whole_file_or_of_a_line_that_cannot_be_shown_has_no_frame(
    text: str, line: int, pointer: str
) -> None:
    assert drawn(text, line, 1, pointer=pointer) is None


def test_a_long_line_is_cut_around_the_mark() -> None:
    frame = source_frame(problem(1, 61), [f"{'a' * 58}: bcd {'e' * 60}"])
    assert frame is not None
    fitted = frame.fitted(40)
    assert width(fitted.text) <= 40
    assert fitted.text.startswith("…")
    assert fitted.text.endswith("…")
    assert fitted.text[fitted.start :].startswith("bcd")


@given(
    st.lists(st.text(st.sampled_from("ab:,#-?{}[]\"'|&*!$ \t漢\x1b\u202e\\"), max_size=40), min_size=1, max_size=6),
    st.integers(1, 6),
    st.integers(1, 45),
    st.integers(20, 90),
)
@settings(max_examples=300, deadline=None)
def test_any_line_is_harmless_and_its_mark_lies_within_the_columns(
    lines: list[str], line: int, column: int, columns: int
) -> None:
    frame = source_frame(problem(line, column), lines)
    if frame is None:
        return
    fitted = frame.fitted(columns)
    assert fitted.text.isprintable()
    assert width(fitted.text) <= columns
    assert fitted.length >= 1
    assert 0 <= fitted.start <= width(fitted.text)


@given(
    st.sampled_from(["x", "- x", "{x", "[{x", '"x"', "'x'", "? x"]),
    st.text(st.sampled_from("ab:,#{}[]\"' "), max_size=9),
)
@settings(max_examples=300, deadline=None)
def test_a_secret_in_params_is_never_shown_however_the_line_is_broken(key: str, after: str) -> None:
    secret = "hunterZZ"
    frame = source_frame(problem(3, 1), ["spec:", "  params:", f"    {key}: {secret}{after}"])
    assert frame is not None
    assert secret not in frame.text


def test_problems_of_two_files_stand_apart() -> None:
    frame = Frame(number=3, text="  a: b", start=2, length=1)
    found = [Placed(problem=problem(3, 3, path=path), frame=frame) for path in ("a.yaml", "a.yaml", "b.yaml")]
    assert list(problem_lines(found, label="error", paint=Painter(color=False), columns=None)) == [
        "a.yaml:3:3: message",
        "     3 |   a: b",
        "       |   ^",
        "a.yaml:3:3: message",
        "     3 |   a: b",
        "       |   ^",
        "",
        "b.yaml:3:3: message",
        "     3 |   a: b",
        "       |   ^",
    ]


def test_on_a_narrow_terminal_a_problem_is_wrapped_and_its_line_is_cut_around_the_mark() -> None:
    found = problem(3, 61, path="models/deep/classifiers.yaml")
    frame = source_frame(found, ["", "", f"{'a' * 58}: bcd {'e' * 60}"])
    placed = [Placed(problem=found, frame=frame)]
    assert list(problem_lines(placed, label="warning", paint=Painter(color=False), columns=30)) == [
        "warning: models/deep/",
        "    classifiers.yaml:3:61:",
        "    message",
        "     3 | …aaaa: bcd eeeeeeee…",
        "       |        ^^^^^^^^^^^^^",
    ]


def test_a_painted_problem_is_the_same_text() -> None:
    found = [Placed(problem=problem(3, 3), frame=Frame(number=3, text="  a: b", start=2, length=1))]
    assert list(problem_lines(found, label="warning", paint=Painter(color=True), columns=None)) == [
        "\x1b[33mwarning: \x1b[0m\x1b[1mm.yaml:3:3:\x1b[0m message",
        "\x1b[2m     3 |\x1b[0m   a: b",
        "\x1b[2m       |\x1b[0m   \x1b[33m^\x1b[0m",
    ]


def test_only_regular_files_are_read_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "wide.yaml").write_bytes("a: 1\r\nb: 漢\x85c: 3".encode("utf-16"))
    paths = [tmp_path / "fifo", tmp_path, tmp_path / "gone", tmp_path / "wide.yaml", "-"]
    frames = [each.frame for each in placed(problem(3, 1, path=str(path)) for path in paths)]
    assert [frame and frame.text for frame in frames] == [None, None, None, "c: 3", None]


def test_of_many_problems_only_the_first_have_a_frame(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text("a: 1\n", encoding="utf-8")
    found = placed(problem(1, 1, path=str(file)) for _ in range(MOST + 5))
    assert sum(each.frame is not None for each in found) == MOST
    assert len(found) == MOST + 5
