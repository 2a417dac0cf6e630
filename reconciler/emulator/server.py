"""The emulator as a running server: in a process of its own (`serve`) or inside this one (`Emulator`)."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import grpc
from clarifai_grpc.grpc.api import service_pb2_grpc

from reconciler.emulator import sample, seeds
from reconciler.emulator.recording import Recorder
from reconciler.emulator.seed_file import SeedFile
from reconciler.emulator.seeds import SeedError
from reconciler.emulator.service import BeforeCall, EmulatedV2, Gate
from reconciler.emulator.store import Call, Store
from reconciler.emulator.switches import Switches
from reconciler.errors import ReconcilerError, UsageError

if TYPE_CHECKING:
    from typing_extensions import Self

    from reconciler.emulator.rest import RestServer

LOOPBACK: Final = "127.0.0.1"
THREADS: Final = 32
WAITING_CONNECTIONS: Final = 128
MAX_MESSAGE_BYTES: Final = 1 << 30  # as the clients' channels have it (clarifai_channel.py)

ENDING: Final = frozenset({signal.SIGINT, signal.SIGTERM})

Seed = Mapping[str, Any]


class ListenError(ReconcilerError):
    """The port can't be had."""


class Emulator:
    """A server from `__enter__` to `__exit__` (or `start` to `stop`), on 127.0.0.1 unless `host` is another address.

    `state` is a SQLite file that other emulators may serve at the same time, or None or ":memory:" for a state that
    ends with this object. `rest_port` makes it serve REST too; 0 takes a free port. `record` is a file that
    gets the calls as JSON lines. `seed` (a mapping or a JSON or YAML file) is loaded only if the state is new. `pat` makes it
    check tokens. `user_id` is whose token it is, the one that "me" stands for; left out, it's the only user that has
    apps, else "demo". `before_call` is given the name and the request message of each call right before it is served: whoever
    embeds the emulator can change the state between any two calls of a client, as other people do on the service.
    """

    def __init__(
        self,
        *,
        state: Path | str | None = None,
        seed: Seed | Path | str | None = None,
        switches: Switches | None = None,
        pat: str | None = None,
        host: str = LOOPBACK,
        port: int = 0,
        rest_port: int | None = None,
        record: Path | str | None = None,
        user_id: str | None = None,
        before_call: BeforeCall | None = None,
    ) -> None:
        if host != LOOPBACK and pat is None:
            raise UsageError(
                f"the emulator would let everybody who reaches {host} in. Give a token that callers must send, "
                f"or listen on {LOOPBACK}."
            )
        self._state = None if state is None or str(state) == ":memory:" else Path(state)
        self._seed = seed
        self._host = host
        self._port = port
        self._rest_port = rest_port
        self._rest: RestServer | None = None
        self._store = Store(self._state)
        self._recorder = None if record is None else Recorder(Path(record))
        self._gate = Gate(
            self._store,
            switches or Switches(),
            pat=pat,
            user_id=user_id,
            recorder=self._recorder,
            before_call=before_call,
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="emulator")
        self._server: Any = None
        self.was_new = False
        """Whether the state was new, so that the seed was loaded."""

    def start(self) -> None:
        """Seed the state if it is new, and listen. Raises SeedError or ListenError."""
        try:
            self._prepare()
            self._listen()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End open calls, stop listening, close the state. May be called more than once."""
        self._gate.stopping.set()
        if self._server is not None:
            self._server.stop(grace=0.5).wait()
            self._server = None
        if self._rest is not None:
            self._rest.stop()
            self._rest = None
        self._threads.shutdown(wait=True)
        self._store.close()
        if self._recorder is not None:
            self._recorder.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The endpoint, http://HOST:PORT."""
        return f"http://{self._host}:{self._port}"

    @property
    def rest_url(self) -> str:
        """The address of the REST interface, http://HOST:PORT. Raises LookupError where there is none."""
        if self._rest_port is None:
            raise LookupError("this emulator was made without rest_port")
        return f"http://{self._host}:{self._rest_port}"

    @property
    def switches(self) -> Switches:
        """The switches in force; setting them starts the counts of faults and of the rate limit anew."""
        return self._gate.switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        self._gate.use(switches)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls so far in the order of arrival, those of other processes on the same state among them."""
        return self._store.calls()

    def clear_calls(self) -> None:
        """Forget the calls so far."""
        self._store.clear_calls()

    def load(self, seed: Seed) -> None:
        """Add what a seed has, replacing objects of the same id: all of it, or nothing where SeedError is raised."""
        with self._store.transaction(write=True) as connection:
            seeds.load(connection, seed)

    def snapshot(self) -> dict[str, Any]:
        """The whole state as a seed, without the built-in models of clarifai/main; equal states give equal ones."""
        with self._store.transaction(write=False) as connection:
            return seeds.snapshot(connection)

    def _prepare(self) -> None:
        file = SeedFile(Path(self._seed)) if isinstance(self._seed, (str, Path)) else None
        seed: Seed = file.seed if file is not None else self._seed or {}  # type: ignore[assignment]
        with self._store.transaction(write=True) as connection:
            cursor = connection.execute("INSERT OR IGNORE INTO meta VALUES ('seeded', 'yes')")
            self.was_new = cursor.rowcount == 1
            if self.was_new:
                if "model_types" not in seed:
                    seeds.load(connection, {"model_types": sample.MODEL_TYPES})
                seeds.load(connection, sample.MAIN, builtin=True)
                try:
                    seeds.load(connection, seed)
                except SeedError as error:
                    raise (error if file is None else file.place(error)) from error

    def _listen(self) -> None:
        options = [
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ]
        server = grpc.server(self._threads, options=options)
        service_pb2_grpc.add_V2Servicer_to_server(EmulatedV2(self._gate), server)
        try:
            self._port = server.add_insecure_port(f"{self._host}:{self._port}")
        except RuntimeError as error:
            raise ListenError(
                f"the emulator can't listen on {self._host}:{self._port}: {error}. Choose another port, or 0 for a free one."
            ) from error
        server.start()
        self._server = server
        if self._rest_port is not None:
            self._listen_for_rest(self._rest_port)

    def _listen_for_rest(self, port: int) -> None:
        from reconciler.emulator.rest import RestServer

        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((self._host, port))
            sock.listen(WAITING_CONNECTIONS)
        except OSError as error:
            sock.close()
            raise ListenError(
                f"the REST interface can't listen on {self._host}:{port}: {error.strerror}. "
                "Choose another port, or 0 for a free one."
            ) from error
        self._rest_port = sock.getsockname()[1]
        self._rest = RestServer(self._gate, sock)
        self._rest.start()


def serve(
    *,
    port: int = 0,
    rest_port: int | None = None,
    record: Path | str | None = None,
    state: Path | str | None = None,
    seed: Path | str | None = None,
    pat: str | None = None,
    switches: Switches | None = None,
    user_id: str | None = None,
    host: str = LOOPBACK,
) -> None:
    """Serve until SIGINT or SIGTERM.

    The first line on standard output is "listening on URL"; with `rest_port`, the second one is "rest on URL".

    Without a seed a new state gets the sample app. Must be called in the main thread.
    """
    # Blocked before any thread starts, and so in all of them, the signals wait for sigwait: a handler that sets an event
    # could interrupt the main thread inside that very event's lock.
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        with Emulator(
            state=state,
            seed=sample.SAMPLE if seed is None else seed,
            switches=switches,
            pat=pat,
            host=host,
            port=port,
            rest_port=rest_port,
            record=record,
            user_id=user_id,
        ) as emulator:
            sys.stdout.write(f"listening on {emulator.url}\n")
            if rest_port is not None:
                sys.stdout.write(f"rest on {emulator.rest_url}\n")
            sys.stdout.flush()
            if seed is not None and not emulator.was_new:
                sys.stderr.write(f"{state} has a state already, {seed} was not loaded\n")
            signal.sigwait(ENDING)
    finally:
        while signal.sigpending() & ENDING:  # the same key pressed twice asks for nothing more
            signal.sigwait(ENDING)
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)
