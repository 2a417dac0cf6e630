"""The settings of a run.

Takes flags, environment variables, reconciler.yaml and the clarifai CLI's context, and returns Settings.

settings.py     the order in which the sources apply
file.py         reconciler.yaml → its validated content
cli_context.py  the clarifai CLI's current context
tokens.py       the sources of the access token
credentials.py  the type that holds an access token
endpoint.py     the endpoint's syntax
"""

from __future__ import annotations

from reconciler.config.credentials import Token
from reconciler.config.settings import Flags, Limits, PruneLimits, Settings, settings

__all__ = ["Flags", "Limits", "PruneLimits", "Settings", "Token", "settings"]
