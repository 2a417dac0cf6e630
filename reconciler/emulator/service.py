"""The service: every call passes the same gate and then reaches the handler of its name.

The gate, in order: the log, the latency, the token, the rate limit, the scopes, the faults, the handler inside a
transaction. A method without a handler answers UNIMPLEMENTED. No call ends in a traceback: when the emulator itself
fails, the answer is Clarifai's 99009.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

import grpc
from clarifai_grpc.grpc.api import service_pb2, service_pb2_grpc
from google.protobuf import message_factory

from reconciler.emulator import lifecycle, predicting, reads, rows, usage, writes
from reconciler.emulator.answers import (
    KEY_INVALID,
    KEY_NOT_FOUND,
    SUCCESS,
    THROTTLED,
    UNCATEGORIZED,
    BrokenOffCallError,
    RefusedCallError,
    set_status,
)
from reconciler.emulator.faults import FaultPlan, RateLimit
from reconciler.emulator.recording import Recorder
from reconciler.emulator.scopes import require_known_names, require_scopes
from reconciler.emulator.settling import require_known_fields
from reconciler.emulator.store import Store
from reconciler.emulator.switches import Switches
from reconciler.emulator.turn import Turn

Handler = Callable[[Turn, Any], Any]
BeforeCall = Callable[[str, Any], None]
LOG: Final = logging.getLogger(__name__)
DEFAULT_USER: Final = "demo"
SERVICE_RATE_LIMIT: Final = 15
REQUEST_ID_PREFIX: Final = "x-clarifai-request-id-prefix"
SECRET_METADATA: Final = frozenset({"authorization", "x-clarifai-session-token", "cookie"})

READS: Final[Mapping[str, Handler]] = {
    "GetApp": reads.get_app,
    "GetDeployment": usage.get_deployment,
    "GetModel": reads.get_model,
    "GetModelOutputInfo": reads.get_model_output_info,
    "GetModelType": reads.get_model_type,
    "GetModelVersion": reads.get_model_version,
    "GetUser": reads.get_user,
    "GetWorkflow": usage.get_workflow,
    "GetWorkflowVersion": usage.get_workflow_version,
    "ListApps": reads.list_apps,
    "ListDeployments": usage.list_deployments,
    "ListModelConcepts": reads.list_model_concepts,
    "ListModelTypes": reads.list_model_types,
    "ListModelVersions": reads.list_model_versions,
    "ListModels": reads.list_models,
    "ListWorkflowVersions": usage.list_workflow_versions,
    "ListWorkflows": usage.list_workflows,
    "PostModelOutputs": predicting.post_model_outputs,
    "PostModelsSearches": reads.post_models_searches,
}
WRITES: Final[Mapping[str, Handler]] = {
    "DeleteModel": lifecycle.delete_model,
    "DeleteModelVersion": lifecycle.delete_model_version,
    "DeleteModels": lifecycle.delete_models,
    "PatchModelLanguages": writes.patch_model_languages,
    "PatchModelToolkits": writes.patch_model_toolkits,
    "PatchModelUseCases": writes.patch_model_use_cases,
    "PatchModelVersions": writes.patch_model_versions,
    "PatchModels": writes.patch_models,
    "PostModelVersions": lifecycle.post_model_versions,
    "PostModels": lifecycle.post_models,
}


def _nothing_before(rpc: str, request: Any) -> None:
    """Nobody wants to act between two calls."""


class Gate:
    """Serves one call after the other's rules: what all methods have in common.

    `before_call` is given the name and the request message of each call before anything else happens, also before the
    call is logged.
    """

    def __init__(
        self,
        store: Store,
        switches: Switches,
        *,
        pat: str | None,
        user_id: str | None,
        recorder: Recorder | None = None,
        before_call: BeforeCall | None = None,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._before_call = before_call or _nothing_before
        self._token_digest = None if pat is None else _digest(f"Key {pat}")
        self._user_id = user_id
        self._last_now = 0
        self._clock_lock = threading.Lock()
        self.stopping = threading.Event()
        self.use(switches)

    def use(self, switches: Switches) -> None:
        """Continue with other switches; faults and the rate limit start counting anew. Raises UsageError."""
        require_known_names(switches)
        require_known_fields(switches)
        self._settings = (switches, FaultPlan(switches.faults), RateLimit(switches.rate_limit))

    @property
    def switches(self) -> Switches:
        """The switches in force."""
        return self._settings[0]

    def serve(self, rpc: str, request: Any, context: Any) -> Any:
        """Answer one call, or abort it."""
        self._before_call(rpc, request)
        metadata = _metadata(context)
        number = self._log(rpc, request, metadata)
        switches, faults, limit = self._settings
        latency = switches.latency_ms + (switches.predict_latency_ms if rpc == "PostModelOutputs" else 0)
        if latency:
            self.stopping.wait(latency / 1000)
        handler = READS.get(rpc) or WRITES.get(rpc)
        if handler is None:
            self._abort(context, number, "UNIMPLEMENTED", f"the emulator doesn't have {rpc}")
        request_id = _request_id(metadata)
        try:
            self._require_token(metadata)
            if not limit.admits(time.monotonic()):
                raise RefusedCallError(THROTTLED, _throttle_details(switches))
            require_scopes(rpc, switches)
            _require_size(request, switches)
            kind = faults.kind_for(rpc, request)
            if kind is not None and kind != "LOST_REPLY":
                self._break_off(context, number, kind, switches)
            answer = self._handle(rpc, handler, request, switches)
            if kind == "LOST_REPLY":
                self._abort(context, number, "UNAVAILABLE", "the answer was lost")
            set_status(answer.status, answer.status.code or SUCCESS, request_id=request_id)
        except BrokenOffCallError as error:
            self._abort(context, number, error.code, error.details)
        except RefusedCallError as refusal:
            answer = _answer_type(rpc)()
            set_status(answer.status, refusal.code, request_id=request_id, details=refusal.details)
        self._log_end(number, status_code=answer.status.code, grpc_code="OK")
        return answer

    def _log(self, rpc: str, request: Any, metadata: Mapping[str, str]) -> int:
        request = predicting.without_large_bytes(request)
        number = self._store.log_call(rpc, request, _redacted(metadata))
        if self._recorder is not None:
            with self._store.transaction(write=False) as connection:
                self._recorder.begin(number, rpc, request, metadata, connection)
        return number

    def _log_end(self, number: int, *, status_code: int, grpc_code: str) -> None:
        self._store.log_answer(number, status_code=status_code, grpc_code=grpc_code)
        if self._recorder is not None:
            self._recorder.end(number, status_code=status_code, grpc_code=grpc_code)

    def _handle(self, rpc: str, handler: Handler, request: Any, switches: Switches) -> Any:
        try:
            with self._store.transaction(write=rpc in WRITES) as connection:
                turn = Turn(connection=connection, switches=switches, me=self._me(connection), now=self._now())
                return handler(turn, request)
        except (RefusedCallError, BrokenOffCallError):
            raise
        except Exception as error:
            LOG.debug("%s failed inside the emulator", rpc, exc_info=True)
            raise RefusedCallError(UNCATEGORIZED, f"the emulator failed: {type(error).__name__}: {error}") from error

    def _break_off(self, context: Any, number: int, kind: str, switches: Switches) -> NoReturn:
        """End the call as a fault says, nothing done: by a Clarifai status, or by a gRPC one."""
        if kind.isdigit():
            raise RefusedCallError(int(kind), _throttle_details(switches) if int(kind) == THROTTLED else "")
        if kind == "HANG":
            while context.is_active() and not self.stopping.wait(0.02):
                pass
        code = "UNAVAILABLE" if kind == "UNAVAILABLE" else "DEADLINE_EXCEEDED"
        self._abort(context, number, code, "a fault of the emulator's settings")

    def _abort(self, context: Any, number: int, code: str, details: str) -> NoReturn:
        self._log_end(number, status_code=0, grpc_code=code)
        context.abort(getattr(grpc.StatusCode, code), details)
        raise AssertionError("grpc's abort returned")

    def _require_token(self, metadata: Mapping[str, str]) -> None:
        if self._token_digest is None:
            return
        sent = metadata.get("authorization", "")
        if not sent:
            raise RefusedCallError(KEY_NOT_FOUND)
        if not hmac.compare_digest(_digest(sent), self._token_digest):
            raise RefusedCallError(KEY_INVALID)

    def _me(self, connection: rows.Connection) -> str:
        if self._user_id:
            return self._user_id
        users = rows.app_owners(connection)
        return users[0] if len(users) == 1 else DEFAULT_USER

    def _now(self) -> int:
        """The time in nanoseconds, in steps of a microsecond, never the same twice."""
        with self._clock_lock:
            self._last_now = max(time.time_ns() // 1000 * 1000, self._last_now + 1000)
            return self._last_now


def _method(rpc: str) -> Callable[[Any, Any, Any], Any]:
    def method(self: Any, request: Any, context: Any) -> Any:
        if not hasattr(request, "DESCRIPTOR"):
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the emulator has no streaming calls such as {rpc}")
        return self.gate.serve(rpc, request, context)

    return method


class EmulatedV2(service_pb2_grpc.V2Servicer):  # type: ignore[misc]
    """clarifai.api.V2, served by a Gate. Its methods are made below, one for each of the service's."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate


for _descriptor in service_pb2.DESCRIPTOR.services_by_name["V2"].methods:
    setattr(EmulatedV2, _descriptor.name, _method(_descriptor.name))


def _answer_type(rpc: str) -> Any:
    method = service_pb2.DESCRIPTOR.services_by_name["V2"].methods_by_name[rpc]
    return message_factory.GetMessageClass(method.output_type)


def _metadata(context: Any) -> dict[str, str]:
    return {key: value if isinstance(value, str) else value.hex() for key, value in context.invocation_metadata()}


def _redacted(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key: "(redacted)" if key in SECRET_METADATA else value for key, value in metadata.items()}


def _request_id(metadata: Mapping[str, str]) -> str:
    prefix = metadata.get(REQUEST_ID_PREFIX, "")
    return f"{prefix}-{uuid.uuid4().hex}" if prefix else uuid.uuid4().hex


def _require_size(request: Any, switches: Switches) -> None:
    size, limit = request.ByteSize(), switches.max_request_bytes
    if limit is not None and size > limit:
        raise BrokenOffCallError("RESOURCE_EXHAUSTED", f"Received message larger than max ({size} vs. {limit})")


def _throttle_details(switches: Switches) -> str:
    """The details as documented ("Rate Limits"), with the service's own limit where none is switched on."""
    return f"exceeded limit of {switches.rate_limit or SERVICE_RATE_LIMIT:g} requests per second"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
