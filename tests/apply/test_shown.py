"""What answers show counts only where it is the whole object, and only until the next answer about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.apply.verify import Shown
from reconciler.remote.port import Reply
from reconciler.resources.keys import Key
from reconciler.resources.observed import Observed, ObservedModel
from tests.request_values import request

CATS = Key(user_id="me", app_id="pets", model_id="cats")
DOGS = Key(user_id="me", app_id="pets", model_id="dogs")
OLD = CATS.version("old")


def answered(shown: Shown, keys: tuple[Key, ...], *documents: Mapping[str, Any]) -> None:
    sent = request("PatchModels", "merge", {key: {} for key in keys})
    shown.add(sent, Reply(request_id="", attempts=1, documents=documents))


def test_whole_objects_are_kept_by_key_and_echoes_are_not() -> None:
    shown = Shown()
    whole = {"id": "cats", "name": "Cats", "created_at": "2026-01-01T00:00:00Z"}
    answered(shown, (CATS, DOGS), whole, {"id": "dogs", "name": "Dogs"})
    assert shown.documents == {CATS: whole}


def test_a_later_answer_without_the_object_makes_the_earlier_one_out_of_date() -> None:
    shown = Shown()
    answered(shown, (CATS,), {"id": "cats", "created_at": "x"})
    answered(shown, (CATS,))
    assert shown.documents == {}


def test_versions_are_shown_beside_the_models_that_were_read() -> None:
    shown = Shown()
    answered(shown, (OLD,), {"id": "old", "created_at": "x"})
    answered(shown, (DOGS,), {"id": "dogs", "created_at": "x"})
    model = ObservedModel(key=CATS, document={"id": "cats"})
    observed = shown.versions_beside(Observed(models={CATS: model}))
    assert list(observed.models) == [CATS]
    assert observed.models[CATS].document == {"id": "cats"}
    assert list(observed.models[CATS].versions_by_id) == ["old"]
