"""Endpoints as people write them."""

from __future__ import annotations

import pytest

from reconciler.config.endpoint import DEFAULT_ENDPOINT, Endpoint, parse_endpoint
from reconciler.errors import UsageError
from tests.wording import Wording


@pytest.mark.parametrize(
    ("text", "url", "target"),
    [
        ("https://api.clarifai.com", "https://api.clarifai.com", "api.clarifai.com:443"),
        ("https://api.clarifai.com/", "https://api.clarifai.com", "api.clarifai.com:443"),
        ("https://API.Clarifai.com:443", "https://api.clarifai.com", "api.clarifai.com:443"),
        (" HTTPS://host:8443 ", "https://host:8443", "host:8443"),
        ("api.clarifai.com", "https://api.clarifai.com", "api.clarifai.com:443"),
        ("api.clarifai.com:443", "https://api.clarifai.com", "api.clarifai.com:443"),
        ("localhost:8080", "https://localhost:8080", "localhost:8080"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]", "[2001:db8::1]:443"),
        ("[::1]:8080", "https://[::1]:8080", "[::1]:8080"),
        ("https://under_score.internal", "https://under_score.internal", "under_score.internal:443"),
    ],
)
def test_tls(text: str, url: str, target: str) -> None:
    found = parse_endpoint(text)
    assert (found.url, found.target, found.is_tls, found.is_embedded) == (url, target, True, False)
    assert parse_endpoint(found.url) == found


@pytest.mark.parametrize(
    ("text", "url", "target"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://127.8.9.1:8080/", "http://127.8.9.1:8080", "127.8.9.1:8080"),
        ("http://localhost", "http://localhost", "localhost:80"),
        ("http://localhost.:80", "http://localhost.", "localhost.:80"),
        ("http://[::1]:18080", "http://[::1]:18080", "[::1]:18080"),
        ("http://[::ffff:127.0.0.1]:1", "http://[::ffff:7f00:1]:1", "[::ffff:7f00:1]:1"),
    ],
)
def test_plaintext_on_this_machine(text: str, url: str, target: str) -> None:
    host, _, port = target.rpartition(":")
    assert parse_endpoint(text) == Endpoint(
        url=url, target=target, host=host.strip("[]"), port=int(port), is_tls=False, is_loopback=True
    )


@pytest.mark.parametrize(
    "text", ["http://api.clarifai.com", "http://10.0.0.1:80", "http://0.0.0.0:80", "http://[::]:80"]
)
def test_plaintext_to_another_machine_has_to_be_allowed(text: str, wording: Wording) -> None:
    with pytest.raises(UsageError) as raised:
        parse_endpoint(text)
    assert text in str(raised.value)
    assert not parse_endpoint(text, insecure=True).is_tls
    wording(raised.value)


@pytest.mark.parametrize(
    ("text", "state"), [("embedded", None), ("embedded:demo.db", "demo.db"), ("embedded:/a b/c:d.db", "/a b/c:d.db")]
)
def test_embedded(text: str, state: str | None) -> None:
    assert parse_endpoint(text) == Endpoint(url=text, is_tls=False, is_loopback=True, is_embedded=True, state=state)


REFUSED = (
    *("", "https://", "https://:443", "grpc://host", "file:///etc/passwd"),
    *("https://host/v2", "https://host//", "https://host?x=1", "https://host#x"),
    *("https://host:", "https://host:0", "https://host:65536", "https://host:99999999999999999999", "https://host:44x"),
    *("https://host:４４３", "http://::1:8080", "http://[::1", "http://[::1]8080", "http://[localhost]:1"),
    *("https://ho st", "https://-host", "https://a..b", "https://bücher.example"),
    *("embedded:", "embeded", "Embedded", "embeddd:state.db"),
)


@pytest.mark.parametrize("text", REFUSED, ids=ascii)
def test_what_is_not_an_endpoint_is_refused_with_the_reason(text: str, wording: Wording) -> None:
    with pytest.raises(UsageError) as raised:
        parse_endpoint(text)
    assert text in str(raised.value)
    wording(raised.value)


def test_a_password_in_an_endpoint_is_not_repeated(wording: Wording) -> None:
    with pytest.raises(UsageError) as raised:
        parse_endpoint("https://jane:hunter2@host")
    assert not any(part in str(raised.value) for part in ("jane", "hunter2"))
    wording(raised.value)


def test_the_default_is_an_endpoint() -> None:
    assert parse_endpoint(DEFAULT_ENDPOINT).url == DEFAULT_ENDPOINT
