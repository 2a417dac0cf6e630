"""Changes as cards: every change is in exactly one, models with their versions together, and a deletion by itself."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from reconciler.plan.plan import Change
from reconciler.report.cards import Card, card_sections
from tests.report.reports import deletion, field_change, update


def cards(*changes: Change) -> list[Card]:
    return [card for section in card_sections(changes) for card in section.cards]


def test_a_model_and_its_versions_are_one_card_and_deletions_come_first() -> None:
    found = cards(
        update("m", field_change("name", "a", "b")),
        update("m", field_change("license", "a", "b"), version_id="v1"),
        deletion("old"),
        update("m", field_change("license", "a", "c"), version_id="v2"),
    )
    assert [(card.action, card.members, card.weight) for card in found] == [
        ("delete", (("old", ""),), 1),
        ("update", (("m", "", "v1", "v2"),), 3),
    ]


def test_models_share_a_card_only_where_all_of_their_changes_are_alike() -> None:
    found = cards(
        *(update(f"m{n}", field_change("name", "a", "b")) for n in range(4)),
        update("m3", field_change("license", "a", "b"), version_id="v3"),
        update("m4", field_change("name", "a", "b"), app_id="other"),
    )
    assert [card.members for card in found] == [
        (("m0", ""), ("m1", ""), ("m2", "")),
        (("m3", "", "v3"),),
        (("m4", ""),),
    ]


def test_deletions_never_share_a_card() -> None:
    assert [len(card.members) for card in cards(*(deletion(f"m{n}") for n in range(3)))] == [1, 1, 1]


def test_both_sides_of_an_edit_have_as_many_lines() -> None:
    (card,) = cards(update("m", field_change("notes", "a\nb\nc\n", "a\nX\nY\nc\nd\n")))
    (field,) = card.blocks[0].fields
    assert field.before == ((" ", "a"), ("-", "", "b"), ("",), (" ", "c"), ("",))
    assert field.after == ((" ", "a"), ("+", "", "X"), ("+", "", "Y"), (" ", "c"), ("+", "", "d"))


models = st.sampled_from(["a", "b", "c"])
versions = st.sampled_from(["", "v1", "v2"])
values = st.sampled_from(["x", "a line that is long enough to be compared", "one\ntwo\nthree"])


@given(st.lists(st.tuples(models, versions, values, values), max_size=12, unique_by=lambda item: item[:2]))
def test_every_change_is_in_exactly_one_card(items: list[tuple[str, str, str, str]]) -> None:
    changes = [update(m, field_change("notes", x, y), version_id=v) for m, v, x, y in items]
    found = Counter(
        (member[0], version) for card in cards(*changes) for member in card.members for version in member[1:]
    )
    assert found == Counter((change.key.model_id, change.key.version_id) for change in changes)
    assert sum(card.weight for card in cards(*changes)) == len(changes)
