"""The JSON Schemas of the documents this tool reads and writes, as text and as data. Reads its own files only.

In a checkout they lie in `schemas/` at the top; in an installed package in its `schemas` folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

FILES: Final[Mapping[str, str]] = {
    "Model": "model.v1.schema.json",
    "ModelDefaults": "modeldefaults.v1.schema.json",
    "Policy": "policy.v1.schema.json",
    "Probe": "probe.v1.schema.json",
    "Config": "config.v1.schema.json",
    "Plan": "plan.v1.schema.json",
    "Seed": "seed.v1.schema.json",
}


def schema_text(kind: str) -> str:
    """The schema of documents of `kind` (a key of FILES) as published. Raises KeyError for other kinds."""
    name = FILES[kind]
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "schemas", package.parent / "schemas"):
        file = folder / name
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise FileNotFoundError(f"{name} is missing from the installation: neither {package} nor the folder above holds it")


@cache
def schema_document(kind: str) -> Mapping[str, Any]:
    """The schema of documents of `kind` as data."""
    document: Mapping[str, Any] = json.loads(schema_text(kind))
    return document
