"""The plan as a JSON document and back (`--out`, `--format json`; schemas/plan.v1.schema.json).

The document has a fingerprint over everything in it but the forecast. To read one back is to derive its requests again from
its changes: a document with other requests is not a plan. It never contains a sensitive value: where a request needs
one, its place is listed under `sensitive` with the source it can be read from again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from typing import Any, Final, TypeVar

from reconciler.compare.expectations import expectation_document, expectation_from_document
from reconciler.compare.results import FieldChange
from reconciler.compare.unreadable import NotComparable
from reconciler.errors import Origin, Refusal, problem_document, problem_from_document
from reconciler.plan.fingerprint import canonical_text, fingerprint, sealed
from reconciler.plan.parts import (
    field_document,
    origin_document,
    origin_from_document,
    released_document,
    released_from_document,
)
from reconciler.plan.plan import AttributionBase, Change, Forecast, Plan, Source
from reconciler.plan.policy_json import policy_documents, policy_from_document
from reconciler.plan.preview import preview_documents, preview_from_documents
from reconciler.plan.unmanaged import UNMANAGED_PARTS, unmanaged_from_parts, unmanaged_parts
from reconciler.requests.results import Notice
from reconciler.resources.desired import Removal, Statement
from reconciler.resources.fields import KINDS, Action, Shape
from reconciler.resources.json_text import Entries, made
from reconciler.resources.keys import Key, Kind
from reconciler.resources.request import DELETE_ALL, Entry, Request, request_from_body
from reconciler.resources.secrets import (
    ENV,
    SENSITIVE_TEXT,
    Sensitive,
    redacted,
    sensitive_places,
)
from reconciler.resources.tree import MISSING, FieldPath, lookup, map_leaves, path_from_text, path_text, with_value

FORMAT_VERSION = "1.4"
"""Major: a reader of another major refuses the file. Minor: keys were added. 1.1 calls `history` what was `memory` in 1.0; 1.2
has `batch`, from which the requests are derived again; 1.3 has `origin` of a field; 1.4 has `probes` and `probing`, `released`,
`only_defaults`, `policy` and `overridden_rules`, and `mark` of a deletion, whose fields are what is lost."""

PLAN: Final = "Plan"
PURGE: Final = "Purge"
"""The kind of a document about one call that deletes whatever its app holds. Only the journal of a run contains one."""


def _sensitive_places(value: Any) -> Iterator[dict[str, Any]]:
    for place, secret in sensitive_places(value):
        steps = (str(step).replace("~", "~0").replace("/", "~1") for step in place)
        document: dict[str, Any] = {"pointer": "".join(f"/{step}" for step in steps), "source": secret.source}
        if secret.variables and not secret.source.startswith(ENV):
            document["variables"] = list(secret.variables)
        yield document


def _placed(document: dict[str, Any], origin: Origin | None, change_origin: Origin | None) -> dict[str, Any]:
    """An entry of `fields` with its origin, where that is not the one of the change."""
    return document if origin is None or origin == change_origin else {**document, "origin": origin_document(origin)}


def change_document(change: Change) -> dict[str, Any]:
    """One entry of `changes`."""
    key, origin = change.key, change.origin
    document: dict[str, Any] = {
        "address": key.address,
        "kind": key.kind.value,
        "action": change.action,
        "user_id": key.user_id,
        "app_id": key.app_id,
        "model_id": key.model_id,
        "version_id": key.version_id or None,
        "origin": None if origin is None else origin_document(origin),
        "fields": [_placed(field_document(item), item.origin, origin) for item in change.fields],
    }
    if change.reason is not None:
        document["reason"] = change.reason
    if change.attribution is not None:
        document["attribution"] = change.attribution
    statements = [_statement_document(change, each) for each in change.statements]
    if any(entry["stated"] or entry["remove"] for entry in statements):
        document["statements"] = statements
    tolerances = {path_text(item.path): item.tolerance for item in change.fields if item.tolerance}
    if tolerances:
        document["tolerances"] = tolerances
    if change.object_digest is not None:
        document["object_digest"] = change.object_digest
    if change.mark is not None:
        document["mark"] = dict(change.mark)
    if change.retain is not None:
        document["retain"] = change.retain
    if change.unreadable:
        document["unreadable"] = [path_text(path) for path in change.unreadable]
    return document


_HOLDING_MORE: Final[Mapping[Kind, tuple[FieldPath, ...]]] = {
    kind: tuple(sorted(spec.path for spec in specs if spec.shape in (Shape.TAGS, Shape.STRUCT)))
    for kind, specs in KINDS.items()
}
"""By kind, the paths of tag lists and Structs, which after a `merge` hold more than a manifest states."""
_LENGTHS: Final = frozenset(len(path) for paths in _HOLDING_MORE.values() for path in paths)


def _statement_document(change: Change, statement: Statement) -> dict[str, Any]:
    """What an entry states of the changed tag lists and Structs: under `merge` that is less than they hold afterwards.

    A changed string needs no more than its value, unless the entry could mean another version later (`select`): then all of it counts.
    """
    if statement.select is not None:
        return {
            "action": statement.action.value,
            "stated": redacted(statement.stated),
            "remove": [_removal_document(removal) for removal in statement.removals],
            "select": statement.select,
        }
    changed = {item.path[:length] for item in change.fields for length in _LENGTHS}
    paths = [path for path in _HOLDING_MORE[change.key.kind] if path in changed]
    stated: dict[str, Any] = {}
    for path in paths:
        value = lookup(statement.stated, path)
        if value is not MISSING:
            stated = with_value(stated, path, redacted(value))
    removals = [
        _removal_document(removal)
        for removal in statement.removals
        if any(removal.path[: len(path)] == path for path in paths)
    ]
    return {"action": statement.action.value, "stated": stated, "remove": removals}


def _removal_document(removal: Removal) -> dict[str, Any]:
    return {"path": path_text(removal.path), **({} if removal.item is None else {"item": removal.item})}


def request_document(request: Request) -> dict[str, Any]:
    """One entry of `requests`."""
    body = redacted(request.body)
    document: dict[str, Any] = {
        "rpc": request.rpc,
        "action": request.action,
        "body": body,
        "changes": [entry.key.address for entry in request.entries],
    }
    # What holds nothing sensitive is not copied.
    if body is not request.body and (places := list(_sensitive_places(request.body))):
        document["sensitive"] = places
    return document


def refusal_document(refusal: Refusal) -> dict[str, Any]:
    """One entry of `refused`."""
    return {
        "rule": refusal.rule,
        "address": refusal.address,
        "message": refusal.message,
        "remedy": refusal.remedy,
    }


def not_comparable_document(item: NotComparable) -> dict[str, Any]:
    """One entry of `not_comparable`."""
    return {"address": item.address, "path": path_text(item.path), "reason": item.reason}


def plan_document(plan: Plan, *, kind: str = PLAN) -> dict[str, Any]:
    """The plan as JSON data, fingerprint included."""
    return made(sealed(plan_parts(plan, kind=kind)))


def plan_parts(plan: Plan, *, kind: str = PLAN) -> dict[str, Any]:
    """The plan as a document without a fingerprint, the changes and requests of which are Entries."""
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "kind": kind,
        "tool": {"name": "clarifai-reconciler", "version": plan.tool_version},
        "created_at": plan.created_at,
        "endpoint": plan.endpoint,
        "environment": plan.environment,
        "source": {
            "digest": plan.source.digest,
            "files": list(plan.source.files),
            "git_commit": plan.source.git_commit,
            **({"git_branch": plan.source.git_branch} if plan.source.git_branch is not None else {}),
            "config": plan.source.config,
        },
        "summary": plan.summary,
        "changes": Entries(plan.changes, change_document),
        "refused": [refusal_document(refusal) for refusal in plan.refused],
        "not_comparable": [not_comparable_document(item) for item in plan.not_comparable],
        "released": [released_document(item) for item in plan.released],
        "notices": [{"address": notice.address, "message": notice.message} for notice in plan.notices],
        "requests": Entries(plan.requests, request_document),
        "batch": plan.batch,
        **plan.extra,
    }
    if plan.owner is not None:
        document["owner"] = plan.owner
    document.update(unmanaged_parts(plan))
    if plan.only_defaults:
        document["only_defaults"] = list(plan.only_defaults)
    if plan.forecast is not None and kind != "Apply":
        document["forecast"] = forecast_document(plan.forecast)
    if plan.attribution_base is not None:
        base = plan.attribution_base
        document["attribution_base"] = {"ref": base.ref, "commit": base.commit}
    if plan.expectations:
        document["expectations"] = [expectation_document(item) for item in plan.expectations]
    document.update(preview_documents(plan.preview))
    document.update(policy_documents(plan))
    if plan.warnings:
        document["warnings"] = [problem_document(warning) for warning in plan.warnings]
    return document


def forecast_document(forecast: Forecast) -> dict[str, Any]:
    """What applying takes."""
    document: dict[str, Any] = {"calls": forecast.calls, "seconds": forecast.seconds, "rate": forecast.rate}
    if forecast.predictions is not None:
        document["predictions"] = forecast.predictions
    return document


# --- reading it back ----------------------------------------------------------------------------------------


class PlanFormatError(ValueError):
    """The document is not a plan that this version can read; the text says why."""


def plan_from_document(document: Mapping[str, Any], *, kinds: Collection[str] = (PLAN,)) -> Plan:
    """The inverse of `plan_document`; values shown as `(sensitive)` come back as Sensitive(None, source).

    Raises PlanFormatError if the document is not a plan of these kinds, is of another major format, was edited after it was
    made, or has other requests than its changes lead to.
    """
    if document.get("kind") not in kinds:
        raise PlanFormatError(f"its kind is {document.get('kind')!r}, not {' or '.join(map(repr, kinds))}")
    version = str(document.get("format_version", ""))
    if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise PlanFormatError(f"its format is {version or 'missing'}, this version reads {FORMAT_VERSION}")
    if document.get("fingerprint") != fingerprint(document):
        raise PlanFormatError("it was changed after it was made: its fingerprint does not fit its content")
    try:
        plan = _plan_from_document(document)
        _ = plan.made_at  # ValueError for another form
        expected = _purge_requests(plan) if document["kind"] == PURGE else _derived(plan)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise PlanFormatError(
            f"a part of it is missing or of another type ({type(error).__name__}: {error})"
        ) from error
    if len(plan.requests) != len(expected) or any(map(_differ, plan.requests, expected)):
        raise PlanFormatError("its requests are not the ones that its changes lead to")
    if document["summary"] != plan.summary:
        raise PlanFormatError("its summary is not that of its changes")
    return plan


def _derived(plan: Plan) -> tuple[Request, ...]:
    from reconciler.plan.derived import derived_requests  # only a saved plan needs it

    return derived_requests(plan.changes, plan.requests, batch=plan.batch, is_refused=bool(plan.refused))


def _purge_requests(plan: Plan) -> tuple[Request, ...]:
    entries = tuple(Entry(key=change.key) for change in plan.changes if change.action == "delete")
    return (Request(rpc="DeleteModels", action=DELETE_ALL, scope=entries[0].key.scope, entries=entries),)


def _differ(request: Request, expected: Request) -> bool:
    return _text(request) != _text(expected)


def _text(request: Request) -> str:
    document = request_document(request)
    places = sorted(document.get("sensitive", ()), key=lambda place: str(place["pointer"]))
    # As text, because in Python 1 equals True and 1.0.
    return canonical_text({**document, "sensitive": places})


def _plan_from_document(document: Mapping[str, Any]) -> Plan:
    keys: dict[str, Key] = {}
    for entry in document["changes"]:
        key = _key(entry)
        if (entry["address"], entry["kind"]) != (key.address, key.kind.value) or entry["address"] in keys:
            raise ValueError(f"the address {entry['address']!r} is not that of its ids, or occurs twice")
        keys[entry["address"]] = key
    source = document["source"]
    known = {
        *plan_document(_EMPTY),
        *UNMANAGED_PARTS,
        "attribution_base",
        "expectations",
        "forecast",
        "only_defaults",
        "policy",
        "overridden_rules",
        "owner",
        "warnings",
        "probes",
        "probing",
    }
    base = document.get("attribution_base")
    if type(document["batch"]) is not int or document["batch"] < 1:
        raise ValueError(f"the batch {document['batch']!r} is not a positive integer")
    return Plan(
        tool_version=document["tool"]["version"],
        created_at=document["created_at"],
        endpoint=document["endpoint"],
        environment=document.get("environment"),
        owner=document.get("owner"),
        only_defaults=tuple(document.get("only_defaults", ())),
        policy=policy_from_document(document),
        overridden_rules=tuple(document.get("overridden_rules", ())),
        source=Source(
            digest=source["digest"],
            files=tuple(source["files"]),
            git_commit=source["git_commit"],
            git_branch=source.get("git_branch"),
            config=source.get("config"),
        ),
        changes=tuple(_change(entry, keys) for entry in document["changes"]),
        requests=tuple(_request(entry, keys) for entry in document["requests"]),
        refused=tuple(_made(Refusal, entry) for entry in document["refused"]),
        not_comparable=tuple(_not_comparable(entry) for entry in document.get("not_comparable", [])),
        released=tuple(released_from_document(entry) for entry in document.get("released", [])),
        **unmanaged_from_parts(document),
        notices=tuple(_made(Notice, entry) for entry in document.get("notices", [])),
        expectations=tuple(expectation_from_document(entry) for entry in document.get("expectations", [])),
        warnings=tuple(problem_from_document(entry) for entry in document.get("warnings", [])),
        unchanged=document["summary"]["unchanged"],
        forecast=None if "forecast" not in document else _made(Forecast, document["forecast"]),
        attribution_base=None if base is None else AttributionBase(ref=base["ref"], commit=base["commit"]),
        preview=preview_from_documents(document),
        batch=document["batch"],
        extra={name: value for name, value in document.items() if name not in known},
    )


_Part = TypeVar("_Part", Refusal, Notice, Forecast)
_EMPTY = Plan(tool_version="", created_at="", endpoint="", source=Source(digest="", files=()))


def _made(kind: type[_Part], entry: Mapping[str, Any]) -> _Part:
    """A part of a plan without the keys that a newer minor format may have added to it."""
    return kind(**{field.name: entry[field.name] for field in fields(kind) if field.name in entry})


def _key(entry: Mapping[str, Any]) -> Key:
    return Key(
        user_id=entry["user_id"],
        app_id=entry["app_id"],
        model_id=entry["model_id"],
        version_id=entry["version_id"] or "",
    )


def _change(entry: Mapping[str, Any], keys: Mapping[str, Key]) -> Change:
    action = entry["action"]
    origin = None if entry["origin"] is None else origin_from_document(entry["origin"])
    if action not in ("update", "delete"):
        raise ValueError(f"the action {action!r} is neither update nor delete")
    return Change(
        key=keys[entry["address"]],
        action=action,
        fields=tuple(
            _field(item, entry.get("tolerances", {}), origin if action == "update" else None)
            for item in entry["fields"]
        ),
        origin=origin,
        reason=entry.get("reason"),
        attribution=entry.get("attribution"),
        object_digest=entry.get("object_digest"),
        mark=entry.get("mark"),
        retain=entry.get("retain"),
        unreadable=tuple(map(path_from_text, entry.get("unreadable", []))),
        statements=tuple(_statement(item) for item in entry.get("statements", [])),
    )


def _not_comparable(entry: Mapping[str, Any]) -> NotComparable:
    return NotComparable(address=entry["address"], path=path_from_text(entry["path"]), reason=entry["reason"])


def _statement(entry: Mapping[str, Any]) -> Statement:
    return Statement(
        action=Action(entry["action"]),
        stated=map_leaves(entry["stated"], lambda leaf: Sensitive(None, "plan") if leaf == SENSITIVE_TEXT else leaf),
        removals=tuple(
            Removal(path=path_from_text(item["path"]), item=item.get("item"), origin=Origin(path=""))
            for item in entry["remove"]
        ),
        select=entry.get("select"),
    )


def _field(entry: Mapping[str, Any], tolerances: Mapping[str, float], change_origin: Origin | None) -> FieldChange:
    def side(name: str) -> Any:
        if name not in entry:
            return MISSING
        if not entry.get("sensitive") or entry[name] != SENSITIVE_TEXT:
            return entry[name]
        return Sensitive(None, "plan", tuple(entry.get("variables", ())) if name == "after" else ())

    return FieldChange(
        path=path_from_text(entry["path"]),
        before=side("before"),
        after=side("after"),
        origin=origin_from_document(entry["origin"]) if "origin" in entry else change_origin,
        attribution=entry.get("attribution"),
        base=side("base"),
        tolerance=tolerances.get(entry["path"], 0.0),
    )


def _request(entry: Mapping[str, Any], keys: Mapping[str, Key]) -> Request:
    body = entry["body"]
    for place in entry.get("sensitive", []):
        secret = Sensitive(None, place["source"], tuple(place.get("variables", ())))
        body = _replaced(body, place["pointer"].split("/")[1:], secret)
    keys_of = tuple(keys[address] for address in entry["changes"])
    return request_from_body(entry["rpc"], entry["action"], body, keys_of)


def _replaced(tree: Any, steps: list[str], value: Any) -> Any:
    if not steps:
        return value
    step, rest = steps[0].replace("~1", "/").replace("~0", "~"), steps[1:]
    if isinstance(tree, list):
        index = int(step)
        return [_replaced(item, rest, value) if at == index else item for at, item in enumerate(tree)]
    return {name: _replaced(item, rest, value) if name == step else item for name, item in tree.items()}
