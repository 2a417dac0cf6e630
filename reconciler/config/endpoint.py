"""Where the service is: the text of --endpoint or CLARIFAI_API_BASE, in; a checked Endpoint, out.

    https://HOST[:PORT]      TLS, port 443
    http://HOST[:PORT]       plaintext, port 80; anywhere but on this machine only with --insecure
    HOST[:PORT]              the same as https://HOST[:PORT], whatever the port
    embedded[:FILE]          the emulator inside this process, with its state in FILE

One trailing slash is allowed. User info, paths, queries and fragments are refused: gRPC has no place for them, so
they would be dropped without a word.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from reconciler.errors import UsageError

DEFAULT_ENDPOINT: Final = "https://api.clarifai.com"

_HOST_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_LONGEST_HOST: Final = 253
_LARGEST_PORT: Final = 65535
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A checked endpoint. `url` is its one normal form, used in plans and compared there.

    `target` is gRPC's address of it ("[::1]:80"), "" for an embedded one; `state` is the embedded emulator's file, None
    where the default is meant.
    """

    url: str
    target: str = ""
    is_tls: bool = True
    is_loopback: bool = False
    is_embedded: bool = False
    state: str | None = None


def parse_endpoint(text: str, *, insecure: bool = False) -> Endpoint:
    """Read an endpoint as a user writes it. Raises UsageError that says what is wrong and what to write instead.

    `insecure` allows plaintext to another machine.
    """
    text = text.strip()
    if text == "embedded" or text.startswith("embedded:"):
        return _embedded(text)
    if _is_nearly_embedded(text.partition(":")[0]):
        raise _error(text, "it names no host with a dot in it; did you mean 'embedded'")
    scheme, separator, rest = text.rpartition("://")
    scheme = scheme.lower() if separator else "https"
    if scheme not in _DEFAULT_PORTS:
        raise _error(text, f"the scheme '{scheme}' is not one of https and http")
    rest = rest.removesuffix("/")
    for mark, name in (("@", "user name or password"), ("?", "query"), ("#", "fragment"), ("/", "path")):
        if mark in rest:
            # The text may hold a password here, so it isn't repeated.
            raise _error("" if mark == "@" else text, f"it has a {name}, which an endpoint can't have")
    host, port = _host_and_port(text, rest, _DEFAULT_PORTS[scheme])
    loopback = _is_loopback(host)
    if scheme == "http" and not loopback and not insecure:
        raise UsageError(
            f"Endpoint '{text}' is plaintext to another machine: the access token would cross the network unprotected. "
            "Write https://, or give --insecure if that network is yours."
        )
    shown = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{shown}" + ("" if port == _DEFAULT_PORTS[scheme] else f":{port}")
    return Endpoint(url=url, target=f"{shown}:{port}", is_tls=scheme == "https", is_loopback=loopback)


def _embedded(text: str) -> Endpoint:
    _, separator, state = text.partition(":")
    if separator and not state:
        raise _error(text, "no file follows 'embedded:'")
    return Endpoint(url=text, is_tls=False, is_loopback=True, is_embedded=True, state=state or None)


def _is_nearly_embedded(name: str) -> bool:
    """Whether a host without a dot, or a scheme, is `embedded` misspelt."""
    if "." in name or name.lower() in _DEFAULT_PORTS:
        return False
    import difflib  # every command reads an endpoint, and hardly one is misspelt

    return bool(difflib.get_close_matches(name.lower(), ["embedded"], cutoff=0.8))


def _host_and_port(text: str, rest: str, default_port: int) -> tuple[str, int]:
    if rest.startswith("["):
        host, bracket, port = rest[1:].partition("]")
        try:
            host = ipaddress.IPv6Address(host).compressed
        except ValueError:
            raise _error(text, "what stands between [ and ] is no IPv6 address") from None
        if not bracket or (port and not port.startswith(":")):
            raise _error(text, "only :PORT may follow the ]")
        port = port.removeprefix(":") if port else str(default_port)
    elif rest.count(":") > 1:
        raise _error(text, "an IPv6 address stands in brackets, as in http://[::1]:8080")
    else:
        host, colon, port = rest.partition(":")
        if not _HOST_NAME.fullmatch(host) or len(host) > _LONGEST_HOST:
            raise _error(text, "it names no host" if not host else f"'{host}' is no host name")
        host, port = host.lower(), port if colon else str(default_port)
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= _LARGEST_PORT):
        raise _error(text, f"'{port}' is no port number (1 to 65535)")
    return host, int(port)


def _is_loopback(host: str) -> bool:
    if host.rstrip(".") == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _error(text: str, why: str) -> UsageError:
    shown = f" '{text}'" if text else ""
    return UsageError(
        f"Endpoint{shown} can't be used: {why}. Write https://HOST[:PORT], http://127.0.0.1:PORT or 'embedded'."
    )
