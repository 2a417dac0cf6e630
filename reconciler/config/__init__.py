"""The settings of a run.

Takes flags, environment variables, reconciler.yaml and the clarifai CLI's context, and returns Settings.

settings.py      the order in which the sources apply
sources.py       the value of a setting, and where it comes from
file.py          reconciler.yaml: found, read and validated
cli_context.py   the clarifai CLI's current context
tokens.py        the sources of the access token
credentials.py   the type that holds an access token
endpoint.py      the endpoint's syntax
trust.py         which endpoints of reconciler.yaml may be used
references.py    which environment variables manifests may read
pipeline_run.py  the commit, actor and page of the CI run
places.py        the working directory and the user's home
"""

from __future__ import annotations

from reconciler.config.credentials import Token
from reconciler.config.settings import Flags, Limits, PruneLimits, Settings, settings
from reconciler.config.sources import Setting

__all__ = ["Flags", "Limits", "PruneLimits", "Setting", "Settings", "Token", "settings"]
