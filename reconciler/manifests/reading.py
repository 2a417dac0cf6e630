"""What the reader of one document is given beside it: the ids of the run, and where problems and warnings go."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.errors import ProblemList
from reconciler.manifests.identity import Ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The surroundings of one document that is being read."""

    ids: Ids
    problems: ProblemList
    warnings: ProblemList
