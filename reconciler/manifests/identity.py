"""The ids in a document's metadata: its own, those of the run where it states none, and what is wrong with them.

In: a document and the ids of the run. Out: the ids, or None where they can't be told; problems and warnings are recorded.
Never asks the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.errors import ProblemList
from reconciler.loading.document import LoadedDocument
from reconciler.resources.ids import MAX_ID, id_problem, id_warning
from reconciler.resources.keys import Key, Scope
from reconciler.resources.wording import quoted

_WAYS: Final[Mapping[str, str]] = {
    "user_id": "Give metadata.user_id, --user-id, user_id in reconciler.yaml, CLARIFAI_USER_ID, or a clarifai CLI context.",
    "app_id": "Give metadata.app_id, --app-id, app_id in reconciler.yaml, CLARIFAI_APP_ID, or a clarifai CLI context.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """The ids for documents that name none, and the flags that documents must not contradict."""

    defaults: Mapping[str, str | None]
    flags: Mapping[str, str | None]


def key_of(
    document: LoadedDocument, ids: Ids, problems: ProblemList, warnings: ProblemList, *, what: str = "model"
) -> Key | None:
    """The key of the model that `metadata` names: its id, and the app that holds it."""
    usable = _usable_ids(document, ("user_id", "app_id", "id"), ids, problems, warnings, what)
    return Key(*usable) if len(usable) == 3 else None


def scope_of(
    document: LoadedDocument, ids: Ids, problems: ProblemList, warnings: ProblemList, *, what: str
) -> Scope | None:
    """The app that `metadata` names, for documents that are about an app; `what` names them in messages."""
    usable = _usable_ids(document, ("user_id", "app_id"), ids, problems, warnings, what)
    return Scope(*usable) if len(usable) == 2 else None


def _usable_ids(
    document: LoadedDocument,
    names: tuple[str, ...],
    ids: Ids,
    problems: ProblemList,
    warnings: ProblemList,
    what: str,
) -> list[str]:
    metadata = document.value.get("metadata")
    if not isinstance(metadata, dict):
        return []
    usable: list[str] = []
    for name in names:
        text = metadata.get("id") if name == "id" else _scope_id(document, name, ids, problems, what)
        if isinstance(text, str) and text and _is_usable_id(document, name, text, problems, warnings):
            usable.append(text)
    return usable


def _is_usable_id(document: LoadedDocument, name: str, text: str, problems: ProblemList, warnings: ProblemList) -> bool:
    """Whether an id of a manifest's metadata can be one; reports what is wrong with it, or unusual."""
    doubt = id_warning(text)
    if doubt is None and len(text) <= MAX_ID:
        return True
    why = id_problem(text)
    origin, pointer = document.origin(("metadata", name)), f"/metadata/{name}"
    if why is not None:
        hint = "Use letters and digits, with single - or _ between them."
        problems.add("bad-id", f"metadata.{name} {quoted(text)} {why}.", origin, pointer=pointer, hint=hint)
    elif name in document.value["metadata"]:
        warnings.add("unusual-id", f"metadata.{name} {quoted(text)} {doubt}.", origin, pointer=pointer)
    return why is None


def _scope_id(document: LoadedDocument, name: str, ids: Ids, problems: ProblemList, what: str) -> str | None:
    """The user or app id of a manifest: its own, which must not contradict the flag, else the run's."""
    metadata = document.value["metadata"]
    path = ("metadata", name)
    pointer = f"/metadata/{name}"
    if name not in metadata:
        default = ids.defaults[name]
        if not default:
            problems.add(
                "missing-scope",
                f"there is no {name} for this {what}.",
                document.origin(("metadata",)),
                pointer=pointer,
                hint=_WAYS[name],
            )
        return default
    stated, flag = metadata[name], ids.flags[name]
    if isinstance(stated, str) and flag and stated != flag:
        option = "--" + name.replace("_", "-")
        message = f"metadata.{name} is {quoted(stated)}, but {option} says {quoted(flag)}."
        hint = f"Leave {option} out, or leave metadata.{name} out of manifests meant for several."
        problems.add("contradicts-flag", message, document.origin(path), pointer=pointer, hint=hint)
    return stated if isinstance(stated, str) else None
