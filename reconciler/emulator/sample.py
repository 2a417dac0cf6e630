"""What a new emulator starts with when it is given no seed, and the models of clarifai/main.

`SAMPLE` is the app pets of the user demo. petsID with its versions, and model_clusterer, are what the samples of
Clarifai's "Manage Models" page name, so that these run as they are printed, but for credentials and address. All else
about the app is invented.

The model types are synthetic: no published dump of ListModelTypes has the fields of output_info.params. Taken from
public material are: min_value 0..1 in steps of 0.01 for embedding-classifier and 0..100 in steps of 0.1 for most others
("Manage Models"); max_concepts 20, min_value 0 and select_concepts [] as the params that the service gives a new
embedding-classifier, max_tokens 512, temperature 1 and secrets [] those of a text-to-text (recorded answers);
concept_threshold_type with names and numbers for the same option (resources.proto, ModelTypeEnumOption.aliases).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_TRAINED: Final = {"code": "MODEL_TRAINED", "description": "Model is trained and ready for deployment"}


def _field(name: str, field_type: str, **more: Any) -> dict[str, Any]:
    return {"path": f"output_info.params.{name}", "field_type": field_type, "placeholder": name, **more}


def _range(name: str, *, low: float = 0, high: float, step: float, default: float) -> dict[str, Any]:
    bounds = {"min": low, "max": high, "step": step}
    return _field(name, "RANGE", default_value=default, model_type_range_info=bounds)


MODEL_TYPES: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "id": "concept-threshold",
        "title": "Concept Threshold",
        "description": "Threshold input concepts according to both a threshold and an operator.",
        "input_fields": ["concepts"],
        "output_fields": ["concepts"],
        "creatable": True,
        "model_type_fields": [
            _field("concepts", "ARRAY_OF_CONCEPTS_WITH_THRESHOLD", default_value=[]),
            _field(
                "concept_threshold_type",
                "ENUM",
                default_value="GREATER_THAN",
                model_type_enum_options=[
                    {"id": "GREATER_THAN", "aliases": [{"id_int": 1}]},
                    {"id": "GREATER_THAN_OR_EQUAL", "aliases": [{"id_int": 2}]},
                    {"id": "LESS_THAN", "aliases": [{"id_int": 3}]},
                    {"id": "LESS_THAN_OR_EQUAL", "aliases": [{"id_int": 4}]},
                ],
            ),
        ],
    },
    {
        "id": "embedding-classifier",
        "title": "Embedding Classifier",
        "description": "Classify images or texts based on the embedding model that has indexed them in your app.",
        "input_fields": ["embeddings"],
        "output_fields": ["concepts"],
        "trainable": True,
        "creatable": True,
        "model_type_fields": [
            _range("max_concepts", high=200, step=1, default=20),
            _range("min_value", high=1, step=0.01, default=0),
            _field("select_concepts", "ARRAY_OF_CONCEPTS", default_value=[]),
        ],
    },
    {
        "id": "text-to-text",
        "title": "Text To Text",
        "description": "Generate or convert text based on text input.",
        "input_fields": ["text"],
        "output_fields": ["text"],
        "creatable": True,
        "model_type_fields": [
            _range("max_tokens", low=1, high=32768, step=1, default=512),
            _range("temperature", high=2, step=0.01, default=1),
            _field("system_prompt", "STRING"),
            _field("secrets", "ARRAY_OF_SECRETS", default_value=[]),
            _field("api_key", "ENCRYPTED_STRING"),
        ],
    },
    {
        "id": "visual-classifier",
        "title": "Visual Classifier",
        "description": "Classify images and videos frames into a set of concepts.",
        "input_fields": ["image", "video"],
        "output_fields": ["concepts"],
        "trainable": True,
        "creatable": True,
        "model_type_fields": [
            _range("max_concepts", high=200, step=1, default=20),
            _range("min_value", high=100, step=0.1, default=0),
            _field("select_concepts", "ARRAY_OF_CONCEPTS", default_value=[]),
        ],
    },
    {
        "id": "visual-detector",
        "title": "Visual Detector",
        "description": "Detect bounding box regions in images or video frames and classify them.",
        "input_fields": ["image", "video"],
        "output_fields": ["regions[...].region_info.bounding_box", "regions[...].data.concepts"],
        "trainable": True,
        "creatable": True,
        "model_type_fields": [
            _range("min_value", high=100, step=0.1, default=0),
            _field("image_size", "ARRAY_OF_NUMBERS", default_value=[320]),
        ],
    },
)


_DOCUMENTED: Final = (
    "daf51b311c8644a486bbbe57c0680bc2",
    "7625a111b626438bb81a34c3b84d732f",
    "0b87504a8c1a47dc88b69ce63f4cf814",
    "9641cbbb019b424db17e593b48ebc7ff",
    "090d937cdf11489f8c3d0b76b61a5fc5",
    "304ae281b04349e5ae51d11be10ed95a",
    "6c0effb1efff40e3add11afd2aa35375",
)
"""The other versions of petsID that the samples of "Manage Models" name: they get, patch or delete one of them."""


def _concepts(*names: str) -> dict[str, Any]:
    return {"concepts": [{"id": name, "name": name, "value": 1, "language": "en"} for name in names]}


_PETS_APP: Final[Mapping[str, Any]] = {
    "user_id": "demo",
    "app_id": "pets",
    "models": [
        {
            "id": "petsID",
            "name": "pets",
            "model_type_id": "embedding-classifier",
            "toolkits": ["Clarifai"],
            "use_cases": ["image-classification"],
            "versions": [
                *(
                    {
                        "id": version_id,
                        "status": _TRAINED,
                        "output_info": {
                            "params": {"max_concepts": 20, "min_value": 0, "select_concepts": []},
                            "data": _concepts("cat", "dog"),
                        },
                    }
                    for version_id in _DOCUMENTED
                ),
                {
                    "id": "b0b89c973e5d4b6d9599ce13da04b894",
                    "status": _TRAINED,
                    "output_info": {
                        "params": {"max_concepts": 20, "min_value": 0.5, "select_concepts": []},
                        "data": _concepts("cat", "dog"),
                    },
                },
            ],
        },
        {
            "id": "pet-breeds",
            "name": "Pet breeds",
            "description": "Tells breeds of cats and dogs apart",
            "model_type_id": "visual-classifier",
            "visibility": {"gettable": "ORG"},
            "toolkits": ["Clarifai", "HuggingFace"],
            "metadata": {"owner": "vision-team", "tiers": {"gold": 3, "silver": 5}},
            "versions": [
                {
                    "id": "3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e01",
                    "description": "First try",
                    "output_info": {
                        "params": {"max_concepts": 20, "min_value": 0, "select_concepts": []},
                        "data": _concepts("beagle", "poodle"),
                    },
                },
                {
                    "id": "3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e02",
                    "description": "More poodles",
                    "license": "CC-BY-4.0",
                    "output_info": {
                        "params": {"max_concepts": 10, "min_value": 2.5, "select_concepts": []},
                        "data": _concepts("beagle", "poodle", "siamese"),
                    },
                },
                {
                    "id": "3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e03",
                    "description": "The March set",
                    "license": "CC-BY-4.0",
                    "metadata": {"dataset": "march", "reviewed": True},
                    "output_info": {
                        "params": {"max_concepts": 10, "min_value": 5, "select_concepts": []},
                        "data": _concepts("beagle", "poodle", "siamese", "sphynx"),
                    },
                },
            ],
        },
        {
            "id": "pet-finder",
            "name": "Pet finder",
            "notes": "Boxes around cats and dogs",
            "model_type_id": "visual-detector",
            "use_cases": ["object-detection"],
            "versions": [
                {
                    "id": "77d41a2d95a64cf0a2f2d0f4f7c6b5a1",
                    "status": {
                        "code": "MODEL_QUEUED_FOR_TRAINING",
                        "description": "Model is currently in queue for training.",
                    },
                    "output_info": {"params": {"min_value": 0, "image_size": [320]}, "data": _concepts("cat", "dog")},
                }
            ],
        },
        {
            "id": "pet-names",
            "name": "Pet names",
            "description": "Suggests names for new pets",
            "model_type_id": "text-to-text",
            "toolkits": ["OpenAI"],
            "use_cases": ["llm"],
            "languages": ["en"],
            "image": {
                "url": "https://data.clarifai.com/large/users/demo/apps/pets/input_owners/demo/inputs/image/"
                "0f3c1d5e7a9b4c2d8e6f0a1b2c3d4e5f",
                "hosted": {
                    "prefix": "https://data.clarifai.com",
                    "suffix": "users/demo/apps/pets/input_owners/demo/inputs/image/0f3c1d5e7a9b4c2d8e6f0a1b2c3d4e5f",
                    "sizes": ["small", "large"],
                    "crossorigin": "use-credentials",
                },
            },
            "versions": [
                {
                    "id": "c2d4e6f8a0b14c3d9e5f7a6b8c0d2e4f",
                    "output_info": {"params": {"max_tokens": 512, "temperature": 1, "secrets": []}},
                }
            ],
        },
        {
            "id": "pet-draft",
            "name": "pet-draft",
            "notes": "Has no version yet",
            "model_type_id": "embedding-classifier",
        },
        {
            "id": "model_clusterer",
            "name": "model_clusterer",
            "model_type_id": "clusterer",
            "versions": [{"id": "5a4f1c8e2b7d4e6f9a0b3c5d7e8f1a2b"}],
        },
    ],
    "workflows": [
        {
            "id": "find-and-classify",
            "description": "Finds pets, then tells their breed",
            "nodes": [
                {
                    "id": "finder",
                    "model": {
                        "id": "pet-finder",
                        "user_id": "demo",
                        "app_id": "pets",
                        "model_version": {"id": "77d41a2d95a64cf0a2f2d0f4f7c6b5a1"},
                    },
                },
                {
                    "id": "breeds",
                    "model": {
                        "id": "pet-breeds",
                        "user_id": "demo",
                        "app_id": "pets",
                        "model_version": {"id": "3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e02"},
                    },
                    "node_inputs": [{"node_id": "finder"}],
                },
            ],
        }
    ],
}

SAMPLE: Final[Mapping[str, Any]] = {"apps": [_PETS_APP], "model_types": MODEL_TYPES}

MAIN: Final[Mapping[str, Any]] = {
    "apps": [
        {
            "user_id": "clarifai",
            "app_id": "main",
            "models": [
                {
                    "id": "general-image-recognition",
                    "name": "Image Recognition",
                    "created_at": "2016-03-09T17:11:39.608845Z",
                    "modified_at": "2023-02-03T14:32:53.205803Z",
                    "model_type_id": "visual-classifier",
                    "visibility": {"gettable": "PUBLIC"},
                    "versions": [
                        {
                            "id": "aa7f35c01e0642fda5cf400f543e7c40",
                            "created_at": "2018-03-06T21:10:24.454834Z",
                            "status": _TRAINED,
                            "visibility": {"gettable": "PUBLIC"},
                        }
                    ],
                },
                {
                    "id": "general-image-embedding",
                    "name": "Image Embedding",
                    "created_at": "2016-06-17T22:01:04.144732Z",
                    "modified_at": "2022-10-17T20:33:22.117263Z",
                    "model_type_id": "visual-embedder",
                    "visibility": {"gettable": "PUBLIC"},
                    "versions": [
                        {
                            "id": "bb186755eda04f9cbb6fe32e816be104",
                            "created_at": "2016-07-13T00:58:55.915745Z",
                            "status": _TRAINED,
                            "visibility": {"gettable": "PUBLIC"},
                        }
                    ],
                },
            ],
        }
    ]
}
"""Two public models that any app's listing returns too; the ids and the versions are real ones, some times are not."""
