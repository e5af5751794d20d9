"""Questions to the host."""

import socket
from pathlib import Path

from netsonde.adapters.system_probe import check_port, check_state_folder
from netsonde.domain.health import HealthStatus


def test_a_folder_that_is_there_or_could_be_made_is_fine(tmp_path: Path) -> None:
    assert check_state_folder(str(tmp_path)).status is HealthStatus.HEALTHY
    inside = tmp_path / "a" / "b"
    assert check_state_folder(str(inside)).status is HealthStatus.HEALTHY
    assert not inside.exists()


def test_a_file_in_its_place_degrades_and_has_a_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = check_state_folder(str(tmp_path / "file" / "state"))
    assert result.status is HealthStatus.DEGRADED
    assert result.fix


def test_a_taken_port_matters_only_if_it_is_needed() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert check_port(port, needed=True).status is HealthStatus.UNHEALTHY
        assert check_port(port, needed=False).status is HealthStatus.HEALTHY


def test_a_free_port_is_free() -> None:
    assert check_port(0, needed=True).status is HealthStatus.HEALTHY
