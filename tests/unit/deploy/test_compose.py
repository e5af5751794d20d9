"""compose.yaml: bounds, names, settings. `make deploy-check` compares it with the schema."""

import re

import pytest
import yaml

from tests.unit.deploy.tree import DEPLOY, defaults, read, services, settings_of

COMPOSE = yaml.safe_load(read("docker/compose.yaml"))
SERVICES = services()


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_of_compose_is_bounded_and_closed(name: str) -> None:
    service = SERVICES[name]
    assert {"mem_limit", "cpus", "pids_limit"} <= service.keys()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(option.startswith("no-new-privileges:") for option in service["security_opt"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert not {"privileged", "network_mode", "pid", "devices"} & service.keys()


def test_netsonde_has_the_bounds_of_its_design_and_one_capability() -> None:
    netsonde = SERVICES["netsonde"]
    assert (netsonde["mem_limit"], netsonde["cpus"], netsonde["pids_limit"]) == ("512m", 1.0, 100)
    assert netsonde["cap_add"] == ["NET_RAW"]
    assert [name for name in SERVICES if "cap_add" in SERVICES[name]] == ["netsonde"]


def test_images_from_elsewhere_are_pinned() -> None:
    for name, service in SERVICES.items():
        if "build" not in service:
            assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", service["image"]), name


def test_compose_names_only_what_it_defines() -> None:
    for service in SERVICES.values():
        assert set(service.get("networks", ())) <= COMPOSE["networks"].keys()
        assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys()
        assert set(service.get("depends_on", ())) <= SERVICES.keys()
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / "docker" / source).exists(), source
            else:
                assert source in COMPOSE["volumes"]
    build = SERVICES["netsonde"]["build"]
    assert (DEPLOY / "docker" / build["context"] / build["dockerfile"]).is_file()


def test_secrets_of_compose_are_files_that_git_ignores() -> None:
    for secret in COMPOSE["secrets"].values():
        assert secret.keys() == {"file"}
        assert secret["file"].startswith("./secrets/")
    assert read("docker/secrets/.gitignore").splitlines()[1] == "*"


def test_netsonde_takes_the_settings_of_compose_and_has_the_time_to_end() -> None:
    netsonde = SERVICES["netsonde"]
    loaded = settings_of({name: defaults(text) for name, text in netsonde["environment"].items()})
    assert loaded.settings.server.shutdown_grace + 3 < float(
        netsonde["stop_grace_period"].removesuffix("s")
    )
    (monitoring,) = COMPOSE["networks"]["monitoring"]["ipam"]["config"]
    assert loaded.settings.security.denied_networks == (monitoring["subnet"],)
