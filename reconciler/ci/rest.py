"""GitHub's REST API, as far as keeping one comment up to date needs it: waits, retries and pages.

In: method, path and body. Out: the response's JSON. It waits for rate limits as GitHub documents them ("Rate limits for the REST
API"), up to a bound, and retries what may be sent twice when the server fails. It never follows a redirect, because the token
would go with it, and no text that leaves this module contains the token.
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

DEFAULT_URL: Final = "https://api.github.com"
PATIENCE: Final = 120.0
"""Seconds that one run waits in all, for rate limits and failing servers."""

ATTEMPTS: Final = 4
MAX_PAGES: Final = 200
_UNSTATED_WAIT: Final = 60.0
"""Seconds that GitHub asks clients to wait if a limit was reached and no header says how long."""
_MESSAGE_LENGTH: Final = 300
_SAFE_TWICE: Final = frozenset({"GET", "PATCH"})
"""Methods that may be sent again: a PATCH here replaces a whole body. A second POST would create a second comment."""

_NEXT: Final = re.compile(r'<([^<>]*)>\s*;[^,]*\brel="?next"?')


class RestError(ReconcilerError):
    """A call that failed. `status` is HTTP's, 0 without a response. Where it `is_uncertain`, it may have been carried out."""

    def __init__(self, text: str, *, status: int = 0, is_uncertain: bool = False) -> None:
        self.status = status
        self.is_uncertain = is_uncertain
        super().__init__(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The JSON of a response, and the URL of the next page."""

    content: Any
    next_url: str | None


def checked_url(text: str) -> str:
    """The API's URL without a final slash: https, or http on this machine. Raises ReconcilerError for any other."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        parts, host = SplitResult("", "", "", "", ""), ""
    is_secure = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
    if not host or not is_secure or parts.username is not None or parts.query or parts.fragment or "\\" in text:
        raise ReconcilerError(
            "GITHUB_API_URL can't be used: it must be https://HOST[/PATH], without credentials. "
            f"The default is {DEFAULT_URL}; for GitHub Enterprise Server it is https://HOST/api/v3."
        )
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def token_from(text: str) -> Token:
    """The token. Raises ReconcilerError if it is empty or can't be one, without quoting it."""
    if not text.strip():
        raise ReconcilerError("GITHUB_TOKEN is not set. Give the step `env: GITHUB_TOKEN: ${{ github.token }}`.")
    return Token(text, source="GITHUB_TOKEN")


class Rest:
    """A client of the API, as a context manager. Tests pass `sleep` and `now` (seconds since 1970)."""

    def __init__(
        self,
        *,
        url: str,
        token: Token,
        timeout: float = 30,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._url = checked_url(url)
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
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._token.reveal()}",
            "User-Agent": f"clarifai-reconciler/{__version__}",
            "X-GitHub-Api-Version": "2022-11-28",
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

    def pages(self, path: str) -> Iterator[Any]:
        """Every item of a listing, page by page. Raises RestError for a next page on another server."""
        url: str | None = f"{self._url}{path}"
        for _ in range(MAX_PAGES):
            if url is None:
                return
            response = self._response("GET", url, None)
            if not isinstance(response.content, list):
                raise RestError(f"GET {path} did not return a list: is GITHUB_API_URL the URL of GitHub's API?")
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
            text = f"{what} at {host} {kind}. Check GITHUB_API_URL and the network, then run the command again."
            return None, RestError(text, is_uncertain=not never_sent)

    def _read(self, response: httpx.Response, what: str) -> Response:
        try:
            content = json.loads(response.content or b"null")
        except ValueError as error:
            raise RestError(f"{what} did not return JSON: is GITHUB_API_URL the URL of GitHub's API?") from error
        link = _NEXT.search(response.headers.get("link", ""))
        return Response(content=content, next_url=link[1] if link else None)

    def _limited_for(self, response: httpx.Response) -> float | None:
        """Seconds to wait for a rate limit, None if the response isn't about one."""
        if response.status_code not in {403, 429}:
            return None
        # In the order that GitHub asks for ("Rate limits for the REST API": exceeding the rate limit). A 403 with neither header
        # is taken for a missing permission, which waiting doesn't change.
        after = _number(response.headers.get("retry-after"))
        if after is not None:
            return max(after, 0.0)
        if response.headers.get("x-ratelimit-remaining") == "0":
            reset = _number(response.headers.get("x-ratelimit-reset"))
            # One second more, because the two clocks may differ.
            return _UNSTATED_WAIT if reset is None else max(reset - self._now() + 1, 1.0)
        return _UNSTATED_WAIT if response.status_code == 429 else None

    def wait(self, seconds: float, error: RestError) -> None:
        """Wait before another attempt after `error`. Raises RestError if that is longer than this run waits."""
        if seconds > self._patience:
            raise RestError(
                f"{error} GitHub asks to wait {seconds:.0f} s, but a run waits at most {PATIENCE:.0f} s in all. Run the "
                "command again later.",
                status=error.status,
            )
        self._patience -= seconds
        self._sleep(seconds)

    def _error(self, response: httpx.Response, what: str, *, is_limited: bool) -> RestError:
        status = response.status_code
        advice = "GitHub limits the rate of calls." if is_limited else _advice(status)
        text = f"{what} failed: HTTP {status}{self._message(response)}. {advice}"
        return RestError(text.strip(), status=status, is_uncertain=status >= 500)

    def _message(self, response: httpx.Response) -> str:
        try:
            content = json.loads(response.content)
        except ValueError:
            return ""
        message = content.get("message") if isinstance(content, dict) else None
        if not isinstance(message, str) or not message:
            return ""
        shown = neutral(message.replace(self._token.reveal(), SENSITIVE_TEXT))[:_MESSAGE_LENGTH]
        return f" ({shown})"


def _advice(status: int) -> str:
    if 300 <= status < 400:
        return "Redirects are not followed. If the repository was renamed, give its new name."
    known = {
        401: "GITHUB_TOKEN is not valid. Give another.",
        403: (
            "The token has no permission for this. It needs `pull-requests: write` (`issues: write` for --issue); for a "
            "pull request from a fork, GitHub makes it read-only."
        ),
        404: "The repository or pull request doesn't exist, or the token can't see it. Check --repo and --pr.",
        410: "Issues or comments are turned off in this repository.",
        422: "GitHub rejected the content.",
    }
    return known.get(status, "Run the command again later." if status >= 500 else "")


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"[0-9]{1,12}", text.strip()) else None


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
