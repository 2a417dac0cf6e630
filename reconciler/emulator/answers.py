"""The statuses that calls are answered with: their codes, their texts, and the exception that refuses a call.

An application error is an ordinary answer: gRPC says OK, and `status.code` has the reason (Clarifai documentation,
"Manage Models", comments of the samples). Nothing here decides when a call is refused.
"""

from __future__ import annotations

from typing import Any, Final

SUCCESS: Final = 10000
MIXED_STATUS: Final = 10010
FAILURE: Final = 10020
NOT_IMPLEMENTED: Final = 10040
THROTTLED_FOR_AN_HOUR: Final = 11003
RESOURCE_MISSING: Final = 11101
INVALID_REQUEST: Final = 11102
INSUFFICIENT_SCOPES: Final = 11007
KEY_INVALID: Final = 11008
KEY_NOT_FOUND: Final = 11009
BAD_FORMAT: Final = 11100
THROTTLED: Final = 11005
MODEL_MISSING: Final = 21200
PERMISSION_DENIED: Final = 21201
INVALID_ARGUMENT: Final = 21202
MODEL_INVALID_REQUEST: Final = 21203
DUPLICATE: Final = 40010
TIMED_OUT: Final = 98009
UNCATEGORIZED: Final = 99009
MESSAGE_TOO_LARGE: Final = 40033
TRAINED: Final = 21100
MODEL_TRAINING: Final = 21101
MODEL_UNTRAINED: Final = 21102
MODEL_QUEUED: Final = 21103
MODEL_DEPLOYING: Final = 21351
MODEL_BUSY: Final = 21354
MODEL_LOADING: Final = 21355
INPUT_DOWNLOAD_FAILED: Final = 30002
INPUT_INVALID: Final = 30104

DESCRIPTIONS: Final = {
    SUCCESS: "Ok",
    MIXED_STATUS: "Mixed Success",
    FAILURE: "Failure",
    NOT_IMPLEMENTED: "Not implemented",
    THROTTLED_FOR_AN_HOUR: "Throttle hourly request limit exceeded",
    THROTTLED: "Making too many requests",
    INSUFFICIENT_SCOPES: "API key has insufficient permissions",
    KEY_INVALID: "Invalid API key or Invalid API key/application pair",
    KEY_NOT_FOUND: "API key not found",
    BAD_FORMAT: "Bad request format",
    RESOURCE_MISSING: "Resource does not exist",
    INVALID_REQUEST: "Invalid request",
    MODEL_MISSING: "Model does not exist",
    PERMISSION_DENIED: "Model permission denied",
    INVALID_ARGUMENT: "Model invalid argument",
    MODEL_INVALID_REQUEST: "Model invalid request",
    MODEL_TRAINING: "Model is currently training",
    MODEL_UNTRAINED: "Model not yet trained",
    MODEL_QUEUED: "Model is currently in queue for training.",
    MODEL_DEPLOYING: "Model is deploying",
    MODEL_BUSY: "Model is busy, please retry",
    MODEL_LOADING: "Model is loading",
    INPUT_DOWNLOAD_FAILED: "Download failed; check URL",
    INPUT_INVALID: "Input invalid argument",
    MESSAGE_TOO_LARGE: "Maximum message size exceeded",
    DUPLICATE: "Object has a duplicate ID",
    TIMED_OUT: "Internal unexpected timeout",
    UNCATEGORIZED: "Internal uncategorized error",
}
"""The published text of each code (Clarifai documentation, "Status Codes", "Rate Limits", "API Outputs"). Where those
pages have none, it is the code's name in plain words."""

VERSION_STATUS_TEXTS: Final = {
    TRAINED: "Model is trained and ready for deployment",
    **{code: DESCRIPTIONS[code] for code in (MODEL_TRAINING, MODEL_UNTRAINED, MODEL_QUEUED)},
}


class RefusedCallError(Exception):
    """A call is answered with a status other than success; everything that it did is rolled back."""

    def __init__(self, code: int, details: str = "") -> None:
        self.code = code
        self.details = details or DESCRIPTIONS[code]
        super().__init__(f"{code}: {self.details}")


class BrokenOffCallError(Exception):
    """A call ends with the gRPC status `code` instead of an answer; everything that it did is rolled back."""

    def __init__(self, code: str, details: str) -> None:
        self.code = code
        self.details = details
        super().__init__(f"{code}: {details}")


def set_status(status: Any, code: int, *, request_id: str, details: str = "") -> None:
    """Fill a Status message as every answer has it."""
    status.code = code
    status.description = DESCRIPTIONS[code]
    status.details = details
    status.req_id = request_id
