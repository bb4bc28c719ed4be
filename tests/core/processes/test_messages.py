"""Messages of the fork server's socket: whole, bounded, and with their own descriptors."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

import pytest

from core.processes.messages import MAX_MESSAGE, MessageReader, ReceivedMessage, encode

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The two ends of a socket; the first is the writer's."""
    writer, reader = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with writer, reader:
        yield writer, reader


def read(reader: MessageReader) -> ReceivedMessage:
    """The next message."""
    while (message := reader.read()) is None:
        pass
    return message


def test_a_message_that_arrives_byte_by_byte_is_read_once_it_is_complete(pair: Pair) -> None:
    writer, end = pair
    reader = MessageReader(end)
    data = encode({"fork": {"text": "ä" * 10}})
    for byte in data[:-1]:
        writer.send(bytes([byte]))
        assert reader.read() is None
    writer.send(data[-1:])
    assert reader.read() == ({"fork": {"text": "ä" * 10}}, [])


def test_descriptors_stay_with_their_message_if_several_messages_have_arrived(pair: Pair) -> None:
    writer, end = pair
    pipes = [os.pipe() for _ in range(3)]
    writer.sendall(encode({"end": 1}))
    socket.send_fds(writer, [encode({"fork": "first"})], [pipes[0][1], pipes[1][1]])
    writer.sendall(encode({"end": 2}))
    socket.send_fds(writer, [encode({"fork": "second"})], [pipes[2][1]])
    reader = MessageReader(end)
    messages = [read(reader) for _ in range(4)]
    try:
        assert [message for message, _ in messages] == [
            {"end": 1}, {"fork": "first"}, {"end": 2}, {"fork": "second"}
        ]  # fmt: skip
        assert [len(descriptors) for _, descriptors in messages] == [0, 2, 0, 1]
        received = [descriptor for _, descriptors in messages for descriptor in descriptors]
        for descriptor, (_, sent) in zip(received, pipes, strict=True):
            assert os.fstat(descriptor).st_ino == os.fstat(sent).st_ino
    finally:
        for descriptor in (*(d for _, ds in messages for d in ds), *(d for pipe in pipes for d in pipe)):
            os.close(descriptor)


def test_the_largest_message_fits_and_a_larger_one_is_rejected() -> None:
    overhead = len(encode({"text": ""})) - 4
    assert len(encode({"text": "x" * (MAX_MESSAGE - overhead)})) == MAX_MESSAGE + 4
    with pytest.raises(ValueError, match=str(MAX_MESSAGE)):
        encode({"text": "x" * (MAX_MESSAGE - overhead + 1)})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (struct.pack("!I", MAX_MESSAGE + 1), f"{MAX_MESSAGE + 1} bytes"),
        (struct.pack("!I", 0), "0 bytes"),
        (struct.pack("!I", 4) + b"null", "not an object"),
        (struct.pack("!I", 4) + b"nope", "Expecting value"),
    ],
)
def test_bytes_that_are_not_a_message_are_rejected(pair: Pair, data: bytes, reason: str) -> None:
    writer, end = pair
    writer.sendall(data)
    with pytest.raises(ValueError, match=reason):
        read(MessageReader(end))


def test_the_end_of_the_stream_is_a_separate_error(pair: Pair) -> None:
    writer, end = pair
    writer.sendall(encode({"end": 1})[:-1])
    writer.close()
    with pytest.raises(EOFError):
        read(MessageReader(end))
