"""Live models as manifests: what is stated, what is left out, and how it is written."""

from __future__ import annotations

import io
from typing import Any

import pytest

from reconciler.apply.export import Manifest, NotExportableError, manifest_from_model
from reconciler.loading.load import load
from reconciler.resources.keys import Key
from reconciler.resources.observed import ObservedModel, ObservedVersion
from reconciler.resources.secrets import Secrets
from tests.wording import Wording

KEY = Key(user_id="me", app_id="pets", model_id="petsID")
VERSION = KEY.version("b" * 32)


def exported(document: dict[str, Any], *versions: ObservedVersion, secrets: Secrets | None = None) -> Manifest:
    return manifest_from_model(ObservedModel(key=KEY, document=document), versions, secrets=secrets or Secrets())


def version(document: dict[str, Any], version_id: str = "b" * 32) -> ObservedVersion:
    return ObservedVersion(key=KEY.version(version_id), document=document)


def spec(document: dict[str, Any]) -> Any:
    return exported(document).document["spec"]


def test_a_whole_model_in_the_order_of_the_documented_manifest() -> None:
    document = {
        "id": "petsID",
        "name": "Pets",
        "description": "Cats & dogs",
        "notes": "# Training\n\n- the March set\n",
        "visibility": {"gettable": "ORG"},
        "toolkits": ["OpenAI", "Clarifai", "OpenAI"],
        "use_cases": ["image-classification"],
        "languages": ["no"],
        "image": {"url": "https://data.clarifai.com/a", "hosted": {"prefix": "https://data.clarifai.com"}},
        "metadata": {
            "tiers": {"gold": 3, "b": []},
            "owner": "Ünal → 東京",
            "reconciler": {"owner": "x", "protect": True},
        },
        "presets": {},
        "created_at": "2024-01-01T00:00:00Z",
        "star_count": 3,
    }
    latest = {
        "id": "b" * 32,
        "description": "yes",
        "license": "CC-BY-4.0",
        "visibility": {"gettable": "PRIVATE"},
        "metadata": {},
        "output_info": {
            "params": {"min_value": 0.95, "api_key": "k-1", "big": 1e300},
            "data": {"concepts": [{"id": "cat"}]},
            "output_config": {"max_concepts": 5},
        },
    }
    secrets = Secrets(params_of=lambda key: frozenset({"api_key", "absent"}))
    manifest = exported(document, version(latest), version({}, "a" * 32), secrets=secrets)
    assert manifest.text(schema="s.json") == (
        "# yaml-language-server: $schema=s.json\n"
        f"# left out: me/pets/petsID@{'b' * 32} output_info.params.api_key: a secret, (sensitive)\n"
        "apiVersion: reconciler/v1\n"
        "kind: Model\n"
        "metadata:\n"
        "  id: petsID\n"
        "  user_id: me\n"
        "  app_id: pets\n"
        "spec:\n"
        "  action: merge\n"
        "  name: Pets\n"
        "  description: Cats & dogs\n"
        "  notes: |\n"
        "    # Training\n"
        "\n"
        "    - the March set\n"
        "  visibility: ORG\n"
        "  toolkits:\n"
        "    - OpenAI\n"
        "    - Clarifai\n"
        "  use_cases:\n"
        "    - image-classification\n"
        "  languages:\n"
        "    - 'no'\n"
        "  image:\n"
        "    url: https://data.clarifai.com/a\n"
        "  metadata:\n"
        "    owner: Ünal → 東京\n"
        "    tiers:\n"
        "      b: []\n"
        "      gold: 3\n"
        "  protect: true\n"
        "  versions:\n"
        f"    - id: {'b' * 32}\n"
        "      description: 'yes'\n"
        "      license: CC-BY-4.0\n"
        "      visibility: PRIVATE\n"
        "      output_info:\n"
        "        params:\n"
        "          big: 1.0e+300\n"
        "          min_value: 0.95\n"
        f"    - id: {'a' * 32}\n"
    )


def test_a_model_with_nothing_set_is_only_named() -> None:
    assert exported({"metadata": {}, "toolkits": [], "description": ""}).document == {
        "apiVersion": "reconciler/v1",
        "kind": "Model",
        "metadata": {"id": "petsID", "user_id": "me", "app_id": "pets"},
        "spec": {"action": "merge"},
    }


@pytest.mark.parametrize(
    ("metadata", "stated"),
    [
        ({"reconciler": {"owner": "x", "protect": False}}, {}),
        ({"reconciler": {"owner": "x", "protect": "yes"}}, {}),
        ({"reconciler": "someone's own text", "a": 1}, {"metadata": {"a": 1}}),
        ({"inner": {"reconciler": 1}}, {"metadata": {"inner": {"reconciler": 1}}}),
    ],
)
def test_the_owner_mark_is_never_stated(metadata: dict[str, Any], stated: dict[str, Any]) -> None:
    assert spec({"metadata": metadata}) == {"action": "merge", **stated}


def test_a_key_like_the_owner_mark_in_a_version_is_data() -> None:
    manifest = exported({}, version({"metadata": {"reconciler": {"owner": "x", "protect": True}}}))
    assert manifest.document["spec"] == {
        "action": "merge",
        "versions": [{"id": "b" * 32, "metadata": {"reconciler": {"owner": "x", "protect": True}}}],
    }


@pytest.mark.parametrize(
    ("live", "written"),
    [
        ("${var:threshold}", "$${var:threshold}"),
        ("${env:HOME}", "$${env:HOME}"),
        ("${a:b}", "$${a:b}"),
        ("at ${var:x} or so", "at $${var:x} or so"),
        ("$${", "$$${"),
        ("${HOME}", "${HOME}"),
        ("costs $5", "costs $5"),
    ],
)
def test_a_text_that_looks_like_a_reference_is_escaped(live: str, written: str) -> None:
    assert spec({"name": live, "metadata": {live: [live]}}) == {
        "action": "merge",
        "name": written,
        "metadata": {live: [written]},
    }


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("document", "stated", "left_out"),
    [
        ({"name": "a\x00b"}, {}, ["name"]),
        ({"description": "\ud83d"}, {}, ["description"]),
        ({"notes": "ä" * 32769}, {}, ["notes"]),
        ({"visibility": {"gettable": 40}}, {}, ["visibility"]),
        ({"toolkits": ["a", "b\x00", "c"]}, {"toolkits": ["a", "c"]}, ["toolkits.b\x00"]),
        ({"languages": ["", "en"]}, {"languages": ["en"]}, ["languages"]),
        (
            {"metadata": {"": 1, "a": {"": 1, "b": 2}, "c": {"": 1}}},
            {"metadata": {"a": {"b": 2}}},
            ["metadata.", "metadata.a.", "metadata.c."],
        ),
        ({"metadata": {"a": [1, {"b": "\x00"}], "d": 4}}, {"metadata": {"d": 4}}, ["metadata.a"]),
        ({"metadata": nested(33)}, {"metadata": nested(33)}, []),
        ({"metadata": nested(34)}, {}, [f"metadata.{'.'.join('a' * 32)}"]),
    ],
    ids=["NUL", "surrogate", "too long", "visibility", "tag", "empty tag", "empty keys", "inside", "deep", "too deep"],
)
def test_what_a_manifest_cannot_hold_is_left_out_and_listed(
    document: dict[str, Any], stated: dict[str, Any], left_out: list[str], wording: Wording
) -> None:
    manifest = exported(document)
    assert manifest.document["spec"] == {"action": "merge", **stated}
    assert [".".join(item.path) for item in manifest.left_out] == left_out
    wording(*(item.reason for item in manifest.left_out))


def test_the_depth_is_counted_from_the_struct() -> None:
    fits, too_deep = version({"output_info": {"params": nested(33)}}), version({"output_info": {"params": nested(34)}})
    assert exported({}, fits).left_out == ()
    assert [item.path for item in exported({}, too_deep).left_out] == [("output_info", "params", *"a" * 32)]


def test_a_version_whose_id_no_manifest_takes_is_left_out(wording: Wording) -> None:
    manifest = exported({}, version({"description": "x"}, "v1"), version({}, "a" * 32))
    assert [(item.key, item.path) for item in manifest.left_out] == [(KEY.version("v1"), ())]
    wording(*(item.reason for item in manifest.left_out))
    assert manifest.document["spec"]["versions"] == [{"id": "a" * 32}]


@pytest.mark.parametrize("ids", ["me/pets/a b", "me/pets/..", "/pets/a", "me/a%2Fb/a"])
def test_a_model_whose_ids_no_manifest_takes_has_none(ids: str, wording: Wording) -> None:
    user_id, app_id, model_id = (name.replace("%2F", "/") for name in ids.split("/"))
    key = Key(user_id=user_id, app_id=app_id, model_id=model_id)
    with pytest.raises(NotExportableError) as raised:
        manifest_from_model(ObservedModel(key=key, document={}), (), secrets=Secrets())
    wording(raised.value)


TEXTS = (
    *["no", "off", "y", "~", "null", "012", "1_000", "12:30", "0x1F", "0o17", "1e3", "1.0", "-1", "+.5", ".inf", ".nan", "2026-01-01", "=", "<<", "*a", "&a", "!a", "%a", "@a", "`a"],
    *("- a", "a: b", "a #b", "# a", "---", "...", "?", "|", ">", "'", '"', "\\", "\\x41", 'it\'s "so"', "{a}", "[a]", "a, b"),
    *("", " ", " a", "a ", "\n", "\na", "a\n", "a\n\n", "a\n ", " a\nb", "a\r\nb", "a\rb", "a\tb", "\ta\nb", "a\n---\nb"),
    *("\x07", "\x1b[31mred", "\x7f", "\x85", "a\x85b", "\u2028", "a\u2029b\nc", "\ufeffa", "\ufffe", "\u202eabc", "\U000e0041"),
    *("東京", "😀", "👩\u200d👧", "نامه\u200cای", "x" * 300),
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_a_text_is_read_back_as_it_was_without_a_warning(text: str) -> None:
    metadata = {"as value": text, "in list": [text, {"a": text}], **({text: 1} if text else {})}
    manifest = exported({"metadata": metadata})
    written = manifest.text()
    read = load(["-"], stdin=io.BytesIO(written.encode()))
    assert (read.problems, read.warnings) == ((), ())
    assert [document.value for document in read.documents] == [manifest.document]
    assert not any(letter in written for letter in "\x07\x1b\x7f\x85\r\u2028\u2029\ufeff\ufffe\u202e\U000e0041")
    assert ("\t" in written) is (text == "\ta\nb"), "a tab stands in literal blocks alone"


def test_a_comment_stays_on_its_line() -> None:
    manifest = exported({"metadata": {"a\nkind: Evil\u202e": "\x00"}})
    assert manifest.text().splitlines()[:2] == [
        "# left out: me/pets/petsID metadata.a\\nkind: Evil\\u202E: it contains a NUL character",
        "apiVersion: reconciler/v1",
    ]


def test_equal_parts_are_written_out_each_time() -> None:
    shared = {"a": [1]}
    assert "&" not in exported({"metadata": {"x": shared, "y": shared}}).text()
