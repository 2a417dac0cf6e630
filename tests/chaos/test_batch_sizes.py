"""Services that take fewer objects, or fewer bytes, in one request than are sent: every answer that they may give."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from tests.emulator.client import connected
from tests.scenario_service import Snapshot, same, snapshot, writing_calls

from .fleet import OWNER, USER, Fleet, Run

ROOT = Path(__file__).resolve().parents[2]
FLEET = Fleet(size=40, batch=128)
REFUSALS = ("11102", "21203", "40033", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED")


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return FLEET.after(tmp_path_factory.mktemp("wanted"))


def applied(place: Path, *, parallelism: int = 4, **switches: Any) -> tuple[int, Snapshot, list[tuple[int, bool]]]:
    """The exit code of one run, the live side after it, and of each PatchModels its number of models and whether it was done."""
    with Emulator(seed=FLEET.seed, user_id=USER, switches=Switches(**switches)) as emulator:
        code = Run(fleet=FLEET, emulator=emulator, place=place, parallelism=parallelism).apply().exit_code
        calls = [call for call in emulator.calls if call.rpc == "PatchModels"]
        return code, snapshot(emulator), [(len(call.request["models"]), call.status_code == 10000) for call in calls]


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("most", [1, 7])
def test_every_refusal_of_a_batch_leads_to_smaller_ones(
    refusal: Any, most: int, wanted: Snapshot, tmp_path: Path
) -> None:
    code, now, sizes = applied(tmp_path, max_batch=most, batch_over=refusal)
    assert (code, same(now, wanted)) == (0, True)
    assert max(size for size, is_done in sizes if is_done) <= most


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_size_that_was_refused_is_not_tried_again(refusal: Any, wanted: Snapshot, tmp_path: Path) -> None:
    code, now, sizes = applied(tmp_path, parallelism=1, max_batch=4, batch_over=refusal)
    assert (code, same(now, wanted)) == (0, True)
    refused = [size for size, is_done in sizes if not is_done]
    # A call that may have been throttled is repeated once.
    times = 2 if refusal == "RESOURCE_EXHAUSTED" else 1
    assert refused == [size for size in (30, 16, 8) for _ in range(times)]


@pytest.mark.parametrize("answer", ["nothing", "before", "others"])
def test_whatever_stays_done_of_a_refused_batch_the_others_go_through(
    answer: Any, wanted: Snapshot, tmp_path: Path
) -> None:
    """A model is deleted by somebody else right before the first patch, which is refused because of it."""
    with Emulator(seed=FLEET.seed, user_id=USER, switches=Switches(refused_object=answer)) as emulator:

        class Deleting:
            def __init__(self, remote: Any) -> None:
                self._remote = remote
                self._is_done = False

            def __getattr__(self, name: str) -> Any:
                return getattr(self._remote, name)

            def send(self, request: Any, **options: Any) -> Any:
                if not self._is_done:
                    self._is_done = True
                    with connected(emulator) as client:
                        client("DeleteModels", ids=["m020"])
                return self._remote.send(request, **options)

        run = Run(fleet=FLEET, emulator=emulator, place=tmp_path, parallelism=1, wrap=Deleting)
        outcome = run.apply()
        now = snapshot(emulator)
    assert outcome.exit_code == 4
    assert outcome.report is not None
    failed = {item.key.model_id for result in outcome.report.outcome.results for item in result.failures}
    assert failed >= {"m020"}
    others = [address for address in wanted if address.split("/")[2].split("@")[0] in _updated() - failed]
    assert [address for address in others if not same(now[address], wanted[address])] == []
    assert len(others) > len(FLEET.seed["apps"][0]["models"]) // 2


def _updated() -> set[str]:
    return {f"m{number:03}" for number in range(FLEET.size)}


def test_a_service_that_silently_takes_a_part_is_not_reported_as_in_sync(wanted: Snapshot, tmp_path: Path) -> None:
    with Emulator(seed=FLEET.seed, user_id=USER, switches=Switches(max_batch=15, batch_over="first")) as emulator:
        run = Run(fleet=FLEET, emulator=emulator, place=tmp_path)
        first = run.apply()
        assert first.exit_code == 4
        assert first.report is not None
        assert first.report.outcome.remaining
        codes = [run.apply().exit_code for _ in range(3)]
        assert codes[-1] == 0
        assert same(snapshot(emulator), wanted)


def test_lost_responses_and_small_batches_together(wanted: Snapshot, tmp_path: Path) -> None:
    faults = (Fault(kind="LOST_REPLY", probability=0.1, seed=1), Fault(kind="11005", probability=0.1, seed=2))
    for refusal in ("11102", "RESOURCE_EXHAUSTED"):
        code, now, _ = applied(tmp_path, max_batch=6, batch_over=refusal, faults=faults)
        assert (code, same(now, wanted)) == (0, True)


# --- bytes --------------------------------------------------------------------------------------------------------


def large_fleet(sizes: Mapping[str, int]) -> tuple[dict[str, Any], str]:
    """A seed, and manifests that state a text of so many bytes in the metadata of each model."""
    models = [{"id": name, "model_type_id": "embedding-classifier", "metadata": {"kept": 1}} for name in sizes]
    texts = [
        {
            "apiVersion": "reconciler/v1",
            "kind": "Model",
            "metadata": {"id": name, "user_id": USER, "app_id": "pets"},
            "spec": {"metadata": {"text": "x" * size}},
        }
        for name, size in sizes.items()
    ]
    return {"apps": [{"user_id": USER, "app_id": "pets", "models": models}]}, yaml.safe_dump_all(texts)


@pytest.mark.parametrize(
    ("limit", "patches"),
    [
        # gRPC's default: no request reaches it, however many large objects there are.
        (4 << 20, [["a", "b", "c"], ["d", "e"], ["f"]]),
        # Below what is sent: refused, read, and sent in halves.
        (2 << 20, [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
    ],
)
def test_large_objects_are_sent_in_requests_that_the_service_takes(
    limit: int, patches: list[list[str]], tmp_path: Path
) -> None:
    mebi = 1 << 20
    seed, text = large_fleet({"a": mebi, "b": mebi, "c": mebi // 2, "d": mebi + mebi // 2, "e": mebi, "f": mebi})
    (tmp_path / "fleet.yaml").write_text(text, encoding="utf-8")
    with Emulator(seed=seed, user_id=USER, switches=Switches(max_request_bytes=limit)) as emulator:
        run = Run(fleet=Fleet(size=0, prunes=False, batch=128), emulator=emulator, place=tmp_path, parallelism=1)
        assert run.apply().exit_code == 0
        calls = [call for call in writing_calls(emulator.calls) if call.status_code == 10000]
    assert [[model["id"] for model in call.request["models"]] for call in calls] == patches


def test_one_giant_object_is_sent_alone(tmp_path: Path) -> None:
    seed, text = large_fleet({"a": 10, "b": 5 << 20, "c": 10})
    (tmp_path / "fleet.yaml").write_text(text, encoding="utf-8")
    with Emulator(seed=seed, user_id=USER) as emulator:
        run = Run(fleet=Fleet(size=0, prunes=False, batch=128), emulator=emulator, place=tmp_path, parallelism=1)
        assert run.apply().exit_code == 0
        calls = writing_calls(emulator.calls)
    assert [[model["id"] for model in call.request["models"]] for call in calls] == [["a"], ["b"], ["c"]]


def test_one_object_that_the_service_does_not_take_stops_no_other(tmp_path: Path) -> None:
    seed, text = large_fleet({"a": 10, "b": 4_500_000, "c": 10, "d": 4_500_000, "e": 10})
    (tmp_path / "fleet.yaml").write_text(text, encoding="utf-8")
    with Emulator(seed=seed, user_id=USER, switches=Switches(max_request_bytes=4 << 20)) as emulator:
        outcome = Run(
            fleet=Fleet(size=0, prunes=False, batch=128), emulator=emulator, place=tmp_path, parallelism=1
        ).apply()
        calls = [[model["id"] for model in call.request["models"]] for call in writing_calls(emulator.calls)]
    # What may have been throttled is tried twice, and then it is read that nothing was done.
    assert calls == [["a"], ["b"], ["b"], ["c"], ["d"], ["d"], ["e"]]
    assert outcome.report is not None
    (result,) = outcome.report.outcome.results
    assert outcome.exit_code == 4
    assert [failure.key.model_id for failure in result.failures] == ["b", "d"]
    assert all("RESOURCE_EXHAUSTED" in failure.error for failure in result.failures)
    assert not result.is_unknown


# --- kills --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", ["21203", "RESOURCE_EXHAUSTED"])
@pytest.mark.parametrize(("moment", "nth"), [("before", 2), ("before", 5), ("after", 5), ("before", 9)])
def test_a_run_that_was_killed_while_it_looked_for_the_size_is_resumed(
    refusal: Any, moment: str, nth: int, wanted: Snapshot, tmp_path: Path
) -> None:
    FLEET.write(tmp_path)
    (tmp_path / "reconciler.yaml").write_text(
        f"apiVersion: reconciler/v1\nkind: Config\nowner: {OWNER}\nprune: {{max_count: 10, max_percent: 100}}\n"
        "limits: {rate: 1000, parallelism: 1}\n",
        encoding="utf-8",
    )
    switches = Switches(max_batch=8, batch_over=refusal)
    with Emulator(seed=FLEET.seed, user_id=USER, switches=switches) as emulator:
        done = subprocess.run(
            [sys.executable, "-m", "tests.chaos.killing", moment, str(nth), "apply", "fleet.yaml", "--yes", "--prune",
             "--endpoint", emulator.url],
            cwd=tmp_path,
            env={**os.environ, "CLARIFAI_PAT": "test", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr
        run = Run(fleet=FLEET, emulator=emulator, place=tmp_path)
        (killed,) = run.runs()
        assert replace(run, parallelism=1).resume(killed).exit_code == 0
        assert same(snapshot(emulator), wanted)
        assert run.apply().report.plan.changes == ()  # type: ignore[union-attr]
