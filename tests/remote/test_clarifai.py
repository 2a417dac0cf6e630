"""The connection to the service, against a real gRPC server that answers what each test says."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from clarifai_grpc.grpc.api import resources_pb2, service_pb2
from clarifai_grpc.grpc.api.status import status_pb2
from google.protobuf import json_format

from reconciler import __version__
from reconciler.config.credentials import Token
from reconciler.config.endpoint import parse_endpoint
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from reconciler.errors import FaultClass, RemoteError
from reconciler.remote.caller import Timing
from reconciler.remote.clarifai import ClarifaiRemote
from reconciler.remote.port import Remote
from reconciler.resources.keys import Key, Scope
from reconciler.resources.request import Request, request_from_body
from reconciler.resources.secrets import Sensitive
from tests.remote.scripted_service import ScriptedService, failing, in_turn, models_of, ok, paged
from tests.request_values import request
from tests.wording import Wording

SCOPE = Scope("jane", "pets")
KEY = Key(user_id="jane", app_id="pets", model_id="cats")


def model(model_id: str = "cats", *, user_id: str = "jane", app_id: str = "pets", **fields: Any) -> Any:
    return resources_pb2.Model(id=model_id, user_id=user_id, app_id=app_id, **fields)


def version(version_id: str, created_at: str = "2026-01-01T00:00:00Z") -> Any:
    made = resources_pb2.ModelVersion(id=version_id, status=status_pb2.Status(code=21100))
    made.created_at.FromJsonString(created_at)
    return made


def single(found: Any = None, *, status: Any = None) -> Any:
    return service_pb2.SingleModelResponse(status=status or ok(), model=found)


def patch(action: str = "merge", **fields: Any) -> Request:
    return request("PatchModels", action, {KEY: fields})


def delete(*ids: str) -> Request:
    return request("DeleteModels", None, {KEY._replace(model_id=name): {} for name in ids})


DELETE_VERSION = request("DeleteModelVersion", None, {KEY.version("v1"): {}})


def base(status: Any) -> Any:
    return status_pb2.BaseResponse(status=status)


def facts(error: RemoteError) -> tuple[str, str, FaultClass, int, bool]:
    return error.rpc, error.code, error.fault, error.attempts, error.sent


# --- reads ----------------------------------------------------------------------------------------------------


def test_a_model_is_read_with_its_latest_version() -> None:
    stored = model(
        name="Cats",
        model_type_id="visual-classifier",
        visibility=resources_pb2.Visibility(gettable=10),
        metadata=json_format.ParseDict({"size": 20, "share": 0.5}, resources_pb2.Model().metadata),
        model_version=version("v1", "2026-01-01T00:00:00.25Z"),
    )
    with ScriptedService(GetModel=lambda request, context: single(stored)) as service, service.remote() as remote:
        port: Remote = remote
        read = port.get_model(KEY)
    assert read is not None
    assert (read.key, read.model_type_id, read.versions, read.versions_complete) == (
        KEY,
        "visual-classifier",
        (read.latest,),
        False,
    )
    assert dict(read.document) == {
        "id": "cats",
        "name": "Cats",
        "user_id": "jane",
        "app_id": "pets",
        "model_type_id": "visual-classifier",
        "visibility": {"gettable": "PRIVATE"},
        "metadata": {"size": 20, "share": 0.5},
    }
    assert isinstance(read.document["metadata"]["size"], int)
    assert read.latest is not None
    assert (read.latest.key, read.latest.created_at, read.latest.status_code) == (
        KEY.version("v1"),
        (1_767_225_600, 250_000_000),
        21100,
    )


def test_a_model_without_versions_has_no_latest() -> None:
    with ScriptedService(GetModel=lambda request, context: single(model())) as service, service.remote() as remote:
        read = remote.get_model(KEY)
    assert read is not None
    assert (read.latest, read.versions) == (None, ())


def test_a_model_that_does_not_exist_is_none() -> None:
    answer = single(status=failing(21200, description="Model does not exist"))
    with ScriptedService(GetModel=in_turn(answer)) as service, service.remote() as remote:
        assert remote.get_model(KEY) is None


def test_a_model_of_clarifai_in_place_of_the_apps_own_is_none() -> None:
    answer = single(model(user_id="clarifai", app_id="main"))
    with ScriptedService(GetModel=in_turn(answer)) as service, service.remote() as remote:
        assert remote.get_model(KEY) is None


def test_calls_carry_the_token_and_a_request_id_prefix_of_our_own() -> None:
    with (
        ScriptedService(GetModel=in_turn(single(model()))) as service,
        service.remote(token=Token("secret-pat")) as remote,
    ):
        remote.get_model(KEY)
    sent = service.calls[0].metadata
    assert (sent["authorization"], sent["x-clarifai-request-id-prefix"]) == (
        "Key secret-pat",
        f"reconciler-{__version__}",
    )
    assert sent["user-agent"].startswith(f"clarifai-reconciler/{__version__}")


@pytest.mark.parametrize(
    ("cap", "count"),
    [(cap, count) for cap in (1, 2, 3, 4, 128) for count in (0, 1, 3, 4, 6)]
    + [(cap, count) for cap in (100, 128, 500, 1000) for count in (127, 128, 129, 256, 1001)],
)
def test_a_listing_is_complete_whatever_the_page_size(cap: int, count: int) -> None:
    stored = [model(f"m{number}") for number in range(count)]
    with (
        ScriptedService(ListModels=paged(stored, cap=cap, make=lambda some: models_of(*some))) as service,
        service.remote() as remote,
    ):
        listed = [item.key.model_id for item in remote.list_models(SCOPE)]
    assert listed == [f"m{number}" for number in range(count)]
    assert all(call.request.sort_by_created_at and call.request.sort_ascending for call in service.calls)


@pytest.mark.parametrize("cap", [1, 2, 3, 4, 128])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_versions_are_complete_whatever_the_page_size(cap: int, count: int) -> None:
    stored = [version(f"v{number}", f"2026-01-0{9 - number}T00:00:00Z") for number in range(count)]

    def answer(some: list[Any]) -> Any:
        return service_pb2.MultiModelVersionResponse(status=ok(), model_versions=some)

    others = [model(f"m{number}") for number in range(3)]
    with (
        ScriptedService(
            ListModelVersions=paged(stored, cap=cap, make=answer),
            ListModels=paged(others, cap=cap, make=lambda some: models_of(*some)),
        ) as service,
        service.remote() as remote,
    ):
        before = [item.key.version_id for item in remote.list_versions(KEY)]
        list(remote.list_models(SCOPE))
        after = [item.key.version_id for item in remote.list_versions(KEY)]
    assert before == after == [f"v{number}" for number in range(count)]


def test_few_versions_cost_one_call_each_once_a_longer_page_was_seen() -> None:
    def answer(request: Any, context: Any) -> Any:
        return service_pb2.MultiModelVersionResponse(status=ok(), model_versions=[version("v1")])

    stored = [model(f"m{number}") for number in range(3)]
    with (
        ScriptedService(
            ListModelVersions=answer, ListModels=paged(stored, cap=1000, make=lambda some: models_of(*some))
        ) as service,
        service.remote() as remote,
    ):
        for item in list(remote.list_models(SCOPE)):
            assert [found.key for found in remote.list_versions(item.key)] == [item.key.version("v1")]
    assert service.rpcs == ["ListModels", "ListModels", *["ListModelVersions"] * 3]


def test_versions_come_newest_first_and_equal_times_as_they_are_listed() -> None:
    stored = [
        version("b", "2026-01-01T00:00:00Z"),
        version("d", "2026-01-01T00:00:00.5Z"),
        version("a", "2026-01-01T00:00:00Z"),
        version("c", "2026-01-01T00:00:00.000000001Z"),
    ]
    answer = paged(
        stored, cap=1000, make=lambda some: service_pb2.MultiModelVersionResponse(status=ok(), model_versions=some)
    )
    with ScriptedService(ListModelVersions=answer) as service, service.remote() as remote:
        assert [item.key.version_id for item in remote.list_versions(KEY)] == ["d", "c", "b", "a"]


def test_a_server_that_refuses_a_thousand_a_page_is_asked_for_128() -> None:
    pages = paged([model(f"m{number}") for number in range(200)], cap=128, make=lambda some: models_of(*some))

    def answer(request: Any, context: Any) -> Any:
        return models_of(status=failing(11102)) if request.per_page > 128 else pages(request, context)

    with ScriptedService(ListModels=answer) as service, service.remote() as remote:
        assert len(list(remote.list_models(SCOPE))) == 200
        assert len(list(remote.list_models(SCOPE))) == 200
    assert [call.request.per_page for call in service.calls] == [1000, *[128] * 6]


def test_a_server_that_ignores_the_page_number_is_an_error_and_no_loop() -> None:
    with (
        ScriptedService(ListModels=in_turn(models_of(model("a"), model("b")))) as service,
        service.remote() as remote,
        pytest.raises(RemoteError) as raised,
    ):
        list(remote.list_models(SCOPE))
    assert facts(raised.value) == ("ListModels", "REPEATED_PAGE", FaultClass.FATAL, 1, True)


def test_a_model_that_two_pages_show_is_listed_once() -> None:
    pages = in_turn(models_of(model("a"), model("b")), models_of(model("b"), model("c")), models_of())
    with ScriptedService(ListModels=pages) as service, service.remote() as remote:
        assert [item.key.model_id for item in remote.list_models(SCOPE)] == ["a", "b", "c"]


def test_a_page_that_fails_ends_the_listing_in_an_error() -> None:
    pages = in_turn(models_of(model("a")), models_of(status=failing(11007)))
    with (
        ScriptedService(ListModels=pages) as service,
        service.remote() as remote,
        pytest.raises(RemoteError) as raised,
    ):
        list(remote.list_models(SCOPE))
    assert raised.value.code == "11007 CONN_INSUFFICIENT_SCOPES"


@pytest.mark.parametrize("scope", [Scope("", "pets"), Scope("jane", "")])
def test_an_empty_id_is_refused_before_any_call(scope: Scope) -> None:
    key = Key(user_id=scope.user_id, app_id=scope.app_id, model_id="cats")
    with ScriptedService() as service, service.remote() as remote:
        reads: list[Callable[[], Any]] = [
            lambda: list(remote.list_models(scope)),
            lambda: list(remote.search_models(scope, name="", model_type_id="")),
            lambda: list(remote.list_model_types(scope)),
            lambda: list(remote.list_workflows("")),
            lambda: list(remote.list_deployments("")),
            lambda: list(remote.list_versions(key)),
            lambda: list(remote.list_concepts(key)),
            lambda: remote.get_model(key),
            lambda: remote.get_output_info(key),
        ]
        for read in reads:
            with pytest.raises(RemoteError) as raised:
                read()
            assert (raised.value.code, raised.value.sent) == ("NOT_SENT", False)
    assert service.calls == []


def test_the_other_listings_ask_for_what_they_should() -> None:
    types = service_pb2.MultiModelTypeResponse(status=ok(), model_types=[resources_pb2.ModelType(id="t")])
    flows = service_pb2.MultiWorkflowResponse(status=ok(), workflows=[resources_pb2.Workflow(id="w")])
    concepts = service_pb2.MultiConceptResponse(status=ok(), concepts=[resources_pb2.Concept(id="c")])
    output = single(model(model_version=version("v1")))
    with (
        ScriptedService(
            ListModelTypes=in_turn(types, service_pb2.MultiModelTypeResponse(status=ok())),
            ListWorkflows=in_turn(flows, service_pb2.MultiWorkflowResponse(status=ok())),
            ListModelConcepts=in_turn(concepts, service_pb2.MultiConceptResponse(status=ok())),
            GetModelOutputInfo=in_turn(output),
            PostModelsSearches=in_turn(models_of(model("gen-1")), models_of()),
        ) as service,
        service.remote() as remote,
    ):
        assert [dict(item) for item in remote.list_model_types(SCOPE)] == [{"id": "t"}]
        assert [dict(item) for item in remote.list_workflows("jane")] == [{"id": "w"}]
        assert [dict(item) for item in remote.list_concepts(KEY.version("v1"))] == [{"id": "c"}]
        assert remote.get_output_info(KEY)["model_version"]["id"] == "v1"
        found = list(remote.search_models(SCOPE, name="gen*", model_type_id="classifier"))
    assert [item.key.model_id for item in found] == ["gen-1"]
    search = next(call.request for call in service.calls if call.rpc == "PostModelsSearches")
    assert (search.model_query.name, search.model_query.model_type_id) == ("gen*", "classifier")
    assert (search.pagination.page, search.pagination.per_page) == (1, 1000)
    concept_request = next(call.request for call in service.calls if call.rpc == "ListModelConcepts")
    assert concept_request.version_id == "v1"


# --- whose ----------------------------------------------------------------------------------------------------


def user(user_id: str) -> Any:
    return service_pb2.SingleUserResponse(status=ok(), user=resources_pb2.User(id=user_id))


def test_me_is_the_tokens_own_user_and_nobody_else() -> None:
    listed = models_of(
        model("mine"),
        model("mine", user_id="clarifai", app_id="main"),
        model("shared", user_id="joe"),
        model("elsewhere", app_id="birds"),
        model("whose", user_id=""),
    )
    with (
        ScriptedService(
            ListModels=in_turn(listed, models_of()), GetModel=in_turn(single(model())), GetUser=in_turn(user("jane"))
        ) as service,
        service.remote() as remote,
    ):
        keys = [item.key.address for item in remote.list_models(Scope("me", "pets"))]
        assert service.rpcs == ["ListModels", "ListModels", "GetModel"]
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(lambda _: remote.resolve_user_id(Scope("me", "pets")), range(8))) == {"jane"}
    assert keys == ["me/pets/mine", "clarifai/main/mine", "joe/pets/shared", "jane/birds/elsewhere", "/pets/whose"]
    assert service.rpcs.count("GetUser") == 1


NO_KEY = failing(11008, description="Invalid API key")
APP = service_pb2.SingleAppResponse(status=ok(), app=resources_pb2.App(id="pets", user_id="jane"))


@pytest.mark.parametrize(
    ("of_user", "of_app", "found"),
    [
        (service_pb2.SingleUserResponse(status=failing(11007)), APP, "jane"),
        (
            service_pb2.SingleUserResponse(status=NO_KEY),
            service_pb2.SingleAppResponse(status=NO_KEY),
            ("GetApp", "11008 CONN_KEY_INVALID", FaultClass.FATAL, 1, True),
        ),
        (
            user(""),
            service_pb2.SingleAppResponse(status=ok(), app=resources_pb2.App(id="pets")),
            ("GetApp", "UNREADABLE_ANSWER", FaultClass.FATAL, 1, True),
        ),
    ],
    ids=["the app says it", "the key is not valid", "the app has no user"],
)
def test_a_key_that_may_not_read_users_asks_the_app_whose_it_is_and_nothing_is_guessed(
    of_user: Any, of_app: Any, found: Any
) -> None:
    with ScriptedService(GetUser=in_turn(of_user), GetApp=in_turn(of_app)) as service, service.remote() as remote:
        if isinstance(found, str):
            assert remote.resolve_user_id(Scope("me", "pets")) == found
        else:
            with pytest.raises(RemoteError) as raised:
                remote.resolve_user_id(Scope("me", "pets"))
            assert facts(raised.value) == found


def test_who_me_is_costs_no_call_where_the_answers_say_it() -> None:
    listed = models_of(model("mine"), model("mine", user_id="clarifai", app_id="main"))
    with (
        ScriptedService(ListModels=in_turn(listed, models_of()), GetModel=in_turn(single(model()))) as service,
        service.remote() as remote,
    ):
        keys = [item.key.address for item in remote.list_models(Scope("me", "pets"))]
        read = remote.get_model(Key(user_id="me", app_id="pets", model_id="cats"))
    assert keys == ["me/pets/mine", "clarifai/main/mine"]
    assert read is not None
    assert read.key.address == "me/pets/cats"
    assert service.rpcs == ["ListModels", "ListModels", "GetModel"]


# --- failures and retries -------------------------------------------------------------------------------------


def test_transient_faults_are_retried_with_doubling_waits() -> None:
    answers = in_turn(
        grpc.StatusCode.UNAVAILABLE, single(status=failing(99009)), single(status=failing(11005)), single(model())
    )
    with ScriptedService(GetModel=answers) as service, service.remote() as remote:
        assert remote.get_model(KEY) is not None
    assert service.rpcs == ["GetModel"] * 4
    assert service.time.slept == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("kind", ["UNAVAILABLE", "DEADLINE", "11005", "11003", "99009", "10020", "98009"])
def test_a_read_outlives_each_passing_fault_of_the_emulator(emulator: Emulator, kind: Any) -> None:
    emulator.switches = Switches(faults=(Fault(rpc="GetModel", nth=1, kind=kind),))
    with ClarifaiRemote(parse_endpoint(emulator.url), timing=Timing(sleep=lambda seconds: None)) as remote:
        assert remote.get_model(Key(user_id="me", app_id="pets", model_id="petsID")) is not None
    assert [call.rpc for call in emulator.calls] == ["GetModel"] * 2


def test_attempts_are_counted_at_the_server_too() -> None:
    # gRPC's hidden retries would make more calls of these six.
    with (
        ScriptedService(GetModel=in_turn(grpc.StatusCode.UNAVAILABLE)) as service,
        service.remote() as remote,
        pytest.raises(RemoteError) as raised,
    ):
        remote.get_model(KEY)
    assert facts(raised.value) == ("GetModel", "UNAVAILABLE", FaultClass.TRANSIENT, 6, True)
    assert len(service.calls) == 6


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (11008, FaultClass.FATAL),
        (21202, FaultClass.PER_ITEM),
        (10010, FaultClass.PER_ITEM),
        (98765, FaultClass.PER_ITEM),
    ],
)
def test_a_refusal_is_final_at_once(code: int, fault: FaultClass) -> None:
    with (
        ScriptedService(PatchModels=in_turn(models_of(status=failing(code, details="why")))) as service,
        service.remote() as remote,
        pytest.raises(RemoteError) as raised,
    ):
        remote.send(patch(name="Cats"))
    error = raised.value
    assert (error.code.split()[0], error.fault, error.attempts, error.sent) == (str(code), fault, 1, True)
    assert (error.details, error.request_id) == ("why", "r-2")
    assert len(service.calls) == 1


def test_a_deadline_is_kept_and_a_read_that_missed_it_tried_once_more() -> None:
    end = threading.Event()

    def hang(request: Any, context: Any) -> Any:
        end.wait(20)
        return single(model())

    with ScriptedService(GetModel=hang) as service, service.remote(timeout=0.1) as remote:
        with pytest.raises(RemoteError) as raised:
            remote.get_model(KEY)
        end.set()
    assert facts(raised.value) == ("GetModel", "DEADLINE_EXCEEDED", FaultClass.TRANSIENT, 2, True)


def test_a_patch_is_sent_again_after_a_lost_answer() -> None:
    with (
        ScriptedService(PatchModels=in_turn(grpc.StatusCode.UNAVAILABLE, models_of(model(name="Cats")))) as service,
        service.remote() as remote,
    ):
        reply = remote.send(patch("overwrite", name="Cats"))
    assert (reply.attempts, reply.request_id, [dict(item) for item in reply.documents]) == (
        2,
        "r-1",
        [{"id": "cats", "name": "Cats", "user_id": "jane", "app_id": "pets"}],
    )


@pytest.mark.parametrize("request_", [delete("cats"), DELETE_VERSION, patch("remove", image={"url": "u"})])
@pytest.mark.parametrize("failure", [grpc.StatusCode.UNAVAILABLE, 10020, 40031])
def test_a_deletion_with_a_lost_answer_is_never_sent_twice(request_: Request, failure: Any) -> None:
    made = models_of if request_.rpc == "PatchModels" else base
    answer = failure if isinstance(failure, grpc.StatusCode) else made(status=failing(failure))
    with (
        ScriptedService(**{request_.rpc: in_turn(answer)}) as service,
        service.remote() as remote,
        pytest.raises(RemoteError) as raised,
    ):
        remote.send(request_)
    assert (raised.value.fault, raised.value.attempts, raised.value.sent) == (FaultClass.TRANSIENT, 1, True)
    assert len(service.calls) == 1


def test_a_throttled_deletion_was_not_executed_and_is_sent_again() -> None:
    with (
        ScriptedService(DeleteModels=in_turn(base(failing(11005)), base(failing(11003)), base(ok()))) as service,
        service.remote() as remote,
    ):
        reply = remote.send(delete("cats"))
    assert (reply.attempts, reply.documents, service.time.slept) == (3, (), [0.5, 1.0])


def test_a_closed_connection_is_an_error_like_any_other() -> None:
    with ScriptedService() as service:
        remote = service.remote()
        remote.close()
        with pytest.raises(RemoteError) as raised:
            remote.get_model(KEY)
    assert raised.value.code == "CANCELLED"


def test_no_error_shows_the_token_or_a_sensitive_value_or_moves_the_terminal(wording: Wording) -> None:
    def quoting(request: Any, context: Any) -> Any:
        text = f"bad \x1b[2J{request.models[0].description} {dict(context.invocation_metadata())['authorization']}\nend"
        return models_of(status=failing(21202, description=text, details=f"{text} registered-one"))

    with (
        ScriptedService(PatchModels=quoting) as service,
        service.remote(token=Token("planted-pat"), secrets=["registered-one"]) as remote,
        pytest.raises(RemoteError) as raised,
    ):
        remote.send(patch(description=Sensitive("planted-value", "env:X")))
    assert service.calls[0].request.models[0].description == "planted-value"
    assert not any(text in str(raised.value) for text in ("planted-value", "planted-pat", "registered-one", "\x1b"))
    assert raised.value.__cause__ is raised.value.__context__ is None
    wording(raised.value)


def test_without_a_token_a_service_that_checks_one_names_the_variable(wording: Wording) -> None:
    answer = single(status=failing(11009, description="API key not found"))
    with (
        ScriptedService(GetModel=in_turn(answer)) as service,
        service.remote() as remote,
        pytest.raises(RemoteError, match="CLARIFAI_PAT") as raised,
    ):
        remote.get_model(KEY)
    assert raised.value.fault is FaultClass.FATAL
    wording(raised.value)


def test_a_transport_error_is_no_cause_that_a_traceback_would_print() -> None:
    with (
        ScriptedService(GetModel=in_turn(grpc.StatusCode.UNAUTHENTICATED)) as service,
        service.remote() as remote,
        pytest.raises(RemoteError) as raised,
    ):
        remote.get_model(KEY)
    assert facts(raised.value) == ("GetModel", "UNAUTHENTICATED", FaultClass.FATAL, 1, True)
    assert raised.value.__cause__ is raised.value.__context__ is None


# --- writes ---------------------------------------------------------------------------------------------------


def test_every_writing_call_is_sent_as_planned() -> None:
    ids = {"user_app_id": {"user_id": "jane", "app_id": "pets"}, "model_id": "cats"}
    bodies: dict[str, dict[str, Any]] = {
        "PatchModels": dict(patch("overwrite", toolkits=["OpenAI"], metadata={"n": 1, "empty": {}}).body),
        "PatchModelVersions": {
            **ids,
            "model_versions": [{"id": "v1", "output_info": {"params": {"min_value": 0.95, "max": 20}}}],
            "action": "overwrite",
        },
        "PatchModelToolkits": {**ids, "toolkits": [], "action": "overwrite"},
        "PatchModelUseCases": {**ids, "usecases": ["a"], "action": "overwrite"},
        "PatchModelLanguages": {**ids, "languages": ["en"], "action": "overwrite"},
        "DeleteModels": {"user_app_id": ids["user_app_id"], "ids": ["cats"]},
        "DeleteModelVersion": {**ids, "version_id": "v1"},
    }
    keys = dict.fromkeys(("PatchModelVersions", "DeleteModelVersion"), KEY.version("v1"))
    answers = {
        "PatchModels": models_of(model()),
        "PatchModelVersions": service_pb2.MultiModelVersionResponse(status=ok(), model_versions=[version("v1")]),
        "PatchModelToolkits": service_pb2.MultiModelToolkitResponse(status=ok()),
        "PatchModelUseCases": service_pb2.MultiModelUseCaseResponse(status=ok(), usecases=["a"]),
        "PatchModelLanguages": service_pb2.MultiModelLanguageResponse(status=ok(), languages=["en"]),
        "DeleteModels": base(ok()),
        "DeleteModelVersion": base(ok()),
    }
    scripted = ScriptedService(**{rpc: in_turn(answer) for rpc, answer in answers.items()})
    with scripted as service, service.remote() as remote:
        replies = {
            rpc: remote.send(request_from_body(rpc, body.get("action"), body, (keys.get(rpc, KEY),)))
            for rpc, body in bodies.items()
        }
    received = {
        call.rpc: json_format.MessageToDict(call.request, preserving_proto_field_name=True) for call in service.calls
    }
    expected = json.loads(json.dumps(bodies))
    del expected["PatchModelToolkits"]["toolkits"]  # an empty list isn't on the wire
    assert received == expected
    assert {rpc: [item["id"] for item in reply.documents] for rpc, reply in replies.items()} == {
        "PatchModels": ["cats"],
        "PatchModelVersions": ["v1"],
        "PatchModelToolkits": [],
        "PatchModelUseCases": [],
        "PatchModelLanguages": [],
        "DeleteModels": [],
        "DeleteModelVersion": [],
    }


def test_a_body_that_is_no_such_message_is_an_error_without_its_secrets() -> None:
    with ScriptedService() as service, service.remote() as remote, pytest.raises(RemoteError) as raised:
        remote.send(patch(metadata=Sensitive("planted-value", "env:X")))
    assert (raised.value.code, raised.value.sent) == ("NOT_SENT", False)
    assert "planted-value" not in str(raised.value)
    assert service.calls == []


# --- the cost of importing --------------------------------------------------------------------------------------


def test_importing_the_module_does_not_import_the_service_stubs() -> None:
    script = (
        "import sys, reconciler.remote.clarifai, reconciler.config.endpoint, reconciler.config;"
        "print(sorted(name for name in sys.modules if name in ('grpc', 'clarifai_grpc', 'google.protobuf')))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.strip() == "[]"
