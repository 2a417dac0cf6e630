"""The HTML report where neither the command line's tests nor the browser's show it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from reconciler.errors import Origin, Problem
from reconciler.report.cards_html import MARKUP
from reconciler.report.frames import Frame
from reconciler.report.html import render_html
from reconciler.report.problems import Placed
from reconciler.report.report import Report
from reconciler.report.results import Result, result_html
from tests.report.reports import deletion, field_change, plan_report, update


def page(report: Report) -> str:
    return "".join(render_html(report))


def body(report: Report) -> str:
    """What stands below the facts, without the controls and the requests."""
    found = re.search(r"</dl>\n(.*)</main>", page(report), re.DOTALL)
    assert found is not None
    return re.sub(
        r'<form .*?</form>\n|<section><details class="requests">.*</section>\n', "", found[1], flags=re.DOTALL
    )


def test_a_report_without_changes_is_its_summary() -> None:
    assert body(plan_report(unchanged=2)) == (
        '<ul class="summary"><li class="good">In sync: 2 models unchanged.</li></ul>\n'
    )


def test_what_was_pending_anyway_comes_second_under_its_own_heading() -> None:
    changes = [
        update("a", field_change("name", "x", "y"), attribution="base"),
        update("b", field_change("name", "x", "z"), attribution="this_change"),
        update("c", field_change("name", after="w"), attribution="this_change", app_id="zoo"),
    ]
    shown = body(plan_report(changes))
    headings = re.findall(
        r'<h2 class="attribution">(.*?)</h2>|<section class="app" data-section="\d"><h2>(.*?)</h2>', shown
    )
    assert ["".join(pair).replace("<wbr>", "") for pair in headings] == [
        "From this change",
        "demo/pets",
        "demo/zoo",
        "Already pending before this change",
        "demo/pets",
    ]
    assert re.findall(r'<span class="name">(.*?)</span>', shown) == ["b", "c", "a"]


def test_a_deletion_shows_its_reason_and_what_is_lost() -> None:
    change = replace(deletion("gone", "it has no <manifest>"), fields=(field_change("name", "Gone"),))
    assert body(plan_report([change])) == (
        '<ul class="summary"><li class="bad">1 model to delete</li><li class="plain">0 models unchanged</li></ul>\n'
        '<section class="app" data-section="0"><h2>demo/<wbr>pets</h2>\n'
        '<div class="columns" aria-hidden="true"><span>field</span><span>before</span><span>after</span></div>\n'
        '<details class="card delete" data-action="delete" data-weight="1" open><summary>'
        '<span class="sign" aria-hidden="true">−</span><span class="action">delete</span>'
        '<span class="name">gone</span><span class="what">with all versions</span><span class="place"></span></summary>'
        '<table class="fields"><colgroup><col class="path"><col><col></colgroup>'
        '<tbody><tr class="reason"><td colspan="3">it has no &lt;manifest&gt;</td></tr>'
        '<tr><th scope="row">name</th><td class="before" colspan="2"><del>&quot;Gone&quot;</del></td></tr></tbody></table>'
        "</details>\n"
        "</section>\n"
        '<p id="none" hidden>No change matches.</p>\n'
    )


def test_models_with_the_same_changes_are_one_card_that_names_them_and_their_versions() -> None:
    changes = [
        *(update(f"m{n}", field_change("name", "a", "<b>")) for n in range(2)),
        *(update(f"m{n}", field_change("license", "a", "b"), version_id=f"v{n}") for n in range(2)),
    ]
    place = '<span class="place">manifests/<wbr>pets.<wbr>yaml</span>'
    assert re.findall(r"<details class=\"card.*</details>", body(plan_report(changes))) == [
        (
            '<details class="card update" data-action="update" data-weight="4" open><summary>'
            '<span class="sign" aria-hidden="true">~</span><span class="action">update</span>'
            '<span class="name">2 models</span><span class="what">the same change on each: 2 fields, 1 version</span>'
            f"{place}</summary>"
            '<details class="members"><summary>Which models</summary><ul>'
            "<li>m0 <span class=at>@v0</span></li><li>m1 <span class=at>@v1</span></li></ul></details>"
            '<table class="fields"><colgroup><col class="path"><col><col></colgroup>'
            '<tbody><tr><th scope="row">name</th><td class="before"><del>&quot;a&quot;</del></td>'
            '<td class="after"><ins>&quot;&lt;b&gt;&quot;</ins></td></tr></tbody>'
            f'<tbody><tr class="version"><th colspan="3" scope="rowgroup">version <code>of each model</code>{place}</th></tr>'
            '<tr><th scope="row">license</th><td class="before"><del>&quot;a&quot;</del></td>'
            '<td class="after"><ins>&quot;b&quot;</ins></td></tr></tbody></table></details>'
        )
    ]


def test_changes_beyond_the_markup_are_data_for_the_script_and_the_page_counts_them() -> None:
    changes = [
        *(update(f"m{n:03}", field_change("notes", "x", f"{n}")) for n in range(MARKUP)),
        update("rest", field_change("name", after="</script>##[group]")),
        update("rest", field_change("license", "a", "b"), version_id="v1", reason="why"),
    ]
    shown = body(plan_report(changes))
    names = re.findall(r'<span class="name">(.*?)</span>', shown)
    assert names == [f"m{n:03}" for n in range(MARKUP)]
    assert " open>" not in shown, "of so many, a reader sees the list first"
    assert '<p id="left" role="status">2 more changes need JavaScript to be shown here. ' in shown
    (data,) = re.findall(r'<script type="application/json" id="rest">(.*?)</script>', shown)
    assert json.loads(data) == [
        [
            0,
            "update",
            [["rest", "", "v1"]],
            [
                [0, "manifests/pets.yaml:2", "", [["name", None, '"</script>#\\x23[group]"']]],
                [1, "manifests/pets.yaml:2", "why", [["license", '"a"', '"b"']]],
            ],
        ]
    ]


def test_a_value_on_one_side_only_is_shown_as_not_set_on_the_other() -> None:
    shown = body(plan_report([update("m", field_change("name", after="<a>"), field_change("notes", "b"))]))
    assert re.findall(r'<td class="(before|after)">(.*?)</td>', shown) == [
        ("before", '<span class="rest">not set</span>'),
        ("after", "<ins>&quot;&lt;a&gt;&quot;</ins>"),
        ("before", "<del>&quot;b&quot;</del>"),
        ("after", '<span class="rest">not set</span>'),
    ]


@pytest.mark.parametrize(
    ("commit", "shown"),
    [(None, None), ("1a2b3c4d5e6f7081", "1a2b3c4"), ("1a2b3c4d5e6f7081-dirty", "1a2b3c4 with local changes")],
)
def test_the_title_has_the_app_the_branch_the_commit_and_the_time(commit: str | None, shown: str | None) -> None:
    report = plan_report([update("m", field_change("name", "a", "b"))])
    source = replace(report.plan.source, git_commit=commit, git_branch="topic")
    text = page(replace(report, plan=replace(report.plan, source=source)))
    assert "<title>Plan for demo/pets</title>" in text
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text))
    assert facts["made"] == "23 November 2026, 14:00 UTC"
    assert facts["branch"] == "topic"
    assert facts.get("commit") == shown


def test_of_many_requests_the_page_says_how_many_it_leaves_out() -> None:
    report = plan_report([update("m", field_change("name", "a", "b"))])
    many = replace(report.plan, requests=tuple(replace(report.plan.requests[0]) for _ in range(9000)))
    text = page(replace(report, plan=many))
    shown = text.count('<details class="request">')
    assert 100 < shown < 9000
    assert f"<p>{9000 - shown:,} more requests are left out here." in text


def test_problems_stand_by_file_with_their_lines() -> None:
    found = [
        Problem(code="c", message="<odd>", origin=Origin(path, line, 3), hint="Try this.")
        for path, line in (("a/b.yaml", 2), ("a/b.yaml", 7), ("c.yaml", 1))
    ]
    frame = Frame(number=2, text="  <x>: 1", start=2, length=3)
    placed = (Placed(problem=found[0], frame=frame), *(Placed(problem=each) for each in found[1:]))
    text = result_html(Result(title="Problems", summary="3 problems.", problems=placed))
    start = text.index('<section class="file">')
    assert text[start : text.index("</main>")] == (
        '<section class="file"><h2>a/<wbr>b.<wbr>yaml</h2>\n<ol>\n'
        '<li><span class="at">2:3</span>&lt;odd&gt; Try this.<pre tabindex="0">2 |   &lt;x&gt;: 1\n'
        '  |   <b class="caret">^^^</b></pre></li>\n'
        '<li><span class="at">7:3</span>&lt;odd&gt; Try this.</li>\n'
        "</ol></section>\n"
        '<section class="file"><h2>c.<wbr>yaml</h2>\n<ol>\n'
        '<li><span class="at">1:3</span>&lt;odd&gt; Try this.</li>\n'
        "</ol></section>\n"
    )
