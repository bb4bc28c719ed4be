"""What an action server and the platform that starts it agree on.

The first part is OpenWhisk's action interface. The second is private to qwhisk: how the local OpenWhisk
starts processes of `actions.runtime`, and forks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

#: Bytes of an activation's parameters, and of its result.
MAX_PAYLOAD = 1024 * 1024

#: Bytes of an action's code.
MAX_CODE = 48 * 1024 * 1024

#: The line that ends each activation on standard output and standard error.
SENTINEL = b"XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"

#: Set to "true" where an action may have several activations at a time in one container.
CONCURRENT_VARIABLE = "__OW_ALLOW_CONCURRENT"

#: The variable that names the algorithm in an image: `actions.<name>`.
ALGORITHM_VARIABLE = "QWHISK_ACTION"

#: The variables with the address and the port to listen on.
HOST_VARIABLE = "QWHISK_ACTION_HOST"
PORT_VARIABLE = "PORT"

#: The variable with a file descriptor to which the server writes its port, on one line, once it accepts
#: requests.
READY_VARIABLE = "QWHISK_READY_FD"

#: The variable with the process id of the parent. The server ends when its parent does.
PARENT_VARIABLE = "QWHISK_PARENT_PID"

#: The variable with the key that every request must have, and its header. All users of a machine can connect
#: to the server's port, and a request has settings too, such as the service to which keys are sent.
KEY_VARIABLE = "QWHISK_ACTION_KEY"
KEY_HEADER = "X-Qwhisk-Action-Key"


class ServerFork(NamedTuple):
    """What a forked action server is given.

    Its descriptors are, in this order, standard output, standard error, and the one to which it writes its
    port.

    Attributes:
        environment: its environment, beyond what imports have set.
        folder: its working directory.
    """

    environment: Mapping[str, str]
    folder: str

    def arguments(self) -> dict[str, Any]:
        """Return the object that is sent to the fork server."""
        return {"environment": dict(self.environment), "folder": self.folder}

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> ServerFork:
        """Return what the object of a request says.

        Raises:
            KeyError: a field is missing.
        """
        return cls(arguments["environment"], arguments["folder"])
