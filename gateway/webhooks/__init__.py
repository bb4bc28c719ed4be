"""Final events POSTed to the address that a client gave with its job, signed as Standard Webhooks has it.

The address travels with the job's events. The poller puts a final event that has one on the topic `webhooks`,
of which each message is one replica's to deliver; what fails waits on another topic to be tried again.
"""

from gateway.webhooks.callback import HEADER, Policy, callback
from gateway.webhooks.loop import Webhooks
from gateway.webhooks.signature import secret_of

__all__ = ["HEADER", "Policy", "Webhooks", "callback", "secret_of"]
