"""How to start the process of an action: the command, its environment, and the /init request."""

from __future__ import annotations

import fnmatch
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from core.openwhisk.action_server import ALGORITHM_VARIABLE, CONCURRENT_VARIABLE
from local.openwhisk.entities import SEQUENCE, Action
from local.openwhisk.settings import DOCKER, OpenWhiskSettings

#: Images of this project: `qwhisk/<name>` has the algorithm `<name>`, `qwhisk/base` has none.
_OURS = "qwhisk/"
_BARE = "base"


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a process for an action. Launches with the same `key` share processes."""

    #: The action, its revision, and the environment variables from its parameters.
    key: tuple[str, int, bytes]
    action: str = field(compare=False)
    argv: tuple[str, ...] = field(compare=False)
    #: `argv` starts qwhisk's own action server, which can also be forked.
    forkable: bool = field(compare=False)
    #: Its imports are slow, since it has an algorithm of qwhisk.
    costly: bool = field(compare=False)
    #: The image if actions run as containers; "" for a Python kind.
    image: str = field(compare=False)
    #: Activations that one process may have at a time.
    concurrency: int = field(compare=False)
    environment: Mapping[str, str] = field(compare=False)
    init: bytes = field(compare=False)
    #: MB
    memory: int = field(compare=False)
    #: bytes
    logs: int = field(compare=False)
    #: seconds
    timeout: float = field(compare=False)


def inherited_env(settings: OpenWhiskSettings, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of this server's environment that action processes inherit."""
    return {
        name: value
        for name, value in environment.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in settings.pass_env)
    }


def launch_of(
    action: Action, settings: OpenWhiskSettings, environment: Mapping[str, str], api_host: str
) -> Launch | None:
    """Return the launch of an action.

    Args:
        action: with its packages' parameters.
        settings: have the commands of images.
        environment: the variables that processes inherit; see `inherited_env`.
        api_host: the address of this server for actions, as `__OW_API_HOST`.

    Returns:
        The launch; None if there is no command for its image, or it is a sequence.
    """
    image = _image_name(action.exec.image)
    algorithm = image.removeprefix(_OURS) if image.startswith(_OURS) else ""
    command = settings.image_commands.get(action.exec.image) or settings.image_commands.get(image)
    forkable = command is None
    if command is None:
        known = settings.containers == DOCKER or action.exec.kind != "blackbox" or algorithm
        if action.exec.kind == SEQUENCE or not known:
            return None
        command = [sys.executable, "-m", "actions.runtime"]
    variables = {**environment, "__OW_API_HOST": api_host}
    variables["PYTHONPATH"] = os.pathsep.join(
        filter(None, (str(settings.actions_path), variables.get("PYTHONPATH")))
    )
    variables.pop(ALGORITHM_VARIABLE, None)
    if action.limits.concurrency > 1:
        # OpenWhisk sets it too.
        variables[CONCURRENT_VARIABLE] = "true"
    if algorithm and algorithm != _BARE:
        variables[ALGORITHM_VARIABLE] = algorithm
    init_env = {
        item.key: item.value if isinstance(item.value, str) else orjson.dumps(item.value).decode()
        for item in action.parameters
        if item.init
    }
    init = {
        "value": {
            "name": action.name,
            "main": action.exec.main or "main",
            "code": action.exec.code,
            "binary": action.exec.binary,
            "env": init_env | {"__OW_API_HOST": api_host},
        }
    }
    return Launch(
        key=(action.path, action.revision, orjson.dumps(init_env)),
        action=action.path,
        argv=tuple(command),
        forkable=forkable,
        costly=ALGORITHM_VARIABLE in variables,
        image=action.exec.image,
        concurrency=action.limits.concurrency,
        environment=variables,
        init=orjson.dumps(init),
        memory=action.limits.memory,
        logs=action.limits.logs * 1024 * 1024,
        timeout=action.limits.timeout / 1000,
    )


def _image_name(image: str) -> str:
    """Return an image's name without the host of Docker Hub, its tag and its digest."""
    path, slash, last = image.partition("@")[0].rpartition("/")
    return (path + slash + last.partition(":")[0]).removeprefix("docker.io/")
