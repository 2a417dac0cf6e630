"""Laws of whole runs: random services and manifests, through the real command line, against an oracle of the manifests' rules.

RECONCILER_FUZZ=2000 tries that many cases instead of the few that every run has; RECONCILER_FUZZ=300:400 tries cases
300 to 399. A case is its number: `random_case(Random(number))` makes it again.
"""

from __future__ import annotations

import copy
import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
import yaml
from clarifai_grpc.grpc.api import service_pb2
from google.protobuf import json_format

from reconciler.emulator.server import Emulator
from reconciler.emulator.store import Call
from reconciler.emulator.switches import Switches
from tests.command_line import CliResult, RunCli
from tests.emulator.client import connected
from tests.scenario_service import is_record

from .end_state import what_did_not_take
from .oracle import (
    ABSENT,
    MARK,
    ContradictionError,
    Difference,
    Outcome,
    State,
    can_merge_reach,
    equal,
    outcome,
    state_of,
)
from .random_fleet import VARIANTS, Case, random_case, random_files, write_files

WRITING: Final = ("Patch", "Post", "Put", "Delete")
READING_POSTS: Final = ("PostModelsSearches",)
FEW: Final = 30
NEWCOMER: Final = "written by somebody else"


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
            "--allow-unknown-params",  # random manifests state random params
            *self.case.arguments,
            *arguments,
            env={"CLARIFAI_PAT": "test"},
            cwd=self.place,
        )

    def writes(self) -> list[Call]:
        """The writing calls, but for those that record what was sent in owner marks."""
        writes = (call for call in self.emulator.calls if call.rpc.startswith(WRITING))
        return [call for call in writes if call.rpc not in READING_POSTS and not is_record(call)]


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
        if marked := marked_for_others(run):
            refuses_what_others_own(run, marked)
            run = without_marks(run)
        try:
            expected = outcome(run.snapshot, case.specs(), owner=case.owner)
        except ContradictionError as contradiction:
            refuses_contradiction(run, contradiction)
            return
        document = plan_is_as_expected(run, expected)
        plan_is_the_same_in_any_order(run, document, rng)
        if rng.random() < 0.5:
            saved_plan_keeps_what_others_wrote(run, expected)
        undone = apply_does_it(run, expected, document)
        calls_are_clean(run.writes(), document)
        second_plan_is_empty(run, undone)
        calls_hold_in_other_readings(run, expected, document, rng)


def refuses_contradiction(run: Run, contradiction: ContradictionError) -> None:
    """Entries that want different things of one version are refused, and nothing is written."""
    result = run.command("plan")
    assert (result.exit_code, _codes(result)) == (1, {"contradicting-versions"}), f"{contradiction}: {result}"
    assert run.command("apply", "--yes").exit_code == 1
    assert not run.writes()


def marked_for_others(run: Run) -> set[str]:
    """The models with a manifest that carry an owner's mark, where the run has no owner."""
    before = run.before if run.case.owner is None else {}
    return {address for address in run.case.specs() if MARK in before.get(address, {}).get("metadata", {})}


def refuses_what_others_own(run: Run, marked: set[str]) -> None:
    """Every model of another owner is refused by name, and nothing is written."""
    result = run.command("plan")
    refused = result.document().get("refused", ())
    if refused:  # entries that contradict each other are found before
        assert {(item["rule"], _address(run, item["address"])) for item in refused} == {
            ("foreign-owner", address) for address in marked
        }
        assert result.exit_code == 3
    assert run.command("apply", "--yes").exit_code in {1, 3}
    assert not run.writes()
    assert run.now() == run.before


def without_marks(run: Run) -> Run:
    """The same case with nobody's mark on any model."""
    seed = copy.deepcopy(run.case.seed)
    for app in seed["apps"]:
        for model in app["models"]:
            model.get("metadata", {}).pop(MARK, None)
    run.emulator.load(seed)
    run.emulator.clear_calls()
    return replace(run, case=replace(run.case, seed=seed), snapshot=run.emulator.snapshot())


def _codes(result: CliResult) -> set[str]:
    return {problem["code"] for problem in result.document().get("problems", ())}


# --- plan -----------------------------------------------------------------------------------------------------------


def plan_is_as_expected(run: Run, expected: Outcome) -> dict[str, Any]:
    """Every path that differs and no other, the counts, requests that are messages; and nothing is written."""
    result = run.command("plan", "--detailed-exitcode", "--out", "saved.json")
    assert result.exit_code == (2 if expected.differences else 0), (
        f"exit code {result.exit_code}\n{result.stdout}{result.stderr}"
    )
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
    lines = [
        f"planned, not expected: {address} {planned[address]['fields']}"
        for address in planned
        if address not in expected.differences
    ]
    lines += [
        f"expected, not planned: {address} {found}"
        for address, found in expected.differences.items()
        if address not in planned
    ]
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
        assert _same(shown[path][0], before, as_set=False), (
            f"{address} {path}: before {shown[path][0]}, expected {before}"
        )
        assert _same(shown[path][1], after, as_set=is_tags), (
            f"{address} {path}: after {shown[path][1]}, expected {after}"
        )
        if is_tags and isinstance(before, list) and isinstance(after, list) and after[: len(before)] == before:
            assert shown[path][1][: len(before)] == before, f"{address} {path}: live items lost their order"
        assert not _holds_whole_float(shown[path]), f"{address} {path}: shows {shown[path]}, a whole number as a float"


def _holds_whole_float(value: Any) -> bool:
    if isinstance(value, (dict, list, tuple)):
        return any(map(_holds_whole_float, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and value.is_integer() and abs(value) <= 2**53


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


def _without(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


def _without_places(document: Mapping[str, Any]) -> Any:
    kept = {name: value for name, value in document.items() if name not in ("source", "created_at", "fingerprint")}
    kept["changes"] = [
        {**change, "origin": None, "fields": [_without(field, "origin") for field in change["fields"]]}
        for change in kept["changes"]
    ]
    kept.pop("unmanaged_counts", None)  # as many as the pages showed that had to be read
    kept.pop("warnings", None)  # these are about the files: an empty one, a statement in a place that says nothing
    return kept


# --- apply ----------------------------------------------------------------------------------------------------------


def apply_does_it(run: Run, expected: Outcome, document: Mapping[str, Any]) -> dict[str, list[Difference]]:
    """The state wanted and nothing else; what a semantics variant makes impossible is named. Gives what did not take."""
    run.emulator.clear_calls()
    result = run.command("apply", "--yes")
    after, applied = run.now(), result.document()
    failed = [request["error"] for request in applied.get("requests", ()) if request["error"] is not None]
    assert not failed, f"{failed}, {result.stderr}"
    undone = what_did_not_take(run.before, after, expected, run.emulator.switches)
    assert result.exit_code == (4 if undone else 0), (
        f"exit code {result.exit_code}, undone {undone}\n{result.stdout}{result.stderr}"
    )
    assert applied["kind"] == "Apply"
    assert applied["converged"] is (not undone)
    reported = {(_address(run, item["address"]), item["path"]) for item in applied["remaining"]}
    assert reported == {(address, found.text) for address, items in undone.items() for found in items}
    assert all("live" in item and "wanted" not in item for item in applied["remaining"])
    assert undone.keys() <= warned(run, document), "what may not take is not said beforehand"
    assert [request["status"] for request in applied["requests"]] == ["done"] * len(document["requests"])
    sent = [(request["rpc"], request["action"], request["body"]) for request in applied["requests"]]
    assert sent == [(request["rpc"], request["action"], request["body"]) for request in document["requests"]]
    return undone


def warned(run: Run, document: Mapping[str, Any]) -> set[str]:
    """The addresses that the plan has a notice about."""
    return {_address(run, notice["address"]) for notice in document["notices"] if notice.get("address")}


def can_merge_metadata(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a merge makes the metadata as wanted; that `{}` at its root clears all is not taken as documented."""
    after = wanted.get("metadata", {})
    return bool(after) and can_merge_reach(before.get("metadata", {}), after)


def saved_plan_keeps_what_others_wrote(run: Run, expected: Outcome) -> None:
    """After the plan somebody adds a key beside every managed one: it stays, or nothing at all is written.

    Where a merge can make every change, the addition is elsewhere and must not make the plan stale.
    """
    seed = copy.deepcopy(run.case.seed)
    for app in seed["apps"]:
        for model in app["models"]:
            model["metadata"] = {**model.get("metadata", {}), NEWCOMER: 1}
            for version in model["versions"]:
                version["metadata"] = {**version.get("metadata", {}), NEWCOMER: 1}
    run.emulator.load(seed)
    moved = run.now()
    run.emulator.clear_calls()
    result = run.cli(
        "apply", "--plan", "saved.json", "--format", "json", "--endpoint", run.emulator.url, "--rate", "1000",
        env={"CLARIFAI_PAT": "test"}, cwd=run.place,
    )  # fmt: skip
    if result.exit_code == 3:
        stale = {_address(run, item["address"]) for item in result.document()["stale"]}
        needless = [address for address in stale if can_merge_metadata(run.before[address], expected.wanted[address])]
        assert stale, "stale, and not a word why"
        assert not needless, f"an addition beside what a merge changes makes the plan stale: {needless}"
        assert not run.writes()
        assert run.now() == moved
    else:
        assert result.exit_code in (0, 4), f"exit code {result.exit_code}\n{result.stdout}{result.stderr}"
        with_newcomer = {
            address: {**fields, "metadata": {**fields.get("metadata", {}), NEWCOMER: 1}}
            for address, fields in expected.wanted.items()
        }
        undone = what_did_not_take(moved, run.now(), replace(expected, wanted=with_newcomer), run.emulator.switches)
        # Under `overwrite` the addition is drift: the run has not converged, and the next one removes it.
        is_drift = run.command("plan", "--detailed-exitcode").exit_code == 2
        expected_code = 4 if undone or is_drift else 0
        assert result.exit_code == expected_code, f"exit code {result.exit_code}\n{result.stdout}{result.stderr}"
    run.emulator.load(run.case.seed)


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
                assert len(request["models"]) == 1, call
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


def calls_hold_in_other_readings(run: Run, expected: Outcome, document: Mapping[str, Any], rng: Random) -> None:
    """The same calls, each sent twice, on a fresh service in other semantics variants: the second changes nothing, the end is right."""
    combinations = [dict(zip(VARIANTS, chosen, strict=True)) for chosen in itertools.product(*VARIANTS.values())]
    given, writes = run.emulator.switches, run.writes()
    with connected(run.emulator) as client:
        for variant in rng.sample(combinations, 3):
            run.emulator.switches = replace(given, **variant)
            run.emulator.load(run.case.seed)
            for call in writes:
                client(call.rpc, **call.request)
                once = run.now()
                client(call.rpc, **call.request)
                assert run.now() == once, f"{call} sent twice is not as once: {variant}"
            undone = what_did_not_take(run.before, run.now(), expected, run.emulator.switches)
            assert undone.keys() <= warned(run, document), "what may not take is not said beforehand"
