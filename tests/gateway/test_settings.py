"""The gateway's settings: each variable that is wrong is named, and no secret is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SettingsError
from gateway.settings import MIN_SECRET, GatewaySettings

SECRET = "s3cret" * 6
ENV = {"GATEWAY_SECRET": SECRET, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092"}


def test_a_secret_and_a_broker_are_enough() -> None:
    settings = GatewaySettings.from_env(ENV)
    assert (settings.host, settings.port, settings.websockets) == ("127.0.0.1", 8080, 4_000)
    assert settings.kafka.bootstrap_servers == "127.0.0.1:9092"
    assert settings.page.parts[-2:] == ("web", "dist")
    # An action may take a minute; its caller must not give up earlier.
    assert settings.invoke_timeout > 60
    assert SECRET not in repr(settings)
    assert settings.secret == SECRET


def test_every_variable_is_read(tmp_path: Path) -> None:
    settings = GatewaySettings.from_env(
        ENV
        | {
            "GATEWAY_HOST": "0.0.0.0",
            "GATEWAY_PORT": "1234",
            "GATEWAY_THREADS": "8",
            "GATEWAY_WEBSOCKETS": "2",
            "GATEWAY_SESSION_SECONDS": "3600",
            "GATEWAY_INVOKE_TIMEOUT": "12.5",
            "GATEWAY_WEBHOOKS": "private",
            "GATEWAY_PAGE": str(tmp_path),
        }
    )
    assert (settings.host, settings.port, settings.threads, settings.websockets) == ("0.0.0.0", 1234, 8, 2)
    assert (settings.session_seconds, settings.invoke_timeout) == (3600, 12.5)
    assert (settings.webhooks, GatewaySettings.from_env(ENV).webhooks) == ("private", "public")
    assert settings.page == tmp_path.resolve()


def test_the_mcp_server_is_on_by_default_only_without_a_sign_in() -> None:
    key = {"GATEWAY_API_KEYS": "batch:" + "0" * 64}
    issuer = {"OIDC_ISSUER": "https://login.example.org/", "OIDC_AUDIENCE": "qwhisk"}
    for more, choice, on in [
        ({}, "", True),
        ({}, "off", False),
        (key, "", False),
        (issuer, "", False),
        (key, "on", True),
    ]:
        assert GatewaySettings.from_env(ENV | more | {"GATEWAY_MCP": choice}).mcp is on


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GATEWAY_MCP", "yes"),
        ("GATEWAY_SECRET", ""),
        ("GATEWAY_SECRET", "x" * (MIN_SECRET - 1)),
        ("GATEWAY_PORT", "0"),
        ("GATEWAY_PORT", "65536"),
        ("GATEWAY_PORT", "http"),
        ("GATEWAY_THREADS", "3"),
        ("GATEWAY_WEBSOCKETS", "0"),
        ("GATEWAY_SESSION_SECONDS", "59"),
        ("GATEWAY_INVOKE_TIMEOUT", "nan"),
        ("GATEWAY_INVOKE_TIMEOUT", "0"),
        ("KAFKA_BOOTSTRAP_SERVERS", ""),
        ("KAFKA_PARTITIONS", "many"),
        ("GATEWAY_WEBHOOKS", "allow"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable) as caught:
        GatewaySettings.from_env(ENV | {variable: value})
    assert caught.value.details == {"variable": variable}
    assert SECRET not in caught.value.message
    if variable == "GATEWAY_SECRET" and value:
        assert value not in caught.value.message
        assert "secrets.token_urlsafe" in caught.value.message
