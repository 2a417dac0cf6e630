"""Model types from a file: what `get types --format json` prints is read, anything else is an error."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reconciler.compare.params.snapshot import read_types
from reconciler.errors import ReconcilerError
from tests.wording import Wording


def test_a_file_of_model_types_is_read_by_id(tmp_path: Path) -> None:
    model_type = {"id": "embedding-classifier", "title": "Ä"}
    file = tmp_path / "types.json"
    file.write_text(json.dumps({"kind": "ModelTypes", "model_types": [model_type]}), encoding="utf-8")
    assert read_types(str(file)) == {"embedding-classifier": model_type}


@pytest.mark.parametrize(
    "content",
    [None, b"{", b"[]", b"\xff", b"[" * 200_000],
    ids=["missing", "not JSON", "something else", "not UTF-8", "nested beyond reason"],
)
def test_any_other_file_is_an_error_that_names_it(tmp_path: Path, content: bytes | None, wording: Wording) -> None:
    file = tmp_path / "types.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ReconcilerError, match=re.escape(str(file))) as raised:
        read_types(str(file))
    if content != b"[" * 200_000:  # where it is refused depends on the version of Python
        wording(raised.value)
