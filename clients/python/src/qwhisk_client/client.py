"""`Client`, whose methods block. `qwhisk_client/aio.py` has the client for asyncio."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import websockets
from websockets.sync.client import ClientConnection, connect

from qwhisk_client.checks import base_url
from qwhisk_client.effects import (
    Authorize,
    Effect,
    Flow,
    Open,
    Opened,
    Pause,
    Receive,
    Reply,
    Send,
    Stream,
    Unreachable,
)
from qwhisk_client.models import Backend, Event, Function, JobView, Result, Session
from qwhisk_client.protocol import Protocol, require_success
from qwhisk_client.retries import RetryPolicy
from qwhisk_client.transport import (
    CLOSE_TIMEOUT,
    MAX_MESSAGE,
    MAX_RETRIES,
    TIMEOUT,
    UNSENDABLE,
    WAIT,
    http_timeout,
    lost,
    refusal,
    websocket_url,
)

T = TypeVar("T")


class Client:
    """A client of a qwhisk gateway. It may be used by several threads.

    Args:
        url: the gateway's address.
        key: an API key, or an OpenID Connect provider's token, if the gateway requires a sign-in; or a
            function that returns one. It is called each time that a session is opened.
        session: the session to use: another client's `session`, or its token. By default a new one, opened
            with the first request. Jobs belong to a session.
        timeout: seconds that a response may take.
        max_retries: how often a request is sent again after a lost connection, or if the gateway cannot serve
            it now.
        ssl_context: for the connections, if the defaults of httpx do not fit.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        key: str | Callable[[], str | None] | None = None,
        session: Session | str | None = None,
        timeout: float = TIMEOUT,
        max_retries: int = MAX_RETRIES,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._url = base_url(url)
        self._ssl = ssl_context or httpx.create_ssl_context()
        self._http = httpx.Client(verify=self._ssl)
        self._protocol = Protocol(key, session, timeout, RetryPolicy(max_retries))
        #: Two threads must not open two sessions: the jobs of one would be lost.
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def session(self) -> Session | None:
        """The session; None before the first request. Keep it to see the same jobs again."""
        return self._protocol.session

    def open_session(self) -> Session:
        """Open a session now instead of with the first request, and return it: this checks the key.

        Raises:
            AuthenticationError: the key is not valid, or is missing.
        """
        self._run(self._protocol.authorized())
        assert self._protocol.session is not None
        return self._protocol.session

    def functions(self) -> list[Function]:
        """Return the functions that can be run."""
        return self._run(self._protocol.functions())

    def function(self, function: str) -> Function:
        """Return a function with the schemas of its input and its answer."""
        return self._run(self._protocol.function(function))

    def backends(self) -> list[Backend]:
        """Return the devices and simulators."""
        return self._run(self._protocol.backends())

    def submit(
        self,
        function: str,
        values: Mapping[str, Any] | None = None,
        /,
        *,
        idempotency_key: str | None = None,
        callback_url: str | None = None,
        **inputs: Any,
    ) -> Job:
        """Submit a job and return it at once.

        A request whose answer is lost is repeated with the same idempotency key, so there is one job.

        Args:
            function: the function's id.
            values: its input; `inputs` are added to it.
            idempotency_key: names the job, so that a program that starts again finds it. Random by default.
            callback_url: where the gateway sends the final event.
            inputs: its input.
        """
        merged = {**(values or {}), **inputs}
        return Job(self, self._run(self._protocol.submit(function, merged, idempotency_key, callback_url)))

    def run(
        self,
        function: str,
        values: Mapping[str, Any] | None = None,
        /,
        *,
        timeout: float = WAIT,
        idempotency_key: str | None = None,
        **inputs: Any,
    ) -> Result:
        """Submit a job and return its result. See `submit` and `Job.result`."""
        return self.submit(function, values, idempotency_key=idempotency_key, **inputs).result(timeout)

    def job(self, process_job_id: str) -> Job:
        """Return a job of this session."""
        return Job(self, self._run(self._protocol.job(process_job_id)))

    def jobs(self, limit: int = 1_000) -> Iterator[Job]:
        """Yield the jobs of this session, the newest first.

        Args:
            limit: the most jobs.
        """
        cursor = None
        while limit > 0:
            events, cursor = self._run(self._protocol.page(cursor, limit))
            yield from (Job(self, event) for event in events[:limit])
            limit -= len(events)
            if cursor is None:
                return

    def erase(self, process_job_id: str) -> None:
        """Erase the data of a job of this session, for which there need be no `Job`; see `Job.erase`."""
        self._run(self._protocol.erase(process_job_id))

    def events(self, *, timeout: float = WAIT, after: int | None = None) -> Iterator[Event]:
        """Yield the events of all jobs of this session as they happen; see `Job.events`.

        Args:
            timeout: seconds until `WaitTimeoutError`.
            after: the id of the last event that is known; None for all since the session was opened.
        """
        return self._stream(self._protocol.events(None, after, timeout))

    def _run(self, flow: Flow[T]) -> T:
        outcome: Any = None
        while True:
            try:
                effect = flow.send(outcome)
            except StopIteration as end:
                value: T = end.value
                return value
            outcome = self._perform(effect)

    def _stream(self, stream: Stream) -> Generator[Event, None, None]:
        with ExitStack() as sockets:
            socket: ClientConnection | None = None
            outcome: Any = None
            while True:
                try:
                    effect = stream.send(outcome)
                except StopIteration:
                    return
                outcome = None
                if isinstance(effect, Event):
                    yield effect
                elif isinstance(effect, Open):
                    sockets.close()
                    socket, outcome = self._open(effect, sockets)
                elif isinstance(effect, Receive) and socket is not None:
                    outcome = _receive(socket, effect.timeout)
                else:
                    outcome = self._perform(effect)

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send():
                return self._send(effect)
            case Pause(seconds):
                time.sleep(seconds)
                return None
            case Authorize(refused, deadline):
                limit = -1 if deadline is None else self._protocol.time_left(deadline)
                if not self._lock.acquire(timeout=limit):
                    return None
                try:
                    return self._run(self._protocol.authorize(refused, deadline))
                finally:
                    self._lock.release()
        raise TypeError(f"{type(effect).__name__} is not an effect of a request")

    def _send(self, request: Send) -> Reply | Unreachable:
        try:
            response = self._http.request(
                request.method,
                self._url + request.path,
                content=request.body,
                headers=dict(request.headers),
                timeout=http_timeout(request),
            )
        except (httpx.LocalProtocolError, httpx.InvalidURL):
            raise ValueError(UNSENDABLE) from None
        except httpx.RequestError as error:
            return lost(self._url, error)
        return Reply(response.status_code, response.headers, response.content)

    def _open(
        self, effect: Open, sockets: ExitStack
    ) -> tuple[ClientConnection | None, Opened | Reply | Unreachable]:
        try:
            socket = connect(
                websocket_url(self._url, effect.path),
                ssl=self._ssl if self._url.startswith("https") else None,
                open_timeout=effect.timeout,
                close_timeout=CLOSE_TIMEOUT,
                max_size=MAX_MESSAGE,
                compression=None,
            )
            return sockets.enter_context(socket), Opened()
        except websockets.InvalidStatus as error:
            return None, refusal(error)
        except (OSError, EOFError, websockets.WebSocketException) as error:
            return None, lost(self._url, error)


class Job(JobView):
    """A submitted job. `event` is its newest event so far.

    Args:
        client: the client whose session it belongs to.
        event: the job's newest event so far.
    """

    def __init__(self, client: Client, event: Event) -> None:
        super().__init__(event)
        self._client = client

    def refresh(self) -> Self:
        """Get the newest event."""
        self.event = self._client._run(self._client._protocol.job(self.id))
        return self

    def result(self, timeout: float = WAIT) -> Result:
        """Wait for the result. A lost connection, or a restart of the gateway, does not end the wait.

        Args:
            timeout: seconds to wait at most.

        Raises:
            JobFailedError: the job failed.
            JobCancelledError: the job was cancelled.
            WaitTimeoutError: the timeout has expired. The job continues.
        """
        self.event = self._client._run(self._client._protocol.final_event(self.id, timeout))
        return require_success(self.event)

    def events(self, *, timeout: float = WAIT, after: int | None = None) -> Iterator[Event]:
        """Yield the job's events as they happen, the final one last.

        After a lost connection it continues with the next event.

        Args:
            timeout: seconds until `WaitTimeoutError`.
            after: the id of the last event that is known; None for all.
        """
        with closing(self._client._stream(self._client._protocol.events(self.id, after, timeout))) as stream:
            for event in stream:
                self.event = event
                yield event

    def cancel(self) -> None:
        """Request the cancellation. The final event shows whether that was in time."""
        self._client._run(self._client._protocol.cancel(self.id))

    def erase(self) -> None:
        """Erase the job's input and result. The gateway does not know the job any more then.

        It can be repeated. Events and results that this program holds stay as they are.

        Raises:
            JobNotEndedError: the job has not ended.
        """
        self._client.erase(self.id)


def _receive(socket: ClientConnection, timeout: float) -> str | Unreachable | None:
    try:
        message = socket.recv(timeout)
    except TimeoutError:
        return None
    except (OSError, EOFError, websockets.WebSocketException) as error:
        return Unreachable(f"The connection for events was lost: {error or type(error).__name__}.")
    return message if isinstance(message, str) else message.decode(errors="replace")
