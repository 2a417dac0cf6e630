"""Loaded documents → Desired, or every problem of every file at once.

In: documents with their positions, the ids and variables of the run. Out: the desired state, ordered by key, the same
for any order of files and documents. A document goes through its references, its header, the JSON Schema, the rules that the
schema can't state (`entries.py`), and last the rules between documents. A place found wrong by an early step isn't
reported again by a later one. Reads no file and asks no service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TextIO

from reconciler.config import Settings
from reconciler.errors import Origin, Problem, ProblemList
from reconciler.loading.account import HIDDEN, NO_DOCUMENT, Skipped
from reconciler.loading.document import LoadedDocument
from reconciler.loading.load import Loaded, load
from reconciler.loading.nodes import json_pointer
from reconciler.loading.shape import shape_problems
from reconciler.manifests.contradictions import ChosenEnvironment, chosen_environment, contradictions
from reconciler.manifests.entries import model_from_document
from reconciler.manifests.header import is_about_header, is_settings, kind_of
from reconciler.manifests.identity import Ids, key_of
from reconciler.manifests.interpolate import interpolate, lookalikes
from reconciler.manifests.kinds import (
    KINDS,
    MODEL,
    NAMES,
    DocumentKind,
    NamedDocument,
    is_manifest,
    is_shown,
    problems_between,
)
from reconciler.manifests.reading import Reading
from reconciler.manifests.selection import Shard, in_shard
from reconciler.resources.desired import Desired, DesiredModel
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key, Scope
from reconciler.resources.wording import listed

if TYPE_CHECKING:
    from reconciler.resources.probe import Probe

_LISTED: Final = 3
_UNTOLD: Final = Key(user_id="?", app_id="?", model_id="?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """Manifests that can be used; `warnings` are what they may not have meant, in the order of files and lines."""

    desired: Desired
    warnings: tuple[Problem, ...] = ()


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
    file_problems: Callable[[Iterable[Probe]], Iterable[Problem]] = lambda probes: (),
) -> Validated:
    """What the manifests want. `user_id` and `app_id` are for manifests that name none; the flags must agree with all.

    `refused` says which environment variables manifests must not read. `file_problems` yields what is wrong with the files that
    probes name; nothing looks at them otherwise. Of a model that isn't `judged` only the ids are
    read, to detect a second manifest of it; the result doesn't contain it.

    Raises ProblemsError with everything wrong in any file, what `loaded` already found included.
    """
    ids = Ids(
        defaults={"user_id": flag_user_id or user_id, "app_id": flag_app_id or app_id},
        flags={"user_id": flag_user_id, "app_id": flag_app_id},
    )
    collected = _Collected(ids=ids, judged=judged)
    problems, warnings, wrong = collected.problems, collected.warnings, collected.wrong
    problems.extend(loaded.problems)
    warnings.extend((*loaded.warnings, *_passed_over(loaded.skipped)))
    wrong.update((problem.origin, problem.pointer) for problem in loaded.problems)
    for document in sorted(loaded.documents, key=LoadedDocument.origin):
        interpolated = document
        if document.has_references:
            interpolated, unresolved = interpolate(
                document, variables=variables, environ=environ, refused=refused, is_shown=is_shown(document)
            )
            problems.extend(unresolved)
            wrong.update((problem.origin, problem.pointer) for problem in unresolved)
            warnings.extend(lookalikes(document))
        collected.take(interpolated)
    described, others = collected.models, collected.others
    problems.extend(contradictions(collected.scoped, environment))
    for name, documents in others.items():
        found = problems_between(KINDS[name], documents)
        problems.extend(problem for problem in found if problem.origin not in collected.wrong_places)
    if others["Probe"]:
        problems.extend(file_problems(others["Probe"]))  # type: ignore[arg-type]
    problems.raise_if_any()
    kept = tuple(described[key][0] for key in sorted(described) if judged(key))
    desired = Desired(
        models=kept,
        files=loaded.files,
        digest=loaded.digest,
        has_references=any(document.has_references for document in loaded.documents),
        passed_over=tuple(item.path for item in loaded.skipped if item.may_hide),
        **{KINDS[name].field: tuple(documents) for name, documents in others.items()},  # type: ignore[arg-type]
    )
    return Validated(desired=desired, warnings=tuple(warnings))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Collected:
    """What the documents of a run have been read into so far: models with their documents, and the others by kind.

    `wrong` are the places that a problem has been reported for already, and `scoped` the documents that are about an app.
    """

    ids: Ids
    judged: Callable[[Key], bool]
    problems: ProblemList = field(default_factory=ProblemList)
    warnings: ProblemList = field(default_factory=ProblemList)
    wrong: set[tuple[Origin, str]] = field(default_factory=set)
    models: dict[Key, tuple[DesiredModel, LoadedDocument]] = field(default_factory=dict)
    scoped: list[tuple[Scope, LoadedDocument]] = field(default_factory=list)
    others: dict[str, list[NamedDocument]] = field(default_factory=lambda: {name: [] for name in KINDS})

    @property
    def wrong_places(self) -> frozenset[Origin]:
        """The places without what is wrong there: a reference that can't be replaced is no expression, either."""
        return frozenset(origin for origin, _ in self.wrong)

    def take(self, document: LoadedDocument) -> None:
        """Read one document, whose references have been replaced."""
        found = ProblemList()
        reading = Reading(ids=self.ids, problems=found, warnings=self.warnings)
        kind = None if is_settings(document) else kind_of(document, NAMES, found)
        model = _model(document, reading, self.judged) if kind == MODEL else None
        other = _other(document, KINDS[kind], reading) if kind is not None and kind in KINDS else None
        if found:
            self.problems.extend(problem for problem in found if (problem.origin, problem.pointer) not in self.wrong)
        if kind is not None and other is not None:
            self.others[kind].append(other)
            if isinstance(scope := getattr(other, "scope", None), Scope):
                self.scoped.append((scope, document))
        if model is not None:
            first, there = self.models.setdefault(model.key, (model, document))
            self.scoped.append((model.key.scope, document))
            if first is not model:
                _report_duplicate(model.key, there, document, self.problems)


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
                message=f"skipped: {item.reason}.",
                origin=Origin(path=item.path),
                hint=item.hint or otherwise,
            )


def _model(document: LoadedDocument, reading: Reading, judged: Callable[[Key], bool]) -> DesiredModel | None:
    """The model that one document describes; None if it doesn't say which model it means."""
    key_problems, key_warnings = ProblemList(), ProblemList()
    key = key_of(document, reading.ids, key_problems, key_warnings)
    if key is not None and not judged(key):
        return DesiredModel(key=key, action=Action.MERGE, stated={}, origin=document.origin())
    _check_shape(document, MODEL, reading.problems)
    if key_problems or key_warnings:
        reading.problems.extend(key_problems)
        reading.warnings.extend(key_warnings)
    model = model_from_document(document, key or _UNTOLD, reading.problems, reading.warnings)
    return model if key is not None else None


def _other(document: LoadedDocument, kind: DocumentKind, reading: Reading) -> NamedDocument | None:
    """What a document of another kind than Model is read into."""
    _check_shape(document, kind.name, reading.problems)
    return kind.read(document, reading)


def _check_shape(document: LoadedDocument, kind: str, problems: ProblemList) -> None:
    problems.extend([problem for problem in shape_problems(document, kind) if not is_about_header(problem)])


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
    if not loaded.problems and not any(is_manifest(each) for each in loaded.documents if not is_settings(each)):
        # The folder may have moved. Taken for "nothing to do", that would keep a nightly check green for ever.
        loaded = _with_no_manifest(loaded, paths, allow_empty=allow_empty)
    return desired_from_loaded(loaded, settings, environ=environ, shard=shard, file_problems=_problems_of_files)


def _problems_of_files(probes: Iterable[Probe]) -> Iterable[Problem]:
    from reconciler.manifests.probe_files import problems_of_files

    return problems_of_files(probes)


def _skipped_here(skipped: Sequence[Skipped]) -> str:
    """What was skipped instead; a run that ends with this problem prints no warnings."""
    if not skipped:
        return ""
    more = f" and {len(skipped) - _LISTED} more" if skipped[_LISTED:] else ""
    shown = ", ".join(f"{item.path} ({item.reason})" for item in skipped[:_LISTED])
    return f"; skipped: {shown}{more}"


def _with_no_manifest(loaded: Loaded, paths: Sequence[str], *, allow_empty: bool) -> Loaded:
    kinds = sorted({each.value["kind"] for each in loaded.documents if not is_settings(each)})
    only = f", only documents of kind {listed(kinds)}" if kinds else ""
    problem = Problem(
        code="no-manifest",
        message=f"there is no manifest here{only}{_skipped_here(loaded.skipped)}.",
        origin=Origin(path=paths[0] if paths else "."),
        hint="Check the paths. If there are to be none, say --allow-empty.",
    )
    others = tuple(warning for warning in loaded.warnings if warning.code != "no-manifests")
    if allow_empty:
        return replace(loaded, warnings=(*others, replace(problem, hint=None)))
    return replace(loaded, problems=(problem,))


def desired_from_loaded(
    loaded: Loaded,
    settings: Settings,
    *,
    environ: Mapping[str, str],
    shard: Shard | None = None,
    file_problems: Callable[[Iterable[Probe]], Iterable[Problem]] = lambda probes: (),
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
        file_problems=file_problems,
    )
