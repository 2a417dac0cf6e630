"""Values that can't be read back as they were sent: image URLs, and params that the model type declares secret.

In: a stated value, the live one, and what the owner mark of the model records of an earlier apply. Out: a verdict (in sync, to be
sent, or not comparable), and the desired spec without the changes that aren't to be sent. It never reads or writes anything.

The service shows the URL of its own copy of an image. It encrypts params of the types ENCRYPTED_STRING and ARRAY_OF_SECRETS
(resources.proto, ModelTypeField), and may return a mask, a ciphertext, or nothing. So a live value that differs from the stated one
says little. After apply has sent such a value, it therefore records two digests in `metadata.reconciler.unreadable`:

    {"salt": …, "values": {"image.url": {"sent": …, "seen": …}, "VERSION.output_info.params.NAME": {"sent": …, "seen": …}}}

`sent` is the digest of the stated value, `seen` that of what the service showed right afterwards; "absent" if it showed nothing,
and "unstable" if it showed something else with each read. As long as both still apply, the value is in sync. `digests.py` makes the
digests slow to guess from, because anybody who can read the model can try. Secrets of PUBLIC models, which everybody can read,
are therefore not recorded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal

from reconciler.compare.desired_spec import merged
from reconciler.compare.digests import ABSENT, Digests, digests
from reconciler.resources.canonical import equal
from reconciler.resources.desired import Statement
from reconciler.resources.fields import IMAGE_URL, MARK_KEY, UNREADABLE_KEY, Action
from reconciler.resources.keys import Key
from reconciler.resources.observed import Document
from reconciler.resources.secrets import PARAMS, Sensitive, holds_sensitive, revealed
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_text, with_value

Resend = Literal["image", "secrets"]

UNREADABLE: Final[FieldPath] = ("metadata", MARK_KEY, UNREADABLE_KEY)

UNSTABLE: Final = "unstable"

_SALT: Final = re.compile(r"[0-9a-f]{32}")


class Verdict(Enum):
    """What a plan does about a stated value that can't be read back."""

    IN_SYNC = "in_sync"
    SEND = "send"
    NOT_COMPARABLE = "not_comparable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What an owner mark records of one value. `seen` may also be ABSENT or UNSTABLE."""

    sent: str
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotComparable:
    """A stated value about which nothing can be said, and why."""

    address: str
    path: FieldPath
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """What may be sent of one value that can't be read back.

    `stated` is what the manifest states of it, wrapped in Sensitive if it is a secret; MISSING means that the value may not be
    sent at all. `is_whole` says that nothing else is to be there afterwards, so that the value may also be overwritten.
    `is_empty` says that the service shows nothing of a secret that isn't stated, and that nothing hints at one.
    """

    stated: Any = MISSING
    is_whole: bool = False
    is_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the owner mark of a model records, and what of this run it will record.

    `is_kept` says that the run has an owner. `is_public` is the visibility after the run.
    """

    salt: str = ""
    records: Mapping[str, Record] = field(default_factory=dict)
    is_kept: bool = False
    is_public: bool = False

    def record(self, key: Key, path: FieldPath) -> Record | None:
        """What is recorded of a value."""
        return self.records.get(place_of(key, path))

    def is_hiding(self, key: Key, path: FieldPath) -> bool:
        """Whether there may well be a value that the service doesn't show: one was sent, or it has hidden another one."""
        return self.record(key, path) is not None or any(each.seen == ABSENT for each in self.records.values())

    def keeps(self, path: FieldPath) -> bool:
        """Whether a value at this path is recorded after it was sent."""
        return self.is_kept and (path == IMAGE_URL or not self.is_public)

    def digests(self, key: Key, path: FieldPath) -> Callable[[Any], Digests]:
        """The function that makes the digests of a stated value at a path."""
        return lambda value: digests(self.salt, place_of(key, path), value)


def place_of(key: Key, path: FieldPath) -> str:
    """The key of a value in the owner mark."""
    return f"{key.version_id}.{path_text(path)}" if key.version_id else path_text(path)


def memory_from(document: Document, *, owner: str | None, visibility: Any = MISSING) -> Memory:
    """The memory in the live document of a model. `visibility` is the one after the run, if it isn't the live one.

    What isn't of the expected form counts as not recorded, so the value is sent again.
    """
    known = lookup(document, UNREADABLE)
    salt, values = lookup(known, ("salt",)), lookup(known, ("values",))
    if visibility is MISSING:
        visibility = lookup(document, ("visibility", "gettable"))
    is_public = visibility == "PUBLIC"
    if not isinstance(salt, str) or not _SALT.fullmatch(salt) or not isinstance(values, Mapping):
        return Memory(is_kept=owner is not None, is_public=is_public)
    records = {
        str(place): Record(sent=str(record["sent"]), seen=str(record["seen"]))
        for place, record in values.items()
        if isinstance(record, Mapping) and record.keys() >= {"sent", "seen"}
    }
    return Memory(salt=salt, records=records, is_kept=owner is not None, is_public=is_public)


def verdict(
    *,
    live: Any,
    stated: Any,
    record: Record | None,
    digests_of: Callable[[Any], Digests],
    is_kept: bool,
    is_resent: bool = False,
) -> Verdict:
    """What to do about a stated value, given the live one (MISSING: the service shows none) and what is recorded.

    `is_kept` says whether the value is recorded once it was sent.
    """
    if live is not MISSING and equal(live, stated):
        return Verdict.IN_SYNC
    if is_resent:
        return Verdict.SEND
    if record is not None:
        known = digests_of(stated)
        is_same = record.sent == known.sent and record.seen in (UNSTABLE, known.seen(live))
        return Verdict.IN_SYNC if is_same else Verdict.SEND
    return Verdict.SEND if is_kept or live is MISSING else Verdict.NOT_COMPARABLE


def stated_at(statements: Iterable[Statement], path: FieldPath) -> Any:
    """What statements state at a path, all together; MISSING if none does."""
    found: Any = MISSING
    for statement in statements:
        value = lookup(statement.stated, path)
        if value is MISSING:
            continue
        if found is MISSING or statement.action is Action.OVERWRITE:
            found = value
        else:
            found = merged(revealed(found), revealed(value))
    return found


def is_removed(statements: Iterable[Statement], path: FieldPath) -> bool:
    """Whether statements say that the value at a path must be absent."""
    return any(removal.path == path[: len(removal.path)] for each in statements for removal in each.removals)


def unreadable_paths(key: Key, statements: Iterable[Statement], secret_params: Collection[str]) -> list[FieldPath]:
    """The paths of a resource whose values can't be read back, in order: its image if it is stated, and its secret params."""
    if key.version_id:
        return [(*PARAMS, name) for name in sorted(secret_params)]
    return [IMAGE_URL] if any(IMAGE_URL[0] in each.stated for each in statements) else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A desired spec without the changes that aren't to be sent, and what was found on the way.

    `values` are all values of the resource that can't be read back, except those that are to be removed. `unshown` are those
    that the service doesn't show, and that the next run will therefore send again.
    """

    after: Mapping[str, Any]
    values: Mapping[FieldPath, Unreadable]
    not_comparable: tuple[NotComparable, ...] = ()
    unshown: tuple[NotComparable, ...] = ()


def judged(
    key: Key,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    statements: Iterable[Statement],
    *,
    secret_params: Collection[str],
    memory: Memory,
    resend: Collection[Resend] = (),
) -> Judged:
    """Judge each value that can't be read back. `after` is the spec that the statements ask for, given `before`.

    `secret_params` are the params of a version that its model type declares secret. Those that no statement is about stay.
    """
    statements = tuple(statements)
    values: dict[FieldPath, Unreadable] = {}
    missing: list[NotComparable] = []
    unshown: list[NotComparable] = []
    for path in unreadable_paths(key, statements, secret_params):
        stated, live, wanted = stated_at(statements, path), lookup(before, path), lookup(after, path)
        if is_removed(statements, path):
            continue
        if stated is MISSING:
            if path != IMAGE_URL:
                values[path] = Unreadable(is_empty=is_empty(live) and not memory.is_hiding(key, path))
            if wanted is MISSING and live is not MISSING and path != IMAGE_URL:
                after = with_value(after, path, live)
            continue
        values[path] = Unreadable(stated=_wrapped(path, stated), is_whole=equal(stated, wanted))
        if live is not MISSING and equal(live, wanted):
            continue
        found = verdict(
            live=live,
            stated=stated,
            record=memory.record(key, path),
            digests_of=memory.digests(key, path),
            is_kept=memory.keeps(path),
            is_resent=("image" if path == IMAGE_URL else "secrets") in resend,
        )
        if found is Verdict.SEND and live is MISSING and path != IMAGE_URL and not memory.keeps(path):
            unshown.append(NotComparable(address=key.address, path=path, reason=_reason(path, memory)))
        if found is not Verdict.SEND:
            # An image without a URL is no image.
            root = path if live is not MISSING or path != IMAGE_URL else path[:1]
            after = with_value(after, root, live)
        if found is Verdict.NOT_COMPARABLE:
            missing.append(NotComparable(address=key.address, path=path, reason=_reason(path, memory)))
    return Judged(after=after, values=values, not_comparable=tuple(missing), unshown=tuple(unshown))


def is_empty(live: Any) -> bool:
    """Whether a live value contains nothing that could be a mask."""
    return live is MISSING or live in ("", [], {}, None)


def _wrapped(path: FieldPath, stated: Any) -> Any:
    if path == IMAGE_URL or isinstance(stated, Sensitive):
        return stated
    return Sensitive(revealed(stated) if holds_sensitive(stated) else stated, "manifest")


def _reason(path: FieldPath, memory: Memory) -> str:
    if path == IMAGE_URL:
        return "the service shows the URL of its own copy, and without an owner nothing records which image was sent"
    if memory.is_kept:
        return "the service doesn't show the secret as it was sent, and nothing about secrets of a PUBLIC model is recorded"
    return "the service doesn't show the secret as it was sent, and without an owner nothing records what was sent"


def without_secrets(mark: Mapping[str, Any]) -> dict[str, Any]:
    """An owner mark in which the records of secrets are cleared, as on a PUBLIC model."""
    values = lookup(mark, (UNREADABLE_KEY, "values"))
    if not isinstance(values, Mapping):
        return dict(mark)
    cleared = {place: record if place == path_text(IMAGE_URL) else {} for place, record in values.items()}
    return with_value(mark, (UNREADABLE_KEY, "values"), cleared)
