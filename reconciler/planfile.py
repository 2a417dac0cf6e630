"""Saved plans on disk: written whole or not at all, readable by their owner only, refused where they are not as written."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from reconciler.errors import ReconcilerError, Refusal, RefusedError
from reconciler.plan import Plan, PlanFormatError, plan_document, plan_from_document

MAX_BYTES = 512 * 1024 * 1024


def write_plan(plan: Plan, path: str) -> None:
    """Save a plan as JSON, mode 0600: it holds live values. Raises ReconcilerError where the place can't be written."""
    target = Path(path)
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    text = json.dumps(plan_document(plan), indent=2, ensure_ascii=False) + "\n"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(target)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise ReconcilerError(f"The plan can't be written to {path}: {error.strerror}.") from error


def read_plan(path: str) -> Plan:
    """Read a saved plan.

    Raises ReconcilerError for a file that can't be read or is no JSON, RefusedError for one that is no plan, is of
    another major format, or was changed after it was made.
    """
    try:
        file = Path(path)
        if file.stat().st_size > MAX_BYTES:
            raise ReconcilerError(f"The plan file {path} is larger than 512 MiB: it was not written by this tool.")
        document: Any = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise ReconcilerError(f"The plan file {path} can't be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ReconcilerError(f"The plan file {path} is no JSON document: {error}. Make a new plan.") from error
    if not isinstance(document, dict):
        raise ReconcilerError(f"The plan file {path} holds no plan. Make one with `reconciler plan --out`.")
    try:
        return plan_from_document(document)
    except PlanFormatError as error:
        refusal = Refusal(
            rule="plan-file", message=f"The plan file {path} is refused: {error}.", remedy="Make a new plan."
        )
        raise RefusedError((refusal,)) from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
