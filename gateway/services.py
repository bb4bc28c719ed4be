"""The connections and helpers that the routes use, created once per process."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from flask import current_app, g, request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from core import large_results
from core.config_docs import Documents, from_env
from core.errors import InputError, NotFoundError
from core.kafka.admin import Topics
from core.kafka.group_protocol import check_group_protocol
from core.kafka.publisher import Publisher
from core.kafka.topics import SESSIONS, retention, shared
from core.large_results import LargeResults
from core.openwhisk.client import FunctionInvoker
from core.openwhisk.credentials import EnvironmentCredentials
from core.settings import Source
from gateway.audit import Audit
from gateway.auth import sources
from gateway.auth.sign_in import SignIn
from gateway.auth.tokens import ClientSession, NoSignInError, TokenError, Tokens
from gateway.edge.processor import Processor
from gateway.edge.waits import Waits
from gateway.edge.websocket_server import WebSocketServer
from gateway.idempotency import InFlight
from gateway.inbox import session_notices
from gateway.inbox.inbox import Inbox
from gateway.inbox.topic_readers import TopicReaders
from gateway.limits import Limit, network_of
from gateway.permissions import Permissions
from gateway.settings import DAY, GatewaySettings
from gateway.topic_cleaner import RENEWED, TopicCleaner
from gateway.unread import UnreadResponses
from gateway.webhooks import Webhooks
from gateway.webhooks.erased import is_erased
from gateway.webhooks.sender import WebhookSender

#: Seconds after a sign-in during which the session can be renewed without another sign-in.
SIGNED_IN = 7 * DAY

log = logging.getLogger(__name__)


@dataclass
class GatewayServices:
    """The gateway's connections."""

    settings: GatewaySettings
    tokens: Tokens
    documents: Documents
    invoke: FunctionInvoker
    publisher: Publisher
    reader: TopicReaders
    websocket_server: WebSocketServer
    waits: Waits
    topics: Topics
    job_limit: Limit
    session_limit: Limit
    in_flight: InFlight
    topic_cleaner: TopicCleaner
    unread: UnreadResponses
    processor: Processor
    sign_in: SignIn
    permissions: Permissions
    audit: Audit
    #: None if webhooks are off.
    webhooks: Webhooks | None = None
    #: None if no store is configured.
    large_results: LargeResults | None = None

    @classmethod
    def make(cls, settings: GatewaySettings, env: Source) -> GatewayServices:
        """Connect to the services that the settings name and create the shared topics."""
        # Before Kafka is needed, so that a wrong setting is named at once.
        store = large_results.from_env(env)
        audit = Audit(settings)
        topics = Topics(settings.kafka)
        topics.ensure(shared(settings.kafka.partitions), retention(settings.kafka.retention_seconds))
        topics.ensure({SESSIONS: 1}, session_notices.CONFIG)
        check_group_protocol(settings.kafka)
        websocket_server, waits = WebSocketServer(settings.websockets), Waits()

        def on_event(topic: str) -> None:
            websocket_server.on_event(topic)
            waits.on_event(topic)

        publisher, processor = Publisher(settings.kafka), Processor()
        since = session_notices.beginning(settings.kafka, publisher)
        reader = TopicReaders(settings.kafka, topics, on_event, since)
        webhooks = None
        if settings.webhooks != "off":
            webhooks = Webhooks(
                settings.kafka,
                publisher,
                WebhookSender(settings.webhooks),
                settings.secret,
                settings.previous_secret,
                partial(is_erased, reader),
                settings.prefix,
            )
        return cls(
            settings=settings,
            tokens=Tokens(settings.secret, settings.session_seconds, since, settings.previous_secret),
            documents=from_env(env),
            invoke=FunctionInvoker(EnvironmentCredentials(env)),
            publisher=publisher,
            reader=reader,
            websocket_server=websocket_server,
            waits=waits,
            topics=topics,
            job_limit=Limit("jobs", settings.jobs_per_minute),
            session_limit=Limit("sessions and refused requests", settings.sessions_per_minute),
            in_flight=InFlight(),
            topic_cleaner=TopicCleaner(
                settings.kafka, topics, publisher, _unused_seconds(settings), store.sweep if store else None
            ),
            unread=UnreadResponses(processor.waiting),
            processor=processor,
            sign_in=SignIn(settings.api_keys, settings.oidc_issuer, settings.oidc_audience),
            permissions=Permissions(settings.permissions, settings.secret, settings.previous_secret),
            audit=audit,
            webhooks=webhooks,
            large_results=store,
        )

    def session_for(self, credential: str) -> tuple[ClientSession, str, bool]:
        """Return a session, its token, and whether the session is new.

        Args:
            credential: the token to renew, or a credential for the sign-in; empty for neither.

        Raises:
            TokenError: the credential is not valid, or one is required.
            SignInError: the sign-in provider is not available.
        """
        if not self.sign_in.needed:
            if credential:
                return *self.renewed_session(self._session_to_renew(credential)), False
            return *self.new_session(address()), True
        try:
            known = self.tokens.read(credential)
        except TokenError:
            known = None
        if known is not None and time.time() - known.since < SIGNED_IN:
            return *self.renewed_session(known), False
        with self.processor.waiting():
            who = self.sign_in.who(credential)
        if who is None:
            raise TokenError(
                "Sign in: send your API key or your provider's token as `Authorization: Bearer <it>`.",
                "sign_in",
                openid=self._openid(),
            )
        source = sources.digest_of(self.settings.secret, "tenant", who.name)
        session, token = self.tokens.new(source, who.name, self.permissions.marks(who))
        log.info("signed in", extra={"who": who.name, "client_id": session.client_id})
        return session, token, True

    def _session_to_renew(self, credential: str) -> ClientSession:
        """Return the session of a credential, where there is no sign-in."""
        try:
            return self.tokens.read(credential)
        except TokenError as error:
            raise NoSignInError(
                "This is not the token of a valid session. This gateway has no sign-in: send no key to open "
                "a session.",
                error.reason,
            ) from None

    def _openid(self) -> dict[str, str] | None:
        """Return how a client signs in at the OpenID Connect provider; None if that is not set."""
        settings = self.settings
        if not settings.oidc_issuer or not settings.oidc_client_id:
            return None
        return {
            "issuer": settings.oidc_issuer,
            "client_id": settings.oidc_client_id,
            "audience": settings.oidc_audience,
        }

    def new_session(self, source: str) -> tuple[ClientSession, str]:
        """Return a new session without a sign-in, and its token. Its first job creates its topic.

        Args:
            source: the address that the request came from.
        """
        return self.tokens.new(sources.digest_of(self.settings.secret, "address", source))

    def renewed_session(self, session: ClientSession) -> tuple[ClientSession, str]:
        """Return the session with a new token.

        A message in the session's topic records the renewal, so that the topic does not count as unused.

        Raises:
            TokenError: the topic was lost.
        """
        if self.inbox(session).followed:
            with self.processor.waiting():
                self.publisher.publish(session.topic, "session", RENEWED)
        return self.tokens.renew(session, self.permissions.renewed_marks(session))

    def inbox(self, session: ClientSession) -> Inbox:
        """Return the events of this client only."""
        with self.processor.waiting():
            return self.reader.inbox(session.topic)

    def inbox_for_job(self, session: ClientSession) -> Inbox:
        """Return the events of this client. Its topic is created if this is its first job.

        Raises:
            StreamError: the topic cannot be created or read now.
        """
        inbox = self.inbox(session)
        if inbox.followed:
            return inbox
        with self.processor.waiting():
            self.topics.ensure({session.topic: 1}, retention(self.settings.retention_seconds))
            # Shows the topic cleaner that the topic is used. The acknowledgement shows that it has a leader.
            self.publisher.publish(session.topic, "session", RENEWED)
            session_notices.announce(self.publisher, session.topic)
            self.reader.open(session.topic)
        return self.inbox(session)

    def close(self) -> None:
        """Close all connections."""
        if self.webhooks is not None:
            self.webhooks.stop()
        # Clients of WebSockets can connect to another replica.
        self.websocket_server.close()
        self.topic_cleaner.close()
        if self.webhooks is not None:
            self.webhooks.close()
        self.reader.close()
        self.publisher.close()
        self.audit.close()


def _unused_seconds(settings: GatewaySettings) -> float:
    """Return the seconds without use after which no token for a client's topic is valid."""
    return min(settings.session_seconds + DAY, settings.retention_seconds)


def services() -> GatewayServices:
    """Return the services of the running app."""
    gateway: GatewayServices = current_app.extensions["qwhisk"]
    return gateway


def session() -> ClientSession:
    """Return the session of the request's token.

    Raises:
        TokenError: the token is missing or not valid.
        LimitError: too many requests from this address had no valid token.
    """
    return session_of(bearer())


def session_of(token: str | None) -> ClientSession:
    """Return the session of a token. An invalid token counts in the limit of its address.

    Args:
        token: the token.

    Raises:
        TokenError: the token is not valid.
        LimitError: nor were too many others from this address.
    """
    gateway = services()
    try:
        client = g.client = gateway.tokens.read(token)
        return client
    except TokenError:
        gateway.session_limit.take(address())
        raise


@contextmanager
def count_request(client: ClientSession) -> Iterator[None]:
    """Count a request in the client's limit before any work is done for it.

    A request that is rejected as invalid also counts in the limit of its address. That limit stops new
    sessions and requests without a valid token, but not other clients at the same address.

    Args:
        client: the client.

    Raises:
        LimitError: the client has reached its limit.
    """
    gateway = services()
    gateway.job_limit.take(client.client_id)
    try:
        yield
    except (InputError, NotFoundError, RequestEntityTooLarge, ClientDisconnected):
        gateway.session_limit.charge(address())
        raise


def address() -> str:
    """Return the address that the request came from, as limits count it."""
    return network_of(request.remote_addr or "")


def bearer() -> str:
    """Return the request's bearer token; empty if there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
