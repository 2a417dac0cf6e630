"""One accept: manifests and the live side → the manifests as they would have to be.

In: what the run is about, and how a plan is made. Out: an Acceptance. The files are read before and after the manifests are, so
that a text that is edited is the one that was compared; all manifests together are validated again with the new texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from reconciler.apply.accept import Acceptance, acceptance, files_as_text, write_accepted
from reconciler.config import Settings
from reconciler.errors import ProblemList, ProblemsError, ReconcilerError, UsageError
from reconciler.loading.load import Loaded, load
from reconciler.loading.parse import documents_from_text
from reconciler.manifests.probe_files import problems_of_files
from reconciler.manifests.selection import Inputs
from reconciler.manifests.validate import Validated, desired_from_loaded, manifests_at
from reconciler.plan.plan import Plan

__all__ = ["accepted", "write_accepted"]

_BOM = "\ufeff"


def accepted(
    inputs: Inputs, settings: Settings, environ: Mapping[str, str], *, planned: Callable[[Validated], Plan]
) -> Acceptance:
    """What accepting the drift changes. Raises as planning does, and UsageError for standard input."""
    if "-" in inputs.paths:
        raise UsageError("accept can't write to standard input. Give files or folders.")
    validated = manifests_at(inputs.paths, settings, environ=environ)
    texts = files_as_text(validated.desired.files)
    loaded = load(inputs.paths)
    plan = planned(validated)
    if loaded.digest != validated.desired.digest:
        raise ReconcilerError("The manifests have changed while they were compared. Nothing was written; run it again.")

    def check(new: Mapping[str, str]) -> dict[str, str]:
        return _unusable(loaded, new, settings, environ) if new else {}

    found = acceptance(plan, {path: text.removeprefix(_BOM) for path, text in texts.items()}, check=check)
    files = tuple(replace(file, has_bom=texts[file.path].startswith(_BOM)) for file in found.files)
    return replace(found, files=files)


def _unusable(loaded: Loaded, new: Mapping[str, str], settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """The new texts with which the manifests would not be valid, each with the first problem."""
    documents = []
    done: set[str] = set()
    for document in loaded.documents:
        if document.path not in new:
            documents.append(document)
        elif document.path not in done:
            done.add(document.path)
            documents.extend(documents_from_text(new[document.path], document.path, ProblemList()))
    try:
        desired_from_loaded(
            replace(loaded, documents=tuple(documents)), settings, environ=environ, file_problems=problems_of_files
        )
    except ProblemsError as error:
        why = {problem.origin.path: problem.message.rstrip(".") for problem in reversed(error.problems)}
        return {path: f"the new text would not be valid: {why[path]}" for path in new if path in why} or dict.fromkeys(
            new, f"the manifests would not be valid: {error.problems[0]}"
        )
    return {}
