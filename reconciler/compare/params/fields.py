"""The params that a model type and a version declare: documents as the service gives them → ParamFields.

A ModelType's fields say where in the model version their value stands (resources.proto, ModelTypeField.path); those below
output_info.params are params. An enum's options may bring fields of their own, and a version's params_specs replace the
type's field of the same path (OutputInfo.params_specs). What can't be read as a field is skipped.
"""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

from reconciler.compare.params.ranges import Range, decimal_from, range_from_info
from reconciler.resources.canonical import equal
from reconciler.resources.keys import Key
from reconciler.resources.observed import Document
from reconciler.resources.secrets import Secrets
from reconciler.resources.tree import MISSING, FieldPath, lookup, with_value
from reconciler.resources.wording import described, quoted, shortened

PARAMS: Final[FieldPath] = ("output_info", "params")

SECRET_KINDS: Final = frozenset({"ENCRYPTED_STRING", "ARRAY_OF_SECRETS"})

_FIELD_TYPES: Final[Mapping[int, str]] = {
    1: "BOOLEAN",
    2: "STRING",
    3: "NUMBER",
    4: "ARRAY_OF_CONCEPTS",
    5: "ARRAY_OF_CONCEPTS_WITH_THRESHOLD",
    7: "RANGE",
    8: "ENUM",
    11: "ARRAY_OF_NUMBERS",
    13: "ARRAY_OF_STRINGS",
    14: "RECURSIVE_ENUM",
    15: "PYTHON_CODE",
    16: "DATASET_ID",
    17: "DATASET_VERSION_ID",
    18: "ARRAY_OF_MODEL_CONCEPTS",
    21: "ENCRYPTED_STRING",
    23: "ARRAY_OF_SECRETS",
}
"""ModelTypeField.ModelTypeFieldType by number: JSON has the number where the installed clarifai-grpc lacks the name."""

_DATA_TYPES: Final = {"STR": "STRING", "INT": "whole", "FLOAT": "NUMBER", "BOOL": "BOOLEAN", "LIST": "list"}
"""ModelTypeField.DataType: the types whose values have one form in JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of an enum, and the fields that exist only where it is chosen."""

    name: str
    numbers: tuple[int, ...]
    wildcards: tuple[str, ...]
    is_internal: bool
    fields: tuple[ParamField, ...]

    def is_meant_by(self, value: Any) -> bool:
        """Whether a value chooses this option: its id, or an alias."""
        if isinstance(value, str):
            return value == self.name or any(_matches(wildcard, value) for wildcard in self.wildcards)
        return any(equal(value, number) for number in self.numbers)


@dataclass(frozen=True, kw_only=True)
class ParamField:
    """A declared field. `path` begins at the model version; `kind` is a field type's name, "" where it isn't known.

    `source` is a sentence for people on who declares it.
    """

    path: FieldPath
    kind: str
    is_required: bool
    document: Document
    options: tuple[Option, ...]
    source: str

    @cached_property
    def range(self) -> Range | None:
        """What a RANGE allows; None for a field of another kind, and where the bounds aren't given."""
        info = self.document.get("model_type_range_info")
        if self.kind != "RANGE" or not isinstance(info, Mapping):
            return None
        return range_from_info(info, self.document.get("default_value"))

    @cached_property
    def step(self) -> float:
        """The step of the grid of its range; 0 where there is none."""
        return 0.0 if self.range is None or self.range.step is None else float(self.range.step)

    def tolerance(self, value: Any) -> float:
        """How far a live number may be from this one; 0 where there is no grid, or the number isn't on it."""
        if not self.step or not isinstance(value, (int, float)) or isinstance(value, bool):
            return 0.0
        known = self._tolerances.get(value)
        if known is None:
            known = self._tolerances[value] = self._tolerance(value)
        return known

    @cached_property
    def _tolerances(self) -> dict[float, float]:
        # A fleet has few distinct values of a param.
        return {}

    def _tolerance(self, value: float) -> float:
        allowed, number = self.range, decimal_from(value)
        return (
            0.0 if allowed is None or number is None or not allowed.allows(number) else float(allowed.tolerance(number))
        )


def fields_from_documents(documents: Any, source: str, *, base: FieldPath = ()) -> tuple[ParamField, ...]:
    """The fields of a list of ModelTypeField documents, each option's own inside it.

    A name without dots is taken to be below `base`: params_specs name a param alone.
    """
    return tuple(field for document in _mappings(documents) for field in _field(document, source, base))


def _field(document: Document, source: str, base: FieldPath) -> Iterator[ParamField]:
    text = document.get("path") or (document.get("name") if base else None)
    if not isinstance(text, str) or not all(text.split(".")):
        return
    path = tuple(text.split("."))
    yield ParamField(
        path=(*base, *path) if len(path) == 1 else path,
        kind=_kind(document),
        is_required=document.get("required") is True,
        document=document,
        options=tuple(_options(document, source, base)),
        source=source,
    )


def _options(document: Document, source: str, base: FieldPath) -> Iterator[Option]:
    for option in _mappings(document.get("model_type_enum_options")):
        aliases = _mappings(option.get("aliases"))
        wildcards = [alias["wildcard_string"] for alias in aliases if alias.get("wildcard_string")]
        # An int64 is text in JSON, and an alias of 0 leaves nothing at all.
        numbers = [str(alias.get("id_int", 0)) for alias in aliases if not alias.get("wildcard_string")]
        yield Option(
            name=str(option.get("id", "")),
            numbers=tuple(int(number) for number in numbers if re.fullmatch(r"-?\d{1,19}", number, re.ASCII)),
            wildcards=tuple(wildcard for wildcard in wildcards if isinstance(wildcard, str)),
            is_internal=option.get("internal_only") is True,
            fields=fields_from_documents(option.get("model_type_fields"), source, base=base),
        )


def _mappings(items: Any) -> list[Document]:
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _kind(document: Document) -> str:
    given = document.get("field_type")
    name = _FIELD_TYPES.get(given, "") if isinstance(given, int) else given
    if given in (None, 0, "INVALID_MODEL_TYPE_FIELD_TYPE"):
        kind = document.get("type")
        return _DATA_TYPES.get(kind, "") if isinstance(kind, str) else ""
    return name if isinstance(name, str) else ""


def _matches(wildcard: str, value: str) -> bool:
    """Whether a wildcard_string means a value: read as a glob or as a regular expression, since the proto says both."""
    if fnmatch.fnmatchcase(value, wildcard):
        return True
    try:
        return re.fullmatch(wildcard, value) is not None
    except re.error:
        return False


Declared = Mapping[FieldPath, tuple[ParamField, ...]]
"""The fields below PARAMS by path; several where several may hold."""


@dataclass(frozen=True, kw_only=True)
class FieldSet:
    """The fields that one model type, or one version's params_specs, declares, and what is found out about them once."""

    fields: tuple[ParamField, ...] = ()

    @cached_property
    def by_path(self) -> Declared:
        """The params among the fields, without those that options bring."""
        return params_by_path(self.fields)

    @cached_property
    def anywhere(self) -> Declared:
        """The params among the fields, with those of every option, chosen or not."""
        return params_by_path(every_field(self.fields))

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the params that are declared anywhere."""
        return frozenset(path[len(PARAMS)] for path in self.anywhere)

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The params that hold a secret, or something with a secret inside: also those of options that aren't chosen."""
        secret = (path for path, same in self.anywhere.items() if any(field.kind in SECRET_KINDS for field in same))
        return frozenset(path[len(PARAMS)] for path in secret)

    @cached_property
    def _has_optional_fields(self) -> bool:
        return any(option.fields for field in self.fields for option in field.options)

    def chosen(self, document: Document, params: Mapping[str, Any]) -> Declared:
        """The params that hold for a version with these params: options not chosen by them or the version bring nothing."""
        if not self._has_optional_fields:
            return self.by_path
        return params_by_path(_chosen(self.fields, with_value(document, PARAMS, params)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamFields:
    """What a model type and one version's params_specs declare; `document` is that version, {} where there is none."""

    by_type: FieldSet
    by_version: FieldSet
    document: Document

    def chosen(self, params: Mapping[str, Any]) -> Declared:
        """The fields that hold for a version with these params."""
        by_type = self.by_type.chosen(self.document, params)
        return {**by_type, **self.by_version.chosen(self.document, params)} if self.by_version.fields else by_type

    @property
    def names(self) -> frozenset[str]:
        """The names of the params that are declared anywhere."""
        return self.by_type.names | self.by_version.names if self.by_version.fields else self.by_type.names


def types_from_snapshot(data: Any) -> Mapping[str, Document]:
    """Model types by id from what `get types --format json` printed. Raises ValueError for any other JSON."""
    if not isinstance(data, Mapping) or data.get("kind") != "ModelTypes":
        raise ValueError('it is not a JSON object whose "kind" is "ModelTypes"')
    listed = data.get("model_types")
    if not isinstance(listed, list):
        raise ValueError(f'"model_types" must be a list, found {described(listed)}')
    types: dict[str, Document] = {}
    for index, document in enumerate(listed):
        name = document.get("id") if isinstance(document, Mapping) else None
        if not isinstance(name, str) or not name:
            raise ValueError(f"model_types[{index}] is not a model type: it has no id")
        if not isinstance(document.get("model_type_fields", []), list):
            raise ValueError(f"model_types[{index}].model_type_fields must be a list")
        if types.setdefault(name, document) != document:
            raise ValueError(f"it contains two different model types {quoted(name)}")
    return types


def fields_for(model_type: Document | None, version_document: Document | None) -> ParamFields:
    """The fields that a version's params may have: its type's, and its own params_specs."""
    by_type = _NONE if model_type is None else _fields_of_type(model_type)
    document: Document = {} if version_document is None else version_document
    stated = lookup(document, ("output_info", "params_specs"))
    by_version = _NONE
    if stated is not MISSING:
        source = f"Version {_id(document)} declares it in its params_specs."
        by_version = FieldSet(fields=fields_from_documents(stated, source, base=PARAMS))
    return ParamFields(by_type=by_type, by_version=by_version, document=document)


_NONE: Final = FieldSet()

_BY_TYPE: Final[dict[int, tuple[Document, FieldSet]]] = {}
"""The fields of model types by the identity of their documents, which are kept so that no other takes it."""

_TYPES_KEPT: Final = 256


def _fields_of_type(model_type: Document) -> FieldSet:
    """The fields of a model type, made once for all the models of that type."""
    kept = _BY_TYPE.get(id(model_type))
    if kept is not None:
        return kept[1]
    source = f"`reconciler get types {_id(model_type)}` shows what this model type takes."
    fields = FieldSet(fields=fields_from_documents(model_type.get("model_type_fields"), source))
    if len(_BY_TYPE) >= _TYPES_KEPT:
        _BY_TYPE.clear()
    _BY_TYPE[id(model_type)] = (model_type, fields)
    return fields


def _id(document: Document) -> str:
    return shortened(str(document.get("id", "")))


def sensitive_params(fields: ParamFields) -> frozenset[str]:
    """The params that hold a secret, or something with a secret inside: also those of options that aren't chosen."""
    return fields.by_type.secrets | fields.by_version.secrets if fields.by_version.fields else fields.by_type.secrets


def secrets_from_types(
    types: Mapping[str, Document],
    version_of: Callable[[Key], tuple[str, Document]],
    *,
    known: frozenset[str] = frozenset(),
) -> Secrets:
    """What is secret in versions: the params that their model types, and their own params_specs, declare so.

    `types` are the model types by id. `version_of` gives the id of a version's model type ("" where it isn't known) and the
    version's document. `known` are texts that are secret wherever they stand.
    """

    @cache
    def of_any_type() -> frozenset[str]:
        return frozenset(name for each in types.values() for name in sensitive_params(fields_for(each, None)))

    @cache
    def params_of(key: Key) -> frozenset[str]:
        type_id, document = version_of(key)
        declared = sensitive_params(fields_for(types.get(type_id), document))
        # Where the type isn't known, a param is shown only if no type at all declares one of that name secret.
        return declared if type_id in types else declared | of_any_type()

    return Secrets(known=known, params_of=params_of)


def every_field(fields: Iterable[ParamField]) -> Iterator[ParamField]:
    """The fields, and those of every option, chosen or not."""
    for field in fields:
        yield field
        for option in field.options:
            yield from every_field(option.fields)


def _chosen(fields: Iterable[ParamField], tree: Mapping[str, Any]) -> Iterator[ParamField]:
    for field in fields:
        yield field
        value = lookup(tree, field.path)
        for option in field.options:
            if value is not MISSING and option.is_meant_by(value):
                yield from _chosen(option.fields, tree)


def _below_params(fields: Iterable[ParamField]) -> Iterator[ParamField]:
    return (field for field in fields if field.path[: len(PARAMS)] == PARAMS and len(field.path) > len(PARAMS))


def params_by_path(fields: Iterable[ParamField]) -> Declared:
    """The fields that are params, by path."""
    grouped: dict[FieldPath, list[ParamField]] = defaultdict(list)
    for field in _below_params(fields):
        grouped[field.path].append(field)
    return {path: tuple(same) for path, same in grouped.items()}
