"""What one declared field allows: a value → a Complaint, or None.

What the service's proto file doesn't pin down is allowed: an unknown field type, the shape of a DATASET, the inside of a
JSON value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.compare.params.fields import SECRET_KINDS, Option, ParamField
from reconciler.compare.params.ranges import decimal_from, number_text
from reconciler.resources.secrets import Sensitive, holds_sensitive, revealed
from reconciler.resources.wording import described, nearest, quoted

_SHOWN_OPTIONS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What is wrong with a value: a stable code, a clause for the message, and what to do where that isn't plain."""

    code: str
    text: str
    hint: str | None = None


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and (isinstance(value, int) or math.isfinite(value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_option(value: Any) -> bool:
    return _is_text(value) or _is_number(value)


def _is_whole(value: Any) -> bool:
    number = decimal_from(value)
    return number is not None and number == number.to_integral_value()


def _is_concept(value: Any) -> bool:
    return isinstance(value, Mapping) and _is_text(value.get("id"))


_Form = tuple[Callable[[Any], bool], str]

_TEXT: Final[_Form] = (_is_text, "a text")
_LIST: Final[_Form] = (_is_list, "a list")
_NUMBER: Final[_Form] = (_is_number, "a number")
_CONCEPT: Final[_Form] = (_is_concept, "a mapping with an id")

_FORMS: Final[Mapping[str, _Form]] = {
    "BOOLEAN": (lambda value: isinstance(value, bool), "true or false"),
    "NUMBER": _NUMBER,
    "RANGE": _NUMBER,
    "whole": (_is_whole, "a whole number"),
    "ENUM": (_is_option, "an option's name or number"),
    **dict.fromkeys(("STRING", "PYTHON_CODE", "ENCRYPTED_STRING", "DATASET_ID", "DATASET_VERSION_ID"), _TEXT),
    **dict.fromkeys(("ARRAY_OF_CONCEPTS", "ARRAY_OF_CONCEPTS_WITH_THRESHOLD", "ARRAY_OF_MODEL_CONCEPTS"), _LIST),
    **dict.fromkeys(("ARRAY_OF_NUMBERS", "ARRAY_OF_STRINGS", "ARRAY_OF_SECRETS", "list"), _LIST),
}

_ITEM_FORMS: Final[Mapping[str, _Form]] = {
    "ARRAY_OF_NUMBERS": _NUMBER,
    "ARRAY_OF_STRINGS": _TEXT,
    "ARRAY_OF_CONCEPTS": _CONCEPT,
    "ARRAY_OF_CONCEPTS_WITH_THRESHOLD": _CONCEPT,
    "ARRAY_OF_MODEL_CONCEPTS": _CONCEPT,
}


def complaint_about(field: ParamField, value: Any, *, is_secret: bool = False) -> Complaint | None:
    """What is wrong with a value for a field; None where nothing is known to be.

    A Sensitive, or any value with `is_secret`, is checked by its type alone and described by that alone.
    """
    is_secret = is_secret or holds_sensitive(value) or field.kind in SECRET_KINDS
    bare = revealed(value)
    form = _FORMS.get(field.kind)
    if form is not None and not form[0](bare):
        found = _form_of(bare) if is_secret else described(value)
        return Complaint(code="param-type", text=f"expected {form[1]}, found {found}", hint=_hint(form, value))
    if _is_list(bare) and field.kind in _ITEM_FORMS:
        return _about_items(field, bare, _ITEM_FORMS[field.kind], is_secret)
    if is_secret:
        return None
    if field.kind == "RANGE":
        return _about_range(field, bare)
    return _about_options(field, bare) if field.kind in ("ENUM", "RECURSIVE_ENUM") else None


def _about_items(field: ParamField, items: list[Any], form: _Form, is_secret: bool) -> Complaint | None:
    for index, item in enumerate(items):
        # The items of select_concepts aren't documented; the service has only been seen to set it to [].
        if form[0](item) or (field.path[-1] == "select_concepts" and _is_text(item)):
            continue
        found = _form_of(item) if is_secret else described(item)
        text = f"item {index + 1} is {found}; expected {form[1]} for each item"
        return Complaint(code="param-type", text=text, hint=_hint(form, item))
    return None


def _about_range(field: ParamField, value: Any) -> Complaint | None:
    if field.tolerance(value):
        return None  # it is a point of the grid
    number = decimal_from(value)
    wrong = None if field.range is None or number is None else field.range.wrong_with(number)
    return None if wrong is None else Complaint(code=wrong[0], text=wrong[1])


def _about_options(field: ParamField, value: Any) -> Complaint | None:
    options = list(_all_options(field))
    # A RECURSIVE_ENUM may be written in a form of its own, which is documented nowhere.
    if not options or not _is_option(value) or any(option.is_meant_by(value) for option in options):
        return None
    number = decimal_from(value)
    shown = quoted(value) if number is None else number_text(number)
    public = [option for option in options if not option.is_internal]
    names = [_option_text(option) for option in public[:_SHOWN_OPTIONS]]
    more = [] if len(public) <= _SHOWN_OPTIONS else [f"and {len(public) - _SHOWN_OPTIONS} more"]
    near = nearest(str(value), (option.name for option in public))
    remedy = "" if near is None else f": the nearest is {quoted(near)}"
    return Complaint(code="param-option", text=f"{shown} is not one of {', '.join([*names, *more])}{remedy}")


def _all_options(field: ParamField) -> Iterator[Option]:
    """A field's options; those of a RECURSIVE_ENUM at any depth."""
    for option in field.options:
        yield option
        if field.kind == "RECURSIVE_ENUM":
            for inner in option.fields:
                if inner.kind == field.kind:
                    yield from _all_options(inner)


def _option_text(option: Option) -> str:
    aliases = [str(number) for number in option.numbers] + [quoted(wildcard) for wildcard in option.wildcards]
    return quoted(option.name) + (f" (or {', '.join(aliases)})" if aliases else "")


def _form_of(value: Any) -> str:
    """A value's type in words, and nothing of the value."""
    if isinstance(value, bool):
        return "true or false"
    if _is_option(value):
        return "a text" if _is_text(value) else "a number"
    return described(value) if value is None or isinstance(value, list | Mapping) else "another value"


def _hint(form: _Form, value: Any) -> str | None:
    wants_text = form is _TEXT or form[0] is _is_option
    if isinstance(value, Sensitive):
        is_environment = value.source.startswith("env:")
        return "What ${env:…} brings in is always text; ${var:…} keeps its type." if is_environment else None
    if wants_text and isinstance(value, bool | int | float):
        return "Quote it to make it text; unquoted, YAML reads no, off, yes and on as true or false."
    if isinstance(value, str) and form[0] in (_is_number, _is_whole):
        return "Write it without quotes." if _is_json_number(value) else None
    if form is _LIST and value is not None and not isinstance(value, Mapping):
        return "Write it as a list: [ … ]."
    return None


def _is_json_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", text, re.ASCII) is not None
