"""Which addresses are accepted, and to which no connection is ever made."""

from __future__ import annotations

import pytest

from core.errors import InputError
from core.protocol import MAX_CALLBACK
from gateway.webhooks.callback import MAX_ADDRESS, Policy, callback, permitted

PUBLIC = [
    "::93.184.216.34",
    "2002:5db8:d822::",
    "93.184.216.34",
    "2606:4700::1111",
    "::ffff:93.184.216.34",
    "64:ff9b::5db8:d822",
]
PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "fc00::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "::10.1.2.3",
    "fd12:3456::1",
    "2606:4700::5efe:10.1.2.3",
]
#: Link-local (where clouds keep their machines' credentials), multicast, unspecified.
NEVER = [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "fe80::1",
    "fe80::1%eth0",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",
    "::",
    "255.255.255.255",
    "0.0.0.1",
    "240.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    # Metadata services of clouds, also inside other addresses.
    "168.63.129.16",
    "::168.63.129.16",
    "::ffff:168.63.129.16",
    "64:ff9b::a83f:8110",
    "2002:a83f:8110::",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fd00:42::42",
    "2606:4700::5efe:169.254.169.254",
    # Site-local, NAT64 for local use, discard-only, and what IANA has not assigned for unicast.
    "fec0::1",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1::5db8:d822",
    "100::1",
    "2001:db8::1",
    "4000::1",
    "::169.254.169.254",
]


@pytest.mark.parametrize("address", PUBLIC + PRIVATE + NEVER)
def test_addresses(address: str) -> None:
    assert permitted(address, "public") == (address in PUBLIC)
    assert permitted(address, "private") == (address not in NEVER)
    assert not permitted(address, "off")


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example.org/results?key=1%20",
        "https://app.example.org",
        "https://app.example.org:8443/x",
        "https://93.184.216.34/x",
        "https://[2606:4700::1111]/x",
    ],
)
def test_valid_addresses(url: str) -> None:
    assert callback(url, "public") == url
    assert callback(url, "private") == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "app.example.org",
        "ftp://app.example.org/",
        "file:///etc/passwd",
        "https://",
        "https:///x",
        "https://app.example.org:0/",
        "https://app.example.org:99999/",
        "https://user@app.example.org/",
        "https://user:secret@app.example.org/",
        "https://app.example.org/#part",
        "https://app.example.org/a b",
        "https://app.example.org/\r\nX-Evil: 1",
        "https://äpp.example.org/",
        "https://[::1/",
        "https://[nonsense]/",
        "https://169.254.169.254/latest/meta-data",
        "https://a/" + "x" * MAX_CALLBACK,
    ],
)
@pytest.mark.parametrize("policy", ["public", "private", "off"])
def test_bad_ones_are_refused_and_not_quoted(url: str, policy: Policy) -> None:
    with pytest.raises(InputError) as refused:
        callback(url, policy)
    assert refused.value.details["field"] == "Callback-Url"
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("url", ["http://app.example.org/", "https://127.0.0.1/", "https://[::1]/"])
def test_addresses_that_only_a_private_deployment_permits(url: str) -> None:
    assert callback(url, "private") == url
    with pytest.raises(InputError):
        callback(url, "public")


def test_no_address_is_none() -> None:
    assert callback(None, "off") is None
    with pytest.raises(InputError, match="Omit it"):
        callback("https://app.example.org/", "off")


def test_the_form_of_the_body_is_one_of_two() -> None:
    with pytest.raises(InputError, match="Callback-Format must be webhook or cloudevents"):
        callback("https://app.example.org/", "public", "xml")
    assert callback(None, "public", "cloudevents") is None
    longest = "https://app.example.org/" + "a" * (MAX_ADDRESS - 24)
    kept = callback(longest, "public", "cloudevents")
    assert kept is not None
    assert len(kept) == MAX_CALLBACK
    with pytest.raises(InputError, match="characters"):
        callback(longest + "a", "public")
