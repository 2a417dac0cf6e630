"""Endpoints as people write them."""

from __future__ import annotations

import pytest

from reconciler.config.endpoint import DEFAULT_ENDPOINT, Endpoint, parse_endpoint
from reconciler.errors import UsageError


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
    assert parse_endpoint(text) == Endpoint(url=url, target=target, is_tls=False, is_loopback=True)


@pytest.mark.parametrize(
    "text", ["http://api.clarifai.com", "http://10.0.0.1:80", "http://0.0.0.0:80", "http://[::]:80"]
)
def test_plaintext_elsewhere_needs_a_word(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_endpoint(text)
    assert str(raised.value) == (
        f"Endpoint '{text}' is plaintext to another machine: the access token would cross the network unprotected. "
        "Write https://, or give --insecure if that network is yours."
    )
    assert not parse_endpoint(text, insecure=True).is_tls


@pytest.mark.parametrize(
    ("text", "state"), [("embedded", None), ("embedded:demo.db", "demo.db"), ("embedded:/a b/c:d.db", "/a b/c:d.db")]
)
def test_embedded(text: str, state: str | None) -> None:
    assert parse_endpoint(text) == Endpoint(url=text, is_tls=False, is_loopback=True, is_embedded=True, state=state)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it names no host"),
        ("https://", "it names no host"),
        ("https://:443", "it names no host"),
        ("grpc://host", "the scheme 'grpc' is not one of https and http"),
        ("file:///etc/passwd", "the scheme 'file' is not one of https and http"),
        ("https://host/v2", "it has a path, which an endpoint can't have"),
        ("https://host//", "it has a path, which an endpoint can't have"),
        ("https://host?x=1", "it has a query, which an endpoint can't have"),
        ("https://host#x", "it has a fragment, which an endpoint can't have"),
        ("https://host:", "'' is no port number (1 to 65535)"),
        ("https://host:0", "'0' is no port number (1 to 65535)"),
        ("https://host:65536", "'65536' is no port number (1 to 65535)"),
        ("https://host:99999999999999999999", "'99999999999999999999' is no port number (1 to 65535)"),
        ("https://host:44x", "'44x' is no port number (1 to 65535)"),
        ("https://host:４４３", "'４４３' is no port number (1 to 65535)"),
        ("http://::1:8080", "an IPv6 address stands in brackets, as in http://[::1]:8080"),
        ("http://[::1", "only :PORT may follow the ]"),
        ("http://[::1]8080", "only :PORT may follow the ]"),
        ("http://[localhost]:1", "what stands between [ and ] is no IPv6 address"),
        ("https://ho st", "'ho st' is no host name"),
        ("https://-host", "'-host' is no host name"),
        ("https://a..b", "'a..b' is no host name"),
        ("https://bücher.example", "'bücher.example' is no host name"),
        ("embedded:", "no file follows 'embedded:'"),
    ],
)
def test_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_endpoint(text)
    shown = f" '{text}'" if text else ""
    assert str(raised.value) == (
        f"Endpoint{shown} can't be used: {why}. Write https://HOST[:PORT], http://127.0.0.1:PORT or 'embedded'."
    )


def test_a_password_in_it_is_not_repeated() -> None:
    with pytest.raises(UsageError) as raised:
        parse_endpoint("https://jane:hunter2@host")
    assert str(raised.value) == (
        "Endpoint can't be used: it has a user name or password, which an endpoint can't have. "
        "Write https://HOST[:PORT], http://127.0.0.1:PORT or 'embedded'."
    )


def test_the_default_is_an_endpoint() -> None:
    assert parse_endpoint(DEFAULT_ENDPOINT).url == DEFAULT_ENDPOINT


@pytest.mark.parametrize("text", ["embeded", "Embedded", "embeddd:state.db"])
def test_a_misspelt_embedded_is_no_host(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_endpoint(text)
    assert str(raised.value).startswith(
        f"Endpoint '{text}' can't be used: it names no host with a dot in it; did you mean 'embedded'."
    )
