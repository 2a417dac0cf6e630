"""The kinds of documents that a PATH may hold."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from reconciler.errors import Origin, ProblemsError
from reconciler.loading.schema import FILES, schema_document
from reconciler.manifests.kinds import KINDS, NAMES
from reconciler.resources.desired import Desired
from reconciler.resources.policy import Policy, Rule
from tests.command_line import RunCli
from tests.manifests.test_validate import problems_of, validated

POLICY = """\
apiVersion: reconciler/v1
kind: Policy
metadata: {name: house-rules}
spec:
  rules:
    - {name: quiet, severity: warn, message: Not now., when: "false"}
"""
MODEL = """\
apiVersion: reconciler/v1
kind: Model
metadata: {id: petsID, user_id: demo, app_id: pets}
spec: {name: "${var:name}"}
"""


def test_each_kind_has_a_schema_and_a_field_of_the_desired_state() -> None:
    known = {field.name for field in fields(Desired)}
    for name in NAMES:
        assert schema_document(name)["properties"]["kind"]["const"] == name
    assert {kind.field for kind in KINDS.values()} <= known
    assert len({kind.field for kind in KINDS.values()}) == len(KINDS)
    assert set(NAMES) <= set(FILES)


def test_a_policy_is_read_beside_models_in_any_order() -> None:
    rule = Rule(
        name="quiet",
        severity="warn",
        message="Not now.",
        when="false",
        origin=Origin("-", 6, 14),
        when_origin=Origin("-", 6, 62),
    )
    found = validated(f"{POLICY}---\n{MODEL}", variables={"name": "Pets"}).desired
    assert found.policies == (Policy(name="house-rules", rules=(rule,), origin=Origin("-", 1, 1)),)
    assert [model.stated for model in found.models] == [{"name": "Pets"}]
    other = validated(f"{MODEL}---\n{POLICY}", variables={"name": "Pets"}).desired
    assert [policy.name for policy in other.policies] == ["house-rules"]


def test_variables_stand_in_a_policy_and_environment_variables_do_not() -> None:
    text = POLICY.replace('"false"', '"${var:rule}"')
    (policy,) = validated(text, variables={"rule": "change.action == 'delete'"}).desired.policies
    assert policy.rules[0].when == "change.action == 'delete'"
    refused = problems_of(POLICY.replace('"false"', '"${env:RULE}"'), environ={"RULE": "true"})
    assert [problem.code for problem in refused] == ["sensitive-setting"]


@pytest.mark.parametrize("command", ["validate", "plan", "drift"])
def test_policies_alone_are_no_manifest(
    cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = cli(command, ".", "--endpoint", "embedded", "--format", "json")
    assert (found.exit_code, [problem["code"] for problem in found.document()["problems"]]) == (1, ["no-manifest"])


def test_two_policies_with_one_rule_are_an_error_at_the_second() -> None:
    with pytest.raises(ProblemsError) as caught:
        validated(f"{POLICY}---\n{POLICY.replace('house-rules', 'more')}")
    assert [(p.code, p.origin.line) for p in caught.value.problems] == [("duplicate-rule", 13)]


@pytest.mark.parametrize("kind", NAMES)
def test_the_schema_of_each_kind_is_printed(cli: RunCli, kind: str) -> None:
    assert cli("schema", kind.lower()).document() == schema_document(kind)
