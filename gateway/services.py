"""What the routes work with, made once in a process."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, request

from core import settings as environment
from core.documents import Documents, from_env
from core.invoke import EnvironmentCredentials, Invoker
from core.streams import Publisher, Topics
from core.topics import shared
from gateway.idempotency import Once
from gateway.inbox import Inbox
from gateway.janitor import RENEWED, Janitor
from gateway.limits import Limit
from gateway.pusher import Pusher
from gateway.reader import Reader
from gateway.settings import GatewaySettings
from gateway.tokens import Session, Tokens

#: Seconds that a client's topic, and what is in it, stay beyond the time for which its token is good.
DAY = 86_400


@dataclass
class Services:
    """The gateway's connections."""

    settings: GatewaySettings
    tokens: Tokens
    documents: Documents
    invoke: Invoker
    publisher: Publisher
    reader: Reader
    pusher: Pusher
    topics: Topics
    job_limit: Limit
    session_limit: Limit
    once: Once
    janitor: Janitor

    @classmethod
    def make(cls, settings: GatewaySettings, env: environment.Source) -> Services:
        """Connect to everything that the settings name, and make the topics that are shared."""
        topics = Topics(settings.kafka)
        topics.ensure(shared(settings.kafka.partitions))
        pusher = Pusher(settings.websockets)
        return cls(
            settings=settings,
            tokens=Tokens(settings.secret, settings.session_seconds),
            documents=from_env(env),
            invoke=Invoker(EnvironmentCredentials(env)),
            publisher=Publisher(settings.kafka),
            reader=Reader(settings.kafka, pusher.filled),
            pusher=pusher,
            topics=topics,
            job_limit=Limit("jobs", settings.jobs_per_minute),
            session_limit=Limit("sessions", settings.sessions_per_minute),
            once=Once(),
            janitor=Janitor(settings.kafka, topics, settings.session_seconds + DAY),
        )

    def new_session(self) -> tuple[Session, str]:
        """A session with its own topic at the broker, and its token."""
        session, token = self.tokens.new()
        retention = (self.settings.session_seconds + DAY) * 1000
        self.topics.ensure({session.topic: 1}, {"retention.ms": str(retention)})
        return session, token

    def renewed_session(self, session: Session) -> tuple[Session, str]:
        """The same with a new token; its topic is told, so that it is not taken for one that nobody uses."""
        self.inbox(session)  # says so if the topic is gone
        self.publisher.publish(session.topic, "session", RENEWED)
        return self.tokens.renew(session)

    def inbox(self, session: Session) -> Inbox:
        """The events of this client and of no other."""
        return self.reader.inbox(session.topic)

    def close(self) -> None:
        """Let go of the broker."""
        self.janitor.close()
        self.pusher.close()
        self.reader.close()
        self.publisher.close()


def services() -> Services:
    """The services of the running app."""
    found: Services = current_app.extensions["qwhisk"]
    return found


def session() -> Session:
    """Who asks; TokenError unless the request carries a good token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return services().tokens.read(token.strip() if scheme.lower() == "bearer" else None)
