"""Model types from a file: what `get types --format json` prints is read, anything else is told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reconciler.compare.params.snapshot import read_types
from reconciler.errors import ReconcilerError


def test_a_file_of_model_types_is_read_by_id(tmp_path: Path) -> None:
    model_type = {"id": "embedding-classifier", "title": "Ä"}
    file = tmp_path / "types.json"
    file.write_text(json.dumps({"kind": "ModelTypes", "model_types": [model_type]}), encoding="utf-8")
    assert read_types(str(file)) == {"embedding-classifier": model_type}


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "gone.json")
    with pytest.raises(ReconcilerError, match=r".") as caught:
        read_types(path)
    assert str(caught.value) == f"The model types in {path} can't be read: No such file or directory."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"[]", 'it is no JSON object whose "kind" is "ModelTypes"'),
        (b"\xff", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
)
def test_a_file_of_something_else_is_told_with_the_remedy(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "types.json"
    file.write_bytes(content)
    remedy = "Make it with `reconciler get types --format json`."
    with pytest.raises(ReconcilerError, match=f"^{re.escape(f'{file} holds no model types: {reason}. {remedy}')}$"):
        read_types(str(file))


def test_a_file_nested_beyond_reason_is_told_too(tmp_path: Path) -> None:
    file = tmp_path / "types.json"
    file.write_bytes(b"[" * 200_000)
    with pytest.raises(ReconcilerError, match=r"holds no model types: "):
        read_types(str(file))
