from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.errors import Origin
from reconciler.manifests.interpolate import escaped, interpolate
from reconciler.resources.secrets import Sensitive
from tests.loading.manifests import loaded_from

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


def interpolated(scalar: str) -> tuple[Any, list[str]]:
    """What `spec.notes` holds after interpolation, and the problems."""
    (document,) = loaded_from(f"spec:\n  notes: '{scalar}'\n").documents
    done, problems = interpolate(document, variables=VARIABLES, environ=ENVIRON)
    assert all(
        (problem.origin, problem.pointer) == (Origin(path="-", line=2, column=10), "/spec/notes")
        for problem in problems
    )
    return done.value["spec"]["notes"], [f"{problem.message} {problem.hint} [{problem.code}]" for problem in problems]


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
    assert interpolated(scalar) == (value, [])


@pytest.mark.parametrize(
    ("scalar", "problem"),
    [
        (
            "${var:treshold}",
            'there is no variable "treshold" for ${var:treshold}. Did you mean "threshold"? [unknown-variable]',
        ),
        (
            "${var:zzzzzz}",
            (
                'there is no variable "zzzzzz" for ${var:zzzzzz}. '
                "Known variables: chain, data, key, literal, no, nothing, tags, threshold. [unknown-variable]"
            ),
        ),
        (
            "${env:KEYS}",
            (
                'the environment variable "KEYS" for ${env:KEYS} is not set. '
                'Set it, or did you mean "KEY"? [unset-environment]'
            ),
        ),
        (
            "${env:EMPTY}",
            (
                'the environment variable "EMPTY" for ${env:EMPTY} is empty. '
                "Set it before running this command. [unset-environment]"
            ),
        ),
        (
            "${env:BYTES}",
            (
                'the environment variable "BYTES" for ${env:BYTES} is not valid UTF-8. '
                "Set it to a text. [unset-environment]"
            ),
        ),
        (
            "a ${var:threshold}",
            (
                'spec.notes mixes a reference with other text: "a ${var:threshold}". '
                "A reference must be the whole value: put the whole text into the variable. "
                "Write $${ for a literal ${. [partial-reference]"
            ),
        ),
        (
            "${var:a}${var:b}",
            (
                'spec.notes mixes a reference with other text: "${var:a}${var:b}". '
                "A reference must be the whole value: put the whole text into the variable. "
                "Write $${ for a literal ${. [partial-reference]"
            ),
        ),
        (
            "${vars:threshold}",
            (
                '"${vars:threshold}" is no known reference: "vars" is neither var nor env. '
                "Write ${var:NAME} or ${env:NAME}; $${ for a literal ${. [unknown-reference]"
            ),
        ),
        (
            "${var:chain}",
            (
                'the variable "chain" refers to another one: "${var:threshold}". '
                "Variables may refer to ${env:NAME} only. [nested-reference]"
            ),
        ),
    ],
)
def test_a_wrong_reference_is_told_and_stays(scalar: str, problem: str) -> None:
    value, problems = interpolated(scalar)
    assert problems == [problem]
    assert value == (scalar if scalar != "${var:chain}" else "${var:threshold}")


def test_without_variables_the_environment_is_asked_for() -> None:
    (document,) = loaded_from("a: ${var:x}\n").documents
    _, problems = interpolate(document, variables={}, environ={})
    assert [problem.hint for problem in problems] == [
        "No variables are set: choose an environment of reconciler.yaml with --environment."
    ]


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

    document = LoadedDocument(path="-", value=escaped(text), root=Node(None, 1, 1), has_references=True)
    done, problems = interpolate(document, variables={}, environ={})
    assert (done.value, problems) == (text, ())
