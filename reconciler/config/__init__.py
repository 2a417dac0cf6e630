"""The settings of a run: flags, reconciler.yaml, environment variables and the clarifai CLI's context, in; Settings, out.

settings.py     flags, environment, reconciler.yaml and the CLI context → Settings
file.py         reconciler.yaml → its checked content
cli_context.py  the clarifai CLI's current context
tokens.py       where the token comes from
credentials.py  a token that shows itself nowhere
endpoint.py     what an endpoint may look like
"""

from __future__ import annotations

from reconciler.config.credentials import Token
from reconciler.config.settings import Flags, Limits, PruneLimits, Settings, settings

__all__ = ["Flags", "Limits", "PruneLimits", "Settings", "Token", "settings"]
