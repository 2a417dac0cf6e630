"""One accept: manifests and the live side → the manifests as they would have to be.

In: what the run is about, and how a plan is made. Out: an Acceptance. The files are read before and after the manifests are, so
that a text that is edited is the one that was compared. All manifests together, with the new texts, are validated and compared
with the live side once more before anything is handed out, so what is accepted is in sync.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from reconciler.apply.accept import (
    Acceptance,
    Accepted,
    Objection,
    acceptance,
    files_as_text,
    write_accepted,
)
from reconciler.config import Settings
from reconciler.errors import ProblemList, ProblemsError, ReconcilerError, UsageError
from reconciler.loading.load import Loaded, LoadedDocument, load
from reconciler.loading.parse import documents_from_text
from reconciler.manifests.probe_files import problems_of_files
from reconciler.manifests.selection import Inputs
from reconciler.manifests.validate import Validated, desired_from_loaded, manifests_at
from reconciler.plan.plan import Plan
from reconciler.resources.tree import path_text

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

    def check(new: Mapping[str, str], done: Sequence[Accepted]) -> Sequence[Objection]:
        try:
            again = planned(
                desired_from_loaded(_edited(loaded, new), settings, environ=environ, file_problems=problems_of_files)
            )
        except ProblemsError as error:
            return [_objection(error, new)]
        return _still_differing(again, done)

    found = acceptance(plan, {path: text.removeprefix(_BOM) for path, text in texts.items()}, check=check)
    files = tuple(replace(file, has_bom=texts[file.path].startswith(_BOM)) for file in found.files)
    return replace(found, files=files)


def _edited(loaded: Loaded, new: Mapping[str, str]) -> Loaded:
    """The documents with those of new texts in place of the old ones."""
    documents: list[LoadedDocument] = []
    done: set[str] = set()
    for document in loaded.documents:
        if document.path not in new:
            documents.append(document)
        elif document.path not in done:
            done.add(document.path)
            documents.extend(documents_from_text(new[document.path], document.path, ProblemList()))
    return replace(loaded, documents=tuple(documents))


def _objection(error: ProblemsError, new: Mapping[str, str]) -> Objection:
    # A problem of a file that stays as it is would have ended the run before.
    first = next((problem for problem in error.problems if problem.origin.path in new), error.problems[0])
    reason = f"with it, the manifests would not be valid: {first.message.rstrip('.')}"
    return Objection(reason=reason, file=first.origin.path, pointer=first.pointer)


def _still_differing(plan: Plan, done: Sequence[Accepted]) -> list[Objection]:
    """What was accepted and differs all the same, for example because it has changed once more."""
    accepted_places = {(item.address, item.path) for item in done}
    differing = ((change.key.address, path_text(item.path)) for change in plan.changes for item in change.fields)
    return [
        Objection(reason="stated, it would still differ from the live value", address=address, path=path)
        for address, path in differing
        if (address, path) in accepted_places
    ]
