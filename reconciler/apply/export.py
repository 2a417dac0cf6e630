"""Live models → manifests that `apply` accepts, their YAML, and a file for each.

In: models as observed. Out: manifests that state every managed field that has a value. They hold no owner mark (its `protect`
becomes spec.protect), no empty value (which could not be sent) and no secret. A manifest that is read back and planned
against the same live side changes nothing.

What a manifest can't hold (a NUL character, an empty key, a text over its limit) is left out and listed with the reason. Under
`merge` nothing is lost by that: fields that a manifest doesn't state are not managed. Only a model whose own ids can't be
written has no manifest at all.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import yaml

from reconciler.errors import ReconcilerError, Refusal, RefusedError
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
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_text, with_value
from reconciler.resources.wording import quoted
from reconciler.state.whole_files import write_whole

SCHEMA: Final = Path("schemas") / "model.v1.schema.json"
_VISIBILITIES: Final = ("PRIVATE", "ORG", "PUBLIC")
_Problems = list[tuple[FieldPath, str]]
"""Where a value is left out of a manifest, and why."""

_TOO_DEEP: Final = f"it is nested deeper than {MAX_STRUCT_DEPTH} levels"

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
"""Ids that are file names as they are: no leading dot or hyphen, and short enough for every file system."""

_UNSAFE_LETTERS: Final = re.compile(r"[^A-Za-z0-9_-]+")
_STEM_LENGTH: Final = 40
"""Characters of another id that its file name begins with; a part of its SHA-256 follows."""

_SHORT_HASH: Final = 12
_WHOLE_HASH: Final = 64


class NotExportableError(ReconcilerError):
    """No manifest can name this model; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A live value that no manifest holds: of which resource, at which path (() is the whole resource), and why."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """Manifests of live models, everything that none of them holds, and the files that they were written to, if any."""

    manifests: tuple[Manifest, ...]
    left_out: tuple[LeftOut, ...]
    files: Mapping[Key, str] = field(default_factory=dict)

    def texts(self) -> Iterator[str]:
        """Each manifest as YAML."""
        return map(yaml_from_manifest, self.manifests)


def exported(models: Iterable[ObservedModel], *, secrets: Secrets) -> Exported:
    """A manifest for each model that can have one; it states the versions that the model was read with."""
    results = [_manifest_or_reason(model, secrets) for model in models]
    manifests = tuple(result for result in results if isinstance(result, Manifest))
    without = (result for result in results if isinstance(result, LeftOut))
    return Exported(
        manifests=manifests, left_out=(*without, *(item for manifest in manifests for item in manifest.left_out))
    )


def _manifest_or_reason(model: ObservedModel, secrets: Secrets) -> Manifest | LeftOut:
    try:
        return manifest_from_model(model, model.versions, secrets=secrets)
    except NotExportableError as error:
        return LeftOut(key=model.key, path=(), reason=str(error))


def manifest_from_model(model: ObservedModel, versions: Sequence[ObservedVersion], *, secrets: Secrets) -> Manifest:
    """The manifest of a model and of these versions of it, each stated by its id, in the order given.

    Raises NotExportableError for a model whose ids a manifest can't hold.
    """
    _require_ids(model.key)
    left_out: list[LeftOut] = []
    # Always merge: under `overwrite` the next apply would delete the secret params, which are left out here, and every key
    # that the service or a person adds later. Whoever wants that can change the action in a file that was reviewed.
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
    for managed in KINDS[key.kind]:
        value = lookup(spec, managed.path)
        if value is MISSING:
            continue
        if managed.path == ("metadata",) and not key.version_id:
            value = {name: item for name, item in value.items() if name != MARK_KEY}
        problems: _Problems = []
        value = _stated(managed, value, problems)
        left_out.extend(LeftOut(key=key, path=path, reason=reason) for path, reason in problems)
        if value is not MISSING:
            stated = with_value(stated, managed.path, value)
    return stated


def _stated(field: FieldSpec, value: Any, problems: _Problems) -> Any:
    """One field as a manifest states it, MISSING if it can't or is empty; `problems` gets what is left out of it."""
    if field.shape is Shape.STRUCT:
        return _mapping(value, field.path, problems) or MISSING
    if field.shape is Shape.TAGS:
        return _tags(value, field.path, problems) or MISSING
    if field.shape is Shape.VISIBILITY and value not in _VISIBILITIES:
        problems.append((field.path, f"{value} is not a visibility that a manifest can state"))
        return MISSING
    if field.path == ("notes",) and isinstance(value, str) and len(value.encode("utf-8", "replace")) > MAX_NOTES_BYTES:
        problems.append((field.path, f"it is longer than {MAX_NOTES_BYTES:,} bytes, the limit for notes"))
        return MISSING
    return _held(value, field.path, problems)


def _tags(value: list[str], path: FieldPath, problems: _Problems) -> list[str]:
    """Each tag once: the list is a set to this tool, and a manifest may not repeat an item."""
    if "" in value:
        problems.append((path, "it contains an empty tag"))
    held = (_held(tag, (*path, tag), problems) for tag in dict.fromkeys(value) if tag)
    return [tag for tag in held if tag is not MISSING]


def _mapping(value: Mapping[str, Any], path: FieldPath, problems: _Problems, depth: int = 1) -> Any:
    """A Struct, or a mapping `depth` levels inside one, without the keys that can't be stated."""
    if depth > MAX_STRUCT_DEPTH:
        problems.append((path, _TOO_DEEP))
        return MISSING
    kept: dict[str, Any] = {}
    for name, item in sorted(value.items()):
        here = (*path, name)
        problem = _key_problem(name)
        if problem is not None:
            problems.append((here, problem))
            continue
        inner = (
            _mapping(item, here, problems, depth + 1)
            if isinstance(item, Mapping)
            else _held(item, here, problems, depth + 1)
        )
        # An empty mapping inside a Struct is a value; one that only became empty here states nothing.
        if inner is not MISSING and (inner or not isinstance(item, Mapping) or not item):
            kept[name] = inner
    return kept


def _held(value: Any, path: FieldPath, problems: _Problems, depth: int = 1) -> Any:
    """The whole value with its strings escaped, or MISSING if any part of it can't be stated."""
    reason = _problem(value, depth)
    if reason is None:
        return _escaped(value)
    problems.append((path, reason))
    return MISSING


def _problem(value: Any, depth: int) -> str | None:
    """Why a manifest can't hold a value that lies `depth` levels inside a Struct; None if it can."""
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
    return _text_problem(name) if name else "a key can't be empty in a manifest"


def _text_problem(text: str) -> str | None:
    if "\x00" in text:
        return "it contains a NUL character"
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "it contains half of a surrogate pair"
    return None


def _escaped(value: Any) -> Any:
    """The value with every string written so that it is not taken for a `${…}` reference; mappings sorted by key."""
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, Mapping):
        return {name: _escaped(item) for name, item in sorted(value.items())}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return value


# --- YAML -----------------------------------------------------------------------------------------------------


def yaml_from_manifest(manifest: Manifest, *, schema: str | None = None) -> str:
    """The manifest as one YAML document that ends in a newline, with a comment for each value that was left out.

    `schema` is the path of the JSON Schema relative to the file, for editors.
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
"""Formatting characters that many scripts and joined emoji need; all others are escaped."""

_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class _Dumper(yaml.SafeDumper):
    """PyYAML's own, with indented list items, without anchors, and with double quotes where a person could misread a string."""

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
        # A block scalar that begins with white space would need an indentation indicator.
        style = '"' if text[0].isspace() or not text.strip() else "|"
    elif may_surprise(text):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _is_hidden(letter: str) -> bool:
    """Whether a character acts on its surroundings instead of being visible: controls, bidi marks, other line breaks."""
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


# --- files ----------------------------------------------------------------------------------------------------


def write_manifests(exported: Exported, folder: Path, *, overwrite: bool) -> Exported:
    """Write a file per model, each whole; `files` of the result has their paths.

    Raises RefusedError, with nothing written, where files exist already, unless they may be overwritten.
    """
    names = file_names({manifest.key.model_id for manifest in exported.manifests})
    files = {manifest.key: folder / f"{names[manifest.key.model_id]}.yaml" for manifest in exported.manifests}
    if not overwrite:
        _require_absent(files.values())
    schema = _schema_seen_from(folder)
    for manifest in exported.manifests:
        path = files[manifest.key]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ReconcilerError(f"The manifest can't be written to {path}: {error.strerror}.") from error
        write_whole(path, yaml_from_manifest(manifest, schema=schema), what="manifest", mode=0o666)
    return replace(exported, files={key: path.as_posix() for key, path in files.items()})


def _require_absent(paths: Iterable[Path]) -> None:
    existing = [path.as_posix() for path in paths if os.path.lexists(path)]
    if existing:
        message = f"No file was written, because these exist already: {', '.join(existing)}."
        remedy = "Give another folder, or --force to overwrite them."
        raise RefusedError((Refusal(rule="file-exists", message=message, remedy=remedy),))


def _schema_seen_from(folder: Path) -> str | None:
    """The path of the schema in the nearest schemas/ at or above a folder, relative to it; None if there is none."""
    start = folder.resolve()
    for levels, parent in enumerate((start, *start.parents)):
        if (parent / SCHEMA).is_file():
            return (Path(*[".."] * levels) / SCHEMA).as_posix()
    return None


def file_names(ids: Collection[str]) -> Mapping[str, str]:
    """A plain name for each id, the id itself wherever it is one; no two differ in case alone.

    An id that isn't a plain name, or whose name another id has too, gets a part of its SHA-256 at the end.
    """
    digits = {text: 0 if _PLAIN_NAME.fullmatch(text) else _SHORT_HASH for text in ids}
    while True:
        names = {text: _file_name(text, digits[text]) for text in sorted(ids)}
        counts = Counter(name.lower() for name in names.values())
        # Names that differ in case alone are one file on many file systems; such ids get digits, in the end all of them.
        clashing = [text for text, name in names.items() if counts[name.lower()] > 1 and digits[text] < _WHOLE_HASH]
        if not clashing:
            return names
        digits.update({text: _WHOLE_HASH if digits[text] else _SHORT_HASH for text in clashing})


def _file_name(text: str, digits: int) -> str:
    if not digits:
        return text
    stem = _UNSAFE_LETTERS.sub("_", text)[:_STEM_LENGTH].strip("_-")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
    return f"{stem or 'id'}-{digest}"
