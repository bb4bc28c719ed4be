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
from qwhisk_client.effects import Authorize, Flow, Open, Opened, Pause, Receive, Stream
from qwhisk_client.errors import JobCancelledError, JobFailedError, QwhiskError, WaitTimeoutError
from qwhisk_client.models import Backend, Event, Function, Result
from qwhisk_client.retries import is_temporary

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

    def job(self, job_id: str) -> Flow[Event]:
        """Return a job's newest event."""
        document = yield from self.call("GET", _job(job_id), of_session=True)
        return read(Event.of, document)

    def page(self, cursor: str | None, limit: int) -> Flow[tuple[list[Event], str | None]]:
        """Return a page of the session's jobs, and the cursor of the next page."""
        query = {"limit": str(min(limit, PAGE))} | ({"cursor": cursor} if cursor else {})
        document = yield from self.call("GET", f"/jobs?{urlencode(query)}")
        return read(lambda raw: ([Event.of(item) for item in raw["jobs"]], raw["next"]), document)

    def cancel(self, job_id: str) -> Flow[None]:
        """Request the cancellation of a job."""
        yield from self.call("DELETE", _job(job_id), of_session=True)

    def final_event(self, job_id: str, timeout: float) -> Flow[Event]:
        """Wait for a job's final event. A lost connection does not end the wait.

        Raises:
            WaitTimeoutError: the time is over.
        """
        deadline = self.monotonic() + timeout
        while True:
            asked = self.monotonic()
            wait = max(0.0, min(LONG_POLL, deadline - asked))
            try:
                document = yield from self.call(
                    "GET", f"{_job(job_id)}?wait={wait:.3f}", of_session=True, wait=wait, deadline=deadline
                )
            except QwhiskError as error:
                raise self._over(error, deadline, job_id, timeout) from error
            event = read(Event.of, document)
            if event.final:
                return (yield from self.completed(event))
            now = self.monotonic()
            if now >= deadline:
                raise WaitTimeoutError(job_id, timeout)
            if now - asked < wait / 2:
                yield Pause(min(EARLY, deadline - now))

    def completed(self, event: Event) -> Flow[Event]:
        """Return a final event with the result that was too large for it."""
        if not event.raw.get("result_url"):
            return event
        # The path is known, so the token is sent to no other address that the event may name.
        document = yield from self.call("GET", f"{_job(event.job_id)}/result", of_session=True)
        large = {name: document[name] for name in ("result", "answer") if document.get(name) is not None}
        return replace(read(Event.of, event.raw | large), id=event.id)

    # --- events -------------------------------------------------------------------------------------

    def events(self, job_id: str | None, after: int | None, timeout: float) -> Stream:
        """Yield the events of a job until its final one, or those of all jobs, as the gateway pushes them.

        After a lost connection it continues with the event after the last one received.

        Args:
            job_id: the job; None for all jobs of the session.
            after: the id of the last event that is known; None for all.
            timeout: seconds until the wait ends.

        Raises:
            WaitTimeoutError: the time is over.
        """
        deadline, attempt, error = self.monotonic() + timeout, 0, None
        while True:
            token = yield Authorize()
            query = {"token": token} | ({} if after is None else {"after": str(after)})
            limit = max(1.0, min(self.timeout, deadline - self.monotonic()))
            outcome = yield Open(f"{API}/events?{urlencode(query)}", limit)
            while isinstance(outcome, Opened | str | None):
                if isinstance(outcome, str) and (event := _frame(outcome)) is not None:
                    after, attempt = event.id, 0
                    if job_id in (None, event.job_id):
                        if event.final:
                            event = yield from self.completed(event)
                        yield event
                        if event.final and job_id is not None:
                            return
                remaining = deadline - self.monotonic()
                if remaining <= 0:
                    raise WaitTimeoutError(job_id, timeout) from error
                yield Authorize()  # renews the session in time
                outcome = yield Receive(min(LISTEN, remaining))
            error = failure_of(outcome)
            pause = self.retries.pause(error, attempt, deadline - self.monotonic())
            if pause is None:
                raise self._over(error, deadline, job_id, timeout) from error
            yield Pause(pause)
            attempt += 1

    def _over(self, error: QwhiskError, deadline: float, job_id: str | None, timeout: float) -> QwhiskError:
        """Return what a wait raises for an error: a temporary one ends it at the deadline only."""
        if is_temporary(error) and self.monotonic() >= deadline:
            return WaitTimeoutError(job_id, timeout)
        return error


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


def _frame(text: str) -> Event | None:
    """Return the event of a message; None if it has none."""
    try:
        frame = json.loads(text)
        return Event.of(frame["event"], int(frame["id"]))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def _job(job_id: str) -> str:
    return f"/jobs/{_quoted(job_id)}"


def _quoted(name: str) -> str:
    """Return a name as one segment of a path.

    Raises:
        ValueError: no path can have it.
    """
    if name in ("", ".", ".."):
        raise ValueError(f"{name!r} is not an id.")
    return quote(name, safe="")
