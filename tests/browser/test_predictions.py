"""The table of predictions in a real browser: sorted, filtered, without a request for an image, and whole without script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconciler.report.report import Report
from tests.browser.test_page import requests_made
from tests.report.test_effects import METRO, SAMPLE

Open = Callable[[Report], Any]
ROWS = (
    "return [...document.querySelectorAll('table.sortable tbody tr')].filter(e => e.checkVisibility())"
    ".map(e => e.cells[1].textContent + ' ' + e.cells[5].textContent)"
)
AS_PLANNED = [
    "photo vanishes",
    "film rises",
    "film appears",
    "same unchanged",
    "gone failed",
    "ask changes",
    "vector changes",
]


def rows(driver: Any) -> list[str]:
    return list(driver.execute_script(ROWS))


def test_a_click_on_a_heading_sorts_and_another_turns_the_order(opened: Open) -> None:
    driver = opened(SAMPLE)
    assert rows(driver) == AS_PLANNED
    heading = driver.find_element("css selector", "table.sortable th:nth-child(6) button")
    heading.click()
    effects = [row.partition(" ")[2] for row in rows(driver)]
    assert effects == sorted(effects)
    assert (
        driver.find_element("css selector", "table.sortable th:nth-child(6)").get_attribute("aria-sort") == "ascending"
    )
    heading.click()
    assert [row.partition(" ")[2] for row in rows(driver)] == sorted(effects, reverse=True)


def test_the_filter_shows_the_rows_that_contain_a_text(opened: Open) -> None:
    driver = opened(SAMPLE)
    field = driver.find_element("css selector", "form.sifting input")
    field.send_keys("FILM")
    assert rows(driver) == ["film rises", "film appears"]
    assert driver.find_element("css selector", "form.sifting output").text == "2 of 7 rows"
    field.clear()
    field.send_keys("x\b")
    assert rows(driver) == AS_PLANNED


def test_an_image_is_a_link_that_nothing_loads(opened: Open) -> None:
    driver = opened(SAMPLE)
    link = driver.find_element("css selector", ".predictions a")
    assert (link.text, link.get_attribute("href")) == ("photo", METRO)
    assert requests_made(driver) == []
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_without_script_every_row_is_there_and_no_control(opened: Open, driver: Any) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    opened(SAMPLE)
    assert not driver.find_element("css selector", "form.sifting").is_displayed()
    assert len(driver.find_elements("css selector", "table.sortable tbody tr")) == len(AS_PLANNED)
