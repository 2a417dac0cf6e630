from __future__ import annotations

import pytest

from reconciler.errors import Problem
from reconciler.loading.shape import shape_problems
from tests.loading.manifests import HEADER, loaded_from
from tests.wording import Wording


def problems(text: str) -> list[Problem]:
    (document,) = loaded_from(text).documents
    return list(shape_problems(document, "Model"))


@pytest.mark.parametrize(
    ("spec", "pointer"),
    [
        ("{" + ", ".join(f"k{number}: 1" for number in range(500)) + "}", "/spec"),
        ("{toolkits: [" + "x, " * 500 + "]}", "/spec/toolkits"),
    ],
    ids=["unknown keys", "repeated items"],
)
def test_of_very_many_problems_of_one_rule_a_hundred_are_reported(spec: str, pointer: str, wording: Wording) -> None:
    *first, last = problems(f"{HEADER}spec: {spec}\n")
    assert (len(first), len({problem.code for problem in first}), last.pointer) == (100, 1, pointer)
    wording(last)


def test_a_key_in_the_wrong_place_names_its_right_place(wording: Wording) -> None:
    text = HEADER.replace("metadata: {", "name: x\nmetadata: {visibility: PRIVATE, ") + "spec: {id: x, user_id: y}\n"
    found = problems(text)
    assert [(problem.code, problem.pointer) for problem in found] == [
        ("unknown-key", pointer) for pointer in ("/name", "/metadata/visibility", "/spec/id", "/spec/user_id")
    ]
    wording(*found)
