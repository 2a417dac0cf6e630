"""The section about predictions in every format: whole outputs, hostile texts, and budgets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reconciler.errors import Origin
from reconciler.plan.document import plan_document, plan_from_document
from reconciler.plan.preview import Check, Comparison, NotProbed, Preview
from reconciler.report.effect_sections import ROWS, html_section, markdown_section
from reconciler.report.html import render_html
from reconciler.report.markdown import render_markdown
from reconciler.report.report import Report
from reconciler.report.text import render
from reconciler.resources.keys import Key
from reconciler.resources.prediction import Prediction, ScoredConcept
from reconciler.resources.probe import ProbeExpectation
from tests.report.reports import field_change, plan_report, update
from tests.report.test_markdown import HOSTILE, forged
from tests.report.test_markdown import text as hostile_text

KEY = Key("demo", "pets", "zoo", "v1")
BOT = Key("demo", "pets", "bot", "v2")
METRO = "https://samples.clarifai.com/metro-north.jpg"


def concepts(**values: float) -> Prediction:
    return Prediction(concepts=tuple(ScoredConcept(name, value) for name, value in values.items()))


def compared(
    input_id: str,
    before: Prediction | None,
    after: Prediction | None,
    *,
    key: Key = KEY,
    probe: str = "p",
    **more: object,
) -> Comparison:
    is_changed = before is not None and after is not None and (before != after or "distance" in more)
    return Comparison(
        key=key,
        probe=probe,
        input=input_id,
        before=before,
        after=after,
        is_changed=is_changed,
        **more,  # type: ignore[arg-type]
    )


def report_with(comparisons: Iterable[Comparison], **more: object) -> Report:
    found = plan_report([update("zoo", field_change("output_info.params.min_value", 0.5, 0.95), version_id="v1")])
    preview = Preview(comparisons=tuple(comparisons), **more)  # type: ignore[arg-type]
    return replace(found, plan=replace(found.plan, preview=preview))


SAMPLE = report_with(
    [
        compared("photo", concepts(dog=0.9426, cat=0.5), concepts(dog=0.9426), url=METRO),
        compared("film", concepts(cat=0.5), concepts(elk=0.7, cat=0.50001)),
        compared("same", concepts(cat=0.99), concepts(cat=0.99)),
        compared("gone", None, concepts(cat=0.99), error="as it is: 30002 INPUT_FAILED"),
        compared("ask", Prediction(text="Yes.\nIt is."), Prediction(text="No.\nIt is."), key=BOT),
        compared("vector", Prediction(dimensions=3), Prediction(dimensions=3), key=BOT, distance=0.12),
    ],
    not_probed=(
        NotProbed(key=Key("demo", "pets", "a", "v"), reason="no Probe names it"),
        NotProbed(key=Key("demo", "pets", "b", "v"), reason="no Probe names it"),
    ),
    doubtful=(KEY,),
)


def test_the_section_in_text() -> None:
    assert render(SAMPLE).partition("What this does")[2].partition("\n\n")[0] == (
        " to predictions:\n"
        '  demo/pets/zoo@v1: 2 of 4 inputs change; 1 could not be compared; "cat" vanishes in 1; "elk" appears in 1; '
        '"cat" rises in 1\n'
        "      photo  cat  0.5000 → absent    vanishes\n"
        "      film   cat  0.50000 → 0.50001  rises\n"
        "      film   elk  absent → 0.7000    appears\n"
        "      unchanged: same\n"
        "      not compared: gone: as it is: 30002 INPUT_FAILED\n"
        "  demo/pets/bot@v2: 2 of 2 inputs change\n"
        "      ask:\n"
        "        - Yes.\n"
        "        + No.\n"
        "          It is.\n"
        "      vector  embedding  3 numbers → changed by cosine distance 0.12  changes\n"
        "  demo/pets/zoo@v1: every prediction is the same with the planned params, although they could have changed one. The "
        "model may not take the params of a call, so this says nothing about the change.\n"
        "  not probed: demo/pets/a@v, demo/pets/b@v: no Probe names it"
    )


def test_the_section_in_markdown() -> None:
    assert markdown_section(SAMPLE).text() == (
        "\n### What this does to predictions\n"
        '\n`demo/pets/zoo@v1`: `2 of 4 inputs change; 1 could not be compared; "cat" vanishes in 1; "elk" appears in 1; '
        '"cat" rises in 1`\n'
        "\n| input | concept | before | after | |\n|---|---|---|---|---|\n"
        "| `photo` | `cat` | `0.5000` | `absent` | vanishes |\n"
        "| `film` | `cat` | `0.50000` | `0.50001` | rises |\n"
        "| `film` | `elk` | `absent` | `0.7000` | appears |\n"
        "\nUnchanged: `same`\n"
        "\nNot compared: `gone: as it is: 30002 INPUT_FAILED`\n"
        "\n`demo/pets/bot@v2`: `2 of 2 inputs change`\n"
        "\n| input | concept | before | after | |\n|---|---|---|---|---|\n"
        "| `vector` | `embedding` | `3 numbers` | `changed by cosine distance 0.12` | changes |\n"
        "\n```diff\n@@ ask @@\n- Yes.\n+ No.\n  It is.\n```\n"
        "\n- `demo/pets/zoo@v1: every prediction is the same with the planned params, although they could have changed one. The "
        "model may not take the params of a call, so this says nothing about the change.`\n"
        "- `not probed: demo/pets/a@v, demo/pets/b@v: no Probe names it`\n"
    )


def test_the_section_in_html_links_to_images_and_loads_none() -> None:
    page = html_section(SAMPLE)

    assert f'<a href="{METRO}" rel="noopener noreferrer">photo</a>' in page
    assert "<img" not in page
    rows = re.findall(r"<tr class=\"(\w+)\">(.*?)</tr>", page)
    assert [(effect, len(re.findall("<td>", cells))) for effect, cells in rows] == [
        ("vanishes", 6),
        ("rises", 6),
        ("appears", 6),
        ("unchanged", 6),
        ("failed", 6),
        ("changes", 6),
        ("changes", 6),
    ]
    assert page in "".join(render_html(SAMPLE))


def test_inputs_whose_predictions_stay_the_same_are_rows_of_the_page_alone() -> None:
    found = report_with(
        compared(name, same, same)
        for name, same in (
            ("scores", concepts(cat=0.5, dog=0.25)),
            ("answer", Prediction(text="Yes.")),
            ("vector", Prediction(dimensions=3)),
            ("nothing", Prediction()),
        )
    )
    rows = re.findall(r'<tr class="unchanged">(.*?)</tr>', html_section(found))
    assert [re.findall("<td>(.*?)</td>", row)[1:] for row in rows] == [
        ["scores", "", "cat 0.5000, dog 0.2500", "cat 0.5000, dog 0.2500", "unchanged"],
        ["answer", "", "Yes.", "Yes.", "unchanged"],
        ["vector", "", "3 numbers", "3 numbers", "unchanged"],
        ["nothing", "", "no concepts", "no concepts", "unchanged"],
    ]
    assert render(found).partition("What this does")[2].partition("\n\n")[0] == (
        " to predictions:\n  demo/pets/zoo@v1: 0 of 4 inputs change"
    )


def test_the_sentence_about_a_version_names_the_first_concepts_and_counts_the_rest() -> None:
    found = report_with([compared("x", concepts(**{f"c{number:02}": 0.5 for number in range(12)}), concepts())])
    names = "; ".join(f'"c{number:02}" vanishes in 1' for number in range(10))
    assert f"  demo/pets/zoo@v1: 1 of 1 input changes; {names}; and 2 more\n" in render(found)


def test_of_many_differences_text_and_markdown_show_the_first_and_count_the_rest() -> None:
    found = report_with(compared(f"i{number:04}", concepts(dog=0.9), concepts()) for number in range(ROWS + 1_000))
    text, markdown = render(found), markdown_section(found).text()
    shown = [f"i{number:04}" for number in range(ROWS)]
    assert re.findall(r"^      (i\d+)  dog  0.9000 → absent  vanishes$", text, re.MULTILINE) == shown
    assert text.partition("i0039  dog")[2].split("\n")[1:3] == ["      1000 more differences are in the plan", ""]
    assert re.findall(r"^\| `(i\d+)` \| `dog` \|", markdown, re.MULTILINE) == shown
    assert markdown.endswith("| vanishes |\n\n_1,000 more differences are in the plan._\n")


def test_only_web_addresses_become_links() -> None:
    found = report_with([compared("x", concepts(a=1), concepts(a=0.5), url="javascript:alert(1)")])
    assert "<a " not in html_section(found)


def test_a_report_without_probes_has_no_section() -> None:
    found = plan_report([update("zoo", field_change("name", "x", "y"))])
    for shown in (render(found), render_markdown(found), "".join(render_html(found))):
        assert "predictions" not in re.sub(r"<style>.*?</style>|<script>.*?</script>", "", shown, flags=re.DOTALL)


def hostile(names: list[str]) -> Report:
    pick = cycle(names)
    some = {next(pick) or "x": 0.5 for _ in range(3)}
    comparisons = [
        compared(next(pick), concepts(**some), concepts(z=0.5), url=next(pick)),
        compared(next(pick), Prediction(text=next(pick)), Prediction(text=next(pick) + "\n" + next(pick)), key=BOT),
        compared(next(pick), None, None, error=next(pick)),
    ]
    expected = ProbeExpectation(input=next(pick), text_matches=next(pick), origin=Origin(next(pick)))
    check = Check(key=KEY, probe=next(pick), expected=expected, is_met=False, text=next(pick))
    not_probed = (NotProbed(key=Key("demo", "pets", next(pick) or "m", "v"), reason=next(pick)),)
    return replace(report_with(comparisons, not_probed=not_probed), checks=(check,))


def outside_tables(markdown: str) -> list[str]:
    return [found for found in forged(markdown) if found != "table_open"]


@given(st.lists(hostile_text, min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_no_text_from_outside_becomes_markup(names: list[str]) -> None:
    markdown = render_markdown(hostile(names))

    assert outside_tables(markdown) == []
    tokens = MarkdownIt("gfm-like").parse(markdown)
    heads = sum(token.type == "th_open" for token in tokens)
    rows = sum(token.type == "tr_open" for token in tokens) - sum(token.type == "thead_open" for token in tokens)
    assert heads == 5 * sum(token.type == "table_open" for token in tokens)
    assert sum(token.type == "td_open" for token in tokens) == 5 * rows


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_no_hostile_text_leaves_its_place(name: str) -> None:
    found = hostile([name])

    assert outside_tables(render_markdown(found)) == []
    assert "\x1b" not in render(found)
    tags = set(re.findall(r"<(\w+)", html_section(found)))
    assert tags <= {"section", "h2", "ul", "li", "form", "label", "input", "output", "div", "table", "thead", "tbody"} | {
        "tr", "th", "td", "del", "ins", "span", "a",
    }  # fmt: skip


@pytest.mark.parametrize("budget", [400, 2_000, 65_000])
def test_the_section_is_cut_to_the_budget_before_the_changes(budget: int) -> None:
    many = [
        compared(f"input-{number}", concepts(dog=0.9), concepts(), key=Key("demo", "pets", f"m{number}", "v"))
        for number in range(500)
    ]
    markdown = render_markdown(report_with(many), budget=budget)

    assert len(markdown.encode()) <= budget
    assert budget < 2_000 or "min_value" in markdown


def test_a_saved_plan_has_it_all_but_the_vectors() -> None:
    document = plan_document(replace(SAMPLE.plan, changes=(), requests=()))
    again = plan_from_document(document)

    assert plan_document(again) == document
    assert again.preview == SAMPLE.plan.preview
