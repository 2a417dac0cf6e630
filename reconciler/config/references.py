"""Decides which environment variables `${env:NAME}` may read.

Takes the environment of the run and its access token. Answers for a name why it must not be read, or None. A pull request can
change manifests, and what a manifest reads from the environment is written to a model. So a manifest must never read the
credentials of the run itself. RECONCILER_ENV_ALLOW can restrict the variables further.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from reconciler.config.credentials import Token

ENV_ALLOW: Final = "RECONCILER_ENV_ALLOW"
_PAT_PREFIX: Final = "CLARIFAI_PAT"
_CREDENTIALS: Final = (_PAT_PREFIX, "GITHUB_", "ACTIONS_", "CI_")
"""How the names of the run's own credentials begin: the tokens of Clarifai, and what GitHub and GitLab give a job."""

_LONG_TOKEN: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """The variables that manifests and saved plans may read. `token` is the access token of the run, if it has one."""

    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    token: Token | None = None

    def problem(self, name: str) -> str | None:
        """Return why `${env:NAME}` must not read this variable, as a predicate with a remedy; None if it may."""
        # In upper case, because on Windows `github_token` names the same variable.
        if name.upper().startswith(_CREDENTIALS):
            return (
                f"is refused, because variables whose names begin with {', '.join(_CREDENTIALS[:-1])} or "
                f"{_CREDENTIALS[-1]} hold credentials of the run itself. Put the value into a variable of another name."
            )
        if self._is_credential(self.environ.get(name, "")):
            return "is refused, because its value is an access token of this run. Use another variable."
        allowed = self.environ.get(ENV_ALLOW)
        # A variable that is set and empty allows none: a list that came out empty must not allow everything.
        if allowed is None or any(fnmatchcase(name, glob.strip()) for glob in allowed.split(",")):
            return None
        return f"is refused, because {ENV_ALLOW} doesn't list it. Add it there if the manifests may read it."

    def _is_credential(self, value: str) -> bool:
        tokens = [text.strip() for name, text in self.environ.items() if name.startswith(_PAT_PREFIX)]
        if self.token is not None:
            tokens.append(self.token.reveal())
        return any(token and _is_or_holds(value.strip(), token) for token in tokens)


def _is_or_holds(value: str, token: str) -> bool:
    if hmac.compare_digest(value.encode("utf-8", "surrogatepass"), token.encode("utf-8", "surrogatepass")):
        return True
    # A short token, as tests have them, can be a part of other values by chance.
    return len(token) >= _LONG_TOKEN and token in value
