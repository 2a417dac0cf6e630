"""A plan and the probes of its run → what the plan does to predictions, and warnings about what could not be predicted.

Each input is predicted twice on each version whose params the plan changes and a probe names: as the version is, and with the planned
params for the one call. Nothing is written. Deletions are not probed, nor is a plan that is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.errors import Problem, RemoteError
from reconciler.manifests.probe_files import UnreadableFileError
from reconciler.plan.overrides import PlannedOverride, could_matter
from reconciler.plan.plan import Plan
from reconciler.plan.preview import Check, Comparison, NotProbed, Preview
from reconciler.probing.asking import Asking
from reconciler.probing.checking import check_of
from reconciler.probing.questions import Question, in_spelling_of, questions, require_within
from reconciler.remote.observe import concepts_of
from reconciler.resources.keys import Key
from reconciler.resources.prediction import Answer, Prediction, Unpredicted
from reconciler.resources.probe import Probe, ProbeInput
from reconciler.resources.wording import listed, nearest, quoted

UNNAMED = "no Probe names it"


def previewed(
    plan: Plan, probes: Sequence[Probe], asking: Asking, *, limit: int
) -> tuple[Preview, tuple[Problem, ...]]:
    """What a plan does to predictions. Raises ReconcilerError for more than `limit` inputs × versions, nothing predicted."""
    remote = asking.remote
    keys = [*plan.stated_versions, *(planned.key for planned in plan.overrides)]
    probes = in_spelling_of(keys, probes, remote.resolve_user_id)
    not_probed = [
        NotProbed(key=item.key, reason=why) for item in plan.overrides if (why := _reason(item, plan, probes))
    ]
    skipped = {item.key for item in not_probed}
    planned = {item.key: item for item in plan.overrides if item.key not in skipped}
    asked = questions(tuple(planned), probes)
    count = require_within(asked, limit)
    warnings = tuple(_unknown_concepts(plan.stated_versions, probes, asking))
    pairs = [(question, None) for question in asked]
    answers = asking.answers([*pairs, *((question, planned[question.key].override) for question in asked)])
    before, after = answers[: len(asked)], answers[len(asked) :]
    comparisons = tuple(map(_compared, asked, before, after))
    doubtful = tuple(_doubtful(planned, comparisons))
    preview = Preview(
        comparisons=comparisons,
        not_probed=tuple(not_probed),
        doubtful=doubtful,
        misses=tuple(_misses(asked, after, doubtful)),
        probes=tuple(_with_digests(probe, asking) for probe in probes),
        versions=tuple(key for key in plan.stated_versions if any(probe.names(key) for probe in probes)),
        predictions=count,
    )
    return preview, (*warnings, *_failures(asked, before, after))


def _reason(item: PlannedOverride, plan: Plan, probes: Iterable[Probe]) -> str:
    """Why a version is not probed, "" if it is."""
    if not any(probe.names(item.key) for probe in probes):
        return UNNAMED
    return "the plan is refused" if plan.refused else item.reason


def _with_digests(probe: Probe, asking: Asking) -> Probe:
    """The probe with the digests of all its files: those that a saved plan's apply has to find again.

    A file that can't be read any more has none, so that no apply sends it.
    """

    def digested(item: ProbeInput) -> ProbeInput:
        try:
            return item if item.file is None else replace(item, digest=asking.content(probe, item)[0][1])
        except UnreadableFileError:
            return item

    return replace(probe, inputs=tuple(map(digested, probe.inputs)))


# --- before and after ---------------------------------------------------------------------------------------------


def _compared(question: Question, before: Answer, after: Answer) -> Comparison:
    one, other, error = _comparable(before, after)
    distance = _distance(one, other) if one is not None and other is not None else None
    return Comparison(
        key=question.key,
        probe=question.probe.name,
        input=question.input.id,
        before=one,
        after=other,
        is_changed=not error and (one != other or (one is not None and _vector(one) != _vector(other))),
        distance=distance,
        error=error,
        url=question.input.url,
    )


def _comparable(before: Answer, after: Answer) -> tuple[Prediction | None, Prediction | None, str | None]:
    """Both predictions in one form, and why they can't be compared, if so."""
    sides = (("as it is", before), ("with the planned params", after))
    failed = [f"{when}: {side.reason}" for when, side in sides if isinstance(side, Unpredicted)]
    one = None if isinstance(before, Unpredicted) else before
    other = None if isinstance(after, Unpredicted) else after
    if one is None or other is None:
        return one, other, "; ".join(failed)
    others = sorted({*_uncompared(one), *_uncompared(other)})
    if others:
        return None, None, f"the model answers with {', '.join(others)}, which are not compared"
    return _in_form_of(one, other), _in_form_of(other, one), None


def _uncompared(prediction: Prediction) -> tuple[str, ...]:
    has_more = prediction.concepts or prediction.text is not None or prediction.dimensions
    return () if has_more else prediction.others


def _in_form_of(prediction: Prediction, other: Prediction) -> Prediction:
    """An empty answer as the text that the other side's answer is; what isn't compared is left out."""
    if prediction.text is None and prediction.is_empty and other.text is not None:
        return Prediction(text="")
    return replace(prediction, others=())


def _vector(prediction: Prediction | None) -> tuple[float, ...]:
    return () if prediction is None else prediction.embedding


def _distance(one: Prediction, other: Prediction) -> float | None:
    """The cosine distance between two embeddings of one length."""
    if not one.embedding or len(one.embedding) != len(other.embedding):
        return None
    lengths = math.hypot(*one.embedding) * math.hypot(*other.embedding)
    product = math.fsum(a * b for a, b in zip(one.embedding, other.embedding, strict=True))
    return round(max(0.0, 1 - product / lengths), 6) if lengths else None


def _doubtful(planned: Mapping[Key, PlannedOverride], comparisons: Sequence[Comparison]) -> Iterator[Key]:
    """The versions whose predictions are all the same, although the planned params could have changed one."""
    for key, item in planned.items():
        mine = [found for found in comparisons if found.key == key and found.error is None]
        if any(found.is_changed for found in mine):
            continue
        if any(found.before is not None and could_matter(item, found.before) for found in mine):
            yield key


def _misses(asked: Sequence[Question], after: Sequence[Answer], doubtful: Sequence[Key]) -> Iterator[Check]:
    """The expectations that the planned params miss, as far as the predictions tell."""
    for question, answer in zip(asked, after, strict=True):
        if isinstance(answer, Unpredicted) or question.key in doubtful:
            continue
        for expected in question.probe.expected_of(question.input.id):
            check = check_of(question, expected, answer)
            if not check.is_met:
                yield check


# --- warnings -----------------------------------------------------------------------------------------------------


def _failures(asked: Sequence[Question], before: Sequence[Answer], after: Sequence[Answer]) -> Iterator[Problem]:
    """A warning for each version and reason, with the inputs that could not be predicted."""
    grouped: dict[tuple[Key, str, str], list[Question]] = {}
    for when, answers in (("as it is", before), ("with the planned params", after)):
        for question, answer in zip(asked, answers, strict=True):
            if isinstance(answer, Unpredicted):
                grouped.setdefault((question.key, when, answer.reason), []).append(question)
    for (key, when, reason), failed in grouped.items():
        names = listed([question.input.id for question in failed])
        yield Problem(
            code="prediction-failed",
            message=f"{key.address} could not be predicted {when} for {names}: {reason.rstrip('.')}.",
            origin=failed[0].input.origin,
        )


def _unknown_concepts(versions: Sequence[Key], probes: Sequence[Probe], asking: Asking) -> Iterator[Problem]:
    """A warning for each concept that a probe expects and a version that it names doesn't have."""
    expecting = [probe for probe in probes if any(item.concept is not None for item in probe.expect)]
    keys = [key for key in versions if any(probe.names(key) for probe in expecting)]
    try:
        live = concepts_of(asking.remote, keys, parallelism=asking.parallelism)
    except RemoteError:
        return  # an expectation that can't be met is missed when it is checked; a plan is not lost for it
    for key in keys:
        ids = {str(concept.get("id")): str(concept.get("name", "")) for concept in live[key]}
        for probe in expecting:
            for item in probe.expect if probe.names(key) else ():
                if item.concept is None or item.concept in ids:
                    continue
                by_name = next((concept for concept, name in ids.items() if name == item.concept), None)
                near = by_name or nearest(item.concept, ids)
                yield Problem(
                    code="unknown-concept",
                    message=f"the concept {quoted(item.concept)} is not one of {key.address}.",
                    origin=item.origin,
                    pointer="/spec/expect",
                    hint=f"Did you mean {near}?" if near else "`reconciler get concepts` lists those that it has.",
                )
