"""Live models → manifests that `apply` accepts, and their YAML.

In: models as observed. Out: documents in the manifest form that state every managed field with a value, and nothing
else: no owner mark (its `protect` becomes spec.protect), no empty value (which could not be sent), no secret. What is
read back from the text and planned against the same live side changes nothing.

Every manifest says `action: merge`. Under `overwrite` the round trip would hold only by luck: a secret param is left
out here, so an overwrite of `params` would delete it, and each key that the service or a person adds later would be
drift that the next apply takes away. Who wants a field exactly so can write `overwrite` over a file that was reviewed.

What a manifest can't hold (a NUL character, an empty key, a text over its limit) is left out and named; under `merge`
what isn't stated isn't touched. Only a model whose own ids can't be written has no manifest at all.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from reconciler.errors import ReconcilerError
from reconciler.loading.scalars import may_surprise
from reconciler.manifests.entries import MAX_NOTES_BYTES
from reconciler.manifests.interpolate import escaped
from reconciler.manifests.structs import MAX_STRUCT_DEPTH
from reconciler.plan.guards import owner_mark
from reconciler.resources.canonical import spec_from_document
from reconciler.resources.fields import KINDS, MARK_KEY, FieldSpec, Shape
from reconciler.resources.ids import id_problem, version_id_problem
from reconciler.resources.keys import Key
from reconciler.resources.observed import Document, ObservedModel, ObservedVersion
from reconciler.resources.secrets import SENSITIVE_TEXT, Secrets, Sensitive
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_text
from reconciler.resources.wording import quoted

_VISIBILITIES: Final = ("PRIVATE", "ORG", "PUBLIC")
_TOO_DEEP: Final = f"it is nested deeper than {MAX_STRUCT_DEPTH} levels"


class NotExportableError(ReconcilerError):
    """No manifest can name this model; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A live value that its manifest doesn't hold: whose it is, at which path (() is all of it), and why."""

    key: Key
    path: FieldPath
    reason: str

    def __str__(self) -> str:
        where = f" {path_text(self.path)}" if self.path else ""
        return f"{self.key.address}{where}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One model's manifest as JSON data, its keys in the order in which they are written, and what it doesn't hold."""

    key: Key
    document: Mapping[str, Any]
    left_out: tuple[LeftOut, ...] = ()


def manifest_from_model(model: ObservedModel, versions: Sequence[ObservedVersion], *, secrets: Secrets) -> Manifest:
    """The manifest of a model and of these versions of it, each stated by its id, in the order given.

    Raises NotExportableError where the model's ids are none that a manifest can hold.
    """
    _require_ids(model.key)
    left_out: list[LeftOut] = []
    spec: dict[str, Any] = {"action": "merge", **_fields(model.key, model.document, secrets, left_out)}
    if owner_mark(model).get("protect") is True:
        spec["protect"] = True
    entries = []
    for version in versions:
        problem = version_id_problem(version.key.version_id)
        if problem is None:
            fields = _fields(version.key, version.document, secrets, left_out)
            entries.append({"id": version.key.version_id, **fields})
        else:
            left_out.append(LeftOut(key=version.key, path=(), reason=f"its id {problem}"))
    if entries:
        spec["versions"] = entries
    document = {
        "apiVersion": "reconciler/v1",
        "kind": "Model",
        "metadata": {"id": model.key.model_id, "user_id": model.key.user_id, "app_id": model.key.app_id},
        "spec": spec,
    }
    return Manifest(key=model.key, document=document, left_out=tuple(left_out))


def _require_ids(key: Key) -> None:
    for name, text in (("id", key.model_id), ("user id", key.user_id), ("app id", key.app_id)):
        problem = id_problem(text)
        if problem is not None:
            raise NotExportableError(f"the {name} {quoted(text)} {problem}")


# --- values ---------------------------------------------------------------------------------------------------


def _fields(key: Key, document: Document, secrets: Secrets, left_out: list[LeftOut]) -> dict[str, Any]:
    """The stated fields of one resource, nested as in the manifest."""
    spec = spec_from_document(key.kind, secrets.conceal(key, document, source="live"))
    stated: dict[str, Any] = {}
    for field in KINDS[key.kind]:
        value = lookup(spec, field.path)
        if value is MISSING:
            continue
        if field.path == ("metadata",) and not key.version_id:
            value = {name: item for name, item in value.items() if name != MARK_KEY}
        told: list[tuple[FieldPath, str]] = []
        value = _stated(field, value, told)
        left_out.extend(LeftOut(key=key, path=path, reason=reason) for path, reason in told)
        if value is MISSING:
            continue
        target = stated
        for name in field.path[:-1]:
            target = target.setdefault(name, {})
        target[field.path[-1]] = value
    return stated


def _stated(field: FieldSpec, value: Any, told: list[tuple[FieldPath, str]]) -> Any:
    """One field as a manifest states it, MISSING where it can't or says nothing; what is left out goes to `told`."""
    if field.shape is Shape.STRUCT:
        return _mapping(value, field.path, told) or MISSING
    if field.shape is Shape.TAGS:
        return _tags(value, field.path, told) or MISSING
    if field.shape is Shape.VISIBILITY and value not in _VISIBILITIES:
        told.append((field.path, f"{value} is no visibility that a manifest can state"))
        return MISSING
    if field.path == ("notes",) and isinstance(value, str) and len(value.encode("utf-8", "replace")) > MAX_NOTES_BYTES:
        told.append((field.path, f"longer than the {MAX_NOTES_BYTES:,} bytes that notes may have"))
        return MISSING
    return _held(value, field.path, told)


def _tags(value: list[str], path: FieldPath, told: list[tuple[FieldPath, str]]) -> list[str]:
    """Each tag once: the list is a set to this tool, and a manifest may not repeat an item."""
    if "" in value:
        told.append((path, "it holds an empty tag"))
    held = (_held(tag, (*path, tag), told) for tag in dict.fromkeys(value) if tag)
    return [tag for tag in held if tag is not MISSING]


def _mapping(value: Mapping[str, Any], path: FieldPath, told: list[tuple[FieldPath, str]], depth: int = 1) -> Any:
    """A Struct, or a mapping `depth` levels inside one, without the keys that can't be stated."""
    if depth > MAX_STRUCT_DEPTH:
        told.append((path, _TOO_DEEP))
        return MISSING
    kept: dict[str, Any] = {}
    for name, item in sorted(value.items()):
        here = (*path, name)
        problem = _key_problem(name)
        if problem is not None:
            told.append((here, problem))
            continue
        inner = (
            _mapping(item, here, told, depth + 1) if isinstance(item, Mapping) else _held(item, here, told, depth + 1)
        )
        # An empty mapping inside a Struct is a value; one that only became empty here states nothing.
        if inner is not MISSING and (inner or not isinstance(item, Mapping) or not item):
            kept[name] = inner
    return kept


def _held(value: Any, path: FieldPath, told: list[tuple[FieldPath, str]], depth: int = 1) -> Any:
    """The whole value with its texts escaped, or MISSING where any part of it can't be stated."""
    reason = _problem(value, depth)
    if reason is None:
        return _escaped(value)
    told.append((path, reason))
    return MISSING


def _problem(value: Any, depth: int) -> str | None:
    """Why a manifest can't hold a value that lies `depth` levels inside a Struct; None where it can."""
    if isinstance(value, Sensitive):
        return f"a secret, {SENSITIVE_TEXT}"
    if isinstance(value, str):
        return _text_problem(value)
    if not isinstance(value, (Mapping, list)):
        return None
    if depth > MAX_STRUCT_DEPTH:
        return _TOO_DEEP
    if isinstance(value, Mapping):
        inner = (_key_problem(name) or _problem(item, depth + 1) for name, item in value.items())
    else:
        inner = (_problem(item, depth + 1) for item in value)
    return next((reason for reason in inner if reason), None)


def _key_problem(name: str) -> str | None:
    return _text_problem(name) if name else "a key in a manifest can't be empty"


def _text_problem(text: str) -> str | None:
    if "\x00" in text:
        return "it holds a NUL character"
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "it holds half of a surrogate pair"
    return None


def _escaped(value: Any) -> Any:
    """The value with every text written so that it is no reference to a variable; mappings sorted by key."""
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, Mapping):
        return {name: _escaped(item) for name, item in sorted(value.items())}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return value


# --- YAML -----------------------------------------------------------------------------------------------------


def yaml_from_manifest(manifest: Manifest, *, schema: str | None = None) -> str:
    """The manifest as one YAML document that ends in a newline, with a comment for each value it doesn't hold.

    `schema` is where an editor finds the JSON Schema, as seen from the file.
    """
    lines = [] if schema is None else [f"# yaml-language-server: $schema={schema}"]
    lines += [f"# left out: {_one_line(str(item))}" for item in manifest.left_out]
    text: str = yaml.dump(
        manifest.document,
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=False,
        width=_NO_FOLDING,
    )
    return "\n".join([*lines, text])


_NO_FOLDING: Final = 1 << 30
_JOINERS: Final = "\u200c\u200d"
"""Formatting characters that words of many scripts and joined emoji are made with; all others are escaped."""

_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class _Dumper(yaml.SafeDumper):
    """PyYAML's own, but: list items indented, no anchors, and texts that a person could misread in double quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        self.write_indicator(f'"{"".join(map(_quoted_letter, text))}"', True)


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None
    if any(_is_hidden(letter) for letter in text if letter != "\n"):
        style = '"'
    elif "\n" in text:
        # PyYAML folds lines into quotes unless told; a block can't begin with white space without more signs.
        style = '"' if text[0].isspace() or not text.strip() else "|"
    elif may_surprise(text):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _is_hidden(letter: str) -> bool:
    """Whether a letter acts on its surroundings instead of being seen: controls, bidi marks, other line breaks."""
    if " " <= letter <= "~":
        return False
    is_acting = unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and letter not in _JOINERS
    return is_acting or letter in "\ufeff\ufffe\uffff"


def _quoted_letter(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if not _is_hidden(letter):
        return letter
    code = ord(letter)
    if code < 0x100:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def _one_line(text: str) -> str:
    return "".join(letter if not _is_hidden(letter) else _quoted_letter(letter) for letter in text)
