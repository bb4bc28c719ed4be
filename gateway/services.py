"""What the routes work with, made once in a process."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network, ip_address

from flask import current_app, request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from core import large_results
from core import settings as environment
from core.config_docs import Documents, from_env
from core.errors import InputError, NotFoundError
from core.kafka.admin import Topics
from core.kafka.publisher import Publisher
from core.kafka.topics import shared
from core.large_results import LargeResults
from core.openwhisk.client import FunctionInvoker
from core.openwhisk.credentials import EnvironmentCredentials
from gateway.auth.sign_in import SignIn
from gateway.auth.tokens import ClientSession, TokenError, Tokens
from gateway.edge.websocket_server import WebSocketServer
from gateway.idempotency import InFlight
from gateway.inbox.inbox import Inbox
from gateway.inbox.topic_readers import TopicReaders
from gateway.limits import Limit
from gateway.settings import GatewaySettings
from gateway.topic_cleaner import RENEWED, TopicCleaner
from gateway.webhooks import Webhooks
from gateway.webhooks.sender import WebhookSender

#: Seconds that a client's topic, and what is in it, stay beyond the time for which its token is good.
DAY = 86_400
#: Seconds for which who has signed in may renew the session without signing in again.
SIGNED_IN = 7 * DAY

#: Characters of an address: that of IPv6 with a zone has fewer.
MAX_ADDRESS = 64
#: An IPv4 address, or one of IPv6 in brackets, with a port.
_PORT = re.compile(r"\A([0-9.]+|\[[^\]]*\]):[0-9]{1,5}\Z", re.ASCII)

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
    topics: Topics
    job_limit: Limit
    session_limit: Limit
    in_flight: InFlight
    topic_cleaner: TopicCleaner
    sign_in: SignIn
    #: None where they are off.
    webhooks: Webhooks | None = None
    #: None where none is configured.
    large_results: LargeResults | None = None

    @classmethod
    def make(cls, settings: GatewaySettings, env: environment.Source) -> GatewayServices:
        """Connect to everything that the settings name, and make the topics that are shared."""
        topics = Topics(settings.kafka)
        topics.ensure(shared(settings.kafka.partitions))
        websocket_server = WebSocketServer(settings.websockets)
        publisher = Publisher(settings.kafka)
        webhooks = None
        if settings.webhooks != "off":
            webhooks = Webhooks(settings.kafka, publisher, WebhookSender(settings.webhooks), settings.secret)
        return cls(
            settings=settings,
            tokens=Tokens(settings.secret, settings.session_seconds),
            documents=from_env(env),
            invoke=FunctionInvoker(EnvironmentCredentials(env)),
            publisher=publisher,
            reader=TopicReaders(settings.kafka, websocket_server.on_event),
            websocket_server=websocket_server,
            topics=topics,
            job_limit=Limit("jobs", settings.jobs_per_minute),
            session_limit=Limit("sessions and refused requests", settings.sessions_per_minute),
            in_flight=InFlight(),
            topic_cleaner=TopicCleaner(settings.kafka, topics, settings.session_seconds + DAY),
            sign_in=SignIn(settings.api_keys, settings.oidc_issuer, settings.oidc_audience),
            webhooks=webhooks,
            large_results=large_results.from_env(env),
        )

    def session_for(self, credential: str) -> tuple[ClientSession, str, bool]:
        """A session, its token, and whether it is a new one.

        Args:
            credential: a token to be renewed, or what the sign-in takes; empty for neither.

        Raises:
            TokenError: the credential is not good, or one is needed.
            SignInError: that cannot be told now.
        """
        if not self.sign_in.needed:
            if credential:
                return *self.renewed_session(self.tokens.read(credential)), False
            return *self.new_session(), True
        try:
            known = self.tokens.read(credential)
        except TokenError:
            known = None
        if known is not None and time.time() - known.since < SIGNED_IN:
            return *self.renewed_session(known), False
        who = self.sign_in.who(credential)
        if who is None:
            raise TokenError(
                "Sign in: send your API key or your provider's token as `Authorization: Bearer <it>`.",
                "sign_in",
            )
        session, token = self.new_session()
        log.info("signed in", extra={"who": who, "client_id": session.client_id})
        return session, token, True

    def new_session(self) -> tuple[ClientSession, str]:
        """A session with its own topic at the broker, and its token."""
        session, token = self.tokens.new()
        retention = (self.settings.session_seconds + DAY) * 1000
        self.topics.ensure({session.topic: 1}, {"retention.ms": str(retention)})
        return session, token

    def renewed_session(self, session: ClientSession) -> tuple[ClientSession, str]:
        """The same with a new token; its topic is told, so that it is not taken for one that nobody uses."""
        self.inbox(session)  # says so if the topic is gone
        self.publisher.publish(session.topic, "session", RENEWED)
        return self.tokens.renew(session)

    def inbox(self, session: ClientSession) -> Inbox:
        """The events of this client and of no other."""
        return self.reader.inbox(session.topic)

    def close(self) -> None:
        """Let go of the broker."""
        self.topic_cleaner.close()
        if self.webhooks is not None:
            self.webhooks.close()
        self.websocket_server.close()
        self.reader.close()
        self.publisher.close()


def services() -> GatewayServices:
    """The services of the running app."""
    found: GatewayServices = current_app.extensions["qwhisk"]
    return found


def session() -> ClientSession:
    """Who asks; TokenError unless the request carries a good token, LimitError if too many did not."""
    return session_of(bearer())


def session_of(token: str | None) -> ClientSession:
    """Whose token it is. A wrong one counts in the limit of its address.

    Raises:
        TokenError: the token is not good.
        LimitError: it is not, and too many others from this address were not either.
    """
    found = services()
    try:
        return found.tokens.read(token)
    except TokenError:
        found.session_limit.take(address())
        raise


@contextmanager
def counted(client: ClientSession) -> Iterator[None]:
    """A request of this client that costs the gateway work, whether or not it is refused.

    It counts in the client's limit before any of that work is done. One that is refused counts in the limit
    of its address too, which stops requests without a good token and new sessions, but not other clients at
    the same address.

    Raises:
        LimitError: it is one too many.
    """
    found = services()
    found.job_limit.take(client.client_id)
    try:
        yield
    except (InputError, NotFoundError, RequestEntityTooLarge, ClientDisconnected):
        found.session_limit.charge(address())
        raise


def address() -> str:
    """The address that the request came from, as limits count it: of IPv6 the network.

    One customer of a provider has a whole /64, and so 2^64 addresses.
    """
    raw = (request.remote_addr or "")[:MAX_ADDRESS]
    try:
        # Some proxies add the port.
        found = ip_address(_PORT.sub(r"\1", raw).strip("[]").partition("%")[0])
    except ValueError:
        return raw
    if isinstance(found, IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Network((found, 64), strict=False))


def bearer() -> str:
    """What the request carries as its bearer token; empty if that is nothing."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
