"""The text report: what a person at a terminal sees, at any width, with nothing that acts on the terminal."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.apply.results import Status, StepResult
from reconciler.cli.progress import WIPE, StatusLine
from reconciler.report.text import render
from reconciler.report.width import width
from reconciler.resources.secrets import Sensitive
from tests.report.reports import deletion, field_change, plan_report, update

COLOR = re.compile(r"\x1b\[[0-9;]*m")


def lines_of(*fields: object, columns: int | None = None) -> list[str]:
    """The lines of one model's fields."""
    rendered = render(plan_report([update("m", *fields)]), columns=columns)  # type: ignore[arg-type]
    return rendered.split("\n\n")[0].split("\n")[2:]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (3, 4, ["      notes  3 → 4"]),
        ("a", "b", ['      notes  "a" → "b"']),
        ("one\ntwo\n", "one\n2\n", ["      notes    one", "             - two", "             + 2"]),
        (
            "\n".join(map(str, range(9))),
            "\n".join(map(str, [*range(8), "x"])),
            [
                "      notes  … 6 lines unchanged",
                "               6",
                "               7",
                "             - 8 (no newline at the end)",
                "             + x (no newline at the end)",
            ],
        ),
        (["a", "b"], ["b", "c"], ['      notes  - "a"', '             + "c"', "             … 1 item unchanged"]),
        (["a", "b"], ["b", "a"], ['      notes  ["a", "b"] → ["b", "a"]']),
        ("(sensitive)", "x", ['      notes  "(sensitive)" → "x"']),
        (Sensitive("s", "live"), Sensitive("t", "env:T"), ["      notes  (sensitive) → (sensitive) from T"]),
        (Sensitive("s", "live"), Sensitive("t", "manifest"), ["      notes  (sensitive) → (sensitive)"]),
        (Sensitive("s", "live"), "plain", ['      notes  (sensitive) → "plain"']),
        (
            "a" * 90,
            "b",
            ["      notes", f'        - "{"a" * 90}"', '        + "b"'],
        ),
    ],
)
def test_an_edit_is_shown_in_the_way_that_shows_it_best(before: object, after: object, expected: list[str]) -> None:
    assert lines_of(field_change("notes", before, after)) == expected


def test_an_absent_side_is_called_absent() -> None:
    assert lines_of(field_change("name", after="a")) == ['      name  (absent) → "a"']
    assert lines_of(field_change("name", before="a")) == ['      name  "a" → (absent)']


def test_identical_edits_are_shown_once() -> None:
    changes = [update(f"m{n}", field_change("name", "a", "b")) for n in range(4)]
    assert render(plan_report([*changes, update("other", field_change("name", "a", "c"))])) == (
        "demo/pets\n"
        "  ~ the same change on 4 models  manifests/pets.yaml\n"
        "      m0, m1, m2, m3\n"
        '      name  "a" → "b"\n'
        "  ~ other  manifests/pets.yaml:2\n"
        '      name  "a" → "c"\n'
        "\n"
        "Plan: 5 models to update; 0 models unchanged.\n"
    )


def test_deletions_are_never_grouped() -> None:
    rendered = render(plan_report([deletion(f"m{n}") for n in range(5)]))
    assert re.findall(r"^  - (m\d)$", rendered, re.MULTILINE) == ["m0", "m1", "m2", "m3", "m4"]


def test_what_was_pending_anyway_comes_second() -> None:
    changes = [
        update("a", field_change("name", "x", "y"), attribution="base"),
        update("b", field_change("name", "x", "z"), attribution="this_change"),
    ]
    assert render(plan_report(changes)).split("\n\nPlan")[0] == (
        "From this change:\n\n"
        'demo/pets\n  ~ b  manifests/pets.yaml:2\n      name  "x" → "z"\n\n'
        "Already pending before this change:\n\n"
        'demo/pets\n  ~ a  manifests/pets.yaml:2\n      name  "x" → "y"'
    )


def test_the_bodies_of_requests_are_shown_on_demand() -> None:
    report = plan_report([update("m", field_change("name", "a", "b"))])
    assert '    "models": [\n      {\n        "id": "m"\n' in render(report, verbose=1)
    assert '"models"' not in render(report)


text = st.one_of(
    st.text(max_size=60), st.sampled_from(["::error::x", "##[group]", "\x1b[2J", "\u202e", "漢字" * 20, "e\u0301" * 30])
)


@given(st.lists(text, min_size=6, max_size=6), st.sampled_from([20, 40, 60, 80, None]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_line_is_too_wide_and_nothing_acts_on_a_terminal_or_a_runner(
    texts: list[str], columns: int | None, color: bool
) -> None:
    a, b, c, d, e, f = texts
    changes = [
        update(a or "a", field_change("notes", b, c), field_change("toolkits", [d], [e, f])),
        update(b or "b", field_change("metadata", {a: b}, {c: d})),
        update(c or "c", field_change("description", after=f + "\n" + e), app_id=d or "d"),
        deletion(d or "d", e),
    ]
    report = plan_report(changes, refused=[a], backups=(b,), unread=c)
    for line in COLOR.sub("", render(report, columns=columns, color=color, verbose=1)).split("\n"):
        assert columns is None or width(line) <= columns
        assert all(letter.isprintable() for letter in line)
        assert not line.lstrip().startswith("::")
        assert "##[" not in line


def test_a_narrow_terminal_puts_values_under_their_paths() -> None:
    fields = (field_change("output_info.params.min_value", 0.5, 0.95), field_change("name", "a", "b"))
    assert render(plan_report([update("m", *fields)]), columns=40).split("\n\n")[0].split("\n") == [
        "demo/pets",
        "  ~ m  manifests/pets.yaml:2",
        "      output_info.params.min_value",
        "        0.5 → 0.95",
        "      name",
        '        "a" → "b"',
    ]


def test_on_a_narrow_terminal_a_deletion_shows_what_is_lost_and_no_arrow() -> None:
    fields = (field_change("name", "a"), field_change("description", "Tells cats from dogs and from elks"))
    change = replace(deletion("gone"), fields=fields)
    assert render(plan_report([change]), columns=40).split("\n\n")[0].split("\n") == [
        "demo/pets",
        "  - gone",
        "      it has no manifest",
        '      name         "a"',
        "      description",
        '        "Tells cats from dogs and from',
        '        elks"',
    ]


def test_short_lines_stand_beside_their_path_where_both_fit_and_below_it_elsewhere() -> None:
    change = field_change("output_info.params.template", "a\nbb\n", "a\ncc\n")
    assert lines_of(change, columns=60) == [
        "      output_info.params.template    a",
        "                                   - bb",
        "                                   + cc",
    ]
    longer = field_change("output_info.params.template", "a\nbb\n", f"a\n{'c' * 24}\n")
    assert lines_of(longer, columns=60) == [
        "      output_info.params.template",
        "          a",
        "        - bb",
        f"        + {'c' * 24}",
    ]


# --- progress ------------------------------------------------------------------------------------------------


def status(clock: Callable[[], float], rate: float = 10) -> StatusLine:
    """A status line that draws nowhere."""
    return StatusLine(rate=rate, stream=io.StringIO(), clock=clock)


def test_progress_counts_calls_then_requests_with_an_estimate_that_the_rate_allows() -> None:
    now = [0.0]
    line = status(lambda: now[0])
    line.called()
    now[0] = 2.0
    line.called()
    assert line.text() == "reading: 2 calls, 2 s"
    report = plan_report([update("m", field_change("name", "a", "b"))])
    line.planned(report.plan)
    assert line.text() == "░" * 24 + " 0 of 1 request, about 0 s left"
    line.result(StepResult(request=report.plan.requests[0], status=Status.DONE))
    assert line.text() == "█" * 24 + " 1 of 1 request, reading back"


def test_progress_is_drawn_over_itself_and_seldom() -> None:
    now = [0.0]
    stream = io.StringIO()
    line = StatusLine(rate=10, stream=stream, clock=lambda: now[0])
    for _ in range(50):
        now[0] += 0.01
        line.called()
    assert stream.getvalue().count(WIPE) <= 6
    assert stream.getvalue().startswith(f"{WIPE}reading: 1 call, 0 s{WIPE}")
