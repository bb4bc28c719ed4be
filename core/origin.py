"""Decides whether an HTTP request may be served, by its host name and by the page that sent it.

Every web page that a user opens can reach a service on the loopback interface. Two headers that no page can
change distinguish such requests from those of the user's own programs:

- `Host`: a page whose own name was pointed at 127.0.0.1 (DNS rebinding) sends that name. An IP address cannot
  be pointed elsewhere.
- `Origin`, and `Sec-Fetch-Site` if the request has no `Origin`: a page from elsewhere sends its own.

Programs such as curl, wsk or Prometheus send neither of the last two and are not restricted by them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from core.errors import SettingsError

#: In a setting: any name, or any origin.
ANY: Final = "*"

#: The most characters of a header that an error message repeats.
_SHOWN = 100
#: The most characters of a DNS name with a port.
_MAX_HOST = 261
#: The most entries of a setting.
_MAX_ENTRIES = 100

_HOST = re.compile(r"(?P<name>[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.ASCII)
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[^/\s@*?#]+)", re.ASCII)

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class OriginRejection:
    """Why a request is not served.

    Attributes:
        status: the HTTP status of the response.
        message: the reason, and the setting that would allow the request.
    """

    status: int
    message: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """The host names of a service, and the origins whose pages may call it.

    Attributes:
        hosts: names besides `localhost` and the loopback addresses; `*` for any.
        origins: origins besides the service's own; `*` for any.
        addresses: whether every IP address is a valid host name.
        hosts_variable: the setting of `hosts`, for messages.
        origins_variable: the setting of `origins`, for messages.
    """

    hosts: frozenset[str]
    origins: frozenset[str]
    addresses: bool
    hosts_variable: str
    origins_variable: str

    @classmethod
    def read(
        cls,
        env: Mapping[str, str],
        listens: str,
        hosts_variable: str,
        origins_variable: str,
        *,
        open_elsewhere: bool = True,
    ) -> Allowed:
        """Read both settings, each a list separated by commas.

        Args:
            env: the environment.
            listens: the address that the service listens on. If it is not a loopback address, every IP
                address is a valid host name.
            hosts_variable: the setting with the names.
            origins_variable: the setting with the origins.
            open_elsewhere: whether any name is valid if the service does not listen on a loopback address and
                no names are set. The names of a deployment are not known here.

        Raises:
            SettingsError: an entry is not a name, or not an origin.
        """
        hosts = frozenset(_host_entry(entry, hosts_variable) for entry in _entries(env, hosts_variable))
        origins = frozenset(
            _origin_entry(entry, origins_variable) for entry in _entries(env, origins_variable)
        )
        elsewhere = not is_loopback(listens)
        if elsewhere and not hosts and open_elsewhere:
            hosts = frozenset({ANY})
        return cls(hosts, origins, elsewhere, hosts_variable, origins_variable)

    def refusal(
        self, host: str | None, origin: str | None, site: str | None, *, opened: bool = False
    ) -> OriginRejection | None:
        """Return why a request is not served; None if it is served.

        Args:
            host: its `Host` header.
            origin: its `Origin` header.
            site: its `Sec-Fetch-Site` header.
            opened: whether it only opens a page that any page may link to (see `opens_a_page`).
        """
        if not self._is_ours(host):
            return OriginRejection(
                421,
                f"The Host header is {_shown(host)}, which is not a name of this service. Use a loopback "
                f"address such as 127.0.0.1, or add the name to {self.hosts_variable}.",
            )
        # No page can write this header, and it is valid even if a proxy has changed `Host`.
        if site == "same-origin" or ANY in self.origins:
            return None
        if origin is not None:
            if origin in self.origins or _host_of(origin) == _without_port(host or "", origin):
                return None
            return self._foreign(f"A page of the origin {_shown(origin)}")
        if site in (None, "none") or opened:
            return None
        return self._foreign(f"A page of another origin (Sec-Fetch-Site: {_shown(site)})")

    def _foreign(self, who: str) -> OriginRejection:
        return OriginRejection(
            403, f"{who} may not call this service. If it should, add its origin to {self.origins_variable}."
        )

    def _is_ours(self, host: str | None) -> bool:
        if ANY in self.hosts:
            return True
        if host is None or len(host) > _MAX_HOST:
            return False
        match = _HOST.fullmatch(host.lower())
        if match is None:
            return False
        name = match["name"]
        if name in self.hosts or is_loopback(name):
            return True
        return self.addresses and _address(name) is not None


def opens_a_page(method: str, mode: str | None, destination: str | None) -> bool:
    """Return whether the browser says that a request opens a page in a tab, as a link does.

    Args:
        method: the request's method.
        mode: its `Sec-Fetch-Mode` header.
        destination: its `Sec-Fetch-Dest` header.
    """
    return method in ("GET", "HEAD") and mode == "navigate" and destination == "document"


def is_loopback(name: str) -> bool:
    """Return whether a name or an address, with or without brackets, is only this machine's."""
    address = _address(name)
    return name == "localhost" if address is None else address.is_loopback


# The services read the same few names in each request.
@lru_cache(maxsize=256)
def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def _host_of(origin: str) -> str | None:
    """Return the host of an origin with its port, as in a `Host` header; None for `null` and the like."""
    match = _ORIGIN.fullmatch(origin)
    return None if match is None else _without_port(match["host"], origin)


def _without_port(host: str, origin: str) -> str:
    """Return a host without the default port of its origin's scheme."""
    return host.lower().removesuffix(_DEFAULT_PORTS.get(origin.partition("://")[0], ""))


def _entries(env: Mapping[str, str], variable: str) -> list[str]:
    entries = [entry.strip() for entry in str(env.get(variable) or "").split(",")]
    entries = [entry for entry in entries if entry]
    if len(entries) > _MAX_ENTRIES:
        raise SettingsError(f"{variable} has over {_MAX_ENTRIES} entries.", variable=variable)
    return entries


def _host_entry(entry: str, variable: str) -> str:
    name = entry.lower()
    address = _address(name)
    if address is not None:
        # In the form of a Host header.
        return f"[{address}]" if address.version == 6 else str(address)
    if name == ANY or (len(name) < _MAX_HOST and _NAME.fullmatch(name)):
        return name
    raise SettingsError(
        f"{variable} must be names or addresses without a port, separated by commas, or {ANY} for any; "
        f"not {_shown(entry)}.",
        variable=variable,
    )


def _origin_entry(entry: str, variable: str) -> str:
    if entry == ANY or _ORIGIN.fullmatch(entry):
        return entry
    raise SettingsError(
        f"{variable} must be origins such as https://app.example.org, separated by commas, or {ANY} for any; "
        f"not {_shown(entry)}.",
        variable=variable,
    )


def _shown(value: str | None) -> str:
    return "missing" if value is None else repr(value[:_SHOWN])
