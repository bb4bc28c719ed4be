"""What the gateway is told by its environment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from core import settings
from core.errors import SettingsError
from core.settings import KafkaSettings

#: Characters of a secret below which it can be guessed.
MIN_SECRET = 32


@dataclass(frozen=True)
class GatewaySettings:
    """Where to listen, whom to trust, how long to wait."""

    host: str
    port: int
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
        return cls(
            host=settings.text(env, "GATEWAY_HOST", "127.0.0.1"),
            port=settings.integer(env, "GATEWAY_PORT", 8080, 1, 65_535),
            threads=settings.integer(env, "GATEWAY_THREADS", 512, 4, 4_096),
            websockets=settings.integer(env, "GATEWAY_WEBSOCKETS", 4_000, 1, 50_000),
            secret=secret,
            session_seconds=settings.integer(env, "GATEWAY_SESSION_SECONDS", 86_400, 60, 30 * 86_400),
            invoke_timeout=settings.number(env, "GATEWAY_INVOKE_TIMEOUT", 75.0, 1, 600),
            jobs_per_minute=settings.integer(env, "GATEWAY_JOBS_PER_MINUTE", 6_000, 1, 10_000_000),
            jobs_in_flight=settings.integer(env, "GATEWAY_JOBS_IN_FLIGHT", 1_000, 1, 5_000),
            sessions_per_minute=settings.integer(env, "GATEWAY_SESSIONS_PER_MINUTE", 600, 1, 10_000_000),
            cors_origins=_origins(env),
            proxies=settings.integer(env, "GATEWAY_PROXIES", 0, 0, 10),
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
