"""A proxy for TCP between a client and the gateway, whose connections a test cuts."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

#: Closing a socket with this option resets the connection, as a machine that fails does.
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Passes on what arrives, and counts connections.

    Args:
        port: the gateway's port on this machine.
    """

    def __init__(self, port: int) -> None:
        #: The port that new connections go to.
        self.target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._swallow = 0
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        # Without `shutdown`, the thread that accepts would keep the socket.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> int:
        """Reset all connections, and return how many there were."""
        with self._lock:
            cut, self._open = self._open, []
        for sock in cut:
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        return len(cut) // 2

    def swallow_answers(self, count: int) -> None:
        """Cut the next connections, `count` of them, when the gateway has answered: the answers are lost."""
        with self._lock:
            self._swallow = count

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.accepted += 1
                try:
                    far = socket.create_connection(("127.0.0.1", self.target), 10)
                    far.settimeout(None)
                except OSError:
                    near.close()
                    continue
                with self._lock:
                    self._open += [near, far]
                for source, sink, answers in ((near, far, False), (far, near, True)):
                    threading.Thread(target=self._pass_on, args=(source, sink, answers), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if answers and self._lost():
                    break
                sink.sendall(data)
        for sock in (source, sink):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _lost(self) -> bool:
        with self._lock:
            lost = self._swallow > 0
            self._swallow -= lost
        return lost
