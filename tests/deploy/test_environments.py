"""The environment of each part, on every platform: no secret and no variable that the part does not need."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from core.settings.actions import ACTION_SETTINGS
from local.environments import PROXIES, SYSTEM, environment
from local.settings import LocalSettings
from local.stack import parts
from tests.deploy.test_deploy import COMPOSE, KUBERNETES, of_kind
from tools.settings_tables import TABLES

#: The settings of each part. The broker is not ours: these are what its program reads.
TABLE = {
    "gateway": TABLES["Gateway"].variables,
    "poller": TABLES["Poller"].variables,
    "simulator": TABLES["Simulator"].variables,
    "openwhisk": TABLES["Local OpenWhisk"].variables,
    "broker": {"LISTENER_URL", "ADVERTISED_LISTENER_URL", "STORAGE_ENGINE"},
}
SECRETS = {row.name for table in TABLES.values() for row in table.rows if row.secret}

_STORES = {
    "CLOUDANT_APIKEY",
    "CLOUDANT_PASSWORD",
    "KAFKA_SASL_PASSWORD",
    "RESULTS_S3_SECRET_KEY",
    "IBM_CLOUD_API_KEY",
    "WHISK_AUTH",
}
#: The secrets that each part may have. The gateway has no key to a quantum account.
PERMITTED = {
    "gateway": _STORES | {"GATEWAY_SECRET", "GATEWAY_PREVIOUS_SECRET", "GATEWAY_API_KEYS"},
    "poller": _STORES | {"SIMULATOR_API_KEY", "QISKIT_IBM_TOKEN"},
    "simulator": {"SIMULATOR_API_KEY"},
    "openwhisk": {"WHISK_AUTH"},
    "broker": set[str](),
}
#: The secrets of each part of the local stack, of which the user's environment has all.
LOCAL = {
    "gateway": {"GATEWAY_SECRET", "WHISK_AUTH", "RESULTS_S3_SECRET_KEY", "IBM_CLOUD_API_KEY"},
    "poller": {"SIMULATOR_API_KEY", "WHISK_AUTH", "RESULTS_S3_SECRET_KEY", "IBM_CLOUD_API_KEY"},
    "simulator": {"SIMULATOR_API_KEY"},
    "openwhisk": {"WHISK_AUTH"},
    "broker": set[str](),
}
#: What the stack sets in every part of it, besides the part's settings and what it inherits.
_PROGRAM = ("PYTHONUNBUFFERED", "PYTHONPATH", "NO_PROXY", "no_proxy")


def excess(part: str, names: set[str], permitted: set[str], more: tuple[str, ...] = ()) -> list[str]:
    """Return the variables that a part must not have."""
    unknown = {
        name for name in names - set(TABLE[part]) if not any(fnmatchcase(name, pattern) for pattern in more)
    }
    return sorted(unknown | (names & SECRETS - permitted))


def hostile(folder: Path) -> dict[str, str]:
    """A user's environment that has every variable of every part, and secrets of other programs."""
    ours = {name: f"the user's {name}" for table in TABLES.values() for name in table.variables}
    others = {"AWS_SECRET_ACCESS_KEY": "s3cret", "GITHUB_TOKEN": "s3cret", "DATABASE_URL": "s3cret"}
    numbers = {f"{part}_PORT": "1" for part in ("BROKER", "OPENWHISK", "SIMULATOR", "POLLER", "GATEWAY")}
    unset = {"LOCAL_WHISK_APIHOST": "", "LOCAL_WHISK_AUTH": "", "LOCAL_COUCHDB_URL": "", "LOCAL_ADDRESS": ""}
    manifest = folder / "manifest.yaml"
    manifest.touch()
    place = {
        "LOCAL_FOLDER": str(folder),
        "CONFIG_FOLDER": str(folder / "config"),
        "MANIFEST": str(manifest),
        "IMAGE_TAG": "latest",
    }
    system = {"PATH": "/bin", "LC_ALL": "C", "HTTPS_PROXY": "http://user:s3cret@proxy"}
    return ours | others | numbers | unset | place | system


@pytest.mark.parametrize("part", TABLE)
def test_a_part_of_the_local_stack_gets_what_it_reads_and_nothing_else(tmp_path: Path, part: str) -> None:
    env = environment(LocalSettings.from_env(hostile(tmp_path)), part)
    inherited = (*SYSTEM, *_PROGRAM, *PROXIES, "QISKIT_*", "USAGE_DATA_*", "DOCKER_*", "RUST_*")
    assert excess(part, set(env), PERMITTED[part], inherited) == []
    assert set(env) & SECRETS == LOCAL[part]
    assert env["PATH"] == "/bin"
    assert "HTTPS_PROXY" not in env or part in ("openwhisk", "poller", "gateway")
    assert "s3cret" not in [value for name, value in env.items() if name not in PROXIES]
    # Those of the stack itself are never the user's.
    stacks = {"GATEWAY_SECRET", "SIMULATOR_API_KEY", "WHISK_AUTH"}
    assert not [name for name in stacks & set(env) if env[name].startswith("the user's")]


def test_each_secret_of_the_stack_reaches_the_parts_that_use_it(tmp_path: Path) -> None:
    settings = LocalSettings.from_env(hostile(tmp_path))
    holders: dict[str, set[str]] = {}
    for part in parts(settings):
        for name in ("gateway_secret", "api_key", "whisk_auth"):
            if any(getattr(settings, name) in value for value in part.env.values()):
                holders.setdefault(name, set()).add(part.name)
    assert holders == {
        "gateway_secret": {"gateway"},
        "api_key": {"simulator", "poller"},
        "whisk_auth": {"openwhisk", "poller", "gateway"},
    }


def test_actions_get_the_users_variables_that_openwhisk_is_to_pass_on(tmp_path: Path) -> None:
    given = hostile(tmp_path) | {"OPENWHISK_PASS_ENV": "MY_*, PATH", "MY_SETTING": "1"}
    settings = LocalSettings.from_env(given)
    assert environment(settings, "openwhisk")["MY_SETTING"] == "1"
    assert "MY_SETTING" not in environment(settings, "gateway")
    everything = LocalSettings.from_env(given | {"OPENWHISK_PASS_ENV": "*"})
    assert not [name for name in environment(everything, "openwhisk") if name.startswith("QISKIT_IBM_")]


@pytest.mark.parametrize("part", ["gateway", "poller", "simulator"])
def test_a_service_of_the_compose_file_gets_what_it_reads(part: str) -> None:
    names = set(COMPOSE["services"][part]["environment"])
    assert excess(part, names, PERMITTED[part]) == []


def kubernetes_environment(part: str) -> tuple[set[str], Mapping[str, str]]:
    """Return the variables of a part's container, and the secret that has each one that is secret."""
    (workload,) = [
        item
        for item in KUBERNETES
        if item["kind"] in ("Deployment", "StatefulSet") and item["metadata"]["name"] == f"qwhisk-{part}"
    ]
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    names: set[str] = set()
    for source in container.get("envFrom", []):
        # A whole secret has keys that no manifest shows.
        assert list(source) == ["configMapRef"], part
        names |= set(of_kind("ConfigMap", source["configMapRef"]["name"])["data"])
    secrets: dict[str, str] = {}
    for entry in container.get("env", []):
        reference: dict[str, Any] = entry["valueFrom"]["secretKeyRef"]
        assert reference["key"] == entry["name"]
        secrets[entry["name"]] = reference["name"]
    assert not names & SECRETS, "a ConfigMap is not for secrets"
    return names | set(secrets), secrets


def test_the_settings_of_pooling_reach_actions_and_poller_on_every_platform(tmp_path: Path) -> None:
    times = {"POOL_PENDING", "POOL_MOST_PENDING", "POOL_WAIT_SECONDS"}
    assert times <= set(COMPOSE["services"]["poller"]["environment"])
    assert times <= kubernetes_environment("poller")[0]
    given = dict.fromkeys(times, "7") | {"POOL_BACKEND_TYPES": "hardware"}
    settings = LocalSettings.from_env({"LOCAL_FOLDER": str(tmp_path), **given})
    assert {name: environment(settings, "poller").get(name) for name in times} == dict.fromkeys(times, "7")
    assert settings.bound()["POOL_BACKEND_TYPES"] == "hardware"
    assert "POOL_BACKEND_TYPES" in ACTION_SETTINGS


@pytest.mark.parametrize("part", ["gateway", "poller", "simulator"])
def test_a_container_on_kubernetes_gets_what_it_reads_from_its_own_secret(part: str) -> None:
    names, secrets = kubernetes_environment(part)
    assert excess(part, names, PERMITTED[part]) == []
    assert set(secrets.values()) == {f"qwhisk-{part}"}
    # Every secret that it may have can be set.
    assert set(secrets) >= PERMITTED[part]


@pytest.mark.parametrize(
    ("part", "names", "wrong"),
    [
        ("gateway", {"GATEWAY_SECRET", "QISKIT_IBM_TOKEN"}, ["QISKIT_IBM_TOKEN"]),
        ("gateway", {"SIMULATOR_API_KEY"}, ["SIMULATOR_API_KEY"]),
        ("poller", {"GATEWAY_SECRET"}, ["GATEWAY_SECRET"]),
        ("simulator", {"AWS_SECRET_ACCESS_KEY"}, ["AWS_SECRET_ACCESS_KEY"]),
        ("broker", {"LISTENER_URL", "PATH"}, ["PATH"]),
    ],
)
def test_one_variable_too_many_is_noticed(part: str, names: set[str], wrong: list[str]) -> None:
    assert excess(part, names, PERMITTED[part]) == wrong
