"""What is wrong with params, by the service's model types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from reconciler.compare.match import Match
from reconciler.compare.params.check import (
    check,
    check_offline,
    findings,
    problems_with_params,
    unknown_params,
)
from reconciler.compare.params.fields import fields_for, sensitive_params, types_from_snapshot
from reconciler.errors import Origin, Problem
from reconciler.resources.desired import Desired, DesiredModel, DesiredVersion, Removal, Selector
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key
from reconciler.resources.observed import Document, ObservedModel, ObservedVersion
from reconciler.resources.secrets import Sensitive
from tests.wording import Wording

HERE = Origin(path="pets.yaml", line=9, column=7)
PLACE = Origin(path="pets.yaml", line=12, column=21)
MODEL = Key(user_id="me", app_id="pets", model_id="petsID")
FIRST, SECOND = MODEL.version("a" * 32), MODEL.version("b" * 32)


def param(name: str, field_type: str | int, **more: Any) -> dict[str, Any]:
    return {"path": f"output_info.params.{name}", "field_type": field_type, **more}


def ranged(name: str, **info: Any) -> dict[str, Any]:
    return param(name, "RANGE", model_type_range_info=info)


def model_type(*fields: Mapping[str, Any], name: str = "embedding-classifier") -> dict[str, Any]:
    return {"id": name, "model_type_fields": list(fields)}


def wrong(
    stated: Mapping[str, Any],
    *fields: Mapping[str, Any],
    live: Mapping[str, Any] | None = None,
    version: Document | None = None,
    action: Action = Action.MERGE,
    removed: tuple[str, ...] = (),
) -> list[str]:
    """The code of each problem."""
    found = problems_of(stated, *fields, live=live, version=version, action=action, removed=removed)
    return [problem.code for problem in found]


def problems_of(
    stated: Mapping[str, Any],
    *fields: Mapping[str, Any],
    live: Mapping[str, Any] | None = None,
    version: Document | None = None,
    action: Action = Action.MERGE,
    removed: tuple[str, ...] = (),
) -> tuple[Problem, ...]:
    return problems_with_params(
        stated,
        live=live or {},
        fields=fields_for(model_type(*fields), version),
        origins={(): HERE},
        action=action,
        removals=[Removal(path=("output_info", "params", name), origin=HERE) for name in removed],
    )


TYPE, OPTION, OFF, OUT = "param-type", "param-option", "param-off-grid", "param-out-of-range"
UNIT = ranged("p", max=1.0, step=0.009999999776482582)
COLORS = param(
    "p",
    "ENUM",
    model_type_enum_options=[
        {"id": "LESS_THAN", "aliases": [{"id_int": "3"}]},
        {"id": "GREATER_THAN", "aliases": [{"wildcard_string": "GT*"}]},
        {"id": "off"},
        {"id": "STAFF", "internal_only": True},
    ],
)


def enum(*options: Mapping[str, Any], field_type: str = "ENUM") -> dict[str, Any]:
    return param("p", field_type, model_type_enum_options=list(options))


def recursive(*fields: Mapping[str, Any]) -> dict[str, Any]:
    return enum({"id": "A", "model_type_fields": list(fields)}, field_type="RECURSIVE_ENUM")


Case = tuple[Mapping[str, Any], list[Any], list[tuple[Any, str]]]
CASES: dict[str, Case] = {
    # A field named p, values that are allowed, and values that are not with the code of the problem.
    "from 0 to 1 by 0.01": (UNIT, [0.95, 0, 1.0, 0.1 + 0.2], [
        *((0.955, OFF), (0.953, OFF), (1.5, OUT), (-1e-50, OUT), (10**400, OUT)),
        *((True, TYPE), ("0.95", TYPE), (None, TYPE), ([0.5], TYPE)),
    ]),
    "from 32 by 16": (ranged("p", min=32.0, max=1024.0, step=16.0), [256.0], [(250, OFF), (8, OUT)]),
    # The grid passes over the maximum, which is allowed all the same; what is named is on the grid.
    "maximum off the grid": (ranged("p", min=1.0, max=10.0, step=2.0), [10], [(4, OFF), (11, OUT)]),
    "no step": (ranged("p", max=1.0), [0.123456], []),
    # 2147483647 is 2147483648 as a float32: the type's author meant it.
    "float32": (ranged("p", max=2147483648.0, step=1.0), [2147483647], [(123456789.5, OFF)]),
    # No maximum: nothing bounds above, and nothing below but a minimum that is there.
    "no maximum": (ranged("p", step=0.5), [-3], [(7.25, OFF)]),
    "minimum only": (ranged("p", min=2.0), [], [(1, OUT)]),
    "negative minimum": (ranged("p", min=-1.0, step=0.5), [0.5], []),
    "negative maximum": (ranged("p", max=-1.0), [-2], [(0, OUT)]),
    "minimum above maximum": (ranged("p", min=5.0, max=1.0), [99], []),
    "not finite": (ranged("p", max="Infinity", step="NaN"), [99.5], []),
    "too large": (ranged("p", max=1e39), [99.5], []),
    "no range": (param("p", "RANGE"), [99.5], []),
    # The type's own default is off the grid that starts at 1, so the grid isn't that one.
    "default off the grid": (
        param("p", "RANGE", default_value=512.0, model_type_range_info={"min": 1.0, "max": 4096.0, "step": 32.0}), [64], []
    ),
    "number": (param("p", "NUMBER"), [1e9], [(False, TYPE)]),
    "string": (param("p", "STRING"), [""], [(12, TYPE)]),
    "code": (param("p", "PYTHON_CODE"), ["x"], [(["x"], TYPE)]),
    "boolean": (param("p", "BOOLEAN"), [True], [("yes", TYPE), (1, TYPE)]),
    "enum": (
        COLORS, ["LESS_THAN", 3, 3.0, "GTE", "STAFF"], [("LES_THAN", OPTION), (4, OPTION), (False, TYPE)]
    ),
    "enum without options": (param("p", "ENUM"), ["anything"], []),
    "alias of nothing": (enum({"id": "A", "aliases": [{}]}), [0], []),
    "alias that is no pattern": (enum({"id": "A", "aliases": [{"wildcard_string": "("}]}), ["A", "("], [("B", OPTION)]),
    "recursive enum": (recursive(), [{"A": 1}], [("B", OPTION)]),
    "option of an option": (recursive(param("p", "RECURSIVE_ENUM", model_type_enum_options=[{"id": "B"}])), ["B"], []),
    "another field of an option": (recursive(param("q", "ENUM", model_type_enum_options=[{"id": "B"}])), [], [("B", OPTION)]),
    "numbers": (param("p", "ARRAY_OF_NUMBERS"), [[320, 1.5]], [(320, TYPE), ([320, "x"], TYPE)]),
    "strings": (param("p", "ARRAY_OF_STRINGS"), [["a"]], [([None], TYPE)]),
    "concepts": (param("p", "ARRAY_OF_CONCEPTS"), [[{"id": "cat", "value": 1}]], [(["cat"], TYPE)]),
    "secrets": (param("p", "ARRAY_OF_SECRETS"), [[{"name": "x"}, "y"]], [("hunter2", TYPE)]),
    "secret": (param("p", "ENCRYPTED_STRING"), ["x"], [(4711, TYPE)]),
    "secret by number": (param("p", 21), ["x"], [(4711, TYPE)]),
    "JSON": (param("p", "JSON"), [{"a": [None]}], []),
    "dataset": (param("p", "DATASET"), [5], []),
    "unknown type": (param("p", 99), [object], []),
    "no type": ({"path": "output_info.params.p"}, [[1]], []),
    "whole number": ({"path": "output_info.params.p", "type": "INT"}, [3.0], [(3.5, TYPE)]),
    "of training": ({"path": "train_info.params.p", "field_type": "NUMBER"}, ["x"], []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_field_allows_its_values(name: str, wording: Wording) -> None:
    field, allowed, refused = CASES[name]
    assert [value for value in allowed if wrong({"p": value}, field)] == []
    assert [(value, *wrong({"p": value}, field)) for value, _ in refused] == refused
    wording(*(problem.message for value, _ in refused for problem in problems_of({"p": value}, field)))


def test_select_concepts_may_hold_ids_or_concepts() -> None:
    assert wrong({"select_concepts": ["cat", {"id": "dog"}]}, param("select_concepts", "ARRAY_OF_CONCEPTS")) == []


def test_a_problem_has_its_code_and_place(wording: Wording) -> None:
    (problem,) = problems_with_params(
        {"min_value": "0.5"},
        live={},
        fields=fields_for(model_type(ranged("min_value", max=1.0)), None),
        origins={(): HERE, ("output_info", "params", "min_value"): PLACE},
        pointer="/spec/versions/0",
    )
    assert (problem.code, problem.origin) == (TYPE, PLACE)
    assert problem.pointer == "/spec/versions/0/output_info/params/min_value"
    wording(problem)


def test_sensitive_values_are_checked_by_type_and_never_shown(wording: Wording) -> None:
    key = Sensitive("hunter2", "env:KEY")
    assert wrong({"p": key}, param("p", "ENCRYPTED_STRING")) == []
    assert wrong({"p": key}, COLORS) == []
    assert wrong({"p": Sensitive(7, "manifest")}, UNIT) == []
    others = (True, 7, None, ["hunter2"], {"hunter2": 1})
    found = [
        *problems_of({"p": key}, UNIT),
        *problems_of({"p": [1, key]}, param("p", "ARRAY_OF_NUMBERS")),
        *(each for other in others for each in problems_of({"p": Sensitive(other, "env:KEY")}, param("p", "STRING"))),
    ]
    assert [problem.code for problem in found] == [TYPE] * 7
    assert "hunter2" not in str(found)
    wording(*(problem.message for problem in found))


def test_what_leaves_the_live_value_is_never_wrong() -> None:
    live = {"p": 0.9551, "q": [1, "x"]}
    fields = (UNIT, param("q", "ARRAY_OF_NUMBERS"))
    assert wrong(live, *fields, live=live) == []
    assert wrong(live, *fields, live=live, action=Action.OVERWRITE) == []
    assert wrong({"q": ["x"]}, *fields, live=live) == []
    assert wrong({"q": ["x"]}, *fields, live=live, action=Action.OVERWRITE) != []


def test_a_param_that_nobody_declares_is_no_problem() -> None:
    assert wrong({"other": "x"}, UNIT) == []
    assert problems_with_params(
        {"p": "x"}, live={}, fields=fields_for(None, None), origins={(): HERE}
    ) == ()  # fmt: skip


REQUIRED = param("concepts", "ARRAY_OF_CONCEPTS", required=True)


def test_a_required_param_may_not_get_lost(wording: Wording) -> None:
    def lost(stated: Mapping[str, Any], live: Mapping[str, Any], **more: Any) -> tuple[Problem, ...]:
        return problems_of(stated, UNIT, REQUIRED, live=live, **more)

    live = {"concepts": [], "p": 0.5}
    assert lost({"p": 0.1}, live) == ()
    assert lost({"p": 0.5}, {"p": 0.5}, action=Action.OVERWRITE) == ()
    assert lost({"p": 0.1, "concepts": []}, live, action=Action.OVERWRITE) == ()
    found = (
        *lost({"p": 0.1}, live, action=Action.OVERWRITE),
        *lost({"p": 0.1}, {"p": 0.5}, action=Action.OVERWRITE),
        *lost({}, live, removed=("concepts", "p")),
    )
    assert [problem.code for problem in found] == ["param-required"] * 3
    wording(*(problem.message for problem in found))


TEMPLATES = param(
    "template",
    "ENUM",
    model_type_enum_options=[
        {"id": "small", "model_type_fields": [ranged("size", max=10.0), param("key", "ENCRYPTED_STRING")]},
        {"id": "large", "model_type_fields": [ranged("size", min=10.0, max=99.0)]},
    ],
)


def test_an_option_brings_its_fields_only_where_it_is_chosen() -> None:
    assert wrong({"size": 50}, TEMPLATES) == []
    assert wrong({"size": 50, "template": "small"}, TEMPLATES) == [OUT]
    assert wrong({"size": 50, "template": "large"}, TEMPLATES, live={"template": "small"}) == []
    assert wrong({"size": 50}, TEMPLATES, live={"template": "small"}) == [OUT]
    assert wrong({"size": 50}, TEMPLATES, live={"template": "small"}, action=Action.OVERWRITE) == []


def test_an_option_may_be_chosen_outside_the_params() -> None:
    training = {**TEMPLATES, "path": "train_info.params.template"}
    version = {"id": "a", "train_info": {"params": {"template": "large"}}}
    assert wrong({"size": 5}, training, version=version) == [OUT]
    assert wrong({"size": 5}, training) == []


@pytest.mark.parametrize("named", [{"path": "p"}, {"name": "p"}, {"path": "output_info.params.p"}], ids=str)
def test_params_specs_replace_the_field_of_the_type(named: Mapping[str, str]) -> None:
    version = {"id": "a", "output_info": {"params_specs": [{**named, "field_type": "STRING"}]}}
    assert wrong({"p": "long"}, UNIT, version=version) == []
    assert wrong({"p": 0.5}, UNIT, version=version) == [TYPE]


def test_secret_params_are_found_in_every_option_and_in_params_specs() -> None:
    version = {"output_info": {"params_specs": [{"path": "token", "field_type": 21}]}}
    nested = param("auth.password", "ENCRYPTED_STRING")
    training = {"path": "train_info.params.key", "field_type": "ENCRYPTED_STRING"}
    fields = fields_for(model_type(TEMPLATES, param("secrets", "ARRAY_OF_SECRETS"), nested, UNIT, training), version)
    assert sensitive_params(fields) == {"key", "secrets", "auth", "token"}
    assert sensitive_params(fields_for(None, None)) == frozenset()


def test_a_field_that_can_not_be_read_is_skipped() -> None:
    odd = [
        None,
        {},
        {"path": 5},
        {"path": "output_info..p"},
        {"path": "output_info.params"},
        {**UNIT, "field_type": ["RANGE"]},
    ]
    fields = fields_for({"id": "t", "model_type_fields": odd}, {"output_info": {"params_specs": "x"}})
    found = problems_with_params({"p": "x"}, live={}, fields=fields, origins={(): HERE})
    assert (found, sensitive_params(fields)) == ((), frozenset())


@pytest.mark.parametrize(
    ("name", "is_near"),
    [("min_valeu", True), ("min-value", True), ("minval", True), ("x", False), ("temperature", False)],
)
def test_an_unknown_param_names_the_nearest_declared_one(name: str, is_near: bool) -> None:
    def found(stated: Mapping[str, Any], live: Mapping[str, Any]) -> list[tuple[str, bool, bool]]:
        fields = fields_for(model_type(ranged("min_value", max=1.0)), None)
        problems = unknown_params(stated, live=live, fields=fields, type_id="t", origins={(): HERE})
        return [(each.code, f"params.{name} " in each.message, "min_value?" in each.message) for each in problems]

    assert found({name: 1}, {}) == [("unknown-param", True, is_near)]
    assert found({name: 1}, {name: 0}) == []


def test_a_type_that_declares_nothing_gets_one_warning_whatever_is_stated() -> None:
    fields = fields_for(model_type(), None)
    found = unknown_params({"a": 1, "b": 2}, live={}, fields=fields, type_id="t", origins={(): HERE})
    assert [each.code for each in found] == ["undeclared-params"]
    assert unknown_params({"a": 1}, live={"a": 0}, fields=fields, type_id="t", origins={(): HERE}) == ()


def entry(params: Mapping[str, Any], version: Key, *, action: Action = Action.MERGE) -> DesiredVersion:
    return DesiredVersion(
        selector=Selector(version_id=version.version_id),
        action=action,
        stated={"output_info": {"params": params}},
        origins={(): HERE},
    )


def desired(*entries: DesiredVersion) -> DesiredModel:
    return DesiredModel(key=MODEL, action=Action.MERGE, stated={}, versions=entries, origin=HERE)


def observed(model_type_id: str, versions: Mapping[Key, Mapping[str, Any]]) -> ObservedModel:
    made = tuple(ObservedVersion(key=key, document={"id": key.version_id, **doc}) for key, doc in versions.items())
    return ObservedModel(key=MODEL, document={}, model_type_id=model_type_id, latest=made[0], versions=made)


TYPES = {
    "embedding-classifier": model_type(ranged("min_value", max=1.0, step=0.01), REQUIRED),
    "visual-classifier": model_type(ranged("min_value", max=100.0, step=0.1), name="visual-classifier"),
}


def test_check_takes_each_entry_with_each_version_it_selects() -> None:
    every, one = replace(entry({"min_value": 2}, FIRST), index=1), entry({"min_value": "x", "min_valu": 1}, SECOND)
    match = Match(
        desired=desired(one, every),
        observed=observed("embedding-classifier", {FIRST: {}, SECOND: {"output_info": {"params": {"min_value": 2}}}}),
        versions={FIRST: (every,), SECOND: (one, every)},
    )
    found = findings([match], TYPES)
    assert [(each.code, each.origin, each.pointer) for each in found.problems] == [
        ("unknown-param", HERE, "/spec/versions/0/output_info/params/min_valu"),
        (TYPE, HERE, "/spec/versions/0/output_info/params/min_value"),
        (OUT, HERE, "/spec/versions/1/output_info/params/min_value"),
    ]
    assert check([match], TYPES) == found.problems
    assert found.warnings == ()


def test_check_warns_once_of_a_type_that_it_does_not_know() -> None:
    stated = entry({"min_value": 2}, FIRST)
    match = Match(desired=desired(stated), observed=observed("mystery", {FIRST: {}}), versions={FIRST: (stated,)})
    found = findings([match], TYPES)
    assert (found.problems, [each.code for each in found.warnings]) == ((), ["undeclared-params"])


def test_offline_what_no_type_allows_is_a_problem(wording: Wording) -> None:
    def offline(params: Mapping[str, Any]) -> tuple[Problem, ...]:
        return check_offline(Desired(models=(desired(entry(params, FIRST)),)), TYPES)

    assert offline({"min_value": 50, "other": "x"}) == ()
    (problem,) = offline({"min_value": 200})
    assert problem.code == OUT
    wording(problem)


def test_a_snapshot_is_model_types_by_id() -> None:
    snapshot = {"kind": "ModelTypes", "model_types": list(TYPES.values())}
    assert types_from_snapshot(json.loads(json.dumps(snapshot))) == TYPES
    assert types_from_snapshot({"kind": "ModelTypes", "model_types": []}) == {}


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"kind": "Models", "models": []},
        {"kind": "ModelTypes"},
        {"kind": "ModelTypes", "model_types": {}},
        {"kind": "ModelTypes", "model_types": ["x"]},
        {"kind": "ModelTypes", "model_types": [{"title": "x"}]},
        {"kind": "ModelTypes", "model_types": [{"id": "x", "model_type_fields": 5}]},
        {"kind": "ModelTypes", "model_types": [{"id": "x"}, {"id": "x", "title": "y"}]},
    ],
    ids=json.dumps,
)
def test_anything_else_is_no_snapshot(data: Any, wording: Wording) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        types_from_snapshot(data)
    wording(raised.value)
