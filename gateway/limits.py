"""Rate limits for clients and addresses."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from ipaddress import IPv4Address, IPv6Network, ip_address

from core.errors import QwhiskError
from core.rate_limits import RateLimiter, TokenBucket

#: Clients and addresses that are remembered.
MAX_CLIENTS = 50_000

#: The most characters of an address. An IPv6 address with a zone has fewer.
MAX_ADDRESS = 64
#: An IPv4 address, or an IPv6 address in brackets, with a port.
_PORT = re.compile(r"\A([0-9.]+|\[[^\]]*\]):[0-9]{1,5}\Z", re.ASCII)


def network_of(address: str) -> str:
    """Return an address as limits count it: for IPv6 the /64 network.

    A provider assigns a whole /64, and so 2^64 addresses, to one customer.
    """
    raw = address[:MAX_ADDRESS]
    try:
        # Some proxies add the port.
        parsed = ip_address(_PORT.sub(r"\1", raw).strip("[]").partition("%")[0])
    except ValueError:
        return raw
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Network((parsed, 64), strict=False))


class LimitError(QwhiskError):
    """A client makes too many requests, or has too many jobs in flight.

    Args:
        retry_after: seconds after which a request may succeed.
    """

    code = "too_many_requests"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Limit:
    """A limit on each client's requests in a minute. They may all come at once.

    Args:
        what: what is limited, for the message.
        per_minute: how many.
    """

    def __init__(self, what: str, per_minute: int) -> None:
        self._what = what
        self._per_minute = per_minute
        self._limiter = RateLimiter(lambda: TokenBucket(per_minute), MAX_CLIENTS)

    def take(self, client: str, now: float | None = None) -> None:
        """Count a request.

        Args:
            client: the client, or its address.
            now: monotonic seconds.

        Raises:
            LimitError: the client has used up its limit. The request is not counted.
        """
        wait = self._admit(client, now)
        if wait > 0:
            raise LimitError(
                f"Over {self._per_minute} {self._what} a minute. Try again in {max(1, round(wait))} s.", wait
            )

    def charge(self, client: str, now: float | None = None) -> None:
        """Count a request that has already been handled. It is counted up to the limit and never refused."""
        self._admit(client, now)

    def _admit(self, client: str, now: float | None) -> float:
        return self._limiter.admit(client, time.monotonic() if now is None else now)


class Concurrency:
    """How much each client, address or other holder uses at the same time. Thread-safe.

    Args:
        most: the most that one holder may use; 0 for no limit.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._used: Counter[str] = Counter()

    def __len__(self) -> int:
        """Return the number of holders that use something."""
        return len(self._used)

    def acquire(self, *holders: str) -> bool:
        """Count one use for each of these holders.

        Returns:
            False if one of them has reached the limit. Then none is counted.
        """
        if not self.most:
            return True
        names = set(holders)
        with self._lock:
            if any(self._used[name] >= self.most for name in names):
                return False
            self._used.update(names)
            return True

    def release(self, *holders: str) -> None:
        """End the uses that an `acquire` of the same holders counted."""
        if not self.most:
            return
        with self._lock:
            for name in set(holders):
                self._used[name] -= 1
                if self._used[name] <= 0:
                    del self._used[name]
