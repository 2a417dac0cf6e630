"""Random JSON, and JSON made from other JSON: equal in other words, a part of it, or changed somewhere.

Names and values come from small pools, so that what is stated and what is live meet often.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

Json = Any

KEYS: Final = ("a", "b", "c", "owner", "x.y", "größe", "__x", "a b", "id", "\\", "0", "true", "tiers", "'q'", "[0]")
TEXTS: Final = ("x", "y", "pets", "yes", "012", "12:30", "null", "größe → 😀", "two\nlines", " spaced ", "2024-01-01",
                "# no comment", "a: b", "<b>@me</b>", "1", "true", "tab\there", "\u2028", "'", '"', "\\n")  # fmt: skip
NUMBERS: Final = (0, 1, -1, 2, 20, 20.0, 0.5, 0.95, 1.5, 1e-07, 1e300, 2**53, -(2**53), 0.1 + 0.2, 100)
TAG_POOL: Final = ("OpenAI", "HuggingFace", "Clarifai", "en", "de", "größe", "a b")
IMAGES: Final = ("https://samples.clarifai.com/metro-north.jpg", "https://example.com/a.png", "https://example.com/b")
VISIBILITIES: Final = ("PRIVATE", "ORG", "PUBLIC")
RESTRICTIONS: Final = (
    "NO_LIMITS",
    "SHARED_COMPUTE_ONLY",
    "DEDICATED_COMPUTE_ONLY",
    "MODEL_OWNER_DEDICATED_COMPUTE_ONLY",
)


def scalar(rng: Random) -> Json:
    """A boolean, number, text or null."""
    return rng.choice((rng.choice(NUMBERS), rng.choice(NUMBERS), rng.choice(TEXTS), True, False, None, "", 1, 20))


def random_value(rng: Random, depth: int) -> Json:
    """Any JSON value; many of its lists are of objects with ids."""
    kind = rng.random()
    if depth <= 0 or kind < 0.42:
        return scalar(rng)
    if kind < 0.62:
        return struct(rng, depth - 1)
    if kind < 0.8:
        return id_list(rng, depth - 1)
    return [random_value(rng, depth - 1) for _ in range(rng.choice((0, 1, 2, 2, 3)))]


def struct(rng: Random, depth: int) -> dict[str, Json]:
    """A mapping, empty at times."""
    return {key: random_value(rng, depth) for key in rng.sample(KEYS, rng.choice((0, 1, 1, 2, 2, 3, 4)))}


def id_list(rng: Random, depth: int) -> list[Json]:
    """Objects with ids, each id once."""
    ids = rng.sample(("1", "2", "cat", 1, 7), rng.randrange(1, 4))
    return [{**struct(rng, min(depth, 0)), "id": name} for name in ids]


def reordered(rng: Random, live: Json) -> Json:
    """The same value with its lists in another order, or an item of one once more: no change where they have ids."""
    if isinstance(live, dict):
        return {key: reordered(rng, live[key]) for key in rng.sample(list(live), len(live))}
    if isinstance(live, list):
        has_ids = all(isinstance(item, dict) and "id" in item for item in live)
        again = [] if has_ids or rng.random() < 0.6 else [rng.choice(live)]
        return [*rng.sample(live, len(live)), *again]
    return live


def variation(rng: Random, live: Json, depth: int = 2) -> Json:
    """A value made from a live one: equal in other words, a part of it, or changed somewhere."""
    if rng.random() < 0.15:
        return random_value(rng, depth)
    if isinstance(live, dict):
        kept = {key: variation(rng, value, depth - 1) for key, value in live.items() if rng.random() < 0.6}
        return {**kept, **(struct(rng, depth - 1) if rng.random() < 0.4 else {})}
    if isinstance(live, list):
        return _list_variation(rng, live, depth)
    if isinstance(live, (int, float)) and not isinstance(live, bool) and abs(live) < 2**53 and live == int(live):
        return rng.choice((int(live), float(live)))
    return live if rng.random() < 0.7 else None if rng.random() < 0.4 else scalar(rng)


def _list_variation(rng: Random, live: list[Json], depth: int) -> list[Json]:
    has_ids = bool(live) and all(isinstance(item, dict) and "id" in item for item in live)
    if live and rng.random() < 0.4:  # the same items in another order, or one of them once more
        return rng.sample(live, len(live)) if has_ids or rng.random() < 0.6 else [*live, rng.choice(live)]
    kept = [item for item in live if rng.random() < 0.7]
    if has_ids:
        kept = [{**variation_of_item(rng, item, depth), "id": item["id"]} for item in kept]
        names = {str(item["id"]) for item in kept}
        kept += [item for item in id_list(rng, 0) if str(item["id"]) not in names and rng.random() < 0.5]
    elif rng.random() < 0.5:
        kept.append(scalar(rng))
    if rng.random() < 0.3:
        rng.shuffle(kept)
    return kept


def variation_of_item(rng: Random, item: dict[str, Json], depth: int) -> dict[str, Json]:
    """A part of a list's object, changed at times."""
    found = variation(rng, item, depth - 1)
    return found if isinstance(found, dict) else dict(item)


def tags(rng: Random) -> list[str]:
    """A few different tags."""
    return rng.sample(TAG_POOL, rng.choice((0, 1, 1, 2, 3)))
