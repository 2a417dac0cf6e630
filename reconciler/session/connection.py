"""Settings → a Remote: a connection to their endpoint, or to an emulator that runs in this process.

In: Settings. Out: a Remote that is closed at the end. It calls nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reconciler.config import Settings
from reconciler.config.endpoint import parse_endpoint
from reconciler.remote.caller import Timing
from reconciler.remote.clarifai import ClarifaiRemote
from reconciler.state.folder import embedded_state


@contextmanager
def connected(
    settings: Settings,
    *,
    is_stopping: Callable[[], bool] = lambda: False,
    seed: Path | Mapping[str, Any] | None = None,
) -> Iterator[ClarifaiRemote]:
    """A Remote for the settings' endpoint, closed at the end. Raises ReconcilerError if a token is needed and missing.

    Once `is_stopping`, no failed call is retried. With a `seed`, the endpoint is an emulator that holds it and keeps nothing.
    """
    timing = _timing(settings, is_stopping)
    if seed is None and not settings.endpoint.is_embedded:
        with _remote(settings, timing) as remote:
            yield remote
        return
    from reconciler.emulator.sample import SAMPLE
    from reconciler.emulator.server import Emulator

    state = None if seed is not None else embedded_state(settings.endpoint.state, root=settings.root)
    # A seed goes into a new state only, in one transaction: several commands may start at once.
    with (
        Emulator(state=state, seed=SAMPLE if seed is None else seed) as emulator,
        _remote(settings, timing, url=emulator.url) as remote,
    ):
        yield remote


def _remote(settings: Settings, timing: Timing, *, url: str | None = None) -> ClarifaiRemote:
    if url is not None:
        return ClarifaiRemote(parse_endpoint(url), timing=timing, name=settings.endpoint.url)
    return ClarifaiRemote(
        settings.endpoint,
        token=settings.token_for_calls(),
        root_certificates=settings.root_certificates,
        timing=timing,
    )


def _timing(settings: Settings, is_stopping: Callable[[], bool]) -> Timing:
    return Timing(rate=settings.limits.rate, timeout=settings.limits.timeout, is_stopping=is_stopping)
