"""Validates a document against its JSON Schema. Returns problems that say what is wrong, where, and what to do.

The schema decides, and this module words its errors. A compiled validator (jsonschema-rs) decides whether a document is valid;
only an invalid one is given to jsonschema, whose errors become the problems. The published schemas
also accept `${var:…}` in place of a value. Documents are validated after interpolation, by the same schema without
these alternatives. The form of ids is checked by `resources/ids.py`, which gives a better explanation than a pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any, Final

from reconciler.errors import Problem
from reconciler.loading.document import LoadedDocument
from reconciler.loading.nodes import JsonPath, dotted, json_pointer, value_at
from reconciler.loading.scalars import surprise
from reconciler.loading.schema import schema_document
from reconciler.resources.fields import CHOICES, KINDS, Shape
from reconciler.resources.secrets import Sensitive, holds_sensitive, revealed
from reconciler.resources.wording import described, listed, nearest, quoted, shortened

_REFERENCE: Final = {"$ref": "#/$defs/reference"}
_EXPECTED: Final[Mapping[str, str]] = {
    "object": "a mapping",
    "array": "a list",
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}
_CANNOT_CLEAR: Final = (
    "the service can't distinguish an empty string from an unset one, so its API can't clear a string"
)
_NO_INPUTS: Final[Mapping[str, str]] = {
    "video": "a video can't be probed, because its prediction is a list of frames",
    "audio": "a recording can't be probed",
}
_LEAVE_OUT: Final = "Write a string, or leave the key out to keep the live value."
_MAX_PER_RULE: Final = 100  # at one place, since a list may repeat an item a million times
_IDS: Final = frozenset({"id", "user_id", "app_id"})
_TEXT_FIELDS: Final = frozenset(
    field.path[-1] for fields in KINDS.values() for field in fields if field.shape is Shape.STRING
)


def shape_problems(document: LoadedDocument, kind: str) -> list[Problem]:
    """Where an interpolated document breaks the schema of its kind ("Model", "Config"); empty where it doesn't."""
    has_secrets = document.has_references and holds_sensitive(document.value)
    value = revealed(document.value) if has_secrets else document.value
    if _is_valid(kind)(value):
        return []
    validator = _validator(kind)
    problems: dict[Problem, None] = {}
    for error in validator.iter_errors(value):
        problems.update(dict.fromkeys(_Wording(document, error, kind).problems()))
    return list(problems)


@cache
def _is_valid(kind: str) -> Callable[[Any], bool]:
    from jsonschema_rs import validator_for  # 10 ms; --help needs no schema

    validator = validator_for(dict(_judging_schema(kind)))

    def is_valid(value: Any) -> bool:
        try:
            return validator.is_valid(value)
        except UnicodeEncodeError:  # half of a surrogate pair, which a string in Rust can't hold
            return False

    return is_valid


@cache
def _validator(kind: str) -> Any:
    from jsonschema import Draft202012Validator  # takes 140 ms, which only an invalid manifest causes

    return Draft202012Validator(_judging_schema(kind))


@cache
def _judging_schema(kind: str) -> Mapping[str, Any]:
    """The published schema for interpolated documents: no "or a reference", no pattern for ids, $refs written out.

    Looking up $refs would take a third of the whole validation; none of them is recursive.
    """
    published = schema_document(kind)
    judging: Mapping[str, Any] = _judging({**published, "$defs": {}}, published["$defs"])
    return judging


def _judging(schema: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_judging(item, definitions) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    if isinstance(schema.get("$ref"), str):
        definition = definitions[schema["$ref"].rsplit("/", 1)[1]]
        return _judging({**definition, **{name: item for name, item in schema.items() if name != "$ref"}}, definitions)
    kept = dict(schema)
    if _REFERENCE in kept.get("anyOf", ()):
        others = [item for item in kept.pop("anyOf") if item != _REFERENCE]
        kept = {**kept, **others[0]} if len(others) == 1 else {**kept, "anyOf": others}
    if kept.get("type") == "string":
        kept.pop("pattern", None)
        kept.pop("maxLength", None)
    return {name: _judging(item, definitions) for name, item in kept.items()}


class _Wording:
    """One error of the validator, put into words. Never shows the validator's own copy of a value: it is unredacted."""

    def __init__(self, document: LoadedDocument, error: Any, kind: str) -> None:
        self._document = document
        self._error = error
        self._kind = kind
        self._path: JsonPath = tuple(error.absolute_path)
        self._name = dotted(self._path)
        self._value = value_at(document.value, self._path)

    def problems(self) -> Iterator[Problem]:
        """One problem, or one for each unknown key or repeated item."""
        by_keyword = {
            "additionalProperties": self._unknown_keys,
            "required": self._missing_keys,
            "type": self._wrong_type,
            "enum": self._wrong_choice,
            "const": self._wrong_constant,
            "oneOf": self._not_exactly_one,
            "minLength": self._empty,
            "uniqueItems": self._repeated,
            "minItems": self._no_items,
            "minProperties": self._no_items,
            "minimum": self._out_of_range,
            "maximum": self._out_of_range,
            "exclusiveMinimum": self._out_of_range,
            "pattern": self._bad_name,
        }
        every = by_keyword.get(str(self._error.validator), self._otherwise)()
        yield from islice(every, _MAX_PER_RULE)
        if next(every, None) is not None:
            yield self._problem(
                "too-many", f"{self._name}: further errors omitted.", "Check that this is the right file."
            )

    def _unknown_keys(self) -> Iterator[Problem]:
        known = tuple(self._error.schema.get("properties", ()))
        for key in self._value:
            if key not in known:
                yield self._unknown_key(key, known)

    def _unknown_key(self, key: str, known: tuple[str, ...]) -> Problem:
        path = (*self._path, key)
        where = "" if not self._path else f" in {self._name}"
        elsewhere = _places(self._kind).get(key, ())
        near = nearest(key, known)
        code, message = "unknown-key", f"unknown key {quoted(key)}{where}."
        if self._kind == "Probe" and key in _NO_INPUTS:
            code, message = "unsupported-input", f"{dotted(path)}: {_NO_INPUTS[key]}."
            hint = "Use an image or a text."
        elif self._path[-1:] == ("remove",) and key in _TEXT_FIELDS:
            code, message = "cannot-clear", f"{dotted(path)}: {_CANNOT_CLEAR}."
            hint = "Set another string, or leave the key out to keep the live value."
        elif self._path[-1:] == ("remove",) and (key,) in CHOICES:
            code, message = "cannot-clear", f"{key} can't be removed."
            hint = f"Set one of {listed(CHOICES[key,])} instead."
        elif near is not None and near.lower() == key.lower():
            hint = f"Did you mean {quoted(near)}?"
        elif elsewhere:
            hint = f"It belongs in {' or '.join(elsewhere[:2])}."
        elif near is not None:
            hint = f"Did you mean {quoted(near)}?"
        else:
            hint = f"Known keys here: {listed(known)}."
        return self._problem(code, message, hint, path=path, at_key=True)

    def _missing_keys(self) -> Iterator[Problem]:
        for key in self._error.validator_value:
            if key not in self._value:
                name = dotted((*self._path, key))
                hint = (
                    "Write `spec: {}` for a model that is only to be kept."
                    if name == "spec"
                    else f"Add `{key}: …` here."
                )
                yield replace(self._problem("missing-key", f"{name} is missing.", hint), key=key)

    def _wrong_type(self) -> Iterator[Problem]:
        wanted = str(self._error.validator_value)
        if self._value is None:
            yield self._no_value(f"Write {_EXPECTED[wanted]} after it")
            return
        found, hint = described(self._value), None
        raw = self._document.raw(self._path)
        if wanted == "string" and raw is not None:
            hint = f'Quote it to make it a string: "{shortened(raw)}".'
            if surprise(raw, self._value) is not None:
                found = f"{found}, which is how YAML reads {shortened(raw)}"
        elif wanted == "array" and isinstance(self._value, str):
            hint = f"Write a list of one: [{shortened(self._value)}]."
        elif wanted == "object":
            hint = "Write lines of `key: value` below it, indented."
        elif isinstance(self._value, str) and wanted != "array":
            hint = "Write it without quotes."
        yield self._problem("wrong-type", f"{self._name} must be {_EXPECTED[wanted]}, found {found}.", hint)

    def _wrong_choice(self) -> Iterator[Problem]:
        choices = [str(choice) for choice in self._error.validator_value]
        if self._value is None:
            yield self._no_value(f"Write one of {listed(choices)}")
            return
        near = nearest(self._value, choices) if isinstance(self._value, str) else None
        message = f"{self._name} must be one of {listed(choices)}, found {described(self._value)}."
        yield self._problem("wrong-choice", message, f"Did you mean {near}?" if near else None)

    def _no_value(self, hint: str) -> Problem:
        more = "" if self._path[-1:] == ("id",) or len(self._path) == 1 else ", or leave the key out"
        return self._problem("wrong-type", f"{self._name} has no value.", f"{hint}{more}.")

    def _wrong_constant(self) -> Iterator[Problem]:
        only = self._error.validator_value
        message = f"{self._name} can only be {described(only)}, found {described(self._value)}."
        hint = f"Write {self._name}: {only}." if len(self._path) == 1 else "Leave the key out if it isn't meant."
        yield self._problem("wrong-choice", message, hint)

    def _not_exactly_one(self) -> Iterator[Problem]:
        if not isinstance(self._value, dict):
            return
        found = "both" if "id" in self._value else "neither"
        hint = "Write `id:` for one version, or `select:` latest, latest-trained or all."
        yield self._problem("ambiguous-version", f"{self._name} needs exactly one of id and select, has {found}.", hint)

    def _empty(self) -> Iterator[Problem]:
        last = self._path[-1] if self._path else ""
        if last in _IDS or isinstance(last, int) or last not in {*_TEXT_FIELDS, "url"}:
            yield self._problem("empty-text", f"{self._name} is empty.", "Write a string, or leave it out.")
        elif last == "url":
            yield self._problem(
                "cannot-clear", f"{self._name} is empty.", "To remove the image, write `remove: {image: true}`."
            )
        else:
            yield self._problem("cannot-clear", f"{self._name} is empty: {_CANNOT_CLEAR}.", _LEAVE_OUT)

    def _repeated(self) -> Iterator[Problem]:
        seen: set[str | Sensitive] = set()
        for index, item in enumerate(self._value):
            if not isinstance(item, str | Sensitive):
                continue
            if item in seen:
                message = f"{self._name} lists {described(item)} twice."
                yield self._problem("repeated-item", message, "Keep one of them.", path=(*self._path, index))
            seen.add(item)

    def _no_items(self) -> Iterator[Problem]:
        yield self._problem("states-nothing", f"{self._name} is empty.", "List at least one, or leave the key out.")

    def _out_of_range(self) -> Iterator[Problem]:
        words = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "more than"}
        limit = f"{words[str(self._error.validator)]} {self._error.validator_value}"
        yield self._problem("out-of-range", f"{self._name} must be {limit}, found {described(self._value)}.", None)

    def _bad_name(self) -> Iterator[Problem]:
        """A key that `propertyNames` refuses: the one use of a pattern that is judged here."""
        key = str(self._error.instance)
        message = f"the key {quoted(key)} in {self._name} has characters that a name can't have."
        hint = "Use letters, digits, _, - and ., starting with a letter or _."
        yield self._problem("bad-name", message, hint, path=(*self._path, key), at_key=True)

    def _otherwise(self) -> Iterator[Problem]:
        rule = f"{self._error.validator}: {self._error.validator_value}"
        message = f"{self._name} breaks the rule {shortened(rule)}, found {described(self._value)}."
        yield self._problem("wrong-value", message, f"See `reconciler schema {self._kind}`.")

    def _problem(
        self, code: str, message: str, hint: str | None, *, path: JsonPath | None = None, at_key: bool = False
    ) -> Problem:
        where = self._path if path is None else path
        origin = self._document.key_origin(where) if at_key else self._document.origin(where)
        return Problem(code=code, message=message, origin=origin, pointer=json_pointer(where), hint=hint)


@cache
def _places(kind: str) -> Mapping[str, tuple[str, ...]]:
    """Where each key of the schema belongs, for keys written in the wrong place."""
    found: dict[str, list[str]] = {}
    pending: list[tuple[Any, str]] = [(_judging_schema(kind), "")]
    while pending:
        part, prefix = pending.pop(0)
        for key, inner in part.get("properties", {}).items():
            found.setdefault(key, []).append(prefix or "the top level")
            pending.append((inner, f"{prefix}.{key}".removeprefix(".")))
        if isinstance(part.get("items"), Mapping):
            pending.append((part["items"], f"{prefix}[]"))
    return {key: tuple(prefixes) for key, prefixes in found.items()}
