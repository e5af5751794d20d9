"""The manifests against the schemas of Kubernetes, each other, and the settings."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it ships no types
import pytest
import yaml

from netsonde.application.credentials import Flawed, read_credentials
from netsonde.domain.tools import TOOLS
from tests.unit.deploy.tree import DEPLOY, Document, documents, settings_of

KUBERNETES = DEPLOY / "kubernetes"
KUBERNETES_VERSION = "1.31"


def manifests() -> list[Path]:
    return sorted(path for path in KUBERNETES.glob("*.yaml") if path.name != "kustomization.yaml")


def manifest(kind: str) -> Document:
    (found,) = (one for path in manifests() for one in documents(path) if one["kind"] == kind)
    return found


def pod() -> Document:
    spec: Document = manifest("Deployment")["spec"]["template"]["spec"]
    return spec


def validate(document: Document) -> None:
    kubernetes_validate.validate(document, KUBERNETES_VERSION, strict=True)


@pytest.mark.parametrize("path", manifests(), ids=lambda path: path.name)
def test_each_manifest_is_what_kubernetes_expects(path: Path) -> None:
    for document in documents(path):
        validate(document)
        assert document["metadata"]["name"].startswith("netsonde")


def test_the_kustomization_has_every_manifest_but_the_example() -> None:
    (kustomization,) = documents(KUBERNETES / "kustomization.yaml")
    names = [path.name for path in manifests()]
    assert sorted(kustomization["resources"]) == [n for n in names if "example" not in n]
    assert kustomization["namespace"] == manifest("Namespace")["metadata"]["name"]


def patched(document: Document, patch: list[Document]) -> Document:
    """The operations of RFC 6902 that our patches use; KeyError for a path that is not there."""
    made = copy.deepcopy(document)
    for operation in patch:
        *way, last = (
            part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]
        )
        place: Any = made
        for part in way:
            place = place[int(part)] if isinstance(place, list) else place[part]
        assert (last in place) == (operation["op"] == "replace"), operation
        place[last] = operation["value"]
    return made


def test_the_patches_for_raw_sockets_apply_and_change_what_they_should() -> None:
    (kustomization,) = documents(KUBERNETES / "raw-sockets" / "kustomization.yaml")
    made = {}
    for patch in kustomization["patches"]:
        kind = patch["target"]["kind"]
        made[kind] = patched(manifest(kind), yaml.safe_load(patch["patch"]))
        validate(made[kind])
    (container,) = made["Deployment"]["spec"]["template"]["spec"]["containers"]
    security = container["securityContext"]
    assert security["capabilities"] == {"drop": ["ALL"], "add": ["NET_RAW"]}
    assert security["allowPrivilegeEscalation"] is True
    labels = made["Namespace"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"


def test_the_pod_meets_the_restricted_standard() -> None:
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["securityContext"]["runAsUser"] == 10001
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod()["automountServiceAccountToken"] is False
    assert manifest("ServiceAccount")["automountServiceAccountToken"] is False
    (container,) = pod()["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_pod_has_the_resources_of_its_design_and_its_probes() -> None:
    (container,) = pod()["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "250m", "memory": "256Mi"},
        "limits": {"cpu": "500m", "memory": "512Mi"},
    }
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"


def test_selectors_and_references_meet() -> None:
    labels = manifest("Deployment")["spec"]["template"]["metadata"]["labels"]
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert manifest(kind)["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert manifest("Service")["spec"]["selector"].items() <= labels.items()
    assert manifest("NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    names = {volume["name"] for volume in pod()["volumes"]}
    (container,) = pod()["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == names
    scaled = manifest("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert scaled["name"] == manifest("Deployment")["metadata"]["name"]
    assert "replicas" not in manifest("Deployment")["spec"]


def test_the_network_policy_lets_out_to_private_networks_and_name_servers_only() -> None:
    egress = manifest("NetworkPolicy")["spec"]["egress"]
    blocks = [to["ipBlock"]["cidr"] for rule in egress for to in rule["to"] if "ipBlock" in to]
    assert blocks == list(settings_of({}).settings.security.allowed_networks)
    for rule in egress:
        if any("ipBlock" not in to for to in rule["to"]):
            assert {port["port"] for port in rule["ports"]} == {53}


def test_netsonde_takes_the_settings_of_the_config_map(tmp_path: Path) -> None:
    (name, text) = next(iter(manifest("ConfigMap")["data"].items()))
    file = tmp_path / name
    file.write_text(text)
    (container,) = pod()["containers"]
    (variable,) = container["env"]
    assert variable["value"].endswith(name)
    settings = settings_of({}, file).settings
    assert settings.server.transport == "http"
    sleep = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert settings.server.shutdown_grace + 3 + sleep < pod()["terminationGracePeriodSeconds"]
    (state,) = (volume for volume in pod()["volumes"] if volume["name"] == "state")
    assert settings.state.max_mb < int(state["emptyDir"]["sizeLimit"].removesuffix("Mi"))


def test_netsonde_takes_the_tokens_of_the_example() -> None:
    (text,) = manifest("Secret")["stringData"].values()
    tools = [kind().name for kind in TOOLS]
    credentials = read_credentials(tomllib.loads(text), tools=tools)
    assert not isinstance(credentials, Flawed)
    (tokens,) = (volume for volume in pod()["volumes"] if volume["name"] == "tokens")
    assert tokens["secret"]["secretName"] == manifest("Secret")["metadata"]["name"]
