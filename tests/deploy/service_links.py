"""The variables that a kubelet gives each pod for the Services of its namespace.

They are those of Docker's links: `FromServices` in `pkg/kubelet/envvars/envvars.go` of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def service_links(services: Iterable[Mapping[str, Any]], first_address: int = 1) -> dict[str, str]:
    """Return the variables for Services.

    Args:
        services: Kubernetes documents. Those that are no Services, or headless, have no variables.
        first_address: the last number of the first Service's address.
    """
    variables: dict[str, str] = {}
    for number, service in enumerate(services, first_address):
        if service["kind"] != "Service" or service["spec"].get("clusterIP") == "None":
            continue
        address, ports = f"10.96.0.{number}", service["spec"]["ports"]
        prefix = service["metadata"]["name"].upper().replace("-", "_")
        variables |= {f"{prefix}_SERVICE_HOST": address, f"{prefix}_SERVICE_PORT": str(ports[0]["port"])}
        for index, port in enumerate(ports):
            protocol, digits = port.get("protocol", "TCP"), str(port["port"])
            url = f"{protocol.lower()}://{address}:{digits}"
            if port.get("name"):
                named = port["name"].upper().replace("-", "_")
                variables[f"{prefix}_SERVICE_PORT_{named}"] = digits
            if index == 0:
                variables[f"{prefix}_PORT"] = url
            link = f"{prefix}_PORT_{digits}_{protocol}"
            variables |= {link: url, f"{link}_PROTO": protocol.lower()}
            variables |= {f"{link}_PORT": digits, f"{link}_ADDR": address}
    return variables
