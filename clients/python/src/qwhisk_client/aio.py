"""`AsyncClient`, the client for asyncio: it has the methods of `Client`, awaited."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import websockets
from websockets.asyncio.client import ClientConnection, connect

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


class AsyncClient:
    """A client of a qwhisk gateway, for the tasks of one event loop.

    Args:
        url: the gateway's address.
        key: an API key, or an OpenID Connect provider's token, if the gateway requires a sign-in.
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
        key: str | None = None,
        session: Session | str | None = None,
        timeout: float = TIMEOUT,
        max_retries: int = MAX_RETRIES,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._url = base_url(url)
        self._ssl = ssl_context or httpx.create_ssl_context()
        self._http = httpx.AsyncClient(verify=self._ssl)
        self._protocol = Protocol(key, session, timeout, RetryPolicy(max_retries))
        #: Two tasks must not open two sessions: the jobs of one would be lost.
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    @property
    def session(self) -> Session | None:
        """The session; None before the first request. Keep it to see the same jobs again."""
        return self._protocol.session

    async def open_session(self) -> Session:
        """Open a session now instead of with the first request, and return it: this checks the key.

        Raises:
            AuthenticationError: the key is not valid, or is missing.
        """
        await self._run(self._protocol.authorized())
        assert self._protocol.session is not None
        return self._protocol.session

    async def functions(self) -> list[Function]:
        """Return the functions that can be run."""
        return await self._run(self._protocol.functions())

    async def function(self, function: str) -> Function:
        """Return a function with the schemas of its input and its answer."""
        return await self._run(self._protocol.function(function))

    async def backends(self) -> list[Backend]:
        """Return the devices and simulators."""
        return await self._run(self._protocol.backends())

    async def submit(
        self,
        function: str,
        values: Mapping[str, Any] | None = None,
        /,
        *,
        idempotency_key: str | None = None,
        callback_url: str | None = None,
        **inputs: Any,
    ) -> AsyncJob:
        """Submit a job and return it at once; see `Client.submit`."""
        merged = {**(values or {}), **inputs}
        flow = self._protocol.submit(function, merged, idempotency_key, callback_url)
        return AsyncJob(self, await self._run(flow))

    async def run(
        self,
        function: str,
        values: Mapping[str, Any] | None = None,
        /,
        *,
        timeout: float = WAIT,
        idempotency_key: str | None = None,
        **inputs: Any,
    ) -> Result:
        """Submit a job and return its result. See `submit` and `AsyncJob.result`."""
        job = await self.submit(function, values, idempotency_key=idempotency_key, **inputs)
        return await job.result(timeout)

    async def job(self, process_job_id: str) -> AsyncJob:
        """Return a job of this session."""
        return AsyncJob(self, await self._run(self._protocol.job(process_job_id)))

    async def jobs(self, limit: int = 1_000) -> AsyncIterator[AsyncJob]:
        """Yield the jobs of this session, the newest first; see `Client.jobs`."""
        cursor = None
        while limit > 0:
            events, cursor = await self._run(self._protocol.page(cursor, limit))
            for event in events[:limit]:
                yield AsyncJob(self, event)
            limit -= len(events)
            if cursor is None:
                return

    async def erase(self, process_job_id: str) -> None:
        """Erase the data of a job of this session; see `Client.erase`."""
        await self._run(self._protocol.erase(process_job_id))

    def events(self, *, timeout: float = WAIT, after: int | None = None) -> AsyncIterator[Event]:
        """Yield the events of all jobs of this session as they happen; see `Client.events`."""
        return self._stream(self._protocol.events(None, after, timeout))

    async def _run(self, flow: Flow[T]) -> T:
        outcome: Any = None
        while True:
            try:
                effect = flow.send(outcome)
            except StopIteration as end:
                value: T = end.value
                return value
            outcome = await self._perform(effect)

    async def _stream(self, stream: Stream) -> AsyncGenerator[Event, None]:
        async with AsyncExitStack() as sockets:
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
                    await sockets.aclose()
                    socket, outcome = await self._open(effect, sockets)
                elif isinstance(effect, Receive) and socket is not None:
                    outcome = await _receive(socket, effect.timeout)
                else:
                    outcome = await self._perform(effect)

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send():
                return await self._send(effect)
            case Pause(seconds):
                await asyncio.sleep(seconds)
                return None
            case Authorize(refused, deadline):
                limit = None if deadline is None else self._protocol.time_left(deadline)
                try:
                    async with asyncio.timeout(limit):
                        await self._lock.acquire()
                except TimeoutError:
                    return None
                try:
                    return await self._run(self._protocol.authorize(refused, deadline))
                finally:
                    self._lock.release()
        raise TypeError(f"{type(effect).__name__} is not an effect of a request")

    async def _send(self, request: Send) -> Reply | Unreachable:
        try:
            response = await self._http.request(
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

    async def _open(
        self, effect: Open, sockets: AsyncExitStack
    ) -> tuple[ClientConnection | None, Opened | Reply | Unreachable]:
        opening = connect(
            websocket_url(self._url, effect.path),
            ssl=self._ssl if self._url.startswith("https") else None,
            open_timeout=effect.timeout,
            close_timeout=CLOSE_TIMEOUT,
            max_size=MAX_MESSAGE,
            compression=None,
        )
        try:
            return await sockets.enter_async_context(opening), Opened()
        except websockets.InvalidStatus as error:
            return None, refusal(error)
        except (OSError, EOFError, websockets.WebSocketException) as error:
            return None, lost(self._url, error)


class AsyncJob(JobView):
    """A submitted job. `event` is its newest event so far.

    Args:
        client: the client whose session it belongs to.
        event: the job's newest event so far.
    """

    def __init__(self, client: AsyncClient, event: Event) -> None:
        super().__init__(event)
        self._client = client

    async def refresh(self) -> Self:
        """Get the newest event."""
        self.event = await self._client._run(self._client._protocol.job(self.id))
        return self

    async def result(self, timeout: float = WAIT) -> Result:
        """Wait for the result; see `Job.result`."""
        self.event = await self._client._run(self._client._protocol.final_event(self.id, timeout))
        return require_success(self.event)

    async def events(self, *, timeout: float = WAIT, after: int | None = None) -> AsyncIterator[Event]:
        """Yield the job's events as they happen, the final one last; see `Job.events`."""
        stream = self._client._stream(self._client._protocol.events(self.id, after, timeout))
        async with aclosing(stream):
            async for event in stream:
                self.event = event
                yield event

    async def cancel(self) -> None:
        """Request the cancellation. The final event shows whether that was in time."""
        await self._client._run(self._client._protocol.cancel(self.id))

    async def erase(self) -> None:
        """Erase the job's input and result; see `Job.erase`."""
        await self._client.erase(self.id)


async def _receive(socket: ClientConnection, timeout: float) -> str | Unreachable | None:
    try:
        async with asyncio.timeout(timeout):
            message = await socket.recv()
    except TimeoutError:
        return None
    except (OSError, EOFError, websockets.WebSocketException) as error:
        return Unreachable(f"The connection for events was lost: {error or type(error).__name__}.")
    return message if isinstance(message, str) else message.decode(errors="replace")
