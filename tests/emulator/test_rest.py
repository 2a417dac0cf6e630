"""REST: routed by the rules of the service's own descriptors, answered as the service prints it."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from clarifai_grpc.grpc.api import service_pb2
from google.protobuf import json_format

from reconciler.emulator.rest_routes import BadRestRequestError, NoRouteError, request_for
from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator, ListenError
from reconciler.emulator.service import READS, WRITES
from reconciler.emulator.switches import Fault, Switches
from tests.emulator.client import PETS_VERSION, connected
from tests.emulator.test_usage import SEED

PETS = "/v2/users/demo/apps/pets"


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    """An emulator with the sample app and what uses its models, for tests that only read."""
    with Emulator(seed=SAMPLE, rest_port=0, user_id="demo") as running:
        running.load(SEED)
        yield running


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator of its own, for tests that write or set switches."""
    with Emulator(seed=SAMPLE, rest_port=0) as running:
        yield running


def ask(emulator: Emulator, method: str, path: str, **options: Any) -> httpx.Response:
    with httpx.Client(base_url=emulator.rest_url, trust_env=False, timeout=10) as client:
        return client.request(method, path, **options)


# --- routes -------------------------------------------------------------------------------------------------------


def routed(method: str, path: str, query: str = "", body: Any = None, **options: Any) -> tuple[str, dict[str, Any]]:
    """The call and its request as JSON."""
    text = b"" if body is None else json.dumps(body).encode()
    rpc, message = request_for(method, path, query, text, **options)
    fields: dict[str, Any] = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return rpc, fields


USER_APP = {"user_id": "demo", "app_id": "pets"}


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "rpc", "fields"),
    [
        ("GET", f"{PETS}/models/petsID", "", None, "GetModel", {"user_app_id": USER_APP, "model_id": "petsID"}),
        ("GET", "/v2/models/petsID", "", None, "GetModel", {"model_id": "petsID"}),
        ("GET", f"{PETS}/models/a%2Fb%20c", "", None, "GetModel", {"user_app_id": USER_APP, "model_id": "a/b c"}),
        (
            "GET",
            f"{PETS}/models/petsID/versions/v1",
            "",
            None,
            "GetModelVersion",
            {"user_app_id": USER_APP, "model_id": "petsID", "version_id": "v1"},
        ),
        ("GET", f"{PETS}/models/types", "per_page=20&page=1", None, "ListModelTypes", {"user_app_id": USER_APP, "per_page": 20, "page": 1}),
        ("GET", f"{PETS}/models/", "", None, "ListModels", {"user_app_id": USER_APP}),
        ("GET", "/v2/users/demo/models", "", None, "ListModels", {"user_app_id": {"user_id": "demo"}}),
        (
            "GET",
            "/v2/models",
            "user_app_id.user_id=demo&toolkits=a&toolkits=b%26c&sort_by_name=true&visibility.gettable=50&min_replicas=2",
            None,
            "ListModels",
            {
                "user_app_id": {"user_id": "demo"},
                "toolkits": ["a", "b&c"],
                "sort_by_name": True,
                "visibility": {"gettable": "PUBLIC"},
                "min_replicas": 2,
            },
        ),
        ("GET", "/v2/models", "visibility.gettable=PUBLIC&nonsense=1", None, "ListModels", {"visibility": {"gettable": "PUBLIC"}}),
        ("GET", "/v2/users/me/deployments", "model_version_ids=a&scheduling_priorities=3&scheduling_priorities=4", None, "ListDeployments", {"user_app_id": {"user_id": "me"}, "model_version_ids": ["a"], "scheduling_priorities": [3, 4]}),
        ("GET", "/v2/users/me/workflows", "", None, "ListWorkflows", {"user_app_id": {"user_id": "me"}}),
        ("PATCH", f"{PETS}/models", "", {"models": [{"id": "m"}], "action": "merge"}, "PatchModels", {"user_app_id": USER_APP, "models": [{"id": "m"}], "action": "merge"}),
        ("PATCH", "/v2/models", "", {"user_app_id": USER_APP, "action": "merge"}, "PatchModels", {"user_app_id": USER_APP, "action": "merge"}),
        ("PATCH", f"{PETS}/models", "", {"user_app_id": {"user_id": "x", "app_id": "y"}}, "PatchModels", {"user_app_id": USER_APP}),
        ("POST", "/v2/models/searches", "", {"model_query": {"name": "gen*"}, "no": 1}, "PostModelsSearches", {"model_query": {"name": "gen*"}}),
        ("DELETE", f"{PETS}/models", "", {"delete_all": True}, "DeleteModels", {"user_app_id": USER_APP, "delete_all": True}),
        ("DELETE", f"{PETS}/models/petsID", "", None, "DeleteModel", {"user_app_id": USER_APP, "model_id": "petsID"}),
    ],
)  # fmt: skip
def test_a_request_becomes_the_call_of_its_route(
    method: str, path: str, query: str, body: Any, rpc: str, fields: dict[str, Any]
) -> None:
    assert routed(method, path, query, body) == (rpc, fields)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/v2"), ("GET", "/v1/models"), ("PUT", "/v2/models"), ("GET", "/v2/models//versions"), ("GET", "/v2/users//models")],
)  # fmt: skip
def test_there_is_no_route(method: str, path: str) -> None:
    with pytest.raises(NoRouteError):
        routed(method, path)


@pytest.mark.parametrize(
    ("method", "query", "body", "message"),
    [
        ("GET", "page=two", None, "page"),
        ("GET", "page=1&page=2", None, "page is given 2 times and takes one value"),
        ("GET", "sort_by_name=yes", None, "sort_by_name=yes is not true or false"),
        ("GET", "visibility.gettable=EVERYONE", None, "gettable"),
        ("PATCH", "", b"{", "Expecting property name"),
        ("PATCH", "", b"[]", "the body is not a JSON object"),
        ("PATCH", "", b'{"models": 3}', "models"),
        ("PATCH", "", b'{"models": [{"id": 3}]}', "id"),
    ],
)
def test_a_request_that_can_t_be_read(method: str, query: str, body: bytes | None, message: str) -> None:
    with pytest.raises(BadRestRequestError, match=message):
        request_for(method, "/v2/models", query, body or b"")


def test_unknown_names_can_be_refused() -> None:
    with pytest.raises(BadRestRequestError, match=r"^nonsense is not a field of the request$"):
        request_for("GET", "/v2/models", "nonsense=1", b"", ignore_unknown=False)
    with pytest.raises(BadRestRequestError, match="nonsense"):
        request_for("PATCH", "/v2/models", "", b'{"nonsense": 1}', ignore_unknown=False)


def test_every_call_that_grpc_serves_has_a_route() -> None:
    descriptor = service_pb2.DESCRIPTOR.services_by_name["V2"]
    from google.api import annotations_pb2

    for rpc in (*READS, *WRITES):
        rule = descriptor.methods_by_name[rpc].GetOptions().Extensions[annotations_pb2.http]
        for each in (rule, *rule.additional_bindings):
            verb = each.WhichOneof("pattern")
            path = getattr(each, verb).replace("{", "").replace("}", "")
            assert request_for(verb.upper(), path, "", b"")[0] == rpc, path


# --- answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "rpc", "fields"),
    [
        (f"{PETS}/models?per_page=3&page=2", "ListModels", {"per_page": 3, "page": 2}),
        (f"{PETS}/models/petsID", "GetModel", {"model_id": "petsID"}),
        (f"{PETS}/models/pet-breeds/output_info", "GetModelOutputInfo", {"model_id": "pet-breeds"}),
        (f"{PETS}/models/pet-breeds/concepts", "ListModelConcepts", {"model_id": "pet-breeds"}),
        (f"{PETS}/models/pet-breeds/versions", "ListModelVersions", {"model_id": "pet-breeds"}),
        (f"{PETS}/models/petsID/versions/{PETS_VERSION}", "GetModelVersion", {"model_id": "petsID", "version_id": PETS_VERSION}),
        (f"{PETS}/models/types", "ListModelTypes", {}),
        ("/v2/users/demo/workflows", "ListWorkflows", {"user_app_id": {"user_id": "demo"}}),
        (f"{PETS}/workflows/find-and-classify/versions", "ListWorkflowVersions", {"workflow_id": "find-and-classify"}),
        ("/v2/users/demo/deployments", "ListDeployments", {"user_app_id": {"user_id": "demo"}}),
        ("/v2/users/demo/deployments/serve-pets", "GetDeployment", {"user_app_id": {"user_id": "demo"}, "deployment_id": "serve-pets"}),
        ("/v2/users/me", "GetUser", {"user_app_id": {"user_id": "me"}}),
    ],
)  # fmt: skip
def test_rest_answers_what_grpc_answers(served: Emulator, path: str, rpc: str, fields: dict[str, Any]) -> None:
    with connected(served) as client:
        expected = client(rpc, **fields)
    response = ask(served, "GET", path)

    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    shown = json_format.ParseDict(response.json(), type(expected)())
    for answer in (expected, shown):
        answer.status.ClearField("req_id")
    assert shown == expected


def test_an_answer_looks_like_the_recorded_ones(emulator: Emulator) -> None:
    emulator.switches = Switches(image_url="kept")
    body = {"models": [{"id": "pet-names", "deploy_restriction": 2, "toolkits": ["OpenAI"]}], "action": "merge"}
    answer = ask(emulator, "PATCH", f"{PETS}/models", json=body).json()

    assert {**answer["status"], "req_id": "…"} == {"code": 10000, "description": "Ok", "req_id": "…"}
    model = answer["models"][0]
    assert model["created_at"] == "2024-01-01T00:03:00Z"
    assert (model["visibility"], model["deploy_restriction"], model["metadata"]) == ({"gettable": 10}, 2, {})
    assert (model["workflow_recommended"], model["presets"], model["check_consents"]) == (False, {}, [])
    assert (model["toolkits"], model["languages"]) == (["OpenAI"], ["en"])
    version = model["model_version"]
    assert version["status"] == {"code": 21100, "description": "Model is trained and ready for deployment"}
    assert version["output_info"] == {
        "output_config": {"max_concepts": 0, "min_value": 0},
        "message": "Show output_info with: GET /models/{model_id}/output_info",
        "params": {"max_tokens": 512, "secrets": [], "temperature": 1},
    }
    assert re.search(r'"max_tokens":512[,}]', ask(emulator, "GET", f"{PETS}/models/pet-names").text), (
        "as in the records"
    )
    assert ask(emulator, "GET", f"{PETS}/models?page=9").json()["models"] == []


def test_a_write_by_rest_is_one_like_any_other(emulator: Emulator) -> None:
    ask(emulator, "PATCH", f"{PETS}/models/petsID/versions", json={"action": "merge", "model_versions": [{"id": PETS_VERSION, "license": "MIT"}]}, headers={"Authorization": "Key planted", "X-Clarifai-Request-Id-Prefix": "mine"})  # fmt: skip

    with connected(emulator) as client:
        assert client.version()["license"] == "MIT"
    call = emulator.calls[0]
    assert (call.rpc, call.status_code, call.request["action"]) == ("PatchModelVersions", 10000, "merge")
    assert {key: value for key, value in call.metadata.items() if key != "user-agent"} == {
        "authorization": "(redacted)",
        "x-clarifai-request-id-prefix": "mine",
    }


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "/v2/nowhere", {}, 404, 11101),
        ("GET", f"{PETS}/models/nope", {}, 404, 21200),
        ("GET", "/v2/users/demo/apps/nope/models", {}, 404, 11101),
        ("GET", f"{PETS}/models?page=two", {}, 400, 11100),
        ("PATCH", f"{PETS}/models", {"json": {"action": "merge"}}, 400, 11102),
        ("PATCH", f"{PETS}/models", {"content": "{"}, 400, 11100),
        ("POST", f"{PETS}/models", {"json": {"models": [{"id": "petsID"}]}}, 409, 40010),
        ("DELETE", "/v2/users/clarifai/apps/main/models", {"json": {"delete_all": True}}, 403, 21201),
        ("GET", "/v2/users/demo/keys", {}, 501, 10040),
    ],
)
def test_what_is_refused_has_both_statuses(
    emulator: Emulator, method: str, path: str, options: dict[str, Any], status: int, code: int
) -> None:
    response = ask(emulator, method, path, **options)

    assert (response.status_code, response.json()["status"]["code"]) == (status, code)
    assert response.json()["status"]["req_id"]


@pytest.mark.parametrize(
    ("switches", "status", "code"),
    [
        ({"refused_calls": ("GetModel",)}, 403, 11007),
        ({"faults": (Fault(kind="11005"),)}, 429, 11005),
        ({"faults": (Fault(kind="11003"),)}, 429, 11003),
        ({"faults": (Fault(kind="99009"),)}, 500, 99009),
        ({"faults": (Fault(kind="UNAVAILABLE"),)}, 503, 10020),
        ({"faults": (Fault(kind="LOST_REPLY"),)}, 503, 10020),
        ({"faults": (Fault(kind="DEADLINE"),)}, 504, 98009),
    ],
)
def test_faults_have_their_http_statuses(emulator: Emulator, switches: Any, status: int, code: int) -> None:
    emulator.switches = Switches(**switches)
    response = ask(emulator, "GET", f"{PETS}/models/petsID")

    assert (response.status_code, response.json()["status"]["code"]) == (status, code)


def test_unknown_names_of_a_request_follow_the_switch(emulator: Emulator) -> None:
    assert ask(emulator, "GET", f"{PETS}/models?nonsense=1").status_code == 200
    emulator.switches = Switches(rest_unknown_fields="error")
    assert ask(emulator, "GET", f"{PETS}/models?nonsense=1").json()["status"]["code"] == 11100


def test_the_token_is_checked() -> None:
    with Emulator(seed=SAMPLE, rest_port=0, pat="planted-token") as emulator:
        for headers, status, code in (
            ({}, 401, 11009),
            ({"Authorization": "Key wrong"}, 401, 11008),
            ({"Authorization": "Key planted-token"}, 200, 10000),
        ):
            response = ask(emulator, "GET", f"{PETS}/models/petsID", headers=headers)
            assert (response.status_code, response.json()["status"]["code"]) == (status, code)


def test_a_page_of_another_origin_may_call_it(emulator: Emulator) -> None:
    asked = {
        "Origin": "null",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization",
    }
    preflight = ask(emulator, "OPTIONS", f"{PETS}/models", headers=asked)

    assert preflight.status_code == 200
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert ask(emulator, "GET", f"{PETS}/models").headers["access-control-allow-origin"] == "*"
    assert emulator.calls[0].rpc == "ListModels", "a preflight is no call"


# --- the server ---------------------------------------------------------------------------------------------------


def test_a_taken_port_is_reported(emulator: Emulator) -> None:
    port = int(emulator.rest_url.rpartition(":")[2])

    with pytest.raises(
        ListenError, match=rf"^the REST interface can't listen on 127\.0\.0\.1:{port}: Address already in use\."
    ):
        Emulator(rest_port=port).start()


def test_the_command_prints_both_addresses_and_stops_cleanly() -> None:
    command = [sys.executable, "-m", "reconciler", "emulator", "--rest-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        found = [re.fullmatch(r"(listening|rest) on (http://127\.0\.0\.1:\d+)\n", line) for line in lines]
        assert [match and match[1] for match in found] == ["listening", "rest"]
        with httpx.Client(trust_env=False) as client:
            assert client.get(f"{found[1] and found[1][2]}{PETS}/models/petsID").status_code == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)

    assert (process.returncode, out, err) == (0, "", "")


def test_an_emulator_without_rest_has_no_address_for_it() -> None:
    with Emulator() as emulator, pytest.raises(LookupError):
        _ = emulator.rest_url


def test_a_caller_that_gives_up_ends_a_hanging_call(emulator: Emulator) -> None:
    emulator.switches = Switches(faults=(Fault(kind="HANG"),))
    host, port = emulator.rest_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as caller:
        caller.sendall(f"GET {PETS}/models/petsID HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        until = time.monotonic() + 5
        while not emulator.calls and time.monotonic() < until:
            time.sleep(0.01)
    until = time.monotonic() + 5
    while emulator.calls[0].grpc_code != "DEADLINE_EXCEEDED" and time.monotonic() < until:
        time.sleep(0.01)

    assert (emulator.calls[0].grpc_code, emulator.calls[0].status_code) == ("DEADLINE_EXCEEDED", 0)


def test_stopping_ends_what_hangs() -> None:
    emulator = Emulator(seed=SAMPLE, rest_port=0, switches=Switches(faults=(Fault(kind="HANG"),)))
    emulator.start()
    failed = threading.Event()

    def hang() -> None:
        try:
            ask(emulator, "GET", f"{PETS}/models/petsID")
        except httpx.HTTPError:
            failed.set()

    caller = threading.Thread(target=hang)
    caller.start()
    while not emulator.calls:
        time.sleep(0.01)
    started = time.monotonic()
    emulator.stop()
    caller.join(timeout=5)

    assert time.monotonic() - started < 5
    assert not caller.is_alive()


def test_sixteen_connections_at_once(emulator: Emulator) -> None:
    """The short version of what was measured for a minute: docs/emulator.md has the figures."""
    host, port = emulator.rest_url.removeprefix("http://").split(":")

    def calls(number: int) -> list[int]:
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        statuses = []
        for turn in range(25):
            if turn % 5 == 0:
                body = json.dumps({"action": "merge", "models": [{"id": "petsID", "metadata": {f"k{number}": turn}}]})
                connection.request("PATCH", f"{PETS}/models", body)
            else:
                connection.request("GET", f"{PETS}/models/petsID")
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        connection.close()
        return statuses

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(calls, range(16)))

    assert statuses == [[200] * 25] * 16
    assert len(ask(emulator, "GET", f"{PETS}/models/petsID").json()["model"]["metadata"]) == 16
