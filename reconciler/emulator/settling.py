"""What a service may do to the values of a patch before it keeps them: trim, round, reorder, add, or drop them.

In: the object before the patch, the object as the patch alone leaves it, the patch, and the switches. Out: the object
as it is stored, changed in place. With the default switches nothing is changed.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Final

from google.protobuf import struct_pb2

from reconciler.emulator import params
from reconciler.emulator.patching import MODEL_RULES, TAGS, VERSION_RULES
from reconciler.emulator.switches import Switches
from reconciler.errors import UsageError

ADDED_KEY: Final = "added_by_service"
VERSION_PREFIX: Final = "model_version."


def settle_model(before: Any, after: Any, sent: Any, switches: Switches) -> None:
    """Settle the fields of a Model that a patch sent."""
    for spec, _ in sent.ListFields():
        if MODEL_RULES.get(spec.name) == TAGS:
            settle_tags(after, spec.name, switches)
    _settle_fields(after, sent, switches)
    _drop_unstored(before, after, switches, prefix="", model_id=after.id)


def settle_tags(after: Any, field: str, switches: Switches) -> None:
    """Settle one list of tags."""
    tags = list(getattr(after, field))
    if switches.trim_strings:
        tags = [tag.strip() for tag in tags]
    if switches.lower_case_tags:
        tags = [tag.lower() for tag in tags]
    if switches.tag_order == "sorted":
        tags = sorted(tags)
    elif switches.tag_order == "reversed":
        tags = tags[::-1]
    after.ClearField(field)
    getattr(after, field).extend(tags)


def drop_unstored_tags(before: Any, after: Any, switches: Switches) -> None:
    """Take back what a call that sets a list of tags did, where a switch says that the list is not stored."""
    _drop_unstored(before, after, switches, prefix="", model_id=after.id)


def settle_version(  # one argument for each thing that a rule may look at
    before: Any, after: Any, sent: Any, switches: Switches, *, model_id: str, kind: Any, action: str
) -> None:
    """Settle the fields of a ModelVersion that a patch sent. `kind` is the ModelType of its model, or None."""
    if sent.output_info.HasField("params"):
        declared = params.declared(kind, after)
        if switches.round_to_step:
            params.round_to_step(after.output_info.params, declared)
        if switches.server_adds_params == "always" or switches.server_adds_params == action == "overwrite":
            params.add_defaults(after.output_info.params, declared)
    _settle_fields(after, sent, switches)
    _drop_unstored(before, after, switches, prefix=VERSION_PREFIX, model_id=model_id)


def _settle_fields(after: Any, sent: Any, switches: Switches) -> None:
    if switches.trim_strings:
        for spec, value in sent.ListFields():
            if isinstance(value, str) and spec.name != "id":
                setattr(after, spec.name, getattr(after, spec.name).strip())
    if switches.server_adds_metadata and sent.HasField("metadata"):
        after.metadata[ADDED_KEY] = True


# --- fields that are not stored -----------------------------------------------------------------------------------


def require_known_fields(switches: Switches) -> None:
    """Raise UsageError where `unstored_fields` names a field that no patch changes."""
    for text in switches.unstored_fields:
        path = text.partition("@")[0]
        rules = VERSION_RULES if path.startswith(VERSION_PREFIX) else MODEL_RULES
        if path.removeprefix(VERSION_PREFIX).partition(".")[0] not in rules:
            raise UsageError(
                f"switch unstored_fields={text} names no field of a patch. "
                f"Write a field of a model, or {VERSION_PREFIX} and a field of a version, before the @."
            )


def _drop_unstored(before: Any, after: Any, switches: Switches, *, prefix: str, model_id: str) -> None:
    for text in switches.unstored_fields:
        path, _, glob = text.partition("@")
        is_version = path.startswith(VERSION_PREFIX)
        if is_version == bool(prefix) and fnmatchcase(model_id, glob):
            _restore(before, after, path.removeprefix(VERSION_PREFIX).split("."))


def _restore(before: Any, after: Any, path: list[str]) -> None:
    """Give the field, or the key of a Struct, at `path` in `after` the value that it has in `before`."""
    if isinstance(after, struct_pb2.Struct):
        _restore_key(before, after, path)
        return
    name, rest = path[0], path[1:]
    spec = after.DESCRIPTOR.fields_by_name[name]
    if rest and spec.message_type is not None:
        if after.HasField(name):
            _restore(getattr(before, name), getattr(after, name), rest)
        return
    after.ClearField(name)
    only = type(before)()
    only.CopyFrom(before)
    for other in before.DESCRIPTOR.fields:
        if other.name != name:
            only.ClearField(other.name)
    after.MergeFrom(only)


def _restore_key(before: Any, after: Any, path: list[str]) -> None:
    key, rest = path[0], path[1:]
    has_both = key in before.fields and key in after.fields
    inner = (before.fields[key], after.fields[key]) if has_both else ()
    if rest and inner and all(value.HasField("struct_value") for value in inner):
        _restore_key(inner[0].struct_value, inner[1].struct_value, rest)
    elif key in before.fields:
        after.fields[key].CopyFrom(before.fields[key])
    else:
        after.fields.pop(key, None)
