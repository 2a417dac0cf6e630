"""Predictions: the inputs that are sent, the params of one call, and what a model answers. Calls nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

MAX_INPUTS: Final = 128
"""Inputs of one call (clarifai-python, client/model.py: "Too many inputs. Max is 128.")."""

MAX_BYTES: Final = 32 * 1024 * 1024
"""Bytes of the inputs of one call. The service documents a limit for its responses only (128 MB), so this is a careful choice."""


class ScoredConcept(NamedTuple):
    """A concept that was predicted, and its value from 0 to 1."""

    id: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One input as it is sent: a text, the URL of an image, or the bytes of an image. Exactly one of the three is set."""

    id: str
    text: str | None = None
    url: str | None = None
    image: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Params that hold for one call alone. `output_config` says some of them once more, in the fields of OutputConfig.

    Neither contains a secret.
    """

    params: Mapping[str, Any]
    output_config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a model answers to one input.

    `concepts` are ordered by value, the highest first. `text` is None, and `embedding` empty, where the answer has none.
    `dimensions` is the length of the embedding, which a saved plan keeps without the numbers. `others` are the fields of
    the answer that are compared nowhere (`regions`, `clusters`).
    """

    concepts: tuple[ScoredConcept, ...] = ()
    text: str | None = None
    embedding: tuple[float, ...] = field(default=(), compare=False)
    dimensions: int = 0
    others: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the answer has nothing in it, such as that of a classifier without a concept above its threshold."""
        return not self.concepts and not self.text and not self.dimensions and not self.others


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpredicted:
    """Why there is no prediction for one input: the status and the text of the service."""

    reason: str


Answer = Prediction | Unpredicted
