from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from reconciler.loading.schema import FILES, schema_document, schema_text
from reconciler.loading.shape import shape_problems
from reconciler.plan.document import plan_document
from reconciler.resources.fields import KINDS
from reconciler.resources.keys import Kind
from tests.loading.manifests import loaded_from
from tests.manifests.test_validate import FULL
from tests.report.reports import field_change, plan_report, update
from tests.wording import Wording

ROOT = Path(__file__).parents[2]


def errors_of(kind: str, value: Any) -> list[str]:
    errors = Draft202012Validator(schema_document(kind)).iter_errors(value)
    return sorted(f"/{'/'.join(map(str, error.absolute_path))} {error.validator}" for error in errors)


def parts(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every property of a schema with its path."""
    if isinstance(schema, dict):
        for name, inner in schema.get("properties", {}).items():
            yield f"{path}/{name}", inner
        for name, inner in schema.items():
            yield from parts(inner, f"{path}/{name}")
    elif isinstance(schema, list):
        for item in schema:
            yield from parts(item, path)


@pytest.mark.parametrize("kind", sorted(FILES))
def test_each_schema_is_one_and_describes_every_key(kind: str) -> None:
    schema = json.loads(schema_text(kind))
    Draft202012Validator.check_schema(schema)
    undescribed = [
        path
        for path, part in parts(schema)
        if "description" not in part
        and "description" not in schema["$defs"].get(part.get("$ref", "").split("/")[-1], {})
        and "/then/" not in path
        and "/if/" not in path
    ]
    assert undescribed == []


def test_an_unknown_kind_has_no_schema() -> None:
    with pytest.raises(KeyError):
        schema_text("Pod")


def test_the_model_schema_knows_exactly_the_managed_fields() -> None:
    schema = schema_document("Model")
    settings = {"action", "expect", "protect", "retain_versions", "remove", "versions", "id", "select"}
    model = set(schema["properties"]["spec"]["properties"]) - settings
    version = set(schema["$defs"]["version"]["properties"]) - settings
    assert model == {field.path[0] for field in KINDS[Kind.MODEL]}
    assert version == {field.path[0] for field in KINDS[Kind.MODEL_VERSION]}


def test_an_editor_accepts_what_validate_accepts() -> None:
    assert errors_of("Model", yaml.safe_load(FULL)) == []
    for path in (ROOT / "examples" / "manifests").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        assert errors_of("Model", yaml.safe_load(text)) == []
        named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
        assert named is not None
        assert (path.parent / named[1]).resolve() == ROOT / "schemas" / FILES["Model"]


def test_an_editor_accepts_references_where_a_value_can_stand() -> None:
    reference = "${var:x}"
    version = {"id": reference, "visibility": reference, "output_info": {"params": reference}, "action": reference}
    spec = {
        "visibility": reference,
        "toolkits": reference,
        "image": reference,
        "metadata": reference,
        "protect": reference,
        "retain_versions": reference,
        "versions": [version, {"select": reference}],
    }
    document = {"apiVersion": "reconciler/v1", "kind": "Model", "metadata": {"id": reference}, "spec": spec}
    assert errors_of("Model", document) == []


def test_an_editor_refuses_ids_that_validate_refuses() -> None:
    def errors(model_id: Any, version_id: str) -> list[str]:
        spec = {"versions": [{"id": version_id}]}
        metadata = {"id": model_id, "user_id": "me", "app_id": "pets"}
        return errors_of("Model", {"apiVersion": "reconciler/v1", "kind": "Model", "metadata": metadata, "spec": spec})

    assert errors("Llama-3_2.v1", "0" * 32) == []
    assert errors("a/b", "F" * 32) == ["/metadata/id pattern", "/spec/versions/0/id anyOf"]
    for bad in ("", "a b", "é", ".", "..", "a?", "a#", "a%20", "a\tb", 5):
        assert errors(bad, "0" * 32) != [], bad


CONFIG = """\
apiVersion: reconciler/v1
kind: Config
owner: vision-team-models
user_id: me
app_id: pets
endpoint: https://api.clarifai.com
prune: {max_count: 5, max_percent: 10, protect: ["prod-*"]}
limits: {rate: 15, parallelism: 8, batch: 32, timeout: 30}
environments:
  staging: {app_id: pets-staging, vars: {threshold: 0.8}}
  prod: {app_id: pets-prod, pat_env: CLARIFAI_PAT_PROD, vars: {threshold: 0.95, tags: [a], key: "${env:KEY}"}}
"""


def test_the_config_schema_takes_every_key_and_no_other_value(wording: Wording) -> None:
    assert errors_of("Config", yaml.safe_load(CONFIG)) == []
    (document,) = loaded_from(CONFIG).documents
    assert shape_problems(document, "Config") == []
    wrong = (
        CONFIG.replace("max_count: 5", "max_count: -1")
        .replace("rate: 15", "rates: 15")
        .replace("timeout: 30", "timeout: 0")
        + "  dev: {app_id: 5, vars: {'a b': 1}}\nusr_id: me\n"
    )
    (document,) = loaded_from(wrong).documents
    found = sorted(shape_problems(document, "Config"), key=lambda problem: problem.origin)
    assert [problem.pointer for problem in found] == [
        "/prune/max_count",
        "/limits/rates",
        "/limits/timeout",
        "/environments/dev/app_id",
        "/environments/dev/vars/a b",
        "/usr_id",
    ]
    wording(*found)


def plan() -> dict[str, Any]:
    """A plan with keys that a later version may add."""
    document = plan_document(plan_report([update("petsID", field_change("name", "pets", "Pets"))]).plan)
    document["changes"][0]["a_later_key"] = 1
    return {**document, "source": {**document["source"], "digest": f"sha256:{'0' * 64}"}, "a_later_key": {}}


def test_the_plan_schema_takes_a_plan_and_grows() -> None:
    assert errors_of("Plan", plan()) == []
    assert (
        errors_of("Plan", {**plan(), "kind": "Drift", "problems": [], "notices": [{"address": None, "message": "x"}]})
        == []
    )


def test_an_apply_document_says_what_became_of_each_request() -> None:
    document = {**plan(), "kind": "Apply", "converged": True}
    assert errors_of("Plan", document) == ["/requests/0 required"] * 4
    document["requests"][0].update(status="done", error=None, attempts=1, request_id="abc")
    assert errors_of("Plan", document) == []
    del document["converged"]
    assert errors_of("Plan", document) == ["/ required"]


def test_a_field_has_a_side_and_a_plan_its_parts() -> None:
    document = plan()
    document["changes"][0]["fields"] = [{"path": "name"}]
    document["summary"]["update"] = -1
    document["format_version"] = "2.0"
    del document["fingerprint"]
    assert errors_of("Plan", document) == [
        "/ required",
        "/changes/0/fields/0 anyOf",
        "/format_version pattern",
        "/summary/update minimum",
    ]
