"""The wording of messages: one golden file, a case for each test that checks a message, so that it is reviewed as text.

Tests assert what a message is about (its code or rule, its place, the values it must name); how it reads stands in
tests/data/messages.txt under the name of the test. `--update-golden` rewrites the cases of the tests that ran.
"""

from __future__ import annotations

import fcntl
from itertools import groupby
from pathlib import Path
from typing import Final

MESSAGES: Final = Path(__file__).parent / "data" / "messages.txt"
INDENT: Final = "    "

Cases = dict[str, str]
"""By case, its messages: indented lines."""


class Wording:
    """Holds the messages of one test to the golden file."""

    def __init__(self, case: str, *, place: Path, update: bool) -> None:
        self._case = case
        self._place = place
        self._update = update

    def __call__(self, *messages: object) -> None:
        """Compare the texts of these messages, all that the test has; its folder is called PLACE."""
        lines = "\n".join(map(str, messages)).replace(str(self._place), "PLACE").splitlines()
        text = "".join(f"{INDENT}{line}\n" for line in lines)
        if self._update:
            _replace(self._case, text)
        else:
            stored = read_cases(MESSAGES.read_text(encoding="utf-8")).get(self._case, "")
            assert text == stored, f"{self._case} has other messages; --update-golden rewrites {MESSAGES.name}"


def read_cases(text: str) -> Cases:
    """The cases of the file's text: each name, alone on its line, has the indented lines that follow."""
    found: Cases = {}
    names: list[str] = []
    for is_text, lines in groupby(text.splitlines(keepends=True), key=lambda line: line.startswith(INDENT)):
        if is_text:
            found.update(dict.fromkeys(names, "".join(lines)))
        else:
            names = [line.rstrip("\n") for line in lines]
    return found


def _replace(case: str, text: str) -> None:
    with MESSAGES.open("r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # with -n, other processes rewrite it too
        cases = {**read_cases(file.read()), case: text}
        file.seek(0)
        file.truncate()
        # Cases of one test that read alike share their lines.
        shared: dict[tuple[str, str], list[str]] = {}
        for name in sorted(filter(cases.get, cases)):
            shared.setdefault((name.partition("[")[0], cases[name]), []).append(name)
        file.write("".join("".join(f"{name}\n" for name in names) + text for (_, text), names in shared.items()))
