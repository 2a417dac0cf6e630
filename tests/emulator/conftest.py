"""The client of the `emulator` fixture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.emulator.server import Emulator
from tests.emulator.client import Client, connected


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    """A client of the emulator with the sample app."""
    with connected(emulator) as found:
        yield found
