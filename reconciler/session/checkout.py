"""What git says about the manifests: the commit and the branch, read by a module that is imported when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def commit_of(paths: Sequence[str]) -> str | None:
    """The commit of these paths, as `manifests.revision.commit_of`."""
    from reconciler.manifests import revision

    return revision.commit_of(paths)


def branch_of(paths: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """The branch of these paths, as `manifests.revision.branch_of`."""
    from reconciler.manifests import revision

    return revision.branch_of(paths, environ)
