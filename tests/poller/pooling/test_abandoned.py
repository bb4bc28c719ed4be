"""A pooled job whose participants have all withdrawn is cancelled."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.errors import ProviderUnavailableError, QwhiskError
from core.kafka.topics import POOLS
from core.protocol import JobEvent, PoolRecord, PoolShare, decode
from poller.account import Accounts
from poller.pooling import abandoned
from poller.pooling.abandoned import AbandonedPools
from testkit.quantum_account import InMemoryAccount
from tests.poller import fakes
from tests.poller.pooling.messages import circuit, submission


@pytest.fixture
def account() -> InMemoryAccount:
    return InMemoryAccount()


@pytest.fixture
def publisher() -> fakes.Publisher:
    return fakes.Publisher()


@pytest.fixture
def pools(account: InMemoryAccount, publisher: fakes.Publisher) -> AbandonedPools:
    def run(work: Callable[[], Any], then: Callable[[Any], None], title: str) -> None:
        try:
            outcome = work()
        except QwhiskError as error:
            outcome = error
        then(outcome)

    worker = SimpleNamespace(account=account, run=run)
    accounts = cast(Accounts, SimpleNamespace(of=lambda event: worker))
    return AbandonedPools(accounts, publisher, lambda: 1_000.0)


def event(job_id: str, member: int, members: int) -> JobEvent:
    share = PoolShare(first=member, count=1, member=member, members=members, source=0)
    return submission(f"run{member}").event.model_copy(update={"job_id": job_id, "pool": share})


def test_a_job_is_cancelled_with_its_last_participant(
    account: InMemoryAccount, publisher: fakes.Publisher, pools: AbandonedPools
) -> None:
    job_id = account.submit([(circuit(),)] * 3, "fake_fez", 10, [])
    for member in (0, 2, 0):
        pools.add(event(job_id, member, 3))
        assert account.look(job_id).status == "QUEUED"
    pools.add(event(job_id, 1, 3))
    assert account.look(job_id).status == "CANCELLED"
    [record] = [decode(PoolRecord, value) for topic, _, value in publisher.sent if topic == POOLS]
    assert (record.state, record.job_id) == ("ended", job_id)


def test_a_job_is_cancelled_again_until_the_provider_answers(
    account: InMemoryAccount, pools: AbandonedPools, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = account.submit([(circuit(),)], "fake_fez", 10, [])
    cancel, attempts = account.cancel, list[str]()

    def refuse(job: str) -> None:
        attempts.append(job)
        raise ProviderUnavailableError("The provider is down.")

    monkeypatch.setattr(account, "cancel", refuse)
    pools.add(event(job_id, 0, 1))
    pools.step(1_000.0)
    assert attempts == [job_id], "not before its time"
    pools.step(1_001.0)
    assert attempts == [job_id] * 2
    monkeypatch.setattr(account, "cancel", cancel)
    pools.step(1_010.0)
    assert account.look(job_id).status == "CANCELLED"
    monkeypatch.setattr(account, "cancel", refuse)
    pools.step(9e9)
    assert attempts == [job_id] * 2


def test_a_job_that_cannot_be_cancelled_is_given_up(
    account: InMemoryAccount, pools: AbandonedPools, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[str] = []

    def refuse(job: str) -> None:
        attempts.append(job)
        raise ProviderUnavailableError("The provider is down.")

    monkeypatch.setattr(account, "cancel", refuse)
    pools.add(event(account.submit([(circuit(),)], "fake_fez", 10, []), 0, 1))
    for _ in range(100):
        pools.step(9e9)
    assert len(attempts) == abandoned.MAX_ATTEMPTS


def test_a_job_that_is_not_pooled_is_ignored(account: InMemoryAccount, pools: AbandonedPools) -> None:
    job_id = account.submit([(circuit(),)], "fake_fez", 10, [])
    pools.add(event(job_id, 0, 1).model_copy(update={"pool": None}))
    assert account.look(job_id).status == "QUEUED"


def test_what_is_remembered_is_bounded(pools: AbandonedPools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abandoned, "MAX_JOBS", 5)
    for number in range(20):
        pools.add(event(f"job-{number}", 0, 2))
    assert len(pools._withdrawn) == 5
