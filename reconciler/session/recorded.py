"""A session whose live side is a recorded one: no network but this machine's own, no token, nothing that lasts.

In: a session that isn't connected, and a file. Out: the same session, connected to an emulator in this process that holds what the
file does until the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from reconciler.session.connection import connected
from reconciler.session.session import Session


@contextmanager
def against_recorded(session: Session, file: str) -> Iterator[Session]:
    """The session with the live side of a file: an export as JSON, or a seed. Raises SeedError for anything else."""
    from reconciler.emulator.recorded import recorded_seed

    settings = session.settings
    seed = recorded_seed(Path(file), user_id=settings.user_id, app_id=settings.app_id, owner=settings.owner)
    with connected(settings, is_stopping=session.stop.is_set, seed=seed) as remote:
        yield replace(session, remote=remote)
