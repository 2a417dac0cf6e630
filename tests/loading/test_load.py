from __future__ import annotations

import io
import math
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import Origin
from reconciler.loading.account import MAX_FILE_BYTES, Skipped
from reconciler.loading.load import Loaded, load
from reconciler.loading.scalars import read_plain
from reconciler.loading.tree import MAX_EXPANDED
from tests.loading.manifests import loaded_from
from tests.wording import Wording

SMALL = "kind: Model\n"


def codes(loaded: Loaded) -> list[tuple[str, str]]:
    """The code and the file of each problem."""
    return [(problem.code, problem.origin.path) for problem in loaded.problems]


def value_of(text: str) -> Any:
    (document,) = loaded_from(text).documents
    return document.value


def write(folder: Path, *names: str, text: str = SMALL) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


# --- which files are read -------------------------------------------------------------------------------------


def test_folders_are_searched_and_what_is_skipped_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "elsewhere", "far.yaml", "deep/far.yml")
    top = tmp_path / "top"
    write(top, "b.yaml", "a/c.yml", "a/b/d.yaml", "notes.txt", ".git/e.yaml", ".hidden.yaml", "odd.yaml.txt", ".env")
    (top / "out.yaml").symlink_to(tmp_path / "elsewhere" / "far.yaml")
    (top / "out").symlink_to(tmp_path / "elsewhere")
    (top / "readme").symlink_to(tmp_path / "elsewhere" / "far.yaml")
    (top / "loop").symlink_to(top)
    (top / "in.yaml").symlink_to("a/c.yml")
    os.mkfifo(top / "pipe.yaml")
    monkeypatch.chdir(tmp_path)
    loaded = load(["top/"])
    assert loaded.files == ("top/a/b/d.yaml", "top/a/c.yml", "top/b.yaml")
    assert loaded.skipped == (
        Skipped(path="top/.git", reason="hidden"),
        Skipped(path="top/.hidden.yaml", reason="hidden"),
        Skipped(path="top/loop", reason="a link to a folder that is read already"),
        Skipped(path="top/out", reason="a link that leaves the given folder", may_hide=True),
        Skipped(path="top/out.yaml", reason="a link that leaves the given folder", may_hide=True),
        Skipped(path="top/pipe.yaml", reason="not a regular file", may_hide=True),
    )
    assert loaded.problems == ()


def test_a_linked_folder_inside_the_given_one_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, ".shared/a.yaml", "real/b.yaml")
    (tmp_path / "again").symlink_to("real")
    (tmp_path / "shared").symlink_to(".shared")
    monkeypatch.chdir(tmp_path)
    loaded = load(["."])
    assert loaded.files == ("real/b.yaml", "shared/a.yaml")
    assert [item.path for item in loaded.skipped] == [".shared", "again"]


def test_paths_stay_as_given_and_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "m/a.yaml", "m/b.yaml", "m/plain-name")
    monkeypatch.chdir(tmp_path)
    given = ["m/a.yaml", "./m", "m", str(tmp_path / "m" / "b.yaml")]
    assert load(given).files == load(given[::-1]).files == ("./m/a.yaml", "./m/b.yaml")
    assert load(["m/plain-name"]).files == ("m/plain-name",)
    assert load([str(tmp_path / "m")]).files == (f"{tmp_path}/m/a.yaml", f"{tmp_path}/m/b.yaml")


def test_a_given_link_or_hidden_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, ".hidden/a.yaml", "real/b.yaml")
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    assert load([".hidden", "link"]).files == (".hidden/a.yaml", "link/b.yaml")


def test_missing_and_empty_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wording: Wording) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "comments.yaml", text="# nothing\n---\n...\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "dangling.yaml").symlink_to("nowhere")
    (tmp_path / "circle.yaml").symlink_to("circle.yaml")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "self.yaml").symlink_to("self.yaml")
    (tmp_path / "links" / "self").symlink_to("self")
    loaded = load(["gone", "empty", "", "comments.yaml", "dangling.yaml", "circle.yaml", "links", "gone/a", "a" * 300])
    assert codes(loaded) == [
        ("missing-path", "."),
        ("unreadable", "a" * 300),
        ("unreadable", "circle.yaml"),
        ("unreadable", "dangling.yaml"),
        ("missing-path", "gone"),
        ("missing-path", "gone/a"),
    ]
    assert [warning.origin.path for warning in loaded.warnings] == ["comments.yaml", "empty", "links"]
    assert [(item.path, item.may_hide) for item in loaded.skipped] == [
        ("comments.yaml", True),
        ("links/self", True),
        ("links/self.yaml", True),
    ]
    wording(*loaded.problems, *loaded.warnings)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path, "secret.yaml", "folder/a.yaml")
    (tmp_path / "secret.yaml").chmod(0)
    (tmp_path / "folder").chmod(0)
    try:
        paths = (f"{tmp_path}/folder", f"{tmp_path}/folder/a.yaml", f"{tmp_path}/secret.yaml")
        assert codes(load([str(tmp_path), paths[1]])) == [("unreadable", path) for path in paths]
    finally:
        (tmp_path / "folder").chmod(0o700)


def test_standard_input_is_text_or_bytes_and_a_given_pipe_is_read(tmp_path: Path) -> None:
    assert load(["-", "-"], stdin=io.StringIO(SMALL)).documents[0].value == {"kind": "Model"}
    loaded = load(["-"], stdin=io.BytesIO(SMALL.encode()))
    assert (loaded.files, loaded.documents[0].origin()) == (("-",), Origin(path="-"))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(SMALL,))
    writer.start()
    assert load([str(pipe)]).documents[0].value == {"kind": "Model"}
    writer.join()


class ShortReads(io.FileIO):
    """A file of a file system that returns a few bytes at a time, as those of a network may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 5)) or b""


def test_a_file_is_read_to_its_end_in_as_many_parts_as_that_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.yaml", text=f"{SMALL}name: x\n")
    monkeypatch.setattr("reconciler.loading.load.open", lambda name, *_, **__: ShortReads(name), raising=False)
    assert load([str(tmp_path / "a.yaml")]).documents[0].value == {"kind": "Model", "name": "x"}


def test_the_digest_is_over_contents_alone(tmp_path: Path) -> None:
    write(tmp_path, "a/1.yaml", "b/2.yaml", text="a: 1\n")
    write(tmp_path, "a/2.yaml", "b/1.yaml", text="b: 1\n")
    write(tmp_path, "c/1.yaml", text="a: 1\nb: 1\n")
    digests = [load([str(tmp_path / name)]).digest for name in "abc"]
    assert digests[0] == digests[1] != digests[2]
    assert len(digests[0]) == len("sha256:") + 64


# --- documents and places -------------------------------------------------------------------------------------


def test_every_value_and_key_has_its_place() -> None:
    text = "# comment\n---\na:\n  b: [1, {c: 'x'}]\n  ü: |\n    text\n---\n---\nd: 2\n"
    first, second = loaded_from(text).documents
    assert first.value == {"a": {"b": [1, {"c": "x"}], "ü": "text\n"}}
    places = {(): (3, 1), ("a",): (4, 3), ("a", "b", 1, "c"): (4, 14), ("a", "ü"): (5, 6), ("a", "b", 7): (4, 6)}
    for path, (line, column) in places.items():
        assert first.origin(path) == Origin(path="-", line=line, column=column), path
    assert first.key_origin(("a", "b", 1, "c")) == Origin(path="-", line=4, column=11)
    assert first.key_origin(("a", "b", 1)) == Origin(path="-", line=4, column=10)
    assert second.origin(("d",)) == Origin(path="-", line=9, column=4)


def test_documents_before_a_syntax_error_are_kept() -> None:
    loaded = loaded_from("a: 1\n---\nb: [\n")
    assert [document.value for document in loaded.documents] == [{"a": 1}]
    assert [problem.code for problem in loaded.problems] == ["yaml-syntax"]


def test_aliases_and_merge_keys() -> None:
    text = (
        "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\none: {<<: *x, b: 9}\ntwo: {<<: [*x, *y]}\nthree: {'<<': 5}\nfour: *x\n"
    )
    assert value_of(text) == {
        "x": {"a": 1, "b": 2},
        "y": {"b": 3, "c": 4},
        "one": {"a": 1, "b": 9},
        "two": {"a": 1, "b": 2, "c": 4},
        "three": {"<<": 5},
        "four": {"a": 1, "b": 2},
    }
    (document,) = loaded_from(text).documents
    assert document.origin(("one", "a")) == Origin(path="-", line=1, column=11)


def test_plain_tags_are_read_as_they_say() -> None:
    assert value_of(
        "[!!str 2026-01-01, !!str 012, !!int '5', !!float 1.5, !!bool 'no', !!null '', ! 12, !!map {}, =, 1e3]"
    ) == [
        "2026-01-01",
        "012",
        5,
        1.5,
        False,
        None,
        "12",
        {},
        "=",
        "1e3",
    ]
    assert [problem.code for problem in loaded_from("[!!int five, !!bool maybe, !!float '']").problems] == [
        "yaml-number"
    ] * 3


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter() -> None:
    loaded = loaded_from(b"\xef\xbb\xbfkind: Model\r\nspec:\r\n  name: x\r\n")
    assert loaded.documents[0].value == {"kind": "Model", "spec": {"name": "x"}}
    assert loaded.documents[0].origin(("spec", "name")) == Origin(path="-", line=3, column=9)


# --- hostile input --------------------------------------------------------------------------------------------

LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 200))
MERGED_LAUGHS = (
    "big: &big {" + ", ".join(f"k{n}: 1" for n in range(30_000)) + "}\nall:\n" + "  - <<: [" + "*big, " * 50_000 + "]\n"
)
DEEP_BY_ALIAS = "a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 30 + "*a" + "]" * 30


HOSTILE: dict[str, tuple[str | bytes, str, tuple[int, int]]] = {
    "deep list": ("a: " + "[" * 5000 + "]" * 5000, "yaml-too-deep", (1, 67)),
    "deep mapping": ("{a: " * 5000, "yaml-too-deep", (1, 257)),
    "deep block": ("- " * 5000 + "x", "yaml-too-deep", (1, 129)),
    "million brackets": ("[" * 1_000_000, "yaml-too-deep", (1, 65)),
    "deep by alias": (DEEP_BY_ALIAS, "yaml-too-deep", (2, 34)),
    "laughs": (LAUGHS, "yaml-too-large", (15, 18)),
    "merged laughs": (MERGED_LAUGHS, "yaml-too-large", (3, 28)),
    "circle": ("a: &a [*a]", "yaml-alias", (1, 8)),
    "tag": ("a: !!python/object/apply:os.system ['true']", "yaml-tag", (1, 4)),
    "million digits": ("a: " + "9" * 1_000_000, "yaml-number", (1, 4)),
    "long sexagesimal": ("a: " + ":".join(["59"] * 100_000), "yaml-number", (1, 4)),
    "not UTF-8": (b"a: \xff\xfe", "not-utf-8", (1, 4)),
    "surrogate": (b"\xed\xa0\x80", "not-utf-8", (1, 1)),
    "NUL": (b"a: b\n\x00\x00", "yaml-character", (2, 1)),
    "UTF-16": (b"\xfe\xff\x00a", "not-utf-8", (1, 1)),
    "too large": (b"x" * (MAX_FILE_BYTES + 1), "file-too-large", (1, 1)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_ends_with_a_problem(name: str, wording: Wording) -> None:
    text, code, place = HOSTILE[name]
    first, *_ = loaded_from(text).problems
    assert (first.code, first.origin) == (code, Origin("-", *place))
    wording(first)


def test_a_large_file_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(1024 * MAX_FILE_BYTES)
    assert codes(load([str(path)])) == [("file-too-large", str(path))]


def test_a_large_document_without_aliases_is_read() -> None:
    assert len(value_of("- x\n" * (MAX_EXPANDED + 10))) == MAX_EXPANDED + 10


def test_the_parser_in_python_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        "a: &x [1, no, {b: 2026-01-01}]\nc: *x\n",
        "a: {b: 1, b: 2}",
        "a: [",
        "a: !x 1",
        "a:\n\tb",
        '"\\ud800"',
        "- " * 99,
    ]
    with_libyaml = [loaded_from(text) for text in texts]
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    in_python = [loaded_from(text) for text in texts]
    assert [[document.value for document in loaded.documents] for loaded in with_libyaml[:2]] == [
        [document.value for document in loaded.documents] for loaded in in_python[:2]
    ]
    codes = [[(problem.code) for problem in loaded.problems] for loaded in with_libyaml]
    codes[5] = ["yaml-character"]  # libyaml calls a lone surrogate a syntax error
    assert [[(problem.code) for problem in loaded.problems] for loaded in in_python] == codes


# --- laws -----------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789abcdefx_+-.:noyesftrueNaInf~=<", max_size=12))
def test_plain_scalars_are_read_as_the_safe_loader_does(text: str) -> None:
    kind, value = read_plain(text)
    resolver: Any = yaml.SafeLoader("")
    node = yaml.ScalarNode(resolver.resolve(yaml.ScalarNode, text, (True, False)), text)
    try:
        expected = yaml.constructor.SafeConstructor().construct_document(node)
    except (yaml.YAMLError, ValueError, KeyError, IndexError):
        assert kind in {"number", "merge", "timestamp"} or text == "="
        return
    if kind in {"timestamp", "merge"}:
        return
    both_nan = isinstance(expected, float) and math.isnan(expected) and math.isnan(value)
    assert both_nan or (type(value), value) == (type(expected), expected)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: data.decode("latin-1")))
def test_any_text_ends_in_documents_or_problems(text: str) -> None:
    loaded = loaded_from(text)
    assert loaded.documents or loaded.problems or loaded.skipped
