"""The ways in which a run writes, each against a small service on which another person acts right before the nth call.

In: a course, a deed and a number. Out: a Race: what the run reported, what the service holds afterwards, and which call of
the run, if any, took away what the person had done. The person acts through the emulator's `before_call`, so that nothing of
the tool is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml
from google.protobuf import json_format

from reconciler import exit_codes
from reconciler.apply.purging import Purged
from reconciler.config import Settings
from reconciler.config.endpoint import parse_endpoint
from reconciler.config.settings import Limits, PruneLimits
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from reconciler.errors import ProblemsError, ReconcilerError, RefusedError
from reconciler.manifests.selection import Inputs
from reconciler.plan.saved import read_plan
from reconciler.remote.caller import Timing
from reconciler.remote.clarifai import ClarifaiRemote
from reconciler.remote.port import Remote, Reply
from reconciler.report.report import Report, report_document
from reconciler.resources.keys import Scope
from reconciler.resources.request import Request
from reconciler.session import Session
from tests.chaos.fleet import HastyStop
from tests.scenario_service import Snapshot, snapshot

from .people import APP, OWNER, USER, Deed, does, version_id

MARK: Final = {"owner": OWNER, "protect": False}


def _live(name: str, *, versions: int = 1, marked: bool = True, **fields: Any) -> dict[str, Any]:
    metadata = {"unmanaged": name, "rooms": [1, 2], "deep": {"level": 1, "kept": True}, "draft": True}
    return {
        "id": name,
        "model_type_id": "free",
        "description": "before",
        "toolkits": ["OpenAI"],
        "metadata": {**metadata, **({"reconciler": MARK} if marked else {})},
        "versions": [
            {
                "id": version_id(name, number),
                "created_at": f"2024-01-0{number + 1}T00:00:00Z",
                "status": {"code": "MODEL_TRAINED"},
                "output_info": {"params": {"threshold": 0.5, "words": ["a"], "draft": 1, "unmanaged": 1}},
            }
            for number in range(versions)
        ],
        **fields,
    }


SEED: Final[Mapping[str, Any]] = {
    "model_types": [{"id": "free", "title": "Free"}],
    "apps": [
        {
            "user_id": USER,
            "app_id": APP,
            "models": [
                _live("bare", image={"url": "https://example.com/a.jpg"}),
                _live("fresh", marked=False),
                _live("gone"),
                _live("kept", versions=3),
                _live("lists"),
                _live("plain"),
            ],
        },
        {"user_id": USER, "app_id": "zoo"},
    ],
}

SPECS: Final[Mapping[str, Mapping[str, Any]]] = {
    "bare": {"action": "overwrite", "toolkits": [], "remove": {"image": True}},
    "fresh": {},
    "kept": {"retain_versions": 1},
    "lists": {
        "toolkits": ["HuggingFace"],
        "description": "after",
        "metadata": {"rooms": [3], "deep": {"level": 2}},
        "remove": {"metadata": ["draft"]},
        "versions": [
            {
                "select": "latest",
                "output_info": {"params": {"words": ["b"]}},
                "remove": {"params": ["draft"]},
            }
        ],
    },
    "plain": {
        "description": "after",
        "metadata": {"deep": {"level": 2}},
        "versions": [{"select": "latest", "output_info": {"params": {"threshold": 0.75}}}],
    },
}


def write_manifests(place: Path) -> None:
    """The manifests of every model but `gone`."""
    manifests = [
        {
            "apiVersion": "reconciler/v1",
            "kind": "Model",
            "metadata": {"id": name, "user_id": USER, "app_id": APP},
            "spec": dict(spec),
        }
        for name, spec in SPECS.items()
    ]
    (place / "models.yaml").write_text(yaml.safe_dump_all(manifests), encoding="utf-8")


@dataclass(kw_only=True)
class Interferer:
    """The emulator's `before_call`: counts the calls of a run, and acts right before one of them.

    `calls` are the run's calls so far; `planned_at` is how many of them the plan was made from, 0 for a plan that was made
    before. `acted_at` is the number of the call before which the deed was done; `lost_to` is the number of the call that took
    it away.
    """

    deed: Deed | None = None
    position: int = 0
    emulator: Emulator | None = None
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    planned_at: int = 0
    acted_at: int | None = None
    lost_to: int | None = None
    is_plan_older: bool = True
    _is_armed: bool = False
    _is_acting: bool = False

    def arm(self, emulator: Emulator, *, is_plan_older: bool) -> None:
        """From now on calls are those of the run in question."""
        self.emulator = emulator
        self.planned_at = 0
        self.is_plan_older = is_plan_older
        self._is_armed = True

    def note_plan(self) -> None:
        """The run begins to write a plan."""
        if not self.is_plan_older:
            self.planned()

    def planned(self) -> bool:
        """The run has made its plan; the answer is yes to a question about it."""
        self.planned_at = self.planned_at or len(self.calls)
        return True

    def disarm(self) -> None:
        """The run is over."""
        self._notice_loss()
        self._is_armed = False

    def __call__(self, rpc: str, request: Any) -> None:
        if not self._is_armed or self._is_acting:
            return
        self._notice_loss()
        self.calls.append((rpc, json_format.MessageToDict(request, preserving_proto_field_name=True)))
        if self.deed is not None and len(self.calls) == self.position:
            self._act(self.deed)

    def _act(self, deed: Deed) -> None:
        assert self.emulator is not None
        if deed.subject not in snapshot(self.emulator):
            return  # the run took it away before
        self._is_acting = True
        try:
            does(deed, self.emulator)
        finally:
            self._is_acting = False
        assert deed.is_kept(self.emulator, snapshot(self.emulator)), f"{deed.name} could not be done"
        self.acted_at = self.position

    def _notice_loss(self) -> None:
        if self.deed is None or self.acted_at is None or self.lost_to is not None:
            return
        assert self.emulator is not None
        if not self.deed.is_kept(self.emulator, snapshot(self.emulator)):
            self.lost_to = len(self.calls)


@dataclass(frozen=True, kw_only=True)
class Race:
    """One run beside which a person acted. `told` is all that it reported, as one text."""

    interferer: Interferer
    exit_code: int
    told: str
    report: Report | None
    before: Snapshot
    after: Snapshot
    drift: Report | ReconcilerError | None = None


# --- courses ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Course:
    """A way of writing.

    `prepare` runs before the person comes, `run` beside them. `has_plan` says that the plan was made before. `leaves_no_drift`
    says that after exit code 0 there is nothing for `drift` to report.
    """

    name: str
    run: Callable[[Place], Report | Purged | None]
    prepare: Callable[[Place], None] = lambda place: None
    has_plan: bool = False
    leaves_no_drift: bool = True


@dataclass(frozen=True, kw_only=True)
class Place:
    """A working directory with a service."""

    emulator: Emulator
    folder: Path
    interferer: Interferer
    batch: int = 32

    def inputs(self, *, prune: bool = True) -> Inputs:
        return Inputs(paths=(str(self.folder / "models.yaml"),), prune=prune)

    def remote(self) -> ClarifaiRemote:
        timing = Timing(rate=100_000, timeout=5, sleep=lambda seconds: None)
        return ClarifaiRemote(parse_endpoint(self.emulator.url), timing=timing)

    def session(self, remote: Remote) -> Session:
        """A session that is connected, and tells the interferer when it has a plan."""
        settings = Settings(
            endpoint=parse_endpoint(self.emulator.url),
            owner=OWNER,
            limits=Limits(rate=100_000, parallelism=1, batch=self.batch, timeout=5),
            prune=PruneLimits(max_count=10, max_percent=100),
        )
        state = self.folder / ".reconciler"
        return Session(
            settings=settings,
            environ={},
            remote=remote,
            state=state,
            stop=HastyStop(),
            on_plan=lambda plan: self.interferer.note_plan(),
        )

    def act(self, action: Callable[[Session], Any], *, wrap: Callable[[Remote], Remote] = lambda remote: remote) -> Any:
        """What a session gives for an action."""
        with self.remote() as remote:
            return action(self.session(wrap(remote)))


class KilledError(BaseException):
    """The process ends here."""


class Dying:
    """A connection of a process that is killed right after its nth write was answered."""

    def __init__(self, remote: Remote, writes: int) -> None:
        self._remote = remote
        self._left = writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._remote, name)

    def send(self, request: Request, *, before_attempt: Callable[[], None] = lambda: None) -> Reply:
        reply = self._remote.send(request, before_attempt=before_attempt)
        self._left -= 1
        if not self._left:
            raise KilledError
        return reply


def _killed(place: Place, *, writes: int) -> None:
    try:
        place.act(
            lambda session: session.apply(place.inputs(), confirm=None),
            wrap=lambda remote: Dying(remote, writes),
        )
    except KilledError:
        return
    raise AssertionError("the run ended before it was killed")


def _saved(place: Place) -> None:
    place.act(lambda session: session.plan(place.inputs(), out=str(place.folder / "plan.json")))


def _applied(place: Place) -> None:
    report = place.act(lambda session: session.apply(place.inputs(prune=False), confirm=None))
    assert report.exit_code == 0


def _purge(place: Place, *, deletes_all: bool = False) -> Purged | None:
    found: Purged | None = place.act(
        lambda session: session.purge(
            Scope(USER, APP),
            confirm=lambda models: place.interferer.planned(),
            on_backup=lambda folder: None,
            deletes_all=deletes_all,
        )
    )
    return found


COURSES: Final = (
    Course(name="apply", run=lambda place: place.act(lambda session: session.apply(place.inputs(), confirm=None))),
    Course(
        name="confirmed apply",
        run=lambda place: place.act(
            lambda session: session.apply(place.inputs(), confirm=lambda report: place.interferer.planned())
        ),
    ),
    Course(
        name="saved plan",
        has_plan=True,
        prepare=_saved,
        run=lambda place: place.act(
            lambda session: session.apply_saved(read_plan(str(place.folder / "plan.json")), max_age_hours=None)
        ),
    ),
    Course(
        name="resumed",
        has_plan=True,
        prepare=partial(_killed, writes=2),
        run=lambda place: place.act(lambda session: session.resume("latest")),
    ),
    Course(
        name="undone",
        prepare=_applied,
        run=lambda place: place.act(lambda session: session.undo("latest", confirm=None)),
        leaves_no_drift=False,
    ),
    Course(name="purged", run=_purge, leaves_no_drift=False),
    Course(name="purged whole", run=partial(_purge, deletes_all=True), leaves_no_drift=False),
)

WRITES: Final = (
    "PatchModels",
    "PatchModelVersions",
    "PatchModelToolkits",
    "DeleteModelVersion",
    "DeleteModels",
)

WEATHER: Final[Mapping[str, Switches]] = {
    "calm": Switches(),
    "throttled": Switches(faults=tuple(Fault(rpc=rpc, nth=1, kind="11005") for rpc in WRITES)),
    "answers lost": Switches(faults=tuple(Fault(rpc=rpc, nth=1, kind="LOST_REPLY") for rpc in WRITES)),
    "silence": Switches(faults=tuple(Fault(rpc=rpc, nth=1, kind="UNAVAILABLE") for rpc in WRITES)),
}
"""What goes wrong with the first call of each kind beside the person."""


def raced(course: Course, weather: str, deed: Deed | None, position: int, folder: Path) -> Race:
    """Run a course while somebody does something right before its nth call."""
    interferer = Interferer(deed=deed, position=position)
    write_manifests(folder)
    with Emulator(seed=SEED, user_id=USER, before_call=interferer) as emulator:
        place = Place(emulator=emulator, folder=folder, interferer=interferer)
        course.prepare(place)
        before = snapshot(emulator)
        emulator.switches = WEATHER[weather]
        interferer.arm(emulator, is_plan_older=course.has_plan)
        result: Any = None
        error: ReconcilerError | None = None
        try:
            result = course.run(place)
        except ReconcilerError as raised:
            error = raised
        interferer.disarm()
        emulator.switches = Switches()
        after = snapshot(emulator)
        exit_code, told = _ending(result, error)
        race = Race(
            interferer=interferer,
            exit_code=exit_code,
            told=told,
            report=result if isinstance(result, Report) else None,
            before=before,
            after=after,
        )
        if not course.leaves_no_drift or exit_code != exit_codes.OK:
            return race
        try:
            return replace(race, drift=place.act(lambda session: session.drift(place.inputs())))
        except ReconcilerError as raised:
            return replace(race, drift=raised)


def _ending(result: Any, error: ReconcilerError | None) -> tuple[int, str]:
    """The exit code, and everything that the run says."""
    if isinstance(error, RefusedError):
        return error.exit_code, json.dumps([[item.address, item.message] for item in error.refusals])
    if isinstance(error, ProblemsError):
        return error.exit_code, "\n".join(f"{item.code}: {item.message}" for item in error.problems)
    if error is not None:
        return error.exit_code, str(error)
    if isinstance(result, Purged):
        left = [key.address for key in result.remaining or ()]
        return (exit_codes.OK if result.converged else exit_codes.INCOMPLETE), json.dumps([result.error, left])
    return result.exit_code, json.dumps(report_document(result))
