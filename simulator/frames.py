"""Messages between the service and its workers: a JSON header and a body of bytes, each with its length."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import orjson

LENGTHS = struct.Struct("<II")
#: Bytes of one read.
PIECE_BYTES = 64 * 1024


def encode(header: dict[str, Any], body: bytes = b"") -> bytes:
    """Return one message as bytes."""
    head = orjson.dumps(header)
    return b"".join((LENGTHS.pack(len(head), len(body)), head, body))


async def read(reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes]:
    """Read one message.

    Raises:
        asyncio.IncompleteReadError: If the other end has closed the connection.
    """
    head_length, body_length = LENGTHS.unpack(await reader.readexactly(LENGTHS.size))
    head = await reader.readexactly(head_length)
    body = await reader.readexactly(body_length) if body_length else b""
    return orjson.loads(head), body


class FrameReader:
    """Reads messages from a blocking socket, most of them with one system call.

    Args:
        sock: The socket.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._received = b""

    def receive(self) -> tuple[dict[str, Any], bytes] | None:
        """Read one message; return None if the other end has closed the connection."""
        if not self._fill(LENGTHS.size):
            return None
        head_length, body_length = LENGTHS.unpack_from(self._received)
        head_end = LENGTHS.size + head_length
        end = head_end + body_length
        if not self._fill(end):
            return None
        received, self._received = self._received, self._received[end:]
        return orjson.loads(received[LENGTHS.size : head_end]), received[head_end:end]

    def _fill(self, length: int) -> bool:
        if len(self._received) >= length:
            return True
        pieces, total = [self._received], len(self._received)
        while total < length:
            piece = self._sock.recv(max(PIECE_BYTES, length - total))
            if not piece:
                return False
            pieces.append(piece)
            total += len(piece)
        self._received = b"".join(pieces)
        return True
