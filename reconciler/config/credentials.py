"""The one type that holds an access token, made so that nothing shows or stores one by accident."""

from __future__ import annotations

import hmac
from typing import Any, NoReturn

from reconciler.errors import ReconcilerError


class Token:
    """A Clarifai access token; only `reveal` gives it, only to be sent.

    Its text is "(token)" everywhere; pickling it fails, and it isn't JSON. Raises ReconcilerError for a text that
    can't be one: empty, or with characters that a gRPC header can't carry. `source` says where it was found.
    """

    __slots__ = ("_text", "source")

    def __init__(self, text: str, *, source: str = "the caller") -> None:
        text = text.strip()
        if not text:
            raise ReconcilerError(f"The access token from {source} is empty. Put a personal access token there.")
        position = next((at for at, letter in enumerate(text, 1) if not "!" <= letter <= "~"), None)
        if position is not None:
            raise ReconcilerError(
                f"The access token from {source} can't be one: character {position} of {len(text)} is a blank, a "
                "control character or not ASCII. Copy the personal access token again, alone."
            )
        self._text = text
        self.source = source

    def reveal(self) -> str:
        """The token itself, to be sent to the service and nowhere else."""
        return self._text

    def __repr__(self) -> str:
        return "(token)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Token) and hmac.compare_digest(self._text, other._text)

    def __hash__(self) -> int:
        return hash(("Token", self._text))

    def __copy__(self) -> Token:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Token:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an access token is never stored")
