"""Where control groups can be made, read from what the kernel says of hierarchies and mounts."""

from pathlib import Path

from netsonde.adapters.process.cgroups import find_homes

V1 = "33 32 0:29 / {0}/{1} rw,relatime - cgroup cgroup rw,{1}"
V2 = "44 32 0:30 {1} {0} rw,relatime - cgroup2 cgroup2 rw,nsdelegate"


def test_version_1_has_a_home_for_each_controller_that_bounds(tmp_path: Path) -> None:
    for name in ("memory", "pids", "freezer"):
        (tmp_path / name / "mine").mkdir(parents=True)
    own = "9:freezer:/mine\n8:pids:/mine\n4:memory:/mine\n0::/\n"
    mounts = "\n".join(V1.format(tmp_path, name) for name in ("memory", "pids", "freezer"))
    homes = find_homes(own, mounts)
    assert [(home.path, home.version, set(home.controllers)) for home in homes] == [
        (f"{tmp_path}/memory/mine", 1, {"memory"}),
        (f"{tmp_path}/pids/mine", 1, {"pids"}),
    ]


def test_version_2_counts_with_controllers_or_where_packet_filters_want_it(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    own, mounts = "0::/outer/mine\n", V2.format(tmp_path, "/outer")
    assert find_homes(own, mounts) == ()
    (home,) = find_homes(own, mounts, unified=True)
    assert (home.path, home.version, home.controllers) == (f"{tmp_path}/mine", 2, frozenset())
    (tmp_path / "mine" / "cgroup.controllers").write_text("cpu memory pids\n")
    (tmp_path / "mine" / "cgroup.subtree_control").write_text("memory pids\n")
    (home,) = find_homes(own, mounts)
    assert home.controllers == {"memory", "pids"}


def test_a_group_that_is_not_under_the_mount_is_no_home(tmp_path: Path) -> None:
    assert find_homes("0::/elsewhere\n", V2.format(tmp_path, "/outer"), unified=True) == ()
    assert find_homes("", "", unified=True) == ()
