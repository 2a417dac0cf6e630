from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.errors import Origin, Problem, ProblemsError
from reconciler.loading.load import load
from reconciler.manifests.structs import MAX_EXACT
from reconciler.manifests.validate import Validated, desired_from_documents
from reconciler.resources.desired import Desired, DesiredModel, DesiredVersion, Removal, Selector
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key
from reconciler.resources.secrets import Sensitive
from tests.loading.manifests import HEADER, loaded_from
from tests.wording import Wording

ROOT = Path(__file__).parents[2]
BAD = ROOT / "tests" / "data" / "bad"
TABLE = BAD / "problems.txt"
VARIABLES = {"name": "Pets", "number": 5}
ENVIRON = {"RECONCILER_TEST_SET": "planted-secret"}


def validated(
    source: str | list[str],
    *,
    user_id: str | None = None,
    app_id: str | None = None,
    flag_user_id: str | None = None,
    flag_app_id: str | None = None,
    variables: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Validated:
    """What a text, or a list of paths, is validated to."""
    return desired_from_documents(
        load(source) if isinstance(source, list) else loaded_from(source),
        user_id=user_id,
        app_id=app_id,
        flag_user_id=flag_user_id,
        flag_app_id=flag_app_id,
        variables=variables or {},
        environ=environ or {},
    )


def problems_of(source: str | list[str], **options: Any) -> tuple[Problem, ...]:
    with pytest.raises(ProblemsError) as caught:
        validated(source, **options)
    return caught.value.problems


def table_of(source: str | list[str]) -> list[str]:
    """The lines of the table: each problem as it is printed, its code and its pointer."""
    problems = problems_of(source, variables=VARIABLES, environ=ENVIRON)
    return [f"{problem} [{problem.code} {problem.pointer}]" for problem in problems]


def marks(problems: Iterable[Problem]) -> list[tuple[str, int, int]]:
    """The code and the place of each."""
    return [(problem.code, problem.origin.line, problem.origin.column) for problem in problems]


def at(line: int, column: int) -> Origin:
    return Origin(path="-", line=line, column=column)


# --- every bad manifest, and what is reported about it --------------------------------------------------------


def test_all_problems_of_each_bad_manifest_are_reported(update_golden: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    names = sorted(path.name for path in BAD.glob("*.yaml"))
    found = {name: table_of([name]) for name in names}
    if update_golden:
        TABLE.write_text("".join(f"{line}\n" for lines in found.values() for line in lines), encoding="utf-8")
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    table = {name: list(group) for name, group in itertools.groupby(lines, key=lambda line: line.split(":", 1)[0])}
    assert found == table
    assert len(found) >= 30
    assert table_of(["."]) == lines, "the problems of all files together, by file and line"


def test_no_problem_shows_what_an_environment_variable_holds(wording: Wording) -> None:
    assert ENVIRON["RECONCILER_TEST_SET"] not in TABLE.read_text(encoding="utf-8")
    secret = (
        HEADER + "spec: {metadata: {reconciler: '${env:S}'}, toolkits: ['${env:S}', '${env:S}'], versions: '${env:S}'}"
    )
    found = problems_of(secret, environ={"S": "planted-secret"})
    assert marks(found) == [("reserved-key", 4, 31), ("repeated-item", 4, 67), ("wrong-type", 4, 90)]
    assert "planted-secret" not in str(found)
    wording(*found)


# --- what good manifests mean ---------------------------------------------------------------------------------

FULL = """\
apiVersion: reconciler/v1
kind: Model
metadata:
  id: petsID
  user_id: me
  app_id: pets
  labels: {team: vision}
spec:
  action: overwrite
  name: Pets
  visibility: PRIVATE
  toolkits: [OpenAI]
  languages: []
  image: {url: "https://example.com/a.jpg"}
  metadata: {owner: vision, contact: {mail: a@example.com}, tags: [b, a], none: null, large: 20.0}
  protect: true
  retain_versions: 3.0
  remove:
    use_cases: [llm]
    metadata: [legacy, contact.phone, 'a\\.b']
  versions:
    - id: b0b89c973e5d4b6d9599ce13da04b894
      output_info:
        params: {min_value: 0.95, max_concepts: 20.0}
    - select: latest
      action: merge
      license: MIT
      remove: {params: [top_k], metadata: [draft]}
"""


def test_a_manifest_becomes_what_it_states_with_the_place_of_each_path() -> None:
    model = DesiredModel(
        key=Key(user_id="me", app_id="pets", model_id="petsID"),
        action=Action.OVERWRITE,
        stated={
            "name": "Pets",
            "visibility": "PRIVATE",
            "toolkits": ["OpenAI"],
            "languages": [],
            "image": {"url": "https://example.com/a.jpg"},
            "metadata": {
                "owner": "vision",
                "contact": {"mail": "a@example.com"},
                "tags": ["b", "a"],
                "none": None,
                "large": 20,
            },
        },
        removals=(
            Removal(path=("use_cases",), item="llm", origin=at(19, 17)),
            Removal(path=("metadata", "legacy"), origin=at(20, 16)),
            Removal(path=("metadata", "contact", "phone"), origin=at(20, 24)),
            Removal(path=("metadata", "a.b"), origin=at(20, 39)),
        ),
        versions=(
            DesiredVersion(
                selector=Selector(version_id="b0b89c973e5d4b6d9599ce13da04b894"),
                action=Action.OVERWRITE,
                stated={"output_info": {"params": {"min_value": 0.95, "max_concepts": 20}}},
                origins={
                    (): at(22, 7),
                    ("output_info",): at(24, 9),
                    ("output_info", "params"): at(24, 17),
                    ("output_info", "params", "min_value"): at(24, 29),
                    ("output_info", "params", "max_concepts"): at(24, 49),
                },
            ),
            DesiredVersion(
                selector=Selector(select="latest"),
                action=Action.MERGE,
                stated={"license": "MIT"},
                removals=(
                    Removal(path=("metadata", "draft"), origin=at(28, 44)),
                    Removal(path=("output_info", "params", "top_k"), origin=at(28, 25)),
                ),
                origins={(): at(25, 7), ("license",): at(27, 16)},
            ),
        ),
        labels={"team": "vision"},
        protect=True,
        retain_versions=3,
        origin=at(1, 1),
        origins={
            (): at(9, 3),
            ("name",): at(10, 9),
            ("visibility",): at(11, 15),
            ("toolkits",): at(12, 13),
            ("languages",): at(13, 14),
            ("image",): at(14, 10),
            ("image", "url"): at(14, 16),
            ("metadata",): at(15, 13),
            ("metadata", "owner"): at(15, 21),
            ("metadata", "contact"): at(15, 38),
            ("metadata", "contact", "mail"): at(15, 45),
            ("metadata", "tags"): at(15, 67),
            ("metadata", "none"): at(15, 81),
            ("metadata", "large"): at(15, 94),
        },
    )
    loaded = loaded_from(FULL)
    assert validated(FULL) == Validated(
        desired=Desired(models=(model,), files=("-",), digest=loaded.digest, has_references=False)
    )


def test_numbers_are_ints_where_a_double_holds_them_exactly() -> None:
    text = (
        HEADER
        + "spec: {metadata: {a: 20.0, b: 9007199254740992, c: 9007199254740992.0, d: 1.0e+300, e: -0.0, f: true}}"
    )
    (model,) = validated(text).desired.models
    assert json.dumps(model.stated["metadata"]) == json.dumps(
        {"a": 20, "b": MAX_EXACT, "c": MAX_EXACT, "d": 1e300, "e": 0, "f": True}
    )


def test_an_environment_variable_is_sensitive_wherever_it_lands() -> None:
    text = HEADER + (
        "spec:\n  notes: ${env:NOTES}\n  metadata: {a: ['${env:NOTES}'], b: '${var:key}'}\n"
        "  versions: [{select: all, output_info: {params: '${var:params}'}}]\n"
    )
    variables = {"key": "${env:NOTES}", "params": {"api_key": "${env:NOTES}", "top_k": 5.0}}
    (model,) = validated(text, variables=variables, environ={"NOTES": "s3cret"}).desired.models
    secret = Sensitive("s3cret", "env:NOTES")
    assert model.stated == {"notes": secret, "metadata": {"a": [secret], "b": secret}}
    assert model.versions[0].stated == {"output_info": {"params": {"api_key": secret, "top_k": 5}}}
    assert model.versions[0].origins[("output_info", "params", "top_k")] == at(7, 50)
    assert repr(secret) == "(sensitive)"


def test_a_variable_may_stand_for_any_part_but_a_key(wording: Wording) -> None:
    text = (
        "apiVersion: '${var:api}'\nkind: Model\nmetadata: {id: '${var:id}', user_id: me, app_id: pets}\n"
        "spec: {visibility: '${var:who}', toolkits: '${var:tags}', protect: '${var:keep}', metadata: {'${var:id}': 1}}\n"
    )
    variables = {"api": "reconciler/v1", "id": "petsID", "who": "ORG", "tags": ["a", "b"], "keep": False}
    assert validated(text, variables=variables).desired.models[0].stated == {
        "visibility": "ORG",
        "toolkits": ["a", "b"],
        "metadata": {"${var:id}": 1},
    }
    warnings = validated(text, variables=variables).warnings
    assert marks(warnings) == [("reference-in-key", 4, 107)]
    wording(*warnings)


def test_an_empty_file_set_wants_nothing(tmp_path: Path) -> None:
    done = validated([str(tmp_path)])
    assert done.desired.models == ()
    assert [problem.code for problem in done.warnings] == ["no-manifests"]


# --- whose model ----------------------------------------------------------------------------------------------

BARE = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {id: petsID}\nspec: {}\n"
NAMED = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {id: petsID, user_id: me, app_id: pets}\nspec: {}\n"


@pytest.mark.parametrize(
    ("text", "options", "address"),
    [
        (BARE, {"user_id": "you", "app_id": "cats"}, "you/cats/petsID"),
        (BARE, {"user_id": "you", "app_id": "cats", "flag_user_id": "f", "flag_app_id": "g"}, "f/g/petsID"),
        (BARE, {"flag_user_id": "f", "flag_app_id": "g"}, "f/g/petsID"),
        (NAMED, {"user_id": "you", "app_id": "cats"}, "me/pets/petsID"),
        (NAMED, {"flag_user_id": "me", "flag_app_id": "pets"}, "me/pets/petsID"),
    ],
)
def test_a_flag_beats_the_manifest_beats_the_settings(text: str, options: dict[str, Any], address: str) -> None:
    assert [model.key.address for model in validated(text, **options).desired.models] == [address]


def test_a_flag_that_contradicts_a_manifest_is_a_problem(wording: Wording) -> None:
    found = problems_of(NAMED, flag_user_id="you", flag_app_id="cats")
    assert marks(found) == [("contradicts-flag", 3, 33), ("contradicts-flag", 3, 45)]
    wording(*found)


def test_an_empty_setting_is_no_app(wording: Wording) -> None:
    found = problems_of(BARE, user_id="me", app_id="")
    assert [problem.origin for problem in found] == [at(3, 11)]
    wording(*found)


def test_two_manifests_for_one_model_name_both_places_in_any_order(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(NAMED, encoding="utf-8")
    two.write_text(NAMED, encoding="utf-8")
    for paths in ([str(one), str(two)], [str(two), str(one)]):
        (problem,) = problems_of(paths)
        assert (problem.code, problem.origin) == ("duplicate-model", Origin(path=str(two), line=3, column=16))
        assert f"{one}:3:16" in problem.message


# --- warnings -------------------------------------------------------------------------------------------------


def test_yaml_surprises_in_structs_are_warned_about(wording: Wording) -> None:
    text = HEADER + (
        "spec:\n  metadata: {a: no, b: 012, c: 1_000, d: 12:30, e: [Off], f: 1e3, g: 0o17, h: 1:30.5}\n"
        "  protect: yes\n"
        "  versions: [{select: latest, output_info: {params: {fine: true, also: 0x1F, text: 'no', zero: 0, on_: 0.5}}}]\n"
    )
    done = validated(text)
    columns = (17, 24, 32, 42, 53, 62, 70, 79)
    assert marks(done.warnings) == [("yaml-surprise", 5, column) for column in columns]
    assert done.desired.models[0].protect is True
    wording(*done.warnings)


def test_ids_that_are_only_unusual_are_warned_about(wording: Wording) -> None:
    text = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {id: pets.v2, user_id: me, app_id: pets}\nspec: {}\n"
    warnings = validated(text).warnings
    assert marks(warnings) == [("unusual-id", 3, 16)]
    wording(*warnings)


def test_an_empty_struct_states_nothing_under_merge_and_empties_under_overwrite(wording: Wording) -> None:
    warnings = validated(HEADER + "spec: {metadata: {}}\n").warnings
    assert marks(warnings) == [("states-nothing", 4, 18)]
    assert validated(HEADER + "spec: {action: overwrite, metadata: {}, toolkits: []}\n").warnings == ()
    wording(*warnings)


# --- laws -----------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_EXACT, MAX_EXACT)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT.filter(lambda text: "${" not in text)
)
STRUCTS = st.dictionaries(
    TEXT.filter(bool),
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT.filter(bool), inner, max_size=4)
    ),
    max_size=5,
)


def normalised(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: normalised(item) for name, item in value.items()}
    if isinstance(value, list):
        return [normalised(item) for item in value]
    is_exact = isinstance(value, float) and value.is_integer() and abs(value) <= MAX_EXACT
    return int(value) if is_exact else value


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(params=STRUCTS, flow=st.sampled_from([True, False, None]))
def test_any_struct_that_yaml_can_write_comes_back_equal(params: dict[str, Any], flow: bool | None) -> None:
    document = {
        "apiVersion": "reconciler/v1",
        "kind": "Model",
        "metadata": {"id": "petsID", "user_id": "me", "app_id": "pets"},
        "spec": {"versions": [{"select": "latest", "output_info": {"params": params}}]},
    }
    (model,) = validated(yaml.safe_dump(document, default_flow_style=flow)).desired.models
    held = model.versions[0].stated["output_info"]["params"]
    assert json.dumps(held, sort_keys=True) == json.dumps(normalised(params), sort_keys=True)


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(4)), split=st.integers(0, 4))
def test_the_order_of_paths_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], split: int
) -> None:
    folder = tmp_path_factory.mktemp("manifests")
    paths = []
    for number in range(4):
        path = folder / f"{number}.yaml"
        path.write_text(NAMED.replace("petsID", f"m{3 - number}"), encoding="utf-8")
        paths.append(str(path))
    shuffled = [paths[number] for number in order]
    assert validated([*shuffled[:split], *shuffled]) == validated(paths)
    assert [model.key.model_id for model in validated(shuffled).desired.models] == ["m0", "m1", "m2", "m3"]


def test_the_examples_are_valid_without_warnings() -> None:
    done = validated([str(ROOT / "examples" / "manifests")])
    assert done.warnings == ()
    assert [model.key.address for model in done.desired.models] == [
        "demo/pets/pet-breeds",
        "demo/pets/pet-names",
        "demo/pets/petsID",
    ]


def test_the_examples_need_no_second_look() -> None:
    documents = load([str(ROOT / "examples" / "manifests")]).documents
    assert [document.path for document in documents if not (document.is_ordinary or document.has_references)] == []
