"""Topics: names, delays, partitions."""

from __future__ import annotations

import re

from core.kafka import topics
from core.protocol import TOPIC_PATTERN


def test_a_clients_topic_is_unique_and_cannot_be_guessed() -> None:
    made = {topics.new_results_topic() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(TOPIC_PATTERN, name) for name in made)


def test_a_clients_topic_has_its_creation_time_and_no_other_topic_does() -> None:
    assert topics.made_at(topics.new_results_topic(1_800_000_000.9)) == 1_800_000_000
    for name in ("jobs", "backends", "results.", "results." + "a" * 24, "results.zzzzzzzz" + "a" * 24):
        assert topics.made_at(name) is None


def test_wait_topics_are_named_after_their_delays() -> None:
    units = {"s": 1, "m": 60, "h": 3_600}
    for delay, name in (topics.WAITS | topics.WEBHOOK_WAITS).items():
        match = re.fullmatch(r"(?:jobs|webhooks)\.wait\.(\d+)([smh])", name)
        assert match is not None
        assert int(match[1]) * units[match[2]] == delay


def test_topics_that_processes_share_have_partitions_for_all_of_them() -> None:
    shared = topics.shared(7)
    single = {"jobs.cancel", "jobs.dead", "pool", "pools", "backends", *topics.WEBHOOK_WAITS.values()}
    assert {name for name, partitions in shared.items() if partitions == 1} == single
    assert {name for name, partitions in shared.items() if partitions == 7} == {
        "jobs",
        "webhooks",
        *topics.WAITS.values(),
    }
    # Readers of `backends` start at the newest message of its one partition.
    assert shared["backends"] == 1


def test_only_topics_that_processes_share_are_spread_over_partitions() -> None:
    spread = {name for name in topics.shared(6) if topics.partition(name) == -1}
    assert spread == {topics.JOBS, topics.WEBHOOKS, *topics.WAITS.values()}
    assert {name for name, count in topics.shared(6).items() if count > 1} == spread
    assert topics.partition(topics.new_results_topic()) == 0
