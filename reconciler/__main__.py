"""`python -m reconciler`, the same as the command."""

from __future__ import annotations

import sys

from reconciler.cli.main import main

sys.exit(main())
