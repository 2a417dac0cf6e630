"""One browser for all tests of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.report.html import render_html
from reconciler.report.report import Report
from tests.browser.chromium import browser, missing


@pytest.fixture(scope="session")
def _started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def driver(_started: Any) -> Any:
    """The browser, in light mode, 1280 pixels wide."""
    _started.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    _started.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    _started.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    return _started


@pytest.fixture
def opened(driver: Any, tmp_path: Path) -> Callable[[Report], Any]:
    """Open a report's page, and forget what was logged before."""

    def open_page(report: Report) -> Any:
        path = tmp_path / "report.html"
        path.write_text("".join(render_html(report)), encoding="utf-8")
        driver.get_log("performance")
        driver.get_log("browser")
        driver.get(path.as_uri())
        return driver

    return open_page
