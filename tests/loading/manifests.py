"""Texts of manifests for tests, and their loading."""

from __future__ import annotations

import io

from reconciler.loading.load import Loaded, load

HEADER = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {id: petsID, user_id: me, app_id: pets}\n"


def loaded_from(text: str | bytes) -> Loaded:
    """What standard input holding `text` is loaded to."""
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return load(["-"], stdin=io.BytesIO(content))
