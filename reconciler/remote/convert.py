"""Between the service's messages and this package's types; reads message attributes, calls nothing.

Documents are made lazily: a listing of ten thousand models costs nothing per model until a field of one is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from reconciler.errors import FaultClass, ReconcilerError, RemoteError
from reconciler.resources.canonical import MAX_EXACT
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Document, ObservedModel, ObservedVersion
from reconciler.resources.secrets import revealed
from reconciler.resources.tree import MISSING

_WELL_KNOWN: Final = "google.protobuf."
"""The package of messages whose JSON isn't that of their fields: Struct, Timestamp and others."""

_Read = Callable[[Any, Any], Any]
"""Takes a message and the whole that it is a part of, and returns a field of it as JSON."""


class LazyDocument(Mapping[str, Any]):
    """A message as JSON with proto field names, each field converted at the first look. Read-only, like the message.

    `leave_out` names top-level fields that the document doesn't have. A message inside the message is a LazyDocument too, whose
    errors name the `whole`. Raises RemoteError at the look at a field that has no JSON form (NaN or infinity in a Struct), and at
    the first look at all fields.
    """

    __slots__ = ("_content", "_leave_out", "_message", "_read", "_whole")

    def __init__(self, message: Any, *, leave_out: tuple[str, ...] = (), whole: Any = None) -> None:
        self._message = message
        self._whole = message if whole is None else whole
        self._leave_out = leave_out
        self._content: dict[str, Any] | None = None
        self._read: dict[str, Any] | None = None

    def _load(self) -> dict[str, Any]:
        # The message is read before the content and let go after it is set: another thread in between finds either.
        message, content = self._message, self._content
        if content is None:
            content = self._put_together(message)
            if content is None:
                content = document_from(message, leave_out=self._leave_out, whole=self._whole)
            self._content = content
            self._message = self._whole = self._read = None
        return content

    def _put_together(self, message: Any) -> dict[str, Any] | None:
        """All fields, of which some have been converted; None where it takes the whole message to convert the others."""
        known = self._read
        if not known:
            return None
        readers, content = _field_readers(message.DESCRIPTOR), dict[str, Any]()
        for name in sorted(field.name for field, _ in message.ListFields()):
            if name in self._leave_out:
                continue
            if name not in known and name not in readers:
                return None
            try:
                found = known[name] if name in known else readers[name](message, self._whole)
            except Exception:  # noqa: BLE001  as in `_field`
                return None
            content[name] = found._load() if isinstance(found, LazyDocument) else found
        return content

    def forget(self) -> None:
        """Free the fields that were converted one by one. Where one is looked at again, it is converted again."""
        self._read = None

    def _field(self, name: str) -> Any:
        """The field's value, MISSING where the document doesn't have it."""
        message, content = self._message, self._content
        read = None if content is not None or name in self._leave_out else _field_readers(message.DESCRIPTOR).get(name)
        if read is None:
            return self._load().get(name, MISSING)
        try:
            return read(message, self._whole)
        except Exception:  # noqa: BLE001  reading it as a whole says what is wrong
            return self._load().get(name, MISSING)

    def get(self, name: str, default: Any = None) -> Any:
        """The field's value, or the default."""
        read = self._read
        if read is not None and name in read:
            found = read[name]
        else:
            found = self._field(name)
            # A string is cheap to read again. Notes have up to 64 KiB, and a copy of each beside the message would double a fleet.
            if type(found) is not str and found is not MISSING:
                if read is None:
                    read = self._read = {}
                read[name] = found
        return default if found is MISSING else found

    def __getitem__(self, name: str) -> Any:
        found = self.get(name, MISSING)
        if found is MISSING:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name, MISSING) is not MISSING

    def __iter__(self) -> Iterator[str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())

    def __bool__(self) -> bool:
        message = self._message
        if message is None:
            return bool(self._load())
        return any(field.name not in self._leave_out for field, _ in message.ListFields())

    def __repr__(self) -> str:
        # Never the content: params may hold secrets.
        return f"<LazyDocument of {'a read message' if self._message is None else self._message.DESCRIPTOR.name}>"


def let_go(document: Document) -> None:
    """Free what was converted of a live document that most probably isn't looked at again."""
    if isinstance(document, LazyDocument):
        document.forget()


def document_from(message: Any, *, leave_out: tuple[str, ...] = (), whole: Any = None) -> dict[str, Any]:
    """A message as JSON with proto field names; a number without a fraction is an int, as it was before it was sent.

    An error names the `whole`, the message that this one is a part of.
    """
    from google.protobuf import json_format

    whole = message if whole is None else whole
    if leave_out:
        source, message = message, type(message)()
        message.CopyFrom(source)
        for name in leave_out:
            message.ClearField(name)
    try:
        document: dict[str, Any] = _json(message)
        return document
    except (ValueError, json_format.Error):
        problem = f"{whole.DESCRIPTOR.name} {getattr(whole, 'id', '')!r} holds a value that JSON has no form for"
    raise RemoteError(
        rpc="Reading the answer",
        code="UNREADABLE_ANSWER",
        description=f"{problem} (NaN or infinity). Correct it with the tool that wrote it.",
        fault=FaultClass.FATAL,
    )


@cache
def _field_readers(descriptor: Any) -> Mapping[str, _Read]:
    """By name, what reads one field of such messages as JSON: MISSING where it isn't set.

    Only strings, enums and messages are here, and lists of strings and messages: what manifests state. A field of another
    kind is read with its whole message.
    """
    from google.protobuf.descriptor import FieldDescriptor

    readers: dict[str, _Read] = {}
    for field in descriptor.fields:
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if field.type == FieldDescriptor.TYPE_STRING or (field.type == FieldDescriptor.TYPE_MESSAGE and not is_map):
            readers[field.name] = _field_reader(field)
        elif field.type == FieldDescriptor.TYPE_ENUM and not _is_repeated(field) and not field.has_presence:
            readers[field.name] = _enum_reader(field)
    return readers


def _enum_reader(field: Any) -> _Read:
    """The name of a value, as JSON has it; the number of one that this release of the package doesn't know."""
    name = field.name
    names = {number: value.name for number, value in field.enum_type.values_by_number.items()}

    def read(message: Any, _whole: Any) -> Any:
        number = getattr(message, name)
        return names.get(number, number) if number else MISSING

    return read


def _is_repeated(field: Any) -> bool:
    # `label` is deprecated since protobuf 6.31, which brought `is_repeated`.
    return bool(field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED)


def _field_reader(field: Any) -> _Read:
    name = field.name
    is_repeated = _is_repeated(field)
    if is_repeated and field.message_type is not None:
        return lambda message, _: [_json(item) for item in getattr(message, name)] or MISSING
    if is_repeated:
        return lambda message, _: list(getattr(message, name)) or MISSING
    if field.message_type is not None and not field.message_type.full_name.startswith(_WELL_KNOWN):
        return lambda message, whole: (
            LazyDocument(getattr(message, name), whole=whole) if message.HasField(name) else MISSING
        )
    if field.message_type is not None:
        return lambda message, _: _json(getattr(message, name)) if message.HasField(name) else MISSING
    if field.has_presence:
        return lambda message, _: getattr(message, name) if message.HasField(name) else MISSING
    return lambda message, _: getattr(message, name) or MISSING


def _json(message: Any) -> Any:
    """A message as JSON with proto field names, ints for numbers without a fraction, and names in order."""
    from google.protobuf import json_format

    return _one_order(json_format.MessageToDict(message, preserving_proto_field_name=True))


def _one_order(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        # A Struct is a map to protobuf, whose order changes from process to process; plans must not.
        return {name: _one_order(value[name]) for name in sorted(value)}
    if kind is list:
        return [_one_order(item) for item in value]
    if kind is float:
        return int(value) if value.is_integer() and abs(value) <= MAX_EXACT else value
    return value


def message_from(body: Mapping[str, Any], message: Any) -> Any:
    """Fill `message` from JSON with proto field names. Raises ReconcilerError where the two don't fit.

    The error's text quotes values of the body: the caller takes the secrets out of it.
    """
    from google.protobuf import json_format

    try:
        return json_format.ParseDict(revealed(body), message)
    except (json_format.Error, TypeError, ValueError) as error:
        problem = str(error)
    raise ReconcilerError(f"{message.DESCRIPTOR.name} can't be made from the planned body: {problem}")


def model_from(message: Any, *, own_user_id: str, scope: Scope) -> ObservedModel:
    """One Model message of an answer about `scope`, whose user's real id is `own_user_id`.

    A model of the scope gets the scope's own spelling of the user id ("me" stays "me"), so that its key equals the
    manifest's. Any other keeps what the message says, even where that is empty: who owns it isn't guessed.
    """
    user_id, app_id = message.user_id, message.app_id
    if user_id == own_user_id and app_id == scope.app_id:
        user_id, app_id = scope
    key = Key(user_id=user_id, app_id=app_id, model_id=message.id)
    latest = version_from(message.model_version, key=key) if message.HasField("model_version") else None
    return ObservedModel(
        key=key,
        document=LazyDocument(message, leave_out=("model_version",)),
        model_type_id=message.model_type_id,
        latest=latest,
        versions=(latest,) if latest else (),
    )


def version_from(message: Any, *, key: Key) -> ObservedVersion:
    """One ModelVersion message of the model at `key`."""
    created = message.created_at if message.HasField("created_at") else None
    return ObservedVersion(
        key=key.version(message.id),
        document=LazyDocument(message),
        created_at=(created.seconds, created.nanos) if created is not None else None,
        status_code=message.status.code,
    )


def newest_first(versions: Iterable[ObservedVersion]) -> tuple[ObservedVersion, ...]:
    """Versions by time of creation, the newest first, from a listing that was asked for in that order.

    Times may be equal (imports, restores) or missing; there the order of the listing stays, and an id says nothing.
    """
    listed = tuple(versions)
    if any(version.created_at is None for version in listed):
        return listed
    return tuple(sorted(listed, key=lambda version: version.created_at or (), reverse=True))


def documents_from(response: Any) -> tuple[Document, ...]:
    """The objects that an answer to a write returned: models or versions; nothing for the others."""
    names = response.DESCRIPTOR.fields_by_name
    for name in ("models", "model_versions"):
        if name in names:
            return tuple(LazyDocument(item) for item in getattr(response, name))
    return ()
