"""The generated tables of docs/emulator.md: switches and kinds of faults from their source, the calls from the service.

In: the text of reconciler/emulator/switches.py and the tables of calls. Out: Markdown. `scripts.references` writes it.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from reconciler.emulator import switches
from reconciler.emulator.service import READS, WRITES

SECTION: Final = re.compile(r"    # --- (.+)")
NOT_A_SWITCH: Final = "faults"


def switches_reference(prose: Callable[[str], str]) -> str:
    """A table for each group of switches: name and positions, the default first, and the text below the field."""
    parts = []
    for title, rows in _sections():
        lines = [f"### {title[0].upper()}{title[1:]}", "", "| switch | positions, the default first | what it does |"]
        lines.append("|---|---|---|")
        for name, positions, text in rows:
            lines.append(f"| `{name}` | {positions} | {prose(text)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def calls_reference(prose: Callable[[str], str]) -> str:
    """What the emulator serves."""
    del prose
    served = sorted({*READS, *WRITES})
    return ", ".join(f"`{name}`" for name in served) + ".\n"


def _sections() -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """The groups of switches with their titles, in the order of the source."""
    source = inspect.getsource(switches)
    lines = source.splitlines()
    titles = {number: match[1] for number, line in enumerate(lines, 1) if (match := SECTION.fullmatch(line))}
    body = next(
        node.body for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == "Switches"
    )
    rows: dict[str, list[tuple[str, str, str]]] = {title: [] for title in titles.values()}
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            name = ast.unparse(field.target)
            title = titles[max(number for number in titles if number < field.lineno)]
            if name != NOT_A_SWITCH:
                rows[title].append((name, _positions(field), " ".join(ast.literal_eval(text.value).split())))
    yield from rows.items()


def _positions(field: ast.AnnAssign) -> str:
    """The positions of a switch in words: its choices with the default first, or its type and default."""
    assert field.value is not None
    default: Any = ast.literal_eval(field.value)
    if isinstance(field.annotation, ast.Subscript) and ast.unparse(field.annotation.value) == "Literal":
        choices = ast.literal_eval(field.annotation.slice)
        return ", ".join(f"`{choice}`" for choice in sorted(choices, key=lambda choice: choice != default))
    if isinstance(default, bool):
        return ", ".join(f"`{str(position).lower()}`" for position in (default, not default))
    if isinstance(default, tuple):
        return "none, or a list separated by commas"
    return f"`{str(default).lower()}`, or a number"
