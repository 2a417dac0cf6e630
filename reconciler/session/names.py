"""Names that a person may type next: environments, the ids of models, runs. Reads files alone, and reports no error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.errors import ReconcilerError


def environment_names(config: str | None) -> tuple[str, ...]:
    """The environments of the settings file, of the one in the working directory if none is named."""
    from reconciler.config.file import read_config

    try:
        return tuple(read_config(config, cwd=Path.cwd()).section("environments"))
    except (ReconcilerError, OSError):
        return ()


def model_ids(paths: Sequence[str]) -> tuple[str, ...]:
    """The ids of the models that the manifests at some paths describe."""
    from reconciler.loading.load import load

    values = [document.value for document in load(paths).documents]
    metadata = [value.get("metadata") for value in values if isinstance(value, dict) and value.get("kind") == "Model"]
    ids = (item.get("id") for item in metadata if isinstance(item, dict))
    return tuple(name for name in ids if isinstance(name, str))


def run_ids(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The runs of the state folder, the last one first, after the word for it."""
    from reconciler.apply.journal import LATEST, names_by_time
    from reconciler.state.folder import state_dir

    return (LATEST, *names_by_time(state_dir(environ) / "runs"))
