"""The golden file of messages has no case of a test that is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wording import MESSAGES, read_cases

TESTS = Path(__file__).parent


def test_every_case_is_of_a_test_that_exists(request: pytest.FixtureRequest) -> None:
    config = request.config
    if config.getoption("keyword") or config.getoption("markexpr") or any("::" in arg for arg in config.args):
        pytest.skip("only a part of the tests was selected")
    items = [(item.path.relative_to(TESTS).as_posix(), item.name) for item in request.session.items]
    collected = {f"{path}::{name}" for path, name in items}
    files = {path for path, _ in items}
    cases = read_cases(MESSAGES.read_text(encoding="utf-8"))
    paths = {case: case.partition("::")[0] for case in cases}
    gone = [case for case, path in paths.items() if not (TESTS / path).exists()]
    stale = [case for case, path in paths.items() if path in files and case not in collected]
    assert gone + stale == [], "run `make golden`"
