"""Decides whether a run may connect to an endpoint that reconciler.yaml names.

Takes a validated endpoint and RECONCILER_TRUSTED_HOSTS, and returns why the endpoint isn't trusted, or None. A pull request
can change reconciler.yaml, so this file alone must not decide where the access token goes. Endpoints of flags and
environment variables are never checked: whoever sets those also holds the token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reconciler.config.endpoint import Endpoint

TRUSTED_HOSTS: Final = "RECONCILER_TRUSTED_HOSTS"
_CLARIFAI: Final = "clarifai.com"
_ENTRY: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z_.-]+)(?::(?P<port>[0-9]{1,5}))?")


def trust_problem(endpoint: Endpoint, *, place: str, environ: Mapping[str, str]) -> str | None:
    """Return why `endpoint`, which reconciler.yaml states at `place`, must not be used; None if it may be.

    Trusted are this machine, clarifai.com and its subdomains, and the hosts that RECONCILER_TRUSTED_HOSTS lists.
    """
    if endpoint.is_embedded or endpoint.is_loopback or is_clarifai(endpoint):
        return None
    stated = environ.get(TRUSTED_HOSTS, "")
    wrong = None
    for entry in filter(None, (part.strip() for part in stated.split(","))):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            wrong = wrong or entry
        elif _host(match["host"]) == _host(endpoint.host) and match["port"] in (None, str(endpoint.port)):
            return None
    hint = f" '{wrong}' in {TRUSTED_HOSTS} is neither HOST nor HOST:PORT." if wrong else ""
    return (
        f"Endpoint '{endpoint.url}' is refused: it comes from {place}, and {endpoint.host} is neither a host of "
        f"{_CLARIFAI} nor this machine, so the access token is not sent there.{hint} If you trust the host, add "
        f"{endpoint.host}:{endpoint.port} to {TRUSTED_HOSTS}, or name the endpoint with --endpoint or CLARIFAI_API_BASE."
    )


def is_clarifai(endpoint: Endpoint) -> bool:
    """Return whether the host is clarifai.com or one of its subdomains."""
    host = _host(endpoint.host)
    return host == _CLARIFAI or host.endswith(f".{_CLARIFAI}")


def _host(text: str) -> str:
    # A dot at the end makes a name absolute. It is the same host.
    return text.lower().strip("[]").removesuffix(".")
