"""The emulator's switches: what it does where the service's rules are unknown, and its limits, latency and faults.

In: keyword arguments, or the text forms of the command line ("overwrite_struct=by_key",
"rpc=PatchModels,nth=1,kind=LOST_REPLY"). Out: frozen values. Nothing here acts on a switch.

Where the public material leaves a question open, each possible answer is a position of a switch; the text below each
field says where its default comes from. docs/emulator.md is generated from these texts. "Patching", "Manage Models" and
the like are pages of Clarifai's documentation; service.proto and resources.proto are those of clarifai-grpc.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from reconciler.errors import UsageError

FaultKind = Literal[
    "UNAVAILABLE",
    "DEADLINE",
    "11005",
    "11003",
    "99009",
    "10020",
    "98009",
    "11008",
    "21201",
    "21202",
    "21203",
    "21351",
    "21354",
    "21355",
    "LOST_REPLY",
    "HANG",
]
FAULT_KINDS: Final[tuple[str, ...]] = get_args(FaultKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong: in which calls, how, and how often at most.

    `rpc` is a method name, or "*" for all; only the calls that it names are counted, from 1. Of these, `nth` hits
    the nth call and those after it, `times` calls in all (1 unless stated otherwise); `every` hits each multiple;
    `probability` a share drawn from a generator that starts at `seed`. Without any of the three, every call is hit.
    `times` None is no limit. `names` leaves only the calls whose request names this id, of a model or a version.

    Kinds: UNAVAILABLE and DEADLINE end the call with that gRPC status before anything is done; a number answers with
    that Clarifai status, with nothing done; LOST_REPLY commits the call, then ends it as UNAVAILABLE; HANG keeps the
    call open, with nothing done, until the caller gives up. The channels of clarifai_grpc repeat a call that ended as
    UNAVAILABLE up to 4 times on their own (clarifai_channel.py, retryPolicy).
    """

    kind: FaultKind
    rpc: str = "*"
    names: str | None = None
    nth: int | None = None
    every: int | None = None
    probability: float | None = None
    seed: int = 0
    times: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in FAULT_KINDS:
            raise UsageError(f"fault kind {self.kind!r} is not known. Use one of {', '.join(FAULT_KINDS)}.")
        if sum(chosen is not None for chosen in (self.nth, self.every, self.probability)) > 1:
            raise UsageError("a fault has more than one of nth, every and probability. Give one of them.")
        for name, value in (("nth", self.nth), ("every", self.every), ("times", self.times)):
            if value is not None and value < 1:
                raise UsageError(f"fault {name}={value} is not a count. Give a whole number from 1.")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise UsageError(f"fault probability={self.probability} is not between 0 and 1.")

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read "rpc=PatchModels,nth=1,kind=LOST_REPLY". Raises UsageError that names the wrong part."""
        values: dict[str, Any] = {}
        for part in text.split(","):
            name, value = _split(part, what="fault", example="rpc=PatchModels,nth=1,kind=LOST_REPLY")
            values[name] = value
        known = _types(cls)
        read = {name: _read(name, value, known, what="fault") for name, value in values.items()}
        if "kind" not in read:
            raise UsageError(f"fault {text!r} has no kind. Add kind= one of {', '.join(FAULT_KINDS)}.")
        return cls(**read)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """How the emulator behaves. The defaults are what is documented or was observed, else the likelier guess."""

    # --- how patches are understood

    overwrite_struct: Literal["whole", "by_key", "by_key_deep"] = "whole"
    """What `overwrite` does to a Struct (metadata, presets, output_info.params): it replaces it whole, by top-level key,
    or by key at every depth. "Patching" says that overwrite replaces the object; whether that reaches into a Struct is
    unknown."""

    overwrite_output_info: Literal["keep_unsent", "drop_unsent"] = "keep_unsent"
    """What `overwrite` of a sub-message does to its unsent fields: they stay, as in the model example of "Patching", or
    go, as the rule there says. Unknown."""

    merge_tags: Literal["append_missing", "append", "replace"] = "append_missing"
    """What `merge` does to a list of strings (toolkits, use_cases, languages). "Manage Models" says that it appends to an
    existing list; whether equal items are dropped is unknown."""

    remove_keys: Literal["taken", "ignored"] = "taken"
    """What `remove` does to keys of a Struct that are sent as true: they are removed, as "Patching" says, or nothing
    happens, since "Manage Models" says that remove only deletes images. Unknown."""

    patch_models_output_info: Literal["ignore", "error"] = "ignore"
    """PatchModels with Model.output_info, which is deprecated since 20 January 2023 ("Upcoming API changes"): ignored, or
    refused with 21202. Unknown."""

    validate_params: Literal["none", "error"] = "none"
    """Whether PatchModelVersions refuses (21202) params that the model type does not declare or allow. Unknown."""

    max_batch: int | None = None
    """The most objects in one patch or deletion (PatchModels, PatchModelVersions, DeleteModels); see `batch_over`. `none` is no
    limit. Unknown."""

    batch_over: Literal["11102", "21203", "40033", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "first"] = "11102"
    """What happens to more objects than `max_batch`: the request is refused with this status of Clarifai or of gRPC, or only the
    first of them are changed and the response is success. Unknown."""

    max_request_bytes: int | None = None
    """The largest request message in bytes; a larger one ends as RESOURCE_EXHAUSTED, as gRPC servers do by default above 4 MiB
    (GRPC_DEFAULT_MAX_RECV_MESSAGE_LENGTH). The service's limit is unknown."""

    refused_object: Literal["nothing", "before", "others"] = "nothing"
    """What PatchModels and PatchModelVersions change if one of several objects is refused: nothing, the objects before it, or all
    others, with 10010. PatchDatasets reverts everything (service.proto); for models it is unknown."""

    # --- what is stored

    image_url: Literal["hosted", "kept"] = "hosted"
    """The image url that is read back: that of a hosted copy (observed in responses of the service), or the one that was
    sent. An image can be removed by either url."""

    server_adds_params: Literal["never", "create", "overwrite", "always"] = "create"
    """When the defaults of the model type are added to output_info.params: never, in PostModelVersions (observed), there
    and in an `overwrite` of PatchModelVersions, or in every call that writes params (both unknown)."""

    server_adds_metadata: bool = False
    """Whether a patch of `metadata` also stores a key of the service's own, `added_by_service`. Others do write keys
    there (`clarifai model upload` stores `git_registry`); whether the service does is unknown."""

    round_to_step: bool = False
    """Whether a patched param is rounded to the step of its range. resources.proto, ModelTypeRangeInfo.step, says that
    values are rounded to it; whether a patch does that is unknown."""

    trim_strings: bool = False
    """Whether spaces around patched strings and tags are removed before they are stored. Unknown."""

    lower_case_tags: bool = False
    """Whether toolkits, use_cases and languages are stored in lower case. Unknown."""

    tag_order: Literal["as_sent", "sorted", "reversed"] = "as_sent"
    """The order in which toolkits, use_cases and languages are stored. Unknown."""

    unstored_fields: tuple[str, ...] = ()
    """Fields that a patch does not store for some models, as FIELD@GLOB: `description@pet-*` for models whose id fits the
    glob, `model_version.output_info.params.min_value@*` for versions. PatchDeployments ignores read-only fields without
    an error (clarifai-python, pull request 1024); whether the patches of models do is unknown."""

    patch_answer: Literal["stored", "as_sent"] = "stored"
    """What a patch responds with: the object as it is stored, or as if no switch from `server_adds_params` to
    `unstored_fields` had changed it. Unknown."""

    version_modified_at: Literal["bumped", "kept"] = "bumped"
    """Whether PatchModelVersions moves the version's modified_at. resources.proto calls it "when this model version was
    last modified"; whether a patch counts is unknown."""

    # --- what is shown

    secrets: Literal["as_sent", "masked", "ciphertext", "ciphertext_new", "absent"] = "as_sent"
    """How params of the types ENCRYPTED_STRING and ARRAY_OF_SECRETS are read back: as they were sent, as `****`, as a text
    that depends on the secret alone, as one that is new with each read, or not at all. resources.proto says "encrypted
    in the DB and API"; how that reads is unknown. Of an ARRAY_OF_SECRETS the `value` of each item is concealed."""

    presets: Literal["always", "asked"] = "always"
    """Whether Model.presets is in every response (observed in PatchModels and PostModelVersions), or only with
    additional_fields `presets` (service.proto, ListModelsRequest.additional_fields)."""

    output_info_in_list: bool = True
    """Whether ListModels responds with model_version.output_info. PatchModels does (observed); of ListModels it is
    unknown."""

    listed_version: Literal["latest", "asked"] = "latest"
    """Which version ListModels shows when it filters by model_version_ids: the latest, or the one asked for. Unknown."""

    version_created_at: Literal["kept", "equal", "absent"] = "kept"
    """The created_at of versions in responses: each its own, that of the model for all, or none. Equal times happen where
    versions were imported or restored. Listings keep their order."""

    list_order: Literal["id", "id_descending", "insertion"] = "id"
    """The order of objects whose sort values are equal: ascending ids, descending ids, or the order in which they were
    added. Of versions with equal times the one with the largest id, with the smallest id, or the one added last is the
    newest. Unknown."""

    max_per_page: int = 1000
    """The largest page ("Pagination": up to 1,000 results)."""

    per_page_over: Literal["clamp", "error"] = "clamp"
    """What happens to a per_page beyond the largest page: it is cut down, or refused with 11102. Unknown."""

    unknown_app: Literal["error", "empty"] = "error"
    """Listing an app that does not exist: 11101, or an empty page. Unknown."""

    main_models: bool = True
    """Whether models of clarifai/main exist, and ListModels of any app returns them too (service.proto,
    ListModelsRequest.dont_fetch_from_main)."""

    # --- predictions

    predict_override: Literal["honoured", "ignored", "refused"] = "honoured"
    """What PostModelOutputs does with params of its own (`model.model_version.output_info`, as the official SDK sends them): it
    predicts with them, ignores them, or refuses the call with 21202. Whether every model type takes them is unknown."""

    predict_params: Literal["merged", "replaced"] = "merged"
    """Whether the params of a PostModelOutputs request are merged into those of the version, or stand in place of all of them.
    Unknown."""

    failing_inputs: tuple[str, ...] = ()
    """Globs of input ids or image URLs that can't be predicted. Such an output has the status 30002; the call as a whole has
    10010 (observed), or 10020 if no input could be predicted."""

    predict_latency_ms: float = 0
    """Milliseconds that PostModelOutputs takes, besides `latency_ms`."""

    # --- deletions

    delete_models_unknown: Literal["error", "ignore", "mixed"] = "error"
    """DeleteModels with an unknown id: 21200 and nothing is deleted, success, or 10010 and the others are deleted.
    Unknown."""

    delete_used_by_workflow: Literal["allow", "error"] = "allow"
    """Deleting a model or version that a workflow uses: done, and the workflow's version is marked `is_deprecated`
    (resources.proto, WorkflowVersion.is_deprecated), or refused with 21203 (the scopes of deletions include
    Workflows_Get, so workflows may be looked at). Unknown."""

    delete_used_by_deployment: Literal["allow", "error"] = "allow"
    """Deleting a model or version that a deployment runs: done, or refused with 21203. Unknown."""

    # --- the token, limits, and what goes wrong

    missing_scopes: tuple[str, ...] = ()
    """Scopes that the token lacks, by their names in scope.proto (`Deployments_Get,Workflows_Get`). A call that needs one
    (its option cl_depending_scopes in service.proto) fails with 11007."""

    refused_calls: tuple[str, ...] = ()
    """Calls that the token may not make (`ListDeployments,ListWorkflows`): they fail with 11007."""

    rest_unknown_fields: Literal["ignore", "error"] = "ignore"
    """What happens to names in a REST request's body or query that the call's request message does not have: they are
    ignored, as grpc-gateway does by default, or the request is refused with 11100. Unknown."""

    rate_limit: float | None = None
    """Calls a second before 11005. The service's own limit is 15 ("Rate Limits"); `none` is no limit."""

    latency_ms: float = 0
    """Milliseconds that are added to every call."""

    faults: tuple[Fault, ...] = ()
    """What goes wrong: the option `--fault`. The first fault that fits a call decides."""

    def __post_init__(self) -> None:
        for spec in fields(self):
            choices = get_args(_types(type(self))[spec.name])
            value = getattr(self, spec.name)
            if choices and all(isinstance(choice, str) for choice in choices) and value not in choices:
                raise UsageError(f"switch {spec.name}={value!r} is not known. Use one of {', '.join(choices)}.")
        for text in self.unstored_fields:
            if not all(text.partition("@")):
                raise UsageError(
                    f"switch unstored_fields={text} is not of the form FIELD@GLOB, like description@pet-*."
                )
        for name in ("max_per_page", "max_batch", "max_request_bytes", "rate_limit"):
            number = getattr(self, name)
            if number is not None and number <= 0:
                raise UsageError(f"switch {name}={number} is not above 0.")
        for name in ("latency_ms", "predict_latency_ms"):
            if getattr(self, name) < 0:
                raise UsageError(f"switch {name}={getattr(self, name)} is below 0.")

    @classmethod
    def parse(cls, texts: Iterable[str], *, faults: Iterable[str] = ()) -> Switches:
        """Read "name=position" texts and fault texts. Raises UsageError on an unknown name, a bad or repeated one."""
        known = {name: kind for name, kind in _types(cls).items() if name != "faults"}
        values: dict[str, Any] = {}
        for text in texts:
            name, value = _split(text, what="switch", example="overwrite_struct=by_key")
            if name in values:
                raise UsageError(f"switch {name} is given twice. Give it once.")
            values[name] = _read(name, value, known, what="switch")
        return cls(**values, faults=tuple(Fault.parse(text) for text in faults))


def _types(cls: type[Fault | Switches]) -> Mapping[str, Any]:
    """The types of the fields, computed once: every emulator that is made checks its switches."""
    return _fault_types() if cls is Fault else _switch_types()


@cache
def _fault_types() -> Mapping[str, Any]:
    return get_type_hints(Fault)


@cache
def _switch_types() -> Mapping[str, Any]:
    return get_type_hints(Switches)


def _split(text: str, *, what: str, example: str) -> tuple[str, str]:
    name, separator, value = text.strip().partition("=")
    if not separator or not name.strip():
        raise UsageError(f"{what} {text!r} is not of the form NAME=VALUE. Write it like {example}.")
    return name.strip(), value.strip()


def _read(name: str, text: str, known: Mapping[str, Any], *, what: str) -> Any:
    if name not in known:
        raise UsageError(f"{what} {name!r} is not known. Use one of {', '.join(sorted(known))}.")
    kind = known[name]
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        if text not in choices:
            raise UsageError(f"{what} {name}={text} is not known. Use one of {', '.join(choices)}.")
        return text
    if get_origin(kind) is tuple:
        return tuple(filter(None, (item.strip() for item in text.split(","))))
    if kind is str or str in get_args(kind):
        return text
    if kind is bool:
        words = {"true": True, "false": False}
        if text.lower() not in words:
            raise UsageError(f"{what} {name}={text} is not true or false.")
        return words[text.lower()]
    return _number(name, text, kind, what=what)


def _number(name: str, text: str, kind: Any, *, what: str) -> float | int | None:
    kinds = get_args(kind) or (kind,)
    if type(None) in kinds and text.lower() == "none":
        return None
    whole = int in kinds
    try:
        return int(text) if whole else float(text)
    except ValueError:
        raise UsageError(f"{what} {name}={text} is not a {'whole ' if whole else ''}number.") from None
