"""Live models that no manifest names: `--unmanaged`, and their number where an app was listed anyway."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from reconciler.loading.schema import schema_document
from tests.cli.live_side import Service, manifest, seeded
from tests.command_line import RunCli

MARK = {"reconciler": {"owner": "vision", "protect": False}}
SEED = seeded(
    *({"id": name, "name": name} for name in ("a", "b", "c", "d", "loose")),
    {"id": "owned", "metadata": MARK},
    {"id": "borrowed", "bookmark_origin": {"id": "origin", "user_id": "openai", "app_id": "chat"}},
)
LOOSE = [{"address": "demo/pets/loose", "owner": None}, {"address": "demo/pets/owned", "owner": "vision"}]


@pytest.fixture
def service(cli: RunCli, tmp_path: Path) -> Any:
    with Emulator(seed=SEED) as emulator:
        made = Service(emulator, cli, tmp_path)
        made.write("m.yaml", "---\n".join(manifest(name, f"{{name: {name}}}") for name in "abcd"))
        emulator.clear_calls()
        yield made


@pytest.mark.parametrize("command", ["plan", "drift"])
def test_the_models_of_the_app_without_a_manifest_are_listed_with_their_owners(service: Service, command: str) -> None:
    result = service.run(command, "m.yaml", "--unmanaged", "--format", "json")
    document = result.document()
    assert (result.exit_code, document["unmanaged"]) == (0, LOOSE)
    assert document["unmanaged_counts"] == [{"app": "demo/pets", "count": 2, "complete": True}]
    jsonschema.Draft202012Validator(schema_document("Plan")).validate(document)
    text = service.run(command, "m.yaml", "--unmanaged").stdout
    assert "Live models without a manifest:\n  demo/pets/loose\n  demo/pets/owned (owner vision)\n" in text


def test_asking_for_them_takes_the_listing_to_its_end_and_no_other_call(service: Service) -> None:
    service.run("plan", "m.yaml")
    assert Counter(service.calls()) == {"ListModels": 1}
    service.run("plan", "m.yaml", "--unmanaged")
    assert Counter(service.calls()) == {"ListModels": 2}


def test_their_number_is_told_unasked_where_the_app_was_listed(service: Service) -> None:
    listed = service.run("plan", "m.yaml")
    assert "  demo/pets: at least 2 models (--unmanaged lists them)\n" in listed.stdout
    service.calls()
    pruning = service.run("plan", "m.yaml", "--prune", "--prune-scope", "app", "--max-deletes", "9")
    assert "  demo/pets: 1 model (--unmanaged lists them)\n" in pruning.stdout
    for form in ("markdown", "html"):
        assert "Live models without a manifest" in service.run("plan", "m.yaml", "--format", form).stdout, form


def test_nothing_is_said_where_no_app_was_listed(service: Service) -> None:
    service.write("m.yaml", manifest("a", "{name: a}"))
    result = service.run("plan", "m.yaml", "--format", "json")
    assert (service.calls(), {"unmanaged", "unmanaged_counts"} & result.document().keys()) == (["GetModel"], set())
    assert "without a manifest" not in service.run("plan", "m.yaml").stdout


def test_an_app_without_such_models_has_an_empty_list(service: Service) -> None:
    names = ("a", "b", "c", "d", "loose", "owned")
    service.write("m.yaml", "---\n".join(manifest(name) for name in names))
    document = service.run("plan", "m.yaml", "--unmanaged", "--format", "json").document()
    assert (document["unmanaged"], "unmanaged_counts" in document) == ([], False)


def test_a_target_restricts_them_and_a_selector_excludes_the_option(service: Service) -> None:
    run = ("plan", "m.yaml", "--unmanaged", "--format", "json")
    assert service.run(*run, "--target", "l*", "--target", "a").document()["unmanaged"] == LOOSE[:1]
    service.calls()
    assert (service.run(*run, "--selector", "team=vision").exit_code, service.calls()) == (64, [])


def test_a_saved_plan_keeps_them(service: Service) -> None:
    service.run("plan", "m.yaml", "--unmanaged", "--out", "plan.json")
    shown = service.run("show", "plan.json", "--format", "json").document()
    assert shown["unmanaged"] == json.loads((service.folder / "plan.json").read_text())["unmanaged"] == LOOSE
    assert service.run("show", "plan.json").stdout == service.run("plan", "m.yaml", "--unmanaged").stdout


def test_models_that_the_plan_deletes_are_not_counted(service: Service) -> None:
    pruning = ("--prune", "--prune-scope", "app", "--max-deletes", "9")
    document = service.run("plan", "m.yaml", *pruning, "--format", "json").document()
    deleted = {change["model_id"] for change in document["changes"] if change["action"] == "delete"}
    # The run has no owner, so the model of another one stays.
    assert (deleted, document["unmanaged_counts"]) == ({"loose"}, [{"app": "demo/pets", "count": 1, "complete": True}])


def test_an_app_in_pages_is_read_as_far_as_before(cli: RunCli, tmp_path: Path) -> None:
    with Emulator(seed=SEED, switches=Switches(max_per_page=2)) as emulator:
        service = Service(emulator, cli, tmp_path)
        service.write("m.yaml", "---\n".join(manifest(name, f"{{name: {name}}}") for name in "abcd"))
        emulator.clear_calls()
        needed = service.run("plan", "m.yaml", "--format", "json").document()
        read = Counter(service.calls())
        whole = service.run("plan", "m.yaml", "--unmanaged", "--format", "json").document()
        assert (read, Counter(service.calls())) == ({"ListModels": 3}, {"ListModels": 5})
        assert ("unmanaged_counts" in needed, whole["unmanaged"]) == (False, LOOSE)
