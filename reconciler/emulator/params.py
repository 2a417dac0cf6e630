"""What a model type says about output_info.params, and what a service may do with it: check, round, fill in, conceal.

In: a ModelType message (or None) and a ModelVersion message. The fields are those whose path begins with
"output_info.params." (resources.proto, ModelTypeField.path), plus output_info.params_specs of the version itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from google.protobuf import json_format

from reconciler.emulator.answers import INVALID_ARGUMENT, RefusedCallError

PREFIX: Final = "output_info.params."

# resources.proto, ModelTypeField.DataType, by what a value of it is in JSON.
BOOLEANS: Final = {1}
TEXTS: Final = {2, 15, 16, 17, 21}
NUMBERS: Final = {3, 7}
LISTS: Final = {4, 5, 11, 13, 18, 23}
RANGE: Final = 7
ENUM: Final = 8
ENCRYPTED_STRING: Final = 21
ARRAY_OF_SECRETS: Final = 23


def declared(kind: Any, version: Any) -> dict[str, Any]:
    """The ModelTypeField messages by param name; those of a chosen enum option are among them."""
    specs = list(kind.model_type_fields) if kind is not None else []
    specs += list(version.output_info.params_specs)
    for spec in list(specs):
        for option in spec.model_type_enum_options:
            specs += list(option.model_type_fields)
    return {spec.path.removeprefix(PREFIX): spec for spec in specs if spec.path.startswith(PREFIX)}


def secret_names(kind: Any, version: Any) -> list[str]:
    """The params that are declared as ENCRYPTED_STRING or ARRAY_OF_SECRETS."""
    secret = (ENCRYPTED_STRING, ARRAY_OF_SECRETS)
    return [name for name, spec in declared(kind, version).items() if spec.field_type in secret]


def conceal(value: Any, concealed: Callable[[str], str]) -> None:
    """Replace each secret text in a protobuf Value, in place.

    That is the value itself, an item of its list, or the `value` of such an item (an ARRAY_OF_SECRETS holds objects with
    id, secret_type, env_var and value: the clarifai package, utils/secrets.py).
    """
    shape = value.WhichOneof("kind")
    if shape == "string_value":
        value.string_value = concealed(value.string_value)
    elif shape == "list_value":
        for item in value.list_value.values:
            conceal(item, concealed)
    elif shape == "struct_value" and "value" in value.struct_value.fields:
        conceal(value.struct_value.fields["value"], concealed)


def require_valid(struct: Any, specs: Mapping[str, Any]) -> None:
    """Refuse params that are not declared, of the wrong type, outside their range or not an option."""
    for name, value in json_format.MessageToDict(struct).items():
        spec = specs.get(name)
        reason = "is not a param of this model type" if spec is None else _complaint(spec, value)
        if reason:
            raise RefusedCallError(INVALID_ARGUMENT, f"{PREFIX}{name} {reason}")


def _complaint(spec: Any, value: Any) -> str | None:
    kind = spec.field_type
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    expected = {
        "a boolean": kind in BOOLEANS and not isinstance(value, bool),
        "a string": kind in TEXTS and not isinstance(value, str),
        "a number": kind in NUMBERS and not is_number,
        "a list": kind in LISTS and not isinstance(value, list),
    }
    for wanted, is_wrong in expected.items():
        if is_wrong:
            return f"is not {wanted}"
    if kind == RANGE and not _short(spec.model_type_range_info.min) <= value <= _short(spec.model_type_range_info.max):
        return f"is not in {_short(spec.model_type_range_info.min):g}..{_short(spec.model_type_range_info.max):g}"
    if kind == ENUM and value not in _options(spec):
        return f"is not one of {', '.join(option.id for option in spec.model_type_enum_options)}"
    return None


def _options(spec: Any) -> list[Any]:
    """The ids of an enum and their aliases, strings or numbers (resources.proto, ModelTypeEnumOption.aliases)."""
    aliases = [alias for option in spec.model_type_enum_options for alias in option.aliases]
    texts = [alias.wildcard_string for alias in aliases if alias.wildcard_string]
    return [option.id for option in spec.model_type_enum_options] + texts + [alias.id_int for alias in aliases]


def round_to_step(struct: Any, specs: Mapping[str, Any]) -> None:
    """Round numbers in ranges to the nearest multiple of the step, counted from the minimum; halves go down.

    (resources.proto, ModelTypeRangeInfo.step: 0.0245 at a step of 0.02 becomes 0.02.)
    """
    for name, spec in specs.items():
        bounds = spec.model_type_range_info
        is_ranged = spec.field_type == RANGE and bounds.step
        if is_ranged and name in struct.fields and struct.fields[name].HasField("number_value"):
            low, step = (Decimal(str(_short(number))) for number in (bounds.min, bounds.step))
            steps = math.ceil((Decimal(str(struct[name])) - low) / step - Decimal("0.5"))
            struct[name] = float(low + steps * step)


def add_defaults(struct: Any, specs: Mapping[str, Any]) -> None:
    """Add the declared defaults of params that are absent, as the service's answers show them."""
    for name, spec in specs.items():
        if name not in struct.fields and spec.HasField("default_value"):
            struct.fields[name].CopyFrom(spec.default_value)


def _short(number: float) -> float:
    """The shortest decimal that the same float32 has: 0.01, not 0.009999999776482582."""
    return float(f"{number:.7g}")
