"""The parts of the server that all handlers use."""

from __future__ import annotations

from dataclasses import dataclass

from local.openwhisk.activations import Activations
from local.openwhisk.auth import Auth
from local.openwhisk.invoke import ActionInvoker
from local.openwhisk.launch_plan import LaunchPlans
from local.openwhisk.pool import ContainerPool
from local.openwhisk.settings import OpenWhiskSettings
from local.openwhisk.store import Store


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of the server."""

    settings: OpenWhiskSettings
    auth: Auth
    store: Store
    plans: LaunchPlans
    pool: ContainerPool
    invoker: ActionInvoker
    records: Activations
