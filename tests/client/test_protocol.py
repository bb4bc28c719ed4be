"""The protocol without I/O, in virtual time: what is sent again, when, and for how long."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwhisk_client import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    ConflictError,
    Event,
    FieldError,
    FunctionError,
    InvalidRequestError,
    JobNotEndedError,
    NotFoundError,
    PermissionDeniedError,
    QwhiskError,
    RateLimitError,
    ServiceUnavailableError,
    Session,
    UnexpectedResponseError,
    WaitTimeoutError,
)
from qwhisk_client.calls import GRACE, RENEWAL_PAUSE
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
    Unreachable,
)
from qwhisk_client.errors import error_of
from qwhisk_client.protocol import LONG_POLL, Protocol
from qwhisk_client.retries import FIRST, LONGEST, MAX_RETRY_AFTER, RetryPolicy, is_temporary

T = TypeVar("T")

LOST = Unreachable("no answer")
JOB = {"process_job_id": "j", "function": "f", "status": "QUEUED", "backend": "b"}
DONE = JOB | {"status": "DONE", "answer": {"summary": "done"}}


def ok(document: Any, status: int = 200) -> Reply:
    return Reply(status, {}, json.dumps(document).encode())


def refused(status: int, retry_after: str = "", **problem: Any) -> Reply:
    body = json.dumps({"detail": "no", "code": "c"} | problem).encode()
    return Reply(status, {"retry-after": retry_after} if retry_after else {}, body)


SESSION = ok({"client_id": "c", "token": "t2", "expires_at": "1970-01-02T00:00:00+00:00"}, 201)


class World:
    """Performs flows in virtual time: answers requests from a list, and records what was done.

    Args:
        outcomes: what requests, connections and messages give, in order.
        session: the client's session.
        cost: seconds that each of them takes.
    """

    def __init__(
        self, *outcomes: object, session: Session | str | None = None, cost: float = 0.0, max_retries: int = 4
    ) -> None:
        self.now = 0.0
        self.done: list[Effect] = []
        self._outcomes: Iterator[object] = iter(outcomes)
        self._cost = cost
        self.protocol = Protocol(
            "the-key",
            session or Session("t1", "c", 0.0, 86_400.0),
            90.0,
            RetryPolicy(max_retries, lambda: 1.0),
            monotonic=lambda: self.now,
            clock=lambda: self.now,
        )

    def answer_with(self, *outcomes: object) -> None:
        """Replace what requests, connections and messages give."""
        self._outcomes = iter(outcomes)

    def run(self, flow: Flow[T]) -> T:
        outcome: Any = None
        while True:
            try:
                effect = flow.send(outcome)
            except StopIteration as end:
                value: T = end.value
                return value
            outcome = self.perform(effect)

    def stream(self, job_id: str | None, timeout: float, after: int | None = None) -> Iterator[Event]:
        flow = self.protocol.events(job_id, after, timeout)
        outcome: Any = None
        while True:
            try:
                effect = flow.send(outcome)
            except StopIteration:
                return
            if isinstance(effect, Event):
                outcome = None
                yield effect
            else:
                outcome = self.perform(effect)

    def perform(self, effect: Effect) -> Any:
        if isinstance(effect, Authorize):
            return self.run(self.protocol.authorize(effect.refused, effect.deadline))
        self.done.append(effect)
        if isinstance(effect, Pause):
            self.now += effect.seconds
            return None
        self.now += self._cost
        outcome = next(self._outcomes)
        if outcome is None and isinstance(effect, Receive):
            self.now += effect.timeout
        return outcome(effect) if callable(outcome) else outcome

    def of(self, kind: type[T]) -> list[T]:
        """What was done of one kind."""
        return [effect for effect in self.done if isinstance(effect, kind)]


def submit(world: World) -> Event:
    return world.run(world.protocol.submit("f", {"x": 1}, None, None))


@pytest.mark.parametrize(
    "failure",
    [LOST, *map(refused, (409, 429, 500, 503, 504)), Reply(502, {}, b"<html>bad gateway")],
)
def test_a_submission_is_repeated_with_the_same_key_and_body(failure: object) -> None:
    world = World(failure, failure, ok(JOB, 202))
    assert submit(world).process_job_id == "j"
    requests = world.of(Send)
    assert len({request.headers["Idempotency-Key"] for request in requests}) == 1
    assert {request.body for request in requests} == {b'{"x": 1}'}
    assert [pause.seconds for pause in world.of(Pause)] == [FIRST, 2 * FIRST]
    another = World(ok(JOB, 202))
    submit(another)
    assert another.of(Send)[0].headers["Idempotency-Key"] != requests[0].headers["Idempotency-Key"]


@pytest.mark.parametrize("status", [400, 403, 404, 413, 422, 502])
def test_what_will_not_change_is_not_repeated(status: int) -> None:
    world = World(refused(status))
    with pytest.raises(APIError):
        submit(world)
    assert len(world.of(Send)) == 1


@given(st.integers(0, 10), st.sampled_from([LOST, refused(503), refused(429, "7")]))
def test_attempts_are_bounded(max_retries: int, failure: object) -> None:
    world = World(*[failure] * 20, max_retries=max_retries)
    with pytest.raises((APIConnectionError, ServiceUnavailableError, RateLimitError)):
        submit(world)
    assert len(world.of(Send)) == 1 + max_retries
    assert all(pause.seconds <= max(7, LONGEST) for pause in world.of(Pause))


def test_retry_after_is_followed_unless_it_is_too_long() -> None:
    world = World(refused(429, "7"), refused(503, "20"), ok(JOB, 202))
    submit(world)
    assert [pause.seconds for pause in world.of(Pause)] == [7, 20]
    world = World(refused(429, str(int(MAX_RETRY_AFTER) + 1)))
    with pytest.raises(RateLimitError) as caught:
        submit(world)
    assert caught.value.retry_after == MAX_RETRY_AFTER + 1
    assert world.of(Pause) == []


@given(
    st.sampled_from([APIConnectionError("x"), RateLimitError(429, "x", "", (), 5.0)]),
    st.integers(0, 10**6),
    st.none() | st.floats(-1e3, 1e6),
    st.floats(0, 1),
)
def test_a_pause_is_never_negative_too_long_or_beyond_a_deadline(
    error: QwhiskError, attempt: int, remaining: float | None, chance: float
) -> None:
    pause = RetryPolicy(4, lambda: chance).pause(error, attempt, remaining)
    if pause is None:
        assert attempt >= 4 if remaining is None else remaining <= 0
    else:
        assert 0 < pause <= LONGEST
        assert remaining is None or pause <= remaining


def test_a_session_is_opened_with_the_key_by_the_first_request() -> None:
    world = World(SESSION, ok({"backends": []}))
    world.protocol.session = None
    world.run(world.protocol.backends())
    opening, request = world.of(Send)
    assert (opening.path, opening.headers["Authorization"]) == ("/api/v1/sessions", "Bearer the-key")
    assert request.headers["Authorization"] == "Bearer t2"
    assert "t2" not in repr(request)
    assert "t2" not in repr(world.protocol.session)


def test_a_session_is_renewed_after_half_of_its_life_and_replaced_after_all_of_it() -> None:
    for now, credentials in ((43_199, ["t1"]), (43_201, ["t1", "t2"]), (86_400, ["the-key", "t2"])):
        world = World(*([SESSION] if len(credentials) > 1 else []), ok({"backends": []}))
        world.now = now
        world.run(world.protocol.backends())
        sent = [send.headers["Authorization"] for send in world.of(Send)]
        assert sent == [f"Bearer {credential}" for credential in credentials]


def test_a_renewal_that_fails_leaves_the_valid_session() -> None:
    world = World(refused(401), ok({"backends": []}))
    world.now = 50_000
    world.run(world.protocol.backends())
    assert world.of(Send)[1].headers["Authorization"] == "Bearer t1"


def test_a_refused_session_is_replaced_once() -> None:
    world = World(refused(401), SESSION, ok(JOB, 202))
    submit(world)
    assert [send.path for send in world.of(Send)].count("/api/v1/sessions") == 1
    world = World(refused(401), SESSION, refused(401))
    with pytest.raises(AuthenticationError):
        submit(world)


def test_a_session_is_not_replaced_if_its_jobs_would_be_lost() -> None:
    # The lost answer may have been that of a job, which another session does not have.
    world = World(LOST, refused(401))
    with pytest.raises(AuthenticationError):
        submit(world)
    world = World(refused(401))
    with pytest.raises(AuthenticationError):
        world.run(world.protocol.job("j"))
    # A token alone is the caller's: nothing else may be used in its place.
    world = World(refused(401), session="mine")
    with pytest.raises(AuthenticationError):
        submit(world)
    assert len(world.of(Send)) == 1


def test_a_wait_asks_until_the_job_ends_and_survives_lost_connections() -> None:
    world = World(ok(JOB), LOST, *[refused(503)] * 8, ok(JOB), ok(DONE), cost=20.0)
    assert world.run(world.protocol.final_event("j", 1_000)).summary == "done"
    assert world.of(Send)[0].path == f"/api/v1/jobs/j?wait={LONG_POLL:.3f}"


@pytest.mark.parametrize("outcome", [ok(JOB), LOST, refused(503)])
@pytest.mark.parametrize("timeout", [0.0, 0.3, 10.0, 100.0])
@pytest.mark.parametrize("cost", [0.0, 0.1, 15.0])
def test_a_wait_ends_at_its_time(outcome: object, timeout: float, cost: float) -> None:
    world = World(*[outcome] * 500, cost=cost)
    with pytest.raises(WaitTimeoutError, match=f"The job j has not ended after {timeout:g} s") as caught:
        world.run(world.protocol.final_event("j", timeout))
    assert timeout <= world.now <= timeout + cost + 1e-6
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.process_job_id == "j"
    for request in world.of(Send):
        assert request.timeout <= timeout + GRACE


def test_a_gateway_that_does_not_wait_is_not_asked_without_pause() -> None:
    world = World(*[ok(JOB)] * 500)
    with pytest.raises(WaitTimeoutError):
        world.run(world.protocol.final_event("j", 10))
    assert len(world.of(Send)) <= 22


def of_sessions(world: World) -> list[Send]:
    return [request for request in world.of(Send) if request.path == "/api/v1/sessions"]


def silent(world: World) -> Callable[[Send], Unreachable]:
    """Return what a gateway does that accepts connections and does not answer."""

    def outcome(request: Send) -> Unreachable:
        world.now += request.timeout
        return LOST

    return outcome


@pytest.mark.parametrize("now", [50_000, 90_000])
@pytest.mark.parametrize("timeout", [0.0, 5.0, 200.0])
@pytest.mark.parametrize("failure", ["lost", "limited", "silent"])
def test_a_wait_ends_at_its_time_while_its_session_is_renewed_or_replaced(
    now: int, timeout: float, failure: str
) -> None:
    for events in (False, True):
        world = World()
        outcome = {"lost": LOST, "limited": refused(429, "60"), "silent": silent(world)}[failure]
        world.answer_with(*[outcome] * 2_000)
        world.now = now
        flow = world.protocol.final_event("j", timeout)
        with pytest.raises(WaitTimeoutError):
            _ = list(world.stream("j", timeout)) if events else world.run(flow)
        assert world.now - now <= timeout + GRACE + 1
        if now == 50_000:
            # The old token is valid, so the renewal is not repeated at once.
            assert 1 <= len(of_sessions(world)) <= 1 + timeout / RENEWAL_PAUSE


def test_a_renewal_that_fails_is_tried_again_after_a_pause_until_the_session_expires() -> None:
    for failure, least in ((LOST, RENEWAL_PAUSE), (refused(429, "600"), 600.0)):
        world = World(failure, *[ok({"backends": []})] * 10, SESSION, ok({"backends": []}))
        world.now = 50_000.0
        for step in range(10):
            world.run(world.protocol.backends())
            world.now += least / 10 - (0.001 if step == 9 else 0)
        assert len(of_sessions(world)) == 1
        world.now += 0.001
        world.run(world.protocol.backends())
        assert world.of(Send)[-1].headers["Authorization"] == "Bearer t2"
    late = World(LOST, LOST, *[ok({"backends": []})] * 2, session=Session("t1", "c", 0.0, 100.0))
    late.now = 96.0
    late.run(late.protocol.backends())
    late.now = 98.0
    late.answer_with(SESSION, ok({"backends": []}))
    late.run(late.protocol.backends())
    assert len(of_sessions(late)) == 2


def test_the_valid_token_is_used_while_another_thread_renews_the_session() -> None:
    world = World(ok({"backends": []}))
    world.now = 50_000
    renewal = world.protocol.authorize(None, None)
    assert isinstance(next(renewal), Send)
    world.run(world.protocol.backends())
    assert [request.headers["Authorization"] for request in world.of(Send)] == ["Bearer t1"]


def test_a_wait_ends_if_another_thread_does_not_open_the_session_in_time() -> None:
    world = World()
    world.now = 90_000
    wait = world.protocol.final_event("j", 5)
    effect = next(wait)
    assert isinstance(effect, Authorize)
    assert effect.deadline == world.now + 5
    world.now += 5
    with pytest.raises(WaitTimeoutError):
        wait.send(None)


LARGE = DONE | {"answer": None, "result_url": "/api/v1/jobs/j/result"}


@pytest.mark.parametrize("failure", [LOST, refused(503), refused(429, "5")])
def test_a_wait_goes_on_while_its_large_result_cannot_be_fetched(failure: object) -> None:
    large = ok({"answer": {"summary": "large"}})
    world = World(ok(LARGE), *[failure] * 10, large)
    assert world.run(world.protocol.final_event("j", 200)).summary == "large"
    world = World(Opened(), frame(1, LARGE), *[failure] * 10, large)
    assert [event.summary for event in world.stream("j", 200)] == ["large"]
    world = World(ok(LARGE), *[failure] * 500)
    with pytest.raises(WaitTimeoutError):
        world.run(world.protocol.final_event("j", 20))
    assert world.now == pytest.approx(20)
    world = World(Opened(), frame(1, LARGE), *[failure] * 500)
    with pytest.raises(WaitTimeoutError):
        list(world.stream("j", 20))
    assert world.now == pytest.approx(20)


@pytest.mark.parametrize("document", [[], None, 5, "x"])
def test_a_large_result_that_is_none_is_named(document: Any) -> None:
    world = World(ok(LARGE), ok(document))
    with pytest.raises(UnexpectedResponseError):
        world.run(world.protocol.final_event("j", 20))


def test_a_large_result_is_fetched_from_the_gateway_only() -> None:
    final = DONE | {"answer": None, "result_url": "https://elsewhere.example/steal"}
    large = {"answer": {"summary": "large"}, "result": {"counts": {"meas": {"0": 5}}}}
    world = World(ok(final), ok(large))
    event = world.run(world.protocol.final_event("j", 10))
    assert (event.summary, event.counts) == ("large", {"meas": {"0": 5}})
    assert world.of(Send)[1].path == "/api/v1/jobs/j/result"


def frame(number: int, document: Any) -> str:
    return json.dumps({"id": number, "event": document})


def test_events_resume_after_the_last_one() -> None:
    pooled = JOB | {"status": "POOLED", "queue_position": 2, "provider_jobs": []}
    running = JOB | {"status": "RUNNING"}
    other = DONE | {"process_job_id": "other"}
    world = World(
        Opened(), frame(2, pooled), frame(3, JOB), frame(4, other), "not a frame", LOST, LOST, refused(503),
        Opened(), None, frame(5, running), LOST, Opened(), frame(6, DONE),
    )  # fmt: skip
    events = list(world.stream("j", 1_000))
    assert [(event.id, event.status) for event in events] == [
        (2, "POOLED"),
        (3, "QUEUED"),
        (5, "RUNNING"),
        (6, "DONE"),
    ]
    after = [opened.path.partition("after=")[2] for opened in world.of(Open)]
    assert after == ["", "4", "4", "4", "5"]
    # An event shows that the connection works: the next pause is short again.
    assert [pause.seconds for pause in world.of(Pause)] == [FIRST, 2 * FIRST, 4 * FIRST, FIRST]
    assert "token" not in repr(world.of(Open)[0])


@pytest.mark.parametrize("outcome", [LOST, refused(503), refused(429, "30")])
@pytest.mark.parametrize("timeout", [0.0, 3.0, 300.0])
def test_events_end_at_their_time(outcome: object, timeout: float) -> None:
    world = World(*[outcome] * 2_000, cost=0.01)
    with pytest.raises(WaitTimeoutError):
        list(world.stream("j", timeout))
    assert timeout <= world.now <= timeout + 1
    quiet = World(Opened(), *[None] * 500)
    with pytest.raises(WaitTimeoutError):
        list(quiet.stream(None, timeout))
    assert quiet.now == pytest.approx(timeout)


def test_a_session_is_renewed_while_events_are_awaited() -> None:
    def renewed(effect: Send) -> Reply:
        assert effect.headers["Authorization"] == "Bearer t1"
        return SESSION

    world = World(Opened(), None, renewed, *[None] * 20, LOST, Opened(), frame(1, DONE))
    world.now = 43_190
    list(world.stream("j", 10_000))
    assert world.of(Open)[1].path.startswith("/api/v1/events?token=t2")


def test_events_that_are_refused_end_with_the_gateways_error() -> None:
    with pytest.raises(AuthenticationError, match="no"):
        list(World(refused(401)).stream("j", 100))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (404, NotFoundError),
        (409, ConflictError),
        (422, InvalidRequestError),
        (429, RateLimitError),
        (502, FunctionError),
        (503, ServiceUnavailableError),
        (504, FunctionError),
        (500, ServiceUnavailableError),
        (418, APIError),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[APIError]) -> None:
    problem = {"detail": "d", "code": "c", "errors": [{"field": "qubits", "message": "m"}, 5]}
    error = error_of(status, {"retry-after": "9"}, json.dumps(problem).encode())
    assert type(error) is kind
    assert (str(error), error.code, error.errors) == ("d", "c", (FieldError("qubits", "m"),))
    assert (error.status, error.retry_after) == (status, 9.0)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (409, "job_not_ended", JobNotEndedError),
        (403, "not_permitted", PermissionDeniedError),
        (403, "foreign_origin", AuthenticationError),
        (503, "not_permitted", ServiceUnavailableError),
    ],
)
def test_some_codes_have_an_error_of_their_own(status: int, code: str, kind: type[APIError]) -> None:
    error = error_of(status, {}, json.dumps({"detail": "d", "code": code}).encode())
    assert type(error) is kind
    assert is_temporary(error) == (status == 503), "the same request fails again"


bodies = st.binary(max_size=50) | st.sampled_from([b"[1]", b"null", b'{"detail": 5}'])


@given(st.integers(300, 599), bodies, st.text())
def test_any_refusal_is_an_error_with_a_message(status: int, body: bytes, retry_after: str) -> None:
    error = error_of(status, {"retry-after": retry_after}, body)
    assert str(error)
    assert status < 500 or is_temporary(error) == isinstance(error, ServiceUnavailableError)


@pytest.mark.parametrize("document", [[], {}, None, {"functions": 5}, {"functions": [{"title": "x"}]}])
def test_an_answer_of_another_service_is_named(document: Any) -> None:
    world = World(ok(document))
    with pytest.raises(UnexpectedResponseError, match="Is this the address of a gateway"):
        world.run(world.protocol.functions())
    world = World(Reply(200, {}, b"<html>"))
    with pytest.raises(UnexpectedResponseError, match="is not JSON"):
        world.run(world.protocol.functions())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8080",
        "ftp://x",
        "http://",
        "http://x/?a=b",
        "http://x/#a",
        "http://[",
        "http://x:abc",
        "http://x:70000",
        "http://x:0",
        "http://x\x7f",
        "http://" + "x" * 70_000,
        "http://\u2603..x",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        base_url(url)


def test_ids_cannot_leave_their_place_in_a_path() -> None:
    assert base_url("https://x/prefix/") == "https://x/prefix"
    flows: list[Callable[[World, str], object]] = [
        lambda world, name: world.run(world.protocol.function(name)),
        lambda world, name: world.run(world.protocol.job(name)),
    ]
    for flow in flows:
        world = World(refused(404))
        with pytest.raises(NotFoundError):
            flow(world, "../a?b#c")
        assert world.of(Send)[0].path.endswith("/..%2Fa%3Fb%23c")
        with pytest.raises(ValueError, match="is not an id"):
            flow(World(), "..")
