"""The table of statuses: what each code means for the caller, and that its names are the service's."""

from __future__ import annotations

import grpc
import pytest
from clarifai_grpc.grpc.api.status import status_code_pb2

from reconciler.errors import FaultClass
from reconciler.remote.statuses import CLARIFAI, GRPC, Meaning, meaning_of_clarifai, meaning_of_grpc


@pytest.mark.parametrize("code", CLARIFAI)
def test_names_are_those_of_the_enum(code: int) -> None:
    assert CLARIFAI[code].name == status_code_pb2.StatusCode.Name(code)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (11003, FaultClass.TRANSIENT),
        (11005, FaultClass.TRANSIENT),
        (10030, FaultClass.TRANSIENT),
        (99009, FaultClass.TRANSIENT),
        (98009, FaultClass.TRANSIENT),
        (10010, FaultClass.PER_ITEM),
        (11008, FaultClass.FATAL),
        (21202, FaultClass.PER_ITEM),
        (21200, FaultClass.NOT_FOUND),
        (11101, FaultClass.NOT_FOUND),
        (21101, FaultClass.PER_ITEM),  # known to the enum, not to the table
        (123456, FaultClass.PER_ITEM),  # newer than both
        (0, FaultClass.FATAL),  # a server that fills in no status
    ],
)
def test_classes(code: int, fault: FaultClass) -> None:
    assert meaning_of_clarifai(code).fault is fault


def test_only_the_two_throttles_say_that_nothing_was_done() -> None:
    assert {code for code, meaning in CLARIFAI.items() if meaning.is_throttle} == {11003, 11005}
    assert [name for name, meaning in GRPC.items() if meaning.is_throttle] == []


def test_an_unknown_code_is_named_as_well_as_it_can_be() -> None:
    assert meaning_of_clarifai(21101, enum_name="MODEL_TRAINING") == Meaning("MODEL_TRAINING", may_be_size=True)
    assert meaning_of_clarifai(123456) == Meaning("UNKNOWN_STATUS", may_be_size=True)
    assert meaning_of_grpc("NEW_STATUS") == Meaning("NEW_STATUS", FaultClass.FATAL)


def test_every_status_of_grpc_has_a_row() -> None:
    assert set(GRPC) == {status.name for status in grpc.StatusCode} - {"OK"}


def test_every_row_has_a_source() -> None:
    assert [row.name for row in (*CLARIFAI.values(), *GRPC.values()) if not row.source] == []
