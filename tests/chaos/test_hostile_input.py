"""Input that wants harm: manifests and plan files from a fuzzer, and texts that would like to act on a terminal.

Whatever is read, the answer is a report or a ReconcilerError: never a crash, never an escape sequence on the way out.
"""

from __future__ import annotations

import contextlib
import json
import random
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reconciler.apply.journal import read_run
from reconciler.emulator.server import Emulator
from reconciler.errors import ProblemsError, ReconcilerError
from reconciler.loading.load import load
from reconciler.manifests.validate import desired_from_documents
from reconciler.plan.saved import read_plan
from tests.command_line import RunCli

from .fleet import IS_LONG, USER, Fleet, Run

CORPUS = Path(__file__).resolve().parents[1] / "data" / "bad"
GOOD = Path(__file__).resolve().parents[2] / "examples" / "manifests"
SEEDS = [path.read_bytes() for path in sorted([*CORPUS.glob("*.yaml"), *GOOD.glob("*.yaml")])]
PIECES = [
    b"\x00",
    b"\xff\xfe",
    b"&a [*a, *a]",
    b"<<: *a",
    b"!!python/object:os.system",
    b"\t",
    b"- ",
    b": ",
    b"{",
    b"]",
    b"|\n",
]
MANY = settings(
    max_examples=3000 if IS_LONG else 150,
    deadline=None,
    derandomize=not IS_LONG,
    phases=[Phase.generate],  # shrinking may take minutes; the failing case is printed
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def mutated(seed: bytes, rng: random.Random) -> bytes:
    """A few bytes cut, doubled, swapped for others, or pieces put in that YAML and JSON are sensitive about."""
    content = bytearray(seed)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(content) + 1)
        end = min(len(content), at + rng.randint(1, 20))
        match rng.randrange(4):
            case 0:
                del content[at:end]
            case 1:
                content[at:at] = content[at:end]
            case 2:
                content[at:at] = rng.choice(PIECES)
            case _ if content:
                content[at % len(content)] = rng.randrange(256)
    return bytes(content)


@MANY
@given(seed=st.sampled_from(SEEDS), rng=st.randoms(use_true_random=False))
def test_no_manifest_breaks_the_loader(seed: bytes, rng: random.Random, tmp_path: Path) -> None:
    path = tmp_path / "fuzzed.yaml"
    path.write_bytes(mutated(seed, rng))
    loaded = load((str(path),))
    ids: dict[str, Any] = {"user_id": USER, "app_id": "pets", "flag_user_id": None, "flag_app_id": None}
    reported: set[str] = set()
    models = 0
    try:
        models = len(desired_from_documents(loaded, **ids, variables={}, environ={}).desired.models)
    except ProblemsError as error:
        reported = {problem.origin.path for problem in error.problems}
    # Either every document is a model, or the file is reported as wrong: nothing is lost without a message.
    assert reported == {str(path)} or (models == len(loaded.documents) and not loaded.problems)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The plan that a real run kept."""
    place, fleet = tmp_path_factory.mktemp("saved"), Fleet(size=4)
    with Emulator(seed=fleet.seed, user_id=USER) as emulator:
        run = Run(fleet=fleet, emulator=emulator, place=place)
        assert run.apply().exit_code == 0
        return (place / ".reconciler" / "runs" / run.runs()[0] / "plan.json").read_bytes()


@MANY
@given(rng=st.randoms(use_true_random=False))
def test_no_plan_file_is_taken_that_was_changed(rng: random.Random, saved: bytes, tmp_path: Path) -> None:
    content = mutated(saved, rng)
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    try:
        read_plan(str(path))
    except ReconcilerError:
        pass
    else:
        assert json.loads(content) == json.loads(saved)


@MANY
@given(rng=st.randoms(use_true_random=False))
def test_no_journal_breaks_its_reader(rng: random.Random, saved: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "r"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_bytes(saved)
    line = b'{"event": "sending", "request": 0, "rpc": "PatchModels", "changes": ["demo/pets/m000"]}\n'
    (folder / "journal.jsonl").write_bytes(mutated(line * 3, rng))
    with contextlib.suppress(ReconcilerError):
        assert read_run(tmp_path / "runs", "r").run == "r"


HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J",
    "\u202egnp.exe\u2066",
    "::error file=x::owned\n::set-output name=a::b",
    "line\r\n\u2028\u2029next\x85",
    "@everyone <img src=x onerror=alert(1)> | a | b |\n# heading #1",
    "x" * (1_000_000 if IS_LONG else 50_000),
    "../../etc/passwd\x00",
    "\ud800 half",
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("arguments", [("--format", "text", "-v"), ("--format", "json")], ids=["text", "json"])
def test_texts_of_the_live_side_and_of_manifests_act_on_nothing(
    text: str, arguments: tuple[str, ...], cli: RunCli, tmp_path: Path
) -> None:
    live = text.replace("\ud800", "?").replace("\x00", "?")  # protobuf takes neither; a manifest neither
    model = {"id": "m", "model_type_id": "embedding-classifier", "description": live, "metadata": {live[:60]: live}}
    manifest = {
        "apiVersion": "reconciler/v1",
        "kind": "Model",
        "metadata": {"id": "m", "user_id": USER, "app_id": "pets"},
        "spec": {"description": text + "!", "metadata": {"new" + text[:60]: text}},
    }
    (tmp_path / "m.yaml").write_text(json.dumps(manifest), encoding="utf-8")
    seed = {"apps": [{"user_id": USER, "app_id": "pets", "models": [model]}]}
    with Emulator(seed=seed, user_id=USER) as emulator:
        for command in (("plan", "m.yaml"), ("drift", "m.yaml"), ("apply", "m.yaml", "--yes")):
            result = cli(*command, *arguments, "--endpoint", emulator.url, env={"CLARIFAI_PAT": "t"}, cwd=tmp_path)
            assert result.exit_code in (0, 1, 2), result.stderr
            for output in (result.stdout, result.stderr):
                acting = {letter for letter in output if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp", "Cs")}
                if arguments[1] == "text":
                    assert acting <= {"\n"}
                    assert not any(line.startswith("::") for line in output.splitlines())
        json_result = cli(
            "plan", "m.yaml", "--format", "json", "--endpoint", emulator.url, env={"CLARIFAI_PAT": "t"}, cwd=tmp_path
        )
        json_result.document()
    written = [path for path in tmp_path.rglob("*") if path.is_file() and "home" not in path.parts]
    assert all(path.resolve().is_relative_to(tmp_path) for path in written)
    assert {path.parent.parent.name for path in written if path.name == "journal.jsonl"} <= {"runs"}
