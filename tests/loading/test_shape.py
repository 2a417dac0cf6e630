from __future__ import annotations

import pytest

from reconciler.loading.shape import shape_problems
from tests.loading.manifests import HEADER, loaded_from


def told(text: str) -> list[str]:
    (document,) = loaded_from(text).documents
    return [str(problem) for problem in shape_problems(document, "Model")]


@pytest.mark.parametrize(
    ("spec", "last"),
    [
        ("{" + ", ".join(f"k{number}: 1" for number in range(500)) + "}", "-:4:7: spec has more problems like these."),
        ("{toolkits: [" + "x, " * 500 + "]}", "-:4:18: spec.toolkits has more problems like these."),
    ],
)
def test_of_very_many_problems_of_one_rule_a_hundred_are_told(spec: str, last: str) -> None:
    problems = told(f"{HEADER}spec: {spec}\n")
    assert len(problems) == 101
    assert problems[-1] == f"{last} Is this file meant?"


def test_a_key_in_the_wrong_place_is_told_where_it_belongs() -> None:
    text = HEADER.replace("metadata: {", "name: x\nmetadata: {visibility: PRIVATE, ") + "spec: {id: x, user_id: y}\n"
    assert told(text) == [
        '-:3:1: unknown key "name". It belongs in spec.',
        '-:4:12: unknown key "visibility" in metadata. It belongs in spec or spec.versions[].',
        '-:5:8: unknown key "id" in spec. It belongs in metadata or spec.versions[].',
        '-:5:15: unknown key "user_id" in spec. It belongs in metadata.',
    ]
