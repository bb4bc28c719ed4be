"""The Helm chart, in every value set of its folder `ci`: against Kubernetes' schemas and the code."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

from core import large_results
from core.kafka.topics import JOBS
from core.large_results import Bucket, Folder
from core.origin import Allowed
from gateway.body import MAX_BYTES
from gateway.edge.connection import PING
from gateway.settings import GatewaySettings
from poller.job_consumer import GROUP
from poller.settings import PollerSettings
from testkit.replicas import FREE, broker, replica
from testkit.replicas import documents as config_documents
from tests.core.samples import raw_document
from tests.deploy import chart
from tests.deploy.chart import CHART, NAMESPACE, ROOT, SETS, documents, run, template
from tests.deploy.service_links import service_links
from tests.deploy.test_environments import PERMITTED, SECRETS
from tools.chart_values import PARTS
from tools.settings_tables import TABLES

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(chart.helm() is None, reason="helm is missing: `make helm` builds it (Go)"),
]

IMAGE_OF = {"gateway": "gateway", "poller": "poller", "simulator": "simulator", "documents": "gateway"}
MAY_HAVE = PERMITTED | {"documents": {"CLOUDANT_PASSWORD", "CLOUDANT_APIKEY"}}
#: Resources that others define. Kubernetes' schemas do not have them.
OF_OTHERS = ("keda.sh/", "monitoring.coreos.com/")
COMPONENT = "app.kubernetes.io/component"

every_set = pytest.mark.parametrize("name", SETS)


def of_kind(name: str, *kinds: str) -> list[dict[str, Any]]:
    """The documents of some kinds, in a value set."""
    return [document for document in documents(name) if document["kind"] in kinds]


def named(name: str, kind: str, suffix: str) -> dict[str, Any]:
    """One document of a value set."""
    (found,) = [item for item in of_kind(name, kind) if item["metadata"]["name"] == f"qwhisk-{suffix}"]
    return found


def pods(name: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Give the part, the labels and the spec of each pod."""
    for document in documents(name):
        if document["kind"] in ("Deployment", "StatefulSet", "Job"):
            template_ = document["spec"]["template"]
            labels = template_["metadata"]["labels"]
            yield labels[COMPONENT], labels, template_["spec"]
        elif document["kind"] == "Pod":
            labels = document["metadata"]["labels"]
            yield labels[COMPONENT], labels, document["spec"]


def services(name: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Give the part, the pod's spec and the container of each pod that runs until it is stopped."""
    for document in of_kind(name, "Deployment", "StatefulSet"):
        spec = document["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        yield container["name"], spec, container


def test_there_are_five_value_sets() -> None:
    assert set(SETS) == {"minimal", "production", "existing-secrets", "keda", "results-volume"}


@every_set
def test_helm_lint_has_no_complaint(name: str) -> None:
    linted = run("lint", "--strict", str(CHART), "--values", str(SETS[name]), "--kube-version", "1.37.0")
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "0 chart(s) failed" in linted.stdout
    assert "[WARNING]" not in linted.stdout + linted.stderr


@every_set
def test_rendered_documents_match_kubernetes_api(name: str) -> None:
    checked = 0
    for document in documents(name):
        if not document["apiVersion"].startswith(OF_OTHERS):
            # Strict: a field that the API does not have is an error too.
            kubernetes_validate.validate(document, "1.37", strict=True)
            checked += 1
    assert checked >= 8


@every_set
def test_names_are_unique_and_labels_select_what_they_should(name: str) -> None:
    keys = [(document["kind"], document["metadata"]["name"]) for document in documents(name)]
    assert len(set(keys)) == len(keys)
    labels = {part: labels for part, labels, _ in pods(name)}
    for document in of_kind(name, "Service", "PodDisruptionBudget", "ServiceMonitor", "PodMonitor"):
        selector = document["spec"]["selector"]
        wanted = selector.get("matchLabels", selector)
        part = document["metadata"]["name"].removeprefix("qwhisk-").removesuffix("-metrics")
        assert [other for other in labels if wanted.items() <= labels[other].items()] == [part]
    for document in of_kind(name, "Deployment", "StatefulSet"):
        assert (
            document["spec"]["selector"]["matchLabels"].items()
            <= labels[document["metadata"]["labels"][COMPONENT]].items()
        )


@every_set
def test_every_pod_has_as_few_rights_as_possible(name: str) -> None:
    for part, _, pod in pods(name):
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        dockerfile = (ROOT / IMAGE_OF.get(part, "gateway") / "Dockerfile").read_text()
        assert f"--uid {context['runAsUser']}" in dockerfile
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert not [volume for volume in pod["volumes"] if "hostPath" in volume]
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        # HOME is /tmp in the images, and nothing else can be written to.
        assert "HOME=/tmp" in dockerfile
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
        assert {mount["name"] for mount in container["volumeMounts"]} <= {
            *(volume["name"] for volume in pod["volumes"]),
            "data",
        }
        resources = container["resources"]
        assert set(resources["requests"]) == {"cpu", "memory"}
        assert "memory" in resources["limits"]


@every_set
def test_every_service_has_three_probes_at_paths_that_its_part_serves(name: str) -> None:
    found = set()
    for part, _, container in services(name):
        found.add(part)
        text = (ROOT / part / "Dockerfile").read_text()
        assert container["ports"][0] == {
            "name": "http",
            "containerPort": int(re.findall(r"^EXPOSE (\d+)$", text, re.M)[0]),
        }
        code = "\n".join(path.read_text() for path in (ROOT / part).rglob("*.py"))
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["port"] == "http"
            assert f'"{container[probe]["httpGet"]["path"]}"' in code
            assert container[probe]["timeoutSeconds"] > 1
        # The liveness of a gateway does not depend on the broker: a restart would not bring it back.
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert {"gateway", "poller"} <= found


@every_set
def test_replicas_are_spread_and_one_at_a_time_is_taken(name: str) -> None:
    for document in of_kind(name, "Deployment"):
        spread = document["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert {each["topologyKey"] for each in spread} == {
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        }
        for each in spread:
            assert each["labelSelector"]["matchLabels"] == document["spec"]["selector"]["matchLabels"]
    budgets = of_kind(name, "PodDisruptionBudget")
    # No replica is ready while the broker is away. Drains must not wait for it.
    assert {item["spec"]["unhealthyPodEvictionPolicy"] for item in budgets} <= {"AlwaysAllow"}
    with_budget = {item["metadata"]["labels"][COMPONENT] for item in budgets}
    # A budget of the simulator's one replica would block the drain of its node.
    assert with_budget == ({"poller"} if name == "results-volume" else {"gateway", "poller"})


def environment(name: str, part: str, container: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """The settings of a container, and the Secret that has each of its secrets."""
    (source,) = container["envFrom"]
    # A whole secret has keys that no manifest shows.
    assert list(source) == ["configMapRef"]
    settings: dict[str, str] = named(name, "ConfigMap", part)["data"]
    assert source["configMapRef"]["name"] == f"qwhisk-{part}"
    secrets = {}
    for entry in container["env"]:
        reference = entry["valueFrom"]["secretKeyRef"]
        assert reference["key"] == entry["name"]
        secrets[entry["name"]] = reference["name"]
    return settings, secrets


@every_set
def test_a_part_gets_its_own_settings_and_secrets_and_no_others(name: str) -> None:
    values = yaml.safe_load(SETS[name].read_text())
    for part, _, pod in pods(name):
        if part == "test":
            continue
        settings, secrets = environment(name, part, pod["containers"][0])
        rows = {row.name: row for row in TABLES[PARTS[part]].rows}
        assert settings.keys() | secrets.keys() <= rows.keys()
        assert not settings.keys() & SECRETS, "a ConfigMap is not for secrets"
        assert secrets.keys() & SECRETS == MAY_HAVE[part]
        for key, text in settings.items():
            rows[key].read({key: text})
        existing = values.get(part, {}).get("existingSecret")
        assert set(secrets.values()) == {existing or f"qwhisk-{part}"}
        if not existing:
            # What was given is there, and nothing of another part.
            given = values.get(part, {}).get("secrets", {})
            # A key that is removed from `stringData` would remain in the Secret.
            secret = named(name, "Secret", part)
            assert "stringData" not in secret
            assert {key: b64decode(text).decode() for key, text in (secret["data"] or {}).items()} == given


@every_set
def test_parts_accept_the_settings_together(name: str) -> None:
    values = yaml.safe_load(SETS[name].read_text())
    for part, _, container in services(name):
        settings, _ = environment(name, part, container)
        # An existing secret has what these settings need.
        existing = {"GATEWAY_SECRET": "x" * 32} if part == "gateway" else {"SIMULATOR_API_KEY": "k"}
        given = settings | values.get(part, {}).get("secrets", existing)
        if part == "gateway":
            assert GatewaySettings.from_env(given).secret
        elif part == "poller":
            found = PollerSettings.from_env(given, page=50)
            assert found.kafka.partitions == int(settings["KAFKA_PARTITIONS"])
        if part != "simulator":
            store = {"production": Bucket, "results-volume": Folder}.get(name)
            large = large_results.from_env(given)
            assert isinstance(large, store) if store else large is None


@every_set
def test_no_variable_of_a_service_is_a_setting(name: str) -> None:
    links = service_links(documents(name))
    assert links
    assert not set(links) & {variable for table in TABLES.values() for variable in table.variables}


def peer(rule: Mapping[str, Any], word: str) -> str:
    """Describe the peers of a rule in one word each."""
    names = []
    for each in rule.get(word, [{}]):
        if "podSelector" in each:
            names.append(each["podSelector"]["matchLabels"][COMPONENT])
        elif "namespaceSelector" in each:
            names.append(f"{each['namespaceSelector']['matchLabels']['kubernetes.io/metadata.name']}/")
        else:
            names.append(each.get("ipBlock", {}).get("cidr", "any"))
    return ",".join(names)


def arrows(name: str) -> set[str]:
    """Return who may talk to whom, as lines such as `poller > kafka/ 9092`, by all policies together."""
    policies = of_kind(name, "NetworkPolicy")
    found = set()
    for part, labels, _ in pods(name):
        applied = [
            policy["spec"]
            for policy in policies
            if policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
        ]
        # The one that denies everything, and the part's own.
        assert len(applied) == 2
        assert all(spec["policyTypes"] == ["Ingress", "Egress"] for spec in applied)
        for spec in applied:
            for sign, word, direction in ((">", "to", "egress"), ("<", "from", "ingress")):
                for rule in spec.get(direction, []):
                    protocols = {port["protocol"] for port in rule["ports"]}
                    ports = ",".join(sorted({str(port["port"]) for port in rule["ports"]}))
                    udp = "" if protocols == {"TCP"} else "/udp"
                    found.add(f"{part} {sign} {peer(rule, word)} {ports}{udp}")
    return found


DNS = "kube-system/,169.254.20.10/32 53/udp"
PUBLIC = "0.0.0.0/0,::/0"
ARROWS = {
    "minimal": {
        "gateway < any 8080",
        f"gateway > {DNS}",
        *(f"gateway > {to}" for to in ("any 9092", "any 5984", "any 3233", f"{PUBLIC} 443")),
        f"poller > {DNS}",
        *(f"poller > {to}" for to in ("any 9092", "any 5984", "any 3233", "simulator 8090")),
        "simulator < poller 8090",
        "simulator < any 8090",
        f"documents > {DNS}",
        "documents > any 5984",
        f"test > {DNS}",
        "test > gateway 8080",
    },
    "production": {
        "gateway < any 8080",
        f"gateway > {DNS}",
        # Kafka; IAM, Cloudant, OpenWhisk and S3; the OpenID Connect provider; webhooks.
        *(f"gateway > {to}" for to in ("any 9093", "any 443", "any 8443", f"{PUBLIC} 443")),
        "gateway < any 9080",
        "poller < any 8081",
        f"poller > {DNS}",
        *(f"poller > {to}" for to in ("any 9093", "any 443")),
        f"documents > {DNS}",
        "documents > any 443",
        f"test > {DNS}",
        "test > gateway 8080",
    },
    "keda": {
        "gateway < ingress/ 8080",
        "gateway < test 8080",
        "gateway < monitoring/ 9080",
        "gateway > monitoring/ 4318",
        f"gateway > {DNS}",
        *(f"gateway > {to}" for to in ("kafka/ 9092", "couchdb/ 5984", "openwhisk/ 3233")),
        "poller < monitoring/ 9081",
        "poller > monitoring/ 4318",
        f"poller > {DNS}",
        *(f"poller > {to}" for to in ("kafka/ 9092", "couchdb/ 5984", "openwhisk/ 3233", "simulator 8090")),
        "simulator < poller 8090",
        "simulator < openwhisk/ 8090",
        f"documents > {DNS}",
        "documents > couchdb/ 5984",
        f"test > {DNS}",
        "test > gateway 8080",
    },
}


@pytest.mark.parametrize("name", ARROWS)
def test_network_policies_permit_the_arrows_of_the_architecture_and_no_others(name: str) -> None:
    assert arrows(name) == ARROWS[name]


@pytest.mark.parametrize(("name", "gateway", "poller"), [("production", 9080, None), ("keda", 9080, 9081)])
def test_monitors_read_the_port_of_the_metrics(name: str, gateway: int, poller: int | None) -> None:
    own = {"gateway": gateway, "poller": poller}
    for part, _, container in services(name):
        if part in own:
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            assert ports.get("metrics") == own[part]
    [scraped] = named(name, "ServiceMonitor", "gateway")["spec"]["endpoints"]
    [pods_scraped] = named(name, "PodMonitor", "poller")["spec"]["podMetricsEndpoints"]
    assert (scraped["port"], pods_scraped["port"]) == ("metrics", "metrics" if poller else "http")
    by_name = {each["metadata"]["name"]: each["spec"] for each in of_kind(name, "Service")}
    # The Service of the API can be a load balancer, and an Ingress refers to it.
    assert [port["name"] for port in by_name["qwhisk-gateway"]["ports"]] == ["http"]
    [port] = by_name["qwhisk-gateway-metrics"]["ports"]
    assert (port["port"], port["targetPort"]) == (gateway, "metrics")
    assert by_name["qwhisk-gateway-metrics"]["clusterIP"] == "None"


def test_without_a_port_of_their_own_metrics_are_where_they_were() -> None:
    settings = "gateway.settings.GATEWAY_METRICS_PORT=0"
    rendered = template(SETS["keda"], "--set", settings).stdout
    found = [each for each in yaml.safe_load_all(rendered) if each]
    assert "qwhisk-gateway-metrics" not in {each["metadata"]["name"] for each in found}
    [monitor] = [each for each in found if each["kind"] == "ServiceMonitor"]
    assert monitor["spec"]["endpoints"][0]["port"] == "http"


def test_webhooks_never_reach_private_addresses() -> None:
    (rule,) = [
        rule
        for rule in named("minimal", "NetworkPolicy", "gateway")["spec"]["egress"]
        if peer(rule, "to") == PUBLIC
    ]
    excluded = {block for each in rule["to"] for block in each["ipBlock"]["except"]}
    assert excluded >= {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7"}


def test_policies_can_be_left_out() -> None:
    assert not of_kind("existing-secrets", "NetworkPolicy")


def test_images_have_registry_tag_or_digest() -> None:
    images = {part: pod["containers"][0]["image"] for part, _, pod in pods("production")}
    gateway = f"registry.example.com/me/qwhisk/gateway@sha256:{'1' * 64}"
    assert images == {
        "gateway": gateway,
        "documents": gateway,
        "test": gateway,
        "poller": "registry.example.com/me/qwhisk/poller:0.1.0-2",
    }
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    assert version == re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)[0]
    assert {pod["containers"][0]["image"] for _, _, pod in pods("minimal")} == {
        f"qwhisk/{part}:{version}" for part in ("gateway", "poller", "simulator")
    }
    assert all(pod["imagePullSecrets"] == [{"name": "registry"}] for _, _, pod in pods("production"))


def test_large_numbers_are_not_written_as_floating_point_numbers() -> None:
    assert named("production", "ConfigMap", "gateway")["data"]["KAFKA_RETENTION_SECONDS"] == "1000000"
    assert named("results-volume", "ConfigMap", "simulator")["data"]["SIMULATOR_HOLD_SECONDS"] == "0.5"


def test_autoscalers_decide_the_number_of_replicas() -> None:
    gateway = named("production", "Deployment", "gateway")["spec"]
    scaler = named("production", "HorizontalPodAutoscaler", "gateway")["spec"]
    assert "replicas" not in gateway
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 12)
    assert scaler["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "qwhisk-gateway",
    }
    # A percentage is one of a request.
    assert "cpu" in gateway["template"]["spec"]["containers"][0]["resources"]["requests"]
    assert named("production", "Deployment", "poller")["spec"]["replicas"] == 3
    assert "replicas" not in named("keda", "Deployment", "poller")["spec"]


def test_pollers_are_scaled_on_the_lag_of_their_group() -> None:
    spec = named("keda", "ScaledObject", "poller")["spec"]
    assert spec["scaleTargetRef"] == {"name": "qwhisk-poller"}
    (trigger,) = spec["triggers"]
    data = named("keda", "ConfigMap", "poller")["data"]
    assert trigger["type"] == "kafka"
    assert trigger["metadata"] == {
        "bootstrapServers": data["KAFKA_BOOTSTRAP_SERVERS"],
        "consumerGroup": GROUP,
        "topic": JOBS,
        "lagThreshold": "20",
        "sasl": "scram_sha512",
    }
    assert spec["maxReplicaCount"] == int(data["KAFKA_PARTITIONS"])
    authentication = named("keda", "TriggerAuthentication", trigger["authenticationRef"]["name"][7:])["spec"]
    (user,), (password,) = authentication["configMapTargetRef"], authentication["secretTargetRef"]
    assert user["key"] in named("keda", "ConfigMap", "poller")["data"]
    assert password["key"] in named("keda", "Secret", "poller")["data"]


@pytest.mark.parametrize(
    ("mechanism", "expected"), [("PLAIN", "plaintext"), ("SCRAM-SHA-256", "scram_sha256")]
)
def test_kedas_name_of_a_sasl_mechanism(mechanism: str, expected: str) -> None:
    rendered = template(
        SETS["keda"],
        "--set",
        f"settings.KAFKA_SASL_MECHANISM={mechanism},settings.KAFKA_SECURITY_PROTOCOL=SASL_SSL",
    )
    (scaled,) = [
        each for each in yaml.safe_load_all(rendered.stdout) if each and each["kind"] == "ScaledObject"
    ]
    metadata = scaled["spec"]["triggers"][0]["metadata"]
    assert (metadata["sasl"], metadata["tls"]) == (expected, "enable")


@pytest.mark.parametrize("protocol", ["SSL", "SASL_SSL", "SASL_PLAINTEXT"])
def test_keda_trusts_the_authorities_of_the_brokers_as_the_pollers_do(protocol: str) -> None:
    settings = f"settings.KAFKA_SECURITY_PROTOCOL={protocol},kafkaCertificates.configMap=kafka-ca"
    rendered = template(SETS["keda"], "--set", settings)
    found = {each["kind"]: each for each in yaml.safe_load_all(rendered.stdout) if each}
    (trigger,) = found["ScaledObject"]["spec"]["triggers"]
    authentication = found["TriggerAuthentication"]
    assert trigger["authenticationRef"] == {"name": authentication["metadata"]["name"]}
    sources = {
        source["parameter"]: (source["name"], source["key"])
        for kind in ("configMapTargetRef", "secretTargetRef")
        for source in authentication["spec"].get(kind, [])
    }
    assert sources.get("ca") == (("kafka-ca", "ca.crt") if protocol.endswith("SSL") else None)
    assert ({"username", "password"} <= sources.keys()) == protocol.startswith("SASL")


class OneOfEach(yaml.SafeLoader):
    """Refuses what PyYAML permits and stricter readers, such as Argo CD, do not: a key twice."""


def _mapping(loader: OneOfEach, node: yaml.MappingNode) -> dict[Any, Any]:
    pairs = loader.construct_pairs(node, deep=True)
    assert len(dict(pairs)) == len(pairs), [key for key, _ in pairs]
    return dict(pairs)


OneOfEach.add_constructor("tag:yaml.org,2002:map", _mapping)


def test_annotations_and_labels_of_your_own_replace_those_of_the_chart() -> None:
    own = (
        r"ingress.annotations.nginx\.ingress\.kubernetes\.io/proxy-body-size=8m,"
        r"gateway.podAnnotations.qwhisk/settings=mine,monitors.labels.app\.kubernetes\.io/managed-by=me"
    )
    rendered = template(SETS["production"], "--set-string", own)
    found = [each for each in yaml.load_all(rendered.stdout, OneOfEach) if each]
    by_kind = {each["kind"]: each for each in found}
    annotations = by_kind["Ingress"]["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == "8m"
    assert annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"] == "90"
    assert by_kind["PodMonitor"]["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "me"
    for each in found:
        if each["kind"] == "Deployment":
            # Else no change of a setting would restart the part.
            assert each["spec"]["template"]["metadata"]["annotations"]["qwhisk/settings"] != "mine"


def test_the_ingress_keeps_websockets_and_the_gateway_knows_its_name() -> None:
    ingress = named("production", "Ingress", "gateway")
    annotations = ingress["metadata"]["annotations"]
    for timeout in ("proxy-read-timeout", "proxy-send-timeout"):
        assert float(annotations[f"nginx.ingress.kubernetes.io/{timeout}"]) > 2 * PING
    assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == "1m"
    assert MAX_BYTES < 1024 * 1024
    assert annotations["cert-manager.io/cluster-issuer"] == "letsencrypt"
    (rule,), (tls,) = ingress["spec"]["rules"], ingress["spec"]["tls"]
    assert [rule["host"]] == tls["hosts"] == ["app.example.org"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"]["name"] == named("production", "Service", "gateway")["metadata"]["name"]
    settings = named("production", "ConfigMap", "gateway")["data"]
    assert settings["GATEWAY_HOSTS"] == rule["host"]
    assert settings["GATEWAY_PREFIX"] == path["path"]
    assert settings["GATEWAY_PROXIES"] == "1"


def test_monitors_read_the_metrics_of_gateway_and_poller() -> None:
    monitor, pod = (
        named("production", "ServiceMonitor", "gateway"),
        named("production", "PodMonitor", "poller"),
    )
    common = {"path": "/metrics", "interval": "30s"}
    assert monitor["spec"]["endpoints"] == [{"port": "metrics"} | common]
    assert pod["spec"]["podMetricsEndpoints"] == [{"port": "http"} | common]
    assert monitor["metadata"]["labels"]["release"] == pod["metadata"]["labels"]["release"] == "prometheus"
    assert not of_kind("minimal", "ServiceMonitor", "PodMonitor")


def test_the_volume_of_results_is_shared_and_kept() -> None:
    claim = named("results-volume", "PersistentVolumeClaim", "results")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    for part in ("gateway", "poller"):
        pod = named("results-volume", "Deployment", part)["spec"]["template"]["spec"]
        (volume,) = [each for each in pod["volumes"] if each["name"] == "results"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "results"]
        data = named("results-volume", "ConfigMap", part)["data"]
        assert mount["mountPath"] == data["RESULTS_FOLDER"]


def test_the_brokers_certificates_are_where_the_setting_says() -> None:
    for part in ("gateway", "poller"):
        pod = named("existing-secrets", "Deployment", part)["spec"]["template"]["spec"]
        (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "kafka-certificates"]
        data = named("existing-secrets", "ConfigMap", part)["data"]
        assert data["KAFKA_SSL_CA_LOCATION"] == f"{mount['mountPath']}/ca.crt"


def test_documents_are_loaded_after_each_install_and_upgrade() -> None:
    job = named("minimal", "Job", "documents")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade,post-rollback"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    dockerfile = (ROOT / "gateway" / "Dockerfile").read_text()
    assert container["command"] == ["python", "-m", "tools.load_config_documents"]
    assert "tools/load_config_documents.py" in dockerfile
    assert not of_kind("existing-secrets", "Job")
    settings = named("minimal", "ConfigMap", "documents")["data"]
    assert settings == {
        "CLOUDANT_URL": "http://couchdb.couchdb.svc:5984",
        "WHISK_APIHOST": "http://openwhisk.openwhisk.svc:3233",
    }


@pytest.mark.parametrize("functions", [0, 1])
def test_the_test_pod_tells_a_gateway_without_functions(tmp_path: Path, functions: int) -> None:
    (pod,) = of_kind("minimal", "Pod")
    (container,) = pod["spec"]["containers"]
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    assert env == {"GATEWAY_URL": "http://qwhisk-gateway:80", "FUNCTIONS": "1"}
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    shown = [raw_document()] * functions
    with (
        config_documents(tmp_path / "documents", *shown) as settings,
        broker(tmp_path) as kafka,
        # A name that the pod does not use: it has to get through all the same.
        replica(
            tmp_path, kafka, tmp_path / "documents", **settings, **FREE, GATEWAY_HOSTS="app.example.org"
        ) as gateway,
    ):
        env |= {"GATEWAY_URL": gateway.url, "PATIENCE": "60" if functions else "3", "PATH": "/usr/bin"}
        ended = subprocess.run(
            [sys.executable, *container["command"][1:], *container["args"]],
            env=env,
            capture_output=True,
            text=True,
            timeout=150,
        )
    assert ended.returncode == (0 if functions else 1), ended.stderr
    expected = "ready and has 1 functions" if functions else "it has no function"
    assert expected in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("wrong", "named_in_error"),
    [
        ("gateway.settings.GATEWAY_THREDS=8", "GATEWAY_THREDS"),
        ("gateway.settings.GATEWAY_THREADS=none", "GATEWAY_THREADS"),
        ("gateway.settings.GATEWAY_THREADS=1", "GATEWAY_THREADS"),
        ("gateway.settings.GATEWAY_WEBHOOKS=sometimes", "GATEWAY_WEBHOOKS"),
        ("settings.CLOUDANT_URL=couchdb:5984", "CLOUDANT_URL"),
        ("settings.KAFKA_SASL_PASSWORD=s3cret-value", "KAFKA_SASL_PASSWORD"),
        ("gateway.secrets.QISKIT_IBM_TOKEN=s3cret-value", "QISKIT_IBM_TOKEN"),
        ("gateway.secrets.GATEWAY_SECRET=s3cret-value", "GATEWAY_SECRET"),
        ("gateway.image.digest=sha256:abc", "digest"),
        ("gateway.replica=3", "replica"),
        # A default that is removed.
        ("gateway.secrets=null", "secrets"),
        ("poller.resources.limits.memory=lots", "memory"),
        ("ingress.timeoutSeconds=10", "timeoutSeconds"),
        ("networkPolicy.kafka.port=9092", "port"),
        ("networkPolicy.dns.ports=null", "ports"),
        ("networkPolicy.webhooks.ports=", "ports"),
        ("networkPolicy.kafka.to[0].ipBlock.cidr=192.0.2.7", "/networkPolicy/kafka/to/0/ipBlock/cidr"),
        ("networkPolicy.kafka.to[0].namespaceSelecter.matchLabels.a=b", "namespaceSelecter"),
        (
            "networkPolicy.actions.from[0].podSelector.matchLabels.a=b,networkPolicy.actions.from[0].ipBlock.cidr=::/0",
            "/networkPolicy/actions/from/0",
        ),
        ("image.registry=https://registry.example.com", "/image/registry"),
        ("image.tag=0.1.0 beta", "/image/tag"),
        ("poller.image.tag=0.1.0+beta", "/poller/image/tag"),
        ("kafkaCertificates.key=../ca.crt", "/kafkaCertificates/key"),
        ("image.pullPolicy=Sometimes", "pullPolicy"),
        # What the chart checks itself.
        ("settings.KAFKA_BOOTSTRAP_SERVERS=", "settings.KAFKA_BOOTSTRAP_SERVERS"),
        ("settings.CLOUDANT_URL=", "settings.CLOUDANT_URL"),
        ("documents.settings.WHISK_APIHOST=", "documents.settings.WHISK_APIHOST"),
        ("documents.enabled=false,documents.settings.WHISK_APIHOST=", "networkPolicy.openwhisk.ports"),
        ("gateway.existingSecret=mine", "gateway.existingSecret"),
        ("gateway.secrets.GATEWAY_SECRET=null", "GATEWAY_SECRET"),
        ("simulator.secrets.SIMULATOR_API_KEY=s3cret-value", "simulator.secrets.SIMULATOR_API_KEY"),
        ("results.volume.enabled=true,settings.RESULTS_S3_URL=https://s3", "results.volume.enabled"),
        ("settings.RESULTS_S3_URL=https://s3", "settings.RESULTS_S3_BUCKET"),
        ("gateway.settings.RESULTS_S3_URL=https://s3", "settings.RESULTS_S3_BUCKET"),
        (
            "poller.settings.RESULTS_S3_URL=https://s3,poller.settings.RESULTS_S3_BUCKET=b,"
            "poller.secrets.RESULTS_S3_ACCESS_KEY=s3cret-value,poller.secrets.RESULTS_S3_SECRET_KEY=s3cret-value",
            "RESULTS_S3_URL is set for one of gateway and poller",
        ),
        (
            "settings.RESULTS_S3_URL=https://s3,settings.RESULTS_S3_BUCKET=b",
            "gateway.secrets.RESULTS_S3_ACCESS_KEY",
        ),
        ("settings.KAFKA_SECURITY_PROTOCOL=SASL_SSL", "settings.KAFKA_SASL_USERNAME"),
        (
            "settings.KAFKA_SECURITY_PROTOCOL=SASL_SSL,settings.KAFKA_SASL_USERNAME=a,"
            "gateway.secrets.KAFKA_SASL_PASSWORD=s3cret-value",
            "poller.secrets.KAFKA_SASL_PASSWORD",
        ),
        ("settings.CLOUDANT_USERNAME=a", "gateway.secrets.CLOUDANT_PASSWORD"),
        (
            "settings.CLOUDANT_USERNAME=a,gateway.secrets.CLOUDANT_PASSWORD=s3cret-value,"
            "poller.secrets.CLOUDANT_APIKEY=s3cret-value",
            "documents.secrets.CLOUDANT_PASSWORD",
        ),
        ("settings.CLOUDANT_URL=https://me:s3cret-value@couchdb", "settings.CLOUDANT_URL"),
        ("documents.settings.CLOUDANT_URL=https://s3cret-value@couchdb", "documents.settings.CLOUDANT_URL"),
        ("gateway.settings.GATEWAY_WEBHOOKS=private", "networkPolicy.webhooks.to"),
        ("ingress.enabled=true", "ingress.host"),
        ("poller.keda.enabled=true,poller.keda.maxReplicas=9", "poller.keda.maxReplicas"),
        (
            "gateway.autoscaling.enabled=true,gateway.autoscaling.minReplicas=9",
            "gateway.autoscaling.minReplicas",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_no_secret(wrong: str, named_in_error: str) -> None:
    refused = template(SETS["minimal"], "--set", wrong)
    assert refused.returncode != 0
    assert named_in_error in refused.stderr
    assert "s3cret-value" not in refused.stdout + refused.stderr
    assert not refused.stdout.strip()


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ("gateway.existingSecret=", "gateway.secrets.GATEWAY_SECRET is not set"),
        ("simulator.enabled=true", "simulator.secrets.SIMULATOR_API_KEY is not set"),
        (
            "simulator.enabled=true,simulator.existingSecret=s,poller.existingSecret=",
            "poller.secrets.SIMULATOR_API_KEY is not set",
        ),
    ],
)
def test_a_missing_secret_is_named(values: str, missing: str) -> None:
    refused = template(SETS["existing-secrets"], "--set", values)
    assert refused.returncode != 0
    assert missing in refused.stderr


def test_notes_say_what_to_do_next() -> None:
    shown = {}
    for name, values in SETS.items():
        arguments = ("--namespace", NAMESPACE, "--dry-run=client", "--values", str(values))
        done = run("install", "qwhisk", str(CHART), *arguments)
        assert done.returncode == 0, done.stderr
        shown[name] = done.stdout.partition("NOTES:")[2]
    for name, notes in shown.items():
        assert "helm test qwhisk --namespace quantum" in notes, name
        assert "make deploy" in notes
        assert "<no value>" not in notes
        assert not [value for value in ("only-for-tests", "a-password", "a-key\n") if value in notes]
    assert "https://app.example.org/quantum/qwhisk" in shown["production"]
    assert "port-forward service/qwhisk-gateway 8080:8000" in shown["results-volume"]
    assert "result_too_large" in shown["minimal"]
    assert "result_too_large" not in shown["results-volume"] + shown["production"]
    assert "Nobody needs to sign in" in shown["minimal"]
    assert "Nobody needs to sign in" not in shown["production"]
    assert "make config" in shown["existing-secrets"]
    assert "gateway.secrets has no key to OpenWhisk" in shown["minimal"]
    assert "key to OpenWhisk" not in shown["existing-secrets"]
    assert "gateway.secrets has no key" not in shown["production"]
    assert "Set networkPolicy.gateway.from" in shown["production"]
    assert "Set networkPolicy.gateway.from" not in shown["minimal"] + shown["keda"]
    assert "Set networkPolicy.actions.from" in shown["minimal"]
    assert "Set networkPolicy.actions.from" not in shown["keda"] + shown["production"]


def test_a_release_of_any_name_has_names_of_its_own() -> None:
    rendered = template(SETS["minimal"], release="staging")
    names = {each["metadata"]["name"] for each in yaml.safe_load_all(rendered.stdout) if each}
    assert "staging-qwhisk-gateway" in names
    assert all(name.startswith("staging-qwhisk-") for name in names)
    rendered = template(SETS["minimal"], release="a" * 53)
    assert max(len(each["metadata"]["name"]) for each in yaml.safe_load_all(rendered.stdout) if each) < 64


@pytest.mark.parametrize("release", ["1qwhisk", "2026-prod", "123", "1e3", "true", "null", "9" + 26 * "-a"])
def test_a_release_whose_name_is_a_number_or_a_word_of_yaml_is_valid(release: str) -> None:
    rendered = template(SETS["minimal"], release=release)
    found = [each for each in yaml.safe_load_all(rendered.stdout) if each]
    assert len(found) >= 8
    for each in found:
        kubernetes_validate.validate(each, "1.37", strict=True)
        assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == release
        # In most versions of Kubernetes, the name of a Service has to begin with a letter.
        assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", each["metadata"]["name"])
        if each["kind"] == "Service":
            assert each["spec"]["selector"]["app.kubernetes.io/instance"] == release
        if each["kind"] == "NetworkPolicy":
            assert each["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/instance"] == release


def test_names_of_objects_of_your_own_that_are_numbers_remain_text() -> None:
    text = (
        "poller.existingSecret=123,image.pullSecrets[0]=456,kafkaCertificates.configMap=1e3,ingress.host=1e3,"
        "ingress.className=789,ingress.tls.secretName=12,results.volume.existingClaim=34,"
        "results.volume.storageClassName=56,simulator.storage.storageClassName=78,simulator.existingSecret=90"
    )
    switches = "ingress.enabled=true,results.volume.enabled=true,simulator.enabled=true"
    rendered = template(SETS["existing-secrets"], "--set-string", text, "--set", switches)
    assert rendered.returncode == 0, rendered.stderr
    for each in filter(None, yaml.safe_load_all(rendered.stdout)):
        kubernetes_validate.validate(each, "1.37", strict=True)


def test_the_version_of_a_build_is_valid_in_labels_and_tags(tmp_path: Path) -> None:
    """As `helm package --version 0.1.0+build` writes it."""
    copy = tmp_path / "qwhisk"
    shutil.copytree(CHART, copy)
    about = copy / "Chart.yaml"
    about.write_text(re.sub(r"(?m)^(version|appVersion): .*$", r'\1: "0.1.0+build"', about.read_text()))
    rendered = run("template", "q", str(copy), "--kube-version", "1.37.0", "--values", str(SETS["minimal"]))
    for each in filter(None, yaml.safe_load_all(rendered.stdout)):
        labels = each["metadata"]["labels"]
        assert labels["helm.sh/chart"] == "qwhisk-0.1.0_build"
        assert labels["app.kubernetes.io/version"] == "0.1.0_build"
    assert 'image: "qwhisk/gateway:0.1.0_build"' in rendered.stdout


@pytest.mark.parametrize("release", ["gateway", "simulator", "a.b"])
def test_a_release_of_any_name_sets_no_setting_by_its_services(release: str) -> None:
    rendered = template(SETS["minimal"], release=release)
    found = [each for each in yaml.safe_load_all(rendered.stdout) if each]
    for service in found:
        kubernetes_validate.validate(service, "1.37", strict=True)
    names = {each["metadata"]["name"] for each in found if each["kind"] == "Service"}
    assert names == {f"{release.replace('.', '-')}-qwhisk-{part}" for part in ("gateway", "simulator")}
    assert not set(service_links(found)) & {name for table in TABLES.values() for name in table.variables}


def test_a_parts_own_settings_decide_its_scaler_and_its_policy() -> None:
    own = (
        "poller.settings.KAFKA_BOOTSTRAP_SERVERS=other:9999,poller.settings.KAFKA_SECURITY_PROTOCOL=PLAINTEXT"
    )
    rendered = template(SETS["keda"], "--set", own)
    found = {
        each["kind"]: each
        for each in yaml.safe_load_all(rendered.stdout)
        if each and each["metadata"]["name"] == "qwhisk-poller"
    }
    (trigger,) = found["ScaledObject"]["spec"]["triggers"]
    assert trigger["metadata"]["bootstrapServers"] == "other:9999"
    assert "authenticationRef" not in trigger
    egress = found["NetworkPolicy"]["spec"]["egress"]
    assert [{"protocol": "TCP", "port": 9999}] in [rule["ports"] for rule in egress]


@pytest.mark.parametrize(
    "given",
    [
        "networkPolicy.kafka.to[0].ipBlock.cidr=192.0.2.7/32",
        "networkPolicy.kafka.to[0].ipBlock.cidr=2001:db8::/32,networkPolicy.kafka.to[0].ipBlock.except[0]=2001:db8:1::/48",
        "networkPolicy.kafka.to[0].namespaceSelector.matchLabels.a=b,networkPolicy.kafka.to[0].podSelector.matchLabels.a=b",
        "image.registry=localhost:5000",
        "image.registry=[fd00::1]:5000/me/",
        "image.registry=registry.example.com/me/and_you",
    ],
)
def test_peers_and_registries_of_all_kinds_are_permitted(given: str) -> None:
    rendered = template(SETS["minimal"], "--set", given)
    assert rendered.returncode == 0, rendered.stderr
    for each in filter(None, yaml.safe_load_all(rendered.stdout)):
        kubernetes_validate.validate(each, "1.37", strict=True)


def test_the_simulator_may_be_called_by_its_service_whatever_its_hosts_are() -> None:
    rendered = template(SETS["minimal"], "--set", "simulator.settings.SIMULATOR_HOSTS=lab.example.org")
    settings = {
        each["metadata"]["name"]: each["data"]
        for each in yaml.safe_load_all(rendered.stdout)
        if each and each["kind"] == "ConfigMap"
    }
    own = settings["qwhisk-simulator"]
    allowed = Allowed.read(own, "0.0.0.0", "SIMULATOR_HOSTS", "SIMULATOR_ORIGINS")
    address = urlsplit(settings["qwhisk-poller"]["SIMULATOR_URL"]).netloc
    for called in (address, f"qwhisk-simulator.{NAMESPACE}.svc:8090", "lab.example.org"):
        assert allowed.refusal(called, None, None) is None
    assert allowed.refusal("attacker.example.org", None, None) is not None


def ports_to(rendered: subprocess.CompletedProcess[str], part: str) -> list[list[dict[str, Any]]]:
    """Return the ports of each rule for what a part may call."""
    (spec,) = [
        each["spec"]
        for each in yaml.safe_load_all(rendered.stdout)
        if each and each["kind"] == "NetworkPolicy" and each["metadata"]["name"] == f"qwhisk-{part}"
    ]
    return [rule["ports"] for rule in spec["egress"]]


def test_every_address_in_the_settings_can_be_reached() -> None:
    addresses = {
        "settings.IAM_URL": "http://iam.example.com:8041",
        # Besides the simulator of the chart.
        "poller.settings.SIMULATOR_URL": "http://[fd00::1]:8042",
        "poller.settings.QISKIT_IBM_URL": "http://[fd00::1]:8043",
        "settings.CLOUDANT_URL": "http://192.0.2.7:8044",
        "settings.KAFKA_BOOTSTRAP_SERVERS": r"[fd00::1]:8045\,kafka:8046",
        "documents.settings.WHISK_APIHOST": "http://[fd00::1]",
    }
    given = ",".join(f"{name}={address}" for name, address in addresses.items())
    rendered = template(SETS["minimal"], "--set", given)
    assert rendered.returncode == 0, rendered.stderr
    for part, expected in {
        "gateway": {8041, 8044, 8045, 8046, 80},
        "poller": {8041, 8042, 8043, 8044, 8045, 8046, 8090, 80},
    }.items():
        ports = {port["port"] for rule in ports_to(rendered, part) for port in rule}
        assert ports >= expected, part
        assert not ports & {9092, 5984, 3233}


@pytest.mark.parametrize(("milliseconds", "expected"), [(6000, 26), (300_000, 320)])
def test_a_poller_has_the_time_of_a_session_to_leave_its_groups(milliseconds: int, expected: int) -> None:
    """`close_all` repeats commits for as long as a session of `KAFKA_SESSION_TIMEOUT_MS`."""
    rendered = template(SETS["minimal"], "--set", f"poller.settings.KAFKA_SESSION_TIMEOUT_MS={milliseconds}")
    (pod,) = [
        each["spec"]["template"]["spec"]
        for each in yaml.safe_load_all(rendered.stdout)
        if each and each["kind"] == "Deployment" and each["metadata"]["name"] == "qwhisk-poller"
    ]
    assert pod["terminationGracePeriodSeconds"] == expected


def test_the_manifests_without_helm_are_those_of_the_chart() -> None:
    """`make manifests` writes them."""
    folder = ROOT / "deploy" / "kubernetes"
    command = ["bash", str(folder / "render.sh"), str(chart.helm())]
    rendered = subprocess.run(command, capture_output=True, text=True, timeout=120, env=chart.ENVIRONMENT)
    assert rendered.returncode == 0, rendered.stderr
    assert (folder / "qwhisk.yaml").read_text() == rendered.stdout


def test_a_restart_follows_a_change_of_settings_or_secrets() -> None:
    def annotations(*more: str) -> dict[str, str]:
        rendered = template(SETS["minimal"], *more)
        (found,) = [
            each
            for each in yaml.safe_load_all(rendered.stdout)
            if each and each["kind"] == "Deployment" and each["metadata"]["name"] == "qwhisk-gateway"
        ]
        result: dict[str, str] = found["spec"]["template"]["metadata"]["annotations"]
        return result

    before = annotations()
    assert (
        annotations("--set", "gateway.settings.LOG_LEVEL=DEBUG")["qwhisk/settings"]
        != before["qwhisk/settings"]
    )
    changed = annotations("--set", "gateway.secrets.GATEWAY_API_KEYS=ada:0")
    assert changed["qwhisk/secrets"] != before["qwhisk/secrets"]
    assert annotations("--set", "poller.settings.LOG_LEVEL=DEBUG") == before
