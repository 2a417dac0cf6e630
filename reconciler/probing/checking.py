"""The expectations of probes → met or missed, by predictions of live versions as they are.

A prediction that fails is a miss: what could not be checked is not as expected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.loading.patterns import PatternError, pattern
from reconciler.plan.preview import expected_document
from reconciler.probing.asking import Asking
from reconciler.probing.questions import Question, questions
from reconciler.resources.keys import Key
from reconciler.resources.prediction import Answer, Prediction, Unpredicted
from reconciler.resources.probe import Probe, ProbeExpectation


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One expectation on one version. `value` is that of the concept (0 where the answer leaves it out), `text` the answer.

    `error` says why it could not be checked.
    """

    key: Key
    probe: str
    expected: ProbeExpectation
    is_met: bool
    value: float | None = None
    text: str | None = None
    error: str | None = None


def asked_of(versions: Sequence[Key], probes: Sequence[Probe]) -> tuple[Question, ...]:
    """The inputs that something is expected of, on each version that their probe names."""
    return questions(versions, probes, wanted=lambda probe, item: bool(probe.expected_of(item.id)))


def checked(versions: Sequence[Key], probes: Sequence[Probe], asking: Asking) -> tuple[Check, ...]:
    """Check every expectation on live."""
    asked = asked_of(versions, probes)
    answers = asking.answers((question, None) for question in asked)
    return tuple(
        _check(question, expected, answer)
        for question, answer in zip(asked, answers, strict=True)
        for expected in question.probe.expected_of(question.input.id)
    )


def _check(question: Question, expected: ProbeExpectation, answer: Answer) -> Check:
    value: float | None = None
    text: str | None = None
    error: str | None = None
    if isinstance(answer, Unpredicted):
        is_met, error = False, answer.reason
    elif expected.text_matches is not None:
        is_met, text, error = _text_check(expected.text_matches, answer)
    elif not answer.concepts and not answer.is_empty:
        is_met, error = False, "the model answers without concepts"
    else:
        value = next((concept.value for concept in answer.concepts if concept.id == expected.concept), 0.0)
        is_met = (expected.at_least is None or value >= expected.at_least) and (
            expected.at_most is None or value <= expected.at_most
        )
    return Check(
        key=question.key,
        probe=question.probe.name,
        expected=expected,
        is_met=is_met,
        value=value,
        text=text,
        error=error,
    )


def _text_check(text_matches: str, answer: Prediction) -> tuple[bool, str | None, str | None]:
    if answer.text is None:
        return False, None, "the model answers without a text"
    try:
        return pattern(text_matches)(answer.text), answer.text, None
    except PatternError as error:  # a saved plan's, by another version of the engine
        return False, answer.text, str(error)


def check_document(check: Check) -> dict[str, Any]:
    """One entry of `probe_checks`."""
    found = {"value": check.value, "text": check.text, "error": check.error}
    return {
        "address": check.key.address,
        "probe": check.probe,
        "input": check.expected.input,
        "expected": expected_document(check.expected),
        "met": check.is_met,
        **{name: value for name, value in found.items() if value is not None},
    }
