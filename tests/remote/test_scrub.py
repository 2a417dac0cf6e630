"""Texts of the service, made fit to be shown."""

from __future__ import annotations

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
