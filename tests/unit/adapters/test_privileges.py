"""What a process status and the sockets that open say about privileges."""

import os
import socket

import pytest

from netsonde.adapters.privileges import judge_privileges, look_up_privileges

FULL, NONE, OTHERS = "000001ffffffffff", "0000000000000000", "000001ffffffdfff"


def status(*, effective: str = NONE, bounding: str = FULL, ambient: str = NONE) -> str:
    return (
        f"Name:\tserver\nCapInh:\t{NONE}\nCapPrm:\t{effective}\nCapEff:\t{effective}\n"
        f"CapBnd:\t{bounding}\nCapAmb:\t{ambient}\nNoNewPrivs:\t0\n"
    )


def every_socket_opens(_: socket.SocketKind) -> bool:
    return True


@pytest.mark.parametrize(
    ("text", "uid", "raw"),
    [
        (status(effective=FULL), 0, True),
        (status(effective=OTHERS), 0, False),
        (status(effective=FULL, bounding=OTHERS), 0, False),
        (status(effective=FULL), 1000, False),  # lost at execve
        (status(effective=FULL, ambient=FULL), 1000, True),
        (status(), 1000, False),
        ("", 0, False),
    ],
)
def test_only_a_capability_that_survives_execve_counts(text: str, uid: int, raw: bool) -> None:
    assert judge_privileges(text, uid, every_socket_opens).raw_sockets is raw


def test_a_capability_that_opens_no_socket_does_not_count() -> None:
    privileges = judge_privileges(
        status(effective=FULL), 0, lambda kind: kind is not socket.SOCK_RAW
    )
    assert not privileges.raw_sockets
    assert privileges.icmp_sockets


def test_icmp_sockets_are_what_the_kernel_opens() -> None:
    privileges = judge_privileges(
        status(effective=FULL), 0, lambda kind: kind is not socket.SOCK_DGRAM
    )
    assert privileges.raw_sockets
    assert not privileges.icmp_sockets


def test_this_process_can_be_looked_up() -> None:
    assert look_up_privileges().uid == os.geteuid()
