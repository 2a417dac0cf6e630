"""One message about a run to a webhook: a small JSON document that Slack, Microsoft Teams and a plain receiver take.

In: a report or its absence, and the address. Out: nothing, or why the message was not delivered. The address is a secret: no text that
leaves this module contains it. The message has constant words and numbers only, so nothing in a manifest can mention a person or a
channel. Redirects are not followed, and the whole call has a time limit.
"""

from __future__ import annotations

import threading
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler import __version__
from reconciler.ci.rest import is_loopback
from reconciler.report.outcome import summary_text
from reconciler.report.report import Report

PATIENCE: Final = 10.0
"""Seconds that a run waits for the receiver in all."""


def message(report: Report | None, *, command: str, exit_code: int, link: str | None) -> dict[str, Any]:
    """The document; `report` is None if the run failed.

    Slack shows `text` ("Sending messages using incoming webhooks"). Teams takes the same as a MessageCard ("Create and send
    messages": legacy actionable message card). Other receivers read `counts`, `exit_code` and `link`.
    """
    counts = None
    if report is None:
        summary = f"reconciler {command} failed with exit code {exit_code}."
    else:
        summary = summary_text(report)[0]
        counts = {**report.plan.summary, "unmet": len(report.plan.unmet)}
    return {
        "@context": "https://schema.org/extensions",
        "@type": "MessageCard",
        "summary": summary,
        "text": f"{summary} {link}" if link else summary,
        "command": command,
        "exit_code": exit_code,
        "counts": counts,
        "link": link,
    }


def deliver(address: str, document: dict[str, Any], *, patience: float = PATIENCE) -> str | None:
    """Post the document once. Returns None if the receiver took it, else why not, without the address."""
    found: list[str | None] = []
    # A thread, because each part of a response may take a client's whole timeout: only this bounds the sum.
    call = threading.Thread(target=lambda: found.append(_posted(address, document, patience)), daemon=True)
    call.start()
    call.join(patience)
    return found[0] if found else f"there was no response within {patience:g} s"


def _posted(address: str, document: dict[str, Any], timeout: float) -> str | None:
    import httpx

    problem = _problem(address)
    if problem is not None:
        return problem
    is_plain = urlsplit(address).scheme == "http"
    headers = {"User-Agent": f"clarifai-reconciler/{__version__}"}
    try:
        # A proxy is for other hosts, and plain http is allowed on this machine alone.
        with (
            httpx.Client(timeout=timeout, follow_redirects=False, trust_env=not is_plain, headers=headers) as client,
            client.stream("POST", address, json=document) as response,
        ):
            return None if response.is_success else f"it answered HTTP {response.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return f"the call failed ({type(error).__name__})"


def _problem(address: str) -> str | None:
    """Why the address can't be used."""
    try:
        parts = urlsplit(address.strip())
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return "its value is not an address"
    if not host or parts.scheme not in {"http", "https"}:
        return "its value is not an address that begins with https://"
    if parts.scheme == "http" and not is_loopback(host):
        return "its address must begin with https://, because whoever reads it can post there"
    return None
