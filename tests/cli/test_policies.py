"""`kind: Policy` on the command line: what is refused, what is warned of, and what no pull request can drop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.server import Emulator
from reconciler.manifests.policies import problems_of_rules
from tests.ci.repositories import Repository
from tests.cli.live_side import Service, manifest, seeded
from tests.cli.test_defaults import OWNER, VERSION, live_model
from tests.command_line import RunCli
from tests.wording import Wording

pytest.importorskip("cel_expr_python", reason="policies need Python 3.11 or later")

ROOT = Path(__file__).parents[2]
HOUSE_RULES = (ROOT / "examples" / "fleet" / "policies" / "house-rules.yaml").read_text(encoding="utf-8")


def policy(*rules: str, name: str = "house-rules") -> str:
    lines = "".join(f"    - {rule}\n" for rule in rules)
    return f"apiVersion: reconciler/v1\nkind: Policy\nmetadata: {{name: {name}}}\nspec:\n  rules:\n{lines}"


def rule(when: str, *, name: str = "no-public", severity: str = "deny", message: str = "Not public.") -> str:
    return f"{{name: {name}, severity: {severity}, message: {message}, when: {json.dumps(when)}}}"


PUBLIC = 'change.fields.exists(f, f.path == "visibility" && f.after == "PUBLIC")'


@pytest.fixture
def fleet(cli: RunCli, folder: Path) -> Any:
    """A service with two classifiers, one of them restricted, and a prompter; two manifests that ask for a change."""
    prompter = live_model("prompter", "prompter", description="x", deploy_restriction="DEDICATED_COMPUTE_ONLY")
    prompter["versions"][0]["output_info"] = {"params": {"prompt_template": "{data.text.raw}"}}
    with Emulator(seed=seeded(live_model("a"), live_model("b", deploy_restriction="NO_LIMITS"), prompter)) as emulator:
        service = Service(emulator, cli, folder)
        service.write("m/a.yaml", manifest("a", "{visibility: PUBLIC}"))
        service.write("m/b.yaml", manifest("b", "{visibility: ORG}"))
        yield service


def found(service: Service, *args: str, code: int | None = None) -> list[tuple[str, str | None, str, bool, str]]:
    result = service.run("plan", "m", "--format", "json", *args)
    if code is not None:
        assert result.exit_code == code, result.stderr
    return [
        (item["rule"], item["address"], item["severity"], item["overridden"], item["source"])
        for item in result.document()["policy"]
    ]


def test_a_denied_change_refuses_the_plan(fleet: Service) -> None:
    fleet.write("m/p.yaml", policy(rule(PUBLIC)))
    assert found(fleet, code=3) == [("no-public", "demo/pets/a", "deny", False, "head")]
    document = fleet.run("plan", "m", "--format", "json").document()
    assert [(each["rule"], each["address"]) for each in document["refused"]] == [("policy", "demo/pets/a")]
    assert document["policy"][0]["origin"] == {"path": "m/p.yaml", "line": 6, "column": 14}
    assert document["policy"][0]["message"] == "Not public."
    fleet.calls()
    assert fleet.run("apply", "m", "--yes").exit_code == 3
    assert fleet.writes() == []
    assert found(fleet, "--exclude", "a", code=0) == []


def test_a_refused_plan_that_was_saved_is_refused(fleet: Service) -> None:
    fleet.write("m/p.yaml", policy(rule(PUBLIC)))
    assert fleet.run("plan", "m", "--out", "plan.json").exit_code == 3
    (fleet.folder / "m/p.yaml").unlink()
    assert fleet.run("apply", "--plan", "plan.json").exit_code == 3
    plan = json.loads((fleet.folder / "plan.json").read_text())
    plan["refused"], plan["policy"] = [], []
    fleet.write("plan.json", json.dumps(plan))
    assert fleet.run("apply", "--plan", "plan.json").exit_code == 3
    assert fleet.writes() == []


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_every_format_shows_refusals_warnings_and_overrides(fleet: Service, form: str) -> None:
    fleet.write(
        "m/p.yaml",
        policy(rule(PUBLIC), rule("change.kind == 'model'", name="careful", severity="warn", message="Careful now.")),
    )
    plan = fleet.run("plan", "m", "--format", form)
    assert plan.exit_code == 3
    assert "Not public." in plan.stdout
    assert "Careful now." in plan.stdout + plan.stderr
    result = fleet.run("plan", "m", "--format", form, "--override", "no-public")
    assert result.exit_code == 0
    assert "Not public." in result.stdout
    assert "verridden" in result.stdout
    idle = fleet.run("plan", "m", "--format", form, "--override", "no-public", "--exclude", "a")
    assert "no-public" in idle.stdout


def test_an_override_lets_through_and_is_kept_in_the_journal(fleet: Service) -> None:
    fleet.write("m/p.yaml", policy(rule(PUBLIC)))
    assert found(fleet, "--override", "no-public", code=0) == [("no-public", "demo/pets/a", "deny", True, "head")]
    assert fleet.run("plan", "m", "--override", "no-public", "--out", "plan.json").exit_code == 0
    assert fleet.run("apply", "--plan", "plan.json", "--override", "no-public").exit_code == 64
    assert "Overridden policies" in fleet.run("show", "plan.json").stdout
    assert fleet.run("apply", "--plan", "plan.json").exit_code == 0
    (plan,) = (fleet.folder / ".reconciler" / "runs").glob("*/plan.json")
    assert json.loads(plan.read_text())["overridden_rules"] == ["no-public"]


def test_an_override_of_an_unknown_rule_is_an_error(fleet: Service, wording: Wording) -> None:
    one = fleet.run("plan", "m", "--override", "no-public")
    fleet.write("m/p.yaml", policy(rule(PUBLIC)))
    other = fleet.run("plan", "m", "--override", "no-pubic")
    assert (one.exit_code, other.exit_code) == (1, 1)
    wording(one.stderr, other.stderr)


def test_drift_warns_and_keeps_its_exit_code(fleet: Service) -> None:
    fleet.write("m/p.yaml", policy(rule(PUBLIC)))
    result = fleet.run("drift", "m", "--format", "json")
    document = result.document()
    assert (result.exit_code, document["refused"]) == (2, [])
    assert [item["rule"] for item in document["policy"]] == ["no-public"]
    assert [warning["code"] for warning in document["warnings"]] == ["policy"]


# --- what is wrong with a rule ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "when",
    [
        "change.",
        "chnge.kind == 'model'",
        "1 + 2",
        "'a' + 1 == 'b'",
        "change.fields.exists(f, f.path = 'x')",
        "true || " * 600 + "true",
        "[1]" + ".map(a, a)" * 9 + ".size() > 0",
        "1" + " + 1" * 17 + " > 0",
        "(" * 200 + "true" + ")" * 200,
    ],
    ids=range(9),
)
def test_a_rule_that_does_not_compile_is_an_error_at_its_place(fleet: Service, when: str, wording: Wording) -> None:
    fleet.write("m/p.yaml", policy(rule(when)))
    result = fleet.run("validate", "m", "--format", "json")
    (problem,) = result.document()["problems"]
    assert (result.exit_code, problem["code"], problem["line"]) == (1, "bad-expression", 6)
    wording(fleet.run("validate", "m").stderr)


@pytest.mark.parametrize(
    "when", ["model.nope == 1", "change.fields[7].path == 'x'", "change.fields[0].after", "1 / 0 == 1"]
)
def test_a_rule_that_fails_on_a_change_is_an_error_with_rule_place_and_change(
    fleet: Service, when: str, wording: Wording
) -> None:
    fleet.write("m/p.yaml", policy(rule(f"change.kind == 'model' && {when}" if "after" not in when else when)))
    result = fleet.run("plan", "m")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "m/p.yaml:6:" in result.stderr
    assert "demo/pets/a" in result.stderr
    wording(result.stderr)


def test_an_expression_does_not_run_away(fleet: Service) -> None:
    many = "[" + ",".join(["1"] * 200) + "]"
    fleet.write("m/p.yaml", policy(rule(f"{many}.all(a, {many}.all(b, {many}.all(c, true)))")))
    result = fleet.run("plan", "m")
    assert (result.exit_code, "budget" in result.stderr) == (1, True)


def test_secrets_are_not_shown_to_rules(fleet: Service) -> None:
    secret = "sk-planted-0123456789"
    fleet.write("m/a.yaml", manifest("a", '{metadata: {key: "${env:KEY}"}}'))
    fleet.write(
        "m/p.yaml",
        policy(
            rule("change.fields.exists(f, f.path == 'metadata' || f.path == 'metadata.key')"),
            rule("change.fields.exists(f, string(f.after).contains('planted'))", name="seen"),
        ),
    )
    result = fleet.run("plan", "m", "--format", "json", env={"KEY": secret})
    assert [item["rule"] for item in result.document()["policy"]] == ["no-public"]


# --- policies of the base --------------------------------------------------------------------------------------------


@pytest.fixture
def repository(fleet: Service) -> Service:
    fleet.write("m/p.yaml", policy(rule(PUBLIC)))
    Repository(fleet.folder).commit({})
    return fleet


def test_a_pull_request_cannot_drop_a_rule(repository: Service) -> None:
    assert found(repository, "--base", "main", code=3) == [("no-public", "demo/pets/a", "deny", False, "head")]
    (repository.folder / "m/p.yaml").unlink()
    assert found(repository, "--base", "main", code=3) == [("no-public", "demo/pets/a", "deny", False, "base")]
    document = repository.run("plan", "m", "--base", "main", "--format", "json").document()
    assert document["policy"][0]["origin"]["path"] == "m/p.yaml"
    assert found(repository, "--base", "main", "--override", "no-public", code=0)[0][3] is True
    assert "policy" not in repository.run("plan", "m", "--format", "json").document()


def test_a_changed_rule_holds_in_both_texts(repository: Service) -> None:
    repository.write("m/p.yaml", policy(rule(PUBLIC.replace("PUBLIC", "ORG"), severity="warn")))
    assert found(repository, "--base", "main", code=3) == [
        ("no-public", "demo/pets/a", "deny", False, "base"),
        ("no-public", "demo/pets/b", "warn", False, "head"),
    ]


# --- the rules that teams ask for -------------------------------------------------------------------------------


def ask(service: Service, spec: str, *, model: str = "a", labels: str = "", args: tuple[str, ...] = ()) -> list[str]:
    for file in (service.folder / "m").glob("*.yaml"):
        file.unlink()
    text = manifest(model, spec)
    service.write(
        "m/x.yaml", text.replace("app_id: pets}", f"app_id: pets, labels: {{{labels}}}}}") if labels else text
    )
    service.write("m/rules.yaml", HOUSE_RULES)
    return sorted({name for name, *_ in found(service, *args)})


def params(text: str) -> str:
    return f"{{versions: [{{select: latest, output_info: {{params: {{{text}}}}}}}]}}"


GOOD = "description: x, deploy_restriction: DEDICATED_COMPUTE_ONLY"
LABELS = "team: vision, tier: gold"


def test_the_example_rules_allow_what_they_should(fleet: Service) -> None:
    assert ask(fleet, f"{{{GOOD}, visibility: ORG}}", labels=LABELS) == []
    assert ask(fleet, params("min_value: 0.95"), labels=LABELS) == ["described"]
    assert ask(fleet, params('prompt_template: "Answer {data.text.raw}"'), model="prompter", labels=LABELS) == []


@pytest.mark.parametrize(
    ("name", "spec", "model"),
    [
        ("no-public-models", f"{{{GOOD}, visibility: PUBLIC}}", "a"),
        ("thresholds-only-rise", params("min_value: 0.4"), "a"),
        ("two-labels", f"{{{GOOD}}}", "a"),
        ("described", "{deploy_restriction: SHARED_COMPUTE_ONLY}", "a"),
        ("restricted-deployment", "{description: x}", "a"),
        ("restricted-deployment", "{description: x}", "b"),
        ("restricted-deployment", "{deploy_restriction: NO_LIMITS}", "prompter"),
        ("prompts-keep-the-input", params("prompt_template: Answer"), "prompter"),
        ("our-range", params("min_value: 0.4"), "a"),
        ("our-range", params("min_value: 1"), "a"),
    ],
)
def test_the_example_rules_find_what_they_should(fleet: Service, name: str, spec: str, model: str) -> None:
    assert name in ask(fleet, spec, model=model)


def test_the_example_rules_about_plans_deletions_and_protection(cli: RunCli, folder: Path) -> None:
    with Emulator(seed=seeded(*(live_model(f"m{number}") for number in range(21)))) as emulator:
        service = Service(emulator, cli, folder)
        service.write("reconciler.yaml", OWNER)
        for number in range(21):
            service.write(f"m/m{number}.yaml", manifest(f"m{number}", "{notes: x}"))
        service.write("rules/p.yaml", HOUSE_RULES)
        results = service.run("plan", "m", "rules", "--format", "json").document()["policy"]
        assert [item["address"] for item in results if item["rule"] == "small-plans"] == [None]
        service.write("m/m0.yaml", manifest("m0", "{notes: x, protect: true}"))
        assert service.run("apply", "m", "--yes").exit_code == 0
        service.write("m/m0.yaml", manifest("m0", "{notes: y}"))
        (service.folder / "m/m20.yaml").unlink()
        plan = service.run("plan", "m", "rules", "--prune", "--format", "json").document()
        rules = {(item["rule"], item["address"]) for item in plan["policy"]}
        assert ("protected-models-stay", "demo/pets/m0") in rules
        weekday, hour = plan_time(plan["created_at"])
        is_closed = weekday >= 5 or not 8 <= hour < 16
        assert (("delete-in-the-window", "demo/pets/m20") in rules) is is_closed


def plan_time(text: str) -> tuple[int, int]:
    from datetime import datetime

    made = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007
    return made.weekday(), made.hour


def test_without_policies_nothing_of_cel_is_needed() -> None:
    assert list(problems_of_rules(())) == []
    assert VERSION
