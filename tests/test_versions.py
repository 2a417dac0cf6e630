"""docs/versions.md promises what the code does: how each format is read, and what is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler import exit_codes
from reconciler.apply.journal import EVENTS, Provenance, read_run, start_run
from reconciler.apply.results import Status, StepResult
from reconciler.errors import ReconcilerError, Refusal
from reconciler.loading.schema import schema_document
from reconciler.manifests.header import API_VERSION
from reconciler.manifests.kinds import NAMES
from reconciler.plan import document as plans
from reconciler.plan.document import PlanFormatError, plan_document, plan_from_document
from reconciler.plan.fingerprint import fingerprint
from reconciler.plan.plan import Forecast
from reconciler.report import drift_history_file
from reconciler.report.drift_history_file import read_history, update_history
from reconciler.requests.results import Notice
from tests.command_line import RunCli
from tests.report.reports import field_change, plan_report, update
from tests.request_values import request

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "versions.md").read_text(encoding="utf-8")
ENDPOINT = "https://api.clarifai.com"
CHANGE = update("petsID", field_change("name", "pets", "Pets"))
PLAN = replace(plan_report([CHANGE]).plan, requests=(request("PatchModels", "merge", {CHANGE.key: {"name": "Pets"}}),))


def test_the_page_names_the_versions_of_now() -> None:
    assert f"saved plans | `format_version` {plans.FORMAT_VERSION} |" in PAGE
    assert f"(`--state`) | `format_version` {drift_history_file.FORMAT_VERSION} |" in PAGE
    assert f"`apiVersion: {API_VERSION}` |" in PAGE
    (codes,) = re.findall(r"^\| exit codes \| ([\d, ]+) and", PAGE, re.MULTILINE)
    known = {value for name, value in vars(exit_codes).items() if name.isupper()}
    assert {int(code) for code in codes.split(", ")} == known


def test_the_schemas_are_of_the_same_versions() -> None:
    for kind in (*NAMES, "Config"):
        assert schema_document(kind)["properties"]["apiVersion"]["const"] == API_VERSION
        assert (ROOT / "schemas" / f"{kind.lower()}.{API_VERSION.partition('/')[2]}.schema.json").is_file()
    major = plans.FORMAT_VERSION.partition(".")[0]
    pattern = schema_document("Plan")["properties"]["format_version"]["pattern"]
    assert (ROOT / "schemas" / f"plan.v{major}.schema.json").is_file()
    assert [bool(re.search(pattern, version)) for version in (plans.FORMAT_VERSION, f"{major}.99", "2.0")] == [
        True,
        True,
        False,
    ]


def test_the_version_stands_in_a_plan() -> None:
    assert plan_document(PLAN)["tool"]["version"] == PLAN.tool_version


@pytest.mark.parametrize("line", ["apiVersion: reconciler/v2", "apiVersion: reconciler/v1\nlater: 1"])
def test_another_api_version_and_unknown_keys_are_refused(cli: RunCli, tmp_path: Path, line: str) -> None:
    rest = "kind: Model\nmetadata: {id: petsID, user_id: demo, app_id: pets}\nspec: {}\n"
    (tmp_path / "m.yaml").write_text(f"{line}\n{rest}", encoding="utf-8")
    result = cli("validate", "m.yaml", cwd=tmp_path)
    assert (result.exit_code, "m.yaml:" in result.stderr) == (1, True)


def of_version(version: str, **more: Any) -> dict[str, Any]:
    """A saved plan as another version would have written it."""
    document: dict[str, Any] = {**plan_document(PLAN), "format_version": version, **more}
    return {**document, "fingerprint": fingerprint(document)}


def test_a_plan_of_an_older_minor_is_read() -> None:
    assert plan_from_document(of_version("1.0")) == plan_from_document(plan_document(PLAN))


def test_a_plan_of_a_newer_minor_is_read_and_its_new_keys_are_kept() -> None:
    read = plan_from_document(of_version("1.99", later={"x": 1}))
    assert plan_document(read)["later"] == {"x": 1}


def test_a_plan_with_new_keys_inside_its_parts_is_read_without_them() -> None:
    reported = replace(
        PLAN,
        refused=(Refusal(rule="cap", message="too many"),),
        notices=(Notice(address="me/pets/petsID", message="read back"),),
        forecast=Forecast(calls=3, seconds=0.2, rate=15),
    )
    document: dict[str, Any] = plan_document(reported)
    later: dict[str, Any] = {
        name: [{**entry, "later": 1} for entry in document[name]]
        for name in ("changes", "requests", "refused", "notices")
    }
    later["forecast"] = {**document["forecast"], "later": 1}
    later["changes"] = [{**entry, "origin": {**entry["origin"], "later": 1}} for entry in later["changes"]]
    newer = {**document, **later, "format_version": "1.99"}
    newer["fingerprint"] = fingerprint(newer)
    assert plan_from_document(newer) == plan_from_document(document)


def test_a_plan_of_another_major_or_none_is_refused_with_3(cli: RunCli, tmp_path: Path) -> None:
    for version in ("2.0", "0.9", ""):
        (tmp_path / "plan.json").write_text(json.dumps(of_version(version)), encoding="utf-8")
        result = cli("apply", "--plan", "plan.json", "--endpoint", "embedded", cwd=tmp_path)
        assert (result.exit_code, f"this version reads {plans.FORMAT_VERSION}" in result.stderr) == (3, True), result


@pytest.mark.parametrize("kind", ["Drift", "Apply"])
def test_drift_and_apply_documents_are_read_by_no_command(kind: str) -> None:
    with pytest.raises(PlanFormatError, match="not 'Plan'"):
        plan_from_document(plan_document(PLAN, kind=kind))


def test_a_journal_with_events_and_keys_of_later_is_read(tmp_path: Path) -> None:
    journal = start_run(tmp_path, "run", PLAN)
    journal.begin(PLAN, at="2026-11-23T14:00:00Z", by=Provenance())
    for position, sent in enumerate(PLAN.requests):
        journal.sending(position, sent)
        journal.answered(position, StepResult(request=sent, status=Status.DONE))
    journal.end(exit_code=0, backups=())
    journal.close()
    before = read_run(tmp_path, "run")
    path = tmp_path / "run" / EVENTS
    lines = [{**json.loads(line), "later": 1} for line in path.read_text(encoding="utf-8").splitlines()]
    lines.insert(1, {"event": "of-later"})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"event": "cut sh', encoding="utf-8")
    assert read_run(tmp_path, "run") == before


def test_a_drift_history_of_another_major_is_refused_and_stays_and_a_newer_minor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "drift.json"
    update_history(path, lambda history: (None, history), endpoint=ENDPOINT)
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**document, "format_version": "2.0"}), encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(ReconcilerError, match="Use the version that wrote it"):
        update_history(path, lambda history: (None, history), endpoint=ENDPOINT)
    assert path.read_bytes() == before
    path.write_text(json.dumps({**document, "format_version": "1.99", "later": 1}), encoding="utf-8")
    assert read_history(path, endpoint=ENDPOINT).salt == document["salt"]
    update_history(path, lambda history: (None, history), endpoint=ENDPOINT)
    after = json.loads(path.read_text(encoding="utf-8"))
    assert (after["format_version"], "later" in after) == (drift_history_file.FORMAT_VERSION, False)


def test_a_drift_history_of_format_1_0_is_read_and_written_as_the_format_of_now(tmp_path: Path) -> None:
    path = tmp_path / "drift.json"
    update_history(path, lambda history: (None, history), endpoint=ENDPOINT)
    document = json.loads(path.read_text(encoding="utf-8"))
    entry = {"address": "me/pets/petsID", "path": "name", "fingerprint": "f", "first_seen": "2026-11-23T14:00:00Z"}
    old = {**document, "kind": "DriftMemory", "format_version": "1.0", "entries": [entry]}
    path.write_text(json.dumps(old), encoding="utf-8")
    assert [found.path for found in read_history(path, endpoint=ENDPOINT).entries] == ["name"]
    update_history(path, lambda history: (None, history), endpoint=ENDPOINT)
    assert json.loads(path.read_text(encoding="utf-8")) == {**document, "entries": [entry]}
    assert (document["kind"], document["format_version"]) == ("DriftHistory", drift_history_file.FORMAT_VERSION)
