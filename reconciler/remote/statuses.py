"""What the status of a call means for the caller: one table for Clarifai's status codes and one for gRPC's.

Takes the code of a failed call, returns the class of the failure and a hint. Numbers and names are those of
status_code.proto and of gRPC. docs/reliability.md contains both tables.

    transient  may succeed later: repeated if that is safe, otherwise the objects are read first
    per item   about the objects in the request: not repeated; a request about several objects is bisected, so that the
               others succeed
    not found  as per item; also the only class that means an object doesn't exist
    fatal      about the account, the token or the endpoint: every other request would fail too
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.errors import FaultClass

SUCCESS: Final = 10000
MIXED_STATUS: Final = 10010
FAILURE: Final = 10020
INVALID_REQUEST: Final = 11102
INSUFFICIENT_SCOPES: Final = 11007
MODEL_DOES_NOT_EXIST: Final = 21200

TOKEN_HINT: Final = "Check the personal access token, and that it was created for this endpoint."
"""The hint of each status that is about the token. The caller adds where the token comes from; see `hint_about_token`."""

_SCOPES_HINT: Final = (
    "Give the token the scopes Apps:Get, Concepts:Get and Models:Get; changing models also needs Models:Add and "
    "Models:Train, deleting them Models:Delete and Workflows:Get, and --probe Predict."
)
_APP_HINT: Final = "Check the user id, the app id and the spelling of the model id."

_LIMITS: Final = "Clarifai documentation, Rate Limits; retried by clarifai-python (client/auth/stub.py)"
_SEEN: Final = "intermittent: retried by clarifai-python-grpc (tests/common.py)"
_CODES: Final = "Clarifai documentation, Status Codes"
_NAME: Final = "inferred from the name in status_code.proto"
_OUTPUTS: Final = "Clarifai documentation, API Outputs"
_GRPC: Final = "gRPC, Status codes and their use"


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row of a table.

    `name` is the name of the code. `is_throttle` means that the call certainly wasn't carried out, and `may_be_size` that the
    request may have been too large, or may have had too many objects. `hint` is what the user can do, and `source` what the
    class is based on.
    """

    name: str
    fault: FaultClass = FaultClass.PER_ITEM
    is_throttle: bool = False
    may_be_size: bool = False
    hint: str = ""
    source: str = ""


_TRANSIENT: Final = FaultClass.TRANSIENT
_FATAL: Final = FaultClass.FATAL
_NOT_FOUND: Final = FaultClass.NOT_FOUND

CLARIFAI: Final[dict[int, Meaning]] = {
    # Every response of Clarifai has a status, so this one comes from another service.
    0: Meaning(
        "ZERO", _FATAL, hint="The response has no status. Check that the endpoint is Clarifai's.", source=_OUTPUTS
    ),
    # A part of the request succeeded. It is documented for inputs only; for models the response doesn't say which part.
    MIXED_STATUS: Meaning("MIXED_STATUS", source=_OUTPUTS),
    # Throttling: the call was rejected before anything was done, so even a deletion may be repeated. The official SDK
    # retries exactly these two.
    11003: Meaning("CONN_EXCEED_HOURLY_LIMIT", _TRANSIENT, is_throttle=True, source=_LIMITS),
    11005: Meaning("CONN_THROTTLED", _TRANSIENT, is_throttle=True, hint="Lower --rate.", source=_LIMITS),
    # Intermittent in the tests of Clarifai's own client, which retries them.
    FAILURE: Meaning("FAILURE", _TRANSIENT, source=_SEEN),
    99009: Meaning("INTERNAL_UNCATEGORIZED", _TRANSIENT, source=_SEEN),
    10030: Meaning("TRY_AGAIN", _TRANSIENT, source=_NAME),
    # Not documented. By their names they are about capacity or about systems behind the API, not about the request.
    21351: Meaning("MODEL_DEPLOYING", _TRANSIENT, source=_NAME),
    21354: Meaning("MODEL_BUSY_PLEASE_RETRY", _TRANSIENT, source=_NAME),
    21355: Meaning("MODEL_LOADING", _TRANSIENT, source=_NAME),
    39997: Meaning("REQUEST_DISABLED_FOR_MAINTENANCE", _TRANSIENT, source=_NAME),
    40011: Meaning("DATABASE_STATEMENT_TIMEOUT", _TRANSIENT, source=_NAME),
    40013: Meaning("DATABASE_DEADLOCK_DETECTED", _TRANSIENT, source=_NAME),
    40015: Meaning("DATABASE_FAIL_TO_GET_CONNECTIONS", _TRANSIENT, source=_NAME),
    40016: Meaning("DATABASE_TOO_MANY_CLIENTS", _TRANSIENT, source=_NAME),
    40030: Meaning("RPC_REQUEST_QUEUE_FULL", _TRANSIENT, source=_NAME),
    40031: Meaning("RPC_SERVER_UNAVAILABLE", _TRANSIENT, source=_NAME),
    40032: Meaning("RPC_REQUEST_TIMEOUT", _TRANSIENT, source=_NAME),
    40034: Meaning("EXTERNAL_CONNECTION_ERROR", _TRANSIENT, source=_NAME),
    41000: Meaning("QUEUE_CONN_ERROR", _TRANSIENT, source=_NAME),
    98004: Meaning("INTERNAL_SERVER_ISSUE", _TRANSIENT, source=_NAME),
    98005: Meaning("INTERNAL_FETCHING_ISSUE", _TRANSIENT, source=_NAME),
    98006: Meaning("INTERNAL_DATABASE_ISSUE", _TRANSIENT, source=_NAME),
    98008: Meaning("INTERNAL_CONTEXT_CANCELED", _TRANSIENT, source=_NAME),
    98009: Meaning("INTERNAL_UNEXPECTED_TIMEOUT", _TRANSIENT, source=_NAME),
    98011: Meaning("INTERNAL_UNEXPECTED_PANIC", _TRANSIENT, source=_NAME),
    98013: Meaning("INTERNAL_REDIS_UNAVAILABLE", _TRANSIENT, source=_NAME),
    98014: Meaning("INTERNAL_RESOURCE_EXHAUSTED", _TRANSIENT, source=_NAME),
    99001: Meaning("CONN_UNCATEGORIZED", _TRANSIENT, source=_NAME),
    99002: Meaning("MODEL_UNCATEGORIZED", _TRANSIENT, source=_NAME),
    # The app or the model doesn't exist.
    11101: Meaning("CONN_DOES_NOT_EXIST", _NOT_FOUND, hint=_APP_HINT, source=_CODES),
    MODEL_DOES_NOT_EXIST: Meaning("MODEL_DOES_NOT_EXIST", _NOT_FOUND, hint=_APP_HINT, source=_CODES),
    # The account or the token is at fault.
    11000: Meaning("CONN_ACCOUNT_ISSUES", _FATAL, hint="Check the account in Clarifai's portal.", source=_CODES),
    11001: Meaning("CONN_TOKEN_INVALID", _FATAL, hint=TOKEN_HINT, source=_CODES),
    11002: Meaning("CONN_CREDENTIALS_INVALID", _FATAL, hint=TOKEN_HINT, source=_CODES),
    11004: Meaning("CONN_EXCEED_MONTHLY_LIMIT", _FATAL, hint="The plan's monthly limit is used up.", source=_CODES),
    11006: Meaning(
        "CONN_EXCEEDS_LIMITS", _FATAL, hint="The plan's limits are reached; old versions count too.", source=_CODES
    ),
    11007: Meaning("CONN_INSUFFICIENT_SCOPES", _FATAL, hint=_SCOPES_HINT, source=_CODES),
    11008: Meaning("CONN_KEY_INVALID", _FATAL, hint=TOKEN_HINT, source=_CODES),
    11009: Meaning("CONN_KEY_NOT_FOUND", _FATAL, hint=TOKEN_HINT, source=_CODES),
    11104: Meaning("CONN_NO_GDPR_CONSENT", _FATAL, hint="Accept the terms in Clarifai's portal.", source=_CODES),
    11200: Meaning("CONN_AUTH_METHOD_DISABLED", _FATAL, hint=TOKEN_HINT, source=_CODES),
    # The request is at fault; repeating it would fail in the same way. How too many objects are refused isn't documented, so
    # each of these that is about a request in general may mean that.
    10040: Meaning("NOT_IMPLEMENTED", _FATAL, source=_CODES),
    10050: Meaning("MOVED", _FATAL, source=_CODES),
    11100: Meaning("CONN_BAD_REQUEST_FORMAT", may_be_size=True, source=_CODES),
    INVALID_REQUEST: Meaning("CONN_INVALID_REQUEST", may_be_size=True, source=_CODES),
    11103: Meaning("CONN_METHOD_NOT_ALLOWED", _FATAL, source=_CODES),
    21201: Meaning("MODEL_PERMISSION_DENIED", hint=_SCOPES_HINT, source=_CODES),
    21202: Meaning("MODEL_INVALID_ARGUMENT", may_be_size=True, source=_CODES),
    21203: Meaning("MODEL_INVALID_REQUEST", may_be_size=True, source=_CODES),
    21400: Meaning("MODEL_REFERENCE_INVALID_ARGUMENT", source=_CODES),
    21420: Meaning("MODEL_EXAMPLE_INPUT_INVALID_ARGUMENT", source=_CODES),
    24900: Meaning("METADATA_INVALID_PATCH_ARGUMENTS", source=_CODES),
    24901: Meaning("METADATA_PARSING_ISSUE", source=_CODES),
    24902: Meaning("METADATA_MANIPULATION_ISSUE", source=_CODES),
    40010: Meaning("DATABASE_DUPLICATE_KEY", source=_NAME),
    40017: Meaning("DATABASE_CONSTRAINT_VIOLATED", source=_NAME),
    40033: Meaning(
        "RPC_MAX_MESSAGE_SIZE_EXCEEDED",
        may_be_size=True,
        hint="Shorten the longest texts of the object.",
        source=_NAME,
    ),
    40036: Meaning("RPC_UNKNOWN_METHOD", _FATAL, source=_NAME),
}

_REACH_HINT: Final = "Check the endpoint, the network, and the proxy settings."

GRPC: Final[dict[str, Meaning]] = {
    # gRPC maps HTTP statuses without a counterpart to UNKNOWN, and a stream that a proxy has reset to INTERNAL. Neither
    # says whether the call was carried out.
    "UNAVAILABLE": Meaning("UNAVAILABLE", _TRANSIENT, hint=_REACH_HINT, source=_GRPC),
    "DEADLINE_EXCEEDED": Meaning(
        "DEADLINE_EXCEEDED", _TRANSIENT, hint="Raise --timeout, or check the network.", source=_GRPC
    ),
    # Throttling, or gRPC's own limit of the size of a message. If the response was too large, the call was carried out.
    "RESOURCE_EXHAUSTED": Meaning("RESOURCE_EXHAUSTED", _TRANSIENT, may_be_size=True, source=_GRPC),
    "ABORTED": Meaning("ABORTED", _TRANSIENT, source=_GRPC),
    "INTERNAL": Meaning("INTERNAL", _TRANSIENT, source=_GRPC),
    "UNKNOWN": Meaning("UNKNOWN", _TRANSIENT, source=_GRPC),
    "NOT_FOUND": Meaning("NOT_FOUND", _NOT_FOUND, source=_GRPC),
    # The request is at fault.
    "INVALID_ARGUMENT": Meaning("INVALID_ARGUMENT", may_be_size=True, source=_GRPC),
    "ALREADY_EXISTS": Meaning("ALREADY_EXISTS", source=_GRPC),
    "FAILED_PRECONDITION": Meaning("FAILED_PRECONDITION", source=_GRPC),
    "OUT_OF_RANGE": Meaning("OUT_OF_RANGE", may_be_size=True, source=_GRPC),
    # The token or the endpoint is at fault. CANCELLED means that this program closed the connection.
    "UNAUTHENTICATED": Meaning("UNAUTHENTICATED", _FATAL, hint=TOKEN_HINT, source=_GRPC),
    "PERMISSION_DENIED": Meaning("PERMISSION_DENIED", _FATAL, hint=_SCOPES_HINT, source=_GRPC),
    "UNIMPLEMENTED": Meaning(
        "UNIMPLEMENTED", _FATAL, hint="The endpoint doesn't serve this call. Check that it is Clarifai's.", source=_GRPC
    ),
    "CANCELLED": Meaning("CANCELLED", _FATAL, source=_GRPC),
    "DATA_LOSS": Meaning("DATA_LOSS", _FATAL, source=_GRPC),
}


def meaning_of_clarifai(code: int, *, enum_name: str = "") -> Meaning:
    """Return the row of a Clarifai status code. `enum_name` is the name of a code that isn't in the table."""
    # An unknown code is PER_ITEM: without knowing what it means, a retry is pointless, and bisecting the request still
    # finds the object that caused it.
    return CLARIFAI.get(code) or Meaning(enum_name or "UNKNOWN_STATUS", may_be_size=True)


def meaning_of_grpc(name: str) -> Meaning:
    """Return the row of a gRPC status name such as "UNAVAILABLE". A name that gRPC doesn't define is fatal."""
    return GRPC.get(name) or Meaning(name, _FATAL)


def hint_about_token(source: str | None) -> str:
    """Return TOKEN_HINT with the source of the token that was sent, None if none was."""
    if source is None:
        return "No access token was sent, because none was found. Set CLARIFAI_PAT, or name a file with --pat-file."
    return f"Check the personal access token from {source}, and that it was created for this endpoint."
