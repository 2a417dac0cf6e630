"""Opening a connection: certificates, and an endpoint where nobody listens."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from clarifai_grpc.grpc.api import resources_pb2, service_pb2, service_pb2_grpc

from reconciler.config.credentials import Token
from reconciler.config.endpoint import parse_endpoint
from reconciler.errors import FaultClass, ReconcilerError, RemoteError
from reconciler.remote.caller import Timing
from reconciler.remote.channel import open_channel
from reconciler.remote.clarifai import ClarifaiRemote
from reconciler.resources.keys import Key
from tests.remote.scripted_service import FakeTime, ok
from tests.wording import Wording

KEY = Key(user_id="jane", app_id="pets", model_id="cats")


def test_a_python_without_ctypes_opens_a_connection_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    open_channel(parse_endpoint("http://127.0.0.1:1"), root_certificates=None).close()


@pytest.mark.parametrize("content", [None, "no PEM"], ids=["missing", "no certificate"])
def test_certificates_that_cannot_be_used_are_an_error_at_once(
    tmp_path: Path, content: str | None, wording: Wording
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ReconcilerError, match=str(path)) as raised:
        ClarifaiRemote(parse_endpoint("https://localhost:1"), token=Token("x"), root_certificates=path)
    wording(raised.value)


def test_an_endpoint_where_nobody_listens_is_an_error_after_all_attempts(wording: Wording) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        time = FakeTime()
        timing = Timing(clock=time.clock, sleep=time.sleep, jitter=lambda: 0.0)
        with (
            ClarifaiRemote(parse_endpoint(f"http://127.0.0.1:{port}"), timing=timing) as remote,
            pytest.raises(RemoteError) as raised,
        ):
            remote.get_model(KEY)
    assert (raised.value.code, raised.value.fault, raised.value.attempts) == ("UNAVAILABLE", FaultClass.TRANSIENT, 6)
    wording(str(raised.value).partition("refused. ")[2])
    assert time.slept == [0.25, 0.5, 1.0, 2.0, 2.5]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl, which is not here")
def test_tls_with_certificates_of_ones_own(tmp_path: Path) -> None:
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "ca.pem"]
    subprocess.run([*command.split(), *names], cwd=tmp_path, check=True, capture_output=True, timeout=60)

    class Service(service_pb2_grpc.V2Servicer):  # type: ignore[misc]
        def GetModel(self, request: object, context: object) -> object:  # noqa: N802
            found = resources_pb2.Model(id="cats", user_id="jane", app_id="pets")
            return service_pb2.SingleModelResponse(status=ok(), model=found)

    server = grpc.server(ThreadPoolExecutor(1))
    service_pb2_grpc.add_V2Servicer_to_server(Service(), server)
    pair = ((tmp_path / "key.pem").read_bytes(), (tmp_path / "ca.pem").read_bytes())
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))
    server.start()
    endpoint = parse_endpoint(f"localhost:{port}")
    try:
        with ClarifaiRemote(endpoint, token=Token("x"), root_certificates=tmp_path / "ca.pem") as remote:
            assert remote.get_model(KEY) is not None
        timing = Timing(sleep=lambda seconds: None)
        with (
            ClarifaiRemote(endpoint, token=Token("x"), timing=timing) as remote,
            pytest.raises(RemoteError) as raised,
        ):
            remote.get_model(KEY)
    finally:
        server.stop(grace=None).wait()
    assert raised.value.code == "UNAVAILABLE"


def test_proxy_variables_in_upper_case_are_those_that_grpc_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("grpc_proxy", "https_proxy", "http_proxy", "no_grpc_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "example.com")
    monkeypatch.setenv("no_proxy", "")
    open_channel(parse_endpoint("https://127.0.0.1:2", insecure=False), root_certificates=None).close()
    assert (os.environ["https_proxy"], os.environ["no_proxy"]) == ("http://127.0.0.1:1", "")
    assert "http_proxy" not in os.environ
    monkeypatch.delenv("https_proxy")
