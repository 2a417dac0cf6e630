"""The state: seeds, snapshots, the file and who shares it, the log of calls, tokens."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.seeds import SeedError
from reconciler.emulator.server import Emulator, ListenError
from reconciler.emulator.store import Call, StateError, read_calls
from reconciler.emulator.switches import Switches
from reconciler.errors import UsageError
from tests.emulator.client import PETS, PETS_VERSION, Client, connected, user_app

ROOT = Path(__file__).resolve().parents[2]

SERVE = """
import sys
from pathlib import Path
from reconciler.emulator import serve
state, seed = (Path(arg) if arg else None for arg in sys.argv[1:3])
serve(state=state, seed=seed, pat=sys.argv[3] or None)
"""


# --- seeds and snapshots ------------------------------------------------------------------------------------------


def test_a_snapshot_is_a_seed_of_the_same_state(emulator: Emulator, client: Client) -> None:
    client.patch_model(image={"url": "https://x.test/a.png"}, metadata={"a": [1, {"b": None}]})
    taken = emulator.snapshot()

    emulator.load(taken)
    assert emulator.snapshot() == taken
    with Emulator(seed=json.loads(json.dumps(taken))) as other:
        assert other.snapshot() == taken


def test_a_snapshot_has_everything_in_order_but_the_built_in_models(emulator: Emulator) -> None:
    taken = emulator.snapshot()

    assert [(app["user_id"], app["app_id"]) for app in taken["apps"]] == [("demo", "pets")]
    assert {model["id"]: len(model["versions"]) for model in taken["apps"][0]["models"]} == {
        "model_clusterer": 1, "pet-breeds": 3, "pet-draft": 0, "pet-finder": 1, "pet-names": 1, "petsID": 8,
    }  # fmt: skip
    assert taken["apps"][0]["models"][-1]["versions"][-1] == {
        "id": PETS_VERSION,
        "created_at": "2024-01-01T00:00:08Z",
        "modified_at": "2024-01-01T00:00:08Z",
        "user_id": "demo",
        "app_id": "pets",
        "status": {"code": "MODEL_TRAINED", "description": "Model is trained and ready for deployment"},
        "active_concept_count": 2,
        "visibility": {"gettable": "PRIVATE"},
        "output_info": {
            "params": {"max_concepts": 20.0, "min_value": 0.5, "select_concepts": []},
            "data": {
                "concepts": [
                    {"id": "cat", "name": "cat", "value": 1.0, "language": "en"},
                    {"id": "dog", "name": "dog", "value": 1.0, "language": "en"},
                ]
            },
        },
    }
    assert [workflow["id"] for workflow in taken["apps"][0]["workflows"]] == ["find-and-classify"]
    assert len(taken["model_types"]) == 5


def test_what_a_seed_leaves_out_is_made_up_the_same_each_time() -> None:
    seed = {"apps": [{"user_id": "u", "app_id": "a", "models": [{"id": "m", "versions": [{}, {}]}, {"id": "n"}]}]}

    with Emulator(seed=seed) as one, Emulator(seed=seed) as two:
        assert one.snapshot() == two.snapshot()
        first, second = one.snapshot()["apps"][0]["models"][0]["versions"]
    assert first["created_at"] < second["created_at"]
    assert (len(first["id"]), first["id"] != second["id"]) == (32, True)


def test_loading_replaces_models_of_the_same_id(emulator: Emulator, client: Client) -> None:
    emulator.load({"apps": [{**PETS, "models": [{"id": "petsID", "name": "other"}]}]})

    assert client.model()["name"] == "other"
    assert "model_version" not in client.model()
    assert len(client.models(dont_fetch_from_main=True)) == 6


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("seed.json", '{"apps": [{"user_id": "u", "app_id": "a", "models": [{"id": "m"}]}]}'),
        (
            "seed.yaml",
            "apps:\n- user_id: u\n  app_id: a\n  models:\n  - {id: m, created_at: 2024-05-01T00:00:00Z}\n",
        ),
    ],
)
def test_a_seed_is_read_from_a_file(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")

    with Emulator(seed=tmp_path / name) as emulator:
        assert [model["id"] for model in emulator.snapshot()["apps"][0]["models"]] == ["m"]


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        ({"app": []}, "the seed has unknown keys app. Known are apps, deployments, model_types, users."),
        ({"apps": {}}, None),
        ({"apps": "x"}, "apps is str, not a list. Write it as a list."),
        ({"apps": [3]}, "apps[0] is int, not a mapping. docs/emulator.md has the format."),
        ({"apps": [{"user_id": "u"}]}, "apps[0] has no user_id or no app_id. Give both."),
        ({"apps": [{**PETS, "models": [{"name": "x"}]}]}, "apps[0].models[0] has no id. Give it one."),
        (
            {"apps": [{**PETS, "models": [{"id": "m", "versions": [{"id": "v"}, {"id": "v"}]}]}]},
            "apps[0].models[0].versions[1] has the id v of an earlier version. Give each its own.",
        ),
        (
            {"apps": [{**PETS, "models": [{"id": "m", "model_version": {"id": "v"}}]}]},
            "apps[0].models[0] has model_version. Write it as an entry of versions.",
        ),
    ],
)
def test_a_bad_seed_is_told_and_loads_nothing(emulator: Emulator, seed: Any, message: str | None) -> None:
    before = emulator.snapshot()

    if message is None:
        emulator.load(seed)
    else:
        with pytest.raises(SeedError) as caught:
            emulator.load({"model_types": [{"id": "new"}], **seed})
        assert str(caught.value) == message
    assert emulator.snapshot() == before


def test_a_field_that_does_not_exist_is_told_with_its_place(emulator: Emulator) -> None:
    with pytest.raises(SeedError, match=r'^apps\[0\]\.models\[0\] is not a Model: .*"colour"'):
        emulator.load({"apps": [{**PETS, "models": [{"id": "m", "colour": "red"}]}]})


def test_bad_seed_files(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")

    with pytest.raises(SeedError, match=r"^seed file .*missing\.json can't be read: No such file or directory\."):
        Emulator(seed=tmp_path / "missing.json").start()
    with pytest.raises(SeedError, match=r"bad\.json:1:2: not JSON: Expecting property name"):
        Emulator(seed=tmp_path / "bad.json").start()


# --- the file -----------------------------------------------------------------------------------------------------


def test_a_state_file_outlives_the_emulator_and_is_seeded_once(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state.db"
    with Emulator(state=state, seed=SAMPLE) as first, connected(first) as client:
        client.patch_model(notes="kept")
        left = first.snapshot()
        assert first.was_new
    with Emulator(state=state, seed=SAMPLE) as second:
        assert not second.was_new
        assert second.snapshot() == left


def test_bad_state_files(tmp_path: Path) -> None:
    text, other = tmp_path / "text.db", tmp_path / "other.db"
    text.write_text("not a database, but long enough to be looked at " * 40, encoding="utf-8")
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE t (x)")
    connection.close()

    with pytest.raises(StateError, match=r"text\.db is not usable: file is not a database\. Delete it or choose"):
        Emulator(state=text)
    with pytest.raises(StateError, match=r"other\.db is some other SQLite database\. Choose another file\."):
        Emulator(state=other)
    with pytest.raises(StateError, match=r"can't be opened"):
        Emulator(state=text / "below.db")
    with pytest.raises(StateError, match=r"doesn't exist"):
        read_calls(tmp_path / "none.db")


def test_a_taken_port_is_told(emulator: Emulator) -> None:
    port = int(emulator.url.rpartition(":")[2])

    with pytest.raises(ListenError, match=rf"^the emulator can't listen on 127\.0\.0\.1:{port}: "):
        Emulator(port=port).start()


def test_threads_do_not_lose_each_other_s_writes(emulator: Emulator, client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda n: client.patch_model(metadata={f"k{n}": n})[0], range(40)))

    assert codes == [10000] * 40
    assert len(client.model()["metadata"]) == 40


# --- processes ----------------------------------------------------------------------------------------------------


@contextmanager
def serving(*, state: Path | str = "", seed: Path | str = "", pat: str = "") -> Iterator[tuple[Any, str]]:
    """A process that serves, and its url; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(state), str(seed), pat],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), process.communicate(timeout=5)
        yield process, line.removeprefix("listening on ").strip()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


class At:
    """Something with a url, for `connected`."""

    def __init__(self, url: str) -> None:
        self.url = url


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_the_url_first_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with serving(state=tmp_path / "s.db") as (process, url):
        with connected(At(url)) as client:  # type: ignore[arg-type]
            assert len(client.models(dont_fetch_from_main=True)) == 6, "without a seed: the sample app"
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=10)

    assert (process.returncode, out, err) == (0, "", "")
    assert [call.rpc for call in read_calls(tmp_path / "s.db")] == ["ListModels"]


def test_emulators_that_start_at_once_seed_one_state_once(tmp_path: Path) -> None:
    emulators = [Emulator(seed=SAMPLE, state=tmp_path / "s.db") for _ in range(2)]

    def open_and_start(number: int) -> Emulator:
        emulator = emulators[number] if number < 2 else Emulator(seed=SAMPLE, state=tmp_path / "s.db")
        emulator.start()
        return emulator

    with ThreadPoolExecutor(6) as pool:
        started = list(pool.map(open_and_start, range(6)))
    snapshots = [emulator.snapshot() for emulator in started]
    for emulator in started:
        emulator.stop()

    assert sorted(emulator.was_new for emulator in started) == [False] * 5 + [True]
    assert all(taken == snapshots[0] for taken in snapshots)


def test_processes_share_one_state(tmp_path: Path) -> None:
    state, seed = tmp_path / "shared.db", tmp_path / "seed.json"
    seed.write_text(json.dumps(SAMPLE), encoding="utf-8")

    with (
        serving(state=state, seed=seed) as (_, one),
        serving(state=state, seed=seed) as (_, two),
        connected(At(one)) as first,  # type: ignore[arg-type]
        connected(At(two)) as second,  # type: ignore[arg-type]
    ):
        with ThreadPoolExecutor(4) as pool:
            clients = [(first, second)[n % 2] for n in range(40)]
            codes = list(pool.map(lambda n: clients[n].patch_model(metadata={f"k{n}": n})[0], range(40)))
        assert codes == [10000] * 40
        assert first.model() == second.model()
        assert len(first.model()["metadata"]) == 40
        assert len(read_calls(state)) == 43


# --- the log and the token ----------------------------------------------------------------------------------------


def test_calls_are_logged_in_order_without_the_token(emulator: Emulator, client: Client) -> None:
    client.metadata = (("authorization", "Key planted-token"), ("x-clarifai-request-id-prefix", "mine"))
    client.patch_version("overwrite", output_info={"params": {"min_value": 1}})
    client.status("GetModel", model_id="nope")

    calls = [
        Call(
            rpc=call.rpc,
            request=call.request,
            metadata={key: value for key, value in call.metadata.items() if key != "user-agent"},
            status_code=call.status_code,
            grpc_code=call.grpc_code,
        )
        for call in emulator.calls
    ]
    metadata = {"authorization": "(redacted)", "x-clarifai-request-id-prefix": "mine"}
    assert calls == [
        Call(
            rpc="PatchModelVersions",
            request={
                "user_app_id": PETS,
                "model_id": "petsID",
                "action": "overwrite",
                "model_versions": [{"id": PETS_VERSION, "output_info": {"params": {"min_value": 1.0}}}],
            },
            metadata=metadata,
            status_code=10000,
            grpc_code="OK",
        ),
        Call(
            rpc="GetModel",
            request={"user_app_id": PETS, "model_id": "nope"},
            metadata=metadata,
            status_code=21200,
            grpc_code="OK",
        ),
    ]
    emulator.clear_calls()
    assert emulator.calls == ()


def test_the_token_is_checked_and_never_stored(tmp_path: Path) -> None:
    state = tmp_path / "s.db"
    with Emulator(state=state, seed=SAMPLE, pat="planted-token") as emulator, connected(emulator) as client:
        assert client.status("GetModel", model_id="petsID")[0] == 10000
        for metadata, code, text in (
            ((("authorization", "Key wrong"),), 11008, "Invalid API key or Invalid API key/application pair"),
            ((("authorization", "planted-token"),), 11008, "Invalid API key or Invalid API key/application pair"),
            ((), 11009, "API key not found"),
        ):
            client.metadata = metadata
            status = client("DeleteModel", model_id="petsID").status
            assert (status.code, status.description) == (code, text)
        client.metadata = (("authorization", "Key planted-token"),)
        assert client.model()["id"] == "petsID"
        files = {file.name: file.read_bytes() for file in tmp_path.glob("s.db*")}

    files["at the end"] = state.read_bytes()
    assert set(files) == {"s.db", "s.db-shm", "s.db-wal", "at the end"}
    assert not [name for name, content in files.items() if b"planted-token" in content]


def test_whose_token_it_is_can_be_said() -> None:
    seed = {"apps": [{"user_id": name, "app_id": "a", "models": [{"id": name}]} for name in ("ann", "bob")]}
    with Emulator(seed=seed, user_id="bob") as emulator, connected(emulator) as client:
        assert client.models(user_app_id=user_app("me", "a"), dont_fetch_from_main=True) == ["bob"]


def test_it_is_reached_on_the_loopback_address_alone(emulator: Emulator) -> None:
    assert emulator.url.startswith("http://127.0.0.1:")


def test_another_address_needs_a_token() -> None:
    with pytest.raises(UsageError, match=r"^the emulator would let everybody who reaches 0\.0\.0\.0 in\. Give a token"):
        Emulator(host="0.0.0.0")
    with Emulator(seed=SAMPLE, host="0.0.0.0", rest_port=0, pat="planted-token") as emulator:
        assert (emulator.url[:15], emulator.rest_url[:15]) == ("http://0.0.0.0:", "http://0.0.0.0:")
        with connected(At(emulator.url.replace("0.0.0.0", "127.0.0.1"))) as client:  # type: ignore[arg-type]
            assert client.model()["id"] == "petsID"


def test_big_listings_stay_fast() -> None:
    """Ten pages of a thousand: every model once, in the order asked for."""
    versions = [{"output_info": {"params": {"min_value": 0.5}}}]
    models = [{"id": f"m{number:04}", "versions": versions} for number in range(3000)]
    with (
        Emulator(seed={"apps": [{**PETS, "models": models}]}, switches=Switches(main_models=False)) as emulator,
        connected(emulator) as client,
    ):
        pages = [
            client.models(page=page, per_page=1000, sort_by_name=True, sort_ascending=True) for page in (1, 2, 3, 4)
        ]

    assert [len(page) for page in pages] == [1000, 1000, 1000, 0]
    assert [model_id for page in pages for model_id in page] == [model["id"] for model in models]


def test_the_caller_gets_an_answer_when_the_emulator_itself_fails(tmp_path: Path) -> None:
    state = tmp_path / "s.db"
    with Emulator(state=state, seed=SAMPLE) as emulator, connected(emulator) as client:
        other = sqlite3.connect(state)
        other.execute("DROP TABLE workflows")
        other.close()

        assert client.status("ListWorkflows") == (
            99009,
            "the emulator failed: OperationalError: no such table: workflows",
        )
        with pytest.raises(grpc.RpcError):
            client("ListKeys")
        assert client.model()["id"] == "petsID"
