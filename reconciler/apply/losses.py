"""What is lost when an exported manifest replaces a file that somebody has edited.

In: a file that may exist, and its new text. Out: phrases that name what only the old text contains: comments, references such as
`${var:threshold}`, and keys. Values that differ are no loss; they are what an export is for. It never writes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from reconciler.resources.tree import path_text

_REFERENCE: Final = re.compile(r"(?<!\$)\$\{(?:var|env):[^}]*\}")
_MOST_NAMED: Final = 5
"""Keys and references that are named; of the others the number is given."""


def lost_by_replacing(path: Path, text: str) -> tuple[str, ...]:
    """What the file at `path` contains that `text` doesn't; empty if there is no file, or it can't be read."""
    try:
        before = path.read_text(encoding="utf-8-sig") if path.is_file() else text
    except (OSError, UnicodeDecodeError):
        return ("its content, which is not text in UTF-8",)
    if before == text:
        return ()
    try:
        old, new = (list(yaml.load_all(each, yaml.CSafeLoader)) for each in (before, text))
        comments = Counter(_comments(before)) - Counter(_comments(text))
    except (yaml.YAMLError, ValueError, RecursionError):
        return ("its content, which could not be read as YAML",)
    found = []
    if comments:
        number = comments.total()
        found.append(f"{number} comment{'s' * (number > 1)}")
    references = Counter(_REFERENCE.findall(before)) - Counter(_REFERENCE.findall(text))
    found += _named("the reference", references)
    found += _named("the key", dict.fromkeys(path_text(key) for key in _only_in(old, new)))
    return tuple(found)


def _named(noun: str, names: Any) -> list[str]:
    listed = list(names)
    if not listed:
        return []
    more = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
    return [f"{noun}{'s' * (len(listed) > 1)} {', '.join(listed[:_MOST_NAMED])}{more}"]


def _comments(text: str) -> Iterator[str]:
    """The comments of a YAML text: what follows a # outside of scalars."""
    if "#" not in text:
        return
    end = 0
    for token in yaml.scan(text, yaml.CSafeLoader):
        if isinstance(token, (yaml.ScalarToken, yaml.StreamEndToken)):
            between = text[end : token.start_mark.index]
            yield from (line.partition("#")[2].strip() for line in between.splitlines() if "#" in line)
            end = token.end_mark.index


def _only_in(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of keys that only `old` has, each without the keys inside it."""
    if isinstance(old, dict):
        for name, item in old.items():
            if not isinstance(new, dict) or name not in new:
                yield (*path, str(name))
            else:
                yield from _only_in(item, new[name], (*path, str(name)))
    elif isinstance(old, list):
        # Entries of `versions` belong together by their id; any other list is compared by position.
        after = new if isinstance(new, list) else []
        by_id = {entry.get("id"): entry for entry in after if isinstance(entry, dict)}
        for position, item in enumerate(old):
            other = after[position] if position < len(after) else None
            if isinstance(item, dict):
                yield from _only_in(item, by_id.get(item.get("id"), other), path)
