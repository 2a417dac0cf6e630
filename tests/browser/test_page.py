"""The HTML report in a real browser: filters, keyboard, phone, dark mode, hostile names, no requests, and speed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.errors import Origin
from reconciler.report.cards_html import MARKUP
from reconciler.report.html import render_html
from reconciler.report.report import Report
from tests.report.reports import deletion, field_change, plan_report, update

Open = Callable[[Report], Any]

HOSTILE = (
    "<img src=x onerror=\"document.title='pwned'\">",
    "</script><script>document.title='pwned'</script>",
    "\"><svg onload=document.title='pwned'>",
    "'-alert(1)-'",
    "<!--",
    "]]>",
    "</details></main></body>",
    "javascript:document.title='pwned'",
    "https://evil.example/x.png",
    "&lt;b&gt;",
    "\u202egnp.exe",
    "<style>body{display:none}</style>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
)

TITLE = "Plan for 2 apps"

SAMPLE = plan_report(
    [
        update("cats", field_change("name", "cats", "Cats"), field_change("toolkits", ["a", "b"], ["b", "c"])),
        update("cats", field_change("output_info.params.min_value", 0.5, 0.95), version_id="1" * 32),
        update("dogs", field_change("notes", "one\ntwo\nthree", "one\n2\nthree"), app_id="other"),
        deletion("gone"),
    ],
    refused=["too many deletions"],
)


def visible(driver: Any) -> list[str]:
    """The names of the changes that are shown."""
    return list(
        driver.execute_script(
            "return [...document.querySelectorAll('details.card')].filter(e => e.checkVisibility())"
            ".map(e => e.querySelector('.name').textContent)"
        )
    )


def type_into(driver: Any, name: str, text: str) -> None:
    from selenium.webdriver.common.by import By

    element = driver.find_element(By.ID, name)
    element.clear()
    element.send_keys(text)
    settle()


def settle() -> None:
    """Wait for the pause after which typing filters."""
    time.sleep(0.2)


def press(driver: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    for key in keys:
        ActionChains(driver).send_keys(key).perform()


def requests_made(driver: Any) -> list[str]:
    """The addresses that the page asked for, itself left out."""
    entries = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = [entry["params"]["request"]["url"] for entry in entries if entry["method"] == "Network.requestWillBeSent"]
    return [url for url in asked if not url.endswith("/report.html") and not url.startswith("data:")]


@pytest.mark.parametrize(
    ("control", "text", "expected"),
    [
        ("search", "", ["gone", "cats", "dogs"]),
        ("search", "0.95", ["cats"]),
        ("search", "no such thing", []),
        ("model", "CATS", ["cats"]),
        ("model", "1111", ["cats"]),
        ("field", "toolkits", ["cats"]),
        ("field", "params", ["cats"]),
    ],
)
def test_filters_show_what_matches(opened: Open, control: str, text: str, expected: list[str]) -> None:
    driver = opened(SAMPLE)
    type_into(driver, control, text)
    assert visible(driver) == expected
    counted = driver.execute_script("return document.getElementById('count').textContent")
    changes = len(expected) + ("cats" in expected)  # the model and a version of it share a card
    assert counted == ("4 changes" if changes == 4 else f"{changes} of 4 changes")


def test_the_action_filter_and_its_way_back(opened: Open) -> None:
    from selenium.webdriver.support.ui import Select

    driver = opened(SAMPLE)
    choice = Select(driver.find_element("id", "action"))
    choice.select_by_value("delete")
    settle()
    assert visible(driver) == ["gone"]
    assert driver.execute_script("return [...document.querySelectorAll('section.app')].map(s => s.hidden)") == [
        False,
        True,
    ]
    choice.select_by_value("")
    settle()
    assert len(visible(driver)) == 3


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("toolkits", ["toolkits"]),
        ("min_value", [f"version {'1' * 32}manifests/pets.yaml:2", "output_info.params.min_value"]),
    ],
)
def test_a_field_filter_hides_the_other_rows(opened: Open, field: str, expected: list[str]) -> None:
    driver = opened(SAMPLE)
    type_into(driver, "field", field)
    rows = "return [...document.querySelectorAll('tbody tr')].filter(e => e.checkVisibility()).map(e => e.cells[0].textContent)"
    assert driver.execute_script(rows) == expected


def test_values_stand_side_by_side(opened: Open) -> None:
    driver = opened(SAMPLE)
    before, after = driver.find_elements("css selector", ".card.update .fields tbody tr:first-child td")[:2]
    assert (before.text, after.text) == ('"cats"', '"Cats"')
    assert before.location["y"] == after.location["y"]
    assert before.location["x"] < after.location["x"]


def test_lines_of_a_text_are_marked(opened: Open) -> None:
    driver = opened(SAMPLE)
    marks = "return [...document.querySelectorAll('[data-section=\"1\"] ins')].map(e => e.textContent)"
    assert driver.execute_script(marks) == ["2"]


def test_words_that_differ_are_marked_inside_a_long_text(opened: Open) -> None:
    before = "Tells cats from dogs on photos that people take indoors"
    driver = opened(plan_report([update("m", field_change("description", before, before.replace("cats", "foxes")))]))
    words = "return [...document.querySelectorAll('del b, ins b')].map(e => e.textContent)"
    assert driver.execute_script(words) == ["cats", "foxes"]


def test_the_page_is_usable_by_keyboard(opened: Open) -> None:
    from selenium.webdriver.common.keys import Keys

    driver = opened(SAMPLE)
    press(driver, "/")
    assert driver.switch_to.active_element.get_attribute("id") == "search"
    press(driver, "d", "o", "g", "s")
    settle()
    assert visible(driver) == ["dogs"]
    press(driver, Keys.ARROW_DOWN)
    assert driver.switch_to.active_element.tag_name == "summary"
    opening = "return document.activeElement.parentElement.open"
    assert driver.execute_script(opening) is True
    press(driver, Keys.ENTER)
    assert driver.execute_script(opening) is False
    press(driver, "/", Keys.ESCAPE)
    settle()
    assert len(visible(driver)) == 3
    order = []
    press(driver, Keys.TAB, Keys.ARROW_DOWN)
    for _ in range(8):
        order.append(driver.execute_script("return document.activeElement.id || document.activeElement.tagName"))
        press(driver, Keys.TAB)
    assert order[:3] == ["action", "model", "field"]
    assert "SUMMARY" in order


def test_arrows_go_from_change_to_change(opened: Open) -> None:
    from selenium.webdriver.common.keys import Keys

    driver = opened(SAMPLE)
    name = "return document.activeElement.querySelector('.name').textContent"
    press(driver, "/", Keys.ARROW_DOWN)
    first = driver.execute_script(name)
    press(driver, Keys.ARROW_DOWN)
    second = driver.execute_script(name)
    press(driver, Keys.ARROW_UP)
    assert (first, second, driver.execute_script(name)) == ("gone", "cats", "gone")


def test_it_fits_a_phone(opened: Open) -> None:
    driver = opened(plan_report([update("a" * 60, field_change("metadata." + "k" * 80, "v" * 300, "w" * 300))]))
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    widths = driver.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert widths == [375, 375]
    before, after = driver.find_elements("css selector", ".fields tbody td")
    assert before.location["y"] < after.location["y"]


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_it_follows_the_color_scheme(opened: Open, driver: Any, scheme: str, *, is_dark: bool) -> None:
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    opened(SAMPLE)
    rgb = driver.execute_script("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (sum(rgb) < 200) is is_dark


def test_hostile_names_stay_text_and_nothing_is_asked_for(opened: Open) -> None:
    changes = [
        update(name, field_change("metadata", {name: name}, name), field_change("toolkits", [name], ["a"]), app_id=name)
        for name in HOSTILE
    ]
    report = plan_report(
        [*changes, deletion(HOSTILE[0], HOSTILE[1])], refused=HOSTILE, backups=HOSTILE, unread=HOSTILE[0]
    )
    driver = opened(report)
    shown = driver.execute_script("return [...document.querySelectorAll('.name')].map(e => e.textContent)")
    elements = driver.execute_script("return new Set([...document.querySelectorAll('*')].map(e => e.tagName)).size")
    assert driver.title == f"Plan for {len(HOSTILE) + 1} apps"
    assert set(shown) == {name.replace("\u202e", "\\u202e") for name in HOSTILE}
    assert (
        driver.execute_script("return document.querySelectorAll('img, svg, a, iframe, object, embed, base').length")
        == 0
    )
    assert driver.execute_script("return document.querySelectorAll('script, style').length") == 2
    assert elements < 50
    assert requests_made(driver) == []
    assert [entry["message"] for entry in driver.get_log("browser")] == []


def test_the_policy_forbids_what_the_page_does_not_bring(opened: Open) -> None:
    driver = opened(SAMPLE)
    driver.execute_script(
        "const i = document.createElement('img'); i.src = 'http://127.0.0.1:9/x.png'; document.body.append(i);"
        "const s = document.createElement('script'); s.textContent = 'document.title = `pwned`'; document.body.append(s);"
    )
    assert driver.title == TITLE
    blocked = [entry["message"] for entry in driver.get_log("browser")]
    assert len(blocked) == 2
    assert all("Content Security Policy" in message for message in blocked)


def test_without_script_the_whole_report_is_there(opened: Open, driver: Any) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    opened(SAMPLE)
    body = driver.find_element("tag name", "main").text
    assert [word in body for word in ("cats", "gone", "dogs", '"Cats"', "too many deletions")] == [True] * 5
    assert driver.find_element("id", "filters").is_displayed() is False


FILLERS = [update(f"filler-{n:03}", field_change("notes", "x", f"{n}")) for n in range(MARKUP)]


def test_hostile_names_stay_text_where_the_script_shows_them(opened: Open) -> None:
    changes = [
        update(name, field_change("metadata", {name: name}, name), field_change("notes", name * 3, f"{name * 3}!"))
        for name in HOSTILE
    ]
    driver = opened(
        plan_report([*FILLERS, *changes, *(update(name, field_change("name", "a", "b")) for name in HOSTILE)])
    )
    driver.execute_script("document.querySelector('.more').click()")
    shown = driver.execute_script("return [...document.querySelectorAll('.name, .members li')].map(e => e.textContent)")
    assert {name.replace("\u202e", "\\u202e") for name in HOSTILE} <= set(shown)
    assert (
        driver.execute_script("return document.querySelectorAll('img, svg, a, iframe, object, embed, base').length")
        == 0
    )
    assert driver.execute_script("return document.querySelectorAll('style, meta').length") == 6
    assert driver.title == "Plan for demo/pets"
    assert requests_made(driver) == []
    assert [entry["message"] for entry in driver.get_log("browser")] == []


def test_a_card_that_the_script_builds_is_the_one_that_the_page_would_have(opened: Open) -> None:
    text = "Tells cats from dogs on photos that people take indoors"
    changes = [
        update(
            "odd/id_of.it",
            field_change("description", text, text.replace("cats", "foxes")),
            field_change("name", after="a"),
        ),
        update("odd/id_of.it", field_change("notes", "a\nb\nc", "a\n2\nc\nd"), version_id="1" * 32, reason="because"),
        update("odd/id_of.it", field_change("license", "MIT"), version_id="2" * 32, origin=None),
        *(update(f"alike-{n}", field_change("visibility", "ORG", "PRIVATE")) for n in range(3)),
        *(update(f"alike-{n}", field_change("license", "a", "b"), version_id=str(n) * 32) for n in range(3)),
    ]
    cards = "return [...document.querySelectorAll('details.card')].filter(e => !e.textContent.includes('filler')).map(e => { e.open = true; return e.outerHTML; })"
    written = opened(plan_report(changes)).execute_script(cards)
    built = opened(plan_report([*FILLERS, *changes])).execute_script("document.querySelector('.more').click();" + cards)
    assert len(written) == 2
    assert built == written


def test_without_script_the_page_says_what_it_leaves_out(opened: Open, driver: Any) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    opened(plan_report([*FILLERS, *(update(f"more-{n}", field_change("name", "x", f"{n}")) for n in range(7))]))
    assert "7 more changes need JavaScript to be shown here." in driver.find_element("id", "left").text
    assert len(driver.find_elements("css selector", "details.card")) == MARKUP


@pytest.mark.parametrize("width", [375, 1280])
def test_nothing_overlaps_and_ids_break_at_separators(opened: Open, width: int) -> None:
    changes = [
        update("pet-classifier-of-the-vision-team_in-production", field_change("output_info.params.prompt_template", "a", "b"),
               version_id="b0b89c973e5d4b6d9599ce13da04b894", origin=Origin("manifests/vision/production/europe/pets.yaml", 14)),
        deletion("old"),
    ]  # fmt: skip
    driver = opened(plan_report(changes, refused=["too many"]))
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    boxes = """
      const seen = [...document.querySelectorAll('h1, dl > div, ul.summary > li, label, button:not([hidden]), #count, h2, .card > summary > *,' +
        '.fields th, .fields td')].filter(e => e.checkVisibility()).map(e => [e.textContent, e.getBoundingClientRect()]);
      const over = [];
      for (const [a, x] of seen) for (const [b, y] of seen)
        if (x !== y && x.left < y.right - 1 && y.left < x.right - 1 && x.top < y.bottom - 1 && y.top < x.bottom - 1) over.push([a, b]);
      return over;"""
    assert driver.execute_script(boxes) == []
    lines = """
      const code = document.querySelector('.version code'), range = document.createRange();
      range.selectNodeContents(code);
      return new Set([...range.getClientRects()].map(r => r.top)).size;"""
    assert driver.execute_script(lines) == 1
    assert driver.execute_script("return document.documentElement.scrollWidth <= window.innerWidth") is True


def distinct(count: int) -> Report:
    """A plan in which no two changes are alike."""
    changes = [
        update(
            f"model-{n:05}", field_change("description", f"was {n}", f"is {n}"), field_change("metadata.n", n, n + 1)
        )
        for n in range(count // 2)
    ]
    prompt = "You are the helpful assistant of team {} and you answer in one {} only"
    versions = [
        update(f"model-{n:05}", field_change("output_info.params.prompt", prompt.format(n, "word"), prompt.format(n, "line")),
               version_id=f"{n:032x}")
        for n in range(count // 2)
    ]  # fmt: skip
    return plan_report([*changes, *versions])


def test_ten_thousand_changes_open_in_under_three_seconds_and_weigh_under_six_megabytes(opened: Open) -> None:
    report = distinct(10_000)
    assert sum(len(piece.encode()) for piece in render_html(report)) < 6_000_000

    def seconds() -> float:
        driver = opened(report)
        spent = driver.execute_script("return performance.timing.loadEventEnd - performance.timing.navigationStart")
        return float(spent) / 1000

    took = min(seconds(), seconds())  # other tests may keep the machine busy during one
    driver = opened(report)
    assert driver.execute_script("return document.getElementById('count').textContent") == "10,000 changes"
    type_into(driver, "search", "model-04999")
    time.sleep(0.5)
    assert visible(driver) == ["model-04999"]
    assert took < 3, f"loading took {took:.1f} s"


def test_ten_thousand_identical_changes_are_one_card(opened: Open) -> None:
    driver = opened(
        plan_report([update(f"m-{n}", field_change("visibility", "ORG", "PRIVATE")) for n in range(10_000)])
    )
    assert visible(driver) == ["10,000 models"]
    type_into(driver, "model", "m-9999")
    assert visible(driver) == ["10,000 models"]
