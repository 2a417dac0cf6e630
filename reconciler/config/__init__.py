"""The settings of a run: flags, reconciler.yaml, environment variables and the clarifai CLI's context, in; Settings, out.

__init__.py      what the rest of the package imports
settings.py      the types, and the order in which sources are asked
file.py          reconciler.yaml, checked
tokens.py        where the access token is, and why it isn't
cli_context.py   the current context of the clarifai command-line tool
"""

from __future__ import annotations

from reconciler.config.settings import Flags, Limits, PruneLimits, Settings, settings
from reconciler.credentials import Token

__all__ = ["Flags", "Limits", "PruneLimits", "Settings", "Token", "settings"]
