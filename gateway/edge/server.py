"""The gateway's server: uvicorn, configured by our settings."""

from __future__ import annotations

import asyncio
import resource
import socket
from types import FrameType

import uvicorn

from core.errors import SettingsError
from gateway.edge.application import Edge
from gateway.edge.heads import MAX_HEAD
from gateway.edge.http_protocol import HttpProtocol
from gateway.settings import GatewaySettings

#: Seconds for requests in progress when the process stops. WebSockets reconnect to the next process.
GRACE = 2
#: Seconds for which an idle connection is kept for its client's next request.
KEEP_ALIVE = 30
#: Connections that may wait to be accepted.
BACKLOG = 2_048
#: The most HTTP connections.
MAX_CONNECTIONS = 8_000
#: Files that are not connections of clients: the broker's, those of functions, the page's.
OTHER_FILES = 256


def listen(settings: GatewaySettings) -> list[socket.socket]:
    """Listen on all addresses of the host.

    Raises:
        SettingsError: that is not possible.
    """
    host = settings.host.removeprefix("[").removesuffix("]")
    sockets: list[socket.socket] = []
    try:
        addresses = socket.getaddrinfo(host, settings.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        for family, kind, protocol, _, address in dict.fromkeys(addresses):
            # Accepted sockets inherit the protocol, and asyncio sets TCP_NODELAY only if it is TCP. Without
            # it, every second packet of a response waits 40 ms for an acknowledgement.
            sock = socket.socket(family, kind, protocol)
            sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(address)
            sock.listen(BACKLOG)
    except OSError as error:
        for sock in sockets:
            sock.close()
        raise SettingsError(
            f"The gateway cannot listen on GATEWAY_HOST {host[:100]} and GATEWAY_PORT {settings.port}: "
            f"{error.strerror}.",
            variable="GATEWAY_HOST",
        ) from None
    return sockets


def allow_connections(settings: GatewaySettings) -> int:
    """Raise the limit of open files, and return how many HTTP connections it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + settings.websockets + settings.threads + OTHER_FILES
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    files = most if soft == resource.RLIM_INFINITY else soft
    # WebSockets and invocations take the other half of what there is.
    return max(16, min(MAX_CONNECTIONS, (files - OTHER_FILES) // 2))


class GatewayServer(uvicorn.Server):
    """Answers waiting requests when the process is asked to stop.

    Args:
        edge: the application.
    """

    def __init__(self, edge: Edge) -> None:
        super().__init__(
            uvicorn.Config(
                edge,
                loop="asyncio",
                http=HttpProtocol,
                # WebSockets are handed over by the application.
                ws="none",
                ws_per_message_deflate=False,
                interface="asgi3",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=GRACE,
                h11_max_incomplete_event_size=MAX_HEAD,
            )
        )
        self._edge = edge
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal arrives."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal that ends the process."""
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._edge.close_waits)
