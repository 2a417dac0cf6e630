"""A file that is made of pieces has all of them, or stays as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.errors import ReconcilerError
from reconciler.state.whole_files import write_whole


def broken() -> Iterator[str]:
    yield "the first piece"
    raise TypeError("not JSON")


def test_pieces_make_a_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "plan", lambda: iter(("a", "\ud800", "é")), what="plan")
    assert (tmp_path / "plan").read_bytes() == "a\\ud800é".encode()


def test_a_fault_between_pieces_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    place = tmp_path / "plans" / "plan"
    place.parent.mkdir()
    place.write_text("old", encoding="utf-8")
    with pytest.raises(TypeError):
        write_whole(place, broken, what="plan")
    assert [(path.name, path.read_text(encoding="utf-8")) for path in place.parent.iterdir()] == [("plan", "old")]


def test_a_fault_between_pieces_leaves_a_device_alone(tmp_path: Path) -> None:
    place = tmp_path / "pipe"
    os.mkfifo(place)
    with pytest.raises(TypeError):
        write_whole(place, broken, what="plan")  # without a reader, to open it would wait for one


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReconcilerError):
        write_whole(tmp_path, lambda: iter("ab"), what="plan")
