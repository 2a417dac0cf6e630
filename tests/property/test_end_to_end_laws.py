"""Laws of whole runs: random services and manifests, through the real command line, against an oracle of the manifests' rules.

RECONCILER_FUZZ=2000 tries that many cases instead of the few that every run has; RECONCILER_FUZZ=300:400 tries cases
300 to 399. A case is its number: `random_case(Random(number))` makes it again.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
import yaml
from clarifai_grpc.grpc.api import service_pb2
from google.protobuf import json_format

from reconciler.emulator import Call, Emulator, Switches
from tests.command_line import CliResult, RunCli
from tests.emulator.client import connected

from .oracle import (
    ABSENT,
    ContradictionError,
    Difference,
    Outcome,
    State,
    can_merge_reach,
    deletions,
    differing,
    equal,
    outcome,
    state_of,
    timeless,
)
from .random_fleet import READINGS, Case, random_case, random_files, write_files

WRITING: Final = ("Patch", "Post", "Put", "Delete")
READING_POSTS: Final = ("PostModelsSearches",)
FEW: Final = 36
STRUCTS: Final = (("metadata",), ("output_info", "params"))


def _numbers() -> range:
    first, colon, last = os.environ.get("RECONCILER_FUZZ", str(FEW)).partition(":")
    return range(int(first), int(last)) if colon else range(int(first))


@dataclass(frozen=True, kw_only=True)
class Run:
    """A case with its service running; `place` is the working directory, `before` the service's state at the start."""

    case: Case
    cli: RunCli
    place: Path
    emulator: Emulator
    snapshot: Mapping[str, Any]

    @property
    def before(self) -> State:
        return state_of(self.snapshot)

    def now(self) -> State:
        return state_of(self.emulator.snapshot())

    def command(self, name: str, *arguments: str, folder: str = "manifests") -> CliResult:
        return self.cli(
            name,
            folder,
            "--format",
            "json",
            "--endpoint",
            self.emulator.url,
            "--rate",
            "1000",
            *self.case.arguments,
            *arguments,
            env={"CLARIFAI_PAT": "test"},
            cwd=self.place,
        )

    def writes(self) -> list[Call]:
        calls = self.emulator.calls
        return [call for call in calls if call.rpc.startswith(WRITING) and call.rpc not in READING_POSTS]


@pytest.mark.parametrize("number", _numbers())
def test_laws(number: int, cli: RunCli, tmp_path: Path) -> None:
    check_case(random_case(Random(number)), cli, tmp_path / "run", Random(-1 - number))


def check_case(case: Case, cli: RunCli, place: Path, rng: Random) -> None:
    """Everything that must hold for one case."""
    write_files(case.files, place / "manifests")
    if case.config is not None:
        (place / "reconciler.yaml").write_text(yaml.safe_dump(case.config), encoding="utf-8")
    if not case.manifests:
        return
    with Emulator(seed=case.seed, switches=Switches(**case.switches), user_id=case.user_id) as emulator:
        run = Run(case=case, cli=cli, place=place, emulator=emulator, snapshot=emulator.snapshot())
        try:
            expected = outcome(run.snapshot, case.specs(), owner=case.owner)
        except ContradictionError as contradiction:
            refuses_contradiction(run, contradiction)
            return
        document = plan_is_as_expected(run, expected)
        plan_is_the_same_in_any_order(run, document, rng)
        undone = apply_does_it(run, expected, document)
        calls_are_clean(run.writes(), document)
        second_plan_is_empty(run, undone)
        calls_hold_in_other_readings(run, expected, run.writes(), rng)


def refuses_contradiction(run: Run, contradiction: ContradictionError) -> None:
    """Entries that want different things of one version are refused, and nothing is written."""
    result = run.command("plan")
    assert (result.exit_code, _codes(result)) == (1, {"contradicting-versions"}), f"{contradiction}: {result}"
    assert run.command("apply", "--yes").exit_code == 1
    assert not run.writes()


def _codes(result: CliResult) -> set[str]:
    return {problem["code"] for problem in result.document().get("problems", ())}


# --- plan -----------------------------------------------------------------------------------------------------------


def plan_is_as_expected(run: Run, expected: Outcome) -> dict[str, Any]:
    """Every path that differs and no other, the counts, requests that are messages; and nothing is written."""
    result = run.command("plan", "--detailed-exitcode")
    assert result.exit_code == (2 if expected.differences else 0), f"exit code {result.exit_code}\n{result.stdout}{result.stderr}"
    document: dict[str, Any] = result.document()
    assert not run.writes(), "plan wrote"
    assert run.now() == run.before, "plan changed the service"
    assert document["kind"] == "Plan"
    planned = {_address(run, change["address"]): change for change in document["changes"]}
    assert len(planned) == len(document["changes"])
    assert planned.keys() == expected.differences.keys(), _unlike(planned, expected)
    for address, change in planned.items():
        same_fields(address, change["fields"], expected.differences[address])
        assert change["action"] == "update"
    summary = {"update": len(planned), "delete": 0, "unchanged": expected.unchanged, "refused": 0}
    assert document["summary"] == summary
    assert document["refused"] == []
    for request in document["requests"]:
        message = getattr(service_pb2, _request_type(request["rpc"]))()
        json_format.ParseDict(request["body"], message)
        assert request["body"].get("action") == request["action"]
    asked = {address for request in document["requests"] for address in request["changes"]}
    assert asked == {change["address"] for change in document["changes"]}
    return document


def _unlike(planned: Mapping[str, Any], expected: Outcome) -> str:
    lines = [f"planned, not expected: {address} {planned[address]['fields']}" for address in planned if address not in expected.differences]
    lines += [f"expected, not planned: {address} {found}" for address, found in expected.differences.items() if address not in planned]
    return "\n".join(lines)


def _request_type(rpc: str) -> str:
    name: str = service_pb2.DESCRIPTOR.services_by_name["V2"].methods_by_name[rpc].input_type.name
    return name


def _address(run: Run, planned: str) -> str:
    """The address as the service spells it: "me" is the token's user."""
    user, _, rest = planned.partition("/")
    return f"{run.case.user_id if user == 'me' else user}/{rest}"


def same_fields(address: str, fields: Sequence[Mapping[str, Any]], expected: Sequence[Difference]) -> None:
    """The paths with both values, absent where the key is not there."""
    shown = {item["path"]: (item.get("before", ABSENT), item.get("after", ABSENT)) for item in fields}
    wanted = {found.text: (found.before, found.after) for found in expected}
    assert len(shown) == len(fields)
    assert shown.keys() == wanted.keys(), f"{address}: paths {sorted(shown)}, expected {sorted(wanted)}"
    for path, (before, after) in wanted.items():
        is_tags = path in ("toolkits", "use_cases", "languages")
        assert _same(shown[path][0], before, as_set=False), f"{address} {path}: before {shown[path][0]}, expected {before}"
        assert _same(shown[path][1], after, as_set=is_tags), f"{address} {path}: after {shown[path][1]}, expected {after}"


def _same(one: Any, other: Any, *, as_set: bool) -> bool:
    if one is ABSENT or other is ABSENT:
        return one is other
    return sorted(one) == sorted(other) if as_set else equal(one, other)


def plan_is_the_same_in_any_order(run: Run, document: Mapping[str, Any], rng: Random) -> None:
    """Other files, another order of documents, other pages."""
    other = run.place / "again"
    write_files(random_files(rng, run.case.manifests), other)
    switches = run.emulator.switches
    pages = rng.choice((1, 2, 3, 1000))
    run.emulator.switches = replace(switches, max_per_page=pages, list_order=rng.choice(("id", "id_descending")))
    second = run.command("plan", folder="again").document()
    run.emulator.switches = switches
    one, other = _without_places(document), _without_places(second)
    unlike = {name: (one.get(name), other.get(name)) for name in {*one, *other} if one.get(name) != other.get(name)}
    assert not unlike


def _without_places(document: Mapping[str, Any]) -> Any:
    kept = {name: value for name, value in document.items() if name not in ("source", "created_at", "fingerprint")}
    kept["changes"] = [{**change, "origin": None} for change in kept["changes"]]
    return kept


# --- apply ----------------------------------------------------------------------------------------------------------


def apply_does_it(run: Run, expected: Outcome, document: Mapping[str, Any]) -> dict[str, list[Difference]]:
    """The state wanted and nothing else; what a reading makes impossible is named. Gives what did not take."""
    run.emulator.clear_calls()
    result = run.command("apply", "--yes")
    after = run.now()
    undone = what_did_not_take(run.before, after, expected, run.emulator.switches)
    assert result.exit_code == (4 if undone else 0), f"exit code {result.exit_code}, undone {undone}\n{result.stdout}{result.stderr}"
    applied = result.document()
    assert applied["kind"] == "Apply"
    assert applied["converged"] is (not undone)
    told = {(_address(run, item["address"]), item["path"]) for item in applied["remaining"]}
    assert told == {(address, found.text) for address, items in undone.items() for found in items}
    assert all("live" in item and "wanted" not in item for item in applied["remaining"])
    assert [request["status"] for request in applied["requests"]] == ["done"] * len(document["requests"])
    sent = [(request["rpc"], request["action"], request["body"]) for request in applied["requests"]]
    assert sent == [(request["rpc"], request["action"], request["body"]) for request in document["requests"]]
    return undone


def what_did_not_take(before: State, after: State, expected: Outcome, switches: Switches) -> dict[str, list[Difference]]:
    """Struct keys that are still there although they should go, where the reading excuses it; all else must be as wanted."""
    assert after.keys() == expected.wanted.keys(), "models or versions came or went"
    undone = {}
    for address, wanted in expected.wanted.items():
        left = [found for found in differing(after[address], wanted) if found.path != ("image", "url")]
        excused = deletions(expected.differences.get(address, ()))
        if switches.overwrite_struct == "whole":
            excused = set()
        elif switches.overwrite_struct == "by_key":
            excused = {path for path in excused if len(path) - _depth(path) == 1}
        for root in STRUCTS:
            # Whether `{}` at the root of a merge clears is not taken as documented: a deletion of all keys is excused.
            if _at(wanted, root) and can_merge_reach(_at(before[address], root), _at(wanted, root)):
                excused = {path for path in excused if path[: len(root)] != root}
        wrong = [found for found in left if found.path not in excused]
        assert not wrong, f"{address}: not as wanted (live, wanted): {wrong}"
        same_document(address, after[address], wanted, {found.path for found in left})
        if left:
            undone[address] = left
    return undone


def _depth(path: tuple[str, ...]) -> int:
    return next(len(root) for root in STRUCTS if path[: len(root)] == root)


def _at(fields: Mapping[str, Any], root: tuple[str, ...]) -> Any:
    value: Any = fields
    for name in root:
        value = value.get(name, {})
    return value


def same_document(address: str, after: Mapping[str, Any], wanted: Mapping[str, Any], undone: set[tuple[str, ...]]) -> None:
    """Every field, unmanaged ones strictly; what `differing` has already compared by meaning may differ in order."""
    loose = {"toolkits", "use_cases", "languages", "metadata", "image"}
    for name in sorted({*after, *wanted}):
        one, other = after.get(name), wanted.get(name)
        if name == "output_info" and isinstance(one, dict) and isinstance(other, dict):
            one, other = _without_params(one), _without_params(other)
        if name in loose:
            if name == "image":
                same_image(address, after.get("image"), wanted.get("image"))
            elif name != "metadata":
                assert len(one or ()) == len(set(one or ())), f"{address}: {name} holds an item twice: {one}"
            continue
        assert _strict(one) == _strict(other), f"{address}: {name} is {one}, wanted {other}"


def _without_params(info: Mapping[str, Any]) -> dict[str, Any]:
    """What else is in output_info; the service shows an output_config whether or not there is one."""
    return {name: value for name, value in info.items() if name != "params" and (name, value) != ("output_config", {})}


def same_image(address: str, after: Any, wanted: Any) -> None:
    """The image wanted, or the service's hosted copy of it."""
    is_copy = bool(after and wanted and after.get("hosted") and not wanted.get("hosted"))
    assert is_copy or after == wanted, f"{address}: image is {after}, wanted {wanted}"


def _strict(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


# --- calls ------------------------------------------------------------------------------------------------------------


def calls_are_clean(writes: Sequence[Call], document: Mapping[str, Any]) -> None:
    """What is never sent; and one call for each request of the plan."""
    assert len(writes) == len(document["requests"])
    for call in writes:
        assert call.status_code == 10000, call
        assert not call.rpc.startswith("Delete"), "deleted without --prune"
        request = call.request
        assert "delete_all" not in request
        for model in request.get("models", ()):
            assert not {"output_info", "model_version", "model_type_id"} & model.keys(), call
            if request["action"] == "remove":
                assert model.keys() == {"id", "image"}, call
                assert model["image"].keys() == {"url"}, call
        for version in request.get("model_versions", ()):
            assert "data" not in version.get("output_info", {}), call
            assert "message" not in version.get("output_info", {}), call


def second_plan_is_empty(run: Run, undone: Mapping[str, Sequence[Difference]]) -> None:
    """Nothing is left to do but what did not take."""
    result = run.command("plan", "--detailed-exitcode")
    document = result.document()
    planned = {_address(run, change["address"]): change for change in document["changes"]}
    assert planned.keys() == undone.keys(), document["changes"]
    for address, change in planned.items():
        same_fields(address, change["fields"], undone[address])
    assert result.exit_code == (2 if undone else 0)


def calls_hold_in_other_readings(run: Run, expected: Outcome, writes: Sequence[Call], rng: Random) -> None:
    """The same calls, each sent twice, on a fresh service in other readings: the second changes nothing, the end is as wanted."""
    combinations = [dict(zip(READINGS, chosen, strict=True)) for chosen in itertools.product(*READINGS.values())]
    given = run.emulator.switches
    with connected(run.emulator) as client:
        for reading in rng.sample(combinations, 3):
            run.emulator.switches = replace(given, **reading)
            run.emulator.load(run.case.seed)
            for call in writes:
                client(call.rpc, **call.request)
                once = run.now()
                client(call.rpc, **call.request)
                assert run.now() == once, f"{call} sent twice is not as once: {reading}"
            what_did_not_take(run.before, run.now(), expected, run.emulator.switches)
