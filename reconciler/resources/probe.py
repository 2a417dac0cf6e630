"""What probes state: inputs to predict on, the models to predict with, and what to expect of the predictions."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from reconciler.errors import Origin
from reconciler.resources.keys import Key, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeInput:
    """One input of a probe. Exactly one of `text`, `url` and `file` is set.

    `file` is the path of an image that can be opened from the working directory. `digest` is the SHA-256 of its content, where
    a saved plan records it.
    """

    id: str
    text: str | None = None
    url: str | None = None
    file: str | None = None
    digest: str | None = None
    origin: Origin = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeExpectation:
    """What is expected of the prediction for one input, by its id.

    Either `concept` (an id), with a lowest or a highest value or both, or `text_matches`, a regular expression that some part
    of the answer must match.
    """

    input: str
    concept: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    text_matches: str | None = None
    origin: Origin = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One document of kind Probe. `models` are globs of model ids in the app `scope`."""

    name: str
    scope: Scope
    models: tuple[str, ...]
    inputs: tuple[ProbeInput, ...]
    expect: tuple[ProbeExpectation, ...] = ()
    origin: Origin = field(compare=False)

    def names(self, key: Key) -> bool:
        """Whether the probe is about a model or version, whose user id is spelled as the probe's."""
        return key.scope == self.scope and any(fnmatchcase(key.model_id, glob) for glob in self.models)

    def expected_of(self, input_id: str) -> tuple[ProbeExpectation, ...]:
        """What is expected of the prediction for one input."""
        return tuple(item for item in self.expect if item.input == input_id)
