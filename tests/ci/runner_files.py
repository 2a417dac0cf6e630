"""Reads what GitHub's runner reads: the file of a step's outputs, and workflow commands in a log."""

from __future__ import annotations

import re
from pathlib import Path

_COMMAND = re.compile(r"^\s*::([a-z-]+)(?: ([^:]*))?::(.*)$")


def outputs(path: Path) -> dict[str, str]:
    """The outputs in a GITHUB_OUTPUT file, `name=value` and heredocs alike; the last one of a name wins."""
    found: dict[str, str] = {}
    lines = iter(path.read_text(encoding="utf-8").splitlines() if path.exists() else ())
    for line in lines:
        heredoc = re.fullmatch(r"([^=<]+)<<(.+)", line)
        if heredoc:
            value = []
            for each in lines:
                if each == heredoc[2]:
                    break
                value.append(each)
            else:
                raise AssertionError(f"{heredoc[1]} has no end")
            found[heredoc[1]] = "\n".join(value)
        elif line:
            name, equals, value_text = line.partition("=")
            assert equals, line
            found[name] = value_text
    return found


def commands(log: str) -> list[tuple[str, dict[str, str], str]]:
    """The workflow commands of a log: name, properties, message, unescaped as the runner does."""
    found = []
    for line in log.splitlines():
        match = _COMMAND.match(line)
        if match:
            pairs = (pair.partition("=") for pair in (match[2] or "").split(",") if pair)
            properties = {name: _unescaped(value) for name, _, value in pairs}
            found.append((match[1], properties, _unescaped(match[3])))
    return found


def _unescaped(text: str) -> str:
    for code, letter in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, letter)
    return text
