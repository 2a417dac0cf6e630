"""Settings: where each comes from, what wins, and what a wrong one says."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.config import Flags, Limits, PruneLimits, Settings, Token, settings
from reconciler.config.endpoint import parse_endpoint
from reconciler.errors import Problem, ProblemsError, ReconcilerError, UsageError
from tests.wording import Wording

HEAD = "apiVersion: reconciler/v1\nkind: Config\n"

WHOLE = """\
apiVersion: reconciler/v1
kind: Config
owner: vision-team-models
user_id: file-user
app_id: file-app
endpoint: https://file.clarifai.com
prune: {max_count: 7, max_percent: 2.5, protect: ["prod-*"]}
limits: {rate: 10, parallelism: 4, batch: 16, timeout: 20}
environments:
  staging: {app_id: staging-app, vars: {threshold: 0.8}}
  prod:
    user_id: prod-user
    app_id: prod-app
    endpoint: https://prod.clarifai.com
    pat_env: CLARIFAI_PAT_PROD
    vars: {threshold: 0.95, labels: [a, b]}
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """A working directory and a home of one test."""

    cwd: Path
    home: Path

    def resolve(self, environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
        return settings(flags=Flags(**flags), environ=environ or {}, cwd=self.cwd, home=self.home)

    def write(self, text: str, name: str = "reconciler.yaml") -> None:
        (self.cwd / name).write_text(text, encoding="utf-8")

    def write_context(self, text: str) -> Path:
        path = self.home / ".config" / "clarifai" / "config"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        return path

    def log_in(self, **values: str) -> Path:
        """What `clarifai login` would leave behind."""
        document = {"current_context": "dev", "contexts": {"dev": values, "other": {"CLARIFAI_PAT": "not-this"}}}
        return self.write_context(yaml.safe_dump(document))

    def token_file(self, text: str, *, mode: int = 0o600) -> str:
        path = self.cwd / "pat.txt"
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path.name


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(cwd=tmp_path / "work", home=tmp_path / "person")
    found.cwd.mkdir()
    found.home.mkdir()
    return found


def problems(place: Place, text: str) -> tuple[Problem, ...]:
    place.write(text)
    with pytest.raises(ProblemsError) as raised:
        place.resolve()
    return raised.value.problems


# --- what is chosen ---------------------------------------------------------------------------------------------


def test_without_any_source_there_are_defaults_and_no_ids(place: Place) -> None:
    found = dataclasses.replace(place.resolve(), token_problem="")
    assert found == Settings(endpoint=parse_endpoint("https://api.clarifai.com"), variables={})
    assert (found.limits, found.prune) == (
        Limits(rate=15, parallelism=8, batch=128, timeout=30),
        PruneLimits(max_count=5, max_percent=10, protect=()),
    )


def test_the_file_states_everything_but_the_token(place: Place) -> None:
    place.write(WHOLE)
    assert dataclasses.replace(place.resolve(), token_problem="") == Settings(
        endpoint=parse_endpoint("https://file.clarifai.com"),
        user_id="file-user",
        app_id="file-app",
        owner="vision-team-models",
        config_path="reconciler.yaml",
        limits=Limits(rate=10, parallelism=4, batch=16, timeout=20),
        prune=PruneLimits(max_count=7, max_percent=2.5, protect=("prod-*",)),
        variables={},
    )


def test_an_environment_goes_before_the_rest_of_the_file(place: Place) -> None:
    place.write(WHOLE)
    found = place.resolve({"CLARIFAI_PAT_PROD": "prod-token", "CLARIFAI_PAT": "other"}, environment="prod")
    assert (found.user_id, found.app_id, found.endpoint.url, found.environment) == (
        "prod-user",
        "prod-app",
        "https://prod.clarifai.com",
        "prod",
    )
    assert dict(found.variables) == {"threshold": 0.95, "labels": ["a", "b"]}
    assert found.require_token().reveal() == "prod-token"
    staging = place.resolve(environment="staging")
    assert (staging.user_id, staging.app_id, dict(staging.variables)) == (
        "file-user",
        "staging-app",
        {"threshold": 0.8},
    )


IDS = [
    ("flag", "flag-app"),
    ("environment", "prod-app"),
    ("file", "file-app"),
    ("variable", "variable-app"),
    ("context", "context-app"),
]


@pytest.mark.parametrize("first", range(len(IDS)))
def test_the_first_source_of_an_id_wins(place: Place, first: int) -> None:
    present = {name for name, _ in IDS[first:]}
    text = yaml.safe_load(WHOLE)
    if "file" not in present:
        del text["app_id"]
    place.write(yaml.safe_dump(text))
    place.log_in(CLARIFAI_APP_ID="context-app")
    found = place.resolve(
        {"CLARIFAI_APP_ID": "variable-app"} if "variable" in present else {"CLARIFAI_APP_ID": ""},
        app_id="flag-app" if "flag" in present else None,
        environment="prod" if "environment" in present else None,
    )
    assert found.app_id == IDS[first][1]
    assert found.flag_app_id == ("flag-app" if first == 0 else None)


def test_the_endpoint_comes_from_the_flag_the_variable_the_environment_the_file(place: Place) -> None:
    place.log_in(CLARIFAI_API_BASE="https://context.example.com/")
    variable = {"CLARIFAI_API_BASE": "https://variable.example.com"}
    assert place.resolve().endpoint.url == "https://api.clarifai.com"
    place.write(WHOLE)
    assert [
        place.resolve().endpoint.url,
        place.resolve(environment="staging").endpoint.url,
        place.resolve(environment="prod").endpoint.url,
        place.resolve(variable).endpoint.url,
        place.resolve(variable, environment="prod").endpoint.url,
        place.resolve(variable, environment="prod", endpoint="embedded").endpoint.url,
    ] == [
        "https://file.clarifai.com",
        "https://file.clarifai.com",
        "https://prod.clarifai.com",
        "https://variable.example.com",
        "https://variable.example.com",
        "embedded",
    ]


def test_the_nearest_file_upward_is_used_up_to_the_folder_of_the_repository(place: Place) -> None:
    deep = Place(cwd=place.cwd / "repository" / "models" / "vision", home=place.home)
    deep.cwd.mkdir(parents=True)
    (place.cwd / "repository" / ".git").mkdir()
    place.write(HEAD + "app_id: outside\n")
    assert (deep.resolve().config_path, deep.resolve().root) == (None, Path())
    place.write(HEAD + "app_id: top\n", name="repository/reconciler.yaml")
    found = deep.resolve()
    assert (found.app_id, found.config_path, found.root) == ("top", "../../reconciler.yaml", Path("../.."))
    place.write(HEAD + "app_id: near\n", name="repository/models/reconciler.yaml")
    assert (deep.resolve().app_id, deep.resolve().config_path) == ("near", "../reconciler.yaml")
    named = deep.resolve(config="../../reconciler.yaml")
    assert (named.app_id, named.root) == ("top", Path(".."))
    (deep.cwd / "reconciler.yaml").symlink_to("nowhere.yaml")
    with pytest.raises(ProblemsError) as raised:
        deep.resolve()
    assert [problem.origin.path for problem in raised.value.problems] == ["reconciler.yaml"]


def test_every_setting_names_its_source_and_the_token_is_not_shown(place: Place) -> None:
    place.write(WHOLE)
    found = place.resolve({"CLARIFAI_PAT_PROD": "prod-token", "CLARIFAI_USER_ID": "x"}, environment="prod", rate=2)
    listed = {setting.name: (setting.value, setting.source) for setting in found.listing}
    assert listed == {
        "config": ("reconciler.yaml", "found upward from here"),
        "environment": ("prod", "--environment"),
        "endpoint": ("https://prod.clarifai.com", "reconciler.yaml: environments.prod.endpoint"),
        "token": ("(token)", "CLARIFAI_PAT_PROD (pat_env of environment 'prod')"),
        "owner": ("vision-team-models", "reconciler.yaml: owner"),
        "user_id": ("prod-user", "reconciler.yaml: environments.prod.user_id"),
        "app_id": ("prod-app", "reconciler.yaml: environments.prod.app_id"),
        "limits.rate": (2, "--rate"),
        "limits.parallelism": (4, "reconciler.yaml: limits.parallelism"),
        "limits.batch": (16, "reconciler.yaml: limits.batch"),
        "limits.timeout": (20, "reconciler.yaml: limits.timeout"),
        "prune.max_count": (7, "reconciler.yaml: prune.max_count"),
        "prune.max_percent": (2.5, "reconciler.yaml: prune.max_percent"),
        "prune.protect": (["prod-*"], "reconciler.yaml: prune.protect"),
        "prune.in_use": (["workflows", "deployments"], "default"),
        "vars.threshold": (0.95, "reconciler.yaml: environments.prod.vars.threshold"),
        "vars.labels": (["a", "b"], "reconciler.yaml: environments.prod.vars.labels"),
        "root_certificates": (None, "not set"),
    }


# --- where the token may go -------------------------------------------------------------------------------------

SPY = "https://spy.example.com"
TRUSTED = "https://clarifai.com https://API.Clarifai.com. https://eu.api.clarifai.com:8443 http://[::1]:1 embedded embedded:x.db"
NOT_TRUSTED = "https://evilclarifai.com https://clarifai.com.example.com https://clarifai.com.co https://10.0.0.1 https://clarifai"


@pytest.mark.parametrize("endpoint", TRUSTED.split())
def test_the_file_may_name_clarifai_and_this_machine(place: Place, endpoint: str) -> None:
    place.write(f"{HEAD}endpoint: '{endpoint}'\n")
    assert place.resolve({"CLARIFAI_PAT": "x"}).token_for_calls() is not None


@pytest.mark.parametrize("endpoint", NOT_TRUSTED.split())
@pytest.mark.parametrize("text", ["endpoint: {}\n", "environments: {{prod: {{endpoint: '{}'}}}}\n"])
def test_any_other_host_of_the_file_is_refused(place: Place, endpoint: str, text: str) -> None:
    place.write(HEAD + text.format(endpoint))
    found = place.resolve({"CLARIFAI_PAT": "x"}, environment="prod" if "prod" in text else None)
    with pytest.raises(ReconcilerError, match="RECONCILER_TRUSTED_HOSTS"):
        found.token_for_calls()


@pytest.mark.parametrize(
    ("trusted", "is_used"),
    [
        ("spy.example.com", True),
        (" other , SPY.example.com:443", True),
        ("spy.example.com:8443", False),
        ("example.com", False),
        ("*.example.com", False),
        ("https://spy.example.com", False),
        ("", False),
    ],
)
def test_trusted_hosts_are_listed(place: Place, trusted: str, is_used: bool) -> None:
    place.write(f"{HEAD}endpoint: {SPY}\n")
    found = place.resolve({"CLARIFAI_PAT": "x", "RECONCILER_TRUSTED_HOSTS": trusted})
    if is_used:
        assert found.token_for_calls() is not None
    else:
        with pytest.raises(ReconcilerError, match=r"spy\.example\.com"):
            found.token_for_calls()


@pytest.mark.parametrize("named", [{"endpoint": SPY}, {"CLARIFAI_API_BASE": SPY}], ids=["flag", "variable"])
def test_whoever_holds_the_token_may_name_any_host(place: Place, named: dict[str, str]) -> None:
    place.write(f"{HEAD}endpoint: {SPY}\n")
    flags = {name: value for name, value in named.items() if name == "endpoint"}
    assert place.resolve({"CLARIFAI_PAT": "x", **named}, **flags).token_for_calls() is not None


def test_the_token_of_a_context_stays_with_the_endpoint_of_the_context(place: Place, wording: Wording) -> None:
    place.log_in(CLARIFAI_PAT="context-token", CLARIFAI_API_BASE="https://clarifai.corp.example")
    with pytest.raises(ReconcilerError) as raised:
        place.resolve().token_for_calls()
    wording(raised.value)
    assert place.resolve(endpoint="https://clarifai.corp.example").token_for_calls() is not None
    assert place.resolve({"CLARIFAI_PAT": "x"}).token_for_calls() is not None


@pytest.mark.parametrize("name", ["HOME", "GITHUB_TOKEN", "clarifai_pat", "MY_CLARIFAI_PAT", "CLARIFAI_PAT-X", ""])
def test_a_token_comes_from_a_variable_of_the_right_name_only(place: Place, name: str) -> None:
    (problem,) = problems(place, f"{HEAD}environments: {{prod: {{pat_env: '{name}'}}}}\n")
    assert (problem.code, problem.pointer) == ("wrong-value", "/environments/prod/pat_env")


def test_an_endpoint_on_this_machine_needs_no_token_but_takes_no_wrong_one(place: Place) -> None:
    local = "http://127.0.0.1:8080"
    assert place.resolve(endpoint=local).token_for_calls() is None
    place.write(WHOLE)
    assert place.resolve(endpoint=local, environment="prod").token_for_calls() is None
    with pytest.raises(ReconcilerError, match=r"missing\.txt"):
        place.resolve(endpoint=local, pat_file="missing.txt").token_for_calls()


def test_flags_go_before_the_files_limits(place: Place) -> None:
    place.write(WHOLE)
    found = place.resolve(rate=0.5, parallelism=64, timeout=1.5)
    assert found.limits == Limits(rate=0.5, parallelism=64, batch=16, timeout=1.5)


def test_a_file_can_be_named(place: Place) -> None:
    place.write(HEAD + "app_id: elsewhere\n", name="other.yaml")
    found = place.resolve(config="other.yaml")
    assert (found.app_id, found.config_path) == ("elsewhere", "other.yaml")


def test_certificates_are_found_from_the_working_directory(place: Place) -> None:
    found = place.resolve({"CLARIFAI_ROOT_CERTIFICATES_PATH": "ca.pem"})
    assert found.root_certificates == place.cwd / "ca.pem"


# --- the token --------------------------------------------------------------------------------------------------


def test_the_token_is_the_variables_then_the_files_then_the_contexts(place: Place) -> None:
    place.log_in(CLARIFAI_PAT="context-token")
    pat_file = place.token_file("file-token\n")
    assert [
        place.resolve().require_token().reveal(),
        place.resolve(pat_file=pat_file).require_token().reveal(),
        place.resolve({"CLARIFAI_PAT": "variable-token\n"}, pat_file=pat_file).require_token().reveal(),
    ] == ["context-token", "file-token", "variable-token"]


def test_a_token_file_that_is_not_read_is_noted(place: Place, wording: Wording) -> None:
    (note,) = place.resolve({"CLARIFAI_PAT": "x"}, pat_file=place.token_file("y")).notes
    wording(note)


def test_no_token_is_an_error_only_where_one_is_needed(place: Place, wording: Wording) -> None:
    found = place.resolve()
    with pytest.raises(ReconcilerError) as raised:
        found.require_token()
    wording(raised.value)


def test_an_environments_own_variable_has_no_fallback(place: Place, wording: Wording) -> None:
    place.write(WHOLE)
    found = place.resolve({"CLARIFAI_PAT": "another-accounts"}, environment="prod")
    with pytest.raises(ReconcilerError, match="CLARIFAI_PAT_PROD") as raised:
        found.require_token()
    wording(raised.value)


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        ("secret-token", 0o644),
        ("secret-token", 0o640),
        (" \n", 0o600),
        ("secret-token\nsecond line", 0o600),
        ("secret-tökén", 0o600),
        (None, 0o600),
    ],
    ids=["readable by others", "readable by the group", "empty", "two lines", "not ASCII", "missing"],
)
def test_a_token_file_that_cannot_be_used_says_why_and_not_what(
    place: Place, content: str | None, mode: int, wording: Wording
) -> None:
    name = place.token_file(content, mode=mode) if content is not None else "missing.txt"
    found = place.resolve(pat_file=name)
    with pytest.raises(ReconcilerError, match=name) as raised:
        found.require_token()
    assert "secret" not in str(raised.value)
    wording(raised.value)


def test_a_file_of_root_that_nobody_can_write_to_is_what_a_secret_volume_has(place: Place) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can create a file of root")
    name = place.token_file("volume-token", mode=0o444)
    assert place.resolve(pat_file=name).require_token().reveal() == "volume-token"
    os.chown(place.cwd / name, 65534, 65534)
    assert place.resolve(pat_file=name).token is None


def test_a_file_on_a_tmpfs_may_be_readable(place: Place) -> None:
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        pytest.skip("this machine has no /dev/shm")
    path = memory / f"reconciler-test-{os.getpid()}"
    try:
        path.write_text("memory-token", encoding="utf-8")
        path.chmod(0o644)
        assert place.resolve(pat_file=str(path)).require_token().reveal() == "memory-token"
    finally:
        path.unlink()


def test_a_token_can_come_through_a_pipe(place: Place) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"piped-token\n")
    os.close(writing)
    try:
        assert place.resolve(pat_file=f"/dev/fd/{reading}").require_token().reveal() == "piped-token"
    finally:
        os.close(reading)


def test_a_token_shows_itself_nowhere() -> None:
    token = Token("secret-token")
    found = Settings(endpoint=parse_endpoint("embedded"), token=token)
    texts = [str(token), repr(token), f"{token}", f"{token!r}", "%s" % token, repr(found)]  # noqa: UP031
    assert [text for text in texts if "secret" in text] == []
    assert (repr(token), token, token == Token("secret-token"), token == Token("other")) == (
        "(token)",
        copy.deepcopy(token),
        True,
        False,
    )
    for storing in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError) as raised:
            storing(token)
        assert "secret" not in str(raised.value)


# --- the clarifai CLI's context ---------------------------------------------------------------------------------


def test_a_context_may_point_at_the_environment(place: Place) -> None:
    place.log_in(CLARIFAI_PAT="ENVVAR", CLARIFAI_USER_ID="ENVVAR", CLARIFAI_APP_ID="pets")
    # A variable that is set goes before the context anyhow; one that isn't leaves nothing, never the word itself.
    found = place.resolve({"CLARIFAI_USER_ID": "jane"})
    assert (found.user_id, found.app_id, found.token) == ("jane", "pets", None)


def test_a_context_of_the_older_form_is_read(place: Place) -> None:
    place.write_context("current_context: a\ncontexts: {a: {env: {CLARIFAI_PAT: old-form, CLARIFAI_USER_ID: jane}}}")
    found = place.resolve()
    assert (found.user_id, found.require_token().reveal()) == ("jane", "old-form")


@pytest.mark.parametrize(
    "text",
    ["CLARIFAI_PAT: secret: token", "- a list", "current_context: gone\ncontexts: {}"],
    ids=["not YAML", "a list", "no such context"],
)
def test_a_context_that_cannot_be_used_is_an_error_where_it_is_needed(
    place: Place, text: str, wording: Wording
) -> None:
    path = place.write_context(text)
    assert place.resolve({"CLARIFAI_PAT": "x"}).require_token().reveal() == "x"
    with pytest.raises(ReconcilerError) as raised:
        place.resolve().require_token()
    assert str(path) in str(raised.value)
    assert "secret" not in str(raised.value)
    wording(raised.value)


# --- what is wrong ----------------------------------------------------------------------------------------------


def test_every_problem_of_the_file_is_reported_with_its_place(place: Place, wording: Wording) -> None:
    text = HEAD + (
        "ownr: x\n"
        "user_id: 12\n"
        "app_id: a/b\n"
        "endpoint: ftp://x\n"
        "prune: {max_percent: 101, protect: prod}\n"
        "limits: {rate: 0, parallelism: 65, batch: 129, timeout: .inf}\n"
        "environments:\n"
        "  prod: {endpoint: 'https://x/path', pat: CLARIFAI_PAT}\n"
        "  prod: {}\n"
    )
    found = problems(place, text)
    assert [(problem.origin.line, problem.origin.column) for problem in found] == [
        *((3, 1), (4, 10), (5, 9), (6, 11), (7, 22), (7, 36), (8, 16), (8, 32), (8, 43), (8, 57)),
        *((10, 20), (10, 38), (11, 3)),
    ]
    wording(*found)


def test_numbers_on_the_edge_are_allowed(place: Place) -> None:
    place.write(HEAD + "limits: {rate: 1000, parallelism: 1, batch: 128, timeout: 3600}\nprune: {max_percent: 0}\n")
    found = place.resolve()
    assert found.limits == Limits(rate=1000, parallelism=1, batch=128, timeout=3600)
    assert found.prune == PruneLimits(max_count=5, max_percent=0, protect=())


def test_a_manifest_in_place_of_the_file_is_refused(place: Place, wording: Wording) -> None:
    found = problems(place, "apiVersion: reconciler/v1\nkind: Model\nmetadata: {id: x}\n---\nkind: Config\n")
    assert [problem.origin.line for problem in found] == [2, 3, 5]
    wording(*found)


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_named_file_that_is_not_there_is_an_error(place: Place, name: str) -> None:
    with pytest.raises(ProblemsError) as raised:
        place.resolve(config=name)
    assert [problem.origin.path for problem in raised.value.problems] == [name]


def test_an_empty_file_states_nothing_and_is_noted(place: Place) -> None:
    place.write("# nothing yet\n")
    found = place.resolve()
    assert (found.owner, [note.split(" ", 1)[0] for note in found.notes]) == (None, ["reconciler.yaml:1:1:"])


@pytest.mark.parametrize("text", [None, WHOLE], ids=["no file", "another"])
def test_an_unknown_environment_is_a_usage_error(place: Place, text: str | None, wording: Wording) -> None:
    if text is not None:
        place.write(text)
    with pytest.raises(UsageError, match="'production'") as raised:
        place.resolve(environment="production")
    wording(raised.value)


@pytest.mark.parametrize(
    ("environ", "flags", "kind"),
    [
        pytest.param({}, {"app_id": "a b"}, UsageError, id="--app-id with a blank"),
        pytest.param({}, {"app_id": ""}, UsageError, id="--app-id empty"),
        pytest.param({"CLARIFAI_USER_ID": "a/b"}, {}, ReconcilerError, id="CLARIFAI_USER_ID"),
        pytest.param({}, {"endpoint": "ftp://x"}, UsageError, id="--endpoint"),
        pytest.param({"CLARIFAI_API_BASE": "x:y"}, {}, ReconcilerError, id="CLARIFAI_API_BASE"),
        pytest.param({}, {"rate": float("nan")}, UsageError, id="--rate"),
        pytest.param({}, {"parallelism": 0}, UsageError, id="--parallelism"),
        pytest.param({}, {"timeout": -1}, UsageError, id="--timeout"),
    ],
)
def test_a_wrong_flag_is_a_usage_error_and_a_wrong_variable_an_error(
    place: Place, environ: dict[str, str], flags: dict[str, Any], kind: type[ReconcilerError], wording: Wording
) -> None:
    with pytest.raises(ReconcilerError) as raised:
        place.resolve(environ, **flags)
    assert type(raised.value) is kind
    wording(raised.value)


def test_plaintext_to_another_machine_can_be_allowed(place: Place) -> None:
    found = place.resolve(endpoint="http://10.0.0.1:8080", insecure=True)
    assert (found.endpoint.url, found.endpoint.target, found.insecure) == (
        "http://10.0.0.1:8080",
        "10.0.0.1:8080",
        True,
    )


@pytest.mark.parametrize(("flags", "rate"), [({}, 5), ({"rate": 30}, 10), ({"rate": 1000, "shards": 1000}, 1)])
def test_shards_share_the_rate_wherever_it_comes_from(place: Place, flags: dict[str, Any], rate: float) -> None:
    assert place.resolve(**{"shards": 3, **flags}).limits.rate == rate
    place.write("apiVersion: reconciler/v1\nkind: Config\nlimits: {rate: 6}\n")
    assert place.resolve(shards=3).limits.rate == 2
