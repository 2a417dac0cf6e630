"""Runs one scenario folder through the real command line and reports what happened and which laws it broke.

A folder tests/scenarios/NNN-words/ holds

    manifests/       what is wanted
    live.json        the seed of the emulated service
    args.txt         one line: options for plan, drift and apply alike           (optional)
    reconciler.yaml  the configuration in the working directory                  (optional)
    env.txt          NAME=VALUE lines                                            (optional)
    switches.txt     "overwrite_struct=by_key" or "fault rpc=…,kind=…" lines     (optional)
    expected.txt     what is not as usual, one "name: value" a line, # remarks   (optional)
                       plan: 3          exit code of plan, and of apply where that isn't stated
                       apply: 4         exit code of apply
                       again: pending   planning again is not empty
                       variants: differ the same calls end differently in other semantics variants

and the goldens: plan.txt (what plan prints), calls.txt (each writing call that apply made), after.json (what changed on the
service, nothing else), apply.txt (what apply prints, where it fails), again.txt (the second plan, where it isn't empty),
backup.txt (the files that apply left). A few scenarios, listed in test_scenarios.py, also have plan.json and report.md: what
plan prints as JSON and as Markdown. In every scenario the JSON has to fit its schema, list the calls that apply makes, and
read back from a saved plan as it was printed.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

from reconciler.emulator.server import Emulator
from reconciler.emulator.store import Call
from reconciler.emulator.switches import Switches
from reconciler.loading.schema import schema_document
from tests.command_line import CliResult, RunCli
from tests.emulator.client import connected
from tests.scenario_service import (
    Snapshot,
    call_text,
    changes,
    is_record,
    ordered,
    same,
    send,
    snapshot,
    variant_text,
    variants,
    without_records,
    writing_calls,
)

PLAN_SCHEMA: Final = Draft202012Validator(schema_document("Plan"))
KNOWN_KEYS: Final = frozenset(schema_document("Plan")["properties"])
FORMATS: Final = ("plan.json", "report.md")
GOLDENS: Final = ("plan.txt", "calls.txt", "after.json", "apply.txt", "again.txt", "backup.txt", *FORMATS)
FAST: Final = ("--rate", "1000")
"""For commands whose output doesn't show the rate: the plan forecasts by it how long its calls take."""

INPUTS: Final = ("manifests", "reconciler.yaml")
USUAL: Final = {"plan": "0", "again": "empty", "variants": "same"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario folder, read."""

    folder: Path
    seed: Mapping[str, Any]
    arguments: tuple[str, ...]
    environ: Mapping[str, str]
    switches: Switches
    expected: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outputs by golden name, without times, ports and places, and the laws that were broken, each in words."""

    goldens: Mapping[str, str]
    broken: tuple[str, ...]


def read_scenario(folder: Path) -> Scenario:
    """Read the inputs of a folder."""
    lines = _lines(folder / "switches.txt")
    switches = Switches.parse(
        (line for line in lines if not line.startswith("fault ")),
        faults=(line.removeprefix("fault ") for line in lines if line.startswith("fault ")),
    )
    expected = dict(_pair(line, ":") for line in _lines(folder / "expected.txt"))
    unknown = expected.keys() - {*USUAL, "apply"}
    assert not unknown, f"{folder.name}/expected.txt has unknown names {sorted(unknown)}"
    return Scenario(
        folder=folder,
        seed=json.loads((folder / "live.json").read_text(encoding="utf-8")),
        arguments=tuple(shlex.split(" ".join(_lines(folder / "args.txt")))),
        environ=dict(_pair(line, "=") for line in _lines(folder / "env.txt")),
        switches=switches,
        expected={**USUAL, "apply": expected.get("plan", "0"), **expected},
    )


def _lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _pair(line: str, separator: str) -> tuple[str, str]:
    name, found, value = line.partition(separator)
    assert found, f"{line!r} is not of the form NAME{separator}VALUE"
    return name.strip(), value.strip()


# --- running --------------------------------------------------------------------------------------------------------


def run_scenario(scenario: Scenario, cli: RunCli, place: Path) -> Outcome:
    """Plan, drift, apply, plan again, and apply a saved plan, in a copy of the folder at `place`."""
    place.mkdir()
    for name in INPUTS:
        source = scenario.folder / name
        if source.is_dir():
            shutil.copytree(source, place / name)
        elif source.exists():
            shutil.copy(source, place / name)
    with Emulator(seed=scenario.seed, switches=scenario.switches) as emulator:
        return _Run(scenario, cli, place, emulator).outcome()


class _Run:
    def __init__(self, scenario: Scenario, cli: RunCli, place: Path, emulator: Emulator) -> None:
        self._scenario = scenario
        self._cli = cli
        self._place = place
        self._emulator = emulator
        self._broken: list[str] = []

    def outcome(self) -> Outcome:
        expected = self._scenario.expected
        before = snapshot(self._emulator)
        plan, document = self._planned(before)
        report = self._command("plan", "manifests", *self._scenario.arguments, "--format", "markdown")
        self._require(report.exit_code == plan.exit_code, f"plan --format markdown exits {report.exit_code}")
        self._emulator.clear_calls()
        # One call after the other: calls.txt has them in the order of the plan.
        apply = self._command("apply", "manifests", "--yes", "--parallelism", "1", *self._scenario.arguments)
        self._require(str(apply.exit_code) == expected["apply"], f"apply exits {apply.exit_code}")
        writes = writing_calls(self._emulator.calls)
        after = snapshot(self._emulator)
        changed = changes(before, after)
        goldens = {
            "plan.txt": self._text(plan),
            "report.md": self._normal(report.stdout),
            "plan.json": self._normal(json.dumps(ordered(document), indent=2, ensure_ascii=False) + "\n"),
            "calls.txt": "".join(call_text(call) for call in writes),
            "after.json": json.dumps(changed, indent=2, ensure_ascii=False, sort_keys=True) + "\n",
        }
        if apply.exit_code != plan.exit_code:
            goldens["apply.txt"] = self._text(apply)
        if backup := self._backup():
            goldens["backup.txt"] = backup
        self._require_only_planned(changes(without_records(before), without_records(after)), document)
        if apply.exit_code == 0 and not self._scenario.switches.faults:
            self._require_planned_calls([call for call in writes if not is_record(call)], document)
        self._require_no_secret(
            plan.stdout, plan.stderr, report.stdout, apply.stdout, apply.stderr, json.dumps(document)
        )
        if plan.exit_code == 0:
            goldens.update(self._planned_again())
            self._require_replays(writes, after)
            self._require_saved_plan_does_the_same(after, plan, document)
        return Outcome(goldens=goldens, broken=tuple(self._broken))

    def _planned(self, before: Snapshot) -> tuple[CliResult, Any]:
        arguments = self._scenario.arguments
        plan = self._command("plan", "manifests", *arguments)
        as_json = self._command("plan", "manifests", *arguments, "--format", "json")
        drift = self._command("drift", "manifests", *arguments, *FAST, "--format", "json")
        self._require(str(plan.exit_code) == self._scenario.expected["plan"], f"plan exits {plan.exit_code}")
        self._require(as_json.exit_code == plan.exit_code, f"plan --format json exits {as_json.exit_code}")
        document = self._document(as_json)
        pending = 2 if plan.exit_code == 0 and document["changes"] else plan.exit_code
        self._require(drift.exit_code == pending, f"drift exits {drift.exit_code}, not {pending}")
        if pending in (0, 2):
            twice = [
                json.dumps([found.get(name) for name in _SAME_IN_DRIFT]) for found in (document, self._document(drift))
            ]
            self._require(twice[0] == twice[1], "plan and drift in JSON differ in more than their kind, or in order")
        written = writing_calls(self._emulator.calls)
        self._require(not written and same(snapshot(self._emulator), before), "plan or drift wrote")
        for change in document.get("changes", ()):
            visible = change["action"] == "delete" or change["fields"]
            self._require(visible, f"{change['address']} is updated without a visible change")
        return plan, document

    def _planned_again(self) -> Iterator[tuple[str, str]]:
        again = self._command("plan", "manifests", *self._scenario.arguments)
        as_json = self._command("plan", "manifests", *FAST, *self._scenario.arguments, "--format", "json")
        document = self._document(as_json)
        pending = bool(document.get("changes") or document.get("requests") or document.get("refused"))
        is_empty = again.exit_code == 0 and not pending
        as_expected = is_empty == (self._scenario.expected["again"] == "empty")
        self._require(as_expected, f"planning again gives:\n{self._text(again)}")
        if not is_empty:
            yield "again.txt", self._text(again)

    def _require_replays(self, writes: Sequence[Call], after: Snapshot) -> None:
        """Send what was sent to a fresh service, every call twice, in every semantics variant."""
        done = [call for call in writes if call.status_code in (0, 10000)]  # 0: the answer was lost
        differing: list[str] = []
        with Emulator(seed=self._scenario.seed) as other, connected(other) as client:
            for switches in variants(self._scenario.switches):
                other.switches = switches
                other.load(self._scenario.seed)
                for call in done:
                    send(client, call)
                    once = snapshot(other)
                    send(client, call)
                    self._require(
                        same(snapshot(other), once), f"{call.rpc} sent twice is not as once: {variant_text(switches)}"
                    )
                if not same(snapshot(other), after):
                    differing.append(variant_text(switches))
        is_same = not differing
        as_expected = is_same == (self._scenario.expected["variants"] == "same")
        reported = "the same in every variant" if is_same else f"different in these variants: {'; '.join(differing)}"
        self._require(as_expected, f"the calls end {reported}")

    def _require_saved_plan_does_the_same(self, after: Snapshot, plan: CliResult, document: Any) -> None:
        self._emulator.switches = self._scenario.switches
        self._emulator.load(self._scenario.seed)
        self._command("plan", "manifests", *self._scenario.arguments, "--out", "saved.json")
        shown = self._document(self._command("show", "saved.json", "--format", "json"))
        read_back = [{**each, "created_at": "", "fingerprint": ""} for each in (shown, document)]
        self._require(read_back[0] == read_back[1], "the saved plan, shown as JSON, is not what plan prints as JSON")
        text = self._command("show", "saved.json")
        self._require(text.stdout == plan.stdout, "the saved plan, shown, is not what plan prints")
        applied = self._command("apply", "--plan", "saved.json", *FAST)
        self._require(
            str(applied.exit_code) == self._scenario.expected["apply"],
            f"apply --plan exits {applied.exit_code}:\n{self._text(applied)}",
        )
        difference = changes(after, snapshot(self._emulator))
        self._require(not difference, f"apply --plan ends elsewhere than apply: {json.dumps(difference)}")

    def _require_only_planned(self, changed: Mapping[str, Any], document: Any) -> None:
        planned = {change["address"]: change for change in document.get("changes", ())}
        for address, fields in changed.items():
            change = planned.get(self._as_planned(address)) or planned.get(self._as_planned(address.partition("@")[0]))
            if change is None or (fields is None) != (change["action"] == "delete"):
                self._broken.append(f"{address} changed and is not in the plan")
                continue
            names = {item["path"].split(".")[0] for item in change["fields"]}
            unplanned = sorted(fields.keys() - names) if fields else []
            self._require(not unplanned, f"{address}: {', '.join(unplanned)} changed and are not in the plan")

    def _require_planned_calls(self, writes: Sequence[Call], document: Any) -> None:
        # An empty list of a message is not on the wire: protobuf can't tell it from an absent one.
        planned = [
            {"rpc": request["rpc"], **{name: value for name, value in request["body"].items() if value != []}}
            for request in document["requests"]
        ]
        sent = [{"rpc": call.rpc, **call.request} for call in writes]
        agree = len(planned) == len(sent) and all(map(_is_sent_as_planned, planned, sent))
        self._require(agree, "apply sends other calls than the plan lists in JSON")

    def _require_no_secret(self, *texts: str) -> None:
        for name, value in self._scenario.environ.items():
            shown = name.startswith("SECRET") and any(value in text for text in texts)
            self._require(not shown, f"the value of {name} is shown")

    def _as_planned(self, address: str) -> str:
        """The address as manifests spell it: "me" is the token's user."""
        return re.sub(r"^[^/]+/", "me/", address) if self._says_me() else address

    def _says_me(self) -> bool:
        manifests = (self._place / "manifests").rglob("*.yaml")
        return any("user_id: me" in path.read_text(encoding="utf-8") for path in manifests)

    def _backup(self) -> str:
        folder = self._place / ".reconciler" / "backup"
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        shown = []
        for path in files:
            text = path.read_text(encoding="utf-8").rstrip("\n")
            if path.suffix == ".json":
                text = json.dumps(ordered(json.loads(text)), indent=2, ensure_ascii=False)
            else:
                checked = self._command("validate", str(path.relative_to(self._place)))
                self._require(checked.exit_code == 0, f"{path.name} of the backup is not valid: {checked.stderr}")
            shown.append(f"=== {path.relative_to(self._place)}\n{text}\n")
        return self._normal("".join(shown))

    def _document(self, result: CliResult) -> Any:
        try:
            document = result.document()
        except ValueError:
            self._broken.append(f"standard output is not JSON; standard error: {result.stderr}")
            return {"changes": []}
        if document["kind"] in ("Plan", "Drift", "Apply"):
            errors = [error.message for error in PLAN_SCHEMA.iter_errors(document)]
            errors += [f"{name} is not in the schema" for name in document if name not in KNOWN_KEYS]
            self._require(not errors, f"the document does not fit the Plan schema: {errors}")
        return document

    def _command(self, *arguments: str) -> CliResult:
        environ = {"CLARIFAI_PAT": "test", **self._scenario.environ}
        return self._cli(*arguments, "--endpoint", self._emulator.url, env=environ, cwd=self._place)

    def _require(self, holds: bool, otherwise: str) -> None:
        if not holds and otherwise not in self._broken:
            self._broken.append(otherwise)

    def _text(self, result: CliResult) -> str:
        stderr = f"--- standard error\n{result.stderr}" if result.stderr else ""
        return self._normal(result.stdout + stderr)

    def _normal(self, text: str) -> str:
        """The text without what differs from run to run: port, place, times, digests, ids of requests and runs."""
        text = text.replace(self._emulator.url, "http://127.0.0.1:PORT").replace(str(self._place), "PLACE")
        for pattern, replacement in _CHANGING:
            text = pattern.sub(replacement, text)
        return text


def _is_sent_as_planned(planned: Any, sent: Any) -> bool:
    """Whether a value of the plan's JSON is the one that was sent, which a secret conceals."""
    if planned == "(sensitive)":
        return True
    if isinstance(planned, Mapping) and isinstance(sent, Mapping):
        return planned.keys() == sent.keys() and all(_is_sent_as_planned(planned[name], sent[name]) for name in planned)
    if isinstance(planned, list | tuple) and isinstance(sent, list | tuple):
        return len(planned) == len(sent) and all(map(_is_sent_as_planned, planned, sent))
    return bool(planned == sent)


_SAME_IN_DRIFT: Final = ("summary", "changes", "refused", "notices", "requests")

_CHANGING: Final = (
    (re.compile(r"sha256:[0-9a-f]{64}"), "sha256:DIGEST"),
    (re.compile(r'("created_at": )"[^"]*"(?=,\n  "endpoint")'), r'\1"TIME"'),
    (re.compile(r'("name": "clarifai-reconciler",\s*"version": )"[^"]*"'), r'\1"VERSION"'),
    (re.compile(r'("git_commit": )"[0-9a-f]+"'), r"\1null"),
    (re.compile(r"(\.reconciler/backup/)[^/\s]+"), r"\1RUN"),
    (re.compile(r"\b\d{8}T\d{12}Z(-\d+)?"), "RUN"),
    (re.compile(r"\breconciler-\d[\w.]*-[0-9a-f]{32}\b"), "REQUEST-ID"),
    (re.compile(r'("modified_at": )"[^"]*"'), r'\1"TIME"'),
)


def read_goldens(folder: Path) -> dict[str, str]:
    """The goldens that a folder has."""
    return {name: (folder / name).read_text(encoding="utf-8") for name in GOLDENS if (folder / name).exists()}


def write_goldens(folder: Path, goldens: Mapping[str, str]) -> None:
    """Replace the goldens of a folder."""
    for name in GOLDENS:
        if name in goldens:
            (folder / name).write_text(goldens[name], encoding="utf-8")
        else:
            (folder / name).unlink(missing_ok=True)
