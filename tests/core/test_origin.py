"""Which requests of browsers are served."""

from __future__ import annotations

import string
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import SettingsError
from core.origin import Allowed, is_loopback, opens_a_page

HOSTS, ORIGINS = "SERVICE_HOSTS", "SERVICE_ORIGINS"
OURS = "127.0.0.1:8080"


def allowed(listens: str = "127.0.0.1", hosts: str = "", origins: str = "", **more: bool) -> Allowed:
    """Return the policy of a service with these settings."""
    return Allowed.read({HOSTS: hosts, ORIGINS: origins}, listens, HOSTS, ORIGINS, **more)


def status(policy: Allowed, host: str | None, origin: str | None = None, site: str | None = None) -> int:
    """Return the status of the rejection; 0 if there is none."""
    refusal = policy.refusal(host, origin, site)
    return 0 if refusal is None else refusal.status


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8080", "127.8.9.1:1", "localhost", "LocalHost:8080", "[::1]", "[::1]:65535"],
)
def test_names_of_this_machine_are_always_accepted(host: str) -> None:
    for listens in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "192.0.2.7"):
        assert status(allowed(listens), host) == 0
        assert status(allowed(listens, hosts="app.example.org"), host) == 0


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.localhost",
        "localhost.",
        "127.0.0.1@evil.example",
        "evil.example@127.0.0.1",
        "127.0.0.1:8080:1",
        "127.0.0.1 ",
        "127.0.0.1,evil.example",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "0.0.0.0",
        "192.0.2.7",
        "[::2]",
        "::1",
        "[::1",
        "[127.0.0.1]x",
        "x" * 300,
        "lócalhost",
        "localhost:99999999",
        "localhost\n",
    ],
)
def test_any_other_name_is_refused(host: str | None) -> None:
    refusal = allowed().refusal(host, None, None)
    assert refusal
    assert refusal.status == 421
    assert HOSTS in refusal.message
    assert len(refusal.message) < 400


def test_names_that_are_set_are_accepted_too() -> None:
    policy = allowed(hosts=" App.example.org, 192.0.2.7 ,2001:DB8::1,")
    for host in ("app.example.org", "APP.example.org:443", "192.0.2.7:1", "[2001:db8::1]:8080"):
        assert status(policy, host) == 0
    for host in ("b.app.example.org", "example.org", "192.0.2.8"):
        assert status(policy, host) == 421
    assert status(allowed(hosts="*"), "evil.example") == 0


def test_addresses_are_accepted_on_other_machines_since_no_name_leads_to_them() -> None:
    deployed = allowed("0.0.0.0", hosts="app.example.org")
    assert [status(deployed, host) for host in ("10.1.2.3:8080", "[2001:db8::1]")] == [0, 0]
    assert status(deployed, "evil.example") == 421
    # No names are set.
    assert status(allowed("0.0.0.0"), "whatever.example") == 0
    assert status(allowed("0.0.0.0", open_elsewhere=False), "whatever.example") == 421
    assert status(allowed("0.0.0.0", open_elsewhere=False), "172.17.0.1:3233") == 0


@pytest.mark.parametrize("origin", [f"http://{OURS}", f"https://{OURS}"])
def test_a_page_of_the_same_origin_is_served(origin: str) -> None:
    assert status(allowed(), OURS, origin) == 0
    assert status(allowed(), OURS, None, "same-origin") == 0
    assert status(allowed(hosts="app.example.org"), "app.example.org", "https://app.example.org") == 0
    assert status(allowed(hosts="app.example.org"), "app.example.org:443", "https://app.example.org") == 0


def test_a_proxy_may_change_the_host() -> None:
    """Browsers themselves state that the page is of the same origin, and no page can forge that."""
    assert status(allowed("0.0.0.0"), "gateway:8080", "https://app.example.org", "same-origin") == 0
    assert status(allowed("0.0.0.0"), "gateway:8080", "https://app.example.org") == 403


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:8081",
        "http://localhost:8080",
        f"http://{OURS}.evil.example",
        f"http://{OURS}@evil.example",
        f"ftp://{OURS}",
        f"chrome-extension://{OURS}",
        "file://",
        OURS,
        "http://",
    ],
)
def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    for site in (None, "same-site", "cross-site", "none", "whatever"):
        assert status(allowed(), OURS, origin, site) == 403
    assert status(allowed(origins="https://app.example.org"), OURS, origin) == 403
    assert status(allowed(origins="*"), OURS, origin) == 0


def test_origins_that_are_set_are_served() -> None:
    policy = allowed(origins="https://app.example.org, http://localhost:5173")
    for origin in ("https://app.example.org", "http://localhost:5173"):
        assert status(policy, OURS, origin, "cross-site") == 0
    for origin in ("http://app.example.org", "https://app.example.org:8443", "http://localhost"):
        assert status(policy, OURS, origin) == 403
    assert status(policy, "evil.example", "https://app.example.org") == 421


def test_without_an_origin_the_browser_states_the_site_of_the_page() -> None:
    for site in (None, "none", "same-origin"):
        assert status(allowed(), OURS, None, site) == 0
    for site in ("cross-site", "same-site", "", "x"):
        assert status(allowed(), OURS, None, site) == 403
        assert allowed().refusal(OURS, None, site, opened=True) is None
    refusal = allowed().refusal(OURS, "http://evil.example", "cross-site", opened=True)
    assert refusal
    assert ORIGINS in refusal.message


def test_requests_that_open_a_page() -> None:
    assert opens_a_page("GET", "navigate", "document")
    for method, mode, destination in (
        ("POST", "navigate", "document"),
        ("GET", "no-cors", "document"),
        ("GET", "navigate", "iframe"),
        ("GET", None, None),
    ):
        assert not opens_a_page(method, mode, destination)


@pytest.mark.parametrize(
    ("hosts", "origins", "named"),
    [
        ("http://app.example.org", "", HOSTS),
        ("app.example.org:443", "", HOSTS),
        ("a b", "", HOSTS),
        ("*.example.org", "", HOSTS),
        ("", "app.example.org", ORIGINS),
        ("", "https://app.example.org/", ORIGINS),
        ("", "https://*.example.org", ORIGINS),
        ("", "null", ORIGINS),
        (",".join(["a"] * 101), "", HOSTS),
    ],
)
def test_a_wrong_setting_is_named(hosts: str, origins: str, named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        allowed(hosts=hosts, origins=origins)
    assert named in caught.value.message
    assert caught.value.details["variable"] == named


hosts = st.text(st.sampled_from(string.ascii_letters + string.digits + ".-_:[]@/ \x00*%"), max_size=30)


@settings(derandomize=True, max_examples=2_000, deadline=None)
@given(hosts)
def test_no_host_passes_that_a_url_parser_reads_differently(host: str) -> None:
    """A host that counts as this machine's name is that for Python's own parser too."""
    if status(allowed(), host) == 0:
        name = urlsplit(f"http://{host}/").hostname
        assert name
        assert is_loopback(name)


@settings(derandomize=True, max_examples=2_000, deadline=None)
@given(st.one_of(hosts, hosts.map("http://{}".format), hosts.map(f"http://{OURS}{{}}".format)))
def test_no_origin_passes_that_a_url_parser_reads_differently(origin: str) -> None:
    if status(allowed(), OURS, origin) == 0:
        parts = urlsplit(origin)
        assert (parts.hostname, parts.port) == ("127.0.0.1", 8080)
