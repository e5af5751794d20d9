"""Whether control groups can be had here, and what they bound: tried once, at start."""

from ...domain.layer import Layer, LayerMode, switched_off
from ...domain.plan import Limits
from . import links
from .cgroups import Cgroups, find_homes
from .probe import told, tried

_NAME = "cgroup"
_FIX = (
    "Delegate a cgroup to the server (systemd: Delegate=memory pids; a container: a writable "
    "/sys/fs/cgroup)."
)
_TRIAL = Limits(
    timeout_s=5,
    max_stdout_bytes=1,
    max_stderr_bytes=1,
    max_memory_bytes=64 * 1024 * 1024,
    max_file_descriptors=64,
    max_cpu_s=5,
)


def find_cgroups(mode: LayerMode, max_processes: int, true: str) -> tuple[Cgroups | None, Layer]:
    """A short process, `true`, goes into a group. The layer is there if memory and processes are bounded."""
    if mode is LayerMode.OFF:
        return None, switched_off(_NAME)
    try:
        homes = find_homes()
        if not homes:
            return None, Layer(_NAME, False, "no cgroup is writable (EACCES)", mode, _FIX)
        cgroups = Cgroups(homes, max_processes=max_processes)
        with cgroups.slot(_TRIAL) as slot:
            failure = tried(*links.join_words(slot.joins), true)
    except OSError as error:
        failure = told(error)
    if failure:
        return None, Layer(_NAME, False, failure, mode, _FIX)
    where = ", ".join(f"{home.path} (v{home.version})" for home in homes)
    bounded = " and ".join(sorted(cgroups.controllers)) or "nothing"
    whole = {"memory", "pids"} <= cgroups.controllers
    reason = f"{bounded} bounded in {where}"
    return cgroups, Layer(_NAME, whole, reason, mode, "" if whole else _FIX)
