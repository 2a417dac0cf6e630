"""What a history of drift recalls: new, standing, resolved, and what a run that looked at a part says nothing of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.compare.expectations import Expectation
from reconciler.compare.results import FieldChange
from reconciler.errors import Origin
from reconciler.plan.plan import Change, Plan, Source
from reconciler.report.drift_history import (
    DriftHistory,
    Entry,
    HistoryComparison,
    compared_with_history,
    was_checked,
)
from reconciler.resources.keys import Key
from reconciler.resources.secrets import Sensitive
from reconciler.resources.tree import MISSING

SALT = "00" * 32
MONDAY, TUESDAY, SUNDAY = "2026-11-23T14:00:00Z", "2026-11-24T14:00:00Z", "2026-11-29T14:00:00Z"
MODEL = Key(user_id="me", app_id="pets", model_id="petsID")
EMPTY = DriftHistory(salt=SALT, endpoint="https://x")


def edit(path: str, before: Any = MISSING, after: Any = MISSING) -> FieldChange:
    return FieldChange(path=tuple(path.split(".")), before=before, after=after)


def plan_of(*fields: FieldChange, key: Key = MODEL, expectations: tuple[Expectation, ...] = ()) -> Plan:
    changes = (Change(key=key, action="update", fields=fields),) if fields else ()
    source = Source(digest="", files=())
    return Plan(
        tool_version="0",
        created_at=MONDAY,
        endpoint="https://x",
        source=source,
        changes=changes,
        expectations=expectations,
    )


def deletion() -> Plan:
    source = Source(digest="", files=())
    changes = (Change(key=MODEL, action="delete", fields=(edit("metadata.reconciler", {"owner": "x"}),)),)
    return Plan(tool_version="0", created_at=MONDAY, endpoint="https://x", source=source, changes=changes)


def history_of(comparison: HistoryComparison) -> tuple[dict[str, str], list[str]]:
    """Each path with its word and time, and the paths that are over."""
    places = {path: f"{item.word} {item.since}" for (_, path), item in comparison.places.items()}
    return places, [f"{entry.path} {entry.first_seen}" for entry in comparison.resolved]


def runs(
    *steps: tuple[str, Plan], was_checked: Callable[[Entry], bool] = lambda _: True
) -> tuple[HistoryComparison, DriftHistory]:
    """The last of several runs, each with the history of the one before."""
    history = EMPTY
    comparison = HistoryComparison(places={})
    for now, plan in steps:
        comparison, history = compared_with_history(plan, history, now=now, was_checked=was_checked)
    return comparison, history


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(edit("name", "a", "b"), edit("name", "a", "b"), f"standing {MONDAY}", id="the same"),
        pytest.param(edit("name", "a", "b"), edit("name", "c", "b"), f"new {TUESDAY}", id="live moved on"),
        pytest.param(edit("name", "a", "b"), edit("name", "a", "c"), f"new {TUESDAY}", id="the manifest moved on"),
        pytest.param(edit("name", "a", "b"), edit("name", MISSING, "b"), f"new {TUESDAY}", id="live is gone"),
        pytest.param(
            edit("metadata.a", None, 1), edit("metadata.a", MISSING, 1), f"new {TUESDAY}", id="null is a value"
        ),
        pytest.param(edit("metadata.a", 1, 2), edit("metadata.a", 1.0, 2.0), f"standing {MONDAY}", id="one number"),
        pytest.param(edit("metadata.a", 1, 2), edit("metadata.a", True, 2), f"new {TUESDAY}", id="true is no number"),
        pytest.param(
            edit("toolkits", ["x", "y"], ["x", "y", "z"]),
            edit("toolkits", ["y", "x"], ["y", "x", "z"]),
            f"standing {MONDAY}",
            id="tags have no order",
        ),
        pytest.param(
            edit("metadata.a", ["x", "y"], []),
            edit("metadata.a", ["y", "x"], []),
            f"new {TUESDAY}",
            id="lists have one",
        ),
        pytest.param(
            edit("metadata.key", Sensitive("old", "live"), Sensitive("new", "env:K")),
            edit("metadata.key", Sensitive("other", "live"), Sensitive("new", "env:K")),
            f"standing {MONDAY}",
            id="nothing of a secret is kept, so its change is not seen",
        ),
    ],
)
def test_the_same_path_on_the_next_day(first: FieldChange, second: FieldChange, expected: str) -> None:
    comparison, _ = runs((MONDAY, plan_of(first)), (TUESDAY, plan_of(second)))
    (path,) = (".".join(second.path),)
    assert history_of(comparison) == ({path: expected}, [])


def test_the_first_run_finds_all_new() -> None:
    comparison, history = runs((MONDAY, plan_of(edit("name", "a", "b"), edit("notes", "a", "b"))))
    assert history_of(comparison) == ({"name": f"new {MONDAY}", "notes": f"new {MONDAY}"}, [])
    assert (comparison.new_count, comparison.standing_count) == (2, 0)
    assert [(entry.place, entry.first_seen) for entry in history.entries] == [
        (("me/pets/petsID", "name"), MONDAY),
        (("me/pets/petsID", "notes"), MONDAY),
    ]
    assert history.updated_at == MONDAY


def test_what_is_gone_is_resolved_once_and_new_when_it_comes_back() -> None:
    drift, in_sync = plan_of(edit("name", "a", "b")), plan_of()
    comparison, history = runs((MONDAY, drift), (TUESDAY, in_sync))
    assert history_of(comparison) == ({}, [f"name {MONDAY}"])
    assert history.entries == ()
    assert history_of(runs((MONDAY, drift), (TUESDAY, in_sync), (SUNDAY, in_sync))[0]) == ({}, [])
    assert history_of(runs((MONDAY, drift), (TUESDAY, in_sync), (SUNDAY, drift))[0]) == ({"name": f"new {SUNDAY}"}, [])


def test_what_a_run_did_not_look_at_stays_as_it_was() -> None:
    steps = (MONDAY, plan_of(edit("name", "a", "b"))), (TUESDAY, plan_of())
    comparison, history = runs(*steps, was_checked=lambda _: False)
    assert history_of(comparison) == ({}, [])
    assert [entry.first_seen for entry in history.entries] == [MONDAY]


def test_a_resource_is_new_where_any_path_in_it_is_and_dates_from_its_oldest() -> None:
    both = plan_of(edit("name", "a", "b"), edit("notes", "a", "b"))
    comparison, _ = runs((MONDAY, plan_of(edit("name", "a", "b"))), (TUESDAY, both))
    whole = comparison.of_change(both.changes[0])
    assert (whole.word, whole.since) == ("new", MONDAY)
    assert history_of(comparison)[0] == {"name": f"standing {MONDAY}", "notes": f"new {TUESDAY}"}


def test_a_deletion_is_one_drift_whatever_it_shows() -> None:
    comparison, _ = runs((MONDAY, deletion()), (TUESDAY, deletion()))
    change = deletion().changes[0]
    assert history_of(comparison) == ({"": f"standing {MONDAY}"}, [])
    assert comparison.of_change(change).word == "standing"
    assert comparison.of_field(change, change.fields[0]) is None


def test_an_unmet_expectation_is_remembered_and_a_met_one_is_not() -> None:
    def expecting(*live: str) -> Plan:
        key, origin = MODEL.version("a" * 32), Origin(path="m.yaml")
        return plan_of(expectations=(Expectation(key=key, expected=("cat",), live=live, origin=origin),))

    assert history_of(runs((MONDAY, expecting("cat")))[0]) == ({}, [])
    steps = (MONDAY, expecting("dog")), (TUESDAY, expecting("dog"))
    assert history_of(runs(*steps)[0]) == ({"expect.concepts": f"standing {MONDAY}"}, [])
    assert history_of(runs(*steps, (SUNDAY, expecting("cat")))[0]) == ({}, [f"expect.concepts {MONDAY}"])
    assert history_of(runs(*steps, (SUNDAY, expecting("emu")))[0]) == ({"expect.concepts": f"new {SUNDAY}"}, [])


def test_a_history_holds_no_value_and_nothing_made_of_a_secret() -> None:
    secret, other = Sensitive("planted-secret", "env:K"), Sensitive("another-secret", "env:K")
    memories = [runs((MONDAY, plan_of(edit("metadata.key", value, "planted-text"))))[1] for value in (secret, other)]
    assert memories[0] == memories[1]
    assert "planted" not in repr(memories[0])


def test_another_salt_gives_other_fingerprints() -> None:
    plan = plan_of(edit("name", "a", "b"))
    found = [
        compared_with_history(plan, DriftHistory(salt=salt, endpoint=""), now=MONDAY, was_checked=lambda _: True)[1]
        .entries[0]
        .fingerprint
        for salt in ("00" * 32, "01" * 32)
    ]
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("address", "path", "targets", "selected", "is_pruning", "expected"),
    [
        ("me/pets/petsID", "name", (), False, False, True),
        ("me/pets/gone", "name", (), False, False, True),
        ("me/pets/petsID", "name", ("petsID",), False, False, True),
        ("me/pets/petsID@" + "a" * 32, "name", ("petsID",), False, False, True),
        ("me/pets/other", "name", ("petsID",), False, False, False),
        ("me/pets/other", "name", (), True, False, False),
        ("me/pets/a@b", "name", ("a@b",), False, False, True),
        ("me/pets/petsID", "", (), False, False, False),
        ("me/pets/petsID", "", (), False, True, True),
        ("me/pets/gone", "", ("gone",), False, True, True),
        ("me/pets/gone", "", ("petsID",), False, True, False),
        ("me/pets/gone", "", (), True, True, False),
    ],
)
def test_which_entries_a_run_looked_at(
    address: str, path: str, targets: tuple[str, ...], *, selected: bool, is_pruning: bool, expected: bool
) -> None:
    entry = Entry(address=address, path=path, fingerprint="", first_seen=MONDAY)
    compared = frozenset({"me/pets/petsID", "me/pets/a@b"})
    looked_at = was_checked(
        entry,
        compared=compared,
        targets=targets,
        excludes=(),
        is_partial=bool(targets) or selected,
        is_pruning=is_pruning,
    )
    assert looked_at is expected


@pytest.mark.parametrize(("excludes", "expected"), [(("other",), True), (("gone",), False), (("me/*",), False)])
def test_what_is_excluded_was_not_looked_at(excludes: tuple[str, ...], *, expected: bool) -> None:
    entry = Entry(address="me/pets/gone", path="", fingerprint="", first_seen=MONDAY)
    looked_at = was_checked(
        entry, compared=frozenset(), targets=(), excludes=excludes, is_partial=True, is_pruning=True
    )
    assert looked_at is expected
