"""Where a run acts: the settings file, the environment, the commit, and the machine that it runs on."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from tests.cli.live_side import Service, manifest
from tests.command_line import RunCli
from tests.wording import Wording

CONFIG = "apiVersion: reconciler/v1\nkind: Config\n"
ENVIRONMENTS = """\
user_id: demo
environments:
  staging: {app_id: pets-staging, vars: {name: staged}}
  prod: {app_id: pets, vars: {name: live}}
"""


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(service: Service) -> Service:
    """A repository with reconciler.yaml at its top and a manifest in a subfolder, committed."""
    service.write("reconciler.yaml", f"{CONFIG}owner: us\n")
    service.write("teams/vision/pets.yaml", manifest("petsID", "{name: newname}"))
    git(service.folder, "init", "-q")
    git(service.folder, "add", ".")
    git(service.folder, "commit", "-qm", "first")
    return service


# --- reconciler.yaml ---------------------------------------------------------------------------------------------


def test_from_a_subfolder_the_settings_and_the_state_folder_of_the_repository_are_used(repository: Service) -> None:
    top, repository.folder = repository.folder, repository.folder / "teams" / "vision"
    planned = repository.run("plan", "pets.yaml", "--format", "json", "-v")
    source = planned.document()["source"]
    assert (source["config"], "config: ../../reconciler.yaml (found upward from here)" in planned.stderr) == (
        "../../reconciler.yaml",
        True,
    )
    assert any(field["path"] == "metadata.reconciler" for field in planned.document()["changes"][0]["fields"])
    assert repository.run("apply", "pets.yaml", "--yes").exit_code == 0
    assert [path.name for path in repository.folder.iterdir()] == ["pets.yaml"]
    assert sorted(path.name for path in (top / ".reconciler").iterdir()) == ["locks", "runs"]
    repository.folder = top
    assert repository.run("undo", "latest", "--yes").exit_code == 0


def test_the_base_has_its_own_settings_file_wherever_the_run_starts(repository: Service) -> None:
    repository.write("reconciler.yaml", f"{CONFIG}owner: others\n")
    repository.folder /= "teams"
    planned = repository.run("plan", "vision", "--base", "HEAD", "--format", "json")
    fields = {field["path"]: field for change in planned.document()["changes"] for field in change["fields"]}
    assert {path: field["attribution"] for path, field in fields.items()} == {
        "metadata.reconciler": "this_change",
        "name": "base",
    }


# --- the commit --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "is_dirty"),
    [
        ((), False),
        (("README.md",), False),
        (("teams/other/new.yaml",), False),
        (("teams/vision/pets.yaml",), True),
        (("teams/vision/new.yaml",), True),
    ],
)
def test_the_commit_of_changed_manifests_is_dirty(repository: Service, changed: Sequence[str], is_dirty: bool) -> None:
    for name in changed:
        repository.write(name, manifest("petsID" if name.endswith("pets.yaml") else "pet-names", "{name: changed}"))
    commit = git(repository.folder, "rev-parse", "HEAD")
    planned = repository.run("plan", "teams/vision", "--format", "json")
    expected = f"{commit}-dirty" if is_dirty else commit
    assert (planned.exit_code, planned.document()["source"]["git_commit"]) == (0, expected)


def test_the_commit_is_that_of_the_repository_that_holds_the_manifests(repository: Service, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    git(other, "commit", "-qm", "another", "--allow-empty")
    commit, top = git(repository.folder, "rev-parse", "HEAD"), repository.folder
    repository.folder = other
    hook = {
        "GIT_DIR": str(other / ".git"),
        "GIT_INDEX_FILE": str(other / ".git" / "index"),
        "GIT_WORK_TREE": str(other),
    }
    planned = repository.run("plan", top / "teams", "--format", "json", env=hook)
    assert planned.document()["source"]["git_commit"] == commit


@pytest.mark.parametrize("is_repository", [False, True])
def test_git_is_run_only_where_the_manifests_are_in_a_repository(
    service: Service, tmp_path: Path, *, is_repository: bool
) -> None:
    service.write("pets.yaml", manifest())
    if is_repository:
        git(service.folder, "init", "-q")
    programs = tmp_path / "programs"
    programs.mkdir()
    ran = programs / "ran"
    (programs / "git").write_text(f"#!/bin/sh\necho run >> '{ran}'\nexit 1\n", encoding="utf-8")
    (programs / "git").chmod(0o755)
    service.run("plan", "pets.yaml", env={"PATH": f"{programs}:{os.environ['PATH']}"})
    assert ran.exists() is is_repository


# --- environments ------------------------------------------------------------------------------------------------


def test_an_environment_that_contradicts_manifests_is_an_error_before_any_call(
    service: Service, wording: Wording
) -> None:
    service.write("reconciler.yaml", f"{CONFIG}{ENVIRONMENTS}")
    for name in ("pet-breeds", "pet-finder", "pet-names", "petsID"):
        service.write(f"models/{name}.yaml", manifest(name, "{name: '${var:name}'}"))
    service.write("models/other.yaml", manifest("other").replace("app_id: pets", "app_id: elsewhere"))
    result = service.run("apply", "models", "--environment", "staging", "--yes", scope=False)
    assert (result.exit_code, service.calls()) == (1, [])
    wording(result.stderr)
    problems = service.run("validate", "models", "--environment", "staging", "--format", "json", scope=False)
    assert [problem["code"] for problem in problems.document()["problems"]] == ["contradicts-environment"] * 2
    (service.folder / "models" / "other.yaml").unlink()
    assert service.run("plan", "models", "--environment", "prod", scope=False).exit_code == 0


def test_a_flag_does_not_hide_that_a_manifest_contradicts_the_environment(service: Service) -> None:
    service.write("reconciler.yaml", f"{CONFIG}{ENVIRONMENTS}")
    service.write("pets.yaml", manifest())
    args = ("pets.yaml", "--environment", "staging", "--app-id", "pets", "--format", "json")
    (problem,) = service.run("validate", *args).document()["problems"]
    assert problem["code"] == "contradicts-environment"
    service.write("pets.yaml", manifest().replace(", app_id: pets", ""))
    assert service.run("validate", *args).exit_code == 0


def test_a_plan_is_applied_in_the_environment_that_it_was_made_in(service: Service) -> None:
    service.write("reconciler.yaml", f"{CONFIG}{ENVIRONMENTS}")
    service.write("pets.yaml", manifest(spec="{name: '${var:name}'}").replace(", app_id: pets", ""))
    assert service.run("plan", "pets.yaml", "--environment", "prod", "--out", "plan.json", scope=False).exit_code == 0
    service.calls()
    for other in ("staging", "prod"):
        result = service.run("apply", "--plan", "plan.json", "--environment", other, scope=False)
        assert (result.exit_code, bool(service.writes())) == ((3, False) if other == "staging" else (0, True)), result
    plain = manifest(spec="{name: plain}")
    service.write("pets.yaml", plain)
    assert service.run("plan", "pets.yaml", "--out", "plan.json").exit_code == 0
    result = service.run("apply", "--plan", "plan.json", "--environment", "prod")
    assert (result.exit_code, service.writes()) == (3, [])


# --- what a plan must fit ----------------------------------------------------------------------------------------


def test_a_plan_is_applied_if_its_digest_is_the_expected_one(service: Service) -> None:
    service.write("pets.yaml", manifest(spec="{name: newname}"))
    planned = service.run("plan", "pets.yaml", "--out", "plan.json")
    digest = json.loads((service.folder / "plan.json").read_text(encoding="utf-8"))["fingerprint"]
    assert planned.stderr == f"note: the digest of plan.json is {digest}\n"
    service.calls()
    wrong = service.run("apply", "--plan", "plan.json", "--expect-digest", "sha256:" + "0" * 64)
    assert (wrong.exit_code, service.calls(), digest in wrong.stderr) == (3, [], True)
    assert service.run("apply", "pets.yaml", "--expect-digest", digest, "--yes").exit_code == 64
    assert service.run("apply", "--plan", "plan.json", "--expect-digest", digest).exit_code == 0


@pytest.mark.parametrize("glob", ["pet-draft", "pet draft*"])
def test_a_deletion_that_is_protected_by_now_is_refused(service: Service, glob: str) -> None:
    config = f"{CONFIG}owner: us\n"
    service.write("reconciler.yaml", config)
    service.write("models/pets.yaml", manifest())
    service.write("models/draft.yaml", manifest("pet-draft", "{name: pet draft}"))
    assert service.run("apply", "models", "--yes").exit_code == 0
    (service.folder / "models" / "draft.yaml").unlink()
    assert service.run("plan", "models", "--prune", "--out", "plan.json").exit_code == 0
    service.calls()
    service.write("reconciler.yaml", f"{config}prune: {{protect: ['{glob}']}}\n")
    refused = service.run("apply", "--plan", "plan.json")
    assert (refused.exit_code, service.writes(), glob in refused.stdout) == (3, [], True), refused
    service.write("reconciler.yaml", config)
    assert service.run("apply", "--plan", "plan.json").exit_code == 0


def test_a_purge_with_delete_all_is_not_resumed(service: Service) -> None:
    assert service.run("purge", "demo/pets", "--confirm", "demo/pets", "--delete-all").exit_code == 0
    service.calls()
    resumed = service.run("apply", "--resume", "latest")
    assert (resumed.exit_code, service.calls()) == (3, [])


# --- where the token goes ----------------------------------------------------------------------------------------


class Spy:
    """A server that takes connections and answers none; `seen` are the first lines of what it was sent."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                self.seen.append(connection.recv(1000).decode("latin-1").partition("\r\n")[0])

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def spy() -> Iterator[Spy]:
    """A proxy between gRPC and every host that isn't this machine."""
    found = Spy()
    yield found
    found.close()


COMMANDS: Sequence[Sequence[str]] = (
    ("plan", "pets.yaml"),
    ("apply", "pets.yaml", "--yes"),
    ("drift", "pets.yaml"),
    ("validate", "pets.yaml", "--online"),
    ("get", "models"),
    ("export",),
    ("purge", "demo/pets", "--confirm", "demo/pets"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_host_that_only_reconciler_yaml_names_never_sees_a_connection(
    cli: RunCli, folder: Path, spy: Spy, command: Sequence[str]
) -> None:
    (folder / "reconciler.yaml").write_text(f"{CONFIG}endpoint: https://spy.example.com\n", encoding="utf-8")
    (folder / "pets.yaml").write_text(manifest(), encoding="utf-8")
    env = {
        "CLARIFAI_PAT": "token-of-the-test",
        "CLARIFAI_USER_ID": "demo",
        "CLARIFAI_APP_ID": "pets",
        **dict.fromkeys(("grpc_proxy", "https_proxy", "http_proxy"), spy.url),
    }
    result = cli(*command, "--timeout", "1", env=env, cwd=folder)
    assert (result.exit_code, spy.seen, "RECONCILER_TRUSTED_HOSTS" in result.stderr) == (1, [], True), result
    if command[0] == "get":  # the same with the host trusted, so that the silence above means something
        trusted = cli(
            *command, "--timeout", "1", env={**env, "RECONCILER_TRUSTED_HOSTS": "spy.example.com"}, cwd=folder
        )
        assert (trusted.exit_code, spy.seen[:1]) == (1, ["CONNECT spy.example.com:443 HTTP/1.1"])


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({"GITHUB_TOKEN": "x"}, "${env:GITHUB_TOKEN}"),
        ({"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"}, "${env:ACTIONS_ID_TOKEN_REQUEST_TOKEN}"),
        ({"CI_JOB_TOKEN": "x"}, "${env:CI_JOB_TOKEN}"),
        ({"CLARIFAI_PAT_PROD": "x"}, "${env:CLARIFAI_PAT_PROD}"),
        ({"HARMLESS": "pat"}, "${env:HARMLESS}"),
        ({"OTHER": "x", "RECONCILER_ENV_ALLOW": "PETS_*, KEY"}, "${env:OTHER}"),
        ({"OTHER": "x", "RECONCILER_ENV_ALLOW": ""}, "${env:OTHER}"),
        ({"GITHUB_TOKEN": "x", "RECONCILER_ENV_ALLOW": "*"}, "${env:GITHUB_TOKEN}"),
    ],
)
def test_a_manifest_reads_no_credential_of_the_run(service: Service, env: dict[str, str], code: str) -> None:
    service.write("reconciler.yaml", f"{CONFIG}environments: {{e: {{vars: {{v: '{code}'}}}}}}\n")
    for spec, args in (("{notes: '%s'}" % code, ()), ("{notes: '${var:v}'}", ("--environment", "e"))):  # noqa: UP031
        service.write("pets.yaml", manifest(spec=spec))
        result = service.run("plan", "pets.yaml", *args, "--format", "json", env=env)
        assert [problem["code"] for problem in result.document()["problems"]] == ["refused-variable"]
        assert (result.exit_code, service.calls()) == (1, [])


def test_an_allowed_variable_is_named_in_the_plan_and_not_shown(service: Service) -> None:
    spec = "metadata: {list: ['${env:PETS_KEY}', 1], new: {key: '${env:PETS_KEY}', n: 1}}"
    service.write("pets.yaml", manifest(spec=f"{{description: '${{env:PETS_KEY}}', {spec}}}"))
    env = {"PETS_KEY": "planted-secret-0123", "RECONCILER_ENV_ALLOW": "PETS_*"}
    planned = service.run("plan", "pets.yaml", env=env)
    assert [" ".join(line.split()) for line in planned.stdout.splitlines()[2:6]] == [
        "description (absent) → (sensitive) from PETS_KEY",
        "metadata.list (absent) → (sensitive) from PETS_KEY",
        "metadata.new.key (absent) → (sensitive) from PETS_KEY",
        "metadata.new.n (absent) → 1",
    ]
    service.write("pets.yaml", manifest(spec="{description: '${env:PETS_KEY}'}"))
    assert service.run("plan", "pets.yaml", "--out", "plan.json", env=env).exit_code == 0
    for format_ in ("markdown", "html"):
        assert "(sensitive) from PETS_KEY" in service.run("show", "plan.json", "--format", format_).stdout
    refused = service.run("apply", "--plan", "plan.json", env={**env, "RECONCILER_ENV_ALLOW": "OTHER"})
    assert (refused.exit_code, service.writes()) == (3, [])
    assert service.run("apply", "--plan", "plan.json", env=env).exit_code == 0


@pytest.mark.parametrize("source", ["CLARIFAI_PAT_PROD", "pat.txt", "context 'dev'"])
def test_the_hint_about_a_wrong_token_names_where_it_comes_from(cli: RunCli, folder: Path, source: str) -> None:
    (folder / "reconciler.yaml").write_text(
        f"{CONFIG}environments: {{prod: {{pat_env: CLARIFAI_PAT_PROD}}}}\n", encoding="utf-8"
    )
    args: tuple[str, ...] = ()
    env = {"CLARIFAI_USER_ID": "demo", "CLARIFAI_APP_ID": "pets"}
    if source == "CLARIFAI_PAT_PROD":
        args, env = ("--environment", "prod"), {**env, source: "wrong-token"}
    elif source == "pat.txt":
        (folder / source).write_text("wrong-token", encoding="utf-8")
        (folder / source).chmod(0o600)
        args = ("--pat-file", source)
    else:
        context = Path(os.environ["HOME"]) / ".config" / "clarifai" / "config"
        context.parent.mkdir(parents=True)
        context.write_text("current_context: dev\ncontexts: {dev: {CLARIFAI_PAT: wrong-token}}\n", encoding="utf-8")
    with Emulator(seed=SAMPLE, pat="right-token") as emulator:
        result = cli("get", "models", *args, "--endpoint", emulator.url, env=env, cwd=folder)
    assert (result.exit_code, source in result.stderr, "wrong-token" in result.stderr) == (1, True, False), result


def test_an_emulator_on_this_machine_needs_no_token(cli: RunCli, folder: Path, emulator: Emulator) -> None:
    args = ("get", "models", "--user-id", "demo", "--app-id", "pets", "--endpoint")
    assert cli(*args, emulator.url, cwd=folder).exit_code == 0
    with Emulator(seed=SAMPLE, pat="right-token") as checking:
        result = cli(*args, checking.url, cwd=folder)
    assert (result.exit_code, "No access token was sent" in result.stderr) == (1, True)


# --- reconciler config -------------------------------------------------------------------------------------------


def test_config_prints_the_settings_with_their_sources(cli: RunCli, folder: Path) -> None:
    (folder / "reconciler.yaml").write_text(f"{CONFIG}{ENVIRONMENTS}limits: {{rate: 5}}\n", encoding="utf-8")
    env = {"CLARIFAI_PAT": "token-of-the-test", "CLARIFAI_API_BASE": "https://api.clarifai.com"}
    args = ("config", "--environment", "prod", "--parallelism", "2")
    result = cli(*args, env=env, cwd=folder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "config: reconciler.yaml (found upward from here)\n"
        "environment: prod (--environment)\n"
        "endpoint: https://api.clarifai.com (CLARIFAI_API_BASE)\n"
        "token: (token) (CLARIFAI_PAT)\n"
        "owner: none (not set)\n"
        "user_id: demo (reconciler.yaml: user_id)\n"
        "app_id: pets (reconciler.yaml: environments.prod.app_id)\n"
        "limits.rate: 5 (reconciler.yaml: limits.rate)\n"
        "limits.parallelism: 2 (--parallelism)\n"
        "limits.batch: 128 (default)\n"
        "limits.timeout: 30 (default)\n"
        "prune.max_count: 5 (default)\n"
        "prune.max_percent: 10 (default)\n"
        "prune.protect: [] (default)\n"
        'prune.in_use: ["workflows", "deployments"] (default)\n'
        "vars.name: live (reconciler.yaml: environments.prod.vars.name)\n"
        "root_certificates: none (not set)\n"
    )
    document = cli(*args, "--format", "json", env=env, cwd=folder).document()
    assert (document["kind"], document["problems"]) == ("Settings", [])
    assert document["settings"]["token"] == {"value": "(token)", "source": "CLARIFAI_PAT"}
    assert document["settings"]["limits.rate"] == {"value": 5, "source": "reconciler.yaml: limits.rate"}


def test_config_says_what_a_run_would_lack(cli: RunCli, folder: Path) -> None:
    (folder / "reconciler.yaml").write_text(f"{CONFIG}endpoint: https://spy.example.com\n", encoding="utf-8")
    result = cli("config", "--format", "json", cwd=folder)
    problems = result.document()["problems"]
    assert (result.exit_code, ["RECONCILER_TRUSTED_HOSTS" in each for each in problems]) == (0, [True, False])


# --- machines ----------------------------------------------------------------------------------------------------


GET = ("get", "models", "--user-id", "demo", "--app-id", "pets", "--endpoint")


def test_a_home_that_is_no_absolute_path_is_none(cli: RunCli, folder: Path, emulator: Emulator) -> None:
    planted = folder / ".config" / "clarifai" / "config"
    planted.parent.mkdir(parents=True)
    planted.write_text("current_context: dev\ncontexts: {dev: {CLARIFAI_PAT: planted}}\n", encoding="utf-8")
    for home in ("", "."):
        document = cli("config", "--format", "json", env={"HOME": home}, cwd=folder).document()
        assert document["settings"]["token"] == {"value": None, "source": "not set"}
        assert cli(*GET, emulator.url, env={"HOME": home}, cwd=folder).exit_code == 0


def test_an_embedded_emulator_in_a_folder_that_cannot_be_written_is_an_error(cli: RunCli, folder: Path) -> None:
    (folder / ".reconciler").write_text("in the way", encoding="utf-8")
    for place in (folder, Path("/proc")):
        result = cli(*GET, "embedded", cwd=place)
        assert (result.exit_code, "embedded:FILE" in result.stderr, "internal" in result.stderr) == (1, True, False)
    assert cli(*GET, f"embedded:{folder}/other.db", cwd=Path("/proc")).exit_code == 0


@pytest.mark.parametrize("args", [("plan", "x.yaml"), ("config",), ("validate", "x.yaml"), ("get", "models")])
def test_a_working_directory_that_is_gone_is_an_error(tmp_path: Path, args: tuple[str, ...]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f'rmdir "$PWD"; exec "$0" -m reconciler {" ".join(args)}'
    result = subprocess.run(
        ["bash", "-c", command, sys.executable], cwd=gone, capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.returncode, "working directory" in result.stderr, "internal" in result.stderr) == (1, True, False), (
        result
    )


def test_a_state_folder_that_others_can_write_to_is_refused(service: Service) -> None:
    service.write("pets.yaml", manifest(spec="{name: newname}"))
    state = service.folder / ".reconciler"
    state.mkdir()
    state.chmod(0o777)
    refused = service.run("apply", "pets.yaml", "--yes")
    assert (refused.exit_code, service.writes(), "0777" in refused.stderr) == (1, [], True)
    assert service.run("plan", "pets.yaml").exit_code == 0
    if os.geteuid() == 0:
        state.chmod(0o700)
        os.chown(state, 65534, 65534)
        foreign = service.run("apply", "pets.yaml", "--yes")
        assert (foreign.exit_code, service.writes(), "another user" in foreign.stderr) == (1, [], True)
        os.chown(state, 0, 0)
    state.chmod(0o755)
    assert service.run("apply", "pets.yaml", "--yes").exit_code == 0
