"""The environment of each part: the settings that it reads, and what any program on this machine needs.

No part gets a secret that it does not use, neither one of the stack nor one of the user.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Mapping

from core.local_folder import ROOT
from local.settings import LOOPBACK, PORTS, LocalSettings

#: Patterns of the user's variables that every part inherits.
SYSTEM = (
    *(
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "TERM",
        "LANG",
        "LANGUAGE",
        "LC_*",
        "TZ",
        "TMPDIR",
        "XDG_*",
    ),
    *("PYTHON*", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_*"),
    *("SSL_CERT_*", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"),
    *("OMP_*", "OPENBLAS_*", "MKL_*", "RAYON_*"),
)
#: The same for parts that may connect to other machines. The address of a proxy may have a password.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
#: The same for the settings of each part.
SETTINGS = {
    "broker": ("RUST_*",),
    "openwhisk": ("OPENWHISK_*", "LOG_LEVEL", "QISKIT_*", "USAGE_DATA_*", "DOCKER_*", *PROXIES),
    "simulator": ("SIMULATOR_*", "LOG_LEVEL", "QISKIT_*"),
    "poller": (
        *("POLLER_*", "POOL_PENDING", "POOL_MOST_PENDING", "POOL_WAIT_SECONDS"),
        *("LOG_LEVEL", "RESULTS_*", "IBM_CLOUD_API_KEY", "IAM_URL", "USAGE_DATA_*"),
        "OTEL_*",
        *PROXIES,
    ),
    "gateway": ("GATEWAY_*", "LOG_LEVEL", "OTEL_*", "RESULTS_*", "IBM_CLOUD_API_KEY", "IAM_URL", *PROXIES),
}

#: Patterns of the user's variables that no part inherits: the user's accounts are not for the local stack,
#: and it has no sign-in.
ACCOUNTS = (
    *("QISKIT_IBM_*", "CLOUDANT_*", "KAFKA_*", "WHISK_*", "LOCAL_WHISK_*", "OIDC_*"),
    *(
        "GATEWAY_API_KEYS",
        "GATEWAY_PREVIOUS_SECRET",
        "SIMULATOR_API_KEY",
        "SIMULATOR_URL",
        "SIMULATOR_INSTANCE",
    ),
)


def environment(settings: LocalSettings, part: str) -> dict[str, str]:
    """Return the whole environment of a part.

    Args:
        settings: the stack's settings.
        part: `broker`, `openwhisk`, `simulator`, `poller` or `gateway`.
    """
    patterns = SYSTEM + SETTINGS[part]
    if part == "openwhisk":
        # It passes these on to the actions.
        patterns += tuple(settings.env.get("OPENWHISK_PASS_ENV", "").replace(" ", "").split(","))
    env = _inherited(settings.env, patterns)
    env |= {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    env |= {name: _no_proxy(settings.env.get(name), settings.address) for name in ("NO_PROXY", "no_proxy")}
    return env | _OWN[part](settings)


def documents_environment(settings: LocalSettings) -> dict[str, str]:
    """Return the environment of the command that loads the config documents into CouchDB."""
    env = _inherited(settings.env, SYSTEM + PROXIES)
    env |= {"PYTHONPATH": str(ROOT), "WHISK_APIHOST": settings.url("openwhisk")}
    return env | {"CLOUDANT_URL": settings.couchdb}


def _broker(settings: LocalSettings) -> dict[str, str]:
    address = f"tcp://{settings.bound()['KAFKA_BOOTSTRAP_SERVERS']}"
    return {
        "LISTENER_URL": address,
        "ADVERTISED_LISTENER_URL": address,
        "STORAGE_ENGINE": "memory://tansu/",
        "RUST_LOG": "warn",
    }


def _openwhisk(settings: LocalSettings) -> dict[str, str]:
    # More processes of one action than cores would only slow each other down.
    defaults = {
        "OPENWHISK_MAX_PER_ACTION": str(os.cpu_count() or 1),
        "OPENWHISK_STATE": str(settings.folder / "openwhisk"),
    }
    defaults = {name: settings.env.get(name) or value for name, value in defaults.items()}
    return defaults | {
        PORTS["openwhisk"].name: str(settings.ports["openwhisk"]),
        # Actions in containers use this address.
        "OPENWHISK_HOSTS": _names(settings.env.get("OPENWHISK_HOSTS"), settings.address),
        "WHISK_AUTH": settings.whisk_auth,
    }


def _simulator(settings: LocalSettings) -> dict[str, str]:
    database = settings.env.get("SIMULATOR_DATABASE") or str(settings.folder / "simulator.db")
    return {
        "SIMULATOR_DATABASE": database,
        "SIMULATOR_HOST": settings.address,
        PORTS["simulator"].name: str(settings.ports["simulator"]),
        "SIMULATOR_HOSTS": _names(settings.env.get("SIMULATOR_HOSTS"), settings.address),
        "SIMULATOR_API_KEY": settings.api_key,
    }


def _poller(settings: LocalSettings) -> dict[str, str]:
    return {
        PORTS["poller"].name: str(settings.ports["poller"]),
        "POLLER_WORKERS": settings.env.get("POLLER_WORKERS") or "8",
        **settings.provider(),
        **_shared(settings),
    }


def _gateway(settings: LocalSettings) -> dict[str, str]:
    return {
        PORTS["gateway"].name: str(settings.ports["gateway"]),
        "GATEWAY_SECRET": settings.gateway_secret,
        **_shared(settings),
    }


def _shared(settings: LocalSettings) -> dict[str, str]:
    """Return what both poller and gateway need."""
    return settings.kafka() | {
        "CONFIG_FOLDER": str(settings.documents),
        "RESULTS_FOLDER": str(settings.folder / "large"),
        "WHISK_AUTH": settings.whisk_auth,
        **({"CLOUDANT_URL": settings.couchdb} if settings.couchdb else {}),
    }


_OWN = {
    "broker": _broker,
    "openwhisk": _openwhisk,
    "simulator": _simulator,
    "poller": _poller,
    "gateway": _gateway,
}


def _inherited(env: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    return {
        name: value
        for name, value in env.items()
        if _matches(name, patterns) and not _matches(name, ACCOUNTS)
    }


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _names(given: str | None, address: str) -> str:
    """Return the names of a service, with the address at which actions find this machine."""
    return ",".join(filter(None, [given, address]))


def _no_proxy(given: str | None, address: str) -> str:
    return ",".join(filter(None, [given, LOOPBACK, "localhost", address if address != LOOPBACK else ""]))
