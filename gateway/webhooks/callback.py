"""Which addresses may be called back. Pure."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from core.errors import InputError
from core.events import MAX_CALLBACK

HEADER = "Callback-Url"

#: `off`: none. `public`: https, to public addresses. `private`: http too, and private networks and loopback.
Policy = Literal["off", "public", "private"]

_VISIBLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}")
#: IPv4 addresses as a translator of IPv6 networks (RFC 6052) writes them.
_NAT64 = IPv6Network("64:ff9b::/96")


def callback(value: str | None, policy: Policy) -> str | None:
    """The request's callback address; InputError if it is none that will be called."""
    if value is None:
        return None
    if policy == "off":
        raise _wrong("is not taken here. Leave it out.")
    if len(value) > MAX_CALLBACK:
        raise _wrong(f"must have at most {MAX_CALLBACK} characters.")
    schemes = ("https", "http") if policy == "private" else ("https",)
    parts = parsed(value)
    if parts is None or parts.scheme not in schemes:
        raise _wrong(f"must be an {' or '.join(schemes)} address such as https://app.example.org/results.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _wrong("must not have a user, a password or a fragment.")
    try:
        address = ip_address(str(parts.hostname))
    except ValueError:
        # A name: what it stands for is looked at when it is called, since that may change.
        return value
    if not permitted(str(address), policy):
        raise _wrong("must be a public address.")
    return value


def parsed(value: str) -> SplitResult | None:
    """The address in its parts; None if it is none."""
    if not _VISIBLE.fullmatch(value):
        return None
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
        if ":" in host:
            ip_address(host)
        elif not _HOST.fullmatch(host):
            return None
    except ValueError:  # brackets that hold no address, a port that is no port
        return None
    return None if port == 0 else parts


def permitted(address: str, policy: Policy) -> bool:
    """True if this IP address may be connected to.

    Addresses that hold others in themselves (IPv4 in IPv6) are judged by those too. Link-local addresses are
    never called: there clouds keep what only their machines may know.
    """
    found = ip_address(address.partition("%")[0])
    return all(_permitted(one, policy) for one in _meant(found))


def _permitted(address: IPv4Address | IPv6Address, policy: Policy) -> bool:
    if address.is_multicast or address.is_unspecified or address.is_link_local:
        return False
    if policy == "private":
        return address.is_loopback or not address.is_reserved
    return policy == "public" and address.is_global


def _meant(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The addresses that packets to this one may reach."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [IPv4Address(int(address) & 0xFFFF_FFFF)]
    inner: list[IPv4Address] = [address.sixtofour] if address.sixtofour is not None else []
    return [address, *inner, *(address.teredo or ())]


def _wrong(what: str) -> InputError:
    # Not quoted: an address may have a secret in its query.
    return InputError(f"{HEADER} {what}", field=HEADER)
