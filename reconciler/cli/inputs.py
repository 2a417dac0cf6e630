"""From the options of plan-making commands to the session's Inputs."""

from __future__ import annotations

from reconciler.cli.options import PlanOptions
from reconciler.cli.standard_input import manifests_from_stdin
from reconciler.plan.planning import Inputs


def inputs_from(paths: tuple[str, ...], planning: PlanOptions) -> Inputs:
    """The Inputs of one run; standard input is handed over as bytes."""
    return Inputs(
        paths=paths,
        targets=planning.targets,
        selectors=planning.selectors,
        prune=planning.prune,
        prune_whole_app=planning.prune_scope == "app",
        max_deletes=planning.max_deletes,
        types=planning.types,
        shard=planning.shard,
        stdin=manifests_from_stdin(paths),
    )
