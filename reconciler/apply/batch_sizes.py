"""What a run learns about the largest requests that the service takes.

In: which requests were taken, and which were refused although each of their objects was taken in a smaller request. Out: a
request in parts of a size that the service takes. It sends nothing.

How many objects a patch or a deletion may have isn't documented. So requests are as large as the settings allow, and one that
is refused is bisected (`sending.py`), as it would be to find a refused object. If both halves were then taken whole, the number
of objects was the reason, and later requests of that RPC are sent in parts from the start. If an object was refused alone, that
object was the reason: nothing is learned, and later requests stay large.
"""

from __future__ import annotations

import threading
from collections import defaultdict

from reconciler.resources.fields import MOST_ENTRIES
from reconciler.resources.request import Request


class BatchSizes:
    """The sizes of requests that were taken and refused, in entries, for each RPC. It can be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, set[int]] = defaultdict(set)
        self._refused: dict[str, int] = {}

    def taken(self, request: Request) -> None:
        """A request has succeeded."""
        with self._lock:
            self._taken[request.rpc].add(len(request.entries))

    def refused(self, request: Request) -> None:
        """A request was refused, and its parts were taken."""
        with self._lock:
            size = len(request.entries)
            self._refused[request.rpc] = min(size, self._refused.get(request.rpc, size))

    def parts(self, request: Request) -> tuple[Request, ...]:
        """The request in parts that are small enough: in entries as far as that is known, and in bytes."""
        return request.in_parts(self._most_entries(request.rpc))

    def _most_entries(self, rpc: str) -> int:
        with self._lock:
            refused = self._refused.get(rpc)
            if refused is None:
                return MOST_ENTRIES
            # The largest size below the refused one that was taken. Sizes in between are not tried.
            return max((size for size in self._taken[rpc] if size < refused), default=1)
