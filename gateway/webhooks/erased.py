"""Whether the data of a job was erased while its final event waits for its delivery."""

from __future__ import annotations

from core.errors import StreamError
from core.protocol import ResultEvent
from gateway.auth.tokens import TokenError
from gateway.inbox.memory import BusyError
from gateway.inbox.topic_readers import TopicReaders


def is_erased(reader: TopicReaders, event: ResultEvent) -> bool:
    """Return whether the data of an event's job was erased.

    Args:
        reader: reads the clients' topics.
        event: an event.

    Raises:
        StreamError: that is not known now.
    """
    try:
        return reader.inbox(event.topic).is_erased(event.process_job_id)
    except TokenError:
        return False  # the topic was deleted with its session
    except BusyError as error:
        raise StreamError(error.message) from None
