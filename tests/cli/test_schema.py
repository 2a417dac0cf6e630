"""`schema`: the JSON Schemas that the reconciler brings along."""

from __future__ import annotations

import pytest

from tests.command_line import RunCli


@pytest.mark.parametrize(("arguments", "title"), [([], "Model"), (["model"], "Model"), (["CONFIG"], "Config")])
def test_schema_prints_one_json_schema(cli: RunCli, arguments: list[str], title: str) -> None:
    result = cli("schema", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.document()["properties"]["kind"]["const"] == title


def test_schema_of_an_unknown_kind_is_a_usage_error(cli: RunCli) -> None:
    assert cli("schema", "Workflow").exit_code == 64
