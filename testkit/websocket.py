"""A WebSocket client that uses few resources, so that hundreds can run on the machine that is tested."""

from __future__ import annotations

import socket

#: Seconds that a handshake may take.
TIMEOUT = 60.0
#: Kinds of frames (RFC 6455 section 5.2), and a masked pong without payload.
TEXT, CLOSE, PING = 1, 8, 9
PONG = b"\x8a\x80\0\0\0\0"

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def handshake(port: int, query: str) -> bytes:
    """Return the request with which a WebSocket begins."""
    return (
        f"GET /api/v1/events?{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


class WebSocket:
    """Connect one client. Raises PermissionError with the answer if the gateway rejects it."""

    def __init__(self, port: int, token: str, after: int | None = None) -> None:
        query = f"token={token}" + ("" if after is None else f"&after={after}")
        self.sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self._received = bytearray()
        try:
            head = self._shake_hands(port, query)
        except OSError:
            self.sock.close()
            raise
        if not head.startswith(b"HTTP/1.1 101"):
            self.sock.close()
            raise PermissionError(head[:1000].decode(errors="replace"))

    def _shake_hands(self, port: int, query: str) -> bytes:
        """Return the head of the answer, and the rest too unless the answer is the expected one."""
        self.sock.sendall(handshake(port, query))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            # Read only the handshake: the rest stays in the socket, so that a selector reports it.
            seen = self.sock.recv(65_536, socket.MSG_PEEK)
            if not seen:
                return head
            end = (head + seen).find(b"\r\n\r\n")
            head += self.sock.recv(len(seen) if end < 0 else end + 4 - len(head))
        return head if head.startswith(b"HTTP/1.1 101") else head + self.sock.recv(65_536)

    def texts(self) -> list[bytes]:
        """Read once and return the messages that are complete. Raises ConnectionError at the end."""
        data = self.sock.recv(65_536)
        if not data:
            raise ConnectionError("the server has closed")
        self._received += data
        messages, frame = [], self._received
        while len(frame) >= 2:
            size, start = frame[1], 2
            if size == 126:
                size, start = int.from_bytes(frame[2:4], "big"), 4
            elif size == 127:
                size, start = int.from_bytes(frame[2:10], "big"), 10
            if len(frame) < start + size:
                break
            kind = frame[0] & 0x0F
            if kind == TEXT:
                messages.append(bytes(frame[start : start + size]))
            elif kind == PING:
                self.sock.send(PONG)
            elif kind == CLOSE:
                raise ConnectionError("the server said goodbye")
            del frame[: start + size]
        return messages

    def close(self) -> None:
        """Close the connection without a close frame."""
        self.sock.close()
