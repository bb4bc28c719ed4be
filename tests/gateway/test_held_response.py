"""A held response is sent whole, in slices, and only as fast as its client reads."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.held_response import SLICE, HeldResponse

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}


def sent(held: bytes, parts: list[bytes]) -> list[dict[str, Any]]:
    """Return the messages of a response with this body."""
    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    async def serve() -> None:
        answer = HeldResponse(send)
        await answer(START)
        await answer({"type": "http.response.body", "body": held, "more_body": False})
        answer.extend(parts)
        assert messages == [], "sent before the view is done"
        await answer.finish()

    asyncio.run(serve())
    return messages


@given(st.integers(0, 3 * SLICE).map(bytes), st.lists(st.integers(0, 2 * SLICE).map(bytes), max_size=3))
def test_a_body_is_sent_whole_in_slices(held: bytes, parts: list[bytes]) -> None:
    start, *bodies = sent(held, parts)
    assert start == START
    assert b"".join(message["body"] for message in bodies) == held + b"".join(parts)
    assert [message["more_body"] for message in bodies] == [True] * (len(bodies) - 1) + [False]
    assert all(len(message["body"]) <= SLICE for message in bodies)
    assert all(message["body"] for message in bodies[:-1])


@pytest.mark.parametrize("size", [1, 3 * SLICE])
def test_a_replaced_body_is_not_copied_and_has_its_length(size: int) -> None:
    body, messages = b"x" * size, []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    async def serve() -> None:
        answer = HeldResponse(send)
        await answer({**START, "status": 202, "headers": [(b"content-length", b"2"), (b"location", b"/j")]})
        await answer({"type": "http.response.body", "body": b"{}", "more_body": False})
        answer.replace(200, body, {}, without=("location",))
        assert answer._parts[0] is body
        await answer.finish()

    asyncio.run(serve())
    assert messages[0]["status"] == 200
    assert messages[0]["headers"] == [(b"content-length", str(size).encode())]
    assert b"".join(message["body"] for message in messages[1:]) == body


def test_the_next_slice_waits_for_the_client() -> None:
    async def serve() -> None:
        received: list[bytes] = []
        room = asyncio.Semaphore(2)  # the head and one slice

        async def send(message: dict[str, Any]) -> None:
            await room.acquire()
            received.append(message.get("body", b""))

        answer = HeldResponse(send)
        await answer(START)
        answer.extend([b"x" * (3 * SLICE)])
        finished = asyncio.create_task(answer.finish())
        for expected in (1, 2):
            for _ in range(5):
                await asyncio.sleep(0)
            assert (len(b"".join(received)), finished.done()) == (expected * SLICE, False)
            room.release()
        await finished

    asyncio.run(serve())
