"""What a plan does to predictions: each input before and after, what was not probed and why; and its documents.

A Preview is a part of the plan. A saved plan keeps it, with the probes that it was made with, so that `apply --plan FILE --probe`
checks exactly their expectations. Vectors of embeddings aren't kept, only how many numbers they have and how far they moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.errors import Origin
from reconciler.resources.keys import Key, Kind, Scope
from reconciler.resources.prediction import Prediction, ScoredConcept
from reconciler.resources.probe import Probe, ProbeExpectation, ProbeInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One input, predicted as the version is and with the planned params.

    `before` and `after` are None where the prediction failed; `error` says why. `distance` is the cosine distance between two
    embeddings. `url` is the address of an image, for reports that link to it.
    """

    key: Key
    probe: str
    input: str
    before: Prediction | None
    after: Prediction | None
    is_changed: bool = False
    distance: float | None = None
    error: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotProbed:
    """A version whose params change and that no input was predicted on."""

    key: Key
    reason: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """All that the probes of a plan found. `doubtful` are versions that may not have taken the override. `misses` are expectations that
    the predictions with the planned params don't meet.

    `probes` are the probes of the run, and `versions` the versions of the plan's manifests that they name: what an apply checks.
    `predictions` counts inputs × versions.
    """

    comparisons: tuple[Comparison, ...] = ()
    not_probed: tuple[NotProbed, ...] = ()
    doubtful: tuple[Key, ...] = ()
    misses: tuple[Check, ...] = ()
    probes: tuple[Probe, ...] = ()
    versions: tuple[Key, ...] = field(default=())
    predictions: int = 0


# --- documents ------------------------------------------------------------------------------------------------


def preview_documents(preview: Preview | None) -> dict[str, Any]:
    """The keys of the plan document that say what the probes found; none where nothing was probed."""
    if preview is None:
        return {}
    return {
        "probes": [_comparison_document(item) for item in preview.comparisons],
        "probing": {
            "predictions": preview.predictions,
            "not_probed": [{**_ids(item.key), "reason": item.reason} for item in preview.not_probed],
            "override_doubtful": [_ids(key) for key in preview.doubtful],
            "misses": [{**_ids(check.key), **check_document(check)} for check in preview.misses],
            "documents": [_probe_document(probe) for probe in preview.probes],
            "versions": [_ids(key) for key in preview.versions],
        },
    }


def preview_from_documents(document: Mapping[str, Any]) -> Preview | None:
    """The inverse. Raises KeyError, TypeError or ValueError for what is no such document."""
    if "probing" not in document:
        return None
    probing = document["probing"]
    return Preview(
        comparisons=tuple(_comparison(entry) for entry in document["probes"]),
        not_probed=tuple(NotProbed(key=_key(entry), reason=str(entry["reason"])) for entry in probing["not_probed"]),
        doubtful=tuple(_key(entry) for entry in probing["override_doubtful"]),
        misses=tuple(_check(entry) for entry in probing["misses"]),
        probes=tuple(_probe(entry) for entry in probing["documents"]),
        versions=tuple(_key(entry) for entry in probing["versions"]),
        predictions=int(probing["predictions"]),
    )


def _ids(key: Key) -> dict[str, Any]:
    return {
        "address": key.address,
        "user_id": key.user_id,
        "app_id": key.app_id,
        "model_id": key.model_id,
        "version_id": key.version_id,
    }


def _key(entry: Mapping[str, Any]) -> Key:
    key = Key(*(str(entry[name]) for name in ("user_id", "app_id", "model_id", "version_id")))
    if key.kind is not Kind.MODEL_VERSION or entry["address"] != key.address:
        raise ValueError(f"the address {entry['address']!r} is not that of a version with these ids")
    return key


def answer_document(prediction: Prediction | None) -> Any:
    """A prediction as JSON: a list of concepts, a string, or how many numbers an embedding has; null for none."""
    if prediction is None:
        return None
    if prediction.text is not None:
        return prediction.text
    if prediction.dimensions:
        return {"dimensions": prediction.dimensions}
    return [{"id": concept.id, "value": concept.value} for concept in prediction.concepts]


def _answer(value: Any) -> Prediction | None:
    if value is None:
        return None
    if isinstance(value, str):
        return Prediction(text=value)
    if isinstance(value, Mapping):
        return Prediction(dimensions=int(value["dimensions"]))
    return Prediction(concepts=tuple(ScoredConcept(str(item["id"]), float(item["value"])) for item in value))


def _comparison_document(item: Comparison) -> dict[str, Any]:
    more = {"cosine_distance": item.distance, "error": item.error, "url": item.url}
    return {
        **_ids(item.key),
        "probe": item.probe,
        "input": item.input,
        "before": answer_document(item.before),
        "after": answer_document(item.after),
        "changed": item.is_changed,
        **{name: value for name, value in more.items() if value is not None},
    }


def _comparison(entry: Mapping[str, Any]) -> Comparison:
    return Comparison(
        key=_key(entry),
        probe=str(entry["probe"]),
        input=str(entry["input"]),
        before=_answer(entry["before"]),
        after=_answer(entry["after"]),
        is_changed=entry["changed"] is True,
        distance=_typed(entry, "cosine_distance", (int, float)),
        error=_typed(entry, "error", str),
        url=_typed(entry, "url", str),
    )


def _probe_document(probe: Probe) -> dict[str, Any]:
    return {
        "name": probe.name,
        "user_id": probe.scope.user_id,
        "app_id": probe.scope.app_id,
        "models": list(probe.models),
        "inputs": [_input_document(item) for item in probe.inputs],
        "expect": [expected_document(item) for item in probe.expect],
        "origin": _origin_document(probe.origin),
    }


def _input_document(item: ProbeInput) -> dict[str, Any]:
    names = ("id", "text", "url", "file", "digest")
    stated = {name: getattr(item, name) for name in names if getattr(item, name) is not None}
    return {**stated, "origin": _origin_document(item.origin)}


def expected_document(item: ProbeExpectation) -> dict[str, Any]:
    """What a probe expects of one input, as its manifest states it."""
    names = ("input", "concept", "at_least", "at_most", "text_matches")
    stated = {name: getattr(item, name) for name in names if getattr(item, name) is not None}
    return {**stated, "origin": _origin_document(item.origin)}


def _origin_document(origin: Origin) -> dict[str, Any]:
    return {"path": origin.path, "line": origin.line, "column": origin.column}


def _probe(entry: Mapping[str, Any]) -> Probe:
    return Probe(
        name=str(entry["name"]),
        scope=Scope(str(entry["user_id"]), str(entry["app_id"])),
        models=tuple(map(str, entry["models"])),
        inputs=tuple(map(_input, entry["inputs"])),
        expect=tuple(map(_expected, entry["expect"])),
        origin=Origin(**entry["origin"]),
    )


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


def _check(entry: Mapping[str, Any]) -> Check:
    return Check(
        key=_key(entry),
        probe=str(entry["probe"]),
        expected=_expected(entry["expected"]),
        is_met=entry["met"] is True,
        value=_typed(entry, "value", (int, float)),
        text=_typed(entry, "text", str),
        error=_typed(entry, "error", str),
    )


def _input(entry: Mapping[str, Any]) -> ProbeInput:
    texts = {name: _typed(entry, name, str) for name in ("text", "url", "file", "digest")}
    return ProbeInput(id=str(entry["id"]), origin=Origin(**entry["origin"]), **texts)


def _expected(entry: Mapping[str, Any]) -> ProbeExpectation:
    texts = {name: _typed(entry, name, str) for name in ("concept", "text_matches")}
    numbers = {name: _typed(entry, name, (int, float)) for name in ("at_least", "at_most")}
    return ProbeExpectation(input=str(entry["input"]), origin=Origin(**entry["origin"]), **texts, **numbers)


def _typed(entry: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    """The value of a key that may be absent. Raises ValueError for one of another type."""
    value = entry.get(name)
    if value is not None and not isinstance(value, kind):
        raise ValueError(f"{name} is of another type")
    return value
