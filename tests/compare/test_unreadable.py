"""Values that can't be read back: the verdict on each, what an owner mark records, and what of a desired spec remains."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from reconciler.compare.digests import ABSENT, Digests, digests
from reconciler.compare.unreadable import (
    UNSTABLE,
    Memory,
    Record,
    Unreadable,
    Verdict,
    judged,
    memory_from,
    place_of,
    stated_at,
    verdict,
    without_secrets,
)
from reconciler.errors import Origin
from reconciler.resources.desired import Removal, Statement
from reconciler.resources.fields import IMAGE_URL, Action
from reconciler.resources.keys import Key
from reconciler.resources.secrets import Sensitive
from reconciler.resources.tree import MISSING

MODEL = Key(user_id="me", app_id="pets", model_id="m")
VERSION = MODEL.version("v")
TOKEN = ("output_info", "params", "token")
SALT = "00112233445566778899aabbccddeeff"
SEND, IN_SYNC, NOT_COMPARABLE = Verdict.SEND, Verdict.IN_SYNC, Verdict.NOT_COMPARABLE


def of(value: Any) -> Digests:
    return digests(SALT, "image.url", value)


def record(sent: str, seen: Any) -> Record:
    return Record(sent=of(sent).sent, seen=seen if seen in (UNSTABLE, ABSENT) else of(sent).seen(seen))


@pytest.mark.parametrize(
    ("live", "stated", "known", "is_kept", "expected"),
    [
        ("a", "a", None, False, IN_SYNC),
        ("a", "a", record("b", "a"), True, IN_SYNC),
        ("****", "a", None, False, NOT_COMPARABLE),
        ("****", "a", None, True, SEND),
        (MISSING, "a", None, False, SEND),
        (MISSING, "a", None, True, SEND),
        ("****", "a", record("a", "****"), True, IN_SYNC),
        ("****", "b", record("a", "****"), True, SEND),
        ("c1", "a", record("a", "c2"), True, SEND),
        ("c1", "a", record("a", UNSTABLE), True, IN_SYNC),
        ("c1", "b", record("a", UNSTABLE), True, SEND),
        (MISSING, "a", record("a", ABSENT), True, IN_SYNC),
        (MISSING, "b", record("a", ABSENT), True, SEND),
        (MISSING, "a", record("a", "****"), True, SEND),
        ("****", "a", record("a", ABSENT), True, SEND),
        ("****", "a", record("a", "****"), False, IN_SYNC),
    ],
)
def test_a_verdict_follows_what_is_live_stated_and_recorded(
    live: Any, stated: str, known: Record | None, is_kept: bool, expected: Verdict
) -> None:
    found = verdict(live=live, stated=stated, record=known, digests_of=of, is_kept=is_kept)
    assert found is expected
    again = verdict(live=live, stated=stated, record=known, digests_of=of, is_kept=is_kept, is_resent=True)
    assert again is (IN_SYNC if live == stated else SEND)


@pytest.mark.parametrize(
    ("owner", "visibility", "path", "expected"),
    [
        (None, "PRIVATE", IMAGE_URL, False),
        (None, "PRIVATE", TOKEN, False),
        ("us", "PRIVATE", IMAGE_URL, True),
        ("us", "PRIVATE", TOKEN, True),
        ("us", "ORG", TOKEN, True),
        ("us", "PUBLIC", IMAGE_URL, True),
        ("us", "PUBLIC", TOKEN, False),
    ],
)
def test_secrets_of_public_models_are_not_recorded(owner: Any, visibility: str, path: Any, expected: bool) -> None:
    document = {"id": "m", "visibility": {"gettable": visibility}}
    assert memory_from(document, owner=owner).keeps(path) is expected
    assert memory_from({"id": "m"}, owner=owner, visibility=visibility).keeps(path) is expected


def marked(unreadable: Any) -> dict[str, Any]:
    return {"id": "m", "metadata": {"reconciler": {"owner": "us", "protect": False, "unreadable": unreadable}}}


def test_records_are_read_from_the_mark() -> None:
    values = {"image.url": {"sent": "1", "seen": "2"}, place_of(VERSION, TOKEN): {"sent": "3", "seen": UNSTABLE}}
    memory = memory_from(marked({"salt": SALT, "values": values}), owner="us")
    assert memory.salt == SALT
    assert memory.record(MODEL, IMAGE_URL) == Record(sent="1", seen="2")
    assert memory.record(VERSION, TOKEN) == Record(sent="3", seen=UNSTABLE)
    assert memory.record(MODEL.version("w"), TOKEN) is None


@pytest.mark.parametrize(
    "unreadable",
    [
        "text",
        {},
        {"salt": SALT},
        {"salt": SALT, "values": []},
        {"salt": "short", "values": {"image.url": {"sent": "1", "seen": "2"}}},
        {"salt": 5, "values": {"image.url": {"sent": "1", "seen": "2"}}},
        {"salt": SALT, "values": {"image.url": {"sent": "1"}}},
        {"salt": SALT, "values": {"image.url": "1"}},
        {"salt": SALT, "values": {"image.url": {}}},
    ],
)
def test_what_is_not_of_the_expected_form_is_not_recorded(unreadable: Any) -> None:
    assert memory_from(marked(unreadable), owner="us").record(MODEL, IMAGE_URL) is None


def test_digests_differ_by_salt_place_and_value_and_by_nothing_else() -> None:
    one = of("https://x/a")
    others = [
        digests(SALT[::-1], "image.url", "https://x/a"),
        digests(SALT, "v.output_info.params.token", "https://x/a"),
        of("https://x/b"),
    ]
    assert len({each.sent for each in (one, *others)}) == 4
    assert len({each.seen("****") for each in (one, *others)}) == 4
    assert len(one.sent) == len(one.seen("****")) == 64
    assert one == of(Sensitive("https://x/a", "env:X"))
    by_id, turned = [{"id": "x", "n": 1}, {"id": "y"}], [{"id": "y"}, {"n": 1.0, "id": "x"}]
    assert of(by_id) == of(turned)
    assert one.seen(by_id) == one.seen(turned)
    assert of(["x", "y"]) != of(["y", "x"])
    assert one.seen(MISSING) == ABSENT


def test_the_key_of_what_is_seen_is_shown_nowhere() -> None:
    one = of("https://x/a")
    assert one.key.hex() not in {one.sent, one.seen("https://x/a")}
    assert one.key.hex() not in repr(one)


def test_a_secret_costs_sixteen_times_the_work_of_an_image_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    costs: list[int] = []
    slow = hashlib.scrypt

    def counted(password: bytes, **options: Any) -> bytes:
        costs.append(options["n"])
        return slow(password, **options)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    for _ in range(2):
        for place in ("image.url", place_of(VERSION, TOKEN)):
            made = digests(SALT[::-1], place, "only here")
            assert made.seen("****") != made.seen("*****")
    assert costs == [2**10, 2**14]


def test_clearing_the_records_of_secrets_keeps_that_of_the_image() -> None:
    mark = {"owner": "us", "unreadable": {"salt": SALT, "values": {"image.url": {"sent": "1"}, "v.x": {"sent": "2"}}}}
    cleared = without_secrets(mark)
    assert cleared == {"owner": "us", "unreadable": {"salt": SALT, "values": {"image.url": {"sent": "1"}, "v.x": {}}}}
    assert without_secrets(cleared) == cleared
    assert without_secrets({"owner": "us"}) == {"owner": "us"}


# --- specs ------------------------------------------------------------------------------------------------------


def params(**values: Any) -> dict[str, Any]:
    return {"output_info": {"params": values}}


def states(action: Action = Action.MERGE, *, removes: tuple[str, ...] = (), **values: Any) -> Statement:
    removals = tuple(Removal(path=("output_info", "params", name), origin=Origin(path="")) for name in removes)
    return Statement(action=action, stated=params(**values), removals=removals)


def test_a_value_that_is_not_sent_is_as_before_in_the_desired_spec() -> None:
    found = judged(
        VERSION,
        params(token="****", depth=3),
        params(token="new", depth=4),
        [states(token="new", depth=4)],
        secret_params=["token"],
        memory=Memory(),
    )
    assert found.after == params(token="****", depth=4)
    assert [(item.address, item.path) for item in found.not_comparable] == [(VERSION.address, TOKEN)]
    assert found.values == {TOKEN: Unreadable(stated=Sensitive("new", "manifest"), is_whole=True)}


def test_a_secret_that_no_statement_is_about_stays_under_overwrite() -> None:
    overwrite = states(Action.OVERWRITE, depth=4)
    kept = judged(VERSION, params(token="****"), params(depth=4), [overwrite], secret_params=["token"], memory=Memory())
    assert kept.after == params(token="****", depth=4)
    assert kept.values == {TOKEN: Unreadable()}
    removed = judged(
        VERSION,
        params(token="****"),
        params(depth=4),
        [states(Action.OVERWRITE, removes=("token",), depth=4)],
        secret_params=["token"],
        memory=Memory(),
    )
    assert (removed.after, removed.values) == (params(depth=4), {})


def test_a_secret_that_is_not_shown_is_sent_and_called_unshown_unless_it_is_recorded() -> None:
    def found(memory: Memory) -> Any:
        return judged(VERSION, params(), params(token="a"), [states(token="a")], secret_params=["token"], memory=memory)

    unshown = found(Memory())
    assert unshown.after == params(token="a")
    assert [item.path for item in unshown.unshown] == [TOKEN]
    assert found(Memory(is_kept=True)).unshown == ()
    assert [item.path for item in found(Memory(is_kept=True, is_public=True)).unshown] == [TOKEN]


def test_an_image_is_judged_by_its_url() -> None:
    before, after = {"image": {"url": "https://data/1"}}, {"image": {"url": "https://x/a"}}
    image = Statement(action=Action.MERGE, stated=after)
    found = judged(MODEL, before, after, [image], secret_params=(), memory=Memory())
    assert (found.after, [item.path for item in found.not_comparable]) == (before, [IMAGE_URL])
    sent = judged(MODEL, before, after, [image], secret_params=(), memory=Memory(), resend={"image"})
    assert (sent.after, sent.not_comparable) == (after, ())
    other = judged(MODEL, before, after, [image], secret_params=(), memory=Memory(), resend={"secrets"})
    assert other.after == before


def test_an_image_that_is_stated_without_a_url_stays_as_it_is() -> None:
    live = {"name": "n", "image": {"url": "https://data/1"}}
    nothing = Statement(action=Action.MERGE, stated={"image": {}})
    for before in (live, {"name": "n"}):
        found = judged(MODEL, before, before, [nothing], secret_params=(), memory=Memory(is_kept=True))
        assert (found.after, found.values, found.not_comparable) == (before, {}, ())


def test_statements_about_one_value_are_taken_together() -> None:
    one, other = states(secrets=[{"id": "x", "v": 1}]), states(secrets=[{"id": "y", "v": 2}])
    path = ("output_info", "params", "secrets")
    assert stated_at([one, other], path) == [{"id": "x", "v": 1}, {"id": "y", "v": 2}]
    assert stated_at([one], TOKEN) is MISSING
