"""Faults: which calls they hit, how those end, and what was done."""

from __future__ import annotations

import threading
from typing import Any

import grpc
import pytest

from reconciler.emulator.faults import FaultPlan, RateLimit
from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from tests.emulator.client import Client, connected


def hits(fault: Fault, calls: int = 8, rpc: str = "GetModel") -> list[int]:
    """The numbers of the calls that a fault hits."""
    plan = FaultPlan([fault])
    return [number for number in range(1, calls + 1) if plan.kind_for(rpc) is not None]


def test_which_calls_are_hit() -> None:
    assert hits(Fault(kind="HANG", nth=3)) == [3]
    assert hits(Fault(kind="HANG", nth=3, times=2)) == [3, 4]
    assert hits(Fault(kind="HANG", every=3)) == [3, 6]
    assert hits(Fault(kind="HANG", every=3, times=1)) == [3]
    assert hits(Fault(kind="HANG", times=2)) == [1, 2]
    assert hits(Fault(kind="HANG")) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert hits(Fault(kind="HANG", rpc="PatchModels")) == []
    assert hits(Fault(kind="HANG", probability=0.5, seed=1)) == hits(Fault(kind="HANG", probability=0.5, seed=1))
    assert hits(Fault(kind="HANG", probability=0)) == []


def test_the_first_fault_that_fits_decides_and_all_count() -> None:
    plan = FaultPlan([Fault(kind="UNAVAILABLE", nth=2), Fault(kind="11005", every=2)])

    assert [plan.kind_for("GetModel") for _ in range(4)] == [None, "UNAVAILABLE", None, "11005"]


def test_the_rate_limit_is_a_sliding_second() -> None:
    limit = RateLimit(2)

    assert [limit.admits(now) for now in (0.0, 0.9, 0.95, 1.01, 1.5, 1.95)] == [True, True, False, True, False, True]


def patched_notes(client: Client, notes: str = "x", **more: Any) -> Any:
    """PatchModels of petsID: the code of the Clarifai status, or the gRPC one."""
    try:
        answer = client("PatchModels", action="merge", models=[{"id": "petsID", "notes": notes}], **more)
    except grpc.RpcError as error:
        return error.code()
    return answer.status.code


@pytest.mark.parametrize(
    ("kind", "outcome", "is_done"),
    [
        ("UNAVAILABLE", grpc.StatusCode.UNAVAILABLE, False),
        ("DEADLINE", grpc.StatusCode.DEADLINE_EXCEEDED, False),
        ("11005", 11005, False),
        ("11003", 11003, False),
        ("99009", 99009, False),
        ("10020", 10020, False),
        ("98009", 98009, False),
        ("LOST_REPLY", grpc.StatusCode.UNAVAILABLE, True),
    ],
)
def test_each_kind(emulator: Emulator, client: Client, kind: Any, outcome: Any, is_done: bool) -> None:
    emulator.switches = Switches(faults=(Fault(rpc="PatchModels", nth=1, kind=kind),))

    assert patched_notes(client) == outcome
    assert ("notes" in client.model()) == is_done
    assert patched_notes(client) == 10000
    assert client.model()["notes"] == "x"


def test_a_hanging_call_ends_when_the_caller_gives_up(emulator: Emulator, client: Client) -> None:
    emulator.switches = Switches(faults=(Fault(kind="HANG", nth=1),))

    assert patched_notes(client, timeout=0.2) == grpc.StatusCode.DEADLINE_EXCEEDED
    assert "notes" not in client.model()


def test_stopping_ends_hanging_calls() -> None:
    with Emulator(seed=SAMPLE, switches=Switches(faults=(Fault(kind="HANG"),))) as emulator:
        with connected(emulator) as client:
            outcome: list[Any] = []
            caller = threading.Thread(target=lambda: outcome.append(patched_notes(client, timeout=30)))
            caller.start()
            while not emulator.calls:
                pass
            emulator.stop()
            caller.join(timeout=5)
        assert outcome == [grpc.StatusCode.DEADLINE_EXCEEDED]


def test_the_retries_of_clarifai_s_channel_send_a_lost_write_again() -> None:
    switches = Switches(merge_tags="append", faults=(Fault(rpc="PatchModels", nth=1, kind="LOST_REPLY"),))
    with Emulator(seed=SAMPLE, switches=switches) as emulator, connected(emulator, retries=True) as client:
        client.patch_model(toolkits=["OpenAI"])

        assert client.model()["toolkits"] == ["Clarifai", "OpenAI", "OpenAI"]
        assert [(call.rpc, call.status_code, call.grpc_code) for call in emulator.calls] == [
            ("PatchModels", 0, "UNAVAILABLE"),
            ("PatchModels", 10000, "OK"),
            ("GetModel", 10000, "OK"),
        ]
