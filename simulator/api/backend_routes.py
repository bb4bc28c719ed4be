"""The routes of backends."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from ..backends import Backend
from ..requests import read_time
from ..service import Service
from .headers import BACKENDS_DESCRIBED, version_documents
from .responses import encoded_response, json_response

#: Whether a device with a fault is operational, and the reason that it states, by the fault.
FAULTY_DEVICE_STATES = {"down": (False, "maintenance"), "paused": (True, "internal")}


class BackendRoutes:
    """Handlers of requests about backends.

    Args:
        service: Carries out the requests.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._documents: dict[tuple[str, str], bytes] = {}

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes below a prefix."""
        return [
            web.get(f"{prefix}/backends", self._list_backends),
            web.get(f"{prefix}/backends/{{name}}/configuration", self._configuration),
            web.get(f"{prefix}/backends/{{name}}/properties", self._properties),
            web.get(f"{prefix}/backends/{{name}}/status", self._status),
            web.get(f"{prefix}/backends/{{name}}/defaults", self._defaults),
            web.get(f"{prefix}/versions", self._versions),
        ]

    async def _list_backends(self, request: web.Request) -> web.Response:
        if request["version"] < BACKENDS_DESCRIBED:
            return json_response({"devices": list(self._service.backends)})
        return json_response(
            {"devices": [self._device(backend) for backend in self._service.backends.values()]}
        )

    def _device(self, backend: Backend) -> dict[str, Any]:
        length, waits = self._service.queue_state(backend)
        configuration = backend.configuration
        clops = configuration.get("clops_h")
        operational, reason = self._operational(backend, "available")
        return {
            "name": backend.name,
            "backend_name": backend.name,
            "is_simulator": backend.simulator,
            "status": {"name": "online" if operational else "offline", "reason": reason},
            "qubits": backend.num_qubits,
            "physical_qubits": backend.num_qubits,
            "queue_length": length,
            "wait_time_seconds": {name: round(value, 3) for name, value in waits.items()},
            "processor_type": configuration.get("processor_type"),
            "clops": None if clops is None else {"type": "hardware", "value": clops},
        }

    def _operational(self, backend: Backend, normal: str) -> tuple[bool, str]:
        return FAULTY_DEVICE_STATES.get(self._service.faults.devices.get(backend.name, ""), (True, normal))

    def _requested_backend(self, request: web.Request) -> Backend:
        return self._service.backend(request.match_info["name"])

    async def _configuration(self, request: web.Request) -> web.Response:
        backend = self._requested_backend(request)
        backend.check_calibration(request.query.get("calibration_id"))
        return encoded_response(self._document(backend, "configuration", backend.configuration))

    async def _properties(self, request: web.Request) -> web.Response:
        backend = self._requested_backend(request)
        backend.check_calibration(request.query.get("calibration_id"))
        before = read_time(request.query.get("updated_before"), "updated_before")
        if before is not None and before < backend.calibrated_at:
            # As at IBM: a device without a calibration until then has no properties.
            return json_response({})
        return encoded_response(self._document(backend, "properties", backend.properties))

    async def _defaults(self, request: web.Request) -> web.Response:
        """Return the pulse defaults. IBM's devices have had none since pulses are not supported."""
        self._requested_backend(request)
        return json_response({})

    def _document(self, backend: Backend, kind: str, document: object) -> bytes:
        key = (backend.name, kind)
        if key not in self._documents:
            self._documents[key] = orjson.dumps(document if document is not None else {})
        return self._documents[key]

    async def _status(self, request: web.Request) -> web.Response:
        backend = self._requested_backend(request)
        length, _ = self._service.queue_state(backend)
        operational, status = self._operational(backend, "active")
        return json_response(
            {
                "state": operational,
                "status": status,
                "message": "available" if status == "active" else status,
                "length_queue": length,
                "backend_version": backend.configuration["backend_version"],
            }
        )

    async def _versions(self, request: web.Request) -> web.Response:
        return json_response({"versions": version_documents(request["version"])})
