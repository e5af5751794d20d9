"""The files under /run and /etc that the lab replaces while it stands."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

STATE: Final = Path("/run/lab")

_FILES: Final = {
    "/etc/resolv.conf": "nameserver 10.77.3.53\noptions timeout:1 attempts:2\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
}


@contextmanager
def mounted() -> Iterator[None]:
    """Also an empty /run: sockets of the machine's services (nscd, resolved, D-Bus) live there."""
    # A resolv.conf that systemd-resolved keeps is a link into /run, which is about to be hidden.
    targets = {name: Path(os.path.realpath(name)) for name in _FILES}
    undo = ["/run"]
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    try:
        for folder in (STATE, Path("/run/netns")):
            folder.mkdir()
        for name, text in _FILES.items():
            target = targets[name]
            if target.is_relative_to("/run"):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
                continue
            if name == "/etc/hosts" and not target.exists():
                continue  # a bare system has none, so there is nothing to hide
            source = STATE / target.name
            source.write_text(text)
            _run("mount", "--bind", str(source), str(target))
            undo.append(str(target))
        yield
    finally:
        for target_name in reversed(undo):
            _run("umount", "--lazy", target_name)


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True)
