"""Documents are the same whoever reads them: the flat reader, or the exact builder that takes over for odd ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
import yaml
from hypothesis import event, given, settings
from hypothesis import strategies as st

from reconciler.errors import Origin, Problem, ProblemList, ProblemsError
from reconciler.loading.document import LoadedDocument
from reconciler.loading.flat import FlatPositions
from reconciler.loading.load import Loaded
from reconciler.loading.nodes import JsonPath
from reconciler.loading.parse import documents_from_text
from reconciler.loading.scalars import PlainReadings
from reconciler.loading.tree import Builder, UnreadableError, source_of_events
from reconciler.manifests.validate import desired_from_documents
from reconciler.resources.desired import DesiredModel

FOLDERS: Final = (Path(__file__).parents[1] / "data" / "bad", Path(__file__).parents[2] / "examples" / "manifests")
TEXTS: Final = tuple(
    path.read_bytes().decode("utf-8", "replace") for folder in FOLDERS for path in sorted(folder.glob("*.yaml"))
)
BASES: Final = (
    *(text for text in TEXTS if len(text) < 5_000),
    "a: 1\nb:\n  - x: [1, 2.5, no]\n    'y z': \"quoted text\"  # a comment 7\n  - - deep\n    - ~\n",
    "{a: {b: c, d: [e, f]}, 'g': h-i, j: -1, k: x:y}\n",
    "# first line\n---\nkey: several words here\nother: 'it''s'\nurl: https://example.com/a-b\n",
    "list:\n- 2026-01-01\n- 12:30\n- .5\n- 1_000\n- a, b\nmore: plain text\n  on two lines\n",
    "? asked\n: answered\n? [a, b]\n: not: {}\nnone: []\nempty:\nlast: end\n",
    "cats\n",
    "%YAML 1.1\n%TAG ! tag:x,2000:\n--- !y\na: !<tag:yaml.org,2002:str> 1\n...\n# between\n--- !!map {a: !!str 2}\n",
    "base: &base {x: 1, y: [a, 2]}\nused: {<<: *base, y: 2}\nlist: [*base, &it no, *it]\nwhole: *base\n",
    "notes: |\n  first line ${var:x}\n\n  \tlast\nfolded: >-\n  one\n  two\n\n  three\nkept: |+\n  end\n\n",
    '"\\u00e9\\x24{var:x}": "\\0 \\ud83d"\n"": 1\n\'${y}\': "\\U0001F600"\n',
    "  indented: 1\n  more: 2\n...\n  again: [1,\n2]\n--- text\n--- |\n block\n---\n---\n- a\n",
    "a: ${var:x}\nb: '${env:Y}'\nc: $${z\n1: 2\nno: 3\n~: 4\n1.0: 20.0\n",
)
_PIECES: Final = (
    *" \n:-,[]{}#'\"?é\u3042.@`~|>&*!%$<\t\r\x85\u2028\ufeff\x7f", "\n", "\n  ", "---\n", "...\n", "&a ", "*a", "!!str ", "! ", "<<: *a\n", "${var:x}",
    "no", "012", "0.5", "1e3", "1.0e+3", "1_000", "2026-01-01", "0x1F", "9" * 20, "0o17", "20.0", "1e999", "a: 1\n", "- ", "\\ud800", "\\0",
    '"', "|\n", "? ", "[" * 30, "{a: " * 26, "=", "null",
)  # fmt: skip


@st.composite
def texts(draw: st.DrawFn) -> str:
    """One or more documents with characters and pieces of YAML put in, taken out or doubled at random."""
    rng = Random(draw(st.integers(0, 2**32)))
    text = draw(st.sampled_from(("---\n", "--- # next\n", "...\n"))).join(
        draw(st.lists(st.sampled_from(BASES), min_size=1, max_size=3))
    )
    for _ in range(draw(st.integers(0, 6))):
        begin = rng.randrange(len(text) + 1)
        end = begin + rng.randrange(4)
        text = text[:begin] + rng.choice((*_PIECES, text[begin:end] * 2)) + text[end:]
    return text


@settings(max_examples=600)
@given(texts())
def test_the_flat_reader_and_the_exact_builder_read_the_same(text: str) -> None:
    event(require_same(text))


@pytest.mark.parametrize("text", BASES)
def test_every_text_is_read_the_same(text: str) -> None:
    require_same(text)


def require_same(text: str) -> str:
    """Values with their types, the place of each, the texts as written, the problems: all as the exact builder has them.

    Gives a word on what was compared.
    """
    problems, exact_problems = ProblemList(), ProblemList()
    found = documents_from_text(text, "m.yaml", problems)
    if not found and [problem.code for problem in problems] == ["yaml-character"]:
        return "refused for a character"
    exact = list(exact_documents(text, exact_problems))
    assert [whole(document) for document in found] == [whole(document) for document in exact]
    assert list(map(facts, problems)) == list(map(facts, exact_problems))
    assert meaning(found) == meaning(exact)
    return f"{sum(isinstance(document.positions, FlatPositions) for document in found)} of {len(found)} flat"


def exact_documents(text: str, problems: ProblemList) -> Iterator[LoadedDocument]:
    """What the exact builder alone makes of a text."""
    source = source_of_events(text.removeprefix("\ufeff"))
    builder = Builder(source, "m.yaml", problems, readings=PlainReadings())
    try:
        source.get_event()
        while not source.check_event(yaml.StreamEndEvent):
            document = builder.document()
            if document is not None:
                yield document
    except UnreadableError:
        return
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        problems.add("yaml-syntax", "", Origin("m.yaml", mark.line + 1, mark.column + 1))


def facts(problem: Problem) -> Any:
    """A problem without the words about syntax, which `parse.py` puts in."""
    is_syntax = problem.code == "yaml-syntax"
    return replace(problem, message="", hint=None) if is_syntax else problem


def whole(document: LoadedDocument) -> Any:
    """Everything that can be asked of a document; types too, since 1 equals True and 1.0."""
    paths = list(paths_of(document.value, ()))
    positions = document.positions
    asked = [(positions.position(path), positions.raw(path)) for path in paths]
    keys = [positions.key_position(path) for path in paths if path]
    below = [positions.position((*path, name)) for path in paths for name in ("absent", 99)]
    return repr(document.value), document.has_references, asked, keys, below


def paths_of(value: Any, path: JsonPath) -> Iterator[JsonPath]:
    yield path
    if isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths_of(item, (*path, name))


def meaning(documents: list[LoadedDocument]) -> Any:
    """The models with all their places, and the warnings; or the problems."""
    loaded = Loaded(documents=tuple(documents), files=("m.yaml",))
    ids: dict[str, Any] = {"user_id": "u", "app_id": "a", "flag_user_id": None, "flag_app_id": None}
    try:
        found = desired_from_documents(loaded, **ids, variables={"x": [1, {"y": 20.0}]}, environ={"Y": "s"})
    except ProblemsError as error:
        return error.problems
    return [spelled(model) for model in found.desired.models], found.warnings


def spelled(model: DesiredModel) -> str:
    versions = tuple(replace(entry, origins=dict(entry.origins)) for entry in model.versions)
    places = (model.id_origin, *(entry.id_origin for entry in model.versions))
    ids = [None if place is None else place() for place in places]
    return repr((replace(model, origins=dict(model.origins), versions=versions), ids))
