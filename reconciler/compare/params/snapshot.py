"""Model types from a file, so that a pull request needs no token: what `get types --format json` printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from reconciler.errors import ReconcilerError
from reconciler.resources.observed import Document


def read_types(path: str) -> Mapping[str, Document]:
    """The model types by id. Raises ReconcilerError for a file that can't be read or is not such a snapshot."""
    from reconciler.compare.params.fields import types_from_snapshot

    try:
        return types_from_snapshot(json.loads(Path(path).read_text(encoding="utf-8")))
    except OSError as error:
        raise ReconcilerError(f"The model types in {path} can't be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ReconcilerError(
            f"{path} contains no model types: {error}. Make it with `reconciler get types --format json`."
        ) from error
