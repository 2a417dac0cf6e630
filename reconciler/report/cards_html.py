"""Cards as HTML, and those that are too many for markup as data for the page's script.

In: sections of cards. Out: HTML. A page with up to MARKUP cards works without a script. Of more, the first ones are markup, and the
rest is one JSON document in the page, from which the script shows them as a reader scrolls or filters; without a script the page
says how many it leaves out. `page_script` builds the same elements as this module, and sets texts only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, Final

from reconciler.report.cards import Card, CardField, CardSection, ShownLine, Side, card_document
from reconciler.report.grouping import counted
from reconciler.report.html_parts import breakable, text

MARKUP: Final = 400
"""Cards that are markup, and so can be read without a script."""

MARKUP_SIZE: Final = 1_500_000
"""Characters of markup after which the rest is data, however few cards there are."""

OPEN_UP_TO: Final = 60
"""Up to this number, cards are open from the start; of more, a reader sees the list first."""

SIGNS: Final = {"update": "~", "delete": "−"}
_TAGS: Final = {"-": "del", "+": "ins", " ": "span", "…": "span", "": "span"}
_CLASSES: Final = {" ": ' class="same"', "…": ' class="rest"', "": ' class="gap"'}


def cards_html(sections: Sequence[CardSection], *, titles: Sequence[str]) -> Iterator[str]:
    """All sections, then what is left for the script. `titles` are the headings above sections, "" for none."""
    total = sum(len(section.cards) for section in sections)
    is_open = total <= OPEN_UP_TO
    left: list[list[Any]] = []
    shown = size = 0
    for number, (section, title) in enumerate(zip(sections, titles, strict=True)):
        if title:
            yield f'<h2 class="attribution">{text(title)}</h2>\n'
        yield f'<section class="app" data-section="{number}"><h2>{breakable(str(section.scope))}</h2>\n{_COLUMNS}'
        for card in section.cards:
            if shown < MARKUP and size < MARKUP_SIZE:
                markup = card_html(card, is_open=is_open)
                shown, size = shown + 1, size + len(markup)
                yield markup
            else:
                left.append([number, *card_document(card)])
        yield "</section>\n"
    if left:
        yield from _rest(left, changes=sum(len(card[2]) * len(card[3]) for card in left))
    yield '<p id="none" hidden>No change matches.</p>\n'


_COLUMNS: Final = (
    '<div class="columns" aria-hidden="true"><span>field</span><span>before</span><span>after</span></div>\n'
)


def _rest(cards: list[list[Any]], *, changes: int) -> Iterator[str]:
    yield (
        f'<p id="left" role="status">{counted(changes, "more change needs", "more changes need")} JavaScript to be shown here. '
        "<code>--format text</code> and <code>--format json</code> have all of them.</p>\n"
        '<script type="application/json" id="rest">['
    )
    for number, card in enumerate(cards):
        yield ("," if number else "") + _data(card)
    yield "]</script>\n"


def _data(card: list[Any]) -> str:
    """JSON in which nothing ends the element that holds it, and a CI runner finds no command."""
    return json.dumps(card, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c").replace("##", "#\\u0023")


def card_html(card: Card, *, is_open: bool) -> str:
    """One card."""
    head = _single_head(card) if len(card.members) == 1 else _group_head(card)
    blocks = "".join(_block(card, number) for number in range(len(card.blocks)))
    members = _members(card) if len(card.members) > 1 else ""
    return (
        f'<details class="card {card.action}" data-action="{card.action}" data-weight="{card.weight}"{" open" * is_open}>'
        f'<summary><span class="sign" aria-hidden="true">{SIGNS[card.action]}</span><span class="action">{card.action}</span>'
        f"{head}</summary>{members}{_table(blocks)}</details>\n"
    )


def _table(blocks: str) -> str:
    return f'<table class="fields">{_WIDTHS}{blocks}</table>' if blocks else ""


_WIDTHS: Final = '<colgroup><col class="path"><col><col></colgroup>'


def _single_head(card: Card) -> str:
    place = card.blocks[0].place
    return (
        f'<span class="name">{breakable(card.members[0][0])}</span><span class="what">{_what(card)}</span>'
        f'<span class="place">{breakable(place)}</span>'
    )


def _group_head(card: Card) -> str:
    return (
        f'<span class="name">{counted(len(card.members), "model", "models")}</span>'
        f'<span class="what">the same change on each: {_what(card)}</span>'
        f'<span class="place">{breakable(card.blocks[0].place)}</span>'
    )


def _what(card: Card) -> str:
    """What is in the card, such as "2 fields, 1 version"."""
    if card.action == "delete":
        versions = sum(block.is_version for block in card.blocks)
        return counted(versions, "version", "versions") if versions else "with all versions"
    fields = sum(len(block.fields) for block in card.blocks)
    versions = sum(block.is_version for block in card.blocks)
    parts = [counted(fields, "field", "fields"), counted(versions, "version", "versions") if versions else ""]
    return ", ".join(part for part in parts if part)


def _members(card: Card) -> str:
    items = "".join(
        f"<li>{breakable(member[0])}{''.join(f' <span class=at>@{breakable(each)}</span>' for each in member[1:] if each)}</li>"
        for member in card.members
    )
    return f'<details class="members"><summary>Which models</summary><ul>{items}</ul></details>'


def _block(card: Card, number: int) -> str:
    block = card.blocks[number]
    rows = "".join(map(_row, block.fields)) if card.action != "delete" else "".join(map(_lost, block.fields))
    head = ""
    if block.is_version:
        version = breakable(card.members[0][number + 1]) if len(card.members) == 1 else "of each model"
        place = f'<span class="place">{breakable(block.place)}</span>' if number else ""
        head = f'<tr class="version"><th colspan="3" scope="rowgroup">version <code>{version}</code>{place}</th></tr>'
    reason = f'<tr class="reason"><td colspan="3">{text(block.reason)}</td></tr>' if block.reason else ""
    return f"<tbody>{head}{reason}{rows}</tbody>" if head or reason or rows else ""


def _row(field: CardField) -> str:
    return (
        f'<tr><th scope="row">{breakable(field.path)}</th>'
        f'<td class="before">{_side(field.before, "del")}</td><td class="after">{_side(field.after, "ins")}</td></tr>'
    )


def _lost(field: CardField) -> str:
    """A field of what is deleted: its value alone."""
    return f'<tr><th scope="row">{breakable(field.path)}</th><td class="before" colspan="2">{_side(field.before, "del")}</td></tr>'


def _side(side: Side, tag: str) -> str:
    if side is None:
        return '<span class="rest">not set</span>'
    if isinstance(side, str):
        return f"<{tag}>{escape(side)}</{tag}>"
    return "".join(map(_line, side))


def _line(line: ShownLine) -> str:
    mark, *pieces = line
    tag = _TAGS[mark]
    is_whole = len(pieces) == 2 and not pieces[0]
    inside = "".join(
        f"<b>{escape(piece)}</b>" if number % 2 and not is_whole else escape(piece)
        for number, piece in enumerate(pieces)
        if piece
    )
    return f"<{tag}{_CLASSES.get(mark, '')}>{inside or ' '}</{tag}>"
