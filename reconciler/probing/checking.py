"""The expectations of probes → met or missed, by predictions of live versions as they are.

A prediction that fails is a miss: what could not be checked is not as expected.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.loading.patterns import PatternError, pattern
from reconciler.plan.preview import Check
from reconciler.probing.asking import Asking
from reconciler.probing.questions import Question, questions
from reconciler.resources.keys import Key
from reconciler.resources.prediction import Answer, Prediction, Unpredicted
from reconciler.resources.probe import Probe, ProbeExpectation


def asked_of(versions: Sequence[Key], probes: Sequence[Probe]) -> tuple[Question, ...]:
    """The inputs that something is expected of, on each version that their probe names."""
    return questions(versions, probes, wanted=lambda probe, item: bool(probe.expected_of(item.id)))


def checked(versions: Sequence[Key], probes: Sequence[Probe], asking: Asking) -> tuple[Check, ...]:
    """Check every expectation on live."""
    asked = asked_of(versions, probes)
    answers = asking.answers((question, None) for question in asked)
    return tuple(
        check_of(question, expected, answer)
        for question, answer in zip(asked, answers, strict=True)
        for expected in question.probe.expected_of(question.input.id)
    )


def check_of(question: Question, expected: ProbeExpectation, answer: Answer) -> Check:
    """One expectation, by the answer to its input."""
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
