"""A base whose manifests spell an app otherwise than the head's: me/APP and USER/APP may be one."""

from __future__ import annotations

import pytest

from reconciler.errors import Origin
from reconciler.manifests.base import BaseState
from reconciler.plan.attribution import spelled_as
from reconciler.resources.desired import Desired, DesiredModel
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key, Scope


def base(*scopes: tuple[str, str]) -> BaseState:
    models = tuple(
        DesiredModel(
            key=Key(user_id=user_id, app_id=app_id, model_id="m"),
            action=Action.MERGE,
            stated={},
            origin=Origin(path=f"{user_id}.yaml"),
        )
        for user_id, app_id in scopes
    )
    return BaseState(ref="main", commit="abc", desired=Desired(models=models))


@pytest.mark.parametrize(
    ("of_base", "of_head", "expected"),
    [
        ([("me", "pets")], [("demo", "pets")], ["demo/pets/m"]),
        ([("demo", "pets")], [("me", "pets")], ["me/pets/m"]),
        ([("me", "pets")], [("other", "pets")], ["me/pets/m"]),
        ([("other", "pets")], [("me", "pets")], ["other/pets/m"]),
        ([("demo", "pets")], [("other", "pets")], ["demo/pets/m"]),
        ([("me", "pets")], [("demo", "zoo")], ["me/pets/m"]),
        ([("me", "pets")], [("other", "pets"), ("demo", "zoo"), ("demo", "pets")], ["demo/pets/m"]),
        ([("me", "pets"), ("me", "zoo")], [("demo", "pets"), ("me", "zoo")], ["demo/pets/m", "me/zoo/m"]),
        ([("demo", "pets"), ("me", "pets")], [("demo", "pets")], ["demo/pets/m"]),
    ],
)
def test_the_base_is_spelled_as_the_head_where_both_mean_one_app(
    of_base: list[tuple[str, str]], of_head: list[tuple[str, str]], expected: list[str]
) -> None:
    found = spelled_as(base(*of_base), [Scope(*pair) for pair in of_head], lambda _: "demo")
    assert [model.key.address for model in found.desired.models] == expected
    assert (found.ref, found.commit) == ("main", "abc")


def test_who_me_is_is_asked_of_the_scope_that_says_so_and_only_then() -> None:
    asked: list[Scope] = []

    def user_id_of(scope: Scope) -> str:
        asked.append(scope)
        return "demo"

    spelled_as(base(("demo", "pets"), ("me", "zoo")), [Scope("demo", "pets"), Scope("me", "zoo")], user_id_of)
    assert asked == []
    spelled_as(base(("demo", "pets")), [Scope("me", "pets")], user_id_of)
    assert asked == [Scope("me", "pets")]
