"""The kinds of documents that a PATH may hold, and what each is read into.

To add a kind: its JSON Schema in `loading/schema.py` FILES, a type in `resources/` with `name` and `origin`, a field of `Desired`
for the tuple of them, a reader, and a line in KINDS. Everything else (headers, references, the schema's judgement, names
that are used twice, base revisions, `reconciler schema KIND`) follows from the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from reconciler.errors import Origin, Problem
from reconciler.loading.document import LoadedDocument
from reconciler.loading.nodes import JsonPath
from reconciler.manifests.defaults import defaults_from_document, is_shown_in_defaults
from reconciler.manifests.interpolate import is_plain_setting
from reconciler.manifests.reading import Reading
from reconciler.resources.wording import quoted


class NamedDocument(Protocol):
    """What a document of another kind than Model is read into."""

    @property
    def name(self) -> str:
        """`metadata.name`, unique among the documents of the kind."""

    @property
    def origin(self) -> Origin:
        """The place of the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentKind:
    """One kind of document, by its `kind`, which also names its JSON Schema.

    `field` is the field of Desired that holds what `read` returns (None where the document is too wrong to be anything), in the
    order of files and lines. `between` yields the problems between all documents of the kind. `is_shown` says whether plans
    must show the value at a path, so that it can't come from `${env:NAME}`. `is_manifest`: documents of this kind alone are
    enough for a run to be about something.
    """

    name: str
    field: str
    read: Callable[[LoadedDocument, Reading], NamedDocument | None]
    between: Callable[[Sequence[Any]], Iterator[Problem]] = lambda documents: iter(())
    is_shown: Callable[[JsonPath], bool] = is_plain_setting
    is_manifest: bool = False


def _policy(document: LoadedDocument, _reading: Reading) -> NamedDocument | None:
    from reconciler.manifests.policies import policy_from_document

    return policy_from_document(document)


def _problems_of_rules(documents: Sequence[Any]) -> Iterator[Problem]:
    from reconciler.manifests.policies import problems_of_rules

    return problems_of_rules(documents)


def _probe(document: LoadedDocument, reading: Reading) -> NamedDocument | None:
    from reconciler.manifests.probes import probe_from_document

    return probe_from_document(document, reading)


MODEL: Final = "Model"
"""The kind that is read into a DesiredModel, by `entries.py`: it has a key in place of a name."""

KINDS: Final[Mapping[str, DocumentKind]] = {
    kind.name: kind
    for kind in (
        DocumentKind(
            name="ModelDefaults",
            field="defaults",
            read=defaults_from_document,
            is_shown=is_shown_in_defaults,
            is_manifest=True,
        ),
        DocumentKind(
            name="Policy",
            field="policies",
            read=_policy,
            between=_problems_of_rules,
            is_shown=lambda path: True,
        ),
        DocumentKind(name="Probe", field="probes", read=_probe, is_shown=lambda path: True),
    )
}
"""Every kind but Model."""

NAMES: Final = (MODEL, *KINDS)


def is_manifest(document: LoadedDocument) -> bool:
    """Whether a run over this document alone is about something. A document of no known kind is: it has a problem."""
    kind = document.value.get("kind") if isinstance(document.value, dict) else None
    return not isinstance(kind, str) or kind not in KINDS or KINDS[kind].is_manifest


def is_shown(document: LoadedDocument) -> Callable[[JsonPath], bool]:
    """Which paths of a document plans must show, by its kind."""
    kind = document.value.get("kind") if isinstance(document.value, dict) else None
    return KINDS[kind].is_shown if isinstance(kind, str) and kind in KINDS else is_plain_setting


def problems_between(kind: DocumentKind, documents: Sequence[NamedDocument]) -> Iterator[Problem]:
    """The problems between all documents of one kind: names that are used twice, and what the kind itself rules."""
    first: dict[str, Origin] = {}
    for document in documents:
        there = first.setdefault(document.name, document.origin)
        if there != document.origin:
            yield Problem(
                code="duplicate-name",
                message=f"the {kind.name} {quoted(document.name)} is already stated in {there}.",
                origin=document.origin,
                pointer="/metadata/name",
                hint="Give each document a name of its own.",
            )
    if documents:
        yield from kind.between(documents)
