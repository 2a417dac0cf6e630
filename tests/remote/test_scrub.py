"""Texts of the service, made fit to be shown."""

from __future__ import annotations

import html
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.remote.scrub import MAX_LENGTH, Scrubber
from reconciler.resources.secrets import Sensitive, secret_texts


@pytest.mark.parametrize(
    ("secrets", "text", "expected"),
    [
        ([], "Ok", "Ok"),
        (["abcd"], "xabcdx abcd", "x(sensitive)x (sensitive)"),
        (["abcd", "abcdef"], "abcdef abcd", "(sensitive) (sensitive)"),
        (["7"], "param 7 is bad, 77 is not", "param (sensitive) is bad, 77 is not"),
        (['qu"ote\n'], 'got "qu\\"ote\\n"', 'got "(sensitive)"'),
        (["a+b*(c"], "a+b*(c", "(sensitive)"),
        ([""], "empty", "empty"),
        ([], "one\ntwo\x1b[31m\x07\u202eabc\u2028", "one two\\x1b[31m\\x07\\u202eabc\\u2028"),
        ([], "naïve 名前 😀", "naïve 名前 😀"),
    ],
)
def test_cleaned(secrets: list[str], text: str, expected: str) -> None:
    assert Scrubber(secrets).clean(text) == expected


LONG = 'sK-"canary"<&>/0123456789'
CUT = "(sensitive)… (the rest is left out: it may quote a secret)"


@pytest.mark.parametrize(
    "quoted",
    [
        LONG.upper(),
        json.dumps(LONG)[1:-1],
        json.dumps(LONG)[1:-1].replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
        html.escape(LONG),
        LONG.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;"),
        urllib.parse.quote(LONG),
        urllib.parse.quote(LONG, safe="").lower(),
        urllib.parse.quote_plus(LONG),
    ],
)
def test_a_secret_in_another_spelling_is_replaced(quoted: str) -> None:
    assert Scrubber([LONG]).clean(f"bad value {quoted} here") == "bad value (sensitive) here"


@pytest.mark.parametrize(
    ("quoted", "before"),
    [
        (LONG[:8], "bad value "),
        (LONG[-8:].upper(), "bad value "),
        (f"{LONG[4:16]}…", "bad value "),
        (urllib.parse.quote(urllib.parse.quote(LONG)), ""),
        ("\\u0073\\u004b-\\u0022canary", ""),
        ("&#x73;K-&quot;cana", ""),
    ],
)
def test_a_text_that_shares_a_run_with_a_secret_is_cut(quoted: str, before: str) -> None:
    assert Scrubber(["other", LONG]).clean(f"bad value {quoted} and more") == f"{before}{CUT}"


@pytest.mark.parametrize("text", ["canary 0123456", "sk-canary", "100% of &amp; \\u0041"])
def test_a_text_that_shares_less_stays(text: str) -> None:
    assert Scrubber([LONG]).clean(text) == text


# A percent sign, an ampersand or a backslash begins an escape, which may swallow what follows it in a run.
_LETTERS = st.characters(codec="utf-8", exclude_characters="%&\\")


@given(secret=st.text(_LETTERS, min_size=8, max_size=24), data=st.data())
def test_no_run_of_a_secret_stays(secret: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(secret) - 8))
    run = secret[start : start + 8]
    part = data.draw(st.sampled_from([run, run.upper(), urllib.parse.quote(run), html.escape(run)]))
    cleaned = Scrubber([secret]).clean(f"bad: {part}")
    assert cleaned.endswith((CUT, "(sensitive)")), cleaned
    rest = cleaned.replace(CUT, "").replace("(sensitive)", "").upper().casefold()
    folded = secret.upper().casefold()
    assert not any(folded[at : at + 8] in rest for at in range(len(folded) - 7)), cleaned


def test_a_flood_is_cut() -> None:
    assert Scrubber().clean("x" * 5000) == "x" * MAX_LENGTH + "… (5000 characters)"


@given(secret=st.text(min_size=4, max_size=20), before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_secret_never_stays(secret: str, before: str, after: str) -> None:
    rest = Scrubber([secret]).clean(f"{before}{secret}{after}").replace("(sensitive)", "")
    assert secret not in rest or secret in f"{before}{after}" or secret in "(sensitive)"


def test_secrets_are_found_wherever_they_are() -> None:
    body = {
        "a": [{"b": Sensitive("one", "env:A")}],
        "c": Sensitive({"d": ["two", 3, True, None, Sensitive("four", "x")]}, "manifest"),
        "e": "public",
    }
    assert list(secret_texts(body)) == ["one", "two", "3", "four"]
