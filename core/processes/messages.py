"""The messages between a fork server and its client.

They travel over a Unix stream socket. A message is its length (four bytes, big-endian) and that many bytes of
JSON, an object. File descriptors are sent with the length. The client's requests:

    {"warm_up": true}   import what forks need; the answer is {}
    {"fork": {...}, "warm_up": ...}
                        fork a process, which gets the object and the message's descriptors; the answer is
                        {"pid": ...} with a pidfd (Linux only), or {"error": "..."}
    {"end": pid}        kill this fork if it still runs, and reap it; no answer
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

#: Bytes of a message's JSON: it has the environment of a process.
MAX_MESSAGE = 128 * 1024

#: Descriptors that one message can carry.
MAX_DESCRIPTORS = 4

#: The options of a fork server's command line: its end of the socket, and the process with which it ends.
SOCKET_OPTION = "--fork-server-fd"
PARENT_OPTION = "--parent-pid"

_LENGTH = struct.Struct("!I")

ReceivedMessage = tuple[dict[str, Any], list[int]]


def encode(message: dict[str, Any]) -> bytes:
    """Return the bytes of a message.

    Raises:
        ValueError: the message is larger than `MAX_MESSAGE`.
    """
    body = json.dumps(message).encode()
    if len(body) > MAX_MESSAGE:
        raise ValueError(f"the message has {len(body)} bytes, and {MAX_MESSAGE} are allowed")
    return _LENGTH.pack(len(body)) + body


class MessageReader:
    """Reads the messages of one socket, blocking or not.

    It never reads beyond the end of a message, since the kernel may deliver the descriptors of the next
    message with the bytes before them.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._bytes = bytearray()
        self._descriptors: list[int] = []
        self._length: int | None = None

    def read(self) -> ReceivedMessage | None:
        """Read once from the socket.

        Returns:
            The message and its descriptors if it is complete, otherwise None.

        Raises:
            EOFError: the other end has closed the socket.
            ValueError: the bytes are not a message.
            OSError: the socket failed; `BlockingIOError` if it is non-blocking and has no data.
        """
        expected = _LENGTH.size if self._length is None else self._length
        data, descriptors, _, _ = socket.recv_fds(
            self._sock, expected - len(self._bytes), MAX_DESCRIPTORS if self._length is None else 0
        )
        if not data:
            raise EOFError("the other end has closed the socket")
        self._bytes += data
        self._descriptors += descriptors
        if len(self._bytes) < expected:
            return None
        if self._length is None:
            (self._length,) = _LENGTH.unpack(self._bytes)
            self._bytes.clear()
            if not 0 < self._length <= MAX_MESSAGE:
                raise ValueError(f"the message has {self._length} bytes, and {MAX_MESSAGE} are allowed")
            return None
        message = json.loads(self._bytes)
        if not isinstance(message, dict):
            raise ValueError("the message is not an object")
        received = self._descriptors
        self._bytes, self._descriptors, self._length = bytearray(), [], None
        return message, received
