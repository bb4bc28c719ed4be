"""Offsets: a commit never includes a message whose outcome is not acknowledged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.kafka.offsets import Offsets

P, Q = ("jobs", 0), ("jobs.wait.5s", 3)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Messages consumed in order (with gaps, as compaction leaves them) and finished in any order."""
    offset = draw(st.integers(0, 5))
    under_way: list[int] = []
    steps: list[tuple[str, int]] = []
    for _ in range(draw(st.integers(1, 30))):
        ends: bool = draw(st.booleans())
        if ends and under_way:
            steps.append(("finish", under_way.pop(draw(st.integers(0, len(under_way) - 1)))))
        else:
            steps.append(("begin", offset))
            under_way.append(offset)
            offset += draw(st.integers(1, 3))
    return steps


@given(histories(), st.sets(st.integers(0, 29)))
def test_nothing_unfinished_is_ever_below_the_position(
    history: list[tuple[str, int]], commits_after: set[int]
) -> None:
    offsets = Offsets()
    taken: set[int] = set()
    finished: set[int] = set()
    committed = -1
    for number, (what, offset) in enumerate(history):
        getattr(offsets, what)(P, offset)
        (taken if what == "begin" else finished).add(offset)
        position = offsets.position(P)
        assert position is not None
        unfinished = taken - finished
        assert all(position <= waiting for waiting in unfinished)
        # As far as possible: finished messages with nothing unfinished before them are below the position.
        assert position == (min(unfinished) if unfinished else max(taken) + 1)
        assert offsets.under_way() == len(unfinished)
        if number in commits_after:
            due = offsets.due()
            if P in due:
                assert due[P] > committed  # it never moves back
                committed = due[P]
            offsets.sent(due)
            assert offsets.due() == {}


def test_partitions_are_kept_apart() -> None:
    offsets = Offsets()
    offsets.begin(P, 5)
    offsets.begin(Q, 9)
    offsets.finish(Q, 9)
    assert offsets.due() == {P: 5, Q: 10}
    offsets.sent({Q: 10})
    assert offsets.due() == {P: 5}


def test_a_revoked_partition_is_forgotten() -> None:
    offsets = Offsets()
    offsets.begin(P, 3)
    offsets.sent(offsets.due())
    offsets.begin(P, 5)
    offsets.forget(P)
    offsets.finish(P, 5)
    assert offsets.position(P) is None
    assert offsets.due() == {}
    # Assigned again: its messages are delivered from the last commit on, which may be further back.
    offsets.begin(P, 3)
    assert offsets.due() == {P: 3}


def test_finishing_a_message_twice_or_one_never_consumed_changes_nothing() -> None:
    offsets = Offsets()
    offsets.finish(P, 1)
    assert offsets.due() == {}
    offsets.begin(P, 1)
    offsets.begin(P, 2)
    offsets.finish(P, 2)
    offsets.finish(P, 2)
    assert offsets.due() == {P: 1}


def test_a_position_that_the_broker_rejected_is_due_again() -> None:
    offsets = Offsets()
    offsets.begin(P, 1)
    offsets.finish(P, 1)
    offsets.sent({P: 2})
    offsets.rejected({P: 2})
    assert offsets.due() == {P: 2}
    # Unless a later one was committed in the meantime.
    offsets.sent({P: 2})
    offsets.rejected({P: 1})
    assert offsets.due() == {}


def test_a_position_that_was_sent_is_unacknowledged_until_the_broker_answers() -> None:
    offsets = Offsets()
    offsets.begin(P, 1)
    offsets.finish(P, 1)
    offsets.sent(offsets.due())
    assert (offsets.due(), offsets.unacknowledged()) == ({}, {P: 2})
    offsets.rejected({P: 2})
    assert (offsets.due(), offsets.unacknowledged()) == ({P: 2}, {P: 2})
    offsets.acknowledged({P: 2})
    assert offsets.unacknowledged() == {}


def test_a_topic_that_was_created_again_is_not_committed_at_its_old_end() -> None:
    """Its offsets start again: messages below the old end have not been handled."""
    offsets = Offsets()
    for offset in (4998, 4999):
        offsets.begin(P, offset)
    offsets.finish(P, 4998)
    offsets.sent(offsets.due())
    offsets.begin(P, 0)
    assert offsets.due() == {P: 0}
    offsets.finish(P, 0)
    assert offsets.due() == {P: 1}
    offsets.sent(offsets.due())
    # The outcome of a message of the old topic says nothing about the new one.
    offsets.finish(P, 4999)
    assert offsets.due() == {}
    assert offsets.under_way() == 0
