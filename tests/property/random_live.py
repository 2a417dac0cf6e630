"""Random models and versions of the service, with fields that no manifest manages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

from .random_values import IMAGES, RESTRICTIONS, TEXTS, VISIBILITIES, struct, tags

Json = Any

APPS: Final = (("demo", "pets"), ("demo", "zoo"), ("demo", "idle"))
MODEL_IDS: Final = ("petsID", "m-1", "M_2", "general", "x9")
OWNER: Final = "vision-team"
FREE_TYPE: Final = "undeclared-type"
RANGED_TYPE: Final = "embedding-classifier"


def random_seed(rng: Random) -> dict[str, Json]:
    """Up to three apps with up to four models each."""
    apps = []
    for user_id, app_id in APPS:
        ids = rng.sample(MODEL_IDS, rng.choice((1, 2, 3, 5, 5)) if app_id != "idle" else 1)
        models = [random_model(rng, model_id) for model_id in ids]
        apps.append({"user_id": user_id, "app_id": app_id, "models": models, "workflows": []})
    return {"apps": apps}


def _some(rng: Random, makers: Mapping[str, Callable[[], Json]], share: float = 0.5) -> dict[str, Json]:
    return {name: make() for name, make in makers.items() if rng.random() < share}


def random_model(rng: Random, model_id: str) -> dict[str, Json]:
    """A model of the service, with fields that no manifest manages."""
    type_id = RANGED_TYPE if rng.random() < 0.25 else FREE_TYPE
    model = {
        "id": model_id,
        "model_type_id": type_id,
        **_some(
            rng,
            {
                "name": lambda: rng.choice(TEXTS),
                "description": lambda: rng.choice(TEXTS),
                "notes": lambda: rng.choice(TEXTS),
                "visibility": lambda: {"gettable": rng.choice(VISIBILITIES)},
                "toolkits": lambda: tags(rng),
                "use_cases": lambda: tags(rng),
                "languages": lambda: tags(rng),
                "metadata": lambda: with_empty_name(rng, struct(rng, 3)),
                "image": lambda: {"url": rng.choice(IMAGES)},
            },
            0.6,
        ),
        **_some(
            rng,
            {
                "presets": lambda: struct(rng, 1),
                "display_name": lambda: rng.choice(TEXTS),
                "task": lambda: "classification",
                "creator": lambda: "someone",
                "workflow_recommended": lambda: rng.choice((True, False)),
                "deploy_restriction": lambda: rng.choice(RESTRICTIONS),
                "check_consents": lambda: tags(rng),
                "default_eval_info": lambda: {"params": {"k": 1}},
            },
            0.3,
        ),
    }
    if "image" in model and rng.random() < 0.5:
        model["image"] = {
            "url": "https://data.clarifai.com/large/users/demo/0f3c",
            "hosted": {"prefix": "https://data.clarifai.com", "suffix": "users/demo/0f3c", "sizes": ["small"]},
        }
    if rng.random() < 0.3:
        mark = {"owner": OWNER, "protect": rng.random() < 0.3}
        model["metadata"] = {**model.get("metadata", {}), "reconciler": mark}
    model["versions"] = [random_version(rng, number, type_id) for number in range(rng.choice((0, 1, 1, 2, 3)))]
    return model


def with_empty_name(rng: Random, live: dict[str, Json]) -> dict[str, Json]:
    """At times a key that the service can hold and no manifest can name."""
    return {**live, "": 1} if rng.random() < 0.1 else live


def random_version(rng: Random, number: int, type_id: str) -> dict[str, Json]:
    """A version of the service; ids repeat from model to model."""
    params = ranged_params(rng) if type_id == RANGED_TYPE else struct(rng, 3)
    info = {
        **_some(
            rng,
            {
                "params": lambda: params,
                "output_config": lambda: {"max_concepts": 7, "min_value": 0.95, "existing_model_id": "e"},
                "fields_map": lambda: {"concepts": "softmax"},
                "params_specs": lambda: [{"path": "output_info.params.threshold", "field_type": "NUMBER"}],
                "data": lambda: {"concepts": [{"id": "cat", "name": "cat", "value": 1}]},
            },
            0.6,
        )
    }
    if type_id == RANGED_TYPE:
        info.pop("params_specs", None)
    code = rng.choice(("MODEL_TRAINED", "MODEL_TRAINED", "MODEL_TRAINING", "MODEL_UNTRAINED"))
    return {
        "id": f"{number + 1}{rng.choice('abc')}" * 16,
        "created_at": f"2024-0{rng.randrange(1, 4)}-01T00:00:0{number}Z",
        "status": {"code": code},
        **_some(
            rng,
            {
                "description": lambda: rng.choice(TEXTS),
                "license": lambda: rng.choice(TEXTS),
                "visibility": lambda: {"gettable": rng.choice(VISIBILITIES)},
                "metadata": lambda: with_empty_name(rng, struct(rng, 2)),
                "output_info": lambda: info,
            },
            0.7,
        ),
        **_some(
            rng,
            {
                "train_info": lambda: {"params": struct(rng, 1)},
                "input_info": lambda: {"params": struct(rng, 1), "fields_map": {"image": "x"}},
                "inference_compute_info": lambda: {"cpu_limit": "1", "accelerator_type": ["NVIDIA-*"]},
                "method_signatures": lambda: [{"name": "predict"}],
                "total_input_count": lambda: 3,
            },
            0.3,
        ),
    }


def ranged_params(rng: Random) -> dict[str, Json]:
    """Params that the sample's embedding-classifier declares, within its ranges."""
    return _some(
        rng,
        {
            "max_concepts": lambda: rng.randrange(201),
            "min_value": lambda: rng.randrange(101) / 100,
            "select_concepts": lambda: [{"id": name, "name": name} for name in rng.sample(("cat", "dog", "bird"), 2)],
        },
        0.7,
    )
