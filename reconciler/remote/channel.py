"""Opens the way to an endpoint: a gRPC channel with our own options, and the package's V2Stub on it.

Not the package's ClarifaiChannel: its channels carry a retry policy that sends a call up to five times below the
caller (clarifai_grpc/channel/clarifai_channel.py, grpc_json_config), so that a delete whose answer was lost would be
sent again unseen. Here gRPC's own retries are off, and `retry.py` alone decides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import grpc
from clarifai_grpc.channel import clarifai_channel
from clarifai_grpc.grpc.api import service_pb2_grpc

from reconciler import __version__
from reconciler.config.endpoint import Endpoint
from reconciler.errors import ReconcilerError

# A listing holds up to 1000 models; the service's answers go up to 128 MB (Clarifai documentation, "API Outputs").
_MAX_MESSAGE_BYTES: Final = 256 * 1024 * 1024

_OPTIONS: Final[tuple[tuple[str, int | str], ...]] = (
    ("grpc.enable_retries", 0),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    # A ping only while a call is out, and no oftener than servers tolerate: finds a dead connection before a deadline.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 0),
    # gRPC refuses to reconnect while it backs off: no longer than our own first waits.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.primary_user_agent", f"clarifai-reconciler/{__version__}"),
)


def open_channel(endpoint: Endpoint, *, root_certificates: Path | None) -> Any:
    """A channel; nothing is sent before the first call. Raises ReconcilerError where the certificates can't be read."""
    # A proxy can't reach this machine's own loopback.
    options = [*_OPTIONS, *([("grpc.enable_http_proxy", 0)] if endpoint.is_loopback else [])]
    if not endpoint.is_tls:
        return grpc.insecure_channel(endpoint.target, options=options)
    certificates = _certificates(root_certificates) if root_certificates is not None else None
    return grpc.secure_channel(endpoint.target, grpc.ssl_channel_credentials(certificates), options=options)


def _certificates(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReconcilerError(
            f"Root certificates '{path}' (CLARIFAI_ROOT_CERTIFICATES_PATH) can't be read: {error.strerror}. "
            "Name a PEM file, or unset the variable."
        ) from None
    # gRPC takes anything and then fails every call with UNAVAILABLE.
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise ReconcilerError(
            f"Root certificates '{path}' (CLARIFAI_ROOT_CERTIFICATES_PATH) can't be used: no PEM certificate is in it. "
            "Name a PEM file, or unset the variable."
        )
    return content


def open_stub(channel: Any) -> Any:
    """The package's V2Stub on a channel of ours."""
    # V2Stub reads this global of the package, which only ClarifaiChannel's own functions set.
    if clarifai_channel.wrap_response_deserializer is None:
        clarifai_channel.wrap_response_deserializer = clarifai_channel._response_deserializer_for_grpc
    return service_pb2_grpc.V2Stub(channel)
