"""Loaded documents → Desired, or every problem of every file at once.

In: documents with their positions, the ids and variables of the run. Out: the desired state, ordered by key, the same
for any order of files and documents. A document goes through its references, its header, the JSON Schema, the rules that the
schema can't state (`entries.py`), and last the rules between documents. A place found wrong by an early step isn't
reported again by a later one. Reads no file and asks no service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Final, TextIO

from reconciler.config import Settings
from reconciler.errors import Origin, Problem, ProblemList
from reconciler.loading.account import HIDDEN, NO_DOCUMENT, Skipped
from reconciler.loading.document import LoadedDocument
from reconciler.loading.load import Loaded, load
from reconciler.loading.nodes import json_pointer
from reconciler.loading.shape import shape_problems
from reconciler.manifests.contradictions import ChosenEnvironment, chosen_environment, contradictions
from reconciler.manifests.entries import model_from_document
from reconciler.manifests.interpolate import interpolate, lookalikes
from reconciler.manifests.selection import Shard, in_shard
from reconciler.resources.desired import Desired, DesiredModel
from reconciler.resources.fields import SETTINGS_FILE, Action
from reconciler.resources.ids import MAX_ID, id_problem, id_warning
from reconciler.resources.keys import Key
from reconciler.resources.wording import described, listed, nearest, quoted

API_VERSION: Final = "reconciler/v1"
_KIND: Final = "Model"
_LISTED: Final = 3
_HEADER: Final = ("apiVersion", "kind")
_UNTOLD: Final = Key(user_id="?", app_id="?", model_id="?")
_WAYS: Final[Mapping[str, str]] = {
    "user_id": "Give metadata.user_id, --user-id, user_id in reconciler.yaml, CLARIFAI_USER_ID, or a clarifai CLI context.",
    "app_id": "Give metadata.app_id, --app-id, app_id in reconciler.yaml, CLARIFAI_APP_ID, or a clarifai CLI context.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """Manifests that can be used; `warnings` are what they may not have meant, in the order of files and lines."""

    desired: Desired
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ids:
    """The ids for manifests that name none, and the flags that manifests must not contradict."""

    defaults: Mapping[str, str | None]
    flags: Mapping[str, str | None]


def desired_from_documents(
    loaded: Loaded,
    *,
    user_id: str | None,
    app_id: str | None,
    flag_user_id: str | None,
    flag_app_id: str | None,
    variables: Mapping[str, Any],
    environ: Mapping[str, str],
    refused: Callable[[str], str | None] = lambda name: None,
    environment: ChosenEnvironment | None = None,
    judged: Callable[[Key], bool] = lambda key: True,
) -> Validated:
    """What the manifests want. `user_id` and `app_id` are for manifests that name none; the flags must agree with all.

    `refused` says which environment variables manifests must not read. Of a model that isn't `judged` only the ids are
    read, to detect a second manifest of it; the result doesn't contain it.

    Raises ProblemsError with everything wrong in any file, what `loaded` already found included.
    """
    ids = _Ids(
        defaults={"user_id": flag_user_id or user_id, "app_id": flag_app_id or app_id},
        flags={"user_id": flag_user_id, "app_id": flag_app_id},
    )
    problems, warnings = ProblemList(), ProblemList()
    problems.extend(loaded.problems)
    warnings.extend((*loaded.warnings, *_passed_over(loaded.skipped)))
    wrong = {(problem.origin, problem.pointer) for problem in loaded.problems}
    described: dict[Key, tuple[DesiredModel, LoadedDocument]] = {}
    for document in sorted(loaded.documents, key=LoadedDocument.origin):
        found = ProblemList()
        interpolated = document
        if document.has_references:
            interpolated, unresolved = interpolate(document, variables=variables, environ=environ, refused=refused)
            problems.extend(unresolved)
            wrong.update((problem.origin, problem.pointer) for problem in unresolved)
            warnings.extend(lookalikes(document))
        model = _model(interpolated, ids, found, warnings, judged)
        if found:
            problems.extend(problem for problem in found if (problem.origin, problem.pointer) not in wrong)
        if model is None:
            continue
        first, there = described.setdefault(model.key, (model, document))
        if first is not model:
            _report_duplicate(model.key, there, document, problems)
    problems.extend(contradictions({key: document for key, (_, document) in described.items()}, environment))
    problems.raise_if_any()
    kept = tuple(described[key][0] for key in sorted(described) if judged(key))
    desired = Desired(
        models=kept,
        files=loaded.files,
        digest=loaded.digest,
        has_references=any(document.has_references for document in loaded.documents),
        passed_over=tuple(item.path for item in loaded.skipped if item.may_hide),
    )
    return Validated(desired=desired, warnings=tuple(warnings))


def _passed_over(skipped: Sequence[Skipped]) -> Iterator[Problem]:
    """A warning for each name that was skipped; one for all hidden names, since a checkout always has some."""
    hidden = [item.path for item in skipped if item.reason == HIDDEN]
    if hidden:
        others = f", and so {'is' if len(hidden) == 2 else 'are'} {listed(hidden[1:])}" if hidden[1:] else ""
        yield Problem(
            code="passed-over",
            message=f"skipped: hidden{others}.",
            origin=Origin(path=hidden[0]),
            hint="Give it as PATH to have it read.",
        )
    for item in skipped:
        if item.reason not in (HIDDEN, NO_DOCUMENT):  # the loader has warned of a file without a document
            otherwise = "Put the file itself there, or give it as PATH too." if item.may_hide else None
            yield Problem(
                code="passed-over",
                message=f"passed over: {item.reason}.",
                origin=Origin(path=item.path),
                hint=item.hint or otherwise,
            )


def _model(
    document: LoadedDocument,
    ids: _Ids,
    problems: ProblemList,
    warnings: ProblemList,
    judged: Callable[[Key], bool],
) -> DesiredModel | None:
    """The model that one document describes; None if it doesn't say which model it means."""
    if _is_settings(document) or not _has_usable_header(document, problems):
        return None
    key_problems, key_warnings = ProblemList(), ProblemList()
    key = _key(document, ids, key_problems, key_warnings)
    if key is not None and not judged(key):
        return DesiredModel(key=key, action=Action.MERGE, stated={}, origin=document.origin())
    problems.extend([problem for problem in shape_problems(document, _KIND) if not _is_about_header(problem)])
    if key_problems or key_warnings:
        problems.extend(key_problems)
        warnings.extend(key_warnings)
    model = model_from_document(document, key or _UNTOLD, problems, warnings)
    return model if key is not None else None


def _is_settings(document: LoadedDocument) -> bool:
    """Whether a document is the settings of a run, lying among the manifests under the name that they are read by."""
    value = document.value
    return (
        isinstance(value, dict)
        and (value.get("apiVersion"), value.get("kind")) == (API_VERSION, "Config")
        and document.path.rpartition("/")[2] == SETTINGS_FILE
    )


def _has_usable_header(document: LoadedDocument, problems: ProblemList) -> bool:
    """Whether the document is, or is meant as, a Model of the known format; reports everything else."""
    value = document.value
    if not isinstance(value, dict):
        message = f"a manifest is a mapping, found {described(value)}."
        hint = f"Start it with apiVersion: {API_VERSION} and kind: {_KIND}."
        problems.add("not-a-manifest", message, document.origin(), hint=hint)
        return False
    api_is_known = _is_header(document, "apiVersion", API_VERSION, problems)
    kind_is_known = _is_header(document, "kind", _KIND, problems)
    return api_is_known and kind_is_known


def _is_header(document: LoadedDocument, key: str, known: str, problems: ProblemList) -> bool:
    if key not in document.value:
        hint = f"Add {key}: {known} at the top level."
        problems.add("missing-key", f"{key} is missing.", document.origin(), key=key, hint=hint)
        return True
    found = document.value[key]
    if found == known:
        return True
    hint = f"This version reads {known}."
    if found == "Config":
        message = "a Config is not a manifest; it contains the settings of a run."
        hint = "Give it with --config FILE, and as PATH the folder of the manifests alone."
    else:
        message = f"{key} must be {known}, found {described(found)}."
        if isinstance(found, str) and nearest(found, (known,)):
            hint = f"Did you mean {known}?"
    problems.add(
        f"unknown-{'kind' if key == 'kind' else 'api-version'}",
        message,
        document.origin((key,)),
        pointer=f"/{key}",
        hint=hint,
    )
    return False


def _is_about_header(problem: Problem) -> bool:
    """Whether the schema misses what `_is_header` has reported already."""
    return problem.code == "missing-key" and not problem.pointer and problem.key in _HEADER


def _key(document: LoadedDocument, ids: _Ids, problems: ProblemList, warnings: ProblemList) -> Key | None:
    metadata = document.value.get("metadata")
    if not isinstance(metadata, dict):
        return None
    usable: list[str] = []
    for name in ("user_id", "app_id", "id"):
        text = metadata.get("id") if name == "id" else _scope_id(document, name, ids, problems)
        if isinstance(text, str) and text and _is_usable_id(document, name, text, problems, warnings):
            usable.append(text)
    return Key(*usable) if len(usable) == 3 else None


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


def _scope_id(document: LoadedDocument, name: str, ids: _Ids, problems: ProblemList) -> str | None:
    """The user or app id of a manifest: its own, which must not contradict the flag, else the run's."""
    metadata = document.value["metadata"]
    path = ("metadata", name)
    pointer = f"/metadata/{name}"
    if name not in metadata:
        default = ids.defaults[name]
        if not default:
            problems.add(
                "missing-scope",
                f"there is no {name} for this model.",
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


def _report_duplicate(key: Key, first: LoadedDocument, second: LoadedDocument, problems: ProblemList) -> None:
    path = ("metadata", "id")
    message = f"{key.address} is already described in {first.origin(path)}."
    hint = "Put both into one document: one model, one manifest."
    problems.add("duplicate-model", message, second.origin(path), pointer=json_pointer(path), hint=hint)


def manifests_at(
    paths: Sequence[str],
    settings: Settings,
    *,
    environ: Mapping[str, str],
    stdin: TextIO | BinaryIO | None = None,
    shard: Shard | None = None,
    allow_empty: bool = False,
) -> Validated:
    """Read and check the manifests, those of one shard where it is given; raises ProblemsError with every problem.

    No manifest at all is one too, unless `allow_empty`: then it is a warning.
    """
    loaded = load(paths, stdin=stdin)
    if not loaded.problems and all(map(_is_settings, loaded.documents)):
        # The folder may have moved. Taken for "nothing to do", that would keep a nightly check green for ever.
        loaded = _with_no_manifest(loaded, paths, allow_empty=allow_empty)
    return desired_from_loaded(loaded, settings, environ=environ, shard=shard)


def _skipped_here(skipped: Sequence[Skipped]) -> str:
    """What was skipped instead; a run that ends with this problem prints no warnings."""
    if not skipped:
        return ""
    more = f" and {len(skipped) - _LISTED} more" if skipped[_LISTED:] else ""
    shown = ", ".join(f"{item.path} ({item.reason})" for item in skipped[:_LISTED])
    return f"; passed over: {shown}{more}"


def _with_no_manifest(loaded: Loaded, paths: Sequence[str], *, allow_empty: bool) -> Loaded:
    problem = Problem(
        code="no-manifest",
        message=f"there is no manifest here{_skipped_here(loaded.skipped)}.",
        origin=Origin(path=paths[0] if paths else "."),
        hint="Check the paths. If there are to be none, say --allow-empty.",
    )
    others = tuple(warning for warning in loaded.warnings if warning.code != "no-manifests")
    if allow_empty:
        return replace(loaded, warnings=(*others, replace(problem, hint=None)))
    return replace(loaded, problems=(problem,))


def desired_from_loaded(
    loaded: Loaded, settings: Settings, *, environ: Mapping[str, str], shard: Shard | None = None
) -> Validated:
    """The same, for documents that were read before."""
    return desired_from_documents(
        loaded,
        user_id=settings.user_id,
        app_id=settings.app_id,
        flag_user_id=settings.flag_user_id,
        flag_app_id=settings.flag_app_id,
        variables=settings.variables,
        environ=environ,
        refused=settings.references.problem,
        environment=chosen_environment(settings),
        judged=lambda key: in_shard(key, shard),
    )
