"""Final events POSTed to the address that a client gave with its job, signed as Standard Webhooks requires.

The address is part of the job's events. The poller publishes a final event that has one to the topic
`webhooks`, whose messages are distributed over the replicas. A failed delivery waits on another topic for its
next attempt.
"""

from gateway.webhooks.callback import FORMAT_HEADER, HEADER, MAX_ADDRESS, Policy, callback
from gateway.webhooks.loop import Webhooks
from gateway.webhooks.signature import secret_of

__all__ = ["FORMAT_HEADER", "HEADER", "MAX_ADDRESS", "Policy", "Webhooks", "callback", "secret_of"]
