"""Opens a gRPC channel to an endpoint, and the V2Stub of clarifai_grpc on it.

It doesn't use clarifai_grpc's ClarifaiChannel, whose channels have a retry policy that sends a call up to five times
(clarifai_grpc/channel/clarifai_channel.py, grpc_json_config). A deletion whose response was lost would be repeated without
this program noticing. Here gRPC's own retries are off; `retry.py` alone decides about retries.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import grpc
from clarifai_grpc.channel import clarifai_channel
from clarifai_grpc.grpc.api import service_pb2_grpc

from reconciler import __version__
from reconciler.config.endpoint import Endpoint
from reconciler.errors import ReconcilerError

# gRPC's default is 4 MB. A page has up to 1,000 models, and responses have up to 128 MB (Clarifai documentation, "API
# Outputs").
_MAX_MESSAGE_BYTES: Final = 256 * 1024 * 1024

_PROXY_VARIABLES: Final = ("grpc_proxy", "https_proxy", "http_proxy", "no_grpc_proxy", "no_proxy")

_M_ARENA_MAX: Final = -8
"""The largest number of heaps (glibc's malloc.h, mallopt)."""

_OPTIONS: Final[tuple[tuple[str, int | str], ...]] = (
    ("grpc.enable_retries", 0),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    # Pings detect a dead connection before the deadline of a call. Only during calls, and no more often than once a minute:
    # servers close connections that ping more (gRPC documentation, "Keepalive").
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 0),
    # While gRPC backs off, it fails calls without trying to connect. So its waits are shorter than those of `retry.py`.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.primary_user_agent", f"clarifai-reconciler/{__version__}"),
)


def open_channel(endpoint: Endpoint, *, root_certificates: Path | None) -> Any:
    """Return a channel. It connects at the first call. Raises ReconcilerError if the certificates can't be used."""
    _share_one_heap()
    _honour_proxies_in_upper_case(os.environ)
    # A proxy (https_proxy, http_proxy) can't reach the loopback address of this machine.
    options = [*_OPTIONS, *([("grpc.enable_http_proxy", 0)] if endpoint.is_loopback else [])]
    if not endpoint.is_tls:
        return grpc.insecure_channel(endpoint.target, options=options)
    certificates = _certificates(root_certificates) if root_certificates is not None else None
    return grpc.secure_channel(endpoint.target, grpc.ssl_channel_credentials(certificates), options=options)


def _share_one_heap() -> None:
    """Let all threads of this process share one heap, where the C library is glibc.

    By default each thread gets its own, and keeps much of it after it has received a page of a listing: with those of gRPC a tenth
    of the memory of a large run. Python runs one thread at a time, so they hardly wait for each other.
    """
    if sys.platform == "linux":
        # Other C libraries, such as musl, have no mallopt, and a Python may be built without ctypes. A run works as well without it.
        with suppress(ImportError, OSError, AttributeError):
            import ctypes

            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _honour_proxies_in_upper_case(environ: MutableMapping[str, str]) -> None:
    """Give gRPC the proxy variables that it doesn't know: it reads the lower-case names only, from the process's environment.

    Its order is grpc_proxy, https_proxy, http_proxy; no_grpc_proxy before no_proxy (gRPC documentation, "Environment Variables").
    A variable that is set in lower case wins, also if it is empty, as in curl.
    """
    for name in _PROXY_VARIABLES:
        if name not in environ and name.upper() in environ:
            environ[name] = environ[name.upper()]


def _certificates(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReconcilerError(
            f"Root certificates '{path}' (CLARIFAI_ROOT_CERTIFICATES_PATH) can't be read: {error.strerror}. "
            "Set the variable to a PEM file, or unset it."
        ) from None
    # gRPC accepts any bytes here, and then fails every call with UNAVAILABLE.
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise ReconcilerError(
            f"Root certificates '{path}' (CLARIFAI_ROOT_CERTIFICATES_PATH) can't be used: the file contains no PEM "
            "certificate. Set the variable to a PEM file, or unset it."
        )
    return content


def open_stub(channel: Any) -> Any:
    """Return clarifai_grpc's V2Stub on a channel."""
    # V2Stub calls this global of the package, which is None until one of ClarifaiChannel's functions sets it.
    if clarifai_channel.wrap_response_deserializer is None:
        clarifai_channel.wrap_response_deserializer = clarifai_channel._response_deserializer_for_grpc
    return service_pb2_grpc.V2Stub(channel)
