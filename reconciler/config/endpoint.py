"""The address of the service.

Takes the text of --endpoint, CLARIFAI_API_BASE or `endpoint` in reconciler.yaml, and returns a validated Endpoint.

    https://HOST[:PORT]      TLS; the default port is 443
    http://HOST[:PORT]       plaintext; the default port is 80. A host other than this machine needs --insecure
    HOST[:PORT]              the same as https://HOST[:PORT], whatever the port
    embedded[:FILE]          the emulator in this process, with its state in FILE

One trailing slash is allowed. Nothing here opens a connection or resolves a name.
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
    """A validated endpoint.

    `url` is its normal form, which plans store and compare. `target` is the address for gRPC ("[::1]:80"), made of `host`
    and `port`; it is "" for the embedded emulator. `state` is the file of the embedded emulator, None for the default
    file.
    """

    url: str
    target: str = ""
    host: str = ""
    port: int = 0
    is_tls: bool = True
    is_loopback: bool = False
    is_embedded: bool = False
    state: str | None = None


def parse_endpoint(text: str, *, insecure: bool = False) -> Endpoint:
    """Parse an endpoint as a user writes it. `insecure` allows plaintext to another machine.

    Raises UsageError, which says what is wrong and what to write instead.
    """
    text = text.strip()
    if text == "embedded" or text.startswith("embedded:"):
        return _embedded(text)
    if _is_nearly_embedded(text.partition(":")[0]):
        raise _error(text, "it isn't a host name with a dot. Did you mean 'embedded'?")
    scheme, separator, rest = text.rpartition("://")
    scheme = scheme.lower() if separator else "https"
    if scheme not in _DEFAULT_PORTS:
        raise _error(text, f"the scheme '{scheme}' is neither https nor http")
    # gRPC connects to a host and a port. It would drop the other parts of a URL silently.
    rest = rest.removesuffix("/")
    for mark, name in (("@", "user name or password"), ("?", "query"), ("#", "fragment"), ("/", "path")):
        if mark in rest:
            # With an "@" the text may contain a password, so the message doesn't repeat it.
            raise _error("" if mark == "@" else text, f"it contains a {name}, which isn't allowed")
    host, port = _host_and_port(text, rest, _DEFAULT_PORTS[scheme])
    loopback = _is_loopback(host)
    if scheme == "http" and not loopback and not insecure:
        raise UsageError(
            f"Endpoint '{text}' is refused: it is plaintext to another machine, so the access token would cross the "
            "network unencrypted. Use https://, or pass --insecure if you trust the network."
        )
    shown = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{shown}" + ("" if port == _DEFAULT_PORTS[scheme] else f":{port}")
    target = f"{shown}:{port}"
    return Endpoint(url=url, target=target, host=host, port=port, is_tls=scheme == "https", is_loopback=loopback)


def _embedded(text: str) -> Endpoint:
    _, separator, state = text.partition(":")
    if separator and not state:
        raise _error(text, "the file name after 'embedded:' is missing")
    return Endpoint(url=text, is_tls=False, is_loopback=True, is_embedded=True, state=state or None)


def _is_nearly_embedded(name: str) -> bool:
    """Return whether `name`, a host or a scheme, probably misspells `embedded`."""
    # `embeded:state.db` would otherwise be an https host with an invalid port, which isn't a useful message.
    if "." in name or name.lower() in _DEFAULT_PORTS:
        return False
    import difflib  # here, because every command parses an endpoint and hardly any is misspelled

    return bool(difflib.get_close_matches(name.lower(), ["embedded"], cutoff=0.8))


def _host_and_port(text: str, rest: str, default_port: int) -> tuple[str, int]:
    if rest.startswith("["):
        host, bracket, port = rest[1:].partition("]")
        try:
            host = ipaddress.IPv6Address(host).compressed
        except ValueError:
            raise _error(text, "the part between [ and ] is not an IPv6 address") from None
        if not bracket or (port and not port.startswith(":")):
            raise _error(text, "an IPv6 address must be followed by ] and optionally :PORT")
        port = port.removeprefix(":") if port else str(default_port)
    elif rest.count(":") > 1:
        raise _error(text, "an IPv6 address must be in brackets, as in http://[::1]:8080")
    else:
        host, colon, port = rest.partition(":")
        if not _HOST_NAME.fullmatch(host) or len(host) > _LONGEST_HOST:
            raise _error(text, f"'{host}' is not a host name" if host else "the host name is missing")
        host, port = host.lower(), port if colon else str(default_port)
    # isascii, because isdigit accepts digits of other scripts; [:6], because int refuses strings of 4,300 digits.
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= _LARGEST_PORT):
        raise _error(text, f"'{port}' is not a port number (1 to 65535)")
    return host, int(port)


def _is_loopback(host: str) -> bool:
    if host.rstrip(".") == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # ::ffff:127.0.0.1 reaches the same machine as 127.0.0.1, but only newer Pythons say so in is_loopback.
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _error(text: str, why: str) -> UsageError:
    shown = f" '{text}'" if text else ""
    stop = "" if why.endswith("?") else "."
    return UsageError(
        f"Endpoint{shown} is invalid: {why}{stop} Use https://HOST[:PORT], http://127.0.0.1:PORT or 'embedded'."
    )
