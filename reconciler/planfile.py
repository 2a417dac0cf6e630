"""Saved plans on disk: written whole or not at all, readable by their owner only, refused where they are not as written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reconciler.errors import ReconcilerError, Refusal, RefusedError
from reconciler.plan import Plan, PlanFormatError, plan_document, plan_from_document
from reconciler.wholefile import write_whole

MAX_BYTES = 512 * 1024 * 1024


def write_plan(plan: Plan, path: str) -> None:
    """Save a plan as JSON, mode 0600: it holds live values. Raises ReconcilerError where the place can't be written."""
    text = json.dumps(plan_document(plan), indent=2, ensure_ascii=False) + "\n"
    write_whole(Path(path), text, what="plan")


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
