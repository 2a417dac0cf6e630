"""The type that holds an access token. Nothing can show or store the token by accident."""

from __future__ import annotations

import hmac
from typing import Any, NoReturn

from reconciler.errors import ReconcilerError


class Token:
    """A Clarifai access token.

    Raises ReconcilerError if `text` is empty or contains characters that aren't allowed in a gRPC header. `source`
    names the place where the token was found. `str` and `repr` return "(token)"; pickling raises TypeError.
    """

    __slots__ = ("_text", "source")

    def __init__(self, text: str, *, source: str = "the caller") -> None:
        text = text.strip()
        if not text:
            raise ReconcilerError(f"The access token from {source} is empty. Put a personal access token there.")
        # With any other character gRPC fails every call with INTERNAL "Invalid metadata", which names no cause.
        position = next((at for at, letter in enumerate(text, 1) if not "!" <= letter <= "~"), None)
        if position is not None:
            raise ReconcilerError(
                f"The access token from {source} is invalid: character {position} of {len(text)} is whitespace, a "
                "control character or not ASCII. Copy the personal access token again, without other text."
            )
        self._text = text
        self.source = source

    def reveal(self) -> str:
        """Return the token itself, to be sent to the service and nowhere else."""
        return self._text

    def __repr__(self) -> str:
        return "(token)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        # Constant time, so that comparing tokens can't reveal one.
        return isinstance(other, Token) and hmac.compare_digest(self._text, other._text)

    def __hash__(self) -> int:
        return hash(("Token", self._text))

    # copy.copy and copy.deepcopy would otherwise go through __reduce_ex__, which raises.
    def __copy__(self) -> Token:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Token:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an access token can't be pickled")
