"""What an invocation needs from an action, computed once for each state of the action and its packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.openwhisk.entities import SEQUENCE, Action, Package, inherit
from local.openwhisk.launch import Launch, inherited_env, launch_of
from local.openwhisk.settings import OpenWhiskSettings
from local.openwhisk.store import Store


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """An action with its packages' parameters, and what invocations need."""

    action: Action
    #: None if there is no command for its image, or it is a sequence.
    launch: Launch | None
    #: The parameters of every /run request.
    bound: dict[str, Any]
    #: The parameters an invocation may not set.
    final: frozenset[str]
    #: Whether it is the conductor of a composition. The annotation has no effect on a sequence.
    conducts: bool
    #: What it was computed from.
    sources: tuple[Action | Package, ...]


class LaunchPlans:
    """The plans of the actions in a store."""

    def __init__(
        self, settings: OpenWhiskSettings, store: Store, environment: Mapping[str, str], api_host: str
    ) -> None:
        self._settings = settings
        self._store = store
        self._environment = inherited_env(settings, environment)
        self._api_host = api_host
        self._plans: dict[tuple[str, str], LaunchPlan] = {}

    def get(self, package: str, name: str) -> LaunchPlan:
        """Return the plan of an action.

        Args:
            package: its package; "" for the default package.
            name: its name.

        Raises:
            NotFound: the package or the action does not exist.
        """
        action, packages = self._store.resolve(package, name)
        sources: tuple[Action | Package, ...] = (action, *packages)
        plan = self._plans.get((package, name))
        if plan is None or any(a is not b for a, b in zip(plan.sources, sources, strict=False)):
            plan = self._plans[package, name] = self._make(sources, inherit(action, packages))
        return plan

    def of(self, short: str) -> LaunchPlan:
        """Return the plan of `action` or `package/action`; see `get`."""
        package, _, name = short.rpartition("/")
        return self.get(package, name)

    def forget(self, action: Action) -> None:
        """Remove the plan of an action that has been deleted."""
        for key in [key for key, plan in self._plans.items() if plan.action.path == action.path]:
            del self._plans[key]

    def _make(self, sources: tuple[Action | Package, ...], action: Action) -> LaunchPlan:
        final = action.annotation("final") is True
        bound = () if action.exec.kind == SEQUENCE else action.parameters
        return LaunchPlan(
            action=action,
            launch=launch_of(action, self._settings, self._environment, self._api_host),
            # A sequence passes on its parameters, without those of its package.
            bound={item.key: item.value for item in bound if not item.init},
            final=frozenset(item.key for item in action.parameters if final and item.value is not None),
            conducts=action.exec.kind != SEQUENCE and _is_truthy(action.annotation("conductor")),
            sources=sources,
        )


def _is_truthy(value: Any) -> bool:
    """Return whether OpenWhisk takes an annotation for true: not 0, null, false or an empty string."""
    return isinstance(value, dict | list) or bool(value)
