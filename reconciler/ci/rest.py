"""The REST API of a forge (GitHub or GitLab), as far as keeping one comment up to date needs it: waits, retries and pages.

In: method, path and body. Out: the response's JSON. It waits for rate limits as GitHub and GitLab document them ("Rate limits for
the REST API"; "Rate limits: response headers"), up to a bound, and retries what may be sent twice when the server fails. It never
follows a redirect, because the token would go with it, and no text that leaves this module contains the token.
"""

from __future__ import annotations

import ipaddress
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlsplit

from reconciler import __version__
from reconciler.config.credentials import Token
from reconciler.errors import ReconcilerError
from reconciler.report.escape import neutral
from reconciler.resources.secrets import SENSITIVE_TEXT

if TYPE_CHECKING:
    import httpx
    from typing_extensions import Self

PATIENCE: Final = 120.0
"""Seconds that one run waits in all, for rate limits and failing servers."""

ATTEMPTS: Final = 4
MAX_PAGES: Final = 200
_UNSTATED_WAIT: Final = 60.0
"""Seconds that GitHub asks clients to wait if a limit was reached and no header says how long."""

_LIMIT: Final = re.compile(r"rate limit|abuse detection", re.IGNORECASE)
"""How the message of a limited response reads: "API rate limit exceeded for …", "You have exceeded a secondary rate limit". A
secondary limit is a 403 that may have no header at all, which only its message tells from a missing permission (GitHub
documentation, "Troubleshooting the REST API": rate limit errors)."""

_MESSAGE_LENGTH: Final = 300
_SAFE_TWICE: Final = frozenset({"DELETE", "GET", "PATCH", "PUT"})
"""Methods that may be sent again: a PATCH or PUT here replaces a whole body. A second POST would create a second comment."""

_NEXT: Final = re.compile(r'<([^<>]*)>\s*;[^,]*\brel="?next"?')


class RestError(ReconcilerError):
    """A call that failed. `status` is HTTP's, 0 without a response. Where it `is_uncertain`, it may have been carried out.

    Where it `is_limited`, the reason is a rate limit, whatever the status.
    """

    def __init__(
        self, text: str, *, status: int = 0, method: str = "", is_uncertain: bool = False, is_limited: bool = False
    ) -> None:
        self.status = status
        self.method = method
        self.is_uncertain = is_uncertain
        self.is_limited = is_limited
        super().__init__(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The JSON of a response, and the URL of the next page."""

    content: Any
    next_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What is particular to the API of one forge.

    `url_variable` and `token_variable` are the environment variables that a pipeline gives. `headers` gives those of every call
    with a token; `advice` says for a status what to do.
    """

    name: str
    url_variable: str
    default_url: str
    token_variable: str
    url_hint: str
    unset_hint: str
    headers: Callable[[str], Mapping[str, str]]
    advice: Mapping[int, str]

    def checked_url(self, text: str) -> str:
        """The API's URL without a final slash: https, or http on this machine. Raises ReconcilerError for any other."""
        text = text or self.default_url
        try:
            parts = urlsplit(text)
            host = parts.hostname or ""
            _ = parts.port
        except ValueError:
            parts, host = SplitResult("", "", "", "", ""), ""
        is_secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
        if not host or not is_secure or parts.username is not None or parts.query or parts.fragment or "\\" in text:
            raise ReconcilerError(
                f"{self.url_variable} can't be used: it must be https://HOST[/PATH], without credentials. {self.url_hint}"
            )
        return text.rstrip("/")

    def token_from(self, text: str) -> Token:
        """The token. Raises ReconcilerError if it is empty or can't be one, without quoting it."""
        if not text.strip():
            raise ReconcilerError(f"{self.token_variable} is not set. {self.unset_hint}")
        return Token(text, source=self.token_variable)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Rest:
    """A client of the API, as a context manager. Tests pass `sleep` and `now` (seconds since 1970)."""

    def __init__(
        self,
        *,
        api: Api,
        url: str,
        token: Token,
        timeout: float = 30,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.api = api
        self._url = api.checked_url(url)
        self._token = token
        self._timeout = timeout
        self._patience = patience
        self._sleep = sleep
        self._now = now
        self._client: httpx.Client | None = None

    def __enter__(self) -> Self:
        import httpx

        # A proxy is for other hosts, and plain http is allowed on this machine alone.
        trust_env = not self._url.startswith("http://")
        headers = {
            **self.api.headers(self._token.reveal()),
            "User-Agent": f"clarifai-reconciler/{__version__}",
        }
        self._client = httpx.Client(
            headers=headers, timeout=self._timeout, follow_redirects=False, trust_env=trust_env
        ).__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.__exit__(kind, error, trace)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON of the response to one call. Raises RestError for anything but success."""
        return self._response(method, f"{self._url}{path}", body).content

    def call_on_what_exists(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        """Call about an object that somebody else may have deleted; its absence is not an error."""
        try:
            self.call(method, path, body)
        except RestError as error:
            if error.status not in {404, 410}:
                raise

    def pages(self, path: str) -> Iterator[Any]:
        """Every item of a listing, page by page. Raises RestError for a next page on another server."""
        url: str | None = f"{self._url}{path}"
        for _ in range(MAX_PAGES):
            if url is None:
                return
            response = self._response("GET", url, None)
            if not isinstance(response.content, list):
                raise RestError(f"GET {path} did not return a list: {self._is_api()}")
            yield from response.content
            url = response.next_url
            if url is not None and _origin(url) != _origin(self._url):
                raise RestError(f"GET {path} names a next page on another server, which is not requested.")
        raise RestError(f"GET {path} has more than {MAX_PAGES} pages.")

    def _response(self, method: str, url: str, body: Mapping[str, Any] | None) -> Response:
        what = f"{method} {urlsplit(url).path}"
        for attempt in range(1, ATTEMPTS + 1):
            response, error = self._sent(method, url, body, what)
            if response is not None and response.is_success:
                return self._read(response, what)
            if response is not None:
                wait = self._limited_for(response)
                error = self._error(response, what, is_limited=wait is not None)
                may_retry = wait is not None or (response.status_code >= 500 and method in _SAFE_TWICE)
            else:
                wait, may_retry = None, method in _SAFE_TWICE
            assert error is not None
            if not may_retry or attempt == ATTEMPTS:
                raise error
            self.wait(2.0 ** (attempt - 1) if wait is None else wait, error)
        raise AssertionError("the last attempt raises")

    def _sent(
        self, method: str, url: str, body: Mapping[str, Any] | None, what: str
    ) -> tuple[httpx.Response | None, RestError | None]:
        import httpx

        assert self._client is not None, "used outside of its with block"
        try:
            return self._client.request(method, url, json=body), None
        except httpx.HTTPError as error:
            host = urlsplit(url).netloc
            kind = "timed out" if isinstance(error, httpx.TimeoutException) else f"failed ({type(error).__name__})"
            # Only a connection that was never made proves that the call didn't arrive.
            never_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
            text = (
                f"{what} at {host} {kind}. Check {self.api.url_variable} and the network, then run the command again."
            )
            return None, RestError(text, method=method, is_uncertain=not never_sent)

    def _read(self, response: httpx.Response, what: str) -> Response:
        try:
            content = json.loads(response.content or b"null")
        except ValueError as error:
            raise RestError(f"{what} did not return JSON: {self._is_api()}") from error
        link = _NEXT.search(response.headers.get("link", ""))
        return Response(content=content, next_url=link[1] if link else None)

    def _is_api(self) -> str:
        return f"is {self.api.url_variable} the URL of {self.api.name}'s API?"

    def _limited_for(self, response: httpx.Response) -> float | None:
        """Seconds to wait for a rate limit, None if the response isn't about one."""
        if response.status_code not in {403, 429}:
            return None
        # In the order that GitHub asks for ("Rate limits for the REST API": exceeding the rate limit). A 403 with neither header
        # nor such a message is taken for a missing permission, which waiting doesn't change.
        after = _number(response.headers.get("retry-after"))
        if after is not None:
            return max(after, 0.0)
        for prefix in ("x-ratelimit", "ratelimit"):  # GitHub's, GitLab's
            if response.headers.get(f"{prefix}-remaining") == "0":
                reset = _number(response.headers.get(f"{prefix}-reset"))
                # One second more, because the two clocks may differ.
                return _UNSTATED_WAIT if reset is None else max(reset - self._now() + 1, 1.0)
        is_limited = response.status_code == 429 or _LIMIT.search(_message_of(response)) is not None
        return _UNSTATED_WAIT if is_limited else None

    def wait(self, seconds: float, error: RestError) -> None:
        """Wait before another attempt after `error`. Raises RestError if that is longer than this run waits."""
        if seconds > self._patience:
            raise RestError(
                f"{error} {self.api.name} asks to wait {seconds:.0f} s, but a run waits at most {PATIENCE:.0f} s in all. Run "
                "the command again later.",
                status=error.status,
                method=error.method,
                is_limited=error.is_limited,
            )
        self._patience -= seconds
        self._sleep(seconds)

    def _error(self, response: httpx.Response, what: str, *, is_limited: bool) -> RestError:
        status = response.status_code
        advice = f"{self.api.name} limits the rate of calls." if is_limited else self._advice(status)
        text = f"{what} failed: HTTP {status}{self._message(response)}. {advice}"
        method = what.partition(" ")[0]
        return RestError(text.strip(), status=status, method=method, is_uncertain=status >= 500, is_limited=is_limited)

    def _message(self, response: httpx.Response) -> str:
        message = _message_of(response)
        if not message:
            return ""
        shown = neutral(message.replace(self._token.reveal(), SENSITIVE_TEXT))[:_MESSAGE_LENGTH]
        return f" ({shown})"

    def _advice(self, status: int) -> str:
        if 300 <= status < 400:
            return "Redirects are not followed. If the repository was renamed, give its new name."
        return self.api.advice.get(status, "Run the command again later." if status >= 500 else "")


def _message_of(response: httpx.Response) -> str:
    """What the response says, "" if it says nothing that can be read."""
    try:
        content = json.loads(response.content)
    except ValueError:
        return ""
    message = content.get("message", content.get("error")) if isinstance(content, dict) else None
    return message if isinstance(message, str) else ""


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"[0-9]{1,12}", text.strip()) else None


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
