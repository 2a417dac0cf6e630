"""The digests that an owner mark holds of a value that can't be read back.

In: the salt of the mark, the place of the value, and the value as it is stated. Out: the digest of what was sent, and the digests of
what the service may show for it. It keeps nothing beyond the run.

Everybody who can read a model can read its digests and test guesses. So one run of scrypt, with the salt of the mark, gives 64
bytes. The first half is the digest of what was sent. The second half is published nowhere: it is the key of the HMAC that makes the
digest of what the service showed. A guess at either costs a run of scrypt, and whoever knows the stated value, as a plan does, pays
for one instead of two. What was shown is compared only where what was sent is the same: otherwise the value is sent anyway.

An image's URL isn't a secret, and the service shows everybody a copy of the image, so less work is spent on it: a fleet may have
thousands of images.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from reconciler.resources.canonical import canonical, keyed_by_id
from reconciler.resources.fields import IMAGE_URL
from reconciler.resources.secrets import revealed
from reconciler.resources.tree import MISSING, path_text

ABSENT: Final = "absent"
"""What stands in place of the digest of a value that isn't shown."""

# OWASP's password storage recommendations allow less memory only together with more rounds. A run takes 50 ms.
_SECRET_COST: Final = 2**14
# 3 ms.
_IMAGE_COST: Final = 2**10

_HALF: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """The digest of a value that was sent, and the key for those of what the service shows of it."""

    sent: str
    key: bytes = field(repr=False)

    def seen(self, live: Any) -> str:
        """The digest of what the service shows; ABSENT for MISSING."""
        return ABSENT if live is MISSING else hmac.new(self.key, _text(live).encode(), hashlib.sha256).hexdigest()


def digests(salt: str, place: str, value: Any) -> Digests:
    """The digests of a value at a place. The same value at another place has others."""
    cost = _IMAGE_COST if place == path_text(IMAGE_URL) else _SECRET_COST
    made = _scrypt(salt, f"{place}\n{_text(value)}", cost)
    return Digests(sent=made[:_HALF].hex(), key=made[_HALF:])


@lru_cache(maxsize=16_384)
def _scrypt(salt: str, text: str, cost: int) -> bytes:
    # A run needs most of them more than once.
    return hashlib.scrypt(text.encode(), salt=bytes.fromhex(salt), n=cost, r=8, p=1, dklen=2 * _HALF)


def _text(value: Any) -> str:
    return json.dumps(_ordered(canonical(revealed(value))), sort_keys=True, separators=(",", ":"))


def _ordered(value: Any) -> Any:
    """A value in which lists of objects with ids are sorted by id, since their order has no meaning."""
    if isinstance(value, dict):
        return {name: _ordered(item) for name, item in value.items()}
    if not isinstance(value, list):
        return value
    keyed = keyed_by_id(value)
    items = value if keyed is None else [keyed[name] for name in sorted(keyed, key=str)]
    return [_ordered(item) for item in items]
