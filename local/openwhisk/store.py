"""Where packages and actions are kept: in memory."""

from __future__ import annotations

from local.openwhisk.entities import Action, Package
from local.openwhisk.errors import BadRequest, Conflict, NotFound


class Store:
    """The entities of the one namespace."""

    def __init__(self) -> None:
        self._packages: dict[str, Package] = {}
        self._actions: dict[tuple[str, str], Action] = {}

    def packages(self) -> list[Package]:
        """All packages, last updated first."""
        return sorted(self._packages.values(), key=lambda item: (-item.updated, item.name))

    def package(self, name: str) -> Package:
        """
        Raises:
            NotFound: there is none of this name.
        """
        found = self._packages.get(name)
        if found is None:
            raise NotFound
        return found

    def find_package(self, name: str) -> Package | None:
        """The package, or None."""
        return self._packages.get(name)

    def put_package(self, package: Package) -> None:
        """Keep the package.

        Raises:
            BadRequest: it is a binding of something that is no package.
        """
        if package.binding:
            bound = self._packages.get(package.binding)
            if bound is None:
                raise BadRequest("Binding references a package that does not exist.")
            if bound.binding:
                raise BadRequest("Cannot bind to another package binding.")
        self._packages[package.name] = package

    def delete_package(self, name: str, force: bool) -> tuple[Package, list[Action]]:
        """Delete a package; with `force` its actions too. Return both.

        Raises:
            NotFound: there is none of this name.
            Conflict: it has actions.
        """
        package = self.package(name)
        inside = [] if package.binding else self.actions(name)
        if inside and not force:
            raise Conflict(
                f"Package not empty (contains {len(inside)} entities). Set force param or delete them."
            )
        for action in inside:
            del self._actions[name, action.name]
        del self._packages[name]
        return package, inside

    def actions(self, package: str | None = None) -> list[Action]:
        """The actions of a package ("" is the default package), or all, last updated first."""
        found = [item for item in self._actions.values() if package is None or item.package == package]
        return sorted(found, key=lambda item: (-item.updated, item.short))

    def action(self, package: str, name: str) -> Action:
        """
        Raises:
            NotFound: no such package, or no such action in it.
        """
        if package:
            self.package(package)
        found = self._actions.get((package, name))
        if found is None:
            raise NotFound
        return found

    def find_action(self, package: str, name: str) -> Action | None:
        """The action, or None."""
        return self._actions.get((package, name))

    def resolve(self, package: str, name: str) -> tuple[Action, list[Package]]:
        """The action that a path means, also through a binding, and its packages, outermost first.

        Raises:
            NotFound: no such package, or no such action in it.
        """
        if not package:
            return self.action("", name), []
        outer = self.package(package)
        if not outer.binding:
            return self.action(package, name), [outer]
        return self.action(outer.binding, name), [self.package(outer.binding), outer]

    def put_action(self, action: Action) -> None:
        """Keep the action.

        Raises:
            NotFound: its package does not exist.
            BadRequest: its package is a binding.
        """
        if action.package and self.package(action.package).binding:
            raise BadRequest("Operation not permitted on package binding.")
        self._actions[action.package, action.name] = action

    def delete_action(self, package: str, name: str) -> Action:
        """
        Raises:
            NotFound: no such package, or no such action in it.
            BadRequest: the package is a binding.
        """
        if package and self.package(package).binding:
            raise BadRequest("Operation not permitted on package binding.")
        action = self.action(package, name)
        del self._actions[package, name]
        return action
