"""The HTML report's body, whole, where the command line's tests and the browser's don't show it."""

from __future__ import annotations

import re

from reconciler.report.html import render_html
from reconciler.report.report import Report
from tests.report.reports import deletion, field_change, plan_report, update


def body(report: Report) -> str:
    """What stands in <main> below the facts, without the controls."""
    found = re.search(r"<h1>.*?</h1>\n(.*)\n</main>", render_html(report), re.DOTALL)
    assert found is not None
    return re.sub(
        r"<dl>.*?</dl>\n?|<form .*?</form>\n|<section><h2>Requests</h2>.*?</section>", "", found[1], flags=re.DOTALL
    )


def test_a_report_without_changes_is_its_summary() -> None:
    assert body(plan_report(unchanged=2)) == '<p class="summary good">In sync: 2 models unchanged.</p>\n'


def test_what_was_pending_anyway_comes_second_under_its_own_heading() -> None:
    changes = [
        update("a", field_change("name", "x", "y"), attribution="base"),
        update("b", field_change("name", "x", "z"), attribution="this_change"),
        update("c", field_change("name", after="w"), attribution="this_change", app_id="zoo"),
    ]
    page = body(plan_report(changes))
    headings = re.findall(r'<h2 class="attribution">(.*?)</h2>|<section class="app"><h2>(.*?)</h2>', page)
    assert ["".join(pair) for pair in headings] == [
        "From this change",
        "demo/pets",
        "demo/zoo",
        "Already pending before this change",
        "demo/pets",
    ]
    assert re.findall(r'<b class="model">(.*?)</b>', page) == ["b", "c", "a"]


def test_a_deletion_has_its_reason_and_no_table() -> None:
    page = body(plan_report([deletion("gone", "it has no <manifest>")]))
    assert page == (
        '<p class="summary ">Plan: 0 to update, 1 to delete, 0 models unchanged.</p>\n'
        '<section class="app"><h2>demo/pets</h2>\n'
        '<details class="change delete" data-action="delete" open><summary>'
        '<span class="symbol" aria-hidden="true">−</span> <span class="action">delete</span> '
        '<span class="name"><b class="model">gone</b></span> '
        '<span class="count">0 fields</span> <span class="place"></span>'
        '</summary><p class="reason">it has no &lt;manifest&gt;</p></details></section>\n'
        '<p id="none" hidden>No change matches.</p>\n'
    )


def test_a_value_on_one_side_only_is_shown_as_absent_on_the_other() -> None:
    page = body(plan_report([update("m", field_change("name", after="<a>"), field_change("notes", "b"))]))
    assert re.findall(r'<td class="(before|after)">(.*?)</td>', page) == [
        ("before", '<span class="rest">absent</span>'),
        ("after", "<ins>&quot;&lt;a&gt;&quot;</ins>"),
        ("before", "<del>&quot;b&quot;</del>"),
        ("after", '<span class="rest">absent</span>'),
    ]
