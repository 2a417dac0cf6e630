"""Laws of runs about values that can't be read back, for every way in which a service may show them.

With and without an owner, on PRIVATE and PUBLIC models, directly and from saved plans:

- apply exits 0 ⇒ the next drift exits 0, and a further apply writes nothing;
- a value that changes in a manifest is sent, or the plan lists it as not comparable;
- what the service stores is only ever what manifests state, or what was there: never a mask;
- what isn't stated stays, or the plan is refused, or says that a secret which nothing hints at would be deleted;
- no secret is in any output or file.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from tests.command_line import CliResult, RunCli
from tests.emulator.client import connected
from tests.scenario_service import writing_calls

VERSION: Final = "b0b89c973e5d4b6d9599ce13da04b894"
ADDRESS: Final = "demo/pets/petsID"
PLANTED: Final = "planted-secret-"
KNOWN: Final = tuple(f"{PLANTED}{name}" for name in ("live-key", "live-x", "live-y", "key-1", "key-2"))
FIRST, SECOND = "https://example.com/1.jpg", "https://example.com/2.jpg"
KEY_2: Final = {"KEY": f"{PLANTED}key-2"}

SHOWN: Final = ("as_sent", "masked", "ciphertext", "ciphertext_new", "absent")
CASES: Final = [
    (shown, owner, visibility, ("hosted", "kept")[number % 2], bool(number // 2 % 2))
    for number, (shown, owner, visibility) in enumerate(itertools.product(SHOWN, (None, "us"), ("PRIVATE", "PUBLIC")))
]


def live(visibility: str) -> dict[str, Any]:
    params = {
        "api_key": f"{PLANTED}live-key",
        "secrets": [{"id": "x", "value": f"{PLANTED}live-x"}, {"id": "y", "value": f"{PLANTED}live-y"}],
        "temperature": 1,
        "max_tokens": 5,
        "stop": ["a"],
    }
    version = {"id": VERSION, "status": {"code": "MODEL_TRAINED"}, "output_info": {"params": params}}
    model = {
        "id": "petsID",
        "model_type_id": "text-to-text",
        "visibility": {"gettable": visibility},
        "versions": [version],
    }
    return {"apps": [{"user_id": "demo", "app_id": "pets", "models": [model]}]}


@dataclass(kw_only=True)
class Desk:
    """One service with one model, and the command line in a folder with its manifest.

    `is_saved` says that plans are saved before they are applied, `is_recorded` that the owner mark records secrets.
    """

    emulator: Emulator
    cli: RunCli
    place: Path
    is_saved: bool
    is_recorded: bool
    told: list[str] = field(default_factory=list)

    def states(self, image: str, params: Mapping[str, Any], **version: Any) -> None:
        entry = {"id": VERSION, "output_info": {"params": params}, **version}
        manifest = {
            "apiVersion": "reconciler/v1",
            "kind": "Model",
            "metadata": {"id": "petsID", "user_id": "demo", "app_id": "pets"},
            "spec": {"image": {"url": image}, "versions": [entry]},
        }
        (self.place / "models").mkdir(exist_ok=True)
        (self.place / "models" / "pets.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")

    def run(self, *arguments: str, **environ: str) -> CliResult:
        # `--rate` because a run waits for its turn otherwise.
        result = self.cli(
            *arguments, "--endpoint", self.emulator.url, "--rate", "1000",
            env={"CLARIFAI_PAT": "test", "KEY": f"{PLANTED}key-1", **environ}, cwd=self.place,
        )  # fmt: skip
        self.told += [result.stdout, result.stderr]
        return result

    def apply(self, *options: str, **environ: str) -> CliResult:
        self.emulator.clear_calls()
        if not self.is_saved:
            return self.run("apply", "models", "--yes", *options, **environ)
        plan = self.run("plan", "models", "--out", "plan.json", *options, **environ)
        return plan if plan.exit_code else self.run("apply", "--plan", "plan.json", **environ)

    def plan(self, **environ: str) -> dict[str, Any]:
        document: dict[str, Any] = self.run("plan", "models", "--format", "json", **environ).document()
        return document

    def stored(self) -> dict[str, Any]:
        model: dict[str, Any] = self.emulator.snapshot()["apps"][0]["models"][0]
        return model

    def params(self) -> dict[str, Any]:
        params: dict[str, Any] = self.stored()["versions"][0]["output_info"]["params"]
        return params

    def agrees(self, applied: CliResult, **environ: str) -> None:
        """An apply that exits 0 leaves nothing to do."""
        assert applied.exit_code in (0, 4), applied
        drift = self.run("drift", "models", **environ)
        assert drift.exit_code == (0 if applied.exit_code == 0 else 2), (applied, drift)
        if applied.exit_code == 0:
            self.apply(**environ)
            assert writing_calls(self.emulator.calls) == []

    def keeps_secrets(self) -> None:
        """What is stored is what was there or was sent; nothing shows it."""
        for value in _texts(self.params()):
            assert not value.startswith(PLANTED) or value in KNOWN, value
            assert "****" not in value
            assert not value.startswith("enc:")
        for name in self.place.rglob("*"):
            if name.is_file() and name.suffix != ".yaml":
                self.told.append(name.read_text(encoding="utf-8", errors="replace"))
        mark = json.dumps(self.stored().get("metadata", {}))
        assert not [text for text in (*self.told, mark) if PLANTED in text]


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(("shown", "owner", "visibility", "image_url", "is_saved"), CASES)
def test_laws_of_values_that_cannot_be_read_back(
    shown: Any, owner: str | None, visibility: str, image_url: Any, is_saved: bool, cli: RunCli, tmp_path: Path
) -> None:
    config = {"apiVersion": "reconciler/v1", "kind": "Config", **({"owner": owner} if owner else {})}
    (tmp_path / "reconciler.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    switches = Switches(secrets=shown, image_url=image_url)
    is_recorded = owner is not None and visibility != "PUBLIC"
    with Emulator(seed=live(visibility), switches=switches) as emulator:
        desk = Desk(emulator=emulator, cli=cli, place=tmp_path, is_saved=is_saved, is_recorded=is_recorded)
        sends_what_is_recorded_or_absent_and_lists_the_rest(desk, shown)
        sends_or_lists_what_changes(desk, is_image_recorded=owner is not None)
        sees_a_change_by_hand_where_it_shows(desk, shown)
        leaves_unstated_secrets_alone(desk, shown)
        desk.keeps_secrets()


def sends_what_is_recorded_or_absent_and_lists_the_rest(desk: Desk, shown: str) -> None:
    secrets = [{"id": "x", "value": "${env:KEY}"}]
    desk.states(FIRST, {"api_key": "${env:KEY}", "secrets": secrets, "temperature": 0.5})
    listed = {item["path"] for item in desk.plan()["not_comparable"]}
    desk.agrees(desk.apply())
    is_sent = desk.is_recorded or shown == "absent"
    assert desk.params()["api_key"] == f"{PLANTED}{'key-1' if is_sent else 'live-key'}"
    assert listed == (set() if is_sent else {"output_info.params.api_key", "output_info.params.secrets"})
    assert desk.params()["temperature"] == 0.5
    assert [item["id"] for item in desk.params()["secrets"]] == ["x", "y"]
    desk.keeps_secrets()


def sends_or_lists_what_changes(desk: Desk, *, is_image_recorded: bool) -> None:
    """`--resend` sends what is listed."""
    desk.states(SECOND, {"api_key": "${env:KEY}"})
    document = desk.plan(**KEY_2)
    changed = {item["path"] for change in document["changes"] for item in change["fields"]}
    listed = {item["path"] for item in document["not_comparable"]}
    assert {"image.url", "output_info.params.api_key"} <= changed | listed
    assert ("image.url" in changed) == is_image_recorded
    desk.agrees(desk.apply(**KEY_2), **KEY_2)
    desk.agrees(desk.apply("--resend", "all", **KEY_2), **KEY_2)
    assert desk.params()["api_key"] == KEY_2["KEY"]
    image = desk.stored()["image"]["url"]
    is_kept = desk.emulator.switches.image_url == "kept"
    assert image == SECOND if is_kept else image.startswith("https://data.")


def sees_a_change_by_hand_where_it_shows(desk: Desk, shown: str) -> None:
    with connected(desk.emulator) as client:
        by_hand = {"id": VERSION, "output_info": {"params": {"api_key": f"{PLANTED}live-key"}}}
        client.json("PatchModelVersions", model_id="petsID", model_versions=[by_hand], action="merge")
    is_seen = desk.is_recorded and shown in ("as_sent", "ciphertext")
    is_sent_anyway = shown == "absent" and not desk.is_recorded
    assert desk.run("drift", "models", **KEY_2).exit_code == (2 if is_seen or is_sent_anyway else 0)
    desk.agrees(desk.apply(**KEY_2), **KEY_2)
    if is_seen:
        assert desk.params()["api_key"] == KEY_2["KEY"]


def leaves_unstated_secrets_alone(desk: Desk, shown: str) -> None:
    """What can't be changed around them is refused; where nothing hints at them, the plan has a note."""
    before = desk.params()
    desk.states(SECOND, {"temperature": 0.25})
    desk.agrees(desk.apply(**KEY_2), **KEY_2)
    assert desk.params() == {**before, "temperature": 0.25}
    if shown == "absent" and not desk.is_recorded:
        desk.states(SECOND, {"stop": ["b"]})
        assert any(
            "secret" in notice["message"] and "is lost" in notice["message"] for notice in desk.plan(**KEY_2)["notices"]
        )
        return
    desk.states(SECOND, {"temperature": 0.5}, remove={"params": ["max_tokens"]})
    desk.agrees(desk.apply(**KEY_2), **KEY_2)
    wanted = {**before, "temperature": 0.5}
    del wanted["max_tokens"]
    assert desk.params() == wanted
    desk.states(SECOND, {"stop": ["b"]})
    assert desk.apply(**KEY_2).exit_code == 3
    assert writing_calls(desk.emulator.calls) == []
