"""HTTP load from one process over kept connections: as little work for each request as Python allows."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence

#: Seconds that one answer may take.
TIMEOUT = 60.0


def request(path: str, body: bytes, headers: Sequence[tuple[str, str]] = (), port: int = 80) -> bytes:
    """A POST as bytes on the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Connection:
    """One kept connection that sends the same request again and again."""

    def __init__(self, port: int, data: bytes, status: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = data
        self._status = b"HTTP/1.1 %d " % status
        self._received = bytearray()
        self.began = 0.0

    def send(self) -> None:
        """Send the request."""
        self.began = time.perf_counter()
        self.sock.sendall(self._request)

    def answered(self) -> bool:
        """Read what has arrived; True once the answer is complete. RuntimeError if it is not as expected."""
        data = self.sock.recv(65_536)
        if not data:
            raise RuntimeError("the server closed a kept connection")
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return False
        at = self._received.lower().index(b"content-length:", 0, head + 2)
        length = int(self._received[at + 15 : self._received.index(b"\r\n", at)])
        if len(self._received) < head + 4 + length:
            return False
        if not self._received.startswith(self._status):
            raise RuntimeError(f"an unexpected answer: {bytes(self._received[:600])!r}")
        self._received.clear()
        return True

    def close(self) -> None:
        """Close the connection."""
        self.sock.close()


def latencies(port: int, data: bytes, count: int, status: int = 200) -> list[float]:
    """Seconds of each of `count` requests, one after the other."""
    connection = Connection(port, data, status)
    seconds = []
    try:
        for _ in range(count):
            connection.send()
            while not connection.answered():
                pass
            seconds.append(time.perf_counter() - connection.began)
    finally:
        connection.close()
    return seconds


def rate(port: int, requests: Sequence[bytes], seconds: float, status: int = 200) -> float:
    """Return answers per second, with one connection for each of `requests`, always with a request open."""
    connections = [Connection(port, data, status) for data in requests]
    done = 0
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.sock, selectors.EVENT_READ, connection)
            connection.send()
        began = time.perf_counter()
        try:
            while (now := time.perf_counter()) - began < seconds:
                ready = selector.select(TIMEOUT)
                if not ready:
                    raise RuntimeError(f"no answer within {TIMEOUT:.0f} s")
                for key, _ in ready:
                    if key.data.answered():
                        done += 1
                        key.data.send()
            return done / (now - began)
        finally:
            for connection in connections:
                connection.close()
