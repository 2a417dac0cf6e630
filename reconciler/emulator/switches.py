"""What the emulator can be told to do differently: the readings of unclear rules, limits, latency and faults.

In: keyword arguments, or the text forms that a command line has ("overwrite_struct=by_key",
"rpc=PatchModels,nth=1,kind=LOST_REPLY"). Out: frozen values. Nothing here does what the switches say.

Where the public material leaves a point open, both readings are positions of a switch; each field says where its
default comes from. "Patching" is the page of that name in Clarifai's documentation (api-guide/advanced-topics/patching).
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
    "LOST_REPLY",
    "HANG",
]
FAULT_KINDS: Final[tuple[str, ...]] = get_args(FaultKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong: which calls, which of them, how, and how often at most.

    `rpc` is a method name, or "*" for all; only the calls that it names are counted, from 1. Of these, `nth` hits
    the nth and those after it, `times` calls in all (1 unless said otherwise); `every` each multiple; `probability`
    a share drawn from a generator that starts at `seed`. With none of the three every call is hit. `times` None is
    no limit. `names` leaves only the calls whose request names this id, of a model or a version.

    Kinds: UNAVAILABLE and DEADLINE end the call with that gRPC status before anything is done; a number answers with
    that Clarifai status, nothing done; LOST_REPLY does and commits the call, then ends it as UNAVAILABLE; HANG keeps
    the call open, nothing done, until the caller gives up. Mind that the channels of clarifai_grpc repeat a call
    that ended as UNAVAILABLE up to 4 times on their own (clarifai_channel.py, retryPolicy).
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
    """How the emulator behaves. The defaults are what is documented or seen, else the likelier guess."""

    overwrite_struct: Literal["whole", "by_key", "by_key_deep"] = "whole"
    """`overwrite` of a Struct (metadata, presets, output_info.params): replaced whole, by top-level key, or by key at
    every depth. "Patching" says that overwrite replaces the object; whether that reaches into a Struct: unknown."""

    overwrite_output_info: Literal["keep_unsent", "drop_unsent"] = "keep_unsent"
    """`overwrite` of a sub-message: its unsent fields stay, as in the model example of "Patching", or go, as the rule
    there says. Which holds: unknown."""

    merge_tags: Literal["append_missing", "append", "replace"] = "append_missing"
    """`merge` of a list of strings (toolkits, use_cases, languages). "Patching" says that lists without ids are
    appended; whether equal items are dropped: unknown."""

    image_url: Literal["hosted", "kept"] = "hosted"
    """The image url read back: a hosted copy with `hosted` filled (seen in answers of the service), or the one sent."""

    per_page_over: Literal["clamp", "error"] = "clamp"
    """per_page beyond the largest page: cut down, or 11102. Unknown."""

    max_per_page: int = 1000
    """The largest page (Clarifai documentation, "Pagination": up to 1,000 results)."""

    list_order: Literal["id", "id_descending", "insertion"] = "id"
    """The order of rows whose sort values are equal. Unknown."""

    output_info_in_list: bool = True
    """Whether ListModels answers with model_version.output_info. Answers of PatchModels do; ListModels: unknown."""

    patch_models_output_info: Literal["ignore", "error"] = "ignore"
    """PatchModels with Model.output_info (deprecated since 20 January 2023, "Upcoming API changes"): not looked at, or
    21202. Unknown."""

    delete_models_unknown: Literal["error", "ignore", "mixed"] = "error"
    """DeleteModels where an id is unknown: 21200 and nothing deleted, success, or 10010 with the others deleted.
    Unknown."""

    presets: Literal["always", "asked"] = "always"
    """Whether Model.presets is in every answer (seen in PatchModels and PostModelVersions), or only with
    additional_fields `presets` (service.proto, ListModelsRequest.additional_fields)."""

    server_adds_params: Literal["never", "create", "always"] = "create"
    """When the model type's defaults are added to output_info.params: never, in PostModelVersions (seen), or also in
    PatchModelVersions (unknown)."""

    round_to_step: bool = False
    """Whether a patched param is rounded to the step of its range (resources.proto, ModelTypeRangeInfo.step says that
    only values at the step are kept; whether a patch rounds: unknown)."""

    max_batch: int | None = None
    """The most objects in one patch or delete; more are 11102. Unknown."""

    validate_params: Literal["none", "error"] = "none"
    """Whether PatchModelVersions refuses (21202) params that the model type doesn't declare or allow. Unknown."""

    delete_used_by_workflow: Literal["allow", "error"] = "allow"
    """Deleting a model or version that a workflow uses: done, and the workflow's version is marked `is_deprecated`
    (resources.proto, WorkflowVersion.is_deprecated), or refused with 21203 (the scopes of the deletions include
    Workflows_Get, so something is looked up). Which: unknown."""

    delete_used_by_deployment: Literal["allow", "error"] = "allow"
    """Deleting a model or version that a deployment runs: done, or refused with 21203. Unknown."""

    unknown_app: Literal["error", "empty"] = "error"
    """Listing an app that doesn't exist: 11101, or an empty page. Unknown."""

    main_models: bool = True
    """Whether models of clarifai/main exist, and ListModels of any app returns them too (service.proto,
    ListModelsRequest.dont_fetch_from_main)."""

    rate_limit: float | None = None
    """Calls a second before 11005. The service's own is 15 (Clarifai documentation, "Rate Limits"); None is no limit."""

    latency_ms: float = 0
    """Added to every call."""

    faults: tuple[Fault, ...] = ()
    """What goes wrong; the first that fits a call decides."""

    def __post_init__(self) -> None:
        for spec in fields(self):
            choices = get_args(_types(type(self))[spec.name])
            value = getattr(self, spec.name)
            if choices and all(isinstance(choice, str) for choice in choices) and value not in choices:
                raise UsageError(f"switch {spec.name}={value!r} is not known. Use one of {', '.join(choices)}.")
        for name in ("max_per_page", "max_batch", "rate_limit"):
            number = getattr(self, name)
            if number is not None and number <= 0:
                raise UsageError(f"switch {name}={number} is not above 0.")
        if self.latency_ms < 0:
            raise UsageError(f"switch latency_ms={self.latency_ms} is below 0.")

    @classmethod
    def parse(cls, texts: Iterable[str], *, faults: Iterable[str] = ()) -> Switches:
        """Read "name=position" texts and fault texts. Raises UsageError on an unknown name, a bad or a double one."""
        known = {name: kind for name, kind in _types(cls).items() if name != "faults"}
        values: dict[str, Any] = {}
        for text in texts:
            name, value = _split(text, what="switch", example="overwrite_struct=by_key")
            if name in values:
                raise UsageError(f"switch {name} is given twice. Give it once.")
            values[name] = _read(name, value, known, what="switch")
        return cls(**values, faults=tuple(Fault.parse(text) for text in faults))


def _types(cls: type[Fault | Switches]) -> Mapping[str, Any]:
    """The types of the fields, worked out once: every emulator that is made checks its switches."""
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
