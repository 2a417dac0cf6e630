"""A value of a document → the edits of its text: only its own bytes change, in every style in which YAML can be written."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import ProblemList
from reconciler.loading.layout import layouts
from reconciler.loading.parse import documents_from_text
from reconciler.loading.splice import NotEditableError, edited, edits, same


def spliced(text: str, *changes: tuple[tuple[str | int, ...], Any]) -> str:
    """The text of one document after changes, each a place and its value; `...` removes what is there."""
    (document,), (root,) = documents_from_text(text, "m.yaml", ProblemList()), layouts(text)
    after = copy.deepcopy(document.value)
    for place, value in changes:
        holder = after
        for step in place[:-1]:
            holder = holder[step]
        if value is ...:
            del holder[place[-1]]
        elif isinstance(holder, list) and place[-1] == len(holder):
            holder.append(value)
        else:
            holder[place[-1]] = value
    new = edited(text, edits(text, root, document.value, after))
    problems = ProblemList()
    (read,) = documents_from_text(new, "m.yaml", problems)
    assert not problems
    assert same(read.value, after), new
    return new


@pytest.mark.parametrize(
    ("text", "place", "value", "expected"),
    [
        # scalars keep their style, their comment and their blanks
        ("a: one   # why\nb: 2\n", ("a",), "two", "a: two   # why\nb: 2\n"),
        ("a:   'it''s'\n", ("a",), "he's", "a:   'he''s'\n"),
        ('a: "x\\ty" \n', ("a",), 'q"\n', 'a: "q\\"\\n" \n'),
        ("a: one\n", ("a",), "no", "a: 'no'\n"),
        ("a: one\n", ("a",), "x: y # z", "a: 'x: y # z'\n"),
        ("a: one\n", ("a",), "two\nlines", 'a: "two\\nlines"\n'),
        ("a: 0.50 # half\n", ("a",), 1e-07, "a: 1.0e-07 # half\n"),
        ("a: 1\n", ("a",), True, "a: true\n"),
        ("a:\nb: 1\n", ("a",), "x", "a: x\nb: 1\n"),
        ("a: x", ("a",), "y", "a: y"),
        ("a: two words\n  and more\nb: 1\n", ("a",), "x", "a: x\nb: 1\n"),
        # block scalars
        ("a: |  # note\n  one\n\n  two\nb: 1\n", ("a",), "three\n\nfour\n", "a: |  # note\n  three\n\n  four\nb: 1\n"),
        ("a: |-\n    one\n\n# c\nb: 1\n", ("a",), "x\ny", "a: |-\n    x\n    y\n\n# c\nb: 1\n"),
        ("a: >\n  one\n  two\nb: 1\n", ("a",), "x\ny\n", "a: |\n  x\n  y\nb: 1\n"),
        ("a: |2\n    one\nb: 1\n", ("a",), " led", "a: ' led'\nb: 1\n"),
        ("a: |\r\n  one\r\n  two\r\nb: 1\r\n", ("a",), "x\ny\n", "a: |\r\n  x\r\n  y\r\nb: 1\r\n"),
        # lists in brackets
        ("a: [x, y , 'z']  # c\n", ("a", 1), ..., "a: [x, 'z']  # c\n"),
        ("a: [x, y , 'z']\n", ("a", 2), ..., "a: [x, y]\n"),
        ("a: [x,y,]\n", ("a", 1), ..., "a: [x,]\n"),
        ("a: [x, y]\n", ("a", 2), "z w", "a: [x, y, z w]\n"),
        ("a: [\n  x, # first\n  y, # second\n  z\n]\n", ("a", 1), ..., "a: [\n  x, # first\n  z\n]\n"),
        ("a: [\n  x, # first\n  y # second\n]\n", ("a", 1), ..., "a: [\n  x, # first\n]\n"),
        ("a: [x, y]\n", ("a",), [], "a: []\n"),
        ("a: []\n", ("a",), ["x", "1"], "a: [x, '1']\n"),
        # lists with dashes
        ("a:\n  - x   # first\n  # above y\n  - y\nb: 1\n", ("a", 0), ..., "a:\n  # above y\n  - y\nb: 1\n"),
        ("a:\n- x\n- y\nb: 1\n", ("a", 1), ..., "a:\n- x\nb: 1\n"),
        ("a:\n- x\n- y", ("a", 1), ..., "a:\n- x"),
        ("a:\n- x\n- y", ("a", 2), "z", "a:\n- x\n- y\n- z"),
        ("a:\n- x # c\n\nb: 1\n", ("a", 1), "z", "a:\n- x # c\n- z\n\nb: 1\n"),
        ("a:\n  - x\nb: 1\n", ("a",), [], "a: []\nb: 1\n"),
        ("a:\r\n  - x\r\n  - y\r\n", ("a", 0), ..., "a:\r\n  - y\r\n"),
        # mappings
        ("a: 1\nb: 2 # two\nc: 3\n", ("b",), ..., "a: 1\nc: 3\n"),
        ("a: {x: 1, y: 2}\n", ("a", "x"), ..., "a: {y: 2}\n"),
        ("a: {x: 1, y: 2}\n", ("a", "z"), {"p": [1]}, "a: {x: 1, y: 2, z: {p: [1]}}\n"),
        ("a:\n  x: 1 # c\nb: 2\n", ("a", "y"), "v", "a:\n  x: 1 # c\n  y: v\nb: 2\n"),
        ("- x: 1\n  y: 2\n", (0, "x"), ..., "- y: 2\n"),
        ("a:\n  x:\n    p: 1\n    q: 2\n  y: 2\n", ("a", "x"), ..., "a:\n  y: 2\n"),
        ("a:\n  x: 1\nb: 2\n", ("a",), 5, "a: 5\nb: 2\n"),
        ("a: 1\t# tab\nb: 2\n", ("b",), 3, "a: 1\t# tab\nb: 3\n"),
        ("'quoted key': 1\nb: 2\n", ("quoted key",), ..., "b: 2\n"),
        ("a: 1 # \u00e4\U0001f436\nb: \u00fc\n", ("b",), "\U0001f436", "a: 1 # \u00e4\U0001f436\nb: \U0001f436\n"),
        # anchors that nothing uses
        ("a: &x one # c\nb: 1\n", ("a",), "two", "a: &x two # c\nb: 1\n"),
        ("a: &x\n  n: |\n    one\n  m: 1\n", ("a", "n"), "two\n", "a: &x\n  n: |\n    two\n  m: 1\n"),
        ("a: &x\n  n: 1\n", ("a", "m"), 2, "a: &x\n  n: 1\n  m: 2\n"),
        ("a: &x [p, q]\n", ("a", 0), ..., "a: &x [q]\n"),
        ("%YAML 1.1\n---\na: 1\n...\n", ("a",), 2, "%YAML 1.1\n---\na: 2\n...\n"),
    ],
)  # fmt: skip
def test_only_the_bytes_of_the_value_change(text: str, place: tuple[str | int, ...], value: Any, expected: str) -> None:
    assert spliced(text, (place, value)) == expected


def test_several_edits_of_one_document_are_made_at_once() -> None:
    text = "a: [v, w, x, y, z]\nb: {p: 1, q: 2, r: 3} # c\nc:\n- 1\n- 2\n- 3\n"
    new = spliced(text, (("a",), ["w", "z2", "n"]), (("b",), {"q": 5, "s": 6}), (("c",), [0, 2, 3, 4]))
    assert new == "a: [w, z2, n]\nb: {q: 5, s: 6} # c\nc:\n- 0\n- 2\n- 3\n- 4\n"


@pytest.mark.parametrize(
    ("text", "place", "value"),
    [
        ("a: &x 1\nb: *x\n", ("a",), 2),
        ("a: &x 1\nb: *x\n", ("b",), 2),
        ("a: &x {k: 1}\nb:\n  <<: *x\n  m: 2\n", ("b", "k"), 2),
        ("a: &x {k: 1}\nb: *x\n", ("a", "k"), 2),
    ],
)
def test_what_is_shared_is_not_edited(text: str, place: tuple[str | int, ...], value: Any) -> None:
    with pytest.raises(NotEditableError):
        spliced(text, (place, value))


# --- laws ---------------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029\ufeff", exclude_categories=["Cs", "Cc"]), max_size=8)  # fmt: skip
SCALARS = st.one_of(
    WORDS,
    st.sampled_from(["no", "012", "a: b", "- x", "# y", "two\nlines", "end\n", " led", "1e3", "~", "${x", "{", "'"]),
    st.integers(-9, 9),
    st.booleans(),
    st.sampled_from([0.5, 1e-07, 1e22, -2.5]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["k", "l", "m n", "o:p"]), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
DOCUMENTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, min_size=1, max_size=3)


@given(before=DOCUMENTS, after=DOCUMENTS, is_flow=st.sampled_from([None, True, False]), style=st.sampled_from([None, '"', "|", ">"]), newline=st.sampled_from(["\n", "\r\n"]))  # fmt: skip
def test_an_edited_text_reads_as_wanted_or_is_refused(
    before: dict[str, Any], after: dict[str, Any], is_flow: bool | None, style: str | None, newline: str
) -> None:
    text = yaml.safe_dump(before, default_flow_style=is_flow, default_style=style, allow_unicode=True)
    problems = ProblemList()
    documents = documents_from_text(text.replace("\n", newline), "m.yaml", problems)
    if problems or len(documents) != 1 or not same(documents[0].value, before):
        return  # not every text that PyYAML writes is read back as it was
    text = text.replace("\n", newline)
    try:
        found = edits(text, layouts(text)[0], before, after)
    except NotEditableError:
        return
    new = edited(text, found)
    (read,) = documents_from_text(new, "m.yaml", problems)
    assert not problems, new
    assert same(read.value, after), (text, new)


@given(value=VALUES)
def test_no_edit_is_made_where_nothing_differs(value: Any) -> None:
    text = yaml.safe_dump({"a": value}, allow_unicode=True)
    assert edits(text, layouts(text)[0], {"a": value}, copy.deepcopy({"a": value})) == []
