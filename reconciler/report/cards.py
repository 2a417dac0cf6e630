"""A plan's changes as cards: a model with its versions is one card, and models with identical changes share one.

In: changes, in the plan's order. Out: cards in sections, as plain values that are easy to show and to write as JSON. All texts are
redacted and harmless. Deletions come first and never share a card. Nothing is omitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.plan.parts import field_document
from reconciler.plan.plan import Change
from reconciler.report.edits import ABSENT, Line, edit_lines, shown
from reconciler.report.escape import neutral
from reconciler.report.grouping import identified, labelled
from reconciler.report.words import word_pieces
from reconciler.resources.keys import Key, Scope

GROUP_FROM: Final = 2
"""From this number on, models with identical changes share a card."""

WORDS_FROM: Final = 24
"""From this length on, a changed string is compared word by word."""

ShownLine = tuple[str, ...]
"""A mark (-, +, blank for an unchanged line, … for a remark, "" for a gap), then the line's pieces as in `words`."""

Side = str | tuple[ShownLine, ...] | None
"""One side of a change: a value on one line, lines, or None for an absent value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardField:
    """One changed path and both sides of it."""

    path: str
    before: Side
    after: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What changes in a model, or in a version of it."""

    is_version: bool
    place: str
    reason: str
    fields: tuple[CardField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The changes of one model, or of several that are identical.

    `members` are the models, each with the ids of the versions that `blocks` are about, in the same order.
    """

    action: str
    members: tuple[tuple[str, ...], ...]
    blocks: tuple[Block, ...]

    @property
    def weight(self) -> int:
        """The changes of the plan that it stands for."""
        return len(self.members) * len(self.blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSection:
    """The cards of one app with the same attribution."""

    scope: Scope
    is_base: bool
    cards: tuple[Card, ...]


def card_sections(changes: Sequence[Change]) -> tuple[CardSection, ...]:
    """The cards by attribution (what this change causes first) and app."""
    parts: dict[tuple[bool, Scope], list[Change]] = {}
    for change in changes:
        parts.setdefault((change.attribution == "base", change.key.scope), []).append(change)
    return tuple(
        CardSection(scope=scope, is_base=is_base, cards=tuple(_cards(part)))
        for (is_base, scope), part in sorted(parts.items(), key=lambda item: item[0][0])
    )


def _cards(changes: Iterable[Change]) -> Iterator[Card]:
    models: dict[tuple[Key, str], list[Change]] = {}
    for change in changes:
        models.setdefault((change.key.model(), change.action), []).append(change)
    alike: dict[str, list[list[Change]]] = {}
    for (key, action), found in models.items():
        # Each deletion is reviewed by itself.
        identity = key.address if action == "delete" else _identity(found)
        alike.setdefault(f"{action} {identity}", []).append(found)
    groups = [[same] if len(same) >= GROUP_FROM else [[each] for each in same] for same in alike.values()]
    cards = [_card(group) for same in groups for group in same]
    yield from (card for card in cards if card.action == "delete")
    yield from (card for card in cards if card.action != "delete")


def _identity(changes: Sequence[Change]) -> str:
    described = [
        [bool(change.key.version_id), change.reason, [field_document(item) for item in change.fields]]
        for change in changes
    ]
    return identified(described)


def _card(group: Sequence[Sequence[Change]]) -> Card:
    places = [[_place(change) for change in changes] for changes in group]
    is_one = len(group) == 1
    return Card(
        action=group[0][0].action,
        members=tuple(
            (neutral(changes[0].key.model_id), *(neutral(change.key.version_id) for change in changes))
            for changes in group
        ),
        blocks=tuple(
            Block(
                is_version=bool(change.key.version_id),
                place=places[0][number] if is_one else _shared([row[number] for row in places]),
                reason=neutral(change.reason or ""),
                fields=tuple(_field(change, field_document(item)) for item in change.fields),
            )
            for number, change in enumerate(group[0])
        ),
    )


def _place(change: Change) -> str:
    return neutral(f"{change.origin.path}:{change.origin.line}") if change.origin else ""


def _shared(places: Iterable[str]) -> str:
    """The file that all have in common, if there is one."""
    files = {place.rpartition(":")[0] for place in places}
    return files.pop() if len(files) == 1 else ""


def _field(change: Change, field: Mapping[str, Any]) -> CardField:
    path = labelled(change, field)
    if "before" in field and "after" in field and (lines := edit_lines(field) or _long(field)):
        before, after = _split(lines)
        return CardField(path=path, before=before, after=after)
    return CardField(path=path, before=_side(field, "before"), after=_side(field, "after"))


def _long(field: Mapping[str, Any]) -> tuple[Line, ...]:
    """Two strings that are long enough to be compared word by word."""
    before, after = field["before"], field["after"]
    if field.get("sensitive") or not isinstance(before, str) or not isinstance(after, str):
        return ()
    if max(len(before), len(after)) < WORDS_FROM:
        return ()
    return Line(mark="-", text=shown(field, "before")), Line(mark="+", text=shown(field, "after"))


def _side(field: Mapping[str, Any], name: str) -> Side:
    text = shown(field, name)
    if text == ABSENT:
        return None
    lines = edit_lines(field)
    return tuple((line.mark, "", line.text) if line.mark in "-+" else (line.mark, line.text) for line in lines) or text


def _split(lines: Sequence[Line]) -> tuple[tuple[ShownLine, ...], tuple[ShownLine, ...]]:
    """Both sides of an edit, line beside line: as many on the left as on the right."""
    left: list[ShownLine] = []
    right: list[ShownLine] = []
    at = 0
    while at < len(lines):
        removed, at = _run(lines, at, "-")
        added, at = _run(lines, at, "+")
        for number in range(max(len(removed), len(added))):
            if number < len(removed) and number < len(added):
                before, after = word_pieces(removed[number], added[number])
                left.append(("-", *before))
                right.append(("+", *after))
            else:
                left.append(("-", "", removed[number]) if number < len(removed) else ("",))
                right.append(("+", "", added[number]) if number < len(added) else ("",))
        while at < len(lines) and lines[at].mark in " …":
            left.append((lines[at].mark, lines[at].text))
            right.append((lines[at].mark, lines[at].text))
            at += 1
    return tuple(left), tuple(right)


def _run(lines: Sequence[Line], at: int, mark: str) -> tuple[list[str], int]:
    end = at
    while end < len(lines) and lines[end].mark == mark:
        end += 1
    return [line.text for line in lines[at:end]], end


def card_document(card: Card) -> list[Any]:
    """The card as JSON data: action, members, and the blocks with their fields, without names."""
    return [
        card.action,
        [list(member) for member in card.members],
        [
            [
                int(block.is_version),
                block.place,
                block.reason,
                [[field.path, field.before, field.after] for field in block.fields],
            ]
            for block in card.blocks
        ],
    ]
