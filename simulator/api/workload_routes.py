"""The routes of workloads, of the tags of jobs, and of statistics about usage."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from ..errors import ApiError
from ..instances import belongs
from ..requests import read_number, read_time
from ..service import Service
from ..workloads import Workload, statistics, workloads
from .account_routes import PLAN
from .responses import json_response

#: Maximum number, and default number, of workloads in one list; maximum number of tags in one.
MAX_PAGE, PAGE = 200, 25
MAX_TAGS = 200
#: Seconds of one group of statistics by date.
DAY = 86_400
#: What statistics can be grouped by.
GROUPS: dict[str, Callable[[Workload], str]] = {
    "backend": lambda workload: workload.backend,
    "instance": lambda workload: workload.instance,
    "user_id": lambda workload: workload.user,
    "plan": lambda _: PLAN,
}


class WorkloadRoutes:
    """Handlers of requests about workloads.

    Args:
        service: Carries out the requests.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes below a prefix."""
        return [
            web.get(f"{prefix}/workloads", self._list),
            web.get(f"{prefix}/tags", self._tags),
            web.get(f"{prefix}/analytics/filters", self._filters),
            web.get(f"{prefix}/analytics/usage", self._usage),
            web.get(f"{prefix}/analytics/usage_grouped", self._usage_grouped),
            web.get(f"{prefix}/analytics/usage_grouped_by_date", self._usage_by_date),
        ]

    def _workloads(self, request: web.Request) -> list[Workload]:
        """Return the workloads of the request's instance."""
        instance = request["instance"]
        for device in self._service.backends.values():
            self._service.queue_state(device)
        jobs = self._service.store.find(lambda job: belongs(job.instance, instance), newest_first=False)
        return workloads(jobs, self._service.sessions.of_instance(instance), self._service.clock())

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query
        limit = min(read_number(query.get("limit"), "limit", PAGE, 1), MAX_PAGE)
        sort = query.get("sort", "-createdAt")
        if sort not in ("createdAt", "-createdAt"):
            raise ApiError(400, 1217, "sort must be createdAt or -createdAt.")
        if "next" in query and "previous" in query:
            raise ApiError(400, 1217, "A list begins after next or ends before previous, not both.")
        selects = workload_filter(query)
        found = [item for item in self._workloads(request) if selects(item)]
        found.sort(key=lambda item: (item.created, item.id), reverse=sort == "-createdAt")
        start = self._start(found, query, limit)
        page = found[start : start + limit]
        document: dict[str, Any] = {
            "workloads": [item.document() for item in page],
            "total_count": len(found),
            "limit": limit,
        }
        if page and start > 0:
            document["previous"] = {"href": _link(request, "previous", page[0].id)}
        if page and start + limit < len(found):
            document["next"] = {"href": _link(request, "next", page[-1].id)}
        return json_response(document)

    @staticmethod
    def _start(found: list[Workload], query: Any, limit: int) -> int:
        """Return the index of the first workload of the requested page."""
        name = "next" if "next" in query else "previous"
        cursor = query.get(name)
        if cursor is None:
            return 0
        place = next((index for index, item in enumerate(found) if item.id == cursor), None)
        if place is None:
            raise ApiError(400, 1217, f"{name} is not the id of a workload of this list.")
        return place + 1 if name == "next" else max(place - limit, 0)

    async def _tags(self, request: web.Request) -> web.Response:
        kind, search = request.query.get("type", "job"), request.query.get("search", "").lower()
        if kind not in ("job", "program"):
            raise ApiError(400, 1217, "type must be job or program.")
        instance = request["instance"]
        jobs = self._service.store.find(lambda job: belongs(job.instance, instance))
        found = {tag for job in jobs for tag in job.tags if search in tag.lower()} if kind == "job" else set()
        return json_response({"tags": sorted(found)[:MAX_TAGS]})

    async def _filters(self, request: web.Request) -> web.Response:
        instance = request["instance"]
        users = {item.user for item in self._workloads(request) if item.user}
        return json_response(
            {
                "backends": [{"name": name} for name in self._service.backends],
                "instances": [{"id": instance, "deleted": False}],
                "users": [{"id": user} for user in sorted(users)],
                "plans": [{"name": PLAN}],
            }
        )

    def _selected(self, request: web.Request) -> list[Workload]:
        """Return the workloads that the query of statistics selects."""
        query = request.query
        start = read_time(query.get("interval_start"), "interval_start")
        end = read_time(query.get("interval_end"), "interval_end")
        backends, users = set(query.getall("backend", [])), set(query.getall("user_id", []))
        instances, plans = set(query.getall("instance", [])), set(query.getall("plan", []))
        with_simulators = query.get("simulators", "true").lower() != "false"

        def selects(item: Workload) -> bool:
            backend = self._service.backends.get(item.backend)
            return (
                (start is None or item.created >= start)
                and (end is None or item.created < end)
                and (not backends or item.backend in backends)
                and (not users or item.user in users)
                and (not instances or item.instance in instances)
                and (not plans or PLAN in plans)
                and (with_simulators or backend is None or not backend.simulator)
            )

        return [item for item in self._workloads(request) if selects(item)]

    async def _usage(self, request: web.Request) -> web.Response:
        return json_response(statistics(self._selected(request)))

    async def _usage_grouped(self, request: web.Request) -> web.Response:
        group = _group(request)
        groups: defaultdict[str, list[Workload]] = defaultdict(list)
        for item in self._selected(request):
            groups[group(item)].append(item)
        return json_response({"data": [{"key": key, **statistics(groups[key])} for key in sorted(groups)]})

    async def _usage_by_date(self, request: web.Request) -> web.Response:
        group = _group(request)
        groups: defaultdict[tuple[int, str], list[Workload]] = defaultdict(list)
        for item in self._selected(request):
            groups[math.floor(item.created / DAY), group(item)].append(item)
        data = [
            {
                "key": key,
                "interval_start": _midnight(day),
                "interval_end": _midnight(day + 1),
                **statistics(groups[day, key]),
            }
            for day, key in sorted(groups)
        ]
        return json_response({"data": data})


def workload_filter(query: Any) -> Callable[[Workload], bool]:
    """Return the filter of a list's query.

    Raises:
        ApiError: If a time is malformed.
    """
    user, backend, search = query.get("user"), query.get("backend"), query.get("search", "").lower()
    statuses, modes = set(query.getall("status", [])), set(query.getall("mode", []))
    tags = set(query.getall("tags", []))
    after = read_time(query.get("created_after"), "created_after") or -math.inf
    before = read_time(query.get("created_before"), "created_before") or math.inf

    def selects(item: Workload) -> bool:
        return (
            (user is None or item.user == user)
            and (backend is None or item.backend == backend)
            and (not statuses or item.status in statuses)
            and (not modes or item.mode in modes)
            and tags.issubset(item.tags)
            and after <= item.created <= before
            and (not search or search in item.id or any(search in tag.lower() for tag in item.tags))
        )

    return selects


def _group(request: web.Request) -> Callable[[Workload], str]:
    group = GROUPS.get(request.query.get("group_by", ""))
    if group is None:
        raise ApiError(400, 1217, f"group_by must be one of {', '.join(GROUPS)}.")
    return group


def _link(request: web.Request, name: str, cursor: str) -> str:
    query = [(key, value) for key, value in request.query.items() if key not in ("next", "previous")]
    return f"{request.path}?{urlencode([*query, (name, cursor)])}"


def _midnight(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).isoformat().replace("+00:00", "Z")
