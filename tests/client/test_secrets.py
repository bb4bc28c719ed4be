"""Keys, tokens and passwords are in no message, also if they cannot be sent."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import Iterator

import pytest
import websockets

from qwhisk_client import AsyncClient, Client, Session, UnexpectedResponseError
from qwhisk_client.checks import base_url
from qwhisk_client.transport import lost
from tests.client.test_protocol import World, ok

UNSENDABLE = ["SECRET\r", "SECRET\n", "SECR ET", "SECRETé", "SECRET\x00", ""]


def words(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


@pytest.fixture
def listener() -> Iterator[str]:
    """Return the address of a server that accepts connections and does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("value", UNSENDABLE)
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_key_or_token_that_no_header_can_have_is_refused(
    kind: type[Client] | type[AsyncClient], value: str
) -> None:
    for name, given in (
        ("key", {"key": value}),
        ("token", {"session": value}),
        ("token", {"session": Session(value)}),
    ):
        with pytest.raises(ValueError, match=f"The .*{name} is empty, or has a space") as caught:
            kind("http://127.0.0.1:1", **given)
        assert "SECR" not in str(caught.value)


@pytest.mark.parametrize("token", [*UNSENDABLE, 5, None])
def test_a_token_of_a_gateway_that_no_header_can_have_is_refused(token: object) -> None:
    world = World(ok({"client_id": "c", "token": token, "expires_at": "1970-01-02T00:00:00+00:00"}))
    world.protocol.session = None
    with pytest.raises(UnexpectedResponseError) as caught:
        world.run(world.protocol.functions())
    assert "SECR" not in words(caught.value)


@pytest.mark.parametrize(
    "url", ["http://me:SECRET@x", "http://SECRET@x:80/p", "me:SECRET@x", "ftp://a:SECRET@x:b"]
)
def test_an_address_has_no_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"Remove it|is not the address") as caught:
        base_url(url)
    assert "SECRET" not in words(caught.value)
    assert base_url("http://x/@me") == "http://x/@me"


def test_a_request_that_cannot_be_sent_is_not_repeated(listener: str) -> None:
    secret = UNSENDABLE[0]
    for name in ("idempotency_key", "callback_url"):
        with (
            Client(listener, session="t") as client,
            pytest.raises(ValueError, match="cannot be sent") as caught,
        ):
            client.submit("f", **{name: secret})
        assert "SECRET" not in words(caught.value)
    with Client(listener, session="t") as client, pytest.raises(ValueError, match="cannot be sent"):
        client.job("j" * 70_000)

    async def use() -> None:
        async with AsyncClient(listener, session="t") as client:
            with pytest.raises(ValueError, match="cannot be sent") as caught:
                await client.submit("f", idempotency_key=secret)
            assert "SECRET" not in words(caught.value)
            with pytest.raises(ValueError, match="cannot be sent"):
                await client.job("j" * 70_000)

    asyncio.run(use())


def test_a_connection_that_fails_does_not_show_the_address_with_the_token() -> None:
    error = websockets.InvalidURI("ws://x/?token=SECRET", "no")
    assert "SECRET" in str(error)
    assert lost("http://x", error).reason.startswith("No response from http://x: InvalidURI.")
    assert lost("http://x", OSError("refused")).reason.startswith("No response from http://x: refused.")
