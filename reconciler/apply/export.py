"""Live models → manifests that `apply` accepts, as JSON data.

In: models as observed, and the form that the manifests get. Out: manifests that state every managed field that has a value. They
contain no owner mark (its `protect` becomes spec.protect) and no secret. A manifest that is read back and planned against the same
live state changes nothing.

Under `merge`, which is the default, an empty value is not stated, so what somebody adds there later is not managed. Under
`overwrite`, empty tag lists, Structs and images are stated as empty, so that every later addition to them is drift.

What a manifest can't contain (a NUL character, an empty key, a text over its limit) is left out and listed with the reason. Under
`merge` nothing is lost by that, because fields that a manifest doesn't state are not managed. Under `overwrite`, the next apply
would delete what is missing in a list or a Struct, so the whole field is left out; secret params, which apply keeps, are the
exception. Only a model whose own ids can't be written has no manifest at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from reconciler.apply.manifest_yaml import comment, yaml_text
from reconciler.errors import ReconcilerError
from reconciler.manifests.entries import MAX_NOTES_BYTES
from reconciler.manifests.interpolate import escaped
from reconciler.manifests.structs import MAX_STRUCT_DEPTH
from reconciler.plan.guards import owner_mark
from reconciler.resources.canonical import spec_from_document
from reconciler.resources.fields import CHOICES, KINDS, MARK_KEY, Action, FieldSpec, Shape
from reconciler.resources.ids import id_problem, version_id_problem
from reconciler.resources.keys import Key
from reconciler.resources.observed import Document, ObservedModel, ObservedVersion
from reconciler.resources.secrets import SENSITIVE_TEXT, Secrets, Sensitive
from reconciler.resources.tree import MISSING, FieldPath, is_mapping, lookup, path_text, put
from reconciler.resources.wording import quoted

_SECRET: Final = f"a secret, {SENSITIVE_TEXT}"
_TOO_DEEP: Final = f"it is nested deeper than {MAX_STRUCT_DEPTH} levels"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_Problems = list[tuple[FieldPath, str]]
"""Where a value is left out of a manifest, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How manifests state live models.

    With `selects_latest`, the entry of a version says `select: latest` instead of its id. `implied` are the ids that
    reconciler.yaml gives (user_id, app_id), which manifests therefore leave out.
    """

    action: Action = Action.MERGE
    selects_latest: bool = False
    implied: Mapping[str, str] = field(default_factory=dict)


DEFAULT_FORM: Final = Form()


class NotExportableError(ReconcilerError):
    """No manifest can name this model; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A live value that no manifest holds: of which resource, at which path (() is the whole resource), and why."""

    key: Key
    path: FieldPath
    reason: str

    @property
    def is_secret(self) -> bool:
        """Whether it is left out because it is a secret."""
        return self.reason == _SECRET

    def __str__(self) -> str:
        where = f" {path_text(self.path)}" if self.path else ""
        return f"{self.key.address}{where}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One model's manifest as JSON data, its keys in the order in which they are written, and what it doesn't contain."""

    key: Key
    document: Mapping[str, Any]
    left_out: tuple[LeftOut, ...] = ()

    def text(self, *, schema: str | None = None) -> str:
        """The manifest as one YAML document that ends in a newline, with a comment for each value that was left out.

        `schema` is the path of the JSON Schema relative to the file, for editors.
        """
        head = "" if schema is None else f"# yaml-language-server: $schema={schema}\n"
        comments = (comment(f"left out: {text}") for text in left_out_texts(self.left_out))
        return f"{head}{''.join(comments)}{yaml_text(self.document)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a file contained that its new text, which replaces it, doesn't."""

    file: str
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """Manifests of live models, and everything that none of them contains.

    `files` are the files that they were written to, if any, and `losses` says what was lost by that. `types` are the model types.
    """

    manifests: tuple[Manifest, ...]
    left_out: tuple[LeftOut, ...]
    files: Mapping[Key, str] = field(default_factory=dict)
    losses: tuple[Loss, ...] = ()
    types: Mapping[Key, str] = field(default_factory=dict)

    def texts(self) -> Iterator[str]:
        """Each manifest as YAML."""
        return (manifest.text() for manifest in self.manifests)

    def notes(self) -> Iterator[str]:
        """A sentence for everything that no manifest contains, and for each file that lost something."""
        for _, items in groupby(self.left_out, key=lambda item: item.key.model()):
            yield from (f"not exported: {text}" for text in left_out_texts(items))
        for loss in self.losses:
            yield f"{loss.file} was replaced, and lost {', '.join(loss.lost)}"


def left_out_texts(items: Iterable[LeftOut]) -> Iterator[str]:
    """A sentence for each value that is left out of one manifest; one for a secret param, however many versions have it."""
    secrets: dict[FieldPath, list[LeftOut]] = {}
    for item in items:
        if item.is_secret:
            secrets.setdefault(item.path, []).append(item)
        else:
            yield str(item)
    for path, found in secrets.items():
        if len(found) == 1:
            yield str(found[0])
        else:
            yield f"{found[0].key.model().address} {path_text(path)} of {len(found)} versions: {_SECRET}"


def exported(models: Iterable[ObservedModel], *, secrets: Secrets, form: Form = DEFAULT_FORM) -> Exported:
    """A manifest for each model that can have one; it states the versions that the model was read with."""
    models = tuple(models)
    results = [_manifest_or_reason(model, secrets, form) for model in models]
    manifests = tuple(result for result in results if isinstance(result, Manifest))
    without = (result for result in results if isinstance(result, LeftOut))
    return Exported(
        types={model.key: model.model_type_id for model in models},
        manifests=manifests,
        left_out=(*without, *(item for manifest in manifests for item in manifest.left_out)),
    )


def _manifest_or_reason(model: ObservedModel, secrets: Secrets, form: Form) -> Manifest | LeftOut:
    try:
        return manifest_from_model(model, model.versions, secrets=secrets, form=form)
    except NotExportableError as error:
        return LeftOut(key=model.key, path=(), reason=str(error))


def manifest_from_model(
    model: ObservedModel, versions: Sequence[ObservedVersion], *, secrets: Secrets, form: Form = DEFAULT_FORM
) -> Manifest:
    """The manifest of a model and of these versions of it, in the order given.

    Raises NotExportableError for a model whose ids a manifest can't contain.
    """
    key = model.key
    _require_ids(key)
    left_out: list[LeftOut] = []
    spec: dict[str, Any] = {"action": form.action.value, **_fields(key, model.document, secrets, form, left_out)}
    if owner_mark(model).get("protect") is True:
        spec["protect"] = True
    # An image that a manifest can't state stays as it is; to state that there is none would remove it.
    has_image = lookup(model.document, ("image", "url")) not in (MISSING, "")
    if form.action is Action.OVERWRITE and "image" not in spec and not has_image:
        spec["remove"] = {"image": True}
    entries = []
    for version in versions:
        problem = None if form.selects_latest else version_id_problem(version.key.version_id)
        if problem is None:
            named = {"select": "latest"} if form.selects_latest else {"id": version.key.version_id}
            entries.append({**named, **_fields(version.key, version.document, secrets, form, left_out)})
        else:
            left_out.append(LeftOut(key=version.key, path=(), reason=f"its id {problem}"))
    if entries:
        spec["versions"] = entries
    scope = {"user_id": key.user_id, "app_id": key.app_id}
    stated = {name: text for name, text in scope.items() if form.implied.get(name) != text}
    document = {
        "apiVersion": "reconciler/v1",
        "kind": "Model",
        "metadata": {"id": key.model_id, **stated},
        "spec": spec,
    }
    return Manifest(key=key, document=document, left_out=tuple(left_out))


def _require_ids(key: Key) -> None:
    for name, text in (("id", key.model_id), ("user id", key.user_id), ("app id", key.app_id)):
        problem = id_problem(text)
        if problem is not None:
            raise NotExportableError(f"the {name} {quoted(text)} {problem}")


# --- values ---------------------------------------------------------------------------------------------------


def _fields(key: Key, document: Document, secrets: Secrets, form: Form, left_out: list[LeftOut]) -> dict[str, Any]:
    """The stated fields of one resource, nested as in the manifest."""
    spec = spec_from_document(key.kind, document)
    if secrets.may_be_in(key, spec):
        spec = secrets.conceal(key, spec, source="live")
    stated: dict[str, Any] = {}
    for managed in KINDS[key.kind]:
        value = lookup(spec, managed.path)
        problems: _Problems = []
        if value is not MISSING:
            if managed.path == ("metadata",) and not key.version_id:
                value = {name: item for name, item in value.items() if name != MARK_KEY}
            value = _stated(managed, value, problems)
        if form.action is Action.OVERWRITE and managed.shape in _EMPTY:
            value = _exactly(managed, value, problems)
        if problems:
            left_out.extend(LeftOut(key=key, path=path, reason=reason) for path, reason in problems)
        if value is not MISSING:
            put(stated, managed.path, value)
    return stated


_EMPTY: Final[Mapping[Shape, Any]] = {Shape.TAGS: [], Shape.STRUCT: {}}
"""What the shapes that `overwrite` is about look like where nothing is live."""


def _exactly(field: FieldSpec, value: Any, problems: _Problems) -> Any:
    """A field as `overwrite` states it: with everything in it, or not at all."""
    # Secret params stay under `overwrite` although no manifest states them.
    if any(reason != _SECRET for _, reason in problems):
        problems.append(
            (field.path, "left out whole, because under overwrite apply would delete the part named before")
        )
        return MISSING
    return _EMPTY[field.shape] if value is MISSING else value


def _stated(field: FieldSpec, value: Any, problems: _Problems) -> Any:
    """One field as a manifest states it, MISSING if it can't or is empty; `problems` gets what is left out of it."""
    if field.shape is Shape.STRUCT:
        return _mapping(value, field.path, problems) or MISSING
    if field.shape is Shape.TAGS:
        return _tags(value, field.path, problems) or MISSING
    if field.path in CHOICES and value not in CHOICES[field.path]:
        problems.append((field.path, f"{value} is not a {path_text(field.path)} that a manifest can state"))
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
        if not is_mapping(item):
            inner = _held(item, here, problems, depth + 1)
        else:
            inner = _mapping(item, here, problems, depth + 1)
            # An empty mapping inside a Struct is a value; one that only became empty here states nothing.
            inner = MISSING if item and not inner else inner
        if inner is not MISSING:
            kept[name] = inner
    return kept


def _held(value: Any, path: FieldPath, problems: _Problems, depth: int = 1) -> Any:
    """The whole value with its strings escaped, or MISSING if any part of it can't be stated."""
    try:
        return _written(value, depth)
    except _NotStatableError as error:
        problems.append((path, str(error)))
        return MISSING


class _NotStatableError(Exception):
    """A manifest can't hold this value; the text says why."""


def _written(value: Any, depth: int) -> Any:
    """A value that lies `depth` levels inside a Struct, with every string written so that it isn't taken for a `${…}` reference.

    Mappings are sorted by key. Raises _NotStatableError for the first part that a manifest can't hold.
    """
    if isinstance(value, str):
        _require_none(_text_problem(value))
        return escaped(value)
    if isinstance(value, Sensitive):
        raise _NotStatableError(_SECRET)
    is_list = isinstance(value, list)
    if not is_list and not is_mapping(value):
        return value
    if depth > MAX_STRUCT_DEPTH:
        raise _NotStatableError(_TOO_DEEP)
    if is_list:
        return [_written(item, depth + 1) for item in value]
    written: dict[str, Any] = {}
    # Sorted, so that of several reasons the same one is given whatever the order of the keys.
    for name, item in sorted(value.items()):
        _require_none(_key_problem(name))
        written[name] = _written(item, depth + 1)
    return written


def _require_none(problem: str | None) -> None:
    if problem is not None:
        raise _NotStatableError(problem)


def _key_problem(name: str) -> str | None:
    return _text_problem(name) if name else "a key can't be empty in a manifest"


def _text_problem(text: str) -> str | None:
    if "\x00" in text:
        return "it contains a NUL character"
    # A regular expression, because a fleet has millions of letters that are none.
    if not text.isascii() and _SURROGATE.search(text):
        return "it contains half of a surrogate pair"
    return None
