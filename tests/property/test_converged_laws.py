"""Converged means that a plan made now is empty: an apply exits 0 exactly where the next drift exits 0.

Random services, with a random position of every switch of the emulator: they trim, round, reorder, lower-case, add keys, leave
fields unstored for some models, and answer with more than they store. Random manifests, applied directly or as a saved plan.

RECONCILER_FUZZ=2000 tries that many cases instead of the few that every run has; RECONCILER_FUZZ=300:400 tries cases
300 to 399. A case is its number.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
import yaml

from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from tests.command_line import CliResult, RunCli

from .random_fleet import HABITS, VARIANTS, Case, random_case, write_files

FEW: Final = 30

ODD: Final[Mapping[str, Sequence[Any]]] = {
    **VARIANTS,
    **HABITS,
    "server_adds_params": ("never", "create", "overwrite", "always"),
    "server_adds_metadata": (False, True),
    "trim_strings": (False, True),
    "lower_case_tags": (False, True),
    "tag_order": ("as_sent", "sorted", "reversed"),
    "patch_answer": ("stored", "as_sent"),
    "version_modified_at": ("bumped", "kept"),
    "listed_version": ("latest", "asked"),
    "version_created_at": ("kept", "equal", "absent"),
    "per_page_over": ("clamp", "error"),
    "delete_models_unknown": ("error", "ignore", "mixed"),
    "unknown_app": ("error", "empty"),
    "remove_keys": ("taken", "ignored"),
    "batch_over": ("11102", "21203", "40033", "INVALID_ARGUMENT", "first"),
    "refused_object": ("nothing", "before", "others"),
}
"""Every switch that has to do with what is stored or shown, with the positions to try."""

UNSTORED: Final = (
    "name@m*", "description@*", "notes@petsID", "toolkits@x9", "use_cases@general", "metadata.a@M_2", "visibility@m-1",
    "model_version.description@*", "model_version.output_info.params.a@petsID", "model_version.license@x9",
    "model_version.output_info.params.min_value@*",
)  # fmt: skip
"""Fields that a service may leave unstored, for some models."""

LEFT_OUT: Final = frozenset(
    {"secrets", "validate_params", "max_batch", "max_request_bytes", "delete_used_by_workflow", "delete_used_by_deployment", "missing_scopes",
     "refused_calls", "rest_unknown_fields", "rate_limit", "latency_ms", "faults", "unstored_fields",
     "predict_override", "predict_params", "predict_latency_ms", "failing_inputs"}
)  # fmt: skip
"""Switches about something else: refusals, secrets (no random model type declares any), deletions in use, pace, predictions."""


def _numbers() -> range:
    first, colon, last = os.environ.get("RECONCILER_FUZZ", str(FEW)).partition(":")
    return range(int(first), int(last)) if colon else range(int(first))


def odd_switches(rng: Random, case: Case) -> Switches:
    """Each switch at its default half of the time, else anywhere."""
    default = Switches()
    chosen: dict[str, Any] = {
        name: getattr(default, name) if rng.random() < 0.5 else rng.choice(positions) for name, positions in ODD.items()
    }
    unstored = rng.sample(UNSTORED, rng.choice((0, 0, 1, 2, 3)))
    max_batch = rng.choice((case.switches.get("max_batch"), 1, 2))
    return Switches(**chosen, unstored_fields=tuple(unstored), max_batch=max_batch)


def test_every_switch_is_tried_or_left_out_for_a_reason() -> None:
    assert {field.name for field in fields(Switches)} == ODD.keys() | LEFT_OUT
    for text in UNSTORED:
        Switches(unstored_fields=(text,))


@pytest.mark.parametrize("number", _numbers())
def test_an_apply_exits_0_exactly_where_the_next_drift_does(number: int, cli: RunCli, tmp_path: Path) -> None:
    rng = Random(f"converged {number}")
    case = random_case(rng)
    if not case.manifests:
        return
    write_files(case.files, tmp_path / "manifests")
    if case.config is not None:
        (tmp_path / "reconciler.yaml").write_text(yaml.safe_dump(case.config), encoding="utf-8")
    switches = odd_switches(rng, case)
    with Emulator(seed=case.seed, switches=switches, user_id=case.user_id) as emulator:

        def run(*arguments: str) -> CliResult:
            return cli(
                *arguments, "--format", "json", "--endpoint", emulator.url, "--rate", "1000",
                env={"CLARIFAI_PAT": "test"}, cwd=tmp_path,
            )  # fmt: skip

        if rng.random() < 0.5:
            applied = run("apply", "manifests", "--yes", *case.arguments)
        elif run("plan", "manifests", "--out", "plan.json", *case.arguments).exit_code == 0:
            applied = run("apply", "--plan", "plan.json")
        else:
            return
        assert applied.exit_code in (0, 1, 3, 4), applied
        if applied.exit_code in (1, 3):
            return  # refused, or a bad manifest: nothing was written
        drift = run("drift", "manifests", *case.arguments)
    assert (drift.exit_code == 0) == (applied.exit_code == 0), (
        f"apply {applied.exit_code}, drift {drift.exit_code}, {switches}\n{applied.stdout}\n{drift.stdout}{drift.stderr}"
    )
