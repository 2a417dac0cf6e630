"""Which inputs are predicted on which versions, under the limit of a run.

Takes the probes of a run and versions. Returns questions, in the order of versions, probes and inputs. Raises before anything is
predicted if they are more than the limit: predictions cost money.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from reconciler.errors import ReconcilerError
from reconciler.manifests.selection import ME
from reconciler.resources.keys import Key, Scope
from reconciler.resources.probe import Probe, ProbeInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One input to predict on one version."""

    key: Key
    probe: Probe
    input: ProbeInput


def in_spelling_of(
    keys: Iterable[Key], probes: Iterable[Probe], user_id_of: Callable[[Scope], str]
) -> tuple[Probe, ...]:
    """The probes with the user ids that the keys of a plan have, where one says "me" and the other the user's id.

    `user_id_of` tells who "me" is; it is asked only then.
    """
    scopes = sorted({key.scope for key in keys})

    def is_same(scope: Scope, other: Scope) -> bool:
        has_alias = scope != other and scope.app_id == other.app_id and ME in (scope.user_id, other.user_id)
        return has_alias and user_id_of(scope) == user_id_of(other)

    def spelled(probe: Probe) -> Probe:
        return replace(probe, scope=next((scope for scope in scopes if is_same(scope, probe.scope)), probe.scope))

    return tuple(map(spelled, probes))


def questions(
    keys: Sequence[Key],
    probes: Sequence[Probe],
    *,
    wanted: Callable[[Probe, ProbeInput], bool] = lambda probe, item: True,
) -> tuple[Question, ...]:
    """Every wanted input of every probe on each version that the probe names."""
    return tuple(
        Question(key=key, probe=probe, input=item)
        for key in keys
        for probe in probes
        if probe.names(key)
        for item in probe.inputs
        if wanted(probe, item)
    )


def require_within(asked: Sequence[Question], limit: int) -> int:
    """How many questions there are, each counted once however many probes ask it. Raises ReconcilerError above the limit."""
    count = len({(question.key, question.input.text, question.input.url, question.input.file) for question in asked})
    if count > limit:
        versions = len({question.key for question in asked})
        raise ReconcilerError(
            f"The probes ask for {count} predictions (inputs × versions, on {versions} version{'s' * (versions != 1)}), and "
            f"--probe-limit allows {limit}. Nothing was predicted. Narrow the run with --target, or raise --probe-limit."
        )
    return count
