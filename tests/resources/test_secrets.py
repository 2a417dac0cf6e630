"""Which texts count as secrets in every output: those that manifests took from the environment, wherever they stand."""

from __future__ import annotations

from typing import Any

from reconciler.errors import Origin
from reconciler.resources.desired import Desired, DesiredModel, DesiredVersion, Selector
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key
from reconciler.resources.secrets import Sensitive, known_secrets, redacted, revealed

HERE = Origin(path="m.yaml")


def desired(stated: dict[str, Any], of_version: dict[str, Any], *, has_references: bool = True) -> Desired:
    version = DesiredVersion(
        selector=Selector(select="latest"), action=Action.MERGE, stated=of_version, origins={(): HERE}
    )
    key = Key(user_id="me", app_id="pets", model_id="m")
    model = DesiredModel(key=key, action=Action.MERGE, stated=stated, versions=(version,), origin=HERE)
    return Desired(models=(model,), has_references=has_references)


STATED = {"notes": Sensitive("a", "env:A"), "metadata": {"deep": [{"x": [Sensitive("b", "env:B")]}, "plain"], "n": 1}}
OF_VERSION = {"output_info": {"params": {"token": Sensitive("c", "env:C"), "count": Sensitive(5, "manifest")}}}


def test_every_secret_text_is_known_and_nothing_else() -> None:
    assert known_secrets(desired(STATED, OF_VERSION)) == {"a", "b", "c"}


def test_manifests_without_references_have_no_secrets_to_search_for() -> None:
    assert known_secrets(desired({"notes": "a"}, {}, has_references=False)) == frozenset()


def test_a_secret_is_concealed_in_a_tuple_as_in_a_list() -> None:
    tree = {"deep": ({"x": Sensitive("a", "env:A")}, "plain", (Sensitive("b", "live"),))}
    assert redacted(tree) == {"deep": [{"x": "(sensitive)"}, "plain", ["(sensitive)"]]}
    assert revealed(tree) == {"deep": [{"x": "a"}, "plain", ["b"]]}
