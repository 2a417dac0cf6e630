"""`drift --state`, `--new-only` and `--metrics`, from the command line, on a live side that changes between runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.config import Settings
from reconciler.config.endpoint import parse_endpoint
from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.loading.schema import schema_document
from reconciler.manifests.selection import Inputs
from reconciler.remote.clarifai import ClarifaiRemote
from reconciler.report.outcome import history_texts
from reconciler.report.report import Report, report_document
from reconciler.session import Session
from tests.command_line import CliResult, RunCli

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
DAYS = [datetime(2026, 11, day, 14, tzinfo=timezone.utc) for day in (23, 24, 25, 26)]


class Week:
    """A session a day, all with one drift history."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self.folder = folder
        self.state = folder / "state.json"
        endpoint = parse_endpoint(emulator.url)
        self._remote = ClarifaiRemote(endpoint)
        self._session = Session(settings=Settings(endpoint=endpoint), environ={}, remote=self._remote)

    def drift(self, day: int, *, only_new: bool = False, **inputs: Any) -> Report:
        """The drift on one of the days."""
        session = replace(self._session, now=lambda: DAYS[day])
        chosen = Inputs(paths=(str(self.folder / "m"),), **inputs)
        return session.drift(chosen, history_file=self.state, only_new=only_new)

    def close(self) -> None:
        """Let go of the connection."""
        self._remote.close()


def write(folder: Path, model_id: str = "petsID", **fields: str) -> None:
    """A manifest that wants these fields."""
    (folder / "m").mkdir(exist_ok=True)
    spec = "".join(f"  {name}: {value}\n" for name, value in fields.items())
    text = f"apiVersion: reconciler/v1\nkind: Model\nmetadata: {{id: {model_id}, user_id: demo, app_id: pets}}\n"
    (folder / "m" / f"{model_id}.yaml").write_text(f"{text}spec:\n{spec}", encoding="utf-8")


@pytest.fixture
def week(tmp_path: Path, emulator: Emulator) -> Any:
    """A week of runs."""
    found = Week(tmp_path, emulator)
    yield found
    found.close()


def test_a_week_of_drift(week: Week) -> None:
    write(week.folder, name="One", description="Two")
    monday = week.drift(0)
    assert list(history_texts(monday)) == ["new: demo/pets/petsID description", "new: demo/pets/petsID name"]
    write(week.folder, name="One", description="Three")
    tuesday = week.drift(1)
    assert list(history_texts(tuesday)) == [
        "new: demo/pets/petsID description",
        "standing since 2026-11-23T14:00:00Z: demo/pets/petsID name",
    ]
    write(week.folder, description="Three")
    wednesday = week.drift(2)
    assert list(history_texts(wednesday)) == [
        "standing since 2026-11-24T14:00:00Z: demo/pets/petsID description",
        "resolved: demo/pets/petsID name (first seen 2026-11-23T14:00:00Z)",
    ]
    document = report_document(wednesday)
    (change,) = document["changes"]
    assert (change["history"], change["since"]) == ("standing", "2026-11-24T14:00:00Z")
    assert [(item["history"], item["since"]) for item in change["fields"]] == [("standing", "2026-11-24T14:00:00Z")]
    assert document["resolved"] == [{"address": "demo/pets/petsID", "path": "name", "since": "2026-11-23T14:00:00Z"}]
    assert list(Draft202012Validator(schema_document("Plan")).iter_errors(document)) == []


def test_only_what_is_new_exits_with_2_where_that_is_asked_for(week: Week) -> None:
    write(week.folder, name="One")
    assert [week.drift(day, only_new=True).exit_code for day in (0, 1)] == [2, 0]
    assert week.drift(2).exit_code == 2
    write(week.folder, name="Other")
    assert week.drift(3, only_new=True).exit_code == 2


def test_a_run_about_a_part_says_nothing_of_the_rest(week: Week) -> None:
    write(week.folder, name="One")
    write(week.folder, "pet-breeds", name="Two")
    week.drift(0)
    write(week.folder, name="pets", description="x")
    for target in ("pet-breeds", "*-breeds"):
        assert list(history_texts(week.drift(1, targets=(target,)))) == [
            "standing since 2026-11-23T14:00:00Z: demo/pets/pet-breeds name"
        ]
    reported = list(history_texts(week.drift(2)))
    assert "standing since 2026-11-23T14:00:00Z: demo/pets/pet-breeds name" in reported
    assert any(line.startswith("new: demo/pets/petsID description") for line in reported)


def test_a_deletion_is_resolved_by_a_run_that_prunes_only(week: Week) -> None:
    write(week.folder, name="One")
    pruning: dict[str, Any] = {"prune": True, "prune_whole_app": True, "max_deletes": 100}
    first = list(history_texts(week.drift(0, **pruning)))
    gone = [line for line in first if line.endswith(("pet-breeds", "pet-names"))]
    assert gone
    assert not any(line.startswith("resolved") for line in history_texts(week.drift(1)))
    again = list(history_texts(week.drift(2, **pruning)))
    assert [line.replace("new: ", "standing since 2026-11-23T14:00:00Z: ") for line in gone] == [
        line for line in again if line.endswith(("pet-breeds", "pet-names"))
    ]


# --- the command line ---------------------------------------------------------------------------------------


@pytest.fixture
def drift(tmp_path: Path, cli: RunCli, emulator: Emulator) -> Callable[..., CliResult]:
    """Run `drift m OPTIONS…` beside the sample app."""

    def run(*options: str) -> CliResult:
        arguments = ["drift", "m", "--endpoint", emulator.url, *options]
        return cli(*arguments, env={"CLARIFAI_PAT": "planted-token"}, cwd=tmp_path)

    return run


def test_the_text_has_a_line_for_each_path(tmp_path: Path, drift: Callable[..., CliResult]) -> None:
    write(tmp_path, name="One")
    first, second = drift("--state", "s.json"), drift("--state", "s.json")
    assert (first.exit_code, second.exit_code) == (2, 2)
    assert "Drift history:\n  new: demo/pets/petsID name\n" in first.stdout
    reported = "Drift history:\n  standing since TIME: demo/pets/petsID name\n"
    assert reported in TIME.sub("TIME", second.stdout)


@pytest.mark.parametrize(("name", "title"), [("markdown", "### Drift history"), ("html", "Drift history</h")])
def test_every_format_shows_it(tmp_path: Path, drift: Callable[..., CliResult], name: str, title: str) -> None:
    write(tmp_path, name="One")
    result = drift("--state", "s.json", "--format", name)
    assert result.exit_code == 2
    assert title in result.stdout
    assert "new: demo/pets/petsID name" in result.stdout


def test_new_only_needs_a_state(drift: Callable[..., CliResult], emulator: Emulator) -> None:
    result = drift("--new-only")
    assert (result.exit_code, result.stdout) == (64, "")
    assert "--new-only needs --state FILE" in result.stderr
    assert emulator.calls == ()


def test_a_damaged_state_is_an_error_before_the_service_is_asked(
    tmp_path: Path, drift: Callable[..., CliResult], emulator: Emulator
) -> None:
    write(tmp_path, name="One")
    (tmp_path / "s.json").write_text('{"kind"', encoding="utf-8")
    result = drift("--state", "s.json", "--metrics", "d.prom")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "The state file s.json is damaged" in result.stderr
    assert emulator.calls == ()
    assert (tmp_path / "s.json").read_text(encoding="utf-8") == '{"kind"'
    assert re.search(r"^reconciler_drift_exit_code\{.*\} 1$", (tmp_path / "d.prom").read_text(), re.MULTILINE)


def test_a_failed_run_changes_no_drift_history(tmp_path: Path, drift: Callable[..., CliResult]) -> None:
    write(tmp_path, name="One")
    drift("--state", "s.json")
    before = (tmp_path / "s.json").read_bytes()
    write(tmp_path, "no-such-model", name="One")
    assert drift("--state", "s.json").exit_code == 1
    assert (tmp_path / "s.json").read_bytes() == before


def test_the_state_holds_no_value_and_no_token(tmp_path: Path, drift: Callable[..., CliResult]) -> None:
    write(tmp_path, name="planted-value")
    drift("--state", "s.json")
    text = (tmp_path / "s.json").read_text(encoding="utf-8")
    assert "planted" not in text
    assert set(json.loads(text)["entries"][0]) == {"address", "path", "fingerprint", "first_seen"}
    assert ((tmp_path / "s.json").stat().st_mode & 0o777) == 0o600


def test_metrics_are_written_whole_and_can_be_read_by_the_collector(
    tmp_path: Path, drift: Callable[..., CliResult], emulator: Emulator
) -> None:
    write(tmp_path, name="One")
    assert drift("--metrics", "d.prom", "--state", "s.json").exit_code == 2
    labels = f'endpoint="{emulator.url}",environment="",manifests="m"'
    text = (tmp_path / "d.prom").read_text(encoding="utf-8")
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert samples[f"reconciler_drift_models{{{labels}}}"] == "1"
    assert samples[f'reconciler_drift_changes{{{labels},action="update"}}'] == "1"
    assert samples[f'reconciler_drift_paths{{{labels},history="new"}}'] == "1"
    assert samples[f"reconciler_drift_exit_code{{{labels}}}"] == "2"
    assert ((tmp_path / "d.prom").stat().st_mode & 0o444) == 0o444
    assert [path.name for path in tmp_path.glob(".d.prom*")] == []


def test_metrics_that_cannot_be_written_are_an_error(tmp_path: Path, drift: Callable[..., CliResult]) -> None:
    write(tmp_path, name="One")
    result = drift("--metrics", "none/d.prom", "--format", "json")
    assert (result.exit_code, result.document()["kind"]) == (1, "Error")
    assert "The metrics file can't be written to none/d.prom: No such file or directory." in result.stderr


def test_another_endpoints_state_is_refused(tmp_path: Path, cli: RunCli, drift: Callable[..., CliResult]) -> None:
    write(tmp_path, name="One")
    drift("--state", "s.json")
    with Emulator(seed=SAMPLE) as other:
        arguments = ["drift", "m", "--endpoint", other.url, "--state", "s.json"]
        result = cli(*arguments, env={"CLARIFAI_PAT": "test"}, cwd=tmp_path)
        assert (result.exit_code, other.calls) == (1, ())
    assert "Keep a state file per endpoint and environment." in result.stderr
