"""What the gateway is told by its environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast, get_args

from core import settings
from core.errors import SettingsError
from core.origin import Allowed
from core.settings import KafkaSettings
from gateway.webhooks.callback import Policy

#: Characters of a secret below which it can be guessed.
MIN_SECRET = 32


@dataclass(frozen=True)
class GatewaySettings:
    """Where to listen, whom to trust, how long to wait."""

    host: str
    port: int
    #: The names it answers to, and the origins of `cors_origins`.
    allowed: Allowed
    #: Requests served at once, those that wait for a result included.
    threads: int
    #: WebSockets open at once.
    websockets: int
    #: Signs the clients' tokens; the same in every replica.
    secret: str = field(repr=False)
    session_seconds: int
    #: Seconds that the invocation of an action may take.
    invoke_timeout: float
    #: Jobs that one client may submit a minute, and have under way at once.
    jobs_per_minute: int
    jobs_in_flight: int
    #: Sessions that one address may make a minute.
    sessions_per_minute: int
    #: Origins whose pages may call the API; empty: only our own page may.
    cors_origins: tuple[str, ...]
    #: Proxies before the gateway whose X-Forwarded-For is believed.
    proxies: int
    #: SHA-256 of each API key, by its holder's name; with one, or with an issuer, sessions need a sign-in.
    api_keys: Mapping[str, str] = field(repr=False)
    #: The OpenID Connect provider whose users may have sessions, and for whom its tokens are made.
    oidc_issuer: str
    oidc_audience: str
    #: Which addresses clients may have their results sent to.
    webhooks: Policy
    page: Path
    kafka: KafkaSettings

    @classmethod
    def from_env(cls, env: settings.Source) -> GatewaySettings:
        secret = settings.text(env, "GATEWAY_SECRET")
        if len(secret) < MIN_SECRET:
            raise SettingsError(
                f"GATEWAY_SECRET must have at least {MIN_SECRET} characters; for example the output of "
                "`python3 -c 'import secrets; print(secrets.token_urlsafe(32))'`.",
                variable="GATEWAY_SECRET",
            )
        page = settings.text(env, "GATEWAY_PAGE", str(Path(__file__).parent.parent / "web" / "dist"))
        # As it is written: a slash at its end is part of an issuer's name.
        issuer = settings.text(env, "OIDC_ISSUER", " ").strip()
        if issuer:
            settings.url(env, "OIDC_ISSUER")
        host, origins = settings.text(env, "GATEWAY_HOST", "127.0.0.1"), _origins(env)
        return cls(
            host=host,
            port=settings.integer(env, "GATEWAY_PORT", 8080, 1, 65_535),
            threads=settings.integer(env, "GATEWAY_THREADS", 512, 4, 4_096),
            websockets=settings.integer(env, "GATEWAY_WEBSOCKETS", 4_000, 1, 50_000),
            secret=secret,
            session_seconds=settings.integer(env, "GATEWAY_SESSION_SECONDS", 86_400, 60, 30 * 86_400),
            invoke_timeout=settings.number(env, "GATEWAY_INVOKE_TIMEOUT", 75.0, 1, 600),
            jobs_per_minute=settings.integer(env, "GATEWAY_JOBS_PER_MINUTE", 6_000, 1, 10_000_000),
            jobs_in_flight=settings.integer(env, "GATEWAY_JOBS_IN_FLIGHT", 1_000, 1, 5_000),
            sessions_per_minute=settings.integer(env, "GATEWAY_SESSIONS_PER_MINUTE", 600, 1, 10_000_000),
            cors_origins=origins,
            allowed=Allowed.read(env, host, "GATEWAY_HOSTS", "GATEWAY_CORS_ORIGINS"),
            proxies=settings.integer(env, "GATEWAY_PROXIES", 0, 0, 10),
            api_keys=_api_keys(env),
            oidc_issuer=issuer,
            oidc_audience=settings.text(env, "OIDC_AUDIENCE") if issuer else "",
            webhooks=_webhooks(env),
            page=Path(page).resolve(),
            kafka=KafkaSettings.from_env(env),
        )


def _origins(env: settings.Source) -> tuple[str, ...]:
    """The origins in `GATEWAY_CORS_ORIGINS`, separated by commas."""
    found = [origin.strip() for origin in str(env.get("GATEWAY_CORS_ORIGINS") or "").split(",")]
    for origin in filter(None, found):
        if not re.fullmatch(r"https?://[^/\s*]+", origin):
            raise SettingsError(
                "GATEWAY_CORS_ORIGINS must be origins such as https://app.example.org, separated by commas, "
                f"not {origin[:100]!r}.",
                variable="GATEWAY_CORS_ORIGINS",
            )
    return tuple(filter(None, found))


def _webhooks(env: settings.Source) -> Policy:
    """Which addresses may be called back, from `GATEWAY_WEBHOOKS`."""
    raw = settings.text(env, "GATEWAY_WEBHOOKS", "public")
    for policy in get_args(Policy):
        if raw == policy:
            return cast(Policy, policy)
    raise SettingsError(
        f"GATEWAY_WEBHOOKS must be one of {', '.join(get_args(Policy))}, not {raw[:100]!r}.",
        variable="GATEWAY_WEBHOOKS",
    )


def _api_keys(env: settings.Source) -> dict[str, str]:
    """The SHA-256 of each key by its holder's name, from `name:sha256,name:sha256`."""
    found: dict[str, str] = {}
    for entry in filter(None, map(str.strip, str(env.get("GATEWAY_API_KEYS") or "").split(","))):
        name, _, digest = entry.partition(":")
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name) or not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
            # Not quoted: it may be the key itself.
            raise SettingsError(
                f"GATEWAY_API_KEYS must be name:sha256 pairs, separated by commas; pair {len(found) + 1} is "
                "not one. `printf %s KEY | sha256sum` gives a key's SHA-256.",
                variable="GATEWAY_API_KEYS",
            )
        if name in found:
            raise SettingsError(f"GATEWAY_API_KEYS names {name} twice.", variable="GATEWAY_API_KEYS")
        found[name] = digest.lower()
    return found
