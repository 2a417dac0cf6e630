"""Random JSON, live documents and statements for the property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from reconciler.errors import Origin
from reconciler.resources.desired import Removal
from reconciler.resources.fields import Action
from reconciler.resources.keys import Kind
from reconciler.resources.tree import FieldPath, with_value

HERE = Origin(path="manifests/model.yaml", line=1, column=1)

KEYS = st.sampled_from(["a", "b", "c", "id", "__d", "e.f", "owner"])
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 0.95, 1.5]),
    st.sampled_from(["", "x", "y", "1", "true"]),
)
ID_LISTS = st.lists(
    st.fixed_dictionaries({"id": st.sampled_from(["1", "2", "3", 1])}, optional={"v": SCALARS}),
    max_size=3,
    unique_by=lambda item: repr(item["id"]),
)
VALUES = st.recursive(
    SCALARS | st.none(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        ID_LISTS,
        st.dictionaries(KEYS, inner, max_size=3),
    ),
    max_leaves=8,
)
STRUCTS = st.dictionaries(KEYS, VALUES, max_size=4)
TAGS = st.lists(st.sampled_from(["OpenAI", "Clarifai", "HuggingFace", "en"]), max_size=4, unique=True)
STRINGS = st.sampled_from(["pets", "Pets classifier", "ä\n→", "x"])
VISIBILITIES = st.sampled_from(["PRIVATE", "ORG", "PUBLIC"])
RESTRICTIONS = st.sampled_from(["NO_LIMITS", "SHARED_COMPUTE_ONLY", "DEDICATED_COMPUTE_ONLY"])
ACTIONS = st.sampled_from(list(Action))


def _document(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [])}


MODEL_DOCUMENTS = st.fixed_dictionaries(
    {
        "id": st.just("petsID"),
        "name": STRINGS,
        "description": st.none() | STRINGS,
        "notes": st.none() | STRINGS,
        "visibility": st.none() | VISIBILITIES.map(lambda name: {"gettable": name}),
        "deploy_restriction": st.sampled_from([None, "USAGE_RESTRICTION_NOT_SET"]) | RESTRICTIONS,
        "toolkits": TAGS,
        "use_cases": TAGS,
        "languages": TAGS,
        "image": st.none() | st.just({"url": "https://example.com/a.jpg", "hosted": {"prefix": "p"}}),
        "metadata": st.none() | STRUCTS,
        "presets": st.just({}),
    }
).map(_document)

VERSION_DOCUMENTS = st.fixed_dictionaries(
    {
        "id": st.just("b" * 32),
        "description": st.none() | STRINGS,
        "license": st.none() | STRINGS,
        "visibility": st.none() | VISIBILITIES.map(lambda name: {"gettable": name}),
        "metadata": st.none() | STRUCTS,
        "output_info": st.none()
        | st.fixed_dictionaries(
            {
                "output_config": st.just({"max_concepts": 5, "min_value": 0.25}),
                "message": st.just("Show output_info with: GET /models/{model_id}/output_info"),
                "fields_map": st.just({"concepts": "softmax"}),
                "params": STRUCTS,
            }
        ),
    }
).map(_document)

DOCUMENTS = {Kind.MODEL: MODEL_DOCUMENTS, Kind.MODEL_VERSION: VERSION_DOCUMENTS}


def _stated(fields: dict[str, Any]) -> dict[str, Any]:
    stated: dict[str, Any] = {}
    for name, value in fields.items():
        stated = with_value(stated, tuple(name.split("/")), value)
    return stated


MODEL_STATEMENTS = st.fixed_dictionaries(
    {},
    optional={
        "name": STRINGS,
        "description": STRINGS,
        "notes": STRINGS,
        "visibility": VISIBILITIES,
        "deploy_restriction": RESTRICTIONS,
        "toolkits": TAGS,
        "use_cases": TAGS,
        "languages": TAGS,
        "metadata": STRUCTS,
    },
).map(_stated)

VERSION_STATEMENTS = st.fixed_dictionaries(
    {},
    optional={
        "description": STRINGS,
        "license": STRINGS,
        "visibility": VISIBILITIES,
        "metadata": STRUCTS,
        "output_info/params": STRUCTS,
    },
).map(_stated)

STATEMENTS = {Kind.MODEL: MODEL_STATEMENTS, Kind.MODEL_VERSION: VERSION_STATEMENTS}


def removals(kind: Kind) -> st.SearchStrategy[tuple[Removal, ...]]:
    """Removals of Struct keys, tags and the image."""
    roots: list[FieldPath] = [("metadata",)] if kind is Kind.MODEL else [("metadata",), ("output_info", "params")]
    inside = st.builds(
        lambda root, names: Removal(path=(*root, *names), origin=HERE),
        st.sampled_from(roots),
        st.lists(KEYS, min_size=1, max_size=2),
    )
    if kind is Kind.MODEL_VERSION:
        return st.lists(inside, max_size=2).map(tuple)
    tag = st.builds(
        lambda name, item: Removal(path=(name,), item=item, origin=HERE),
        st.sampled_from(["toolkits", "use_cases", "languages"]),
        st.sampled_from(["OpenAI", "Clarifai", "en"]),
    )
    image = st.just(Removal(path=("image",), origin=HERE))
    return st.lists(inside | tag | image, max_size=3).map(tuple)
