"""What is told from a document's form is what the parser and the validation say, in everything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any, Final

import yaml
from hypothesis import event, given, settings
from hypothesis import strategies as st

from reconciler.errors import ProblemList, ProblemsError
from reconciler.loading.document import LoadedDocument
from reconciler.loading.known_forms import KnownForms
from reconciler.loading.load import Loaded
from reconciler.loading.nodes import Node
from reconciler.loading.scalars import PlainReadings
from reconciler.loading.tree import Builder, UnreadableError, source_of_events
from reconciler.manifests.validate import desired_from_documents
from reconciler.resources.desired import DesiredModel

_BASES: Final = (
    "apiVersion: reconciler/v1\nkind: Model\nmetadata: {id: cats, user_id: me, app_id: pets}\nspec:\n  name: Cats 1\n",
    "a: 1\nb:\n  - x: [1, 2.5, no]\n    'y z': \"quoted text\"  # a comment 7\n  - - deep\n    - ~\n",
    "{a: {b: c, d: [e, f]}, 'g': h-i, j: -1, k: x:y}\n",
    "# first line\n---\nkey: several words here\nother: 'it''s'\nurl: https://example.com/a-b\n",
    "list:\n- 2026-01-01\n- 12:30\n- .5\n- 1_000\n- a, b\nmore: plain text\n  on two lines\n",
    "? asked\n: answered\nnot: {}\nnone: []\nempty:\nlast: end\n",
    "cats\n",
    "[a, b c, (v1), 1.5, x:y, https://example.com/a.png, 'q r', -1, 2, 3, d, e, f]\n",
    '{"id": "a-b (c)", "list": [{"id": "x", "value": 1}, {"id": "y", "value": 2}, {"id": "z", "value": -3}], "to": "e"}\n',
    "name: Cats (v1), the second\nimage: {url: https://example.com/cats.png?w=1}\nat: 10:20:30\nnegative: -0.5\n",
)
_WORDS: Final = (
    "a", "cats", "dogs and cats", "no", "off", "null", "012", "0.5", "1e3", "1.0e+3", "1_000", "2026-01-01", "0x1F", "9" * 20,
    "reconciler/v1", "v", "Model", "a.b-c/d+e", "0o17", "e" * 40, "true", "x y z 1", "1e999", "4_", "a-", "b0" * 16, "12.", "merge", "Null",
)  # fmt: skip
_RUN: Final = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_./+-]*(?: [0-9A-Za-z_][0-9A-Za-z_./+-]*)*")
_EDITS: Final = " \n:-,[]{}#'\"?é\u3042.@`~"


@st.composite
def streams(draw: st.DrawFn) -> str:
    """Several documents with the same punctuation around words that differ here and there."""
    rng = Random(draw(st.integers(0, 2**32)))
    base = draw(st.sampled_from(_BASES))
    for _ in range(draw(st.integers(0, 3))):
        place = rng.randrange(len(base) + 1)
        base = base[:place] + rng.choice(_EDITS) * rng.randrange(2) + base[place + rng.randrange(2) :]
    documents = [_refilled(base, rng, draw(st.sampled_from((0.0, 0.1, 0.5)))) for _ in range(draw(st.integers(2, 6)))]
    return draw(st.sampled_from(("---\n", "--- # next\n", "---\n\n"))).join(documents)


def _refilled(text: str, rng: Random, share: float) -> str:
    return _RUN.sub(lambda run: rng.choice(_WORDS) if rng.random() < share else run[0], text)


@settings(max_examples=400)
@given(st.lists(streams(), min_size=1, max_size=2))
def test_documents_of_a_known_form_are_what_the_parser_makes_of_them(texts: list[str]) -> None:
    forms = KnownForms()
    for text in texts:
        known = forms.documents(text, "m.yaml")
        if known is None:
            event("left to the parser")
            continue
        event("filled" if any(document.filled for document in known) else "parsed part by part")
        assert [_whole(document.root) for document in known] == [_whole(document.root) for document in _parsed(text)]
        assert [document.start() for document in known] == [document.origin() for document in _parsed(text)]
        assert [document.has_references for document in known] == [False] * len(known)


def test_most_documents_of_a_fleet_are_told_from_their_form() -> None:
    text = "---\n".join(_BASES[0].replace("cats", f"cats-{number}") for number in range(10))
    documents = KnownForms().documents(text, "m.yaml")
    assert documents is not None
    assert [document.filled is not None for document in documents] == [False, False] + [True] * 8


def _parsed(text: str) -> list[LoadedDocument]:
    """What the parser alone makes of a text that has no problem."""
    problems = ProblemList()
    builder = Builder(source_of_events(text), "m.yaml", problems, readings=PlainReadings())
    try:
        documents = list(builder.documents())
    except (UnreadableError, yaml.YAMLError) as error:
        raise AssertionError(f"the parser refuses what the form took: {error!r}") from error
    assert not list(problems)
    return documents


def _whole(node: Node) -> Any:
    """Everything about a node; types too, since 1 equals True and 1.0."""
    children: Any = node.children
    if isinstance(children, dict):
        children = [(name, _whole(child)) for name, child in children.items()]
    elif isinstance(children, list):
        children = [_whole(child) for child in children]
    return repr(node.value), node.line, node.column, node.raw, children, node.keys, node.size, node.height, node.is_open


_MANIFESTS: Final = (
    """apiVersion: reconciler/v1
kind: Model
metadata: {id: ID, user_id: me, app_id: pets, labels: {team: vision}}
spec:
  name: Cats 1
  notes: some notes
  toolkits: [OpenAI, HuggingFace]
  metadata: {owner: vision, tier: {gold: 1}}
  remove: {metadata: [legacy], languages: [en]}
  versions:
    - {id: b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0, license: MIT, output_info: {params: {min_value: 0.5, tags: [a, 1]}}}
    - id: c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0
      metadata: {a: true}
      remove: {params: [top_k]}
    - select: latest
      action: overwrite
      description: threshold
      visibility: PRIVATE
""",
    """apiVersion: reconciler/v1
kind: Model
metadata:
  id: 'ID'
spec:
  action: overwrite
  description: "a b"
  visibility: ORG
  protect: true
  retain_versions: 3
  image: {url: "https://example.com/cats.png"}
  metadata:
    n: 20.0
    minus: -1
    when: soon (or later)
""",
    """{apiVersion: reconciler/v1, kind: Model, metadata: {id: ID}, spec: {metadata: {a: 1, b: x, c: {d: [1, 2], e: y}, f: z},
 versions: [{id: b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0, description: one}, {id: c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0, license: MIT}]}}
""",
    """apiVersion: reconciler/v1
kind: Model
metadata: {id: ID}
spec:
  use_cases: [x]
  versions:
    - select: all
      output_info: {params: {top_k: 3, deep: {er: text}}}
      expect: {concepts: [a, b]}
""",
)
_IDS: Final = ("cats", "m1", "m2", "a--b", "x.y", "1", "null", "a/b", "e" * 300)


_VALUE: Final = re.compile(_RUN.pattern + r"(?!\s*:| ?[0-9A-Za-z_./+-])")


@st.composite
def fleets(draw: st.DrawFn) -> list[str]:
    """The texts of files that fill in one or two manifests many times, mostly in a way that is right."""
    rng = Random(draw(st.integers(0, 2**32)))
    share = draw(st.sampled_from((0.0, 0.02, 0.1)))
    files: list[str] = []
    for _ in range(draw(st.integers(1, 2))):
        base = draw(st.sampled_from(_MANIFESTS))
        documents = []
        for number in range(draw(st.integers(2, 6))):
            text = _VALUE.sub(lambda run: rng.choice(_WORDS) if rng.random() < share else run[0], base)
            text = _RUN.sub(lambda run: rng.choice(_WORDS) if rng.random() < 0.002 else run[0], text)
            unusual = rng.choice(_IDS) if rng.random() < 0.1 else f"model-{len(files)}-{10**number}"
            documents.append(text.replace("ID", unusual, 1))
        files.append("---\n".join(documents))
    return files


@settings(max_examples=300)
@given(fleets())
def test_twins_mean_what_validating_each_of_them_says(files: list[str]) -> None:
    by_form, by_parser = ProblemList(), ProblemList()
    forms = KnownForms()
    told = [document for index, text in enumerate(files) for document in _told(text, f"{index}.yaml", forms, by_form)]
    plain = [document for index, text in enumerate(files) for document in _told(text, f"{index}.yaml", None, by_parser)]
    assert list(by_form) == list(by_parser)
    assert _meaning(told) == _meaning(plain)


def _told(text: str, path: str, forms: KnownForms | None, problems: ProblemList) -> list[LoadedDocument]:
    known = None if forms is None else forms.documents(text, path)
    if known is not None:
        event("twins" if any(document.filled for document in known) else "none")
        return known
    return list(Builder(source_of_events(text), path, problems, readings=PlainReadings()).documents())


def _meaning(documents: list[LoadedDocument]) -> Any:
    """The models with all their places, and the warnings; or the problems."""
    loaded = Loaded(documents=tuple(documents), files=("0.yaml", "1.yaml"))
    try:
        found = desired_from_documents(
            loaded, user_id="u", app_id="a", flag_user_id=None, flag_app_id=None, variables={}, environ={}
        )
    except ProblemsError as error:
        event("problems")
        return error.problems
    event("models")
    return [_spelled(model) for model in found.desired.models], found.warnings


def _spelled(model: DesiredModel) -> Any:
    versions = tuple(replace(entry, origins=_dict(entry.origins)) for entry in model.versions)
    return repr(replace(model, origins=_dict(model.origins), versions=versions))


def _dict(origins: Mapping[Any, Any]) -> dict[Any, Any]:
    return dict(origins)
