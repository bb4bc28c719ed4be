"""Delivery by several members on a real broker, to real receivers."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from core.errors import StreamError
from core.kafka.admin import Topics
from core.kafka.publisher import Publisher
from core.kafka.topics import WEBHOOK_WAITS, WEBHOOKS, shared
from core.protocol import ResultEvent, encode
from core.settings import KafkaSettings
from gateway.auth.sources import digest_of
from gateway.webhooks import Webhooks, loop, secret_of
from gateway.webhooks.sender import WebhookSender
from testkit.receiver import Delivery, Receiver, receiver
from testkit.replicas import BROKERS, SECRET, broker
from testkit.stack import wait_for
from tests.core.samples import result_event

#: Seconds for five to ten seconds of work and the joining of a group, on a busy machine.
PATIENCE = 90.0


@pytest.fixture
def kafka(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[KafkaSettings]:
    with broker(tmp_path_factory.mktemp("broker"), getattr(request, "param", "local")) as address:
        settings = replace(address, partitions=2)
        Topics(settings).ensure(shared(2))
        yield settings


class Members:
    """Members of the group, as the gateways' processes have them."""

    def __init__(self, kafka: KafkaSettings, publisher: Publisher, ends: ExitStack) -> None:
        self._kafka, self._publisher, self._ends = kafka, publisher, ends
        self.all: list[Webhooks] = []

    def add(self, timeout: float = 10.0) -> Webhooks:
        made = Webhooks(self._kafka, self._publisher, WebhookSender("private", timeout=timeout), SECRET)
        self._ends.callback(made.close)
        self.all.append(made)
        return made

    def counted(self, outcome: str) -> int:
        return sum(int(member.outcomes.labels(outcome)._value.get()) for member in self.all)


@pytest.fixture
def members(kafka: KafkaSettings, publisher: Publisher) -> Iterator[Members]:
    with ExitStack() as ends:
        yield Members(kafka, publisher, ends)


def submit(publisher: Publisher, hooks: Receiver, client: str = "client-1", path: str = "/") -> str:
    """Publish a final event with the receiver's address, as a poller does; return its job."""
    job = secrets.token_urlsafe(12)
    url = f"http://127.0.0.1:{hooks.port}{path}"
    event = result_event(status="DONE", process_job_id=job, client_id=client, callback_url=url)
    publisher.publish(WEBHOOKS, job, encode(event))
    return job


def refused_once(delivery: Delivery, before: list[Delivery]) -> int:
    """Answer 503 at first, then 200."""
    return 200 if delivery.id in {earlier.id for earlier in before} else 503


@pytest.mark.parametrize("kafka", BROKERS, indirect=True)
def test_members_share_the_work_and_everything_is_delivered(members: Members, publisher: Publisher) -> None:
    with receiver(refused_once) as hooks:
        for _ in range(2):
            members.add()
        jobs = [submit(publisher, hooks, f"client-{number % 5}") for number in range(40)]
        wait_for(lambda: members.counted("delivered") >= len(jobs), PATIENCE)
        assert {delivery.id for delivery in hooks.deliveries} == {f"msg_{job}" for job in jobs}
        for job in jobs:
            first, second, *more = hooks.of(job)
            # A member that joins takes partitions from others, which may have started on their messages.
            assert len(more) <= 2
            assert first.body == second.body
            assert second.at - first.at > 4, "the retry was too early"
            assert first.signed_with(secret_of(SECRET, first.event["client_id"]))
            assert second.signed_with(secret_of(SECRET, first.event["client_id"]))
    assert members.counted("failed") >= len(jobs)
    assert members.counted("given_up") == 0
    assert all(not len(member) for member in members.all)


@pytest.mark.parametrize("kafka", BROKERS, indirect=True)
def test_what_one_member_leaves_behind_another_delivers(
    members: Members, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first member ends in the middle of a delivery, and never learns its outcome."""
    monkeypatch.setattr(loop, "GRACE", 0.5)
    with receiver(lambda _, before: None if not before else 200) as hooks:
        first = members.add(timeout=60)
        job = submit(publisher, hooks)
        wait_for(lambda: hooks.of(job), PATIENCE)
        first.close()
        members.add()
        wait_for(lambda: len(hooks.of(job)) == 2, PATIENCE)
        wait_for(lambda: members.counted("delivered") == 1, PATIENCE)


def test_what_was_delivered_is_not_delivered_again(members: Members, publisher: Publisher) -> None:
    with receiver(lambda *_: 200) as hooks:
        first = members.add()
        jobs = [submit(publisher, hooks) for _ in range(5)]
        wait_for(lambda: members.counted("delivered") == 5, PATIENCE)
        first.close()
        members.add()
        last = submit(publisher, hooks)
        wait_for(lambda: hooks.of(last), PATIENCE)
        assert Counter(delivery.id for delivery in hooks.deliveries) == {
            f"msg_{job}": 1 for job in [*jobs, last]
        }


def test_a_receiver_that_hangs_delays_no_other_client(members: Members, publisher: Publisher) -> None:
    with receiver(lambda *_: None) as hanging, receiver(lambda *_: 200) as hooks:
        members.add(timeout=60)
        bad = [submit(publisher, hanging, "bad") for _ in range(2 * loop.MAX_IN_FLIGHT)]
        good = submit(publisher, hooks, "good")
        wait_for(lambda: hooks.of(good), PATIENCE)
        assert len(hanging.deliveries) <= loop.MAX_IN_FLIGHT_OF_CLIENT < len(bad)


def test_many_sessions_of_one_source_delay_no_other(members: Members, publisher: Publisher) -> None:
    first, other = (digest_of(SECRET, "address", address) for address in ("192.0.2.1", "192.0.2.2"))
    with receiver(lambda *_: None) as hanging, receiver(lambda *_: 200) as hooks:
        members.add(timeout=60)
        for number in range(3 * loop.MAX_IN_FLIGHT):
            submit(publisher, hanging, f"attacker-------{number % 6}{first}")
        good = submit(publisher, hooks, f"stranger--------{other}")
        wait_for(lambda: hooks.of(good), PATIENCE)
        assert len(hanging.deliveries) <= loop.MAX_IN_FLIGHT_OF_SOURCE
        assert members.counted("failed") == 0, "no attempt was counted"


def test_deliveries_end(
    members: Members, publisher: Publisher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Given up after the last attempt, or at the receiver's request; an unreadable message blocks nothing."""
    monkeypatch.setattr("gateway.webhooks.delivery.DELAYS", (5.0,))
    caplog.set_level("INFO")
    with receiver(lambda item, _: 410 if item.path.startswith("/gone") else 500) as hooks:
        members.add()
        publisher.publish(WEBHOOKS, "x", b"not an event")
        gone = submit(publisher, hooks, path="/gone?key=a-secret")
        dead = submit(publisher, hooks, path="/dead?key=a-secret")
        wait_for(lambda: members.counted("given_up") == 2, PATIENCE)
        assert (len(hooks.of(gone)), len(hooks.of(dead))) == (1, 2)
    assert (members.counted("unreadable"), members.counted("failed")) == (1, 1)
    reasons = {
        (vars(item)["process_job_id"], vars(item)["reason"])
        for item in caplog.records
        if item.getMessage() == "webhook given up"
    }
    assert reasons == {(gone, "status 410"), (dead, "status 500")}
    assert "a-secret" not in str([vars(item) for item in caplog.records])


def test_a_waiting_delivery_is_not_tried_before_its_time(members: Members, publisher: Publisher) -> None:
    due = time.time() + 6  # the longest wait on this topic is 6.25 s
    with receiver(lambda *_: 200) as hooks:
        job = secrets.token_urlsafe(12)
        event = result_event(
            status="DONE", process_job_id=job, callback_url=f"http://127.0.0.1:{hooks.port}/"
        )
        headers = {"attempt": b"1", "first": b"%.3f" % (due - 7), "due": b"%.3f" % due}
        publisher.publish(WEBHOOK_WAITS[5.0], job, encode(event), headers)
        members.add()
        prompt = submit(publisher, hooks)
        wait_for(lambda: hooks.of(prompt) and hooks.of(job), PATIENCE)
        assert hooks.of(job)[0].at >= due


def test_the_result_of_an_erased_job_is_not_delivered(kafka: KafkaSettings, publisher: Publisher) -> None:
    """A retry is dropped. While it is not known whether the data was erased, nothing is delivered."""
    erased: set[str] = set()
    unknown: list[str] = []

    def is_erased(event: ResultEvent) -> bool:
        if unknown:
            unknown.pop()
            raise StreamError("The broker does not answer.")
        return event.process_job_id in erased

    with receiver(lambda *_: 200) as hooks, ExitStack() as ends:
        first, second = (submit_retry(publisher, hooks) for _ in range(2))
        erased.add(first)
        unknown += ["", ""]
        made = Webhooks(kafka, publisher, WebhookSender("private"), SECRET, is_erased=is_erased)
        ends.callback(made.close)
        wait_for(lambda: hooks.of(second), PATIENCE)
        wait_for(lambda: made.outcomes.labels("erased")._value.get() == 1, PATIENCE)
        assert (hooks.of(first), unknown) == ([], [])


def submit_retry(publisher: Publisher, hooks: Receiver) -> str:
    """Publish a final event whose first attempt has failed; return its job."""
    job = secrets.token_urlsafe(12)
    event = result_event(status="DONE", process_job_id=job, callback_url=f"http://127.0.0.1:{hooks.port}/")
    headers = {"attempt": b"1", "first": b"%.3f" % (time.time() - 1)}
    publisher.publish(WEBHOOKS, job, encode(event), headers)
    return job
