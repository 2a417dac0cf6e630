"""Accepting is the other way round: what was accepted is no drift any more, and nothing else in the manifest has changed."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.emulator.server import Emulator
from reconciler.resources.tree import MISSING, lookup, path_from_text
from tests.cli.live_side import Service, seeded
from tests.command_line import RunCli

TEXT = st.sampled_from(["a", "B c", "no", "012", "x: y", "# z", "two\nlines", "end\n", "'", '"q"', "ä🐶", " led"])
ITEM = st.one_of(TEXT, st.integers(-3, 3), st.booleans(), st.sampled_from([0.5, 2.0]))
STRUCT = st.recursive(
    st.dictionaries(st.sampled_from(["k", "l", "m.n"]), ITEM, max_size=3),
    lambda inner: st.dictionaries(
        st.sampled_from(["k", "l", "m.n"]),
        st.one_of(inner, ITEM, st.lists(ITEM, max_size=3), st.just([{"id": "x", "v": 1}])),
        max_size=3,
    ),
    max_leaves=6,
)
TAGS = st.lists(st.sampled_from(["A", "B", "C", "D"]), min_size=1, max_size=4, unique=True)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "name": TEXT.filter(str.strip),
    "description": TEXT,
    "notes": TEXT,
    "toolkits": TAGS,
    "languages": TAGS,
    "metadata": STRUCT,
}
STATED = st.fixed_dictionaries({}, optional=FIELDS)
VERSION = st.fixed_dictionaries({}, optional={"description": TEXT, "license": TEXT, "metadata": STRUCT})
VERSION_ID = "a" * 32


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    stated=STATED,
    live=STATED,
    version=VERSION,
    live_version=VERSION,
    action=st.sampled_from(["merge", "overwrite"]),
    removed=st.lists(st.sampled_from(["k", "l.k", "z"]), max_size=2, unique=True),
    is_flow=st.sampled_from([None, True, False]),
    style=st.sampled_from([None, '"', "|"]),
)
def test_what_was_accepted_is_no_drift_and_the_rest_is_as_it_was(
    cli: RunCli,
    stated: dict[str, Any],
    live: dict[str, Any],
    version: dict[str, Any],
    live_version: dict[str, Any],
    action: str,
    removed: list[str],
    is_flow: bool | None,
    style: str | None,
) -> None:
    kept = [path for path in removed if lookup(stated, ("metadata", *path_from_text(path))) is MISSING]
    spec: dict[str, Any] = {"action": action, **copy.deepcopy(stated)}
    if kept:
        spec["remove"] = {"metadata": kept}
    spec["versions"] = [{"select": "latest", **version}]
    manifest = {
        "apiVersion": "reconciler/v1",
        "kind": "Model",
        "metadata": {"id": "m", "user_id": "demo", "app_id": "pets"},
        "spec": spec,
    }
    text = "# top\n" + yaml.safe_dump(
        manifest, default_flow_style=is_flow, default_style=style, allow_unicode=True, sort_keys=False
    )
    seed = seeded({"id": "m", **live, "versions": [{"id": VERSION_ID, **live_version}]})
    with tempfile.TemporaryDirectory() as folder, Emulator(seed=seed) as emulator:
        service = Service(emulator, cli, Path(folder))
        service.write("m.yaml", text)
        if service.run("validate", "m.yaml").exit_code:
            return  # such as an empty list under merge
        before = service.run("drift", "m.yaml", "--format", "json").document()
        result = service.run("accept", "m.yaml", "--format", "json")
        assert result.exit_code in (0, 4), result
        left = {(item["address"], item["path"]) for item in result.document()["left"]}
        after = service.run("drift", "m.yaml", "--format", "json")
        assert after.exit_code in (0, 2), after
        drifted = {
            (change["address"], field["path"]) for change in after.document()["changes"] for field in change["fields"]
        }
        assert drifted == left, (text, (service.folder / "m.yaml").read_text())
        assert service.writes() == []
        new = (service.folder / "m.yaml").read_text()
        assert new.startswith("# top\n")
        if not before["changes"]:
            assert new == text
