"""An emulated Clarifai service: a real gRPC and REST server with SQLite state that any Clarifai client can use.

    from reconciler.emulator import Emulator, Switches
    with Emulator(seed=…, switches=Switches(overwrite_struct="by_key")) as emulator:
        …emulator.url…, emulator.calls, emulator.snapshot()

Names are imported when they are used, because the server costs importing grpc and the switches alone do not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.emulator.recording import RecordError
    from reconciler.emulator.sample import SAMPLE
    from reconciler.emulator.seeds import SeedError
    from reconciler.emulator.server import Emulator, ListenError, serve
    from reconciler.emulator.store import Call, StateError, read_calls
    from reconciler.emulator.switches import Fault, Switches

__all__ = [
    "SAMPLE",
    "Call",
    "Emulator",
    "Fault",
    "ListenError",
    "RecordError",
    "SeedError",
    "StateError",
    "Switches",
    "read_calls",
    "serve",
]

_HOMES = {
    "SAMPLE": "sample",
    "RecordError": "recording",
    "SeedError": "seeds",
    "Emulator": "server",
    "ListenError": "server",
    "serve": "server",
    "Call": "store",
    "StateError": "store",
    "read_calls": "store",
    "Fault": "switches",
    "Switches": "switches",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
