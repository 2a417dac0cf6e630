"""What is wrong with params, by the service's model types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.compare.match import Match
from reconciler.compare.params.check import (
    Findings,
    check,
    check_offline,
    findings,
    misspelt_params,
    problems_with_params,
)
from reconciler.compare.params.fields import fields_for, sensitive_params, types_from_snapshot
from reconciler.errors import Origin, Problem
from reconciler.resources.desired import Desired, DesiredModel, DesiredVersion, Removal, Selector
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key
from reconciler.resources.observed import Document, ObservedModel, ObservedVersion
from reconciler.resources.secrets import Sensitive

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
) -> list[tuple[str, str]]:
    """The code and message of each problem, the messages without the path that begins each."""
    problems = problems_with_params(
        stated,
        live=live or {},
        fields=fields_for(model_type(*fields), version),
        origins={},
        default_origin=HERE,
        action=action,
        removals=[Removal(path=("output_info", "params", name), origin=HERE) for name in removed],
    )
    return [(problem.code, problem.message.removeprefix("output_info.params.")) for problem in problems]


def text_about(value: Any, field: Mapping[str, Any]) -> str | None:
    """What is said of one value for a field named p."""
    found = wrong({"p": value}, field)
    assert len(found) <= 1
    return found[0][1].removeprefix("p: ") if found else None


UNIT = ranged("p", max=1.0, step=0.009999999776482582)
BOUNDED = ranged("p", min=32.0, max=1024.0, step=16.0)

RANGES: list[tuple[Mapping[str, Any], Any, str | None]] = [
    (UNIT, 0.95, None),
    (UNIT, 0, None),
    (UNIT, 1.0, None),
    (UNIT, 0.1 + 0.2, None),
    (
        UNIT,
        0.955,
        "0.955 is off the grid of 0.01 from 0 to 1: the nearest allowed value is 0.95 or 0.96.",
    ),
    (UNIT, 0.953, "0.953 is off the grid of 0.01 from 0 to 1: the nearest allowed value is 0.95."),
    (UNIT, 1.5, "1.5 is out of the range from 0 to 1: the nearest allowed value is 1."),
    (UNIT, -1e-50, "-1E-50 is out of the range from 0 to 1: the nearest allowed value is 0."),
    (UNIT, 10**400, "1E+400 is out of the range from 0 to 1: the nearest allowed value is 1."),
    (UNIT, True, "a number is wanted, found true."),
    (UNIT, "0.95", 'a number is wanted, found the text "0.95".'),
    (UNIT, None, "a number is wanted, found nothing."),
    (UNIT, [0.5], "a number is wanted, found a list."),
    (BOUNDED, 256.0, None),
    (BOUNDED, 250, "250 is off the grid of 16 from 32 to 1024: the nearest allowed value is 256."),
    (BOUNDED, 8, "8 is out of the range from 32 to 1024: the nearest allowed value is 32."),
    (ranged("p", min=1.0, max=10.0, step=2.0), 4, "4 is off the grid of 2 from 1 to 10: the nearest allowed value is 3 or 5."),
    # The grid passes over the maximum, which is allowed all the same; what is named is on the grid.
    (ranged("p", min=1.0, max=10.0, step=2.0), 10, None),
    (ranged("p", min=1.0, max=10.0, step=2.0), 11, "11 is out of the range from 1 to 10: the nearest allowed value is 9."),
    (ranged("p", max=1.0), 0.123456, None),
    # 2147483647 is 2147483648 as a float32: the type's author meant it.
    (ranged("p", max=2147483648.0, step=1.0), 2147483647, None),
    (ranged("p", max=2147483648.0, step=1.0), 123456789.5, (
        "123456789.5 is off the grid of 1 from 0 to 2147483600: the nearest allowed value is 123456789 or 123456790.")),
    # No maximum: nothing bounds above, and nothing below but a minimum that is there.
    (ranged("p", step=0.5), -3, None),
    (ranged("p", step=0.5), 7.25, "7.25 is off the grid of 0.5 from 0: the nearest allowed value is 7 or 7.5."),
    (ranged("p", min=2.0), 1, "1 is out of the range from 2: the nearest allowed value is 2."),
    (ranged("p", min=-1.0, step=0.5), 0.5, None),
    (ranged("p", max=-1.0), -2, None),
    (ranged("p", max=-1.0), 0, "0 is out of the range to -1: the nearest allowed value is -1."),
    (ranged("p", min=5.0, max=1.0), 99, None),
    (ranged("p", max="Infinity", step="NaN"), 99.5, None),
    (ranged("p", max=1e39), 99.5, None),
    (param("p", "RANGE"), 99.5, None),
    # The type's own default is off the grid that starts at 1, so the grid isn't that one.
    (param("p", "RANGE", default_value=512.0, model_type_range_info={"min": 1.0, "max": 4096.0, "step": 32.0}), 64, None),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "expected"), RANGES)
def test_a_range_has_bounds_and_a_grid(field: Mapping[str, Any], value: Any, expected: str | None) -> None:
    assert text_about(value, field) == expected


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
OPTIONS = '"LESS_THAN" (or 3), "GREATER_THAN" (or "GT*"), "off"'

VALUES: list[tuple[Mapping[str, Any], Any, str | None]] = [
    (param("p", "NUMBER"), 1e9, None),
    (param("p", "NUMBER"), False, "a number is wanted, found false."),
    (param("p", "STRING"), "", None),
    (param("p", "STRING"), 12, "a text is wanted, found the number 12."),
    (param("p", "PYTHON_CODE"), ["x"], "a text is wanted, found a list."),
    (param("p", "BOOLEAN"), True, None),
    (param("p", "BOOLEAN"), "yes", 'true or false is wanted, found the text "yes".'),
    (param("p", "BOOLEAN"), 1, "true or false is wanted, found the number 1."),
    (COLORS, "LESS_THAN", None),
    (COLORS, 3, None),
    (COLORS, 3.0, None),
    (COLORS, "GTE", None),
    (COLORS, "STAFF", None),
    (COLORS, "LES_THAN", f'"LES_THAN" is not one of {OPTIONS}: the nearest is "LESS_THAN".'),
    (COLORS, 4, f"4 is not one of {OPTIONS}."),
    (COLORS, False, "an option's name or number is wanted, found false."),
    (param("p", "ENUM"), "anything", None),
    (param("p", "ENUM", model_type_enum_options=[{"id": "A", "aliases": [{}]}]), 0, None),
    (param("p", "ENUM", model_type_enum_options=[{"id": "A", "aliases": [{"wildcard_string": "("}]}]), "A", None),
    (param("p", "ENUM", model_type_enum_options=[{"id": "A", "aliases": [{"wildcard_string": "("}]}]), "(", None),
    (param("p", "ENUM", model_type_enum_options=[{"id": "A", "aliases": [{"wildcard_string": "("}]}]), "B",
     '"B" is not one of "A" (or "(").'),
    (param("p", "RECURSIVE_ENUM", model_type_enum_options=[{"id": "A"}]), {"A": 1}, None),
    (param("p", "RECURSIVE_ENUM", model_type_enum_options=[{"id": "A"}]), "B", '"B" is not one of "A".'),
    (param("p", "RECURSIVE_ENUM", model_type_enum_options=[
        {"id": "A", "model_type_fields": [param("p", "RECURSIVE_ENUM", model_type_enum_options=[{"id": "B"}])]}
    ]), "B", None),
    (param("p", "RECURSIVE_ENUM", model_type_enum_options=[
        {"id": "A", "model_type_fields": [param("q", "ENUM", model_type_enum_options=[{"id": "B"}])]}
    ]), "B", '"B" is not one of "A".'),
    (param("p", "ARRAY_OF_NUMBERS"), [320, 1.5], None),
    (param("p", "ARRAY_OF_NUMBERS"), 320, "a list is wanted, found the number 320."),
    (param("p", "ARRAY_OF_NUMBERS"), [320, "x"],
     'item 2 is the text "x", and a list of which each is a number is wanted.'),
    (param("p", "ARRAY_OF_STRINGS"), ["a"], None),
    (param("p", "ARRAY_OF_STRINGS"), [None], "item 1 is nothing, and a list of which each is a text is wanted."),
    (param("p", "ARRAY_OF_CONCEPTS"), [{"id": "cat", "value": 1}], None),
    (param("p", "ARRAY_OF_CONCEPTS"), ["cat"],
     'item 1 is the text "cat", and a list of which each is a mapping with an id is wanted.'),
    (param("p", "ARRAY_OF_SECRETS"), [{"name": "x"}, "y"], None),
    (param("p", "ARRAY_OF_SECRETS"), "hunter2", "a list is wanted, found a text."),
    (param("p", "ENCRYPTED_STRING"), 4711, "a text is wanted, found a number."),
    (param("p", "JSON"), {"a": [None]}, None),
    (param("p", "DATASET"), 5, None),
    (param("p", 99), object, None),
    (param("p", 21), 4711, "a text is wanted, found a number."),
    ({"path": "output_info.params.p"}, [1], None),
    ({"path": "output_info.params.p", "type": "INT"}, 3.0, None),
    ({"path": "output_info.params.p", "type": "INT"}, 3.5, "a whole number is wanted, found the number 3.5."),
    ({"path": "train_info.params.p", "field_type": "NUMBER"}, "x", None),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "expected"), VALUES)
def test_a_field_type_allows_its_values(field: Mapping[str, Any], value: Any, expected: str | None) -> None:
    assert text_about(value, field) == expected


def test_select_concepts_may_hold_ids_or_concepts() -> None:
    assert wrong({"select_concepts": ["cat", {"id": "dog"}]}, param("select_concepts", "ARRAY_OF_CONCEPTS")) == []


def test_a_problem_names_code_place_and_remedy() -> None:
    problems = problems_with_params(
        {"min_value": "0.5"},
        live={},
        fields=fields_for(model_type(ranged("min_value", max=1.0)), None),
        origins={("output_info", "params", "min_value"): PLACE},
        default_origin=HERE,
        pointer="/spec/versions/0",
    )
    assert problems == (
        Problem(
            code="param-type",
            message='output_info.params.min_value: a number is wanted, found the text "0.5".',
            origin=PLACE,
            pointer="/spec/versions/0/output_info/params/min_value",
            hint="Write it without quotes. `reconciler get types embedding-classifier` shows what this model type takes.",
        ),
    )


def test_sensitive_values_are_checked_by_type_and_never_shown() -> None:
    key = Sensitive("hunter2", "env:KEY")
    assert wrong({"p": key}, param("p", "ENCRYPTED_STRING")) == []
    assert wrong({"p": key}, COLORS) == []
    assert wrong({"p": Sensitive(7, "manifest")}, UNIT) == []
    assert wrong({"p": key}, UNIT) == [("param-type", "p: a number is wanted, found a text.")]
    assert wrong({"p": [1, key]}, param("p", "ARRAY_OF_NUMBERS")) == [
        ("param-type", "p: item 2 is a text, and a list of which each is a number is wanted.")
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "true or false"),
        (7, "a number"),
        (None, "nothing"),
        (["hunter2"], "a list"),
        ({"hunter2": 1}, "a mapping"),
    ],
)
def test_of_a_secret_of_another_type_only_the_type_is_told(value: Any, said: str) -> None:
    found = wrong({"p": Sensitive(value, "env:KEY")}, param("p", "STRING"))
    assert found == [("param-type", f"p: a text is wanted, found {said}.")]


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
        {"p": "x"}, live={}, fields=fields_for(None, None), origins={}, default_origin=HERE
    ) == ()  # fmt: skip


REQUIRED = param("concepts", "ARRAY_OF_CONCEPTS", required=True)
LOST = ("param-required", "concepts is required, and this overwrite leaves the version without it.")
REMOVED = ("param-required", "concepts is required, so it can't be removed.")


def test_a_required_param_may_not_get_lost() -> None:
    live = {"concepts": [], "p": 0.5}
    assert wrong({"p": 0.1}, UNIT, REQUIRED, live=live) == []
    assert wrong({"p": 0.1}, UNIT, REQUIRED, live=live, action=Action.OVERWRITE) == [LOST]
    assert wrong({"p": 0.1}, UNIT, REQUIRED, live={"p": 0.5}, action=Action.OVERWRITE) == [LOST]
    assert wrong({"p": 0.5}, UNIT, REQUIRED, live={"p": 0.5}, action=Action.OVERWRITE) == []
    assert wrong({"p": 0.1, "concepts": []}, UNIT, REQUIRED, live=live, action=Action.OVERWRITE) == []
    assert wrong({}, UNIT, REQUIRED, live=live, removed=("concepts", "p")) == [REMOVED]


TEMPLATES = param(
    "template",
    "ENUM",
    model_type_enum_options=[
        {"id": "small", "model_type_fields": [ranged("size", max=10.0), param("key", "ENCRYPTED_STRING")]},
        {"id": "large", "model_type_fields": [ranged("size", min=10.0, max=99.0)]},
    ],
)


def test_an_option_brings_its_fields_only_where_it_is_chosen() -> None:
    small = [("param-out-of-range", "size: 50 is out of the range from 0 to 10: the nearest allowed value is 10.")]
    assert wrong({"size": 50}, TEMPLATES) == []
    assert wrong({"size": 50, "template": "small"}, TEMPLATES) == small
    assert wrong({"size": 50, "template": "large"}, TEMPLATES, live={"template": "small"}) == []
    assert wrong({"size": 50}, TEMPLATES, live={"template": "small"}) == small
    assert wrong({"size": 50}, TEMPLATES, live={"template": "small"}, action=Action.OVERWRITE) == []


def test_an_option_may_be_chosen_outside_the_params() -> None:
    training = {**TEMPLATES, "path": "train_info.params.template"}
    version = {"id": "a", "train_info": {"params": {"template": "large"}}}
    assert wrong({"size": 5}, training, version=version) == [
        ("param-out-of-range", "size: 5 is out of the range from 10 to 99: the nearest allowed value is 10.")
    ]
    assert wrong({"size": 5}, training) == []


@pytest.mark.parametrize("named", [{"path": "p"}, {"name": "p"}, {"path": "output_info.params.p"}], ids=str)
def test_params_specs_replace_the_field_of_the_type(named: Mapping[str, str]) -> None:
    version = {"id": "a", "output_info": {"params_specs": [{**named, "field_type": "STRING"}]}}
    assert wrong({"p": "long"}, UNIT, version=version) == []
    assert wrong({"p": 0.5}, UNIT, version=version) == [("param-type", "p: a text is wanted, found the number 0.5.")]


def test_secret_params_are_found_in_every_option_and_in_params_specs() -> None:
    version = {"output_info": {"params_specs": [{"path": "token", "field_type": 21}]}}
    nested = param("auth.password", "ENCRYPTED_STRING")
    training = {"path": "train_info.params.key", "field_type": "ENCRYPTED_STRING"}
    fields = fields_for(model_type(TEMPLATES, param("secrets", "ARRAY_OF_SECRETS"), nested, UNIT, training), version)
    assert sensitive_params(fields) == {"key", "secrets", "auth", "token"}
    assert sensitive_params(fields_for(None, None)) == frozenset()


def test_a_field_that_can_not_be_read_is_passed_over() -> None:
    odd = [
        None,
        {},
        {"path": 5},
        {"path": "output_info..p"},
        {"path": "output_info.params"},
        {**UNIT, "field_type": ["RANGE"]},
    ]
    fields = fields_for({"id": "t", "model_type_fields": odd}, {"output_info": {"params_specs": "x"}})
    found = problems_with_params({"p": "x"}, live={}, fields=fields, origins={}, default_origin=HERE)
    assert (found, sensitive_params(fields)) == ((), frozenset())


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("min_valeu", True),
        ("min_vale", True),
        ("min_valuee", True),
        ("min-value", True),
        ("minval", False),
        ("x", False),
    ],
)
def test_a_misspelt_param_is_a_warning(name: str, near: bool) -> None:
    def warnings(stated: Mapping[str, Any], live: Mapping[str, Any]) -> tuple[str, ...]:
        fields = fields_for(model_type(ranged("min_value", max=1.0)), None)
        found = misspelt_params(stated, live=live, fields=fields, origins={}, default_origin=HERE)
        return tuple(f"{warning.code}: {warning.message}" for warning in found)

    said = f"unknown-param: output_info.params.{name} is not declared by the model's type: did you mean min_value?"
    assert warnings({name: 1}, {}) == ((said,) if near else ())
    assert warnings({name: 1}, {name: 0}) == ()
    assert warnings({name: 1, "min_value": 1}, {}) == ()


def entry(params: Mapping[str, Any], version: Key, *, action: Action = Action.MERGE) -> DesiredVersion:
    return DesiredVersion(
        selector=Selector(version_id=version.version_id),
        action=action,
        stated={"output_info": {"params": params}},
        origin=HERE,
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
    every, one = entry({"min_value": 2}, FIRST), entry({"min_value": "x", "min_valu": 1}, SECOND)
    match = Match(
        desired=desired(one, every),
        observed=observed("embedding-classifier", {FIRST: {}, SECOND: {"output_info": {"params": {"min_value": 2}}}}),
        versions={FIRST: (every,), SECOND: (one, every)},
    )
    by_type = "`reconciler get types embedding-classifier` shows what this model type takes."
    found = findings([match], TYPES)
    assert found.problems == (
        Problem(
            code="param-type",
            message='output_info.params.min_value: a number is wanted, found the text "x".',
            origin=HERE,
            pointer="/spec/versions/0/output_info/params/min_value",
            hint=by_type,
        ),
        Problem(
            code="param-out-of-range",
            message="output_info.params.min_value: 2 is out of the range from 0 to 1: the nearest allowed value is 1.",
            origin=HERE,
            pointer="/spec/versions/1/output_info/params/min_value",
            hint=by_type,
        ),
    )
    assert check([match], TYPES) == found.problems
    # min_value is stated too, so min_valu is not taken for a misspelling of it.
    assert found.warnings == ()


def test_check_says_nothing_of_a_type_that_it_does_not_know() -> None:
    stated = entry({"min_value": 2}, FIRST)
    match = Match(desired=desired(stated), observed=observed("mystery", {FIRST: {}}), versions={FIRST: (stated,)})
    assert findings([match], TYPES) == Findings()


def test_offline_what_no_type_allows_is_a_problem() -> None:
    def offline(params: Mapping[str, Any]) -> list[str]:
        found = check_offline(Desired(models=(desired(entry(params, FIRST)),)), TYPES)
        return [problem.message for problem in found]

    assert offline({"min_value": 50, "other": "x"}) == []
    assert offline({"min_value": 200}) == [
        "output_info.params.min_value: 200 is out of the range from 0 to 1: the nearest allowed value is 1; no other type or option that has this param allows it either."
    ]


def test_a_snapshot_is_model_types_by_id() -> None:
    snapshot = {"kind": "ModelTypes", "model_types": list(TYPES.values())}
    assert types_from_snapshot(json.loads(json.dumps(snapshot))) == TYPES
    assert types_from_snapshot({"kind": "ModelTypes", "model_types": []}) == {}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ([], 'it is no JSON object whose "kind" is "ModelTypes"'),
        ({"kind": "Models", "models": []}, 'it is no JSON object whose "kind" is "ModelTypes"'),
        ({"kind": "ModelTypes"}, '"model_types" must be a list, found nothing'),
        ({"kind": "ModelTypes", "model_types": {}}, '"model_types" must be a list, found a mapping'),
        ({"kind": "ModelTypes", "model_types": ["x"]}, "model_types[0] is no model type: it has no id"),
        ({"kind": "ModelTypes", "model_types": [{"title": "x"}]}, "model_types[0] is no model type: it has no id"),
        (
            {"kind": "ModelTypes", "model_types": [{"id": "x", "model_type_fields": 5}]},
            "model_types[0].model_type_fields must be a list",
        ),
        (
            {"kind": "ModelTypes", "model_types": [{"id": "x"}, {"id": "x", "title": "y"}]},
            'it holds two different model types "x"',
        ),
    ],
)
def test_anything_else_is_no_snapshot(data: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        types_from_snapshot(data)
    assert str(caught.value) == reason
