"""The gateway's settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast, get_args

from core.log import LOG_LEVEL
from core.metrics import REVISION, metrics_port
from core.origin import Allowed
from core.settings import REQUIRED, KafkaSettings, Kind, Setting, SettingsTable, Source
from core.settings.kafka import KAFKA_ROWS, RETENTION_SECONDS
from core.settings.kinds import EXACT_URL, TEXT, InvalidValueError, choice, integer, number
from core.settings.openwhisk import CREDENTIAL_ROWS
from core.settings.ports import GATEWAY_PORT
from core.settings.stores import DOCUMENT_ROWS, RESULT_ROWS
from core.tracing.export import TRACING_ROWS
from gateway.links import MAX_PREFIX, own_prefix
from gateway.permissions import UNLIMITED, PermissionDocument, document_of
from gateway.webhooks.callback import Policy

#: Characters of a secret below which it can be guessed.
MIN_SECRET = 32
#: Seconds. By at least an hour, clients' events outlive their tokens: clocks of replicas differ.
HOUR, DAY, MAX_RETENTION = 3_600, 86_400, 10 * 366 * 86_400


def _secret(text: str) -> str:
    if len(text) < MIN_SECRET:
        raise InvalidValueError(
            "Use, for example, the output of `python3 -c 'import secrets; print(secrets.token_urlsafe(32))'`."
        )
    return text


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(filter(None, (entry.strip() for entry in text.split(","))))
    for origin in origins:
        if not re.fullmatch(r"https?://[^/\s*]+", origin):
            raise InvalidValueError(f"{origin[:100]!r} is not an origin.")
    return origins


def _api_keys(text: str) -> Mapping[str, str]:
    """Return the SHA-256 of each key by its holder's name."""
    digests: dict[str, str] = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        name, _, digest = entry.partition(":")
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name) or not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
            # Not quoted: it may be the key itself.
            raise InvalidValueError(
                f"Pair {len(digests) + 1} is wrong. `printf %s KEY | sha256sum` gives a key's SHA-256."
            )
        if name in digests:
            raise InvalidValueError(f"The name {name} is there twice.")
        digests[name] = digest.lower()
    return digests


HOST = Setting("GATEWAY_HOST", TEXT, "127.0.0.1", "address to listen on")
HOSTS = Setting(
    "GATEWAY_HOSTS",
    TEXT,
    "",
    "names other than localhost and loopback addresses by which the gateway may be called, separated by "
    "commas; *: any",
    default_text="none on a loopback address, else any",
    common=True,
)
METRICS_PORT = metrics_port("GATEWAY")
CORS_ORIGINS = Setting(
    "GATEWAY_CORS_ORIGINS",
    Kind("origins such as https://app.example.org, separated by commas", _origins),
    (),
    "origins whose pages may call the API, separated by commas",
    common=True,
)
PROXIES = Setting(
    "GATEWAY_PROXIES",
    integer(0, 10),
    0,
    "proxies in front of the gateway whose X-Forwarded-* headers are trusted",
    common=True,
)
PREFIX = Setting(
    "GATEWAY_PREFIX",
    Kind(
        f"a path such as /quantum/qwhisk, of letters, digits and . _ ~ - and up to {MAX_PREFIX} characters",
        own_prefix,
    ),
    "",
    "path under which a proxy serves the gateway; requests may have it in their paths or not",
    default_text="none, or X-Forwarded-Prefix from GATEWAY_PROXIES",
    common=True,
)
THREADS = Setting(
    "GATEWAY_THREADS", integer(4, 4_096), 512, "functions that are invoked at the same time", common=True
)
WEBSOCKETS = Setting(
    "GATEWAY_WEBSOCKETS",
    integer(1, 50_000),
    4_000,
    "WebSockets that are open at the same time",
    common=True,
)
CONNECTIONS_PER_ADDRESS = Setting(
    "GATEWAY_CONNECTIONS_PER_ADDRESS",
    integer(1, 100_000),
    1_000,
    "connections, WebSockets included, that one address may have at the same time; without effect with "
    "GATEWAY_PROXIES",
    common=True,
)
_SECRET = Kind(
    f"at least {MIN_SECRET} characters long", _secret, schema={"type": "string", "minLength": MIN_SECRET}
)
SECRET = Setting(
    "GATEWAY_SECRET",
    _SECRET,
    REQUIRED,
    "signs the clients' tokens and derives the secrets of their webhooks; the same in every replica",
    secret=True,
    common=True,
)
PREVIOUS_SECRET = Setting(
    "GATEWAY_PREVIOUS_SECRET",
    _SECRET,
    "",
    "secret that is accepted besides GATEWAY_SECRET, so that it can be changed without ending sessions",
    secret=True,
)
SESSION_SECONDS = Setting(
    "GATEWAY_SESSION_SECONDS", integer(60, 30 * 86_400), 86_400, "seconds that a session's token is valid"
)
CLIENT_RETENTION: Setting[int | None] = Setting(
    "GATEWAY_RETENTION_SECONDS",
    integer(60 + HOUR, MAX_RETENTION),
    None,
    "seconds for which a client's events, with inputs and results, are kept; at least an hour more than "
    "GATEWAY_SESSION_SECONDS",
    default_text="a day more than GATEWAY_SESSION_SECONDS",
    common=True,
)
PERMISSIONS = Setting(
    "GATEWAY_PERMISSIONS",
    Kind("the permissions as JSON, or a file with them (docs/data.md)", document_of),
    UNLIMITED,
    "which functions and backend types each tenant may use: JSON, or a file with it (docs/data.md)",
    default_text="everybody may use everything",
    common=True,
)
AUDIT_FILE = Setting(
    "GATEWAY_AUDIT_FILE",
    TEXT,
    "",
    "file for the audit's lines, one for each gateway process",
    default_text="the log",
    common=True,
)
AUDIT_BYTES = Setting(
    "GATEWAY_AUDIT_BYTES",
    integer(10_000, 10_000_000_000),
    10_000_000,
    "bytes after which the audit's file is renamed and a new one begins",
)
AUDIT_FILES = Setting(
    "GATEWAY_AUDIT_FILES", integer(1, 1_000), 10, "renamed files of the audit that are kept"
)
INVOKE_TIMEOUT = Setting(
    "GATEWAY_INVOKE_TIMEOUT", number(1, 600), 75.0, "seconds that the invocation of an action may take"
)
JOBS_PER_MINUTE = Setting(
    "GATEWAY_JOBS_PER_MINUTE",
    integer(1, 10_000_000),
    6_000,
    "submissions and erasures that one client may request in a minute",
    common=True,
)
JOBS_IN_FLIGHT = Setting(
    "GATEWAY_JOBS_IN_FLIGHT",
    integer(1, 5_000),
    1_000,
    "unfinished jobs that one client may have",
    common=True,
)
SESSIONS_PER_MINUTE = Setting(
    "GATEWAY_SESSIONS_PER_MINUTE",
    integer(1, 10_000_000),
    600,
    "sessions and refused requests that one address may make in a minute",
    common=True,
)
API_KEYS = Setting(
    "GATEWAY_API_KEYS",
    Kind("name:sha256 pairs, separated by commas", _api_keys),
    {},
    "API keys that open a session, as name:sha256 pairs separated by commas; never the keys themselves "
    "(`printf %s KEY | sha256sum`)",
    secret=True,
    default_text="no sign-in",
    common=True,
)
OIDC_ISSUER = Setting(
    "OIDC_ISSUER", EXACT_URL, "", "OpenID Connect provider whose tokens open a session", common=True
)
OIDC_AUDIENCE = Setting(
    "OIDC_AUDIENCE", TEXT, "", "audience of the provider's tokens, required with OIDC_ISSUER", common=True
)
OIDC_CLIENT_ID = Setting(
    "OIDC_CLIENT_ID",
    TEXT,
    "",
    "client of the provider for `qwhisk login`: a public one with the device flow (RFC 8628)",
    common=True,
)
WEBHOOKS = Setting(
    "GATEWAY_WEBHOOKS",
    choice(*get_args(Policy)),
    "public",
    "addresses that results may be sent to: public (https), private (http, private networks and this machine "
    "too), off",
    common=True,
)
MCP = Setting(
    "GATEWAY_MCP",
    choice("on", "off"),
    "",
    "whether tools for language models can call the functions at /mcp (Model Context Protocol)",
    default_text="on without a sign-in, else off",
    common=True,
)
PAGE = Setting(
    "GATEWAY_PAGE",
    TEXT,
    str(Path(__file__).parent.parent / "web" / "dist"),
    "folder with the page",
    default_text="web/dist",
)

TABLE = SettingsTable(
    "python -m gateway",
    "The HTTP and WebSocket API, and the page. It is configured by environment variables.",
    (
        HOST,
        GATEWAY_PORT,
        METRICS_PORT,
        HOSTS,
        CORS_ORIGINS,
        PROXIES,
        PREFIX,
        SECRET,
        PREVIOUS_SECRET,
        SESSION_SECONDS,
        CLIENT_RETENTION,
        API_KEYS,
        OIDC_ISSUER,
        OIDC_AUDIENCE,
        OIDC_CLIENT_ID,
        PERMISSIONS,
        AUDIT_FILE,
        AUDIT_BYTES,
        AUDIT_FILES,
        JOBS_PER_MINUTE,
        JOBS_IN_FLIGHT,
        SESSIONS_PER_MINUTE,
        THREADS,
        WEBSOCKETS,
        CONNECTIONS_PER_ADDRESS,
        INVOKE_TIMEOUT,
        WEBHOOKS,
        MCP,
        PAGE,
        LOG_LEVEL,
        *TRACING_ROWS,
        REVISION,
        *KAFKA_ROWS,
        RETENTION_SECONDS,
        *DOCUMENT_ROWS,
        *RESULT_ROWS,
        *CREDENTIAL_ROWS,
    ),
)


@dataclass(frozen=True)
class GatewaySettings:
    """All settings of the gateway. Each row of the table above describes one."""

    host: str
    port: int
    #: 0: `/metrics` is on `port`.
    metrics_port: int
    #: The names the gateway answers to, and `cors_origins`.
    allowed: Allowed
    threads: int
    websockets: int
    connections_per_address: int
    secret: str = field(repr=False)
    #: Empty: none.
    previous_secret: str = field(repr=False)
    session_seconds: int
    #: Seconds for which the events of a client are kept.
    retention_seconds: int
    #: Seconds.
    invoke_timeout: float
    jobs_per_minute: int
    jobs_in_flight: int
    sessions_per_minute: int
    #: Empty: only the gateway's own page may call the API.
    cors_origins: tuple[str, ...]
    proxies: int
    #: The path before all others in links, such as `/quantum/qwhisk`; empty for none.
    prefix: str
    #: SHA-256 of each API key by its holder's name. With an API key or an issuer, sessions need a sign-in.
    api_keys: Mapping[str, str] = field(repr=False)
    #: Empty: no OpenID Connect.
    oidc_issuer: str
    oidc_audience: str
    #: Empty: the gateway does not report how to sign in at the provider.
    oidc_client_id: str
    #: Which functions and backend types each tenant may use.
    permissions: PermissionDocument
    #: Empty: the audit's lines are in the log.
    audit_file: str
    audit_bytes: int
    audit_files: int
    webhooks: Policy
    #: Whether there is an MCP server.
    mcp: bool
    page: Path
    kafka: KafkaSettings

    @classmethod
    def from_env(cls, env: Source) -> GatewaySettings:
        """Read the settings.

        Raises:
            SettingsError: a setting is missing or wrong.
        """
        host, issuer = HOST.read(env), OIDC_ISSUER.read(env)
        api_keys, mcp = API_KEYS.read(env), MCP.read(env)
        return cls(
            host=host,
            port=GATEWAY_PORT.read(env),
            metrics_port=METRICS_PORT.read(env),
            threads=THREADS.read(env),
            websockets=WEBSOCKETS.read(env),
            connections_per_address=CONNECTIONS_PER_ADDRESS.read(env),
            secret=SECRET.read(env),
            previous_secret=PREVIOUS_SECRET.read(env),
            session_seconds=SESSION_SECONDS.read(env),
            retention_seconds=_retention_seconds(env),
            invoke_timeout=INVOKE_TIMEOUT.read(env),
            jobs_per_minute=JOBS_PER_MINUTE.read(env),
            jobs_in_flight=JOBS_IN_FLIGHT.read(env),
            sessions_per_minute=SESSIONS_PER_MINUTE.read(env),
            cors_origins=CORS_ORIGINS.read(env),
            allowed=Allowed.read(env, host, HOSTS.name, CORS_ORIGINS.name),
            proxies=PROXIES.read(env),
            prefix=PREFIX.read(env),
            api_keys=api_keys,
            oidc_issuer=issuer,
            oidc_audience=OIDC_AUDIENCE.require(env) if issuer else "",
            oidc_client_id=OIDC_CLIENT_ID.read(env),
            permissions=PERMISSIONS.read(env),
            audit_file=AUDIT_FILE.read(env),
            audit_bytes=AUDIT_BYTES.read(env),
            audit_files=AUDIT_FILES.read(env),
            webhooks=cast(Policy, WEBHOOKS.read(env)),
            mcp=mcp == "on" or (not mcp and not (api_keys or issuer)),
            page=Path(PAGE.read(env)).resolve(),
            kafka=KafkaSettings.from_env(env),
        )


def _retention_seconds(env: Source) -> int:
    """Return the seconds for which a client's events are kept.

    Raises:
        SettingsError: they would be deleted while the client's token is valid.
    """
    valid, kept = SESSION_SECONDS.read(env), CLIENT_RETENTION.read(env)
    if kept is None:
        return valid + DAY
    if kept < valid + HOUR:
        raise CLIENT_RETENTION.error(
            f"must be at least an hour (3600) more than {SESSION_SECONDS.name}, which is {valid}. "
            f"Lower {SESSION_SECONDS.name}, or raise it."
        )
    return kept
