"""`kind: ModelDefaults` on the command line: whom it is for, what it fills in, and what it never does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.server import Emulator
from tests.ci.repositories import Repository
from tests.cli.live_side import Service, manifest, seeded
from tests.command_line import RunCli
from tests.wording import Wording

VERSION = "0123456789abcdef0123456789abcdef"
OWNER = "apiVersion: reconciler/v1\nkind: Config\nowner: vision\n"
READS = ("Get", "List", "PostModelsSearches")


def live_model(model_id: str, type_id: str = "embedding-classifier", **fields: Any) -> dict[str, Any]:
    version = {"id": VERSION, "output_info": {"params": {"min_value": 0.5}}, "status": {"code": "MODEL_TRAINED"}}
    return {"id": model_id, "model_type_id": type_id, "versions": [version], **fields}


def defaults(select: str, rest: str, *, name: str = "thresholds", more: str = "") -> str:
    head = f"apiVersion: reconciler/v1\nkind: ModelDefaults\nmetadata: {{name: {name}, user_id: demo, app_id: pets}}\n"
    return f"{head}spec:\n  select: {select}\n{more}{rest}"


PARAMS = "  versions:\n    - select: latest\n      output_info: {params: {min_value: 0.9}}\n"
LIVE = "  scope: live\n"


@pytest.fixture
def fleet(cli: RunCli, folder: Path) -> Any:
    """A service with three classifiers and a clusterer in one app."""
    models = [live_model("a"), live_model("b"), live_model("other"), live_model("clusters", "clusterer")]
    for model in models[3:]:
        model["versions"] = []
    with Emulator(seed=seeded(*models)) as emulator:
        yield Service(emulator, cli, folder)


def changes(service: Service, *args: str) -> dict[str, dict[str, Any]]:
    """The planned values by address and path, each with the file and line that it comes from."""
    result = service.run("plan", "m", "--format", "json", *args)
    assert result.exit_code in (0, 3), result.stderr
    found: dict[str, dict[str, Any]] = {}
    for change in result.document()["changes"]:
        for field in change["fields"]:
            origin = field.get("origin") or change["origin"]
            place = f"{origin['path']}:{origin['line']}"
            found.setdefault(change["address"], {})[field["path"]] = (field.get("after"), place)
    return found


def test_a_default_fills_what_the_manifest_leaves_unstated(fleet: Service) -> None:
    rest = (
        "  model: {notes: From the team, toolkits: [Clarifai], metadata: {tier: gold, limits: {low: 1, high: 9}}}\n"
        + PARAMS
    )
    fleet.write("m/defaults.yaml", defaults("{ids: [a, b]}", rest))
    own = "{notes: Mine, toolkits: [OpenAI], metadata: {limits: {high: 5}}, versions: [{select: all, output_info: {params: {max_concepts: 3}}}]}"
    fleet.write("m/a.yaml", manifest("a", own))
    fleet.write(
        "m/b.yaml", manifest("b", f"{{versions: [{{id: {VERSION}, output_info: {{params: {{min_value: 0.7}}}}}}]}}")
    )
    fleet.write("m/other.yaml", manifest("other", "{}"))
    assert changes(fleet) == {
        "demo/pets/a": {
            "notes": ("Mine", "m/a.yaml:4"),
            "toolkits": (["OpenAI"], "m/a.yaml:4"),
            "metadata.limits": ({"low": 1, "high": 5}, "m/a.yaml:4"),
            "metadata.tier": ("gold", "m/defaults.yaml:6"),
        },
        f"demo/pets/a@{VERSION}": {
            "output_info.params.max_concepts": (3, "m/a.yaml:4"),
            "output_info.params.min_value": (0.9, "m/defaults.yaml:9"),
        },
        "demo/pets/b": {
            "metadata.limits": ({"low": 1, "high": 9}, "m/defaults.yaml:6"),
            "metadata.tier": ("gold", "m/defaults.yaml:6"),
            "notes": ("From the team", "m/defaults.yaml:6"),
            "toolkits": (["Clarifai"], "m/defaults.yaml:6"),
        },
        f"demo/pets/b@{VERSION}": {"output_info.params.min_value": (0.7, "m/b.yaml:4")},
    }
    assert fleet.run("apply", "m", "--yes").exit_code == 0
    assert fleet.run("drift", "m").exit_code == 0


def test_what_a_manifest_removes_or_overwrites_is_stated(fleet: Service) -> None:
    fleet.write(
        "m/d.yaml", defaults("{ids: [a]}", "  model: {metadata: {tier: gold, old: 1}, toolkits: [x, y]}\n" + PARAMS)
    )
    spec = (
        "{remove: {metadata: [old], toolkits: [x]}, "
        f"versions: [{{id: {VERSION}, action: overwrite, output_info: {{params: {{max_concepts: 2}}}}}}]}}"
    )
    fleet.write("m/a.yaml", manifest("a", spec))
    found = changes(fleet)
    assert {path: value for path, (value, _) in found["demo/pets/a"].items()} == {
        "metadata.tier": "gold",
        "toolkits": ["y"],
    }
    assert found[f"demo/pets/a@{VERSION}"]["output_info.params.min_value"][0] is None
    assert fleet.run("apply", "m", "--yes").exit_code == 0
    assert fleet.run("drift", "m").exit_code == 0


def test_labels_choose_among_manifests(fleet: Service) -> None:
    labelled = manifest("a", "{}").replace("app_id: pets}", "app_id: pets, labels: {team: vision, tier: x}}")
    fleet.write("m/a.yaml", labelled)
    fleet.write("m/b.yaml", manifest("b", "{}"))
    fleet.write("m/d.yaml", defaults("{labels: {team: vision}, ids: ['*']}", "  model: {notes: Ours}\n"))
    assert list(changes(fleet)) == ["demo/pets/a"]


def test_variables_and_environments_reach_defaults(fleet: Service) -> None:
    fleet.write(
        "reconciler.yaml", "apiVersion: reconciler/v1\nkind: Config\nenvironments: {prod: {vars: {note: Live}}}\n"
    )
    fleet.write("m/d.yaml", defaults("{ids: [a]}", '  scope: live\n  model: {notes: "${var:note}"}\n'))
    assert changes(fleet, "--environment", "prod") == {"demo/pets/a": {"notes": ("Live", "m/d.yaml:7")}}
    assert "unknown-variable" in {
        problem["code"] for problem in fleet.run("plan", "m", "--format", "json").document()["problems"]
    }


def test_a_default_for_another_app_than_the_environments_is_an_error(fleet: Service) -> None:
    fleet.write(
        "reconciler.yaml", "apiVersion: reconciler/v1\nkind: Config\nenvironments: {staging: {app_id: other}}\n"
    )
    fleet.write("m/d.yaml", defaults("{ids: [a]}", LIVE + "  model: {notes: x}\n"))
    document = fleet.run("plan", "m", "--environment", "staging", "--format", "json").document()
    assert [problem["code"] for problem in document["problems"]] == ["contradicts-environment"]


def test_explain_names_the_default(fleet: Service) -> None:
    fleet.write(
        "m/d.yaml", defaults("{ids: [a, b]}", LIVE + "  model: {notes: Ours, metadata: {tier: gold}}\n" + PARAMS)
    )
    fleet.write("m/a.yaml", manifest("a", "{notes: Mine}"))

    def places(name: str) -> dict[str, str]:
        document = fleet.run("explain", name, "m", "--format", "json").document()
        paths = [path for block in document["blocks"] for path in block["paths"]]
        return {path["path"]: f"{path['origin']['path']}:{path['origin']['line']}" for path in paths}

    ours = {"metadata.tier": "m/d.yaml:7", "output_info.params.min_value": "m/d.yaml:10"}
    assert places("a") == {"notes": "m/a.yaml:4", **ours}
    assert places("pets/b") == {"notes": "m/d.yaml:7", **ours}, "it has no manifest"
    assert fleet.run("explain", "other", "m").exit_code == 1


def test_explain_shows_no_owner_mark_of_a_model_that_only_a_default_manages(fleet: Service) -> None:
    fleet.write("reconciler.yaml", "apiVersion: reconciler/v1\nkind: Config\nowner: us\n")
    fleet.write("m/d.yaml", defaults("{ids: [a, b]}", LIVE + "  model: {notes: Ours}\n"))
    fleet.write("m/a.yaml", manifest("a", "{}"))

    def paths(name: str) -> dict[str, bool]:
        document = fleet.run("explain", name, "m", "--format", "json").document()
        return {path["path"]: path["in_sync"] for block in document["blocks"] for path in block["paths"]}

    assert paths("a") == {"metadata.reconciler": False, "notes": False}
    assert paths("b") == {"notes": False}, "a mark would say that a manifest manages it"
    assert fleet.run("apply", "m", "--yes").exit_code == 0
    assert paths("a") == {"metadata.reconciler": True, "notes": True}
    assert paths("b") == {"notes": True}


def test_accept_leaves_what_a_default_states(fleet: Service) -> None:
    fleet.write("m/d.yaml", defaults("{ids: [a, b]}", LIVE + "  model: {notes: Ours}\n" + PARAMS))
    fleet.write("m/a.yaml", manifest("a", "{description: Mine, versions: [{select: all, license: MIT}]}"))
    before = (fleet.folder / "m/d.yaml").read_text()
    result = fleet.run("accept", "m", "--format", "json")
    assert result.exit_code == 4
    left = {(item["address"], item["path"], item["reason"]) for item in result.document()["left"]}
    reason = "it comes from the ModelDefaults thresholds"
    assert {
        ("demo/pets/a", "notes", reason),
        (f"demo/pets/a@{VERSION}", "output_info.params.min_value", reason),
        ("demo/pets/b", "notes", reason),
    } <= left
    assert (fleet.folder / "m/d.yaml").read_text() == before
    assert fleet.run("plan", "m", "--exclude", "b").exit_code == 0


def test_what_a_default_no_longer_states_is_released(fleet: Service) -> None:
    fleet.write("m/d.yaml", defaults("{ids: [a]}", "  model: {notes: Ours, toolkits: [x]}\n"))
    fleet.write("m/a.yaml", manifest("a", "{}"))
    Repository(fleet.folder).commit({})
    fleet.write("m/d.yaml", defaults("{ids: [a]}", "  model: {toolkits: [x]}\n"))
    document = fleet.run("plan", "m", "--base", "main", "--format", "json").document()
    assert [(item["address"], item["path"]) for item in document["released"]] == [("demo/pets/a", "notes")]
    assert [change["attribution"] for change in document["changes"]] == ["base"]
    fleet.write("m/d.yaml", defaults("{ids: [b]}", "  model: {toolkits: [x]}\n"))
    fleet.write("m/a.yaml", manifest("a", "{notes: Ours, toolkits: [x]}"))
    assert fleet.run("plan", "m", "--base", "main", "--format", "json").document()["released"] == []


# --- contradictions and mistakes --------------------------------------------------------------------------------


def test_two_defaults_that_state_a_path_differently_are_an_error_with_both_places(
    fleet: Service, wording: Wording
) -> None:
    fleet.write(
        "m/1.yaml", defaults("{ids: ['*']}", "  model: {toolkits: [A], metadata: {tier: gold, same: 1}}\n" + PARAMS)
    )
    other = "  model: {toolkits: [B], metadata: {tier: iron, same: 1}}\n" + PARAMS.replace("0.9", "0.8")
    fleet.write("m/2.yaml", defaults("{model_type_ids: [embedding-classifier]}", other, name="more"))
    for name in ("a", "b"):
        fleet.write(f"m/{name}.yaml", manifest(name, "{}"))
    result = fleet.run("plan", "m", "--format", "json")
    assert result.exit_code == 1
    problems = result.document()["problems"]
    assert {problem["code"] for problem in problems} == {"conflicting-defaults"}
    assert [(problem["path"], problem["line"]) for problem in problems] == [
        ("m/2.yaml", 6),
        ("m/2.yaml", 6),
        ("m/2.yaml", 9),
    ]
    wording(fleet.run("plan", "m").stderr)
    own = f"{{toolkits: [C], metadata: {{tier: x}}, versions: [{{id: {VERSION}, output_info: {{params: {{min_value: 0.1}}}}}}]}}"
    for name in ("a", "b"):
        fleet.write(f"m/{name}.yaml", manifest(name, own))
    assert fleet.run("plan", "m").exit_code == 0


def test_a_selector_that_selects_nothing_is_a_warning(fleet: Service, wording: Wording) -> None:
    fleet.write("m/a.yaml", manifest("a", "{}"))
    fleet.write(
        "m/d.yaml",
        defaults("{ids: [b]}", "  model: {notes: x}\n")
        + "---\n"
        + defaults("{model_type_ids: [nope]}", LIVE + "  model: {notes: x}\n", name="none"),
    )
    result = fleet.run("plan", "m")
    assert result.exit_code == 0
    wording(result.stderr)


def test_a_default_for_a_model_of_unknown_type_that_was_not_read_is_no_warning(fleet: Service) -> None:
    fleet.write("m/a.yaml", manifest("a", "{}"))
    fleet.write("m/clusters.yaml", manifest("clusters", "{}"))
    fleet.write("m/d.yaml", defaults("{model_type_ids: [clusterer]}", "  model: {notes: x}\n"))
    fleet.write("m/e.yaml", defaults("{model_type_ids: [clusterer], ids: [b]}", "  model: {notes: x}\n", name="none"))
    for options in ((), ("--target", "a")):
        result = fleet.run("plan", "m", *options)
        assert (result.exit_code, '"none"' in result.stderr, '"thresholds"' in result.stderr) == (0, True, False)
    assert list(changes(fleet)) == ["demo/pets/clusters"]
    assert changes(fleet, "--target", "a") == {}


def test_a_default_for_versions_that_a_model_does_not_have_is_noted(fleet: Service) -> None:
    fleet.write("m/d.yaml", defaults("{ids: [a, clusters]}", "  model: {notes: x}\n" + PARAMS))
    fleet.write("m/a.yaml", manifest("a", "{}"))
    fleet.write("m/clusters.yaml", manifest("clusters", "{}"))
    result = fleet.run("plan", "m", "--format", "json")
    assert result.exit_code == 0, result
    (notice,) = result.document()["notices"]
    assert notice["address"] == "demo/pets/clusters"
    assert "thresholds" in notice["message"]
    assert "select: latest" in notice["message"]
    assert {change["address"] for change in result.document()["changes"]} == {
        "demo/pets/a",
        f"demo/pets/a@{VERSION}",
        "demo/pets/clusters",
    }


def test_a_wrong_param_of_a_default_is_one_problem_naming_the_models(fleet: Service) -> None:
    fleet.write("m/d.yaml", defaults("{ids: ['*']}", PARAMS.replace("0.9", "1.5")))
    for name in ("a", "b", "other"):
        fleet.write(f"m/{name}.yaml", manifest(name, "{}"))
    result = fleet.run("plan", "m", "--format", "json")
    assert result.exit_code == 1
    (problem,) = result.document()["problems"]
    assert (problem["code"], problem["path"], problem["line"]) == ("param-out-of-range", "m/d.yaml", 8)
    assert "demo/pets/a and 2 more" in problem["message"]
    fleet.write(
        "m/b.yaml", manifest("b", f"{{versions: [{{id: {VERSION}, output_info: {{params: {{min_value: 0.1}}}}}}]}}")
    )
    (problem,) = fleet.run("plan", "m", "--format", "json").document()["problems"]
    assert "demo/pets/a and 1 more" in problem["message"]


def test_of_a_type_that_declares_no_params_a_default_is_one_warning(cli: RunCli, folder: Path) -> None:
    with Emulator(seed=seeded(live_model("a", "mystery"), live_model("b", "mystery"))) as emulator:
        service = Service(emulator, cli, folder)
        service.write("m/d.yaml", defaults("{ids: [a, b]}", PARAMS.replace("min_value", "temperature")))
        for name in ("a", "b"):
            service.write(f"m/{name}.yaml", manifest(name, "{}"))
        result = service.run("plan", "m")
        assert result.exit_code == 0, result
        assert result.stderr.count("mystery") == 1, result.stderr
        assert list(changes(service)) == [f"demo/pets/a@{VERSION}", f"demo/pets/b@{VERSION}"]


def test_a_default_is_for_its_app_however_the_user_is_spelled(fleet: Service) -> None:
    """The app is demo/pets, which the manifest calls me/pets, and in the second round the default does."""
    own, shared = manifest("a", "{name: A}"), defaults("{ids: [a]}", "  model: {notes: x}\n" + PARAMS)
    mine = "user_id: me"
    for head, rest in ((own.replace("user_id: demo", mine), shared), (own, shared.replace("user_id: demo", mine))):
        fleet.write("m/a.yaml", head)
        fleet.write("m/d.yaml", rest)
        result = fleet.run("plan", "m", "--format", "json", scope=False)
        assert (result.exit_code, result.stderr) == (0, "")
        shown = {each["address"]: [item["path"] for item in each["fields"]] for each in result.document()["changes"]}
        assert shown == {"demo/pets/a": ["name", "notes"], f"demo/pets/a@{VERSION}": ["output_info.params.min_value"]}
    assert fleet.run("apply", "m", "--yes", scope=False).exit_code == 0
    assert fleet.model("a")["notes"] == "x"
    assert fleet.run("drift", "m", scope=False).exit_code == 0


def test_the_model_types_are_listed_once_where_a_default_is_for_another_app(cli: RunCli, folder: Path) -> None:
    """The first app whose models are about params is known only once defaults have filled in theirs."""
    apps = [{"user_id": "demo", "app_id": app, "models": [live_model("a")]} for app in ("pets", "zoo")]
    with Emulator(seed={"apps": apps}) as emulator:
        service = Service(emulator, cli, folder)
        own = manifest("a", f"{{versions: [{{id: {VERSION}, output_info: {{params: {{min_value: 0.7}}}}}}]}}")
        service.write("m/zoo.yaml", own.replace("app_id: pets", "app_id: zoo"))
        service.write("m/pets.yaml", manifest("a", "{}"))
        service.write("m/d.yaml", defaults("{ids: [a]}", PARAMS))
        emulator.clear_calls()
        result = service.run("plan", "m", "--format", "json", scope=False)
        assert [change["address"] for change in result.document()["changes"]] == [
            f"demo/pets/a@{VERSION}",
            f"demo/zoo/a@{VERSION}",
        ]
        listed = [call.request["user_app_id"] for call in emulator.calls if call.rpc == "ListModelTypes"]
        assert {app["app_id"] for app in listed} == {"pets"}


def test_a_param_that_a_models_type_does_not_declare_is_an_error_naming_the_models(
    fleet: Service, wording: Wording
) -> None:
    fleet.write("m/d.yaml", defaults("{ids: [a, b]}", PARAMS.replace("min_value", "temperature")))
    fleet.write("m/a.yaml", manifest("a", "{}"))
    fleet.write("m/b.yaml", manifest("b", "{}"))
    result = fleet.run("plan", "m")
    assert result.exit_code == 1
    wording(result.stderr)
    assert fleet.run("plan", "m", "--allow-unknown-params").exit_code == 0


@pytest.mark.parametrize(
    ("select", "rest", "code"),
    [
        ("{labels: {team: vision}}", LIVE + "  model: {notes: x}\n", "labels-of-live-models"),
        ("{}", "  model: {notes: x}\n", "states-nothing"),
        ("{ids: []}", "  model: {notes: x}\n", "states-nothing"),
        ("{ids: [a], type: x}", "  model: {notes: x}\n", "unknown-key"),
        ("{ids: [a]}", "  model: {versions: []}\n", "unknown-key"),
        ("{ids: [a]}", f"  versions: [{{id: {VERSION}}}]\n", "unknown-key"),
        ("{ids: [a]}", "  scope: everything\n", "wrong-choice"),
        ("{ids: ['${env:HOME}']}", "  model: {notes: x}\n", "sensitive-setting"),
    ],
)
def test_what_is_no_default_is_an_error(fleet: Service, select: str, rest: str, code: str) -> None:
    fleet.write("m/d.yaml", defaults(select, rest))
    result = fleet.run("validate", "m", "--format", "json")
    assert result.exit_code == 1
    assert code in {problem["code"] for problem in result.document()["problems"]}


def test_defaults_alone_are_enough_for_a_run(fleet: Service) -> None:
    fleet.write("m/d.yaml", defaults("{ids: [a]}", LIVE + "  model: {notes: x}\n"))
    assert fleet.run("validate", "m").stdout == "Valid: 0 models in 1 file.\n"
    assert fleet.run("drift", "m").exit_code == 2


# --- models without a manifest ------------------------------------------------------------------------------------


def test_a_live_default_is_for_models_without_a_manifest_too(fleet: Service) -> None:
    fleet.write("m/d.yaml", defaults("{model_type_ids: [embedding-classifier], ids: [a, o*, clusters]}", LIVE + PARAMS))
    fleet.write("m/a.yaml", manifest("a", "{notes: Mine}"))
    assert list(changes(fleet)) == ["demo/pets/a", f"demo/pets/a@{VERSION}", f"demo/pets/other@{VERSION}"]
    assert list(changes(fleet, "--exclude", "other")) == ["demo/pets/a", f"demo/pets/a@{VERSION}"]
    assert list(changes(fleet, "--target", "other")) == [f"demo/pets/other@{VERSION}"]
    assert fleet.run("apply", "m", "--yes").exit_code == 0
    assert fleet.run("drift", "m").exit_code == 0
    run = fleet.run("undo", "latest", "--yes")
    assert (run.exit_code, fleet.run("drift", "m").exit_code) == (0, 2)


def test_models_that_only_defaults_manage_get_no_mark_and_are_never_pruned(fleet: Service) -> None:
    fleet.write("reconciler.yaml", OWNER)
    fleet.write("m/a.yaml", manifest("a", "{notes: Mine}"))
    fleet.write("m/other.yaml", manifest("other", "{}"))
    fleet.write("m/b.yaml", manifest("b", "{}"))
    assert fleet.run("apply", "m", "--yes").exit_code == 0  # marks all three
    (fleet.folder / "m/other.yaml").unlink()
    (fleet.folder / "m/b.yaml").unlink()
    fleet.write(
        "m/d.yaml",
        defaults("{ids: [other, clusters]}", LIVE + "  model: {notes: x, protect: true, retain_versions: 1}\n"),
    )
    assert fleet.run("apply", "m", "--yes", "--prune", "--max-deletes", "9").exit_code == 0
    assert set(fleet.models()) == {"a", "other", "clusters"}, "b has no default, and so it is pruned"
    assert "metadata" not in fleet.model("clusters")
    assert fleet.model("other")["metadata"] == {"reconciler": {"owner": "vision", "protect": False}}
    assert fleet.run("drift", "m", "--prune").exit_code == 0


def test_what_cannot_be_read_back_is_as_without_an_owner(fleet: Service) -> None:
    fleet.write("reconciler.yaml", OWNER)
    fleet.write("m/d.yaml", defaults("{ids: [a]}", LIVE + '  model: {image: {url: "https://example.com/a.jpg"}}\n'))
    applied = fleet.run("apply", "m", "--yes", "--format", "json")
    assert (applied.exit_code, applied.document()["converged"]) == (0, True)
    drift = fleet.run("drift", "m", "--format", "json")
    assert drift.exit_code == 0
    assert [item["path"] for item in drift.document()["not_comparable"]] == ["image.url"]
    assert "metadata" not in fleet.model("a")


def test_a_thousand_models_under_one_default_cost_few_reading_calls(cli: RunCli, folder: Path) -> None:
    with Emulator(seed=seeded(*(live_model(f"m{number:04}") for number in range(1000)))) as emulator:
        service = Service(emulator, cli, folder)
        service.write("m/d.yaml", defaults("{model_type_ids: [embedding-classifier]}", LIVE + PARAMS))
        result = service.run("plan", "m", "--format", "json")
        assert result.document()["summary"]["update"] == 1000
        calls = service.calls()
        assert len([name for name in calls if name.startswith(READS)]) <= 10, calls
        assert "ListModels" not in calls, "one type is found by a search"
        service.write("m/d.yaml", defaults("{ids: ['m*']}", LIVE + PARAMS))
        assert service.run("plan", "m", "--format", "json").document()["summary"]["update"] == 1000
        calls = service.calls()
        assert len([name for name in calls if name.startswith(READS)]) <= 10, calls
        assert "PostModelsSearches" not in calls, "a search knows no ids"


def test_nothing_is_found_twice(fleet: Service) -> None:
    fleet.write("m/d.yaml", defaults("{model_type_ids: [embedding-classifier]}", LIVE + "  model: {notes: x}\n"))
    for name in ("a", "b", "other", "clusters"):
        fleet.write(f"m/{name}.yaml", manifest(name, "{}"))
    assert fleet.run("plan", "m").exit_code == 0
    calls = fleet.calls()
    assert "PostModelsSearches" not in calls, "the plan lists the app anyway"
    assert "GetModel" not in calls
