"""What the reports say about each kind of value that is no longer managed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.compare.released import Released
from reconciler.errors import Origin
from reconciler.report.markdown import render_markdown
from reconciler.report.released import LISTED, NOTED, released_notices
from reconciler.report.report import Report
from reconciler.report.text import render
from reconciler.resources.secrets import Sensitive
from reconciler.resources.tree import path_from_text
from tests.report.reports import plan_report

BASE = Origin("models/pets.yaml", 4, 3)
MODEL, VERSION = "demo/pets/m", "demo/pets/m@v1"


def released(path: str | None = None, *, address: str = MODEL, **more: Any) -> Released:
    found = None if path is None else path_from_text(path)
    return Released(address=address, path=found, **{"origin": BASE, **more})


def report_of(*items: Released) -> Report:
    report = plan_report()
    return replace(report, plan=replace(report.plan, released=items))


def section(*items: Released) -> str:
    """The section in text."""
    return render(report_of(*items)).partition("No longer managed:\n")[2].partition("\n\n")[0]


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (released("name", live="Pets"), f'{MODEL} name: stays as it is, "Pets"'),
        (released("name", live=Sensitive("s", "live")), f"{MODEL} name: stays as it is, (sensitive)"),
        (released("name"), f"{MODEL} name: has no live value"),
        (released("retain_versions"), f"{MODEL} retain_versions: old versions are no longer pruned"),
        (
            released("expect.concepts", address=VERSION, items=("cat",)),
            f"{VERSION} expect.concepts: the concepts are no longer checked",
        ),
        (released("toolkits", items=("A", "B"), live=["B", "A"]), f'{MODEL} toolkits, "A", "B": stays in the list'),
        (
            released("toolkits", items=("A", "B"), live=["B"]),
            f'{MODEL} toolkits, "A", "B": "B" stays in the list',
        ),
        (released("toolkits", items=("A",), live=["C"]), f'{MODEL} toolkits, "A": not live'),
        (released("toolkits", items=("A",)), f'{MODEL} toolkits, "A": not live'),
        (released("image", is_removal=True), f"{MODEL} image: no longer removed"),
        (released("toolkits", items=("A",), is_removal=True), f'{MODEL} toolkits, "A": no longer removed'),
        (released(live={"name": "n"}), f"{MODEL}: no longer in any manifest; stays as it is"),
        (released(live={"name": "n"}, is_deleted=True), f"{MODEL}: no longer in any manifest; deleted by this plan"),
        (released(), f"{MODEL}: no longer in any manifest; does not exist"),
        (
            released(address=VERSION, live={"license": "MIT"}),
            f"{VERSION}: no longer selected by any entry; stays as it is",
        ),
    ],
)
def test_each_kind_of_value_has_its_words(item: Released, said: str) -> None:
    assert section(item) == f"  {said} (models/pets.yaml:4 in the base)"


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        (
            [f"demo/pets/m{number}" for number in range(4)],
            "  4 models name: has no live value: demo/pets/m0, demo/pets/m1, demo/pets/m2, demo/pets/m3",
        ),
        (
            [f"demo/pets/m@{number:04}" for number in range(LISTED + 1_000)],
            (
                f"  1,020 versions name: has no live value: {', '.join(f'demo/pets/m@{n:04}' for n in range(LISTED))} "
                "and 1,000 more"
            ),
        ),
    ],
)
def test_many_of_which_the_same_is_said_are_one_sentence(addresses: list[str], said: str) -> None:
    other = released("notes")
    assert section(*(released("name", address=each) for each in addresses), other).split("\n") == [
        said,
        f"  {MODEL} notes: has no live value (models/pets.yaml:4 in the base)",
    ]


def test_the_same_is_said_in_markdown() -> None:
    markdown = render_markdown(report_of(*(released("name", address=f"demo/pets/m{number}") for number in range(4))))
    assert "`4 models name: has no live value: demo/pets/m0, demo/pets/m1, demo/pets/m2, demo/pets/m3`" in markdown


def test_a_forge_gets_one_notice_for_each_line_of_the_base() -> None:
    elsewhere = Origin("models/pets.yaml", 9, 7)
    items = [released(f"metadata.k{number}") for number in range(NOTED + 2)]
    assert list(released_notices(report_of(*items, released("name", origin=elsewhere)))) == [
        (
            Origin("models/pets.yaml", 4, 1),
            "\n".join(f"{MODEL} metadata.k{number}: has no live value" for number in range(NOTED)) + "\nand 2 more",
        ),
        (Origin("models/pets.yaml", 9, 1), f"{MODEL} name: has no live value"),
    ]
