"""What an invocation needs to know of an action, worked out once for each state of action and packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.openwhisk.entities import SEQUENCE, Action, Package, inherit
from local.openwhisk.launch import Launch, inherited_env, launch
from local.openwhisk.settings import Settings
from local.openwhisk.store import Store


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """An action with its packages' parameters, taken apart for use."""

    action: Action
    #: None: no command stands for the image, or it is a sequence.
    launch: Launch | None
    #: The parameters every /run gets.
    bound: dict[str, Any]
    #: The parameters an invocation may not set.
    final: frozenset[str]
    #: What it was made from.
    sources: tuple[Action | Package, ...]


class LaunchPlans:
    """The plans of the actions in a store."""

    def __init__(
        self, settings: Settings, store: Store, environment: Mapping[str, str], api_host: str
    ) -> None:
        self._settings = settings
        self._store = store
        self._environment = inherited_env(settings, environment)
        self._api_host = api_host
        self._plans: dict[tuple[str, str], LaunchPlan] = {}

    def get(self, package: str, name: str) -> LaunchPlan:
        """The plan of an action as it is now.

        Raises:
            NotFound: no such package, or no such action in it.
        """
        action, packages = self._store.resolve(package, name)
        sources: tuple[Action | Package, ...] = (action, *packages)
        plan = self._plans.get((package, name))
        if plan is None or any(a is not b for a, b in zip(plan.sources, sources, strict=False)):
            plan = self._plans[package, name] = self._make(sources, inherit(action, packages))
        return plan

    def of(self, short: str) -> LaunchPlan:
        """The plan of `action` or `package/action`; see `get`."""
        package, _, name = short.rpartition("/")
        return self.get(package, name)

    def forget(self, action: Action) -> None:
        """The action is gone."""
        for key in [key for key, plan in self._plans.items() if plan.action.path == action.path]:
            del self._plans[key]

    def _make(self, sources: tuple[Action | Package, ...], action: Action) -> LaunchPlan:
        final = action.annotation("final") is True
        bound = () if action.exec.kind == SEQUENCE else action.parameters
        return LaunchPlan(
            action=action,
            launch=launch(action, self._settings, self._environment, self._api_host),
            # A sequence hands on what it is given, and nothing of its package.
            bound={item.key: item.value for item in bound if not item.init},
            final=frozenset(item.key for item in action.parameters if final and item.value is not None),
            sources=sources,
        )
