"""Packages and bindings."""

from __future__ import annotations

from aiohttp import web

from core.openwhisk.action_server import MAX_PAYLOAD
from local.openwhisk.api.context import Context
from local.openwhisk.api.requests import check_overwrite, flag, json_response, name_of, object_of, page
from local.openwhisk.entities import Package, now, put_package


class Packages:
    """The handlers of `/packages`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store

    def routes(self, space: str) -> list[web.RouteDef]:
        """Return the routes below a namespace."""
        path = space + "/packages/{name}"
        return [
            web.get(f"{space}/packages", self.list),
            web.get(path, self.get),
            web.put(path, self.put),
            web.delete(path, self.delete),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """List the packages; with public=true only those that are shared. Another namespace has none."""
        packages = self._store.all(Package) if self._is_own(request) else []
        if flag(request, "public"):
            packages = [package for package in packages if package.publish]
        return json_response(page(request, [package.summary() for package in packages], "packages"))

    def _is_own(self, request: web.Request) -> bool:
        return request.match_info["namespace"] in ("_", self._context.settings.namespace)

    async def get(self, request: web.Request) -> web.Response:
        """Return a package and its actions."""
        package = self._store.get(Package, name_of(request))
        document = package.document()
        if package.binding:
            inherited = {item.key: item for item in self._store.get(Package, package.binding).parameters}
            inherited.update((item.key, item) for item in package.parameters)
            document["parameters"] = [item.document() for item in inherited.values()]
        document |= {"actions": [], "feeds": []}
        for action in self._store.actions(package.binding or package.name):
            document["feeds" if action.annotation("feed") else "actions"].append(
                {
                    "name": action.name,
                    "version": action.version,
                    "annotations": [item.document() for item in action.annotations],
                }
            )
        return json_response(document)

    async def put(self, request: web.Request) -> web.Response:
        """Create or update a package."""
        name = name_of(request)
        body = await object_of(request, MAX_PAYLOAD, required=True)
        old = self._store.find(Package, name)
        check_overwrite(request, old)
        package = put_package(body, self._context.settings.namespace, name, old, now())
        self._store.put_package(package)
        return json_response(package.document())

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a package; with force=true its actions too."""
        package, actions = self._store.delete_package(name_of(request), flag(request, "force"))
        for action in actions:
            self._context.plans.forget(action)
            self._context.pool.retire(action.path)
        return json_response(package.document())
