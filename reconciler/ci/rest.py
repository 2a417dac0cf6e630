"""GitHub's REST API, as much of it as keeping one comment up to date takes: waits, retries and pages.

In: method, path and body. Out: the answer's JSON. Rate limits are waited for as GitHub documents them ("Rate limits for the
REST API"), up to a bound; what may be sent twice is retried when the server fails; redirects are never followed,
because the token would go along; no text that leaves here holds the token.
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

if TYPE_CHECKING:
    import httpx
    from typing_extensions import Self

DEFAULT_URL: Final = "https://api.github.com"
PATIENCE: Final = 120.0
"""Seconds that one run waits for rate limits and failing servers altogether."""

ATTEMPTS: Final = 4
MAX_PAGES: Final = 200
_UNSTATED_WAIT: Final = 60.0
"""What GitHub asks for where a limit was hit and no header says how long."""
_MESSAGE_LENGTH: Final = 300
_SAFE_TWICE: Final = frozenset({"GET", "PATCH"})
_NEXT: Final = re.compile(r'<([^<>]*)>\s*;[^,]*\brel="?next"?')


class RestError(ReconcilerError):
    """A call that failed. `status` is HTTP's, 0 where there was no answer; `is_uncertain`: it may have been done."""

    def __init__(self, text: str, *, status: int = 0, is_uncertain: bool = False) -> None:
        self.status = status
        self.is_uncertain = is_uncertain
        super().__init__(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The JSON of an answer, and the URL of the next page."""

    content: Any
    next_url: str | None


def checked_url(text: str) -> str:
    """The API's address without a slash at its end: https, or http on this machine. Raises ReconcilerError for others."""
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
            f"The default is {DEFAULT_URL}; GitHub Enterprise Server has https://HOST/api/v3."
        )
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def token_from(text: str) -> Token:
    """The token. Raises ReconcilerError where there is none, or it can't be one; the text isn't told."""
    if not text.strip():
        raise ReconcilerError("GITHUB_TOKEN is not set. Give the step `env: GITHUB_TOKEN: ${{ github.token }}`.")
    return Token(text, source="GITHUB_TOKEN")


class Rest:
    """A client of the API; a context manager. `sleep` and `now` (seconds since 1970) are for tests."""

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

        # A proxy is for the way out; on this machine there is none.
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
        """The JSON that one call answers with. Raises RestError for all but success."""
        return self._answer(method, f"{self._url}{path}", body).content

    def pages(self, path: str) -> Iterator[Any]:
        """Every item of a listing, page by page; pages elsewhere than at the API are refused."""
        url: str | None = f"{self._url}{path}"
        for _ in range(MAX_PAGES):
            if url is None:
                return
            answer = self._answer("GET", url, None)
            if not isinstance(answer.content, list):
                raise RestError(f"GET {path} gave no list: is GITHUB_API_URL the address of GitHub's API?")
            yield from answer.content
            url = answer.next_url
            if url is not None and _origin(url) != _origin(self._url):
                raise RestError(f"GET {path} names a next page on another server; it is not asked for.")
        raise RestError(f"GET {path} has more than {MAX_PAGES} pages.")

    def _answer(self, method: str, url: str, body: Mapping[str, Any] | None) -> Answer:
        what = f"{method} {urlsplit(url).path}"
        for attempt in range(1, ATTEMPTS + 1):
            answer, error = self._sent(method, url, body, what)
            if answer is not None and answer.is_success:
                return self._read(answer, what)
            if answer is not None:
                wait = self._limited_for(answer)
                error = self._error(answer, what, is_limited=wait is not None)
                may_retry = wait is not None or (answer.status_code >= 500 and method in _SAFE_TWICE)
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
            never_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
            text = f"{what} at {host} {kind}. Check GITHUB_API_URL and the network, then run it again."
            return None, RestError(text, is_uncertain=not never_sent)

    def _read(self, answer: httpx.Response, what: str) -> Answer:
        try:
            content = json.loads(answer.content or b"null")
        except ValueError as error:
            raise RestError(f"{what} answered no JSON: is GITHUB_API_URL the address of GitHub's API?") from error
        link = _NEXT.search(answer.headers.get("link", ""))
        return Answer(content=content, next_url=link[1] if link else None)

    def _limited_for(self, answer: httpx.Response) -> float | None:
        """Seconds to wait for a rate limit, None where the answer isn't about one."""
        if answer.status_code not in {403, 429}:
            return None
        after = _number(answer.headers.get("retry-after"))
        if after is not None:
            return max(after, 0.0)
        if answer.headers.get("x-ratelimit-remaining") == "0":
            reset = _number(answer.headers.get("x-ratelimit-reset"))
            return _UNSTATED_WAIT if reset is None else max(reset - self._now() + 1, 1.0)
        return _UNSTATED_WAIT if answer.status_code == 429 else None

    def wait(self, seconds: float, error: RestError) -> None:
        """Wait before another try after `error`. Raises RestError where that is more than this run waits."""
        if seconds > self._patience:
            raise RestError(
                f"{error} GitHub asks to wait {seconds:.0f} s; this run waits {PATIENCE:.0f} s at most. Run it again later.",
                status=error.status,
            )
        self._patience -= seconds
        self._sleep(seconds)

    def _error(self, answer: httpx.Response, what: str, *, is_limited: bool) -> RestError:
        status = answer.status_code
        advice = "GitHub limits the rate of calls." if is_limited else _advice(status)
        text = f"{what} failed: HTTP {status}{self._message(answer)}. {advice}"
        return RestError(text.strip(), status=status, is_uncertain=status >= 500)

    def _message(self, answer: httpx.Response) -> str:
        try:
            content = json.loads(answer.content)
        except ValueError:
            return ""
        told = content.get("message") if isinstance(content, dict) else None
        if not isinstance(told, str) or not told:
            return ""
        shown = neutral(told.replace(self._token.reveal(), "(sensitive)"))[:_MESSAGE_LENGTH]
        return f" ({shown})"


def _advice(status: int) -> str:
    if 300 <= status < 400:
        return "A redirect is not followed: if the repository was renamed, give its new name."
    known = {
        401: "GITHUB_TOKEN is not valid; give another.",
        403: (
            "The token may not do this: it needs `pull-requests: write` (`issues: write` for --issue); for a pull "
            "request from a fork, GitHub makes it read-only."
        ),
        404: "There is no such repository or pull request, or the token can't see it. Check --repo and --pr.",
        410: "Issues or comments are switched off there.",
        422: "GitHub refuses the content.",
    }
    return known.get(status, "Run it again later." if status >= 500 else "")


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"[0-9]{1,12}", text.strip()) else None


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
