"""`plan --probe` and `apply --probe`: what is predicted, what reports say of it, and what a miss does.

The emulator predicts by a rule that is known (`reconciler.emulator.predicting.score`), so every table is computed here once more.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.emulator.predicting import score
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from reconciler.loading.schema import schema_document
from reconciler.plan.fingerprint import fingerprint
from tests.ci.repositories import Repository
from tests.cli.live_side import SECRET, Service, manifest, seeded
from tests.command_line import CliResult, RunCli

CONCEPTS = ("ant", "bee", "cat", "dog", "elk", "fox")
INPUTS = ("one", "two", "three", "four")
TEXTS = tuple({"id": each, "text": each} for each in INPUTS)
OWN = {"min_value": 0.2, "max_concepts": 4, "select_concepts": []}
ZOO: Mapping[str, Any] = {
    "id": "zoo",
    "model_type_id": "embedding-classifier",
    "versions": [
        {
            "id": "a" * 32,
            "output_info": {"params": OWN, "data": {"concepts": [{"id": each, "name": each} for each in CONCEPTS]}},
        }
    ],
}
ADDRESS = f"demo/pets/zoo@{'a' * 32}"


def expected(text: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a version with these params predicts for a text, by the rule."""
    values = {name: score(name, text.encode()) for name in CONCEPTS}
    names = {item["id"] for item in params["select_concepts"]} or set(CONCEPTS)
    shown = [name for name in CONCEPTS if values[name] >= params["min_value"] and name in names]
    shown.sort(key=lambda name: (-values[name], name))
    return [{"id": name, "value": values[name]} for name in shown[: params["max_concepts"] or 20]]


def probe(
    models: Sequence[str] = ("*",),
    inputs: Sequence[Mapping[str, Any]] = TEXTS,
    expect: Sequence[Mapping[str, Any]] = (),
    name: str = "smoke",
) -> str:
    metadata = {"name": name, "user_id": "demo", "app_id": "pets"}
    spec = {"models": list(models), "inputs": list(inputs), "expect": list(expect)}
    return json.dumps({"apiVersion": "reconciler/v1", "kind": "Probe", "metadata": metadata, "spec": spec}) + "\n"


def params_of(params: Mapping[str, Any], **more: Any) -> str:
    """The spec of a model whose latest version gets these params."""
    return json.dumps({"versions": [{"select": "latest", "output_info": {"params": params}, **more}]})


class Zoo(Service):
    """A service with one classifier whose predictions are known."""

    def wants(self, params: Mapping[str, Any], *probes: str, **more: Any) -> None:
        self.write("models/zoo.yaml", manifest("zoo", params_of(params, **more)))
        self.write("models/probes.yaml", "---\n".join(probes or (probe(),)))

    def plan(self, *args: str) -> dict[str, Any]:
        result = self.run("plan", "models", "--probe", "--format", "json", *args)
        assert result.exit_code == 0, result
        document: dict[str, Any] = result.document()
        Draft202012Validator(schema_document("Plan")).validate(document)
        return document

    def apply(self, *args: str) -> CliResult:
        return self.run("apply", *(args if "--plan" in args else ("models", "--yes", *args)), "--probe")

    def predictions(self) -> list[dict[str, Any]]:
        """The predictions that reached the service."""
        return [dict(call.request) for call in self.emulator.calls if call.rpc == "PostModelOutputs"]

    def params(self) -> dict[str, Any]:
        found: dict[str, Any] = self.model("zoo")["versions"][-1]["output_info"]["params"]
        return found


@contextmanager
def served(cli: RunCli, folder: Path, *models: Mapping[str, Any], **switches: Any) -> Iterator[Zoo]:
    with Emulator(seed=seeded(*(models or (ZOO,))), switches=Switches(**switches)) as emulator:
        yield Zoo(emulator, cli, folder)


@pytest.fixture
def zoo(cli: RunCli, folder: Path) -> Iterator[Zoo]:
    with served(cli, folder) as found:
        yield found


# --- the table ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("position", ["merged", "replaced"])
@pytest.mark.parametrize(
    "params",
    [
        {"min_value": 0.5},
        {"min_value": 0.95},
        {"min_value": 0},
        {"max_concepts": 1},
        {"max_concepts": 6, "min_value": 0},
        {"select_concepts": [{"id": "cat"}, {"id": "dog"}]},
        {"select_concepts": [{"id": "ant"}], "min_value": 0.05, "max_concepts": 3},
    ],
)
def test_the_table_is_what_live_shows_before_and_after_an_apply(
    cli: RunCli, folder: Path, params: Mapping[str, Any], position: str
) -> None:
    planned = {**OWN, **params}
    with served(cli, folder, predict_params=position) as zoo:
        zoo.wants(params)
        document = zoo.plan()
        assert zoo.writes() == []

    before = {name: expected(name, OWN) for name in INPUTS}
    after = {name: expected(name, planned) for name in INPUTS}
    assert [
        {name: entry[name] for name in ("address", "input", "before", "after", "changed")}
        for entry in document["probes"]
    ] == [
        {
            "address": ADDRESS,
            "input": name,
            "before": before[name],
            "after": after[name],
            "changed": before[name] != after[name],
        }
        for name in INPUTS
    ]
    assert document["forecast"]["predictions"] == len(INPUTS)
    assert document["probing"]["override_doubtful"] == []


def test_the_report_names_what_appears_vanishes_and_stays(zoo: Zoo) -> None:
    zoo.wants({"min_value": 0.6})
    text = zoo.run("plan", "models", "--probe").stdout

    lost = {name: [c["id"] for c in expected(name, OWN) if c["value"] < 0.6] for name in INPUTS}
    section = text.partition("What this does to predictions:\n")[2].partition("\n\n")[0]
    rows = [line.split() for line in section.splitlines()[1:]]
    assert [(row[0], row[1], row[-1]) for row in rows if row[-1] == "vanishes"] == [
        (name, concept, "vanishes") for name in INPUTS for concept in lost[name]
    ]
    for name in INPUTS:
        for found in expected(name, OWN):
            if found["value"] < 0.6:
                assert f"{found['value']:.4f} → absent" in section


def test_without_the_flag_nothing_is_predicted(zoo: Zoo) -> None:
    zoo.wants({"min_value": 0.5}, probe(expect=[{"input": "one", "concept": "cat", "at_least": 0.99}]))
    for args in (("validate", "models"), ("plan", "models"), ("drift", "models"), ("apply", "models", "--yes")):
        result = zoo.run(*args)
        assert "probes" not in result.stdout
    assert zoo.predictions() == []
    assert "probing" not in zoo.run("plan", "models", "--format", "json").document()


def test_each_input_is_predicted_once_with_each_params(zoo: Zoo) -> None:
    same = [{"id": "a", "text": "one"}, {"id": "b", "text": "one"}, {"id": "c", "text": "two"}]
    zoo.wants({"min_value": 0.5}, probe(inputs=same), probe(name="again", inputs=same))
    document = zoo.plan()

    sent = [[each["data"]["text"]["raw"] for each in request["inputs"]] for request in zoo.predictions()]
    assert sent == [["one", "two"], ["one", "two"]]
    assert [(entry["probe"], entry["input"]) for entry in document["probes"]] == [
        (name, each["id"]) for name in ("smoke", "again") for each in same
    ]
    assert document["forecast"]["predictions"] == 2


def test_inputs_are_split_at_128(zoo: Zoo) -> None:
    zoo.wants({"min_value": 0.5}, probe(inputs=[{"id": f"i{n}", "text": str(n)} for n in range(130)]))
    document = zoo.plan("--probe-limit", "130")

    assert sorted(len(request["inputs"]) for request in zoo.predictions()) == [2, 2, 128, 128]
    assert [entry["before"] for entry in document["probes"]] == [expected(str(n), OWN) for n in range(130)]


def test_the_bytes_of_a_file_are_sent(zoo: Zoo) -> None:
    (zoo.folder / "models" / "samples").mkdir(parents=True)
    (zoo.folder / "models" / "samples" / "dog.jpg").write_bytes(b"dog" * 30)
    zoo.wants({"min_value": 0.5}, probe(inputs=[{"id": "dog", "image": {"file": "samples/dog.jpg"}}]))
    document = zoo.plan()

    assert document["probes"][0]["before"] == expected("dog" * 30, OWN)
    assert [len(request["inputs"]) for request in zoo.predictions()] == [1, 1]


def test_a_file_that_changes_meanwhile_is_not_sent(cli: RunCli, folder: Path) -> None:
    """What is sent is what the plan has the digest of."""
    file = folder / "models" / "dog.jpg"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"dog")

    def change(rpc: str, request: Any) -> None:
        if rpc == "PostModelOutputs":
            file.write_bytes(b"another")

    with Emulator(seed=seeded(ZOO), before_call=change) as emulator:
        zoo = Zoo(emulator, cli, folder)
        zoo.wants({"min_value": 0.5}, probe(inputs=[{"id": "dog", "image": {"file": "dog.jpg"}}]))
        (entry,) = zoo.plan("--parallelism", "1")["probes"]
        assert len(zoo.predictions()) == 1

    assert (entry["before"], entry["after"]) == (expected("dog", OWN), None)
    assert "was changed while it was read" in entry["error"]


# --- the limit ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "exit_code"), [("4", 0), ("3", 1), ("0", 1)])
def test_the_limit_counts_inputs_times_versions(zoo: Zoo, limit: str, exit_code: int) -> None:
    zoo.wants({"min_value": 0.5})
    result = zoo.run("plan", "models", "--probe", "--probe-limit", limit)

    assert result.exit_code == exit_code
    assert bool(zoo.predictions()) is (exit_code == 0)
    if exit_code:
        assert "4 predictions" in result.stderr


def test_the_limit_is_100_and_holds_for_an_apply_before_it_writes(zoo: Zoo) -> None:
    inputs = [{"id": f"i{n}", "text": str(n)} for n in range(101)]
    expect = [{"input": f"i{n}", "concept": "cat", "at_most": 1} for n in range(101)]
    zoo.wants({"min_value": 0.5}, probe(inputs=inputs, expect=expect))

    assert zoo.run("plan", "models", "--probe").exit_code == 1
    assert zoo.apply().exit_code == 1
    assert (zoo.predictions(), zoo.writes(), zoo.params()["min_value"]) == ([], [], 0.2)


# --- what can't be probed -----------------------------------------------------------------------------------------


def test_no_probe_at_all_is_an_error(zoo: Zoo) -> None:
    zoo.write("models/zoo.yaml", manifest("zoo", params_of({"min_value": 0.5})))
    for args in (("plan", "models"), ("apply", "models", "--yes")):
        assert zoo.run(*args, "--probe").exit_code == 1
    assert zoo.calls() == []


def test_a_probe_that_names_no_planned_version_is_told(zoo: Zoo) -> None:
    zoo.wants({"min_value": 0.5}, probe(models=["cls-*"]))
    document = zoo.plan()

    assert (document["probes"], zoo.predictions()) == ([], [])
    assert [entry["address"] for entry in document["probing"]["not_probed"]] == [ADDRESS]
    assert f"not probed: {ADDRESS}: no Probe names it" in zoo.run("plan", "models", "--probe").stdout


@pytest.mark.parametrize(
    ("params", "more"),
    [({"min_value": 0.5}, {"remove": {"params": ["max_concepts"]}}), ({"min_value": 0.5}, {"action": "overwrite"})],
)
def test_a_version_that_loses_a_param_is_not_probed(zoo: Zoo, params: Mapping[str, Any], more: Any) -> None:
    zoo.wants(params, **more)
    document = zoo.plan()

    assert (document["probes"], zoo.predictions()) == ([], [])
    (entry,) = document["probing"]["not_probed"]
    assert entry["address"] == ADDRESS
    assert "max_concepts" in entry["reason"]


BOT: Mapping[str, Any] = {
    "id": "bot",
    "model_type_id": "text-to-text",
    "versions": [{"id": "c" * 32, "output_info": {"params": {"temperature": 1, "api_key": SECRET, "secrets": []}}}],
}


def test_secrets_are_never_sent_with_a_prediction(cli: RunCli, folder: Path) -> None:
    with served(cli, folder, BOT) as bot:
        bot.write("models/bot.yaml", manifest("bot", params_of({"temperature": 0.3})))
        bot.write("models/probe.yaml", probe(inputs=[{"id": "ask", "text": "Is this a cat?"}]))
        document = bot.plan()
        sent = [request.get("model", {}) for request in bot.predictions()]

    # The two calls are in flight together.
    assert sorted(sent, key=len) == [{}, {"model_version": {"output_info": {"params": {"temperature": 0.3}}}}]
    assert SECRET not in json.dumps(document)
    (entry,) = document["probes"]
    assert (entry["before"], entry["after"], entry["changed"]) == (
        "Yes. You said: Is this a cat?",
        "No. You said: Is this a cat?",
        True,
    )


@pytest.mark.parametrize("value", [SECRET, "${env:BOT_KEY}"])
def test_a_version_whose_manifest_states_a_secret_is_not_probed(cli: RunCli, folder: Path, value: str) -> None:
    with served(cli, folder, BOT) as bot:
        bot.write("models/bot.yaml", manifest("bot", params_of({"temperature": 0.3, "api_key": value})))
        bot.write("models/probe.yaml", probe(inputs=[{"id": "ask", "text": "?"}]))
        result = bot.run("plan", "models", "--probe", "--format", "json", env={"BOT_KEY": "planted-key"})
        document = result.document()
        assert bot.predictions() == []

    assert [entry["address"] for entry in document["probing"]["not_probed"]] == [f"demo/pets/bot@{'c' * 32}"]
    assert "api_key" in document["probing"]["not_probed"][0]["reason"]
    assert SECRET not in result.stdout
    assert "planted-key" not in result.stdout


def test_embeddings_are_compared_by_their_distance(cli: RunCli, folder: Path) -> None:
    embedder = {
        "id": "emb",
        "model_type_id": "visual-embedder",
        "versions": [{"id": "e" * 32, "output_info": {"params": {"size": 1}}}],
    }
    with served(cli, folder, embedder) as found:
        found.write("models/emb.yaml", manifest("emb", params_of({"size": 2})))
        found.write("models/probe.yaml", probe(inputs=[{"id": "one", "text": "one"}]))
        (entry,) = found.plan()["probes"]
        text = found.run("plan", "models", "--probe").stdout

    assert (entry["before"], entry["after"], entry["changed"]) == ({"dimensions": 8}, {"dimensions": 8}, True)
    assert 0 < entry["cosine_distance"] < 0.1
    assert f"changed by cosine distance {entry['cosine_distance']:.2g}" in text


def test_a_model_with_other_answers_is_told_and_the_plan_is_kept(cli: RunCli, folder: Path) -> None:
    detector = {
        "id": "boxes",
        "model_type_id": "visual-detector",
        "versions": [
            {"id": "d" * 32, "output_info": {"params": {"min_value": 0}, "data": {"concepts": [{"id": "cat"}]}}}
        ],
    }
    with served(cli, folder, detector) as found:
        found.write("models/boxes.yaml", manifest("boxes", params_of({"min_value": 5})))
        found.write("models/probe.yaml", probe(inputs=[{"id": "one", "text": "one"}]))
        document = found.plan()

    (entry,) = document["probes"]
    assert (entry["before"], entry["after"], entry["changed"]) == (None, None, False)
    assert "regions" in entry["error"]
    assert document["summary"]["update"] == 1


# --- predictions that fail, or that ignore the override -----------------------------------------------------------


def test_an_override_that_is_not_taken_is_told(cli: RunCli, folder: Path) -> None:
    with served(cli, folder, predict_override="ignored") as zoo:
        zoo.wants({"min_value": 0.6})
        document = zoo.plan()
        for format_name in ("text", "markdown", "html"):
            shown = zoo.run("plan", "models", "--probe", "--format", format_name).stdout
            assert "may not take the params of a call" in shown

    assert [entry["address"] for entry in document["probing"]["override_doubtful"]] == [ADDRESS]
    assert {entry["changed"] for entry in document["probes"]} == {False}


def test_a_change_that_can_not_show_is_not_doubted(cli: RunCli, folder: Path) -> None:
    lowest = min(found["value"] for name in INPUTS for found in expected(name, OWN))
    assert lowest > 0.21
    with served(cli, folder, predict_override="ignored") as zoo:
        zoo.wants({"min_value": 0.21})
        assert zoo.plan()["probing"]["override_doubtful"] == []


@pytest.mark.parametrize(
    ("switches", "status"),
    [
        ({"predict_override": "refused"}, "21202"),
        ({"refused_calls": ("PostModelOutputs",)}, "11007"),
        ({"failing_inputs": ("*",)}, "30002"),
        ({"faults": (Fault(rpc="PostModelOutputs", kind="21201"),)}, "21201"),
    ],
)
def test_a_plan_is_never_lost_for_a_prediction(cli: RunCli, folder: Path, switches: Any, status: str) -> None:
    with served(cli, folder, **switches) as zoo:
        zoo.wants({"min_value": 0.5})
        document = zoo.plan()
        assert zoo.writes() == []

    assert document["summary"]["update"] == 1
    assert {entry["changed"] for entry in document["probes"]} == {False}
    assert all(status in entry["error"] for entry in document["probes"])
    warnings = [warning for warning in document["warnings"] if warning["code"] == "prediction-failed"]
    assert warnings
    assert all(status in warning["message"] and warning["path"] == "models/probes.yaml" for warning in warnings)


def test_a_busy_model_is_waited_for(cli: RunCli, folder: Path) -> None:
    with served(cli, folder, faults=(Fault(rpc="PostModelOutputs", kind="21354", times=1),)) as zoo:
        zoo.wants({"min_value": 0.5})
        assert [entry["before"] for entry in zoo.plan()["probes"]] == [expected(name, OWN) for name in INPUTS]


def test_one_input_that_fails_leaves_the_others(cli: RunCli, folder: Path) -> None:
    with served(cli, folder, failing_inputs=("two",)) as zoo:
        zoo.wants({"min_value": 0.5})
        document = zoo.plan()

    assert [entry["input"] for entry in document["probes"] if "error" in entry] == ["two"]


def test_an_expectation_of_an_unknown_concept_is_warned_of_at_its_place(zoo: Zoo) -> None:
    zoo.wants({"min_value": 0.5}, probe(expect=[{"input": "one", "concept": "catt", "at_least": 0.1}]))
    (warning,) = zoo.plan()["warnings"]

    assert (warning["code"], warning["path"], warning["line"]) == ("unknown-concept", "models/probes.yaml", 1)
    assert warning["hint"] == "Did you mean cat?"


@pytest.mark.parametrize(("position", "misses"), [("honoured", ["one"]), ("ignored", [])])
def test_a_plan_says_which_expectations_it_would_miss(
    cli: RunCli, folder: Path, position: str, misses: Sequence[str]
) -> None:
    """Not where the model may not have taken the params: then the prediction says nothing."""
    best = expected("one", OWN)[0]
    met = {"input": "one", "concept": best["id"], "at_most": 1}
    missed = {"input": "one", "concept": best["id"], "at_least": best["value"]}
    with served(cli, folder, predict_override=position) as zoo:
        zoo.wants({"min_value": 0.99}, probe(expect=[met, missed]))
        document = zoo.plan()
        text = zoo.run("plan", "models", "--probe").stdout

    assert [check["input"] for check in document["probing"]["misses"]] == misses
    assert ("apply --probe would find a miss" in text) is bool(misses)


def test_a_refused_plan_is_not_probed(cli: RunCli, folder: Path) -> None:
    with served(cli, folder, {**ZOO, "metadata": {"reconciler": {"owner": "somebody-else"}}}) as zoo:
        zoo.wants({"min_value": 0.5})
        result = zoo.run("plan", "models", "--probe", "--format", "json")
        assert (result.exit_code, zoo.predictions()) == (3, [])
        assert result.document()["probing"]["not_probed"][0]["reason"] == "the plan is refused"


# --- what a run is about ------------------------------------------------------------------------------------------


def test_a_target_limits_what_is_probed(cli: RunCli, folder: Path) -> None:
    with served(cli, folder, ZOO, {**ZOO, "id": "zoo2"}) as zoo:
        zoo.wants({"min_value": 0.5})
        zoo.write("models/zoo2.yaml", manifest("zoo2", params_of({"min_value": 0.5})))
        zoo.plan("--target", "zoo2")
        assert {request["model_id"] for request in zoo.predictions()} == {"zoo2"}


def test_deletions_are_not_probed(cli: RunCli, folder: Path) -> None:
    gone = {**ZOO, "id": "gone", "metadata": {"reconciler": {"owner": "us"}}}
    own = {**ZOO, "metadata": {"reconciler": {"owner": "us"}}}
    with served(cli, folder, own, gone) as zoo:
        zoo.wants({"min_value": 0.5})
        zoo.write("reconciler.yaml", "apiVersion: reconciler/v1\nkind: Config\nowner: us\n")
        document = zoo.plan("--prune")
        assert document["summary"]["delete"] == 1
        assert {request["model_id"] for request in zoo.predictions()} == {"zoo"}


def test_a_saved_plan_shows_the_same_again(zoo: Zoo) -> None:
    zoo.wants({"min_value": 0.6})
    made = zoo.run("plan", "models", "--probe", "--out", "plan.json")
    asked = len(zoo.predictions())

    assert zoo.run("show", "plan.json").stdout == made.stdout
    assert zoo.run("show", "plan.json", "--format", "json").document()["probes"]
    assert len(zoo.predictions()) == asked


def test_with_a_base_the_head_is_probed_and_the_files_of_the_base_are_not_needed(
    zoo: Zoo,
) -> None:
    repository = Repository(zoo.folder)
    old = probe(inputs=[{"id": "gone", "image": {"file": "gone.jpg"}}])
    base = {"min_value": 0.3}
    repository.commit({"models/zoo.yaml": manifest("zoo", params_of(base)), "models/probes.yaml": old})
    zoo.wants({"min_value": 0.6})
    document = zoo.plan("--base", "HEAD")

    assert [(entry["input"], entry["after"]) for entry in document["probes"]] == [
        (name, expected(name, {**OWN, "min_value": 0.6})) for name in INPUTS
    ]
    assert len(zoo.predictions()) == 2


# --- apply --------------------------------------------------------------------------------------------------------


BEST = expected("one", OWN)[0]
MET = [{"input": "one", "concept": BEST["id"], "at_least": BEST["value"], "at_most": BEST["value"]}]
MISSED = [{"input": "one", "concept": BEST["id"], "at_least": 0.9999}]


def test_an_apply_checks_what_was_written(zoo: Zoo) -> None:
    zoo.wants({"min_value": 0}, probe(expect=MET))
    result = zoo.apply("--format", "json")

    assert result.exit_code == 0
    assert [(check["input"], check["met"], check["value"]) for check in result.document()["probe_checks"]] == [
        ("one", True, BEST["value"])
    ]
    # Only the input that something is expected of, once, as the version is now.
    assert [(len(request["inputs"]), "model" in request) for request in zoo.predictions()] == [(1, False)]


def test_an_apply_that_checks_nothing_says_so(zoo: Zoo) -> None:
    zoo.wants({"min_value": 0}, probe())
    result = zoo.apply()

    assert (result.exit_code, zoo.predictions()) == (0, [])
    assert "nothing was checked" in result.stderr


def test_a_miss_is_exit_4_and_named(zoo: Zoo) -> None:
    zoo.wants({"min_value": 0}, probe(expect=[*MET, *MISSED]))
    result = zoo.apply()

    assert result.exit_code == 4
    assert 'input "one" (models/probes.yaml:1:' in result.stdout
    assert f'"{BEST["id"]}" is {BEST["value"]:.4f}, expected at least 0.9999' in result.stdout
    assert zoo.params()["min_value"] == 0


def test_a_miss_on_live_is_found_where_nothing_is_to_be_written(zoo: Zoo) -> None:
    zoo.wants({"min_value": 0.2}, probe(expect=MISSED))
    result = zoo.apply("--undo-on-miss")

    assert (result.exit_code, zoo.writes()) == (4, [])


@pytest.mark.parametrize("switches", [{"failing_inputs": ("one",)}, {"refused_calls": ("PostModelOutputs",)}])
def test_what_can_not_be_checked_is_a_miss(cli: RunCli, folder: Path, switches: Any) -> None:
    with served(cli, folder, **switches) as zoo:
        zoo.wants({"min_value": 0}, probe(expect=MET))
        result = zoo.apply()

    assert result.exit_code == 4
    assert "could not be checked" in result.stdout


def test_a_text_is_expected_by_a_pattern(cli: RunCli, folder: Path) -> None:
    inputs = [{"id": "ask", "text": "Is this a cat?"}]
    for pattern, exit_code in (("^(Yes|No)\\.", 0), ("^Maybe", 4)):
        with served(cli, folder, BOT) as bot:
            bot.write("models/bot.yaml", manifest("bot", params_of({"temperature": 0.3})))
            bot.write("models/probe.yaml", probe(inputs=inputs, expect=[{"input": "ask", "text_matches": pattern}]))
            assert bot.apply().exit_code == exit_code


def test_a_canary_that_misses_is_undone_and_nothing_else_is(zoo: Zoo) -> None:
    """An earlier run, and what somebody changes by hand meanwhile, stay."""
    zoo.wants({"max_concepts": 3}, probe(expect=MET))
    assert zoo.run("apply", "models", "--yes").exit_code == 0
    zoo.wants({"min_value": 0.99}, probe(expect=MET))
    before = zoo.params()
    result = zoo.apply("--undo-on-miss", "--format", "json")

    document = result.document()
    assert (result.exit_code, document["converged"]) == (4, False)
    assert document["undone"]["run"] == document["run"]
    assert document["undone"]["complete"] is True
    assert zoo.params() == before == {**OWN, "max_concepts": 3}
    runs = zoo.run("runs", "--format", "json").document()["runs"]
    assert [run["undo_of"] for run in runs] == [document["run"], None, None]
    assert [run["undone_by"] for run in runs] == [None, document["undone"]["undo_run"], None]


def test_what_somebody_changes_meanwhile_is_left_by_the_undo_and_named(cli: RunCli, folder: Path) -> None:
    """Between the write and the check, a person sets the same param to another value."""
    theirs = {**ZOO["versions"][0], "output_info": {"params": {**OWN, "min_value": 0.98, "max_concepts": 2}}}
    running: list[Emulator] = []

    def meddle(rpc: str, request: Any) -> None:
        if rpc == "PostModelOutputs":
            running[0].load(seeded({**ZOO, "versions": [theirs]}))

    with Emulator(seed=seeded(ZOO), before_call=meddle) as emulator:
        running.append(emulator)
        zoo = Zoo(emulator, cli, folder)
        zoo.wants({"min_value": 0.99, "max_concepts": 2}, probe(expect=MET))
        document = zoo.apply("--undo-on-miss", "--format", "json").document()

        assert document["undone"]["complete"] is False
        assert [item["path"] for item in document["undone"]["skipped"]] == ["output_info.params.min_value"]
        assert zoo.params() == {**OWN, "min_value": 0.98}


def test_a_canary_that_is_met_stays(zoo: Zoo) -> None:
    zoo.wants({"min_value": 0}, probe(expect=MET))
    result = zoo.apply("--undo-on-miss")

    assert (result.exit_code, zoo.params()["min_value"]) == (0, 0)


def test_a_run_that_deletes_can_not_be_a_canary(cli: RunCli, folder: Path) -> None:
    gone = {**ZOO, "id": "gone", "metadata": {"reconciler": {"owner": "us"}}}
    own = {**ZOO, "metadata": {"reconciler": {"owner": "us"}}}
    with served(cli, folder, own, gone) as zoo:
        zoo.wants({"min_value": 0.5}, probe(expect=MISSED))
        zoo.write("reconciler.yaml", "apiVersion: reconciler/v1\nkind: Config\nowner: us\n")
        result = zoo.apply("--prune", "--undo-on-miss")

        assert (result.exit_code, zoo.writes(), zoo.models()) == (3, [], ["gone", "zoo"])


@pytest.mark.parametrize(
    "args",
    [
        ("apply", "models", "--yes", "--undo-on-miss"),
        ("apply", "models", "--yes", "--probe-limit", "3"),
        ("plan", "models", "--probe-limit", "3"),
        ("plan", "models", "--probe", "--probe-limit", "-1"),
        ("apply", "--resume", "latest", "--probe"),
    ],
)
def test_options_that_would_do_nothing_are_usage_errors(zoo: Zoo, args: Sequence[str]) -> None:
    zoo.wants({"min_value": 0.5})
    assert (zoo.run(*args).exit_code, zoo.calls()) == (64, [])


# --- interrupted --------------------------------------------------------------------------------------------------


@contextmanager
def interrupted(cli: RunCli, folder: Path) -> Iterator[Zoo]:
    """A service whose first prediction is interrupted by Ctrl-C, and fails."""
    once = iter([True])

    def interrupt(rpc: str, request: Any) -> None:
        if rpc == "PostModelOutputs" and next(once, False):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)

    busy = Switches(faults=(Fault(rpc="PostModelOutputs", kind="21354"),))
    with Emulator(seed=seeded(ZOO), switches=busy, before_call=interrupt) as emulator:
        yield Zoo(emulator, cli, folder)


def test_an_interrupted_preview_ends_the_command(cli: RunCli, folder: Path) -> None:
    with interrupted(cli, folder) as zoo:
        zoo.wants({"min_value": 0.5})
        began = time.monotonic()
        assert (zoo.run("plan", "models", "--probe").exit_code, zoo.writes()) == (130, [])
        assert time.monotonic() - began < 10


def test_an_interrupted_check_undoes_nothing_and_reports_what_was_written(cli: RunCli, folder: Path) -> None:
    with interrupted(cli, folder) as zoo:
        zoo.wants({"min_value": 0}, probe(expect=MET))
        result = zoo.apply("--undo-on-miss", "--format", "json")
        document = result.document()

        assert (result.exit_code, zoo.params()["min_value"]) == (4, 0)
        assert (document["undone"]["complete"], document["undone"]["undo_run"]) == (False, None)
        assert [request["status"] for request in document["requests"]] == ["done"]
        assert zoo.run("undo", document["run"], "--yes").exit_code == 0


# --- a saved plan -------------------------------------------------------------------------------------------------


def test_a_saved_plan_is_checked_by_the_probes_that_it_carries(zoo: Zoo) -> None:
    zoo.wants({"min_value": 0}, probe(expect=MISSED))
    assert zoo.run("plan", "models", "--probe", "--out", "plan.json").exit_code == 0
    zoo.wants({"min_value": 0}, probe(expect=MET))
    (zoo.folder / "models" / "probes.yaml").unlink()

    assert zoo.apply("--plan", "plan.json").exit_code == 4
    assert zoo.params()["min_value"] == 0


def test_a_saved_plan_without_probes_can_not_be_checked(zoo: Zoo) -> None:
    zoo.wants({"min_value": 0})
    assert zoo.run("plan", "models", "--out", "plan.json").exit_code == 0

    assert (zoo.apply("--plan", "plan.json").exit_code, zoo.writes()) == (1, [])


@pytest.mark.parametrize("content", [b"another", None])
def test_a_saved_plan_needs_the_files_that_it_was_made_with(zoo: Zoo, content: bytes | None) -> None:
    file = zoo.folder / "models" / "dog.jpg"
    file.parent.mkdir()
    file.write_bytes(b"dog")
    inputs = [{"id": "dog", "image": {"file": "dog.jpg"}}]
    expect = [{"input": "dog", "concept": "cat", "at_most": 1}]
    zoo.wants({"min_value": 0}, probe(inputs=inputs, expect=expect))
    assert zoo.run("plan", "models", "--probe", "--out", "plan.json").exit_code == 0
    zoo.calls()
    file.unlink()
    if content is not None:
        file.write_bytes(content)

    assert (zoo.apply("--plan", "plan.json").exit_code, zoo.writes()) == (3, [])
    file.write_bytes(b"dog")
    assert zoo.apply("--plan", "plan.json").exit_code == 0


def test_a_forged_plan_makes_no_apply_send_a_file(zoo: Zoo) -> None:
    """Whoever forges a plan would have to know the content already: the digest is needed."""
    secret = zoo.folder / "secret.txt"
    secret.write_text("planted", encoding="utf-8")
    zoo.wants({"min_value": 0}, probe(expect=MET))
    assert zoo.run("plan", "models", "--probe", "--out", "plan.json").exit_code == 0
    zoo.emulator.clear_calls()
    for digest in ({}, {"digest": "sha256:" + "0" * 64}):
        document = json.loads((zoo.folder / "plan.json").read_text(encoding="utf-8"))
        (item,) = [each for each in document["probing"]["documents"][0]["inputs"] if each["id"] == "one"]
        del item["text"]
        item.pop("digest", None)
        item.update({"file": str(secret), **digest})
        document["probing"]["documents"][0]["origin"]["path"] = str(zoo.folder / "x.yaml")
        document["fingerprint"] = fingerprint(document)
        (zoo.folder / "forged.json").write_text(json.dumps(document), encoding="utf-8")

        assert (zoo.apply("--plan", "forged.json").exit_code, zoo.calls()) == (3, [])


@pytest.mark.parametrize(
    ("part", "entry"),
    [
        ("inputs", {"id": "one", "text": 5}),
        ("inputs", {"id": "one", "url": ["https://a.example"]}),
        ("expect", {"input": "one", "concept": "cat", "at_least": "0.5"}),
        ("expect", {"input": "one", "text_matches": {}}),
    ],
)
def test_a_forged_plan_with_values_of_another_type_is_refused(zoo: Zoo, part: str, entry: Mapping[str, Any]) -> None:
    zoo.wants({"min_value": 0}, probe(expect=MET))
    assert zoo.run("plan", "models", "--probe", "--out", "plan.json").exit_code == 0
    zoo.emulator.clear_calls()
    document = json.loads((zoo.folder / "plan.json").read_text(encoding="utf-8"))
    document["probing"]["documents"][0][part] = [{**entry, "origin": {"path": "a", "line": 1, "column": 1}}]
    document["fingerprint"] = fingerprint(document)
    (zoo.folder / "forged.json").write_text(json.dumps(document), encoding="utf-8")

    assert (zoo.apply("--plan", "forged.json").exit_code, zoo.calls()) == (3, [])


def test_a_saved_plan_that_predicted_nothing_has_the_digests_too(zoo: Zoo) -> None:
    file = zoo.folder / "models" / "dog.jpg"
    file.parent.mkdir()
    file.write_bytes(b"dog")
    expect = [{"input": "dog", "concept": "cat", "at_most": 1}]
    zoo.wants({"min_value": 0.2}, probe(inputs=[{"id": "dog", "image": {"file": "dog.jpg"}}], expect=expect))
    assert zoo.run("plan", "models", "--probe", "--out", "plan.json").exit_code == 0

    assert zoo.apply("--plan", "plan.json").exit_code == 0
    assert len(zoo.predictions()) == 1


def test_the_probes_of_the_token_s_own_user_are_found(zoo: Zoo) -> None:
    zoo.wants({"min_value": 0.5}, probe().replace('"demo"', '"me"'))
    assert [entry["address"] for entry in zoo.plan()["probes"]] == [ADDRESS] * len(INPUTS)


def test_a_plan_for_a_known_model_asks_nothing_else(zoo: Zoo) -> None:
    """What --probe adds to the calls of a plan."""
    zoo.wants({"min_value": 0.5})
    zoo.run("plan", "models")
    plain = zoo.calls()
    zoo.run("plan", "models", "--probe")

    assert sorted(zoo.calls()) == sorted([*plain, "PostModelOutputs", "PostModelOutputs"])
