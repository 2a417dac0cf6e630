"""`reconciler comment` against a server that plays GitHub: one comment, ours, kept up to date, whatever goes wrong."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.ci.comments import Kept, Posted
from reconciler.ci.github_threads import DEFAULT_AUTHOR, GITHUB, PullRequestComments
from reconciler.ci.rest import Rest, RestError
from reconciler.emulator.server import Emulator
from tests.ci.forge_server import Planned
from tests.ci.github_api import BOT, TOKEN, GitHub, github_api
from tests.ci.gitlab_api import BOT as GITLAB_BOT
from tests.ci.gitlab_api import TOKEN as GITLAB_TOKEN
from tests.ci.gitlab_api import GitLab, gitlab_api
from tests.command_line import CliResult, RunCli

MARKER = "<!-- clarifai-reconciler:default -->"
PERSON = {"login": "mallory", "type": "User"}
MANIFEST = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {{id: petsID, user_id: demo, app_id: pets}}\nspec: {}\n"


class Desk:
    """Saved plans, and `comment` with the token and address of the server."""

    def __init__(self, cli: RunCli, emulator: Emulator, github: GitHub, folder: Path) -> None:
        self.cli, self.emulator, self.github, self.folder = cli, emulator, github, folder
        self.env = {"GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": github.url}
        self.plan("{name: new}")

    def plan(self, spec: str) -> None:
        manifest = self.folder / "pets.yaml"
        manifest.write_text(MANIFEST.format(spec))
        saved = self.cli(
            *("plan", manifest, "--out", self.folder / "plan.json", "--endpoint", self.emulator.url),
            env={"CLARIFAI_PAT": "pat-of-the-test"},
        )
        assert saved.exit_code == 0, saved

    def comment(self, *args: str, env: dict[str, str] | None = None) -> CliResult:
        where = args or ("--pr", "7")
        result = self.cli(
            *("comment", "--plan", str(self.folder / "plan.json"), "--repo", "acme/models", *where),
            env={**self.env, **(env or {})},
        )
        assert TOKEN not in result.stdout + result.stderr
        return result


def rest(url: str, *, sleep: Callable[[float], None], now: float = 0) -> Rest:
    return Rest(api=GITHUB, url=url, token=GITHUB.token_from(TOKEN), sleep=sleep, now=lambda: now)


def put(client: Rest) -> Posted:
    """Put a text as a workflow's token would."""
    place = PullRequestComments(rest=client, repository="acme/models", number=7)
    return Kept(place=place, key="default", author=DEFAULT_AUTHOR).put(f"{MARKER}\nx")


@pytest.fixture
def github() -> Iterator[GitHub]:
    with github_api() as running:
        yield running


@pytest.fixture
def desk(cli: RunCli, emulator: Emulator, github: GitHub, tmp_path: Path) -> Desk:
    return Desk(cli, emulator, github, tmp_path)


def test_one_comment_is_created_then_left_alone_then_updated_among_45_others(desk: Desk, github: GitHub) -> None:
    for number in range(45):
        github.comment(f"comment {number}", PERSON)
    assert desk.comment().exit_code == 0
    (made,) = github.comments[45:]
    assert made["body"].startswith(f"{MARKER}\n## ")
    for number in range(45):
        github.comment(f"later {number}", PERSON)
    assert desk.comment("--pr", "7", "--format", "json").document() == {
        "kind": "Comment",
        "repo": "acme/models",
        "pr": 7,
        "key": "default",
        "action": "unchanged",
        "id": made["id"],
        "url": made["html_url"],
    }
    before = made["body"]
    desk.plan("{name: newer, notes: more}")
    result = desk.comment()
    assert (result.exit_code, result.stdout) == (0, f"Comment updated: {made['html_url']}\n")
    assert len(github.comments) == 91
    assert made["body"] != before
    assert [method for method, _ in github.writes()] == ["POST", "PATCH"]
    assert github.tokens == {f"Bearer {TOKEN}"}


def test_a_marker_in_other_hands_is_not_ours(desk: Desk, github: GitHub) -> None:
    for body, author in (
        (f"{MARKER}\nplanted", PERSON),
        (f"> {MARKER}\n> quoted", BOT),
        (f"look: {MARKER}\n", BOT),
        (f"{MARKER[:-4]}2 -->\nanother key", BOT),
    ):
        github.comment(body, author)
    others = [dict(comment) for comment in github.comments]
    assert desk.comment().exit_code == 0
    assert github.comments[:4] == others
    assert len(github.comments) == 5


def test_where_the_token_can_say_whose_it_is_only_that_login_counts(desk: Desk, github: GitHub) -> None:
    github.viewer = github.author = {"login": "Robot", "type": "User"}
    github.comment(f"{MARKER}\nanother bot's", BOT)
    github.comment(f"{MARKER}\nours", {"login": "robot", "type": "User"})
    assert desk.comment().exit_code == 0
    assert [comment["body"].split("\n")[1][:2] for comment in github.comments] == ["an", "##"]


def test_only_the_exact_author_counts(desk: Desk, github: GitHub) -> None:
    others: tuple[dict[str, str] | None, ...] = (
        {"login": "dependabot[bot]", "type": "Bot"},
        {"login": "github-actions", "type": "User"},
        None,
    )
    for author in others:
        github.comment(f"{MARKER}\nplanted", author)
    planted = [dict(comment) for comment in github.comments]
    for _ in range(2):
        assert desk.comment().exit_code == 0
    assert github.comments[:3] == planted
    assert len(github.comments) == 4


def test_an_author_that_is_given_is_believed(desk: Desk, github: GitHub) -> None:
    github.author = {"login": "models-app[bot]", "type": "Bot"}
    github.comment(f"{MARKER}\nours", github.author)
    github.comment(f"{MARKER}\nthe workflow's", BOT)
    assert desk.comment("--pr", "7", "--author", "Models-App[bot]").exit_code == 0
    assert [comment["body"].split("\n")[1][:3] for comment in github.comments] == ["## ", "the"]
    assert ("GET", "/user") not in github.calls


def test_an_app_that_does_not_say_who_it_is_still_keeps_one_comment(desk: Desk, github: GitHub) -> None:
    github.author = {"login": "models-app[bot]", "type": "Bot"}
    for name in ("new", "newer", "newest"):
        desk.plan(f"{{name: {name}}}")
        assert desk.comment().exit_code == 0
    (comment,) = github.comments
    assert "newest" in comment["body"]


def test_duplicates_of_ours_are_removed_and_others_stay(desk: Desk, github: GitHub) -> None:
    for body, author in ((MARKER, PERSON), (MARKER, BOT), (MARKER, BOT), (MARKER.replace("default", "prod"), BOT)):
        github.comment(f"{body}\nbefore", author)
    before = [comment["id"] for comment in github.comments]
    assert desk.comment().exit_code == 0
    assert [comment["id"] for comment in github.comments] == [before[0], before[1], before[3]]
    assert github.comments[1]["body"].startswith(f"{MARKER}\n## ")


@pytest.mark.parametrize("seed", range(6))
def test_runs_that_race_end_in_one_comment(github: GitHub, seed: int) -> None:
    """All have listed before any creates; then each goes on in its own pace."""
    runs = 2 + seed % 3
    listed = threading.Barrier(runs, timeout=20)
    waiting = dict.fromkeys(range(runs))

    def meet(method: str, path: str) -> None:
        if method == "POST" and waiting:
            waiting.popitem()
            listed.wait()

    github.before = meet
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with rest(github.url, sleep=lambda _: None) as client:
                put(client)
        except BaseException as error:  # noqa: BLE001  the test reports it
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(runs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(github.comments) == 1
    assert [method for method, _ in github.writes()].count("POST") == runs


def test_a_comment_names_its_commit_time_and_run(desk: Desk, github: GitHub, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"head": {"sha": "a" * 40}}}))
    env = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "acme/models",
        "GITHUB_RUN_ID": "12",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_SHA": "b" * 40,
        "GITHUB_EVENT_PATH": str(event),
    }
    assert desk.comment(env=env).exit_code == 0
    (comment,) = github.comments
    created = json.loads((desk.folder / "plan.json").read_text())["created_at"]
    url = "https://github.example/acme/models/actions/runs/12/attempts/2"
    assert comment["body"].endswith(f"\n_Commit `{'a' * 40}`, `{created}`, [run]({url})_\n")
    event.unlink()
    assert desk.comment(env={**env, "GITHUB_RUN_ID": "13) @everyone"}).exit_code == 0
    assert comment["body"].endswith(f"\n_Commit `{'b' * 40}`, `{created}`_\n")


def commit_env(letter: str) -> dict[str, str]:
    return {"GITHUB_ACTIONS": "true", "GITHUB_SHA": letter * 40}


def test_a_plan_that_failed_turns_the_comment_into_one_that_says_so(desk: Desk, github: GitHub) -> None:
    assert desk.comment("--pr", "7", env=commit_env("a")).exit_code == 0
    failed = ("comment", "--failed", "--repo", "acme/models", "--pr", "7")
    assert desk.cli(*failed, env={**desk.env, **commit_env("b")}).exit_code == 0
    (comment,) = github.comments
    assert re.sub(r"20\d\d-[0-9T:-]+Z", "TIME", comment["body"]) == (
        f"{MARKER}\n## This plan is outdated\n\n"
        f"The plan of commit `{'b' * 40}` failed, so there is no current plan. The log of the run has the reason.\n"
        f"The last plan here was that of commit `{'a' * 40}`.\n\n_Commit `{'b' * 40}`, `TIME`_\n"
    )
    assert desk.comment("--pr", "7", env=commit_env("c")).exit_code == 0
    assert comment["body"].startswith(f"{MARKER}\n## Plan: 1 ")


def test_a_plan_that_failed_makes_no_comment_of_its_own(desk: Desk, github: GitHub) -> None:
    github.comment(f"{MARKER}\nplanted", PERSON)
    failed = ("comment", "--failed", "--repo", "acme/models", "--pr", "7")
    result = desk.cli(*failed, env=desk.env)
    assert (result.exit_code, result.stdout, github.writes()) == (0, "Comment unchanged.\n", [])


@pytest.mark.parametrize(("content", "code"), [(None, 1), ("{", 1), ('{"kind": "Plan"}', 3)])
def test_a_plan_that_cannot_be_read_is_no_current_plan(
    desk: Desk, github: GitHub, content: str | None, code: int
) -> None:
    assert desk.comment().exit_code == 0
    plan = desk.folder / "plan.json"
    plan.unlink()
    if content is not None:
        plan.write_text(content)
    assert desk.comment().exit_code == code
    assert github.comments[0]["body"].split("\n")[1] == "## This plan is outdated"
    result = desk.comment(env={"GITHUB_TOKEN": ""})
    assert (result.exit_code, "plan.json" in result.stderr) == (code, True), "the reason is the file, not the token"


def test_enterprise_server_is_reached_below_its_path(desk: Desk, github: GitHub) -> None:
    github.prefix = "/api/v3"
    for number in range(25):
        github.comment(f"comment {number}", PERSON)
    desk.env["GITHUB_API_URL"] = f"{github.url}/api/v3/"
    for _ in range(2):
        assert desk.comment().exit_code == 0
    assert len(github.comments) == 26
    assert {path.startswith("/api/v3/") for _, path in github.calls} == {True}


def test_each_key_has_its_comment(desk: Desk, github: GitHub) -> None:
    for key in ("staging", "prod", "staging"):
        assert desk.comment("--pr", "7", "--key", key).exit_code == 0
    assert [comment["body"].split("\n")[0] for comment in github.comments] == [
        "<!-- clarifai-reconciler:staging -->",
        "<!-- clarifai-reconciler:prod -->",
    ]


@pytest.mark.parametrize(
    "planned",
    [
        Planned(status=403, headers={"Retry-After": "0"}, message="You have exceeded a secondary rate limit"),
        Planned(status=429, headers={"Retry-After": "0"}),
        Planned(status=502),
        Planned(status=201, is_done=True, drops=True),
        Planned(status=500, is_done=True),
    ],
)
def test_a_failing_call_is_tried_again_and_leaves_one_comment(desk: Desk, github: GitHub, planned: Planned) -> None:
    github.planned["POST"] = [planned]
    assert desk.comment().exit_code == 0
    assert len(github.comments) == 1


def test_reading_and_changing_are_tried_again_too(desk: Desk, github: GitHub) -> None:
    assert desk.comment().exit_code == 0
    desk.plan("{name: newer}")
    github.planned = {"GET": [Planned(status=503)], "PATCH": [Planned(status=429, headers={"Retry-After": "0"})]}
    assert desk.comment().exit_code == 0
    assert "newer" in github.comments[0]["body"]


def test_a_comment_deleted_meanwhile_is_made_anew(desk: Desk, github: GitHub) -> None:
    assert desk.comment().exit_code == 0
    desk.plan("{name: newer}")

    def delete(method: str, path: str) -> None:
        if method == "PATCH":
            github.comments.clear()

    github.before = delete
    assert desk.comment().stdout.startswith("Comment created: ")
    assert len(github.comments) == 1


@pytest.mark.parametrize(
    ("planned", "says"),
    [
        (
            Planned(status=403, headers={"Retry-After": "3600"}, message="You have exceeded a secondary rate limit"),
            "to wait",
        ),
        (Planned(status=403, message=f"no {TOKEN}\n::error::x"), "`pull-requests: write`"),
        (Planned(status=404, message="Not Found"), "Check --repo and --pr"),
        (Planned(status=422, message="Validation Failed"), "GitHub rejected the content"),
        (Planned(status=307, headers={"Location": "http://127.0.0.1:9/"}), "Redirects are not followed"),
        (Planned(status=429, headers={"Retry-After": "3600"}), "GitHub asks to wait 3600 s"),
        (Planned(status=403, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9999999999"}), "to wait"),
        (Planned(status=429), "waits"),
    ],
)
def test_what_cannot_be_retried_is_an_error(desk: Desk, github: GitHub, planned: Planned, says: str) -> None:
    github.planned["POST"] = [planned] * (3 if says == "waits" else 1)
    if says == "waits":
        waited: list[float] = []
        with rest(github.url, sleep=waited.append) as client, pytest.raises(RestError) as raised:
            put(client)
        assert (waited, says in str(raised.value)) == ([60.0, 60.0], True)
        return
    result = desk.comment()
    assert (result.exit_code, github.comments) == (1, [])
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_reset_time_is_waited_for(github: GitHub) -> None:
    waited: list[float] = []
    github.planned["GET"] = [
        Planned(status=403, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1000030"})
    ]
    with rest(github.url, sleep=waited.append, now=1_000_000) as client:
        assert put(client).action == "created"
    assert waited == [31.0]


@pytest.mark.parametrize(
    "message",
    ["You have exceeded a secondary rate limit. Please wait.", "API rate limit exceeded for installation ID 1."],
)
def test_a_limit_that_only_its_message_tells_is_waited_for_and_not_blamed_on_the_token(
    github: GitHub, message: str
) -> None:
    waited: list[float] = []
    github.planned["POST"] = [Planned(status=403, message=message)]
    with rest(github.url, sleep=waited.append) as client:
        assert put(client).action == "created"
    assert waited == [60.0]
    github.comments.clear()
    github.planned["POST"] = [Planned(status=403, message=message)] * 3
    with rest(github.url, sleep=waited.append) as client, pytest.raises(RestError) as raised:
        put(client)
    assert "limits the rate of calls" in str(raised.value)
    assert "pull-requests: write" not in str(raised.value)
    assert waited == [60.0] * 3, "at most two minutes in one run"


def test_a_limited_question_for_the_user_does_not_guess_who_it_is(desk: Desk, github: GitHub) -> None:
    github.planned["GET"] = [Planned(status=403, headers={"Retry-After": "3600"}, message="secondary rate limit")]
    assert desk.comment().exit_code == 1
    assert github.writes() == []


def test_a_wrong_token_a_wrong_address_and_wrong_names_are_errors(desk: Desk, github: GitHub) -> None:
    assert "GITHUB_TOKEN is not valid" in desk.comment(env={"GITHUB_TOKEN": "wrong"}).stderr
    assert "GITHUB_TOKEN is not set" in desk.comment(env={"GITHUB_TOKEN": ""}).stderr
    assert desk.comment(env={"GITHUB_TOKEN": f"{TOKEN}\nX: y"}).exit_code == 1
    for url in ("http://example.com", "https://user:pw@example.com", "ftp://127.0.0.1", "https://", "file:///etc"):
        result = desk.comment(env={"GITHUB_API_URL": url})
        assert (result.exit_code, "GITHUB_API_URL can't be used" in result.stderr) == (1, True)
    assert desk.comment("--pr", "7", "--key", "a--b").exit_code == 64
    assert desk.comment("--pr", "0").exit_code == 64
    assert desk.comment("--issue", " ").exit_code == 64
    assert desk.cli("comment", "--plan", desk.folder / "plan.json", "--repo", "a/../b", "--pr", "7").exit_code == 64
    assert github.writes() == []


def test_an_address_where_nobody_answers_is_given_up() -> None:
    waited: list[float] = []
    with (
        rest("http://127.0.0.1:9", sleep=waited.append) as client,
        pytest.raises(RestError, match="Check GITHUB_API_URL and the network"),
    ):
        put(client)
    assert waited == [1.0, 2.0, 4.0]


def test_a_next_page_elsewhere_is_not_asked_for(desk: Desk, github: GitHub) -> None:
    github.viewer = BOT
    link = '<http://localhost:9/steal?page=2>; rel="next"'
    with rest(github.url, sleep=lambda _: None) as client:
        github.planned["GET"] = [Planned(status=200, headers={"Link": link})]
        with pytest.raises(RestError):
            list(client.pages("/repos/acme/models/issues"))


def test_one_issue_is_opened_kept_up_to_date_and_closed(desk: Desk, github: GitHub) -> None:
    github.issue("Model drift", f"{MARKER}\nplanted", PERSON)
    github.issues[0]["pull_request"] = {}
    assert desk.comment("--issue", "Model drift").stdout.startswith("Issue created: https://")
    issue = github.issues[1]
    assert (issue["title"], issue["body"].split("\n")[0]) == ("Model drift", MARKER)
    assert desk.comment("--issue", "Model drift").stdout.startswith("Issue unchanged: ")
    desk.plan("{name: newer}")
    assert desk.comment("--issue", "Model drift").stdout.startswith("Issue updated: ")
    desk.plan("{}")
    assert desk.comment("--issue", "Model drift").stdout.startswith("Issue closed: ")
    assert (len(github.issues), issue["state"]) == (2, "closed")
    assert desk.comment("--issue", "Model drift").stdout == "Issue unchanged.\n"


def test_the_issue_is_open_exactly_while_drift_exits_2(desk: Desk, github: GitHub) -> None:
    """Unmet expectations are drift too, and with --new-only only what is new."""
    version = "{versions: [{select: latest, expect: {concepts: [unicorn]}}]}"
    plan, state = desk.folder / "plan.json", desk.folder / "state.json"
    for spec, only_new in (
        ("{}", False),
        (version, False),
        ("{}", False),
        ("{name: new}", True),
        ("{name: new}", True),
        ("{name: new, notes: more}", True),
        ("{}", True),
    ):
        (desk.folder / "pets.yaml").write_text(MANIFEST.format(spec))
        options = ("--state", state, "--new-only") if only_new else ()
        drift = desk.cli(
            *("drift", desk.folder / "pets.yaml", "--out", plan, *options, "--endpoint", desk.emulator.url),
            env={"CLARIFAI_PAT": "pat-of-the-test"},
        )
        assert drift.exit_code in {0, 2}
        assert desk.comment("--issue", "Drift").exit_code == 0
        opened = [issue for issue in github.issues if issue["state"] == "open"]
        assert len(opened) == (drift.exit_code == 2), (spec, only_new)


def test_a_refused_drift_run_opens_no_issue_and_closes_none(desk: Desk, github: GitHub) -> None:
    def refused() -> None:
        drift = desk.cli(
            *("drift", desk.folder / "pets.yaml", "--out", desk.folder / "plan.json", "--endpoint", desk.emulator.url),
            *("--prune", "--prune-scope", "app"),
            env={"CLARIFAI_PAT": "pat-of-the-test"},
        )
        assert drift.exit_code == 3

    plan = (desk.folder / "plan.json").read_bytes()
    refused()
    assert desk.comment("--issue", "Drift").stdout == "Issue unchanged.\n"
    (desk.folder / "plan.json").write_bytes(plan)
    assert desk.comment("--issue", "Drift").stdout.startswith("Issue created: ")
    refused()
    assert desk.comment("--issue", "Drift").stdout.startswith("Issue updated: ")
    assert github.issues[0]["state"] == "open"


def test_an_issue_opened_twice_is_closed_once(desk: Desk, github: GitHub) -> None:
    for _ in range(2):
        github.issue("Drift", f"{MARKER}\nbefore", BOT)
    github.issue("Drift", f"{MARKER}\nplanted", PERSON)
    github.issue("Drift", f"{MARKER}\nof a deleted account", None)
    assert desk.comment("--issue", "Drift").exit_code == 0
    assert [issue["state"] for issue in github.issues] == ["open", "closed", "open", "open"]


def test_what_contradicts_itself_is_a_usage_error(desk: Desk, github: GitHub) -> None:
    for given in (
        ("--failed", "--plan", "x", "--repo", "acme/models", "--pr", "7"),
        ("--repo", "acme/models", "--pr", "7"),
        ("--failed", "--repo", "acme/models", "--issue", "Drift"),
        ("--failed", "--pr", "7"),
        ("--failed", "--repo", "acme/models", "--pr", "7", "--author", ""),
    ):
        assert desk.cli("comment", *given, env=desk.env).exit_code == 64
    assert github.calls == []


# --- GitLab ---------------------------------------------------------------------------------------------------------


class NoteDesk:
    """A saved plan, and `comment --forge gitlab` in a merge request's job."""

    def __init__(self, desk: Desk, gitlab: GitLab) -> None:
        self.desk, self.gitlab = desk, gitlab
        self.env = {
            "GITLAB_CI": "true",
            "GITLAB_TOKEN": GITLAB_TOKEN,
            "CI_API_V4_URL": f"{gitlab.url}/api/v4",
            "CI_PROJECT_ID": "12",
            "CI_MERGE_REQUEST_IID": "3",
            "CI_COMMIT_SHA": "a" * 40,
            "CI_JOB_URL": "https://gitlab.example/acme/models/-/jobs/55",
        }

    def comment(self, *args: str, env: dict[str, str] | None = None) -> CliResult:
        given = args or ("--plan", str(self.desk.folder / "plan.json"))
        result = self.desk.cli("comment", "--forge", "gitlab", *given, env={**self.env, **(env or {})})
        assert GITLAB_TOKEN not in result.stdout + result.stderr
        return result


@pytest.fixture
def notes(desk: Desk) -> Iterator[NoteDesk]:
    with gitlab_api() as gitlab:
        yield NoteDesk(desk, gitlab)


def test_a_merge_request_gets_one_note_by_the_same_laws(notes: NoteDesk) -> None:
    gitlab = notes.gitlab
    for number in range(45):
        gitlab.note(f"note {number}", {"username": "mallory"})
    gitlab.note(f"{MARKER}\nplanted", {"username": "mallory"})
    gitlab.note(f"{MARKER}\nof a deleted account", None)
    gitlab.note(f"{MARKER}\nan event", GITLAB_BOT, system=True)
    for _ in range(2):
        gitlab.note(f"{MARKER}\nbefore", GITLAB_BOT)
    others = [dict(note) for note in gitlab.notes[:48]]
    assert notes.comment().stdout == "Comment updated.\n"
    assert gitlab.notes[:48] == others
    (note,) = gitlab.notes[48:]
    assert "[run](https://gitlab.example/acme/models/-/jobs/55)" in note["body"]
    assert notes.comment().stdout == "Comment unchanged.\n"
    assert notes.comment("--failed", env={"CI_COMMIT_SHA": "b" * 40}).exit_code == 0
    assert note["body"].split("\n")[1] == "## This plan is outdated"
    assert gitlab.tokens == {GITLAB_TOKEN}


def test_a_note_is_created_once_where_runs_race_or_responses_are_lost(notes: NoteDesk) -> None:
    gitlab = notes.gitlab
    gitlab.planned["POST"] = [Planned(status=201, is_done=True, drops=True)]
    assert notes.comment("--plan", str(notes.desk.folder / "plan.json"), "--repo", "acme/models").exit_code == 0
    assert len(gitlab.notes) == 1
    gitlab.notes.clear()

    def another(method: str, path: str) -> None:
        if method == "POST" and not gitlab.notes:
            gitlab.note(f"{MARKER}\nof another run", GITLAB_BOT)

    gitlab.before = another
    assert notes.comment().stdout == "Comment updated.\n"
    assert len(gitlab.notes) == 1


def test_a_token_that_may_not_ask_who_it_is_still_keeps_one_note(notes: NoteDesk) -> None:
    gitlab = notes.gitlab
    gitlab.note(f"{MARKER}\nplanted", {"username": "mallory"})
    gitlab.note(f"{MARKER}\nof a deleted account", None)
    for spec in ("{name: new}", "{name: newer}"):
        notes.desk.plan(spec)
        gitlab.planned["GET"] = [Planned(status=403, message="403 Forbidden")]
        assert notes.comment().exit_code == 0
    (note,) = gitlab.notes[2:]
    assert "newer" in note["body"]


def test_a_limit_of_gitlab_is_waited_for(notes: NoteDesk) -> None:
    notes.gitlab.planned["GET"] = [Planned(status=429, headers={"Retry-After": "0"})]
    assert notes.comment().exit_code == 0
    notes.gitlab.planned["GET"] = [
        Planned(status=429, headers={"RateLimit-Remaining": "0", "RateLimit-Reset": "9999999999"})
    ]
    assert "GitLab asks to wait" in notes.comment().stderr


def test_what_gitlab_does_not_say_is_an_error(notes: NoteDesk) -> None:
    assert "GITLAB_TOKEN is not set" in notes.comment(env={"GITLAB_TOKEN": ""}).stderr
    assert "GITLAB_TOKEN is not valid" in notes.comment(env={"GITLAB_TOKEN": "wrong"}).stderr
    assert "CI_API_V4_URL can't be used" in notes.comment(env={"CI_API_V4_URL": "http://gitlab.example"}).stderr
    for env in ({"CI_MERGE_REQUEST_IID": ""}, {"CI_PROJECT_ID": ""}, {"CI_PROJECT_ID": "../12"}):
        assert notes.comment(env=env).exit_code == 64
    assert notes.comment("--plan", "x", "--issue", "Drift").exit_code == 64
    assert notes.gitlab.writes() == []
