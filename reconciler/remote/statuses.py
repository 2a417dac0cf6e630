"""What each status of a call means for the caller: the one table, for Clarifai's codes and gRPC's.

Clarifai answers most failures with gRPC OK and a status inside the message, so both layers are looked at on every
call (Clarifai documentation, "API Overview"). Numbers and names are those of status_code.proto and of gRPC. A code
that is in neither table is fatal, because trying again what nobody understands helps nobody; that includes codes
newer than the installed enum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.errors import FaultClass

SUCCESS: Final = 10000
INVALID_REQUEST: Final = 11102
MODEL_DOES_NOT_EXIST: Final = 21200

_TOKEN_HINT: Final = "Check the personal access token in CLARIFAI_PAT, and that it is one of this endpoint's."
_SCOPES_HINT: Final = (
    "Give the token the scopes Apps:Get, Concepts:Get and Models:Get; changing models also needs Models:Add and "
    "Models:Train, deleting them Models:Delete and Workflows:Get."
)
_APP_HINT: Final = "Check the user id, the app id and the spelling of the model id."


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row: the code's name, what it means for the caller, whether it says "not executed", and what to do."""

    name: str
    fault: FaultClass = FaultClass.FATAL
    is_throttle: bool = False
    hint: str = ""


_TRANSIENT: Final = FaultClass.TRANSIENT
_NOT_FOUND: Final = FaultClass.NOT_FOUND

CLARIFAI: Final[dict[int, Meaning]] = {
    # Part of the request succeeded. Documented for inputs only; for a write on models nothing says which part.
    10010: Meaning("MIXED_STATUS"),
    # Throttling (Clarifai documentation, "Rate Limits"): turned away before anything was done, so that even a delete
    # may be sent again. The official SDK retries exactly these two (clarifai-python, client/auth/stub.py).
    11003: Meaning("CONN_EXCEED_HOURLY_LIMIT", _TRANSIENT, is_throttle=True),
    11005: Meaning("CONN_THROTTLED", _TRANSIENT, is_throttle=True, hint="Lower --rate."),
    # Come and go in the service's own client tests (clarifai-python-grpc, tests/common.py), which retry them.
    10020: Meaning("FAILURE", _TRANSIENT),
    99009: Meaning("INTERNAL_UNCATEGORIZED", _TRANSIENT),
    # Says so itself.
    10030: Meaning("TRY_AGAIN", _TRANSIENT),
    # By their names in status_code.proto: capacity, or something behind the API; not the request.
    21351: Meaning("MODEL_DEPLOYING", _TRANSIENT),
    21354: Meaning("MODEL_BUSY_PLEASE_RETRY", _TRANSIENT),
    21355: Meaning("MODEL_LOADING", _TRANSIENT),
    39997: Meaning("REQUEST_DISABLED_FOR_MAINTENANCE", _TRANSIENT),
    40011: Meaning("DATABASE_STATEMENT_TIMEOUT", _TRANSIENT),
    40013: Meaning("DATABASE_DEADLOCK_DETECTED", _TRANSIENT),
    40015: Meaning("DATABASE_FAIL_TO_GET_CONNECTIONS", _TRANSIENT),
    40016: Meaning("DATABASE_TOO_MANY_CLIENTS", _TRANSIENT),
    40030: Meaning("RPC_REQUEST_QUEUE_FULL", _TRANSIENT),
    40031: Meaning("RPC_SERVER_UNAVAILABLE", _TRANSIENT),
    40032: Meaning("RPC_REQUEST_TIMEOUT", _TRANSIENT),
    40034: Meaning("EXTERNAL_CONNECTION_ERROR", _TRANSIENT),
    41000: Meaning("QUEUE_CONN_ERROR", _TRANSIENT),
    98004: Meaning("INTERNAL_SERVER_ISSUE", _TRANSIENT),
    98005: Meaning("INTERNAL_FETCHING_ISSUE", _TRANSIENT),
    98006: Meaning("INTERNAL_DATABASE_ISSUE", _TRANSIENT),
    98008: Meaning("INTERNAL_CONTEXT_CANCELED", _TRANSIENT),
    98009: Meaning("INTERNAL_UNEXPECTED_TIMEOUT", _TRANSIENT),
    98011: Meaning("INTERNAL_UNEXPECTED_PANIC", _TRANSIENT),
    98013: Meaning("INTERNAL_REDIS_UNAVAILABLE", _TRANSIENT),
    98014: Meaning("INTERNAL_RESOURCE_EXHAUSTED", _TRANSIENT),
    99001: Meaning("CONN_UNCATEGORIZED", _TRANSIENT),
    99002: Meaning("MODEL_UNCATEGORIZED", _TRANSIENT),
    # Not there.
    11101: Meaning("CONN_DOES_NOT_EXIST", _NOT_FOUND, hint=_APP_HINT),
    MODEL_DOES_NOT_EXIST: Meaning("MODEL_DOES_NOT_EXIST", _NOT_FOUND, hint=_APP_HINT),
    # The account, or the token.
    11000: Meaning("CONN_ACCOUNT_ISSUES", hint="Look at the account in Clarifai's portal."),
    11001: Meaning("CONN_TOKEN_INVALID", hint=_TOKEN_HINT),
    11002: Meaning("CONN_CREDENTIALS_INVALID", hint=_TOKEN_HINT),
    11004: Meaning("CONN_EXCEED_MONTHLY_LIMIT", hint="The plan's monthly limit is used up."),
    11006: Meaning("CONN_EXCEEDS_LIMITS", hint="The plan's limits are reached; old versions count too."),
    11007: Meaning("CONN_INSUFFICIENT_SCOPES", hint=_SCOPES_HINT),
    11008: Meaning("CONN_KEY_INVALID", hint=_TOKEN_HINT),
    11009: Meaning("CONN_KEY_NOT_FOUND", hint=_TOKEN_HINT),
    11104: Meaning("CONN_NO_GDPR_CONSENT", hint="Accept the terms in Clarifai's portal."),
    11200: Meaning("CONN_AUTH_METHOD_DISABLED", hint=_TOKEN_HINT),
    # The request. A retry would fail in the same way.
    10040: Meaning("NOT_IMPLEMENTED"),
    10050: Meaning("MOVED"),
    11100: Meaning("CONN_BAD_REQUEST_FORMAT"),
    INVALID_REQUEST: Meaning("CONN_INVALID_REQUEST"),
    11103: Meaning("CONN_METHOD_NOT_ALLOWED"),
    21201: Meaning("MODEL_PERMISSION_DENIED", hint=_SCOPES_HINT),
    21202: Meaning("MODEL_INVALID_ARGUMENT"),
    21203: Meaning("MODEL_INVALID_REQUEST"),
    21400: Meaning("MODEL_REFERENCE_INVALID_ARGUMENT"),
    21420: Meaning("MODEL_EXAMPLE_INPUT_INVALID_ARGUMENT"),
    24900: Meaning("METADATA_INVALID_PATCH_ARGUMENTS"),
    24901: Meaning("METADATA_PARSING_ISSUE"),
    24902: Meaning("METADATA_MANIPULATION_ISSUE"),
    40010: Meaning("DATABASE_DUPLICATE_KEY"),
    40017: Meaning("DATABASE_CONSTRAINT_VIOLATED"),
    40033: Meaning("RPC_MAX_MESSAGE_SIZE_EXCEEDED", hint="Lower limits.batch in reconciler.yaml."),
    40036: Meaning("RPC_UNKNOWN_METHOD"),
}

_REACH_HINT: Final = "Check the endpoint, the network, and the proxy settings."

GRPC: Final[dict[str, Meaning]] = {
    # gRPC's own guide to its status codes: UNAVAILABLE is "most likely a transient condition"; ABORTED and
    # RESOURCE_EXHAUSTED may pass; INTERNAL is what a proxy's reset of the stream becomes.
    "UNAVAILABLE": Meaning("UNAVAILABLE", _TRANSIENT, hint=_REACH_HINT),
    "DEADLINE_EXCEEDED": Meaning("DEADLINE_EXCEEDED", _TRANSIENT, hint="Raise --timeout, or check the network."),
    "RESOURCE_EXHAUSTED": Meaning("RESOURCE_EXHAUSTED", _TRANSIENT),
    "ABORTED": Meaning("ABORTED", _TRANSIENT),
    "INTERNAL": Meaning("INTERNAL", _TRANSIENT),
    "NOT_FOUND": Meaning("NOT_FOUND", _NOT_FOUND),
    "UNAUTHENTICATED": Meaning("UNAUTHENTICATED", hint=_TOKEN_HINT),
    "PERMISSION_DENIED": Meaning("PERMISSION_DENIED", hint=_SCOPES_HINT),
    "UNIMPLEMENTED": Meaning("UNIMPLEMENTED", hint="The endpoint doesn't serve this call: is it Clarifai's?"),
}


def meaning_of_clarifai(code: int, *, enum_name: str = "") -> Meaning:
    """The row of a Clarifai status code; `enum_name` names a code that the table doesn't hold."""
    return CLARIFAI.get(code) or Meaning(enum_name or "UNKNOWN_STATUS")


def meaning_of_grpc(name: str) -> Meaning:
    """The row of a gRPC status name, as in "UNAVAILABLE"."""
    return GRPC.get(name) or Meaning(name)
