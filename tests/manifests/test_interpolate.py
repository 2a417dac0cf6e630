from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.errors import Origin, Problem
from reconciler.manifests.interpolate import escaped, interpolate
from reconciler.resources.secrets import Sensitive
from tests.loading.manifests import loaded_from
from tests.wording import Wording

VARIABLES: dict[str, Any] = {
    "threshold": 0.8,
    "tags": ["a", "b"],
    "data": {"x": [1]},
    "no": False,
    "nothing": None,
    "key": "${env:KEY}",
    "chain": "${var:threshold}",
    "literal": "$${var:x}",
}
ENVIRON = {"KEY": "s3cret", "EMPTY": "", "BYTES": "\udcff"}


def interpolated(scalar: str) -> tuple[Any, tuple[Problem, ...]]:
    """What `spec.notes` holds after interpolation, and the problems."""
    (document,) = loaded_from(f"spec:\n  notes: '{scalar}'\n").documents
    done, problems = interpolate(document, variables=VARIABLES, environ=ENVIRON)
    return done.value["spec"]["notes"], problems


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("${var:threshold}", 0.8),
        ("${var:tags}", ["a", "b"]),
        ("${var:data}", {"x": [1]}),
        ("${var:no}", False),
        ("${var:nothing}", None),
        ("${env:KEY}", Sensitive("s3cret", "env:KEY")),
        ("${var:key}", Sensitive("s3cret", "env:KEY")),
        ("${var:literal}", "${var:x}"),
        ("$${var:threshold}", "${var:threshold}"),
        ("costs $${env:KEY} each", "costs ${env:KEY} each"),
        ("$$${var:threshold}", "$${var:threshold}"),
        ("hello ${name}", "hello ${name}"),
        ("${name}", "${name}"),
        ("$var:threshold", "$var:threshold"),
        ("{var:threshold}", "{var:threshold}"),
        ("${}", "${}"),
        ("${", "${"),
    ],
)
def test_a_whole_scalar_becomes_its_value_and_other_text_stays(scalar: str, value: Any) -> None:
    assert interpolated(scalar) == (value, ())


@pytest.mark.parametrize(
    ("scalar", "code"),
    [
        ("${var:treshold}", "unknown-variable"),
        ("${var:zzzzzz}", "unknown-variable"),
        ("${env:KEYS}", "unset-environment"),
        ("${env:EMPTY}", "unset-environment"),
        ("${env:BYTES}", "unset-environment"),
        ("a ${var:threshold}", "partial-reference"),
        ("${var:a}${var:b}", "partial-reference"),
        ("${vars:threshold}", "unknown-reference"),
        ("${var:chain}", "nested-reference"),
    ],
)
def test_a_wrong_reference_is_a_problem_and_stays(scalar: str, code: str, wording: Wording) -> None:
    value, (problem,) = interpolated(scalar)
    assert (problem.code, problem.origin, problem.pointer) == (code, Origin(path="-", line=2, column=10), "/spec/notes")
    assert value == (scalar if scalar != "${var:chain}" else "${var:threshold}")
    wording(problem)


def test_without_variables_the_environment_is_asked_for(wording: Wording) -> None:
    (document,) = loaded_from("a: ${var:x}\n").documents
    _, problems = interpolate(document, variables={}, environ={})
    wording(*problems)


def test_keys_are_taken_as_written_and_the_document_given_is_left_alone() -> None:
    (document,) = loaded_from("spec: {metadata: {'${var:tags}': ['${var:tags}']}}\n").documents
    done, problems = interpolate(document, variables=VARIABLES, environ={})
    assert (done.value, problems) == ({"spec": {"metadata": {"${var:tags}": [["a", "b"]]}}}, ())
    assert document.value == {"spec": {"metadata": {"${var:tags}": ["${var:tags}"]}}}


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: ${env:KEY}",
        "kind: ${env:KEY}",
        "metadata: {id: '${env:KEY}'}",
        "metadata: {user_id: '${var:key}'}",
        "metadata: {labels: {a: '${env:KEY}'}}",
        "spec: {action: '${env:KEY}'}",
        "spec: {visibility: '${env:KEY}'}",
        "spec: {protect: '${env:KEY}'}",
        "spec: {remove: {metadata: ['${env:KEY}']}}",
        "spec: {versions: [{id: '${env:KEY}'}]}",
        "spec: {versions: [{select: '${env:KEY}'}]}",
        "spec: {versions: [{visibility: '${env:KEY}'}]}",
    ],
)
def test_what_plans_must_show_cannot_come_from_the_environment(text: str) -> None:
    (document,) = loaded_from(text).documents
    done, problems = interpolate(document, variables=VARIABLES, environ=ENVIRON)
    assert [problem.code for problem in problems] == ["sensitive-setting"]
    assert "s3cret" not in str(problems)
    assert "(sensitive)" not in str(done.value)


@given(st.text(alphabet="${}var:env x", max_size=14))
@example("${var:x}")
@example("$${")
@example("$${var:x}")
@example("a ${env:x} b ${y}")
def test_escaped_text_comes_back(text: str) -> None:
    from reconciler.loading.document import LoadedDocument
    from reconciler.loading.nodes import Node

    document = LoadedDocument(path="-", value=escaped(text), positions=Node(None, 1, 1), has_references=True)
    done, problems = interpolate(document, variables={}, environ={})
    assert (done.value, problems) == (text, ())
