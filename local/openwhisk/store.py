"""The entities: in memory, and in one file each if there is a folder for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from local.openwhisk.entities import SEQUENCE, Action, Entity, Link, Package, Rule, Trigger
from local.openwhisk.entities.action import MAX_COMPONENTS
from local.openwhisk.entity_files import EntityFiles
from local.openwhisk.errors import BadRequest, Conflict, NotFound

E = TypeVar("E", bound=Entity)

_OTHER = "Resource by this name exists but is not in this collection."


class Store:
    """The entities of the namespace, by kind and name.

    Args:
        folder: folder in which they are kept after this process ends; None keeps them in memory only.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._entity_files = EntityFiles(folder) if folder else None
        self._entities: dict[str, Entity] = {}
        for entity in self._entity_files.load() if self._entity_files else ():
            self._entities[entity.short] = entity

    @property
    def last_revision(self) -> int:
        """Return the highest revision of an action."""
        return max((item.revision for item in self.all(Action)), default=0)

    def all(self, kind: type[E]) -> list[E]:
        """Return all entities of a kind, last updated first."""
        items = [item for item in self._entities.values() if isinstance(item, kind)]
        return sorted(items, key=lambda item: (-item.updated, item.short))

    def find(self, kind: type[E], short: str) -> E | None:
        """Return an entity, or None if it does not exist. As in OpenWhisk, all kinds share the names.

        Raises:
            Conflict: the name belongs to an entity of another kind.
        """
        entity = self._entities.get(short)
        if entity is not None and not isinstance(entity, kind):
            raise Conflict(_OTHER)
        return entity

    def get(self, kind: type[E], short: str) -> E:
        """Return an entity.

        Raises:
            NotFound: it does not exist.
            Conflict: the name belongs to an entity of another kind.
        """
        entity = self.find(kind, short)
        if entity is None:
            raise NotFound
        return entity

    def put_package(self, package: Package) -> None:
        """Add or replace a package.

        Raises:
            BadRequest: it is a binding, and its package does not exist or is a binding too.
            Conflict: it is a binding of another entity than a package.
        """
        if package.binding:
            bound = self._entities.get(package.binding)
            if bound is None:
                raise BadRequest("Binding references a package that does not exist.")
            if not isinstance(bound, Package):
                raise Conflict("Cannot bind to a resource that is not a package.")
            if bound.binding:
                raise BadRequest("Cannot bind to another package binding.")
        self._put(package)

    def delete_package(self, name: str, force: bool) -> tuple[Package, list[Action]]:
        """Delete a package.

        Args:
            name: its name.
            force: whether its actions are deleted too.

        Returns:
            The package and its actions.

        Raises:
            NotFound: it does not exist.
            Conflict: it has actions.
        """
        package = self.get(Package, name)
        inside = [] if package.binding else self.actions(name)
        if inside and not force:
            raise Conflict(
                f"Package not empty (contains {len(inside)} entities). Set force param or delete them."
            )
        for entity in (*inside, package):
            self._delete(entity)
        return package, inside

    def actions(self, package: str) -> list[Action]:
        """Return the actions of a package, last updated first."""
        return [item for item in self.all(Action) if item.package == package]

    def resolve(self, package: str, name: str) -> tuple[Action, list[Package]]:
        """Return the action of a path, which may lead through a binding, and its packages, outermost first.

        Raises:
            NotFound: the package or the action does not exist.
        """
        if not package:
            return self.get(Action, name), []
        outer = self.get(Package, package)
        if not outer.binding:
            return self.get(Action, f"{package}/{name}"), [outer]
        return self.get(Action, f"{outer.binding}/{name}"), [self.get(Package, outer.binding), outer]

    def put_action(self, action: Action) -> None:
        """Add or replace an action.

        Raises:
            NotFound: its package does not exist.
            BadRequest: its package is a binding, or it is an invalid sequence.
        """
        if action.package and self.get(Package, action.package).binding:
            raise BadRequest("Operation not permitted on package binding.")
        if action.exec.kind == SEQUENCE:
            self._count_actions(action, action.short, MAX_COMPONENTS)
        self._put(action)

    def _count_actions(self, sequence: Action, root: str, maximum: int) -> int:
        """Return how many actions a sequence runs, including those of sequences in it.

        Raises:
            BadRequest: one does not exist or is the sequence `root` itself, or there are more than
                `maximum`.
        """
        count = 0
        for component in sequence.exec.components:
            if component == root:
                raise BadRequest("Sequence may not refer to itself.")
            try:
                action, _ = self.resolve(*_split(component))
            except (NotFound, Conflict):
                raise BadRequest("Sequence component does not exist.") from None
            if action.short == root:
                raise BadRequest("Sequence may not refer to itself.")
            if count == maximum:
                raise BadRequest("Too many actions in the sequence.")
            count += self._count_actions(action, root, maximum - count) if action.exec.kind == SEQUENCE else 1
        return count

    def delete_action(self, package: str, name: str) -> Action:
        """Delete an action.

        Raises:
            NotFound: the package or the action does not exist.
            BadRequest: the package is a binding.
        """
        if package and self.get(Package, package).binding:
            raise BadRequest("Operation not permitted on package binding.")
        action = self.get(Action, f"{package}/{name}" if package else name)
        self._delete(action)
        return action

    def put_trigger(self, trigger: Trigger) -> None:
        """Add or replace a trigger."""
        self._put(trigger)

    def delete_trigger(self, name: str) -> Trigger:
        """Delete a trigger. Its rules stay, inactive.

        Raises:
            NotFound: it does not exist.
        """
        trigger = self.get(Trigger, name)
        self._delete(trigger)
        return trigger

    def put_rule(self, rule: Rule, old: Rule | None) -> Link:
        """Add or replace a rule, and update its trigger. A new rule is active; another one keeps its status.

        Raises:
            BadRequest: its trigger or its action does not exist.
        """
        before = self.link(old) if old else None
        active = before.active if before else old is None
        try:
            self.get(Trigger, rule.trigger)
        except (NotFound, Conflict):
            raise BadRequest(f"trigger /{rule.namespace}/{rule.trigger} does not exist") from None
        try:
            self.resolve(*_split(rule.action))
        except (NotFound, Conflict):
            raise BadRequest(f"action /{rule.namespace}/{rule.action} does not exist") from None
        if old is not None and old.trigger != rule.trigger:
            self._update_trigger(old, None)
        link = Link(rule.name, rule.action, active)
        self._update_trigger(rule, link)
        self._put(rule)
        return link

    def link(self, rule: Rule) -> Link | None:
        """Return the link in the rule's trigger, or None if the trigger does not exist."""
        trigger = self._entities.get(rule.trigger)
        return trigger.link(rule.name) if isinstance(trigger, Trigger) else None

    def set_rule(self, name: str, active: bool) -> None:
        """Make a rule active or inactive.

        Raises:
            NotFound: the rule or its trigger does not exist.
        """
        rule = self.get(Rule, name)
        if not isinstance(self._entities.get(rule.trigger), Trigger):
            raise NotFound("Only rules with existing triggers can be activated")
        self._update_trigger(rule, Link(rule.name, rule.action, active))

    def delete_rule(self, name: str) -> Rule:
        """Delete a rule.

        Raises:
            NotFound: it does not exist.
        """
        rule = self.get(Rule, name)
        self._update_trigger(rule, None)
        self._delete(rule)
        return rule

    def _update_trigger(self, rule: Rule, link: Link | None) -> None:
        """Set or remove a rule's link in its trigger."""
        trigger = self._entities.get(rule.trigger)
        if isinstance(trigger, Trigger):
            others = tuple(item for item in trigger.rules if item.rule != rule.name)
            self._put(replace(trigger, rules=(*others, link) if link else others))

    def _put(self, entity: Entity) -> None:
        self.find(type(entity), entity.short)
        if self._entity_files is not None:
            self._entity_files.put(entity)
        self._entities[entity.short] = entity

    def _delete(self, entity: Entity) -> None:
        if self._entity_files is not None:
            self._entity_files.delete(entity)
        del self._entities[entity.short]


def _split(short: str) -> tuple[str, str]:
    package, _, name = short.rpartition("/")
    return package, name
