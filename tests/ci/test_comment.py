"""`reconciler comment` against a server that plays GitHub: one comment, ours, kept up to date, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.ci.comments import put_comment
from reconciler.ci.rest import Rest, RestError, token_from
from reconciler.emulator.server import Emulator
from tests.ci.github_api import BOT, TOKEN, GitHub, Planned, github_api
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
    github.planned = {"PATCH": [Planned(status=404, message="Not Found")]}
    assert desk.comment().exit_code == 0
    assert len(github.comments) == 2


@pytest.mark.parametrize(
    ("planned", "says"),
    [
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
        with (
            Rest(url=github.url, token=token_from(TOKEN), sleep=waited.append) as rest,
            pytest.raises(RestError) as raised,
        ):
            put_comment(rest, "acme/models", 7, key="default", body=f"{MARKER}\nx")
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
    with Rest(url=github.url, token=token_from(TOKEN), sleep=waited.append, now=lambda: 1_000_000) as rest:
        assert put_comment(rest, "acme/models", 7, key="default", body=f"{MARKER}\nx").action == "created"
    assert waited == [31.0]


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
        Rest(url="http://127.0.0.1:9", token=token_from(TOKEN), sleep=waited.append) as rest,
        pytest.raises(RestError, match="Check GITHUB_API_URL and the network"),
    ):
        put_comment(rest, "acme/models", 7, key="default", body=f"{MARKER}\nx")
    assert waited == [1.0, 2.0, 4.0]


def test_a_next_page_elsewhere_is_not_asked_for(desk: Desk, github: GitHub) -> None:
    github.viewer = BOT
    link = '<http://localhost:9/steal?page=2>; rel="next"'
    with Rest(url=github.url, token=token_from(TOKEN)) as rest:
        github.planned["GET"] = [Planned(status=200, headers={"Link": link})]
        with pytest.raises(RestError):
            list(rest.pages("/repos/acme/models/issues"))


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
