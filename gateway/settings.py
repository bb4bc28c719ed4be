"""What the gateway is told by its environment."""

from __future__ import annotations

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
            page=Path(page).resolve(),
            kafka=KafkaSettings.from_env(env),
        )
