"""Which addresses may be called back. Pure."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from core.errors import InputError
from core.protocol import MAX_CALLBACK

HEADER = "Callback-Url"
#: Which form the callback's body has: `webhook`, or `cloudevents` for a CloudEvent in structured mode.
FORMAT_HEADER = "Callback-Format"
#: The fragment of an address that gets CloudEvents. A fragment is never sent and callers may give none, so
#: the parts that pass the address on need not know of formats.
_CLOUD_EVENTS = "#cloudevents"

#: `off`: none. `public`: https to public addresses. `private`: also http, private networks and loopback.
Policy = Literal["off", "public", "private"]

#: The most characters of an address that a caller gives.
MAX_ADDRESS = MAX_CALLBACK - len(_CLOUD_EVENTS)

_VISIBLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}")
#: The prefix of IPv6 addresses that are routed on the internet (RFC 4291, section 2.4; IANA).
_GLOBAL_UNICAST = IPv6Network("2000::/3")
#: What the policy `private` permits besides global addresses.
_PRIVATE = tuple(
    ip_network(network)
    for network in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "::1/128",
        "fc00::/7",
    )
)
#: Where clouds serve the credentials of their machines, besides the link-local addresses.
_METADATA = frozenset(
    ip_address(address)
    for address in (
        "168.63.129.16",  # Azure
        "100.100.100.200",  # Alibaba Cloud
        "192.0.0.192",  # Oracle Cloud
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google Cloud
        "fd00:42::42",  # Scaleway
    )
)
#: IPv6 addresses that a translator sends to the IPv4 address in their last 32 bits (RFC 4291, section
#: 2.5.5.1; RFC 6052).
_ENDS_WITH_IPV4 = (IPv6Network("::/96"), IPv6Network("64:ff9b::/96"))


def callback(value: str | None, policy: Policy, form: str | None = None) -> str | None:
    """Return the request's callback address, with the requested form of its body.

    Args:
        value: the address.
        policy: which addresses may be called.
        form: the requested form.

    Raises:
        InputError: the address may not be called, or there is no such form.
    """
    if form not in (None, "webhook", "cloudevents"):
        raise InputError(f"{FORMAT_HEADER} must be webhook or cloudevents.", field=FORMAT_HEADER)
    address = _address(value, policy)
    return f"{address}{_CLOUD_EVENTS}" if address and form == "cloudevents" else address


def gets_cloud_events(address: str) -> bool:
    """Return whether the callbacks to an address that `callback` has returned are CloudEvents."""
    return address.endswith(_CLOUD_EVENTS)


def _address(value: str | None, policy: Policy) -> str | None:
    """Return the address; InputError if it may not be called."""
    if value is None:
        return None
    if policy == "off":
        raise _invalid("is not supported by this deployment. Omit it.")
    if len(value) > MAX_ADDRESS:
        raise _invalid(f"must have at most {MAX_ADDRESS} characters.")
    schemes = ("https", "http") if policy == "private" else ("https",)
    parts = parsed(value)
    if parts is None or parts.scheme not in schemes:
        raise _invalid(f"must be an {' or '.join(schemes)} address such as https://app.example.org/results.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _invalid("must not have a user, a password or a fragment.")
    try:
        address = ip_address(str(parts.hostname))
    except ValueError:
        # A name is resolved when it is called, since its addresses may change.
        return value
    if not permitted(str(address), policy):
        raise _invalid("must be a public address.")
    return value


def parsed(value: str) -> SplitResult | None:
    """Return the parts of an address; None if it is malformed."""
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
    """Return whether this IP address may be connected to.

    It must be on the policy's list of networks, and so must every IPv4 address that it contains. Link-local
    addresses and the metadata services of clouds are never permitted.
    """
    destination = ip_address(address.partition("%")[0])
    return all(_permitted(each, policy) for each in _destinations(destination))


def _permitted(address: IPv4Address | IPv6Address, policy: Policy) -> bool:
    if policy == "off" or address in _METADATA:
        return False
    if policy == "private" and any(address in network for network in _PRIVATE):
        return True
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    # Python counts 6to4 and Teredo as not global; `_destinations` has replaced these by what they contain.
    return address.is_global and not address.is_multicast


def _destinations(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """Return the addresses that packets to this one may reach."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return list(address.teredo)
    last = int(address) & 0xFFFF_FFFF
    if any(address in network for network in _ENDS_WITH_IPV4) and last > 1:
        return [IPv4Address(last)]
    # ISATAP (RFC 5214): the IPv4 address follows 0000:5efe or 0200:5efe.
    if int(address) >> 32 & 0xFDFF_FFFF == 0x0000_5EFE:
        return [address, IPv4Address(last)]
    return [address]


def _invalid(problem: str) -> InputError:
    # Not quoted: an address may have a secret in its query.
    return InputError(f"{HEADER} {problem}", field=HEADER)
