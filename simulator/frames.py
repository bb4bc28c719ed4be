"""Messages between the service and its workers: a JSON header and a body of bytes, each with its length."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import orjson

LENGTHS = struct.Struct("<II")


def encode(header: dict[str, Any], body: bytes = b"") -> bytes:
    """Return one message as bytes."""
    head = orjson.dumps(header)
    return b"".join((LENGTHS.pack(len(head), len(body)), head, body))


async def read(reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes]:
    """Read one message; raise `asyncio.IncompleteReadError` when the other side has gone."""
    head_length, body_length = LENGTHS.unpack(await reader.readexactly(LENGTHS.size))
    head = await reader.readexactly(head_length)
    body = await reader.readexactly(body_length) if body_length else b""
    return orjson.loads(head), body


def receive(sock: socket.socket) -> tuple[dict[str, Any], bytes] | None:
    """Read one message, blocking; None when the other side has gone."""
    lengths = _receive_exactly(sock, LENGTHS.size)
    if lengths is None:
        return None
    head_length, body_length = LENGTHS.unpack(lengths)
    head = _receive_exactly(sock, head_length)
    body = _receive_exactly(sock, body_length)
    if head is None or body is None:
        return None
    return orjson.loads(head), bytes(body)


def _receive_exactly(sock: socket.socket, length: int) -> bytearray | None:
    buffer = bytearray(length)
    view = memoryview(buffer)
    while view:
        count = sock.recv_into(view)
        if count == 0:
            return None
        view = view[count:]
    return buffer
