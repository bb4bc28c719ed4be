"""The host names of a gateway, and the pages that may call it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from core.errors import SettingsError
from gateway import origin, problems
from gateway.settings import GatewaySettings
from tests.gateway.test_settings import ENV


def app(proxied: bool = False, **env: str) -> Flask:
    """An application with only this check."""
    made = Flask("test")
    services: Any = SimpleNamespace(settings=GatewaySettings.from_env(ENV | env))
    problems.register(made)
    origin.register(made, services)
    made.add_url_rule("/", view_func=lambda: "served", methods=["GET", "POST"])
    if proxied:
        made.wsgi_app = ProxyFix(made.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    return made


def status(made: Flask, **headers: str) -> int:
    """Return the status of a POST with these headers."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return made.test_client().post("/", headers=given).status_code


def test_on_one_machine_only_its_own_names_are_accepted() -> None:
    made = app()
    assert status(made, Host="127.0.0.1:8080") == 200
    assert status(made, Host="app.example.org") == 421


def test_names_can_be_set() -> None:
    made = app(GATEWAY_HOSTS="app.example.org")
    assert status(made, Host="app.example.org", Origin="https://app.example.org") == 200
    assert status(made, Host="app.example.org", Origin="https://evil.example") == 403
    assert status(made, Host="evil.example", Origin="https://evil.example") == 421
    assert status(app(GATEWAY_HOSTS="*"), Host="evil.example") == 200


def test_a_deployment_without_names_answers_to_all() -> None:
    made = app(GATEWAY_HOST="0.0.0.0")
    assert status(made, Host="app.example.org", Origin="https://app.example.org") == 200
    assert status(made, Host="app.example.org", Origin="https://evil.example") == 403
    named = app(GATEWAY_HOST="0.0.0.0", GATEWAY_HOSTS="app.example.org")
    # Probes of Kubernetes use the pod's address.
    assert [status(named, Host=host) for host in ("10.0.0.7:8080", "evil.example")] == [200, 421]


def test_a_proxys_headers_count_if_it_is_trusted() -> None:
    named: dict[str, Any] = {"GATEWAY_HOST": "0.0.0.0", "GATEWAY_HOSTS": "app.example.org"}
    forwarded = {"Host": "gateway:8080", "X_Forwarded_Host": "app.example.org"}
    assert status(app(proxied=True, **named), **forwarded, Origin="https://app.example.org") == 200
    assert status(app(**named), **forwarded) == 421


def test_on_one_machine_a_proxys_header_does_not_replace_the_host() -> None:
    """A page whose name was pointed at this machine can send the headers of a proxy."""
    made = app(proxied=True, GATEWAY_HOSTS="app.example.org", GATEWAY_PROXIES="1")
    for name in ("127.0.0.1:8080", "app.example.org"):
        forged = {"Host": "evil.example:8080", "X_Forwarded_Host": name}
        assert status(made, **forged) == 421
        assert status(made, **forged, Sec_Fetch_Site="same-origin") == 421
        assert status(made, **forged, Origin=f"http://{name}") == 421
    # A proxy on the same machine calls the gateway by its address, or passes on the browser's host.
    headers = {"Origin": "https://app.example.org", "X_Forwarded_Host": "app.example.org"}
    for host in ("127.0.0.1:8080", "app.example.org"):
        assert status(made, Host=host, **headers) == 200
        assert status(made, Host=host, X_Forwarded_Host="evil.example") == 421


def test_pages_of_the_origins_that_are_set_may_call() -> None:
    made = app(GATEWAY_CORS_ORIGINS="https://app.example.org")
    assert (
        status(made, Host="localhost", Origin="https://app.example.org", Sec_Fetch_Site="cross-site") == 200
    )
    assert status(made, Host="localhost", Origin="https://b.example.org") == 403


def test_a_wrong_name_is_reported() -> None:
    with pytest.raises(SettingsError, match="GATEWAY_HOSTS"):
        GatewaySettings.from_env(ENV | {"GATEWAY_HOSTS": "https://app.example.org"})
