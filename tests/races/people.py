"""What other people do on the service while a run is under way: every kind of change, to every object that it can be made to.

In: a running emulator. Out: its state changed, as by another client. Each `Deed` knows which object it is about, whether
what it did is still there, and which reads show it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.emulator.server import Emulator
from tests.emulator.client import Client, connected
from tests.scenario_service import Snapshot

USER, APP, OWNER = "demo", "pets", "vision"
THEIRS: Final = "theirs-5c1f"
"""Part of every value that another person writes, so that a report that shows the value can be recognised."""

MODEL_READS: Final = frozenset({"GetModel", "ListModels"})
VERSION_READS: Final = frozenset({"GetModel", "ListModels", "ListModelVersions", "GetModelVersion"})


def version_id(name: str, number: int) -> str:
    """The id of a model's nth version, oldest first."""
    return f"{name}{number}".encode().hex().rjust(32, "0")


def address(model: str, version: str = "") -> str:
    return f"{USER}/{APP}/{model}" + (f"@{version}" if version else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One change by another person.

    `subject` is the address that a report must name. `shown_by` are the calls that show the change to a run; of those about
    models only the ones that read `model` count. `may_be_set` marks a scalar leaf that the manifest states: a plain merge may
    set it. `is_content` is what a deletion takes along where the plan showed it: a value, not a reason to keep the object.
    `is_of_older_version` is about a version that is not its model's latest one: it goes with its model, into the backup.
    """

    name: str
    model: str
    subject: str
    do: Callable[[Emulator, Client], None]
    is_kept: Callable[[Emulator, Snapshot], bool]
    shown_by: frozenset[str] = MODEL_READS
    may_be_set: bool = False
    is_content: bool = True
    is_of_older_version: bool = False

    @property
    def kind(self) -> str:
        """The kind of change, without the object."""
        return self.name.partition(" of ")[0]


def _value(snapshot: Snapshot, subject: str, *path: str) -> Any:
    value: Any = snapshot.get(subject)
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def leaf(model: str) -> Deed:
    """Another description."""

    def do(emulator: Emulator, client: Client) -> None:
        client("PatchModels", models=[{"id": model, "description": THEIRS}], action="merge")

    return Deed(
        name=f"leaf of {model}",
        model=model,
        subject=address(model),
        do=do,
        is_kept=lambda _, now: _value(now, address(model), "description") == THEIRS,
        may_be_set=True,
    )


def sibling(model: str) -> Deed:
    """A key of metadata that no manifest states."""

    def do(emulator: Emulator, client: Client) -> None:
        client("PatchModels", models=[{"id": model, "metadata": {"note": THEIRS}}], action="merge")

    return Deed(
        name=f"sibling of {model}",
        model=model,
        subject=address(model),
        do=do,
        is_kept=lambda _, now: _value(now, address(model), "metadata", "note") == THEIRS,
    )


def deep_sibling(model: str) -> Deed:
    """A key beside a managed one, inside a mapping of metadata."""

    def do(emulator: Emulator, client: Client) -> None:
        client("PatchModels", models=[{"id": model, "metadata": {"deep": {"note": THEIRS}}}], action="merge")

    return Deed(
        name=f"deep sibling of {model}",
        model=model,
        subject=address(model),
        do=do,
        is_kept=lambda _, now: _value(now, address(model), "metadata", "deep", "note") == THEIRS,
    )


def tag(model: str) -> Deed:
    """One toolkit more."""

    def do(emulator: Emulator, client: Client) -> None:
        client("PatchModels", models=[{"id": model, "toolkits": [THEIRS]}], action="merge")

    return Deed(
        name=f"tag of {model}",
        model=model,
        subject=address(model),
        do=do,
        is_kept=lambda _, now: THEIRS in (_value(now, address(model), "toolkits") or ()),
    )


def list_item(model: str) -> Deed:
    """One item more in a list of metadata."""

    def do(emulator: Emulator, client: Client) -> None:
        with_rooms = next(found for found in _models(emulator) if found["id"] == model)
        rooms = [*with_rooms["metadata"]["rooms"], THEIRS]
        client("PatchModels", models=[{"id": model, "metadata": {"rooms": rooms}}], action="merge")

    return Deed(
        name=f"list item of {model}",
        model=model,
        subject=address(model),
        do=do,
        is_kept=lambda _, now: THEIRS in (_value(now, address(model), "metadata", "rooms") or ()),
    )


def _mark(model: str, kind: str, mark: Mapping[str, Any]) -> Deed:
    def do(emulator: Emulator, client: Client) -> None:
        client("PatchModels", models=[{"id": model, "metadata": {"reconciler": dict(mark)}}], action="merge")

    return Deed(
        name=f"{kind} of {model}",
        model=model,
        subject=address(model),
        do=do,
        is_kept=lambda _, now: mark.items() <= (_value(now, address(model), "metadata", "reconciler") or {}).items(),
        is_content=False,
    )


def adoption(model: str) -> Deed:
    """Another repository's mark."""
    return _mark(model, "adoption", {"owner": THEIRS})


def protection(model: str) -> Deed:
    """The mark says that the model is protected."""
    return _mark(model, "protection", {"owner": OWNER, "protect": True})


def param(model: str, number: int) -> Deed:
    """A param that no manifest states."""
    version = version_id(model, number)
    subject = address(model, version)

    def do(emulator: Emulator, client: Client) -> None:
        patch = {"id": version, "output_info": {"params": {"note": THEIRS}}}
        client("PatchModelVersions", model_id=model, model_versions=[patch], action="merge")

    return Deed(
        name=f"param of {model}@{number}",
        is_of_older_version=model == "kept" and number < 2,
        model=model,
        subject=subject,
        do=do,
        is_kept=lambda _, now: _value(now, subject, "output_info", "params", "note") == THEIRS,
        shown_by=VERSION_READS,
    )


def param_item(model: str, number: int) -> Deed:
    """One item more in a list of params."""
    version = version_id(model, number)
    subject = address(model, version)

    def do(emulator: Emulator, client: Client) -> None:
        params = next(
            found["output_info"]["params"]
            for known in _models(emulator)
            for found in known["versions"]
            if found["id"] == version
        )
        patch = {"id": version, "output_info": {"params": {"words": [*params["words"], THEIRS]}}}
        client("PatchModelVersions", model_id=model, model_versions=[patch], action="merge")

    return Deed(
        name=f"param item of {model}@{number}",
        model=model,
        subject=subject,
        do=do,
        is_kept=lambda _, now: THEIRS in (_value(now, subject, "output_info", "params", "words") or ()),
        shown_by=VERSION_READS,
    )


def new_version(model: str) -> Deed:
    """One version more, the newest."""
    created = "ffff" * 8

    def do(emulator: Emulator, client: Client) -> None:
        _change(emulator, model, lambda found: found["versions"].append(_new_version(created)))

    return Deed(
        name=f"new version of {model}",
        model=model,
        subject=address(model),
        do=do,
        is_kept=lambda _, now: address(model, created) in now,
    )


def _new_version(name: str) -> dict[str, Any]:
    return {"id": name, "created_at": "2026-01-01T00:00:00Z", "output_info": {"params": {"threshold": 0.5}}}


def training(model: str, number: int) -> Deed:
    """A version that is in training again."""
    version = version_id(model, number)
    subject = address(model, version)

    def do(emulator: Emulator, client: Client) -> None:
        def begin(found: dict[str, Any]) -> None:
            for held in found["versions"]:
                if held["id"] == version:
                    held["status"] = {"code": "MODEL_TRAINING"}

        _change(emulator, model, begin)

    return Deed(
        name=f"training of {model}@{number}",
        is_of_older_version=model == "kept" and number < 2,
        model=model,
        subject=subject,
        do=do,
        is_kept=lambda _, now: _value(now, subject, "status", "code") == "MODEL_TRAINING",
        shown_by=VERSION_READS,
    )


def deletion(model: str) -> Deed:
    """The model is gone."""

    def do(emulator: Emulator, client: Client) -> None:
        client("DeleteModel", model_id=model)

    return Deed(
        name=f"deletion of {model}",
        model=model,
        subject=address(model),
        do=do,
        is_kept=lambda _, now: address(model) not in now,
    )


def version_deletion(model: str, number: int) -> Deed:
    """A version is gone."""
    subject = address(model, version_id(model, number))

    def do(emulator: Emulator, client: Client) -> None:
        client("DeleteModelVersion", model_id=model, version_id=version_id(model, number))

    return Deed(
        name=f"version deletion of {model}@{number}",
        model=model,
        subject=subject,
        do=do,
        is_kept=lambda _, now: subject not in now,
        shown_by=VERSION_READS,
    )


def recreation(model: str) -> Deed:
    """The model is gone, and another one with the same id and the same content is there."""

    def do(emulator: Emulator, client: Client) -> None:
        found = next((held for held in _models(emulator) if held["id"] == model), None)
        if found is None:
            return
        client("DeleteModel", model_id=model)
        anew = {name: value for name, value in found.items() if name not in ("created_at", "modified_at")}
        anew["created_at"] = "2026-01-01T00:00:00Z"
        emulator.load({"apps": [{"user_id": USER, "app_id": APP, "models": [anew]}]})

    return Deed(
        name=f"recreation of {model}",
        model=model,
        subject=address(model),
        do=do,
        is_kept=lambda emulator, _: any(
            held["id"] == model and held["created_at"].startswith("2026-01-01") for held in _models(emulator)
        ),
    )


def workflow(model: str, number: int, *, app: str) -> Deed:
    """A workflow that runs a version."""
    version = version_id(model, number)
    subject = address(model, version)

    def do(emulator: Emulator, client: Client) -> None:
        node = {
            "id": "node",
            "model": {"id": model, "user_id": USER, "app_id": APP, "model_version": {"id": version}},
        }
        emulator.load({"apps": [{"user_id": USER, "app_id": app, "workflows": [{"id": THEIRS, "nodes": [node]}]}]})

    return Deed(
        name=f"workflow in {app} of {model}@{number}",
        model=model,
        subject=subject,
        do=do,
        is_kept=lambda _, now: subject in now,
        shown_by=frozenset({"ListWorkflows"}),
        is_content=False,
    )


def deployment(model: str, number: int) -> Deed:
    """A deployment that runs a version."""
    version = version_id(model, number)
    subject = address(model, version)

    def do(emulator: Emulator, client: Client) -> None:
        runs = {"id": model, "user_id": USER, "app_id": APP, "model_version": {"id": version}}
        emulator.load({"deployments": [{"id": THEIRS, "user_id": USER, "worker": {"model": runs}}]})

    return Deed(
        name=f"deployment of {model}@{number}",
        model=model,
        subject=subject,
        do=do,
        is_kept=lambda _, now: subject in now,
        shown_by=frozenset({"ListDeployments"}),
        is_content=False,
    )


def _models(emulator: Emulator) -> list[dict[str, Any]]:
    return [
        model
        for app in emulator.snapshot()["apps"]
        if (app["user_id"], app["app_id"]) == (USER, APP)
        for model in app["models"]
    ]


def _change(emulator: Emulator, model: str, change: Callable[[dict[str, Any]], None]) -> None:
    for found in _models(emulator):
        if found["id"] == model:
            change(found)
            emulator.load({"apps": [{"user_id": USER, "app_id": APP, "models": [found]}]})


def does(deed: Deed, emulator: Emulator) -> None:
    """Do it. What is not there any more can't be changed, which is no error of a person."""
    with connected(emulator) as client:
        deed.do(emulator, client)


DEEDS: Final[tuple[Deed, ...]] = (
    *(leaf(name) for name in ("plain", "lists")),
    *(sibling(name) for name in ("plain", "lists", "bare", "gone", "kept")),
    *(deep_sibling(name) for name in ("plain", "lists")),
    *(tag(name) for name in ("lists", "bare", "gone")),
    *(list_item(name) for name in ("plain", "lists", "gone")),
    *(adoption(name) for name in ("plain", "fresh", "lists", "gone", "kept")),
    *(protection(name) for name in ("plain", "fresh", "lists", "gone", "kept")),
    *(param("lists", 0), param("plain", 0), param("gone", 0), param("kept", 0)),
    param_item("lists", 0),
    *(new_version(name) for name in ("plain", "gone", "kept")),
    *(training("gone", 0), training("kept", 0), training("kept", 2)),
    *(deletion(name) for name in ("plain", "lists", "gone", "kept")),
    *(version_deletion("kept", 0), version_deletion("kept", 2)),
    *(recreation(name) for name in ("plain", "lists", "gone")),
    *(workflow("gone", 0, app=APP), workflow("gone", 0, app="zoo"), workflow("kept", 0, app="zoo")),
    *(deployment("gone", 0), deployment("kept", 0)),
)
