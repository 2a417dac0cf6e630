"""What a plan does to predictions, in the words that every format shows: by version, input and concept.

In: the Preview of a plan and the checks of an apply. Out: rows and sentences, in plain text that no format has made harmless yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from reconciler.plan.preview import Check, Comparison, Preview
from reconciler.report.report import Report
from reconciler.resources.keys import Key
from reconciler.resources.prediction import Prediction
from reconciler.resources.wording import quoted, shortened

TITLE: Final = "What this does to predictions"
ABSENT: Final = "absent"
NAMES: Final = 10
"""Names that one sentence lists; it says how many there are."""

Effect = Literal["appears", "vanishes", "rises", "falls", "changes", "unchanged", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: an input, what is compared (a concept, "text", "embedding"), and both sides.

    `is_text` says that the sides are texts, which are shown as a diff.
    """

    input: str
    what: str
    before: str
    after: str
    effect: Effect
    is_text: bool = False
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionEffects:
    """All that the probes found of one version. `summary` is one sentence, `rows` have an entry for each input.

    `failed` are sentences: inputs that could not be compared, and why.
    """

    key: Key
    summary: str
    rows: tuple[Row, ...]
    unchanged: tuple[str, ...]
    failed: tuple[str, ...]
    is_doubtful: bool

    @property
    def changes(self) -> tuple[Row, ...]:
        """The rows that show a difference."""
        return tuple(row for row in self.rows if row.effect not in ("unchanged", "failed"))


def effects(preview: Preview | None) -> tuple[VersionEffects, ...]:
    """The versions that inputs were predicted on, in the order of the plan."""
    grouped: dict[Key, list[Comparison]] = {}
    for item in () if preview is None else preview.comparisons:
        grouped.setdefault(item.key, []).append(item)
    doubtful = set() if preview is None else set(preview.doubtful)
    return tuple(_version(key, items, is_doubtful=key in doubtful) for key, items in grouped.items())


def _version(key: Key, items: Sequence[Comparison], *, is_doubtful: bool) -> VersionEffects:
    probes = {item.probe for item in items}
    names = [item.input if len(probes) == 1 else f"{item.probe}/{item.input}" for item in items]
    rows = tuple(row for name, item in zip(names, items, strict=True) for row in _rows(name, item))
    return VersionEffects(
        key=key,
        summary=_summary(items, rows),
        rows=rows,
        unchanged=tuple(
            name for name, item in zip(names, items, strict=True) if not item.is_changed and not item.error
        ),
        failed=tuple(_failed(names, items)),
        is_doubtful=is_doubtful,
    )


def _failed(names: Sequence[str], items: Sequence[Comparison]) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for name, item in zip(names, items, strict=True):
        if item.error:
            reasons.setdefault(item.error, []).append(name)
    for reason, inputs in reasons.items():
        yield f"{joined(inputs)}: {reason}"


def _rows(name: str, item: Comparison) -> Iterator[Row]:
    if item.error is not None or item.before is None or item.after is None:
        yield Row(input=name, what="", before="", after=item.error or "", effect="failed", url=item.url)
    elif not item.is_changed:
        shown = _shown(item.before)
        yield Row(input=name, what="", before=shown, after=shown, effect="unchanged", url=item.url)
    elif item.before.text is not None or item.after.text is not None:
        before, after = item.before.text or "", item.after.text or ""
        yield Row(input=name, what="text", before=before, after=after, effect="changes", is_text=True, url=item.url)
    elif item.before.dimensions or item.after.dimensions:
        distance = "" if item.distance is None else f"changed by cosine distance {item.distance:.2g}"
        sides = [f"{side.dimensions} numbers" for side in (item.before, item.after)]
        yield Row(
            input=name, what="embedding", before=sides[0], after=distance or sides[1], effect="changes", url=item.url
        )
    else:
        yield from _concept_rows(name, item.before, item.after, item.url)


def _concept_rows(name: str, before: Prediction, after: Prediction, url: str | None) -> Iterator[Row]:
    sides = [{concept.id: concept.value for concept in side.concepts} for side in (before, after)]
    for concept in dict.fromkeys([*sides[0], *sides[1]]):
        one, other = (side.get(concept) for side in sides)
        if one == other:
            continue
        effect: Effect
        if one is None:
            effect = "appears"
        elif other is None:
            effect = "vanishes"
        else:
            effect = "rises" if other > one else "falls"
        texts = _values(one, other)
        yield Row(input=name, what=concept, before=texts[0], after=texts[1], effect=effect, url=url)


def _values(one: float | None, other: float | None) -> tuple[str, str]:
    """Two values with as many decimals as it takes to tell them apart, at least four."""
    decimals = 4
    while one is not None and other is not None and decimals < 9 and f"{one:.{decimals}f}" == f"{other:.{decimals}f}":
        decimals += 1
    return _value(one, decimals), _value(other, decimals)


def _value(value: float | None, decimals: int) -> str:
    return ABSENT if value is None else f"{value:.{decimals}f}"


def _shown(prediction: Prediction) -> str:
    if prediction.text is not None:
        return shortened(prediction.text)
    if prediction.dimensions:
        return f"{prediction.dimensions} numbers"
    return ", ".join(f"{concept.id} {concept.value:.4f}" for concept in prediction.concepts[:NAMES]) or "no concepts"


def _summary(items: Sequence[Comparison], rows: Sequence[Row]) -> str:
    """One sentence: how many inputs change, and what becomes of each concept."""
    total = len(items)
    changed = sum(item.is_changed for item in items)
    of = f"of {total} input{'s' * (total != 1)}"
    parts = [f"{changed} {of} change{'s' * (changed == 1)}"]
    failed = sum(item.error is not None for item in items)
    if failed:
        parts.append(f"{failed} could not be compared")
    counts: dict[tuple[str, Effect], int] = {}
    for row in rows:
        if row.effect in ("appears", "vanishes", "rises", "falls"):
            counts[(row.what, row.effect)] = counts.get((row.what, row.effect), 0) + 1
    ordered = sorted(counts.items(), key=lambda entry: (_ORDER.index(entry[0][1]), -entry[1], entry[0][0]))
    for (concept, effect), count in ordered[:NAMES]:
        parts.append(f"{quoted(concept)} {effect} in {count}")
    if ordered[NAMES:]:
        parts.append(f"and {len(ordered) - NAMES} more")
    return "; ".join(parts)


_ORDER: Final = ("vanishes", "appears", "falls", "rises")


# --- sentences about a whole run ----------------------------------------------------------------------------------


def preview_notes(report: Report) -> Iterator[str]:
    """What to know about the predictions of a plan: overrides that may not have been taken, and versions left out."""
    preview = report.plan.preview
    if preview is None:
        return
    if not preview.comparisons and not preview.not_probed:
        yield "no input was predicted, because no version's params change"
    for key in preview.doubtful:
        yield (
            f"{key.address}: every prediction is the same with the planned params, although they could have changed one. "
            "The model may not take the params of a call, so this says nothing about the change."
        )
    for check in preview.misses:
        yield f"apply --probe would find a miss: {_check_text(check)}"
    reasons: dict[str, list[str]] = {}
    for item in preview.not_probed:
        reasons.setdefault(item.reason, []).append(item.key.address)
    for reason, addresses in reasons.items():
        more = f" and {len(addresses) - NAMES} more" if addresses[NAMES:] else ""
        yield f"not probed: {', '.join(addresses[:NAMES])}{more}: {reason}"


def missed_texts(report: Report) -> Iterator[str]:
    """The expectations of probes that an apply found missed."""
    yield from (_check_text(check) for check in report.checks if not check.is_met)


def _check_text(check: Check) -> str:
    expected = check.expected
    place = f"{check.key.address}, input {quoted(expected.input)} ({expected.origin})"
    if check.error is not None:
        return f"{place}: could not be checked: {check.error}"
    if expected.text_matches is not None:
        return (
            f"{place}: the answer {quoted(shortened(check.text or ''))} doesn't match {quoted(expected.text_matches)}"
        )
    bounds = [
        f"{words} {bound:g}"
        for words, bound in (("at least", expected.at_least), ("at most", expected.at_most))
        if bound is not None
    ]
    return f"{place}: {quoted(expected.concept or '')} is {check.value or 0:.4f}, expected {' and '.join(bounds)}"


def joined(names: Iterable[str]) -> str:
    """Names in one line, the first ones and how many there are."""
    every = list(names)
    more = f" and {len(every) - NAMES} more" if every[NAMES:] else ""
    return f"{', '.join(every[:NAMES])}{more}"
