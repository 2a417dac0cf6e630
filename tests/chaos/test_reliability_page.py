"""docs/reliability.md says what the code does: its table is the code's, and every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

from scripts.reliability_tables import PAGE, page

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_statuses_is_the_codes() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "run python scripts/reliability_tables.py"


def test_every_test_that_it_names_exists() -> None:
    named = set(re.findall(r"tests/\w+/\w+\.py", PAGE.read_text(encoding="utf-8")))
    assert {name for name in named if not (ROOT / name).is_file()} == set()
    assert named
