"""`explain` as a user runs it, against the emulator: what is stated where, what is live, and which call would change it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.live_side import LATEST, SECRET, Service, manifest
from tests.wording import Wording

SPEC = """
  action: overwrite
  name: Pets classifier
  visibility: PRIVATE
  toolkits: [Clarifai]
  metadata:
    owner: vision
    tiers: {gold: 1}
  remove: {use_cases: [image-classification], image: true}
  versions:
    - select: latest
      action: merge
      description: Threshold raised
      output_info:
        params: {max_concepts: 20, min_value: 0.95}
      remove: {params: [select_concepts, top_k]}"""


def explained(service: Service, *arguments: str, **more: Any) -> dict[str, Any]:
    result = service.run("explain", *arguments, "--format", "json", **more)
    assert (result.exit_code, result.stderr) == (0, "")
    document: dict[str, Any] = result.document()
    return document


def paths(block: dict[str, Any]) -> dict[str, Any]:
    return {each["path"]: each for each in block["paths"]}


@pytest.fixture
def stated(service: Service) -> Service:
    service.write("m.yaml", manifest("petsID", SPEC))
    return service


def test_each_path_has_its_value_its_place_what_is_live_and_the_call(stated: Service) -> None:
    document = explained(stated, "petsID", "m.yaml")
    model, version = document.pop("blocks")
    assert document == {"kind": "Explanation", "address": "demo/pets/petsID", "in_sync": False, "refused": []}
    assert (model["address"], model["kind"], model["version_id"]) == ("demo/pets/petsID", "model", None)
    assert paths(model)["name"] == {
        "path": "name",
        "value": "Pets classifier",
        "live": "pets",
        "remove": False,
        "action": "overwrite",
        "origin": {"path": "m.yaml", "line": 6, "column": 9},
        "in_sync": False,
        "reason": None,
        "call": {"rpc": "PatchModels", "action": "merge"},
    }
    assert paths(model)["toolkits"] == {
        **paths(model)["name"],
        "path": "toolkits",
        "value": ["Clarifai"],
        "live": ["Clarifai"],
        "origin": {"path": "m.yaml", "line": 8, "column": 13},
        "in_sync": True,
        "call": None,
    }
    assert [(path, each["origin"]["line"], each["in_sync"]) for path, each in paths(model).items()] == [
        ("image", 12, True),
        ("metadata.owner", 10, False),
        ("metadata.tiers.gold", 11, False),
        ("name", 6, False),
        ("toolkits", 8, True),
        ("use_cases", 12, False),
        ("visibility", 7, True),
    ]
    assert (paths(model)["use_cases"]["item"], paths(model)["use_cases"]["remove"]) == ("image-classification", True)
    assert version["address"] == f"demo/pets/petsID@{LATEST['petsID']}"
    assert (version["select"], version["origin"]["line"]) == ("latest", 14)
    assert [(path, each["in_sync"], each["remove"], each["action"]) for path, each in paths(version).items()] == [
        ("description", False, False, "merge"),
        ("output_info.params.max_concepts", True, False, "merge"),
        ("output_info.params.min_value", False, False, "merge"),
        ("output_info.params.select_concepts", False, True, "merge"),
        ("output_info.params.top_k", True, True, "merge"),
    ]
    assert {each["call"]["rpc"] for each in version["paths"] if each["call"]} == {"PatchModelVersions"}
    assert stated.writes() == []


def test_what_it_says_is_what_the_plan_changes(stated: Service) -> None:
    document = explained(stated, "petsID", "m.yaml")
    plan = stated.run("plan", "m.yaml", "--format", "json").document()
    changed = {f"{change['address']} {field['path']}" for change in plan["changes"] for field in change["fields"]}
    differing = {
        f"{block['address']} {each['path']}"
        for block in document["blocks"]
        for each in block["paths"]
        if not each["in_sync"]
    }
    # The plan names a mapping that is added by its own path, `explain` each value in it.
    assert {path.replace("metadata.tiers.gold", "metadata.tiers") for path in differing} == changed
    assert stated.run("apply", "m.yaml", "--yes").exit_code == 0
    assert explained(stated, "petsID", "m.yaml")["in_sync"] is True


def test_as_text(stated: Service, wording: Wording) -> None:
    result = stated.run("explain", "petsID", "m.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    wording(result.stdout)


@pytest.mark.parametrize("output_format", ["markdown", "html"])
def test_as_a_page(stated: Service, output_format: str) -> None:
    result = stated.run("explain", "petsID", "m.yaml", "--format", output_format)
    assert (result.exit_code, result.stdout.count("PatchModelVersions")) == (0, 3)


def test_keys_that_overwrite_would_delete_are_listed_although_nobody_states_them(service: Service) -> None:
    service.write(
        "m.yaml",
        manifest(
            "petsID", "{versions: [{select: latest, action: overwrite, output_info: {params: {min_value: 0.5}}}]}"
        ),
    )
    _, version = explained(service, "petsID", "m.yaml")["blocks"]
    assert [(each["path"], each["in_sync"], each["remove"], each["live"]) for each in version["paths"]] == [
        ("output_info.params.max_concepts", False, True, 20),
        ("output_info.params.min_value", True, False, 0.5),
        ("output_info.params.select_concepts", False, True, []),
    ]


def test_the_owner_mark_comes_from_the_settings(service: Service) -> None:
    service.write("reconciler.yaml", "apiVersion: reconciler/v1\nkind: Config\nowner: us\n")
    service.write("m.yaml", manifest("petsID", "{name: pets}"))
    for is_in_sync in (False, True):
        (model,) = explained(service, "petsID", "m.yaml")["blocks"]
        mark = paths(model)["metadata.reconciler"]
        assert (mark["value"], mark["origin"], mark["in_sync"]) == ({"owner": "us", "protect": False}, None, is_in_sync)
        assert service.run("apply", "m.yaml", "--yes").exit_code == 0


@pytest.mark.parametrize("name", ["petsID", "pets/petsID", "demo/pets/petsID"])
def test_a_model_is_named_by_its_id_or_its_address(stated: Service, name: str) -> None:
    assert explained(stated, name, "m.yaml")["address"] == "demo/pets/petsID"


@pytest.mark.parametrize("name", ["petsIDs", "pets/petsid", "x/pets/petsID", "unlike", "/", "a/b/c/d"])
def test_an_unknown_model_is_an_error_that_names_the_nearest(stated: Service, wording: Wording, name: str) -> None:
    result = stated.run("explain", name, "m.yaml")
    assert (result.exit_code, result.stdout, stated.calls()) == (1, "", [])
    wording(result.stderr)


def test_an_id_in_two_apps_needs_the_address(service: Service, wording: Wording) -> None:
    other = manifest("petsID", "{name: a}").replace("app_id: pets", "app_id: other")
    service.write("m.yaml", f"{manifest('petsID', '{name: b}')}---\n{other}")
    result = service.run("explain", "petsID", "m.yaml")
    assert result.exit_code == 1
    wording(result.stderr)
    assert explained(service, "pets/petsID", "m.yaml")["address"] == "demo/pets/petsID"


@pytest.mark.parametrize("output_format", ["text", "json", "markdown", "html"])
def test_secrets_are_concealed(secretive: Service, output_format: str) -> None:
    params = "{api_key: 'sk-stated-9876543210', max_tokens: 512, note: '${env:NOTE}'}"
    spec = f"{{versions: [{{select: latest, output_info: {{params: {params}}}}}]}}"
    secretive.write("m.yaml", manifest("bot", spec))
    options = ("--allow-unknown-params", "--format", output_format)
    result = secretive.run("explain", "bot", "m.yaml", *options, env={"NOTE": "from-the-environment"})
    assert (result.exit_code, "(sensitive)" in result.stdout) == (0, True)
    for text in (SECRET, "sk-stated-9876543210", "from-the-environment"):
        assert text not in result.stdout + result.stderr


def test_what_can_not_be_compared_is_neither_in_sync_nor_a_change(service: Service, wording: Wording) -> None:
    service.write("m.yaml", manifest("petsID", '{image: {url: "https://samples.clarifai.com/metro-north.jpg"}}'))
    assert service.run("apply", "m.yaml", "--yes").exit_code == 0
    service.write("m.yaml", manifest("petsID", '{image: {url: "https://samples.clarifai.com/other.jpg"}}'))
    (model,) = explained(service, "petsID", "m.yaml")["blocks"]
    (image,) = model["paths"]
    assert (image["path"], image["in_sync"], image["call"]) == ("image.url", None, None)
    wording(image["reason"], service.run("explain", "petsID", "m.yaml").stdout.replace(image["live"], "LIVE"))


def test_a_refused_model_says_so(service: Service) -> None:
    service.write("reconciler.yaml", "apiVersion: reconciler/v1\nkind: Config\nowner: us\n")
    service.write("m.yaml", manifest("petsID", "{name: one}"))
    assert service.run("apply", "m.yaml", "--yes").exit_code == 0
    service.write("reconciler.yaml", "apiVersion: reconciler/v1\nkind: Config\nowner: them\n")
    document = explained(service, "petsID", "m.yaml")
    assert [refusal["rule"] for refusal in document["refused"]] == ["foreign-owner"]


def test_problems_of_the_manifests_are_reported_as_by_plan(service: Service) -> None:
    service.write("m.yaml", manifest("petsID", "{nam: a}"))
    result = service.run("explain", "petsID", "m.yaml", "--format", "json")
    assert (result.exit_code, result.document()["kind"]) == (1, "Validation")


def test_a_long_place_keeps_its_line(service: Service) -> None:
    name = f"{'deep/' * 20}m.yaml"
    service.write(name, manifest("petsID", "{name: pets}"))
    assert "m.yaml:4:14" in service.run("explain", "petsID", name).stdout
