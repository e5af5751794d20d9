"""The use of the host or of the container's share, over control groups that tests write down."""

import os
from pathlib import Path

import psutil
import pytest

from netsonde.adapters.machine import HostMachine
from netsonde.adapters.machine.cgroups import ControlGroups, Memory
from netsonde.adapters.memory import FakeClock

MIB = 1 << 20
GIB = 1 << 30


class Host:
    """A procfs and control groups in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "proc").mkdir()

    def proc(self, cgroup: str, *mounts: str) -> None:
        (self.folder / "proc" / "cgroup").write_text(cgroup)
        lines = [f"30 20 0:1 {mount}\n" for mount in mounts]
        (self.folder / "proc" / "mountinfo").write_text("".join(lines))

    def write(self, path: str, text: str | int) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")

    def groups(self) -> ControlGroups:
        return ControlGroups(str(self.folder / "proc"))

    def machine(self, clock: FakeClock) -> HostMachine:
        return HostMachine(str(self.folder), clock, self.groups())


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture
def version_2(host: Host) -> Host:
    """A service of systemd with limits of its own, in a slice with others."""
    mount = f"/ {host.folder}/two rw - cgroup2 cgroup2 rw,nsdelegate"
    host.proc("0::/system.slice/netsonde.service\n", mount, "/ /tmp rw - tmpfs tmpfs rw")
    own = "two/system.slice/netsonde.service"
    host.write("two/system.slice/memory.max", 400 * MIB)
    host.write("two/system.slice/memory.current", 300 * MIB)
    host.write(f"{own}/memory.max", 200 * MIB)
    host.write(f"{own}/memory.current", 150 * MIB)
    host.write(f"{own}/memory.stat", f"anon 1\ninactive_file {50 * MIB}\nfile 3")
    host.write("two/system.slice/cpu.max", "max 100000")
    host.write(f"{own}/cpu.max", "50000 100000")
    host.write(f"{own}/cpu.stat", "usage_usec 1000000\nuser_usec 1")
    return host


@pytest.fixture
def version_1(host: Host) -> Host:
    """A container without a namespace of its own: the mount shows its part of the tree."""
    root = "/docker/abc"
    host.proc(
        f"4:memory:{root}\n3:cpu,cpuacct:{root}\n0::/\n",
        f"{root} {host.folder}/mem ro - cgroup cgroup rw,memory",
        f"{root} {host.folder}/cpu ro - cgroup cgroup rw,cpu,cpuacct",
    )
    host.write("mem/memory.limit_in_bytes", 100 * MIB)
    host.write("mem/memory.usage_in_bytes", 60 * MIB)
    host.write("mem/memory.stat", f"inactive_file 1\ntotal_inactive_file {10 * MIB}")
    host.write("cpu/cpu.cfs_quota_us", 200000)
    host.write("cpu/cpu.cfs_period_us", 100000)
    host.write("cpu/cpuacct.usage", 5_000_000_000)
    return host


def test_the_limits_of_every_level_are_seen_and_the_tightest_counts(version_2: Host) -> None:
    assert version_2.groups().memory() == [
        Memory(300 * MIB, 400 * MIB),
        Memory(100 * MIB, 200 * MIB),
    ]
    assert version_2.machine(FakeClock()).usage().memory_percent == 75.0


def test_a_quota_of_cpu_time_is_the_whole(version_2: Host) -> None:
    clock = FakeClock()
    machine = version_2.machine(clock)
    clock.advance(10)
    stat = "two/system.slice/netsonde.service/cpu.stat"
    version_2.write(stat, "usage_usec 5000000")  # 4 s of the 5 s that half a CPU has in 10 s
    assert machine.usage().cpu_percent == 80.0
    clock.advance(10)
    assert machine.usage().cpu_percent == 0.0


def test_who_asks_again_at_once_does_not_spoil_the_answer(version_2: Host) -> None:
    clock = FakeClock()
    machine = version_2.machine(clock)
    stat = "two/system.slice/netsonde.service/cpu.stat"
    clock.advance(10)
    version_2.write(stat, "usage_usec 3500000")
    first = machine.usage().cpu_percent
    clock.advance(0.1)
    assert (first, machine.usage().cpu_percent) == (50.0, 50.0)


def test_version_1_is_read_too(version_1: Host) -> None:
    clock = FakeClock()
    machine = version_1.machine(clock)
    clock.advance(10)
    version_1.write("cpu/cpuacct.usage", 10_000_000_000)
    usage = machine.usage()
    assert usage.memory_percent == 50.0
    assert usage.cpu_percent == 25.0


def test_without_limits_it_is_the_hosts_use(version_2: Host, version_1_none: Host) -> None:
    for host in (version_2, version_1_none):
        for name in ("memory.max", "cpu.max"):
            for path in host.folder.rglob(name):
                path.write_text("max\n")
        assert host.groups().memory() == []
        assert host.groups().cpu() == []
        clock = FakeClock()
        machine = host.machine(clock)
        clock.advance(1)
        usage = machine.usage()
        assert abs(usage.memory_percent - psutil.virtual_memory().percent) < 20
        assert 0 <= usage.cpu_percent <= 100


@pytest.fixture
def version_1_none(tmp_path_factory: pytest.TempPathFactory) -> Host:
    host = Host(tmp_path_factory.mktemp("none"))
    host.proc("4:memory:/x\n", f"/ {host.folder}/mem ro - cgroup cgroup rw,memory")
    host.write("mem/memory.limit_in_bytes", 9223372036854771712)
    host.write("mem/x/memory.limit_in_bytes", 9223372036854771712)
    return host


def test_a_limit_above_what_the_host_has_is_none(version_2: Host) -> None:
    for path in version_2.folder.rglob("memory.max"):
        path.write_text(f"{4096 * GIB}\n")
    percent = version_2.machine(FakeClock()).usage().memory_percent
    assert abs(percent - psutil.virtual_memory().percent) < 20


@pytest.mark.parametrize("text", ["", "nonsense", "-5", "1 2 3", "9" * 30 + "x"])
def test_what_cannot_be_understood_is_no_limit(version_2: Host, text: str) -> None:
    for name in ("memory.max", "cpu.max", "cpu.stat"):
        for path in version_2.folder.rglob(name):
            path.write_text(text)
    assert version_2.groups().memory() == []
    assert version_2.groups().cpu() == []


def test_a_group_outside_of_the_namespace_is_the_mounts_own(host: Host) -> None:
    host.proc("0::/../elsewhere\n", f"/ {host.folder}/two rw - cgroup2 cgroup2 rw")
    host.write("two/memory.max", 100 * MIB)
    host.write("two/memory.current", 10 * MIB)
    assert host.groups().memory() == [Memory(10 * MIB, 100 * MIB)]


def test_a_host_without_control_groups_has_none(tmp_path: Path) -> None:
    groups = ControlGroups(str(tmp_path / "nowhere"))
    assert (groups.memory(), groups.cpu()) == ([], [])


def test_a_limit_of_nothing_is_used_up(version_2: Host) -> None:
    version_2.write("two/system.slice/memory.max", 0)
    assert version_2.machine(FakeClock()).usage().memory_percent == 100.0


def test_each_open_file_is_a_descriptor_and_the_folder_need_not_exist(host: Host) -> None:
    machine = HostMachine(str(host.folder / "not" / "yet"), FakeClock(), host.groups())
    before = machine.usage()
    descriptors = [os.open("/dev/null", os.O_RDONLY) for _ in range(5)]
    assert machine.usage().descriptors == before.descriptors + 5
    for descriptor in descriptors:
        os.close(descriptor)
    assert abs(before.disk_percent - psutil.disk_usage(str(host.folder)).percent) < 20
