"""The connection against the emulator, for what only a service with a state can show: lost answers and short pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from reconciler.config.endpoint import parse_endpoint
from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from reconciler.errors import FaultClass, RemoteError
from reconciler.remote.caller import Timing
from reconciler.remote.clarifai import ClarifaiRemote
from reconciler.resources.keys import Key, Scope
from reconciler.resources.request import Request
from tests.request_values import request

APP = {"user_id": "me", "app_id": "pets"}
KEY = Key(user_id="me", app_id="pets", model_id="petsID")


@contextmanager
def running(
    *, timeout: float = 5, pat: str | None = None, **switches: Any
) -> Iterator[tuple[Emulator, ClarifaiRemote]]:
    """An emulator with the sample app, and a connection to it whose waits take no time."""
    timing = Timing(rate=10_000, timeout=timeout, sleep=lambda seconds: None)
    with (
        Emulator(seed=SAMPLE, switches=Switches(**switches), pat=pat) as emulator,
        ClarifaiRemote(parse_endpoint(emulator.url), timing=timing) as remote,
    ):
        yield emulator, remote


def describe(text: str) -> Request:
    return request("PatchModels", "overwrite", {KEY: {"description": text}})


DELETE = request("DeleteModels", None, {KEY: {}})


def count(emulator: Emulator, rpc: str) -> int:
    return sum(call.rpc == rpc for call in emulator.calls)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_listings_are_complete_at_every_page_size(size: int) -> None:
    with running() as (_, remote):
        whole = [model.key for model in remote.list_models(Scope("me", "pets"))]
    with running(max_per_page=size) as (_, remote):
        assert [model.key for model in remote.list_models(Scope("me", "pets"))] == whole
        versions = [version.key for key in whole for version in remote.list_versions(key)]
    assert len(versions) == len(set(versions)) >= len(whole) - 1
    assert {key.scope for key in whole} == {Scope("me", "pets"), Scope("clarifai", "main")}


def test_a_server_that_refuses_large_pages_is_read_in_smaller_ones() -> None:
    with running(max_per_page=200, per_page_over="error") as (_, remote):
        assert KEY in {model.key for model in remote.list_models(Scope("me", "pets"))}


def test_a_patch_with_a_lost_answer_is_sent_again_and_holds() -> None:
    with running(faults=(Fault(rpc="PatchModels", nth=1, kind="LOST_REPLY"),)) as (emulator, remote):
        reply = remote.send(describe("Once or twice"))
        read = remote.get_model(KEY)
        assert count(emulator, "PatchModels") == 2
    assert read is not None
    assert (reply.attempts, read.document["description"]) == (2, "Once or twice")


def test_a_deletion_with_a_lost_answer_may_have_happened_and_says_so() -> None:
    with running(faults=(Fault(rpc="DeleteModels", nth=1, kind="LOST_REPLY"),)) as (emulator, remote):
        with pytest.raises(RemoteError) as raised:
            remote.send(DELETE)
        assert count(emulator, "DeleteModels") == 1
        assert remote.get_model(KEY) is None
    assert (raised.value.fault, raised.value.sent, raised.value.attempts) == (FaultClass.TRANSIENT, True, 1)


def test_a_throttled_deletion_is_sent_again() -> None:
    with running(faults=(Fault(rpc="DeleteModels", nth=1, times=2, kind="11005"),)) as (_, remote):
        assert remote.send(DELETE).attempts == 3
        assert remote.get_model(KEY) is None


@pytest.mark.parametrize("kind", ["UNAVAILABLE", "DEADLINE", "11005", "11003", "99009", "10020", "98009"])
def test_a_read_outlives_a_passing_fault(kind: Any) -> None:
    with running(faults=(Fault(rpc="GetModel", nth=1, kind=kind),)) as (emulator, remote):
        assert remote.get_model(KEY) is not None
        assert count(emulator, "GetModel") == 2


def test_a_server_that_hangs_is_given_up_after_two_deadlines() -> None:
    faults = (Fault(rpc="GetModel", kind="HANG"),)
    with running(timeout=0.2, faults=faults) as (_, remote), pytest.raises(RemoteError) as raised:
        remote.get_model(KEY)
    assert (raised.value.code, raised.value.attempts) == ("DEADLINE_EXCEEDED", 2)


def test_without_a_token_a_service_that_checks_one_says_no() -> None:
    with running(pat="expected") as (_, remote), pytest.raises(RemoteError) as raised:
        remote.get_model(KEY)
    assert raised.value.fault is FaultClass.FATAL
    assert "CLARIFAI_PAT" in str(raised.value)
