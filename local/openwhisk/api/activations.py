"""The records of activations."""

from __future__ import annotations

from aiohttp import web

from local.openwhisk.activations import Activation
from local.openwhisk.api.context import Context
from local.openwhisk.api.requests import flag, json_response, optional_integer, range_of
from local.openwhisk.errors import BadRequest, NotFound


class ActivationRecords:
    """The handlers of `/activations`."""

    def __init__(self, context: Context) -> None:
        self._records = context.records

    def routes(self, space: str) -> list[web.RouteDef]:
        """Return the routes below a namespace."""
        path = space + "/activations/{id}"
        return [
            web.get(f"{space}/activations", self.list),
            web.get(path, self.get),
            web.get(f"{path}/result", self.get_result),
            web.get(f"{path}/logs", self.get_logs),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """List records, newest first."""
        name = request.query.get("name") or None
        if name is not None and name.count("/") > 1:
            raise BadRequest(f"Parameter may be a 'simple' name or 'package-name/simple' name: {name}")
        since, upto = (_time(request, key) for key in ("since", "upto"))
        skip, limit = range_of(request, "activations")
        docs = flag(request, "docs")
        if flag(request, "count"):
            if docs:
                raise BadRequest("The parameter 'docs' is not permitted with 'count'.")
            count = self._records.count(name=name, since=since, upto=upto)
            return json_response({"activations": max(0, count - skip)})
        records = self._records.list(name=name, since=since, upto=upto, skip=skip, limit=limit)
        return json_response([record.document() if docs else record.summary() for record in records])

    async def get(self, request: web.Request) -> web.Response:
        """Return a record."""
        return json_response(self._record(request).document())

    async def get_result(self, request: web.Request) -> web.Response:
        """Return the response in a record."""
        return json_response(self._record(request).response.document())

    async def get_logs(self, request: web.Request) -> web.Response:
        """Return the log in a record."""
        return json_response({"logs": self._record(request).logs})

    def _record(self, request: web.Request) -> Activation:
        activation_id = request.match_info["id"]
        if len(activation_id) != 32:
            raise BadRequest(f"Activation id length is {len(activation_id)} but must be 32.")
        record = self._records.get(activation_id)
        if record is None:
            raise NotFound
        return record


def _time(request: web.Request, name: str) -> int | None:
    """Return a query parameter that is a time in milliseconds since 1970, or None if it is missing."""
    try:
        return optional_integer(request, name)
    except BadRequest:
        value = request.query[name]
        raise BadRequest(
            f"The query parameter '{name}' was malformed: Parameter is not a valid value for epoch seconds: "
            f"{value}"
        ) from None
