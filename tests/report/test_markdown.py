"""The Markdown report: never over its budget, totals right, and nothing from outside ever acts as markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reconciler.report.markdown import COMMENT_BUDGET, SUMMARY_BUDGET, render_markdown
from reconciler.report.markdown_parts import code, fenced
from reconciler.report.report import Report
from reconciler.report.results import Block, Result, result_markdown
from tests.report.reports import deletion, field_change, plan_report, update

HOSTILE = (
    "@octocat", "#1", "GH-1", "octo/repo#1", "https://evil.example/x", "www.evil.example", "me@evil.example",
    "::error file=a,line=1::pwned", "##[error]pwned", "<img src=x onerror=alert(1)>", "<!-- marker -->",
    "</details>", "&#64;octocat", "a | b \\| c", "`", "```", "~~~~", "``` \n# heading\n```",
    "\n\n# heading\n\n- item", "\r\n> quote", "[link](javascript:alert(1))", "![image](https://evil.example/x.png)",
    "**bold** _em_ ~~del~~", "$`math`$", ":rocket:", "\u202eevil\u2066", "\x1b[31mred", "\u2028line", "\x00", " ",
    "", "\\", "-->", "---", "=== ", "1. one", "    indented", "\t tab",
)  # fmt: skip
text = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40), st.lists(st.sampled_from(HOSTILE)).map("".join))

CONSTANT = re.compile(
    r"(Plan|Drift|Apply)?[A-Za-z0-9 ,.;:~→×'/()-]*|<details><summary>What is sent</summary>|</details>", re.DOTALL
)
WORDS = {"text", "html_block", "html_inline"}


def parsed(markdown: str) -> Iterator[Token]:
    """Every token of a GitHub-like parse, inline ones too."""
    parser = MarkdownIt("gfm-like", {"linkify": True, "html": True})
    for token in parser.parse(markdown):
        yield token
        yield from token.children or ()


def forged(markdown: str) -> list[str]:
    """What a reader of the page would see outside code that isn't ours, or that acts."""
    found = []
    for token in parsed(markdown):
        if token.type in (
            "link_open",
            "image",
            "blockquote_open",
            "hr",
            "table_open",
            "code_block",
            "ordered_list_open",
        ):
            found.append(token.type)
        if token.type in WORDS and not CONSTANT.fullmatch(token.content.strip()):
            found.append(f"{token.type}: {token.content!r}")
        if token.type == "fence" and token.info not in ("diff", "text", "yaml"):
            found.append(f"fence {token.info!r}")
    runs = [line for line in markdown.splitlines() if line.lstrip().startswith("::") or "##[" in line]
    invisible = [letter for letter in markdown if not (letter == "\n" or letter.isprintable())]
    return [*found, *runs, *invisible]


def report_of(names: list[str]) -> Report:
    """A report in which every text that comes from outside is one of `names`."""
    pick = cycle(names)
    changes = [
        update(
            next(pick) or "x",
            field_change("metadata", {next(pick): next(pick)}, next(pick)),
            field_change("notes", next(pick), next(pick) + "\n" + next(pick)),
            field_change("toolkits", [next(pick), "a"], ["a", next(pick)]),
            app_id=next(pick) or "a",
        )
        for _ in range(3)
    ]
    return plan_report(
        [*changes, deletion(next(pick) or "y", next(pick))],
        refused=[next(pick)],
        backups=(next(pick),),
        unread=next(pick),
    )


@given(st.lists(text, min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_no_text_from_outside_becomes_markup(names: list[str]) -> None:
    assert forged(render_markdown(report_of(names), budget=SUMMARY_BUDGET)) == []


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_no_hostile_text_becomes_markup(name: str) -> None:
    assert forged(render_markdown(report_of([name]), budget=SUMMARY_BUDGET)) == []


@given(st.lists(text, min_size=1, max_size=6), st.integers(min_value=200, max_value=3000))
@settings(max_examples=100, deadline=None)
def test_no_budget_is_exceeded_and_no_cut_forges(names: list[str], budget: int) -> None:
    markdown = render_markdown(report_of(names), budget=budget)
    assert len(markdown.encode()) <= budget
    assert forged(markdown) == []


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_other_results_keep_texts_in_their_places(name: str) -> None:
    result = Result(
        title="Models",
        summary=name,
        sentences=(name,),
        headers=("ID",),
        rows=((name,),),
        blocks=(Block(name=name, language="yaml", text=name),),
    )
    assert forged(result_markdown(result)) == []


@given(text.map(lambda each: "".join(letter for letter in each if letter.isprintable())))
@settings(deadline=None)
def test_a_code_span_shows_exactly_its_text(shown: str) -> None:
    (span,) = [token for token in parsed(code(shown)) if token.type == "code_inline"]
    assert span.content == (shown or "empty")


@given(st.lists(st.sampled_from(["`", "```", "~~~", "a", "", "````x"]), max_size=8))
def test_a_fenced_block_shows_exactly_its_lines(lines: list[str]) -> None:
    (block,) = [token for token in parsed(fenced(lines, "text")) if token.type == "fence"]
    assert block.content == "".join(f"{line}\n" for line in lines)


# --- what is cut ---------------------------------------------------------------------------------------------


def test_of_many_lines_the_middle_is_left_out_with_its_number() -> None:
    lines = [str(number) for number in range(2_000)]
    assert fenced(lines[:4], "text", limit=4) == "```text\n0\n1\n2\n3\n```\n"
    assert fenced(lines, "", limit=5) == "```\n0\n1\n… 1,995 lines omitted\n1997\n1998\n1999\n```\n"
    assert fenced([], "text") == "```text\n```\n"


def test_fifteen_hundred_models_fit_into_one_comment_with_totals_right() -> None:
    changes = [
        update(f"model-{n:04}", field_change("description", f"was {n}", f"will be {n} " + "x" * 60))
        for n in range(1500)
    ]
    gone = [deletion(f"gone-{n}") for n in range(5)]
    report = plan_report([*changes, *gone], refused=["too many"], kind="Plan")
    markdown = render_markdown(report)
    shown = len(re.findall(r"^\*\*~\*\* `model-\d{4}`", markdown, re.MULTILINE))
    (cut,) = re.findall(r"_\*\*([\d,]+) updates\*\* are omitted here", markdown)
    assert len(markdown) <= len(markdown.encode()) <= COMMENT_BUDGET
    assert markdown.startswith("## Plan: 1,500 models to update; 5 models to delete; 1 refusal; 0 models unchanged.\n")
    assert shown + int(cut.replace(",", "")) == 1500
    assert shown > 100
    assert "`model-0000`" in markdown
    assert "`model-1499`" in markdown
    assert re.findall(r"gone-\d", markdown) == [f"gone-{n}" for n in range(5)]
    assert "`too many`" in markdown


def test_identical_edits_are_shown_once_with_their_number() -> None:
    changes = [update(f"m{n:02}", field_change("name", "a", "b")) for n in range(37)]
    markdown = render_markdown(plan_report(changes))
    assert "the same change on **37 models** in `manifests/pets.yaml`" in markdown
    assert markdown.count("```diff") == 1
    assert re.findall(r"\bm\d\d\b", markdown.split("### Requests", maxsplit=1)[0]) == [f"m{n:02}" for n in range(37)]


def test_what_was_pending_anyway_stands_apart_and_is_cut_first() -> None:
    ours = [update(f"ours-{n}", field_change("name", "a", f"b{n}"), attribution="this_change") for n in range(20)]
    base = [update(f"base-{n}", field_change("name", "a", f"b{n}"), attribution="base") for n in range(500)]
    markdown = render_markdown(plan_report([*base, *ours]), budget=12_000)
    head, _, rest = markdown.partition("### Already pending before this change: 500 updates of 500 models")
    assert "From this change: 20; already pending before: 500." in head
    assert [f"`ours-{n}`" in head for n in range(20)] == [True] * 20
    assert "updates** are omitted here" in rest
    assert "base-" not in head


def test_deletions_stay_while_updates_are_cut() -> None:
    gone = [deletion(f"gone-{n:03}") for n in range(300)]
    changes = [update(f"m-{n}", field_change("notes", "x" * 70, f"{n}" * 70)) for n in range(200)]
    markdown = render_markdown(plan_report([*changes, *gone]), budget=20_000)
    assert len(set(re.findall(r"gone-\d{3}", markdown))) == 300
    assert "updates** are omitted here" in markdown


def test_a_long_value_is_clipped_and_says_so() -> None:
    markdown = render_markdown(plan_report([update("m", field_change("notes", "a" * 5000, "b"))]))
    assert '- "' + "a" * 299 + " … (4,702 more characters)\n" in markdown
