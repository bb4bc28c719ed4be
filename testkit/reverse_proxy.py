"""A small reverse proxy in front of a gateway, which serves it below a path prefix."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: The most bytes of a request's head.
MAX_HEAD = 64 * 1024
#: Seconds without any data after which a connection is closed.
IDLE = 120.0

_NOT_HERE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class ReverseProxy:
    """Passes on the requests below a prefix, each on a connection of its own.

    Args:
        port: the gateway's port on this machine.
        prefix: the path that it serves, such as `/quantum/qwhisk`.
        strips: whether it removes the prefix from the path.
        says: whether it adds the prefix as `X-Forwarded-Prefix`, behind what the client has sent.
    """

    def __init__(self, port: int, prefix: str, strips: bool = True, says: bool = True) -> None:
        self._port = port
        self._prefix = prefix
        self._strips = strips
        self._says = says
        #: The paths of the requests outside of the prefix, which another service of the host would get.
        self.outside: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def host(self) -> str:
        """The name by which clients call it."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        """The gateway's address for clients."""
        return f"http://{self.host}{self._prefix}"

    def __enter__(self) -> ReverseProxy:
        return self

    def __exit__(self, *_: object) -> None:
        # Without `shutdown`, the thread that accepts would keep the socket.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, self._kept(near), suppress(OSError):
            near.settimeout(IDLE)
            data = b""
            while b"\r\n\r\n" not in data:
                received = near.recv(65_536)
                if not received or len(data) > MAX_HEAD:
                    return
                data += received
            head, _, rest = data.partition(b"\r\n\r\n")
            rewritten = self._rewritten(head)
            if rewritten is None:
                near.sendall(_NOT_HERE)
                return
            with socket.create_connection(("127.0.0.1", self._port), 20) as far, self._kept(far):
                far.settimeout(IDLE)
                far.sendall(rewritten + rest)
                back = threading.Thread(target=_copy, args=(far, near), daemon=True)
                back.start()
                _copy(near, far)
                back.join()

    def _rewritten(self, head: bytes) -> bytes | None:
        """Return the head for the gateway; None if the path is outside of the prefix."""
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        path = target.partition("?")[0]
        if path != self._prefix and not path.startswith(f"{self._prefix}/"):
            self.outside.append(path)
            return None
        if self._strips:
            target = target[len(self._prefix) :]
            target = target if target.startswith("/") else f"/{target}"
        upgrade = any(re.match(r"upgrade\s*:", line, re.IGNORECASE) for line in lines)
        # Each request has a connection of its own, so that only its head must be read here.
        lines = [line for line in lines if upgrade or not re.match(r"connection\s*:", line, re.IGNORECASE)]
        lines += [] if upgrade else ["Connection: close"]
        lines += [f"X-Forwarded-Prefix: {self._prefix}"] if self._says else []
        lines += ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: http", f"X-Forwarded-Host: {self.host}"]
        return "\r\n".join([f"{method} {target} {version}", *lines, "", ""]).encode("latin-1")

    @contextmanager
    def _kept(self, sock: socket.socket) -> Iterator[None]:
        """Keep a socket among the open ones for the duration of the context."""
        with self._lock:
            self._open.add(sock)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(sock)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    """Pass on data until the source ends, then end the sink."""
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    for sock, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with suppress(OSError):
            sock.shutdown(how)
