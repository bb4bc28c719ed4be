"""The gateway's protocol, without I/O: submissions, waits, and events that resume after a lost connection.

The methods are flows (`qwhisk_client/effects.py`). `Client` and `AsyncClient` only perform their effects.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from qwhisk_client.calls import API, Calls, failure_of, read
from qwhisk_client.effects import Flow, Open, Opened, Pause, Receive, Stream
from qwhisk_client.errors import JobCancelledError, JobFailedError
from qwhisk_client.models import Backend, Event, Function, Result
from qwhisk_client.waits import Wait

#: Seconds for which one request waits for a result. The gateway permits 60.
LONG_POLL = 30.0
#: Seconds of the longest wait for a message. Between two, the session is renewed if it is time.
LISTEN = 30.0
#: Seconds between two requests that the gateway answers before their wait is over.
EARLY = 0.5
#: Jobs in a page of the list.
PAGE = 100


class Protocol(Calls):
    """The flows of one client."""

    # --- functions and backends ---------------------------------------------------------------------

    def functions(self) -> Flow[list[Function]]:
        """Return all functions."""
        document = yield from self.call("GET", "/functions")
        return read(lambda raw: [Function.of(item) for item in raw["functions"]], document)

    def function(self, function: str) -> Flow[Function]:
        """Return a function with the schemas of its input and its answer."""
        document = yield from self.call("GET", f"/functions/{_quoted(function)}")
        return read(Function.of, document)

    def backends(self) -> Flow[list[Backend]]:
        """Return all backends."""
        document = yield from self.call("GET", "/backends")
        return read(lambda raw: [Backend.of(item) for item in raw["backends"]], document)

    # --- jobs ---------------------------------------------------------------------------------------

    def submit(
        self, function: str, values: Mapping[str, Any], idempotency_key: str | None, callback_url: str | None
    ) -> Flow[Event]:
        """Submit a job. However often the request is sent, there is one job."""
        headers = {"Idempotency-Key": idempotency_key or secrets.token_urlsafe(18)}
        if callback_url is not None:
            headers["Callback-Url"] = callback_url
        document = yield from self.call(
            "POST", f"/functions/{_quoted(function)}/jobs", body=values, headers=headers
        )
        return read(Event.of, document)

    def job(self, process_job_id: str) -> Flow[Event]:
        """Return a job's newest event."""
        document = yield from self.call("GET", _job(process_job_id), of_session=True)
        return read(Event.of, document)

    def page(self, cursor: str | None, limit: int) -> Flow[tuple[list[Event], str | None]]:
        """Return a page of the session's jobs, and the cursor of the next page."""
        query = {"limit": str(min(limit, PAGE))} | ({"cursor": cursor} if cursor else {})
        document = yield from self.call("GET", f"/jobs?{urlencode(query)}")
        return read(lambda raw: ([Event.of(item) for item in raw["jobs"]], raw["next"]), document)

    def cancel(self, process_job_id: str) -> Flow[None]:
        """Request the cancellation of a job."""
        yield from self.call("DELETE", _job(process_job_id), of_session=True)

    def erase(self, process_job_id: str) -> Flow[None]:
        """Erase the data of a job that has ended."""
        yield from self.call("DELETE", f"{_job(process_job_id)}/data", of_session=True)

    def final_event(self, process_job_id: str, timeout: float) -> Flow[Event]:
        """Wait for a job's final event. A lost connection does not end the wait.

        Raises:
            WaitTimeoutError: the timeout has expired.
        """
        wait = Wait(process_job_id, timeout, self.monotonic)
        while True:
            asked = self.monotonic()
            seconds = max(0.0, min(LONG_POLL, wait.deadline - asked))
            path = f"{_job(process_job_id)}?wait={seconds:.3f}"
            document = yield from wait.bounded(
                self.call("GET", path, of_session=True, wait=seconds, deadline=wait.deadline)
            )
            event = read(Event.of, document)
            if event.final:
                return (yield from self._completed(event, wait))
            if wait.remaining <= 0:
                raise wait.expired()
            if self.monotonic() - asked < seconds / 2:
                yield Pause(max(0.0, min(EARLY, wait.remaining)))

    def _completed(self, event: Event, wait: Wait) -> Flow[Event]:
        """Return a final event with the result that was too large for it."""
        if not event.raw.get("result_url"):
            return event
        # The path is known, so the token is sent to no other address that the event may name.
        path = f"{_job(event.process_job_id)}/result"
        document = yield from wait.bounded(self.call("GET", path, of_session=True, deadline=wait.deadline))
        return read(lambda large: _merged(event, large), document)

    # --- events -------------------------------------------------------------------------------------

    def events(self, process_job_id: str | None, after: int | None, timeout: float) -> Stream:
        """Yield the events of a job until its final one, or those of all jobs, as the gateway pushes them.

        After a lost connection it continues with the event after the last one received.

        Args:
            process_job_id: the job; None for all jobs of the session.
            after: the id of the last event that is known; None for all.
            timeout: seconds until the wait ends.

        Raises:
            WaitTimeoutError: the timeout has expired.
        """
        wait, attempt, error = Wait(process_job_id, timeout, self.monotonic), 0, None
        while True:
            token = yield from wait.bounded(self.token(deadline=wait.deadline))
            query = {"token": token} | ({} if after is None else {"after": str(after)})
            limit = max(1.0, min(self.timeout, wait.remaining))
            outcome = yield Open(f"{API}/events?{urlencode(query)}", limit)
            while isinstance(outcome, Opened | str | None):
                if isinstance(outcome, str) and (event := _frame(outcome)) is not None:
                    after, attempt = event.id, 0
                    if process_job_id in (None, event.process_job_id):
                        if event.final:
                            event = yield from self._completed(event, wait)
                        yield event
                        if event.final and process_job_id is not None:
                            return
                if wait.remaining <= 0:
                    raise wait.expired() from error
                # Renews the session in time.
                yield from wait.bounded(self.token(deadline=wait.deadline))
                outcome = yield Receive(max(0.0, min(LISTEN, wait.remaining)))
            error = failure_of(outcome)
            pause = self.retries.pause(error, attempt, wait.remaining)
            if pause is None:
                raise wait.error(error)
            yield Pause(pause)
            attempt += 1


def require_success(event: Event) -> Result:
    """Return the result of a final event.

    Raises:
        JobFailedError: the job failed.
        JobCancelledError: it was cancelled.
    """
    if event.status == "CANCELLED":
        raise JobCancelledError(event)
    if event.status != "DONE":
        raise JobFailedError(event)
    return Result(event)


def _merged(event: Event, large: Mapping[str, Any]) -> Event:
    parts = {name: large[name] for name in ("result", "answer") if large.get(name) is not None}
    return replace(Event.of(event.raw | parts), id=event.id)


def _frame(text: str) -> Event | None:
    """Return the event of a message; None if it has none."""
    try:
        frame = json.loads(text)
        return Event.of(frame["event"], int(frame["id"]))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def _job(process_job_id: str) -> str:
    return f"/jobs/{_quoted(process_job_id)}"


def _quoted(name: str) -> str:
    """Return a name as one segment of a path.

    Raises:
        ValueError: no path can have it.
    """
    if name in ("", ".", ".."):
        raise ValueError(f"{name!r} is not an id.")
    return quote(name, safe="")
