"""Oracles that we did not write: the programs themselves say what a plan means, and whether it is one."""

import asyncio
import os
import random
import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, ip_network

import msgspec
import pytest

from netsonde.application.ports import Ended, HowEnded
from netsonde.domain.plan import Plan
from netsonde.domain.planning import Allowed, judge
from netsonde.domain.policy import RFC1918, Policy
from netsonde.domain.privileges import Privileges
from netsonde.domain.request import Request
from netsonde.domain.terms import Terms
from netsonde.domain.tool import Tool
from netsonde.domain.tools import TOOLS
from netsonde.domain.tools.nmap import NmapTool
from tests.contract import option_samples
from tests.contract.lab.access import Lab
from tests.contract.lab_product import WITH_IPV6, path_of, runner, terms_of

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

SEED = 20_240_607
FUZZING = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
_EXAMPLES = int(os.environ.get("NETSONDE_FUZZ_EXAMPLES", "20000"))
TARGET_PLANS = max(5000, _EXAMPLES // 10) if FUZZING else 5000
COMBINATIONS = max(120, _EXAMPLES // 200) if FUZZING else 120
AT_ONCE = 16
CAPABLE, POWERLESS = Privileges(raw_sockets=True), Privileges(raw_sockets=False)


# --- the targets of a plan are the judged addresses -------------------------------------------------


def any_target(chance: random.Random) -> str:
    """A network or an address, private as a rule, in the spellings that we take."""
    inside = chance.choice((*RFC1918, ip_network("0.0.0.0/0")))
    assert isinstance(inside, IPv4Network)
    number = int(inside.network_address) + chance.randrange(inside.num_addresses)
    edges = (int(inside.network_address), int(inside.broadcast_address))
    address = IPv4Address(chance.choice((number, number, number, *edges)))
    # Small ones more often: a /22 is 1024 lines to read.
    prefix = chance.choice((32, *range(22, 33), *range(27, 32), *range(27, 32), 16, 8, 0))
    return str(address) if chance.random() < 0.2 else f"{address}/{prefix}"


def harmless_args(tool: Tool, chance: random.Random) -> str:
    """Options that may stand beside the targets; with -sL nothing is sent for any of them."""
    rows = [row for row in option_samples.rows(tool) if row.key not in ("help", "version")]
    chosen = chance.sample(rows, chance.randint(0, 3))
    given = [tool.grammar.given(row, chance.choice(option_samples.values(row))) for row in chosen]
    return option_samples.text_of(given)


def network_plans(count: int, seed: int) -> list[Plan]:
    """Distinct plans of NmapTool; what is refused on the way is not counted."""
    tool, chance = NmapTool(), random.Random(seed)
    terms = terms_of(tool, Policy(allow_intrusive=True, max_args_len=16_384))
    plans: dict[tuple[str, ...], Plan] = {}
    while len(plans) < count:
        request = Request(target=any_target(chance), extra_args=harmless_args(tool, chance))
        verdict = judge(tool, request, terms, CAPABLE)
        if isinstance(verdict, Allowed):
            plans[verdict.plan.argv] = verdict.plan
    return list(plans.values())


def targets_in(plan: Plan) -> tuple[str, ...]:
    """The words after `--`; there is exactly one such mark."""
    assert plan.argv.count("--") == 1
    return plan.argv[plan.argv.index("--") + 1 :]


def judged(plan: Plan) -> list[str]:
    """Every address that was judged, by Python's ipaddress."""
    return [str(one) for text in plan.addresses for one in ip_network(text)]


async def listed_by_nmap(targets: Sequence[str]) -> list[str]:
    """What nmap takes the words for. -sL sends nothing and -n asks nobody."""
    process = await asyncio.create_subprocess_exec(
        path_of("nmap"), "-sL", "-n", "-oG", "-", "--", *targets, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return re.findall(r"^Host: (\S+) \(\)\tStatus: Unknown$", said.decode(), re.MULTILINE)


async def check_targets(plans: Iterable[Plan]) -> None:
    """One call of nmap for each plan: in a joint list, one plan's error could hide another's."""
    waiting = iter(plans)

    async def check_some() -> None:
        for plan in waiting:
            assert await listed_by_nmap(targets_in(plan)) == judged(plan), plan.argv

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(check_some())


@pytest.mark.fuzz
def test_nmap_takes_the_targets_of_thousands_of_plans_for_exactly_the_judged_addresses() -> None:
    asyncio.run(check_targets(network_plans(TARGET_PLANS, SEED)))


def test_the_oracle_itself_tells_a_foreign_address(lab: Lab) -> None:
    assert asyncio.run(listed_by_nmap(("10.0.0.8", lab.public))) == ["10.0.0.8", lab.public]
    assert asyncio.run(listed_by_nmap(("10.0.0,8.8",))) == ["10.0.0.8", "10.0.8.8"]


# --- the programs accept what is planned ------------------------------------------------------------

# Long enough to get past the reading of options and the opening of sockets. What goes on is accepted.
ENOUGH_S = {"nmap": 1.5, "dig": 1.2, "ping": 0.4, "mtr": 0.4, "traceroute": 0.5}
# nmap and traceroute: done. ping: 1 is "no reply". dig: 9 is "no answer", 10 "an internal error".
ACCEPTED = {"nmap": {0}, "traceroute": {0}, "mtr": {0}, "ping": {0, 1}, "dig": {0, 9}}
# What this host's kernel, network or user says no to. Elsewhere the same command line works.
OF_THE_HOST = re.compile(
    r"bind: Address already in use"  # a source port that somebody happens to use
    r"|SO_DEBUG: Permission denied"  # needs CAP_NET_ADMIN of the machine itself
    r"|Socket type not supported|Packet type unsupported"  # a kernel without DCCP or SCTP
    r"|bind: Permission denied"  # ports below 1024 without CAP_NET_BIND_SERVICE
    r"|Unexpected mtr-packet error"  # longer than the device's MTU
    r"|can't set flowlabel"  # in use by another socket, or was until a few seconds ago
)
COMPLAINTS = re.compile(
    r"QUITTING|[Uu]nrecognized|[Ii]nvalid|[Ii]llegal|requires an argument|[Uu]sage|out of range"
    r"|not allowed|Cannot handle|unknown (?:option|argument)"
)
PRINTS_USAGE = re.compile(r"(?:^| )(?:-h|--help|-V|-v|--version)(?: |$)")
_BOUNDED = {"ping": "-c", "mtr": "-c", "traceroute": "-q"}


def asked(tool: Tool, text: str) -> Request:
    """A request with these options, for a target of the IP version that they are for."""
    needs_ipv6 = any(
        name in text.split() for row in tool.table if row.family == 6 for name in row.names
    )
    match tool.command_name:
        case "dig":
            target = "10.77.2.10" if "-x" in text.split() else "web.lab.internal"
        case "nmap":
            target = "fd77:1::2" if needs_ipv6 else "10.77.1.2"  # a router: every port answers
        case _:
            target = "fd77:2::10" if needs_ipv6 else "10.77.2.10"
    once = _BOUNDED.get(tool.command_name)
    if once is not None and once not in text.split():
        text = f"{text} {once} 1".strip()
    return Request(target=target, extra_args=text, timeout_sec=1.0)


def plans_of(tool: Tool, texts: Iterable[str], privileges: Privileges) -> dict[str, Plan]:
    """What is planned of these texts, by text; the refused ones are left out."""
    policy = msgspec.structs.replace(WITH_IPV6, allow_intrusive=True, max_args_len=16_384)
    terms = msgspec.structs.replace(
        terms_of(tool, policy), max_stdout_bytes=65_536, max_stderr_bytes=65_536
    )
    return dict(_allowed(tool, texts, terms, privileges))


def _allowed(
    tool: Tool, texts: Iterable[str], terms: Terms, privileges: Privileges
) -> Iterable[tuple[str, Plan]]:
    for text in texts:
        verdict = judge(tool, asked(tool, text), terms, privileges)
        if isinstance(verdict, Allowed):
            limits = msgspec.structs.replace(
                verdict.plan.limits, timeout_s=ENOUGH_S[tool.command_name]
            )
            yield text, msgspec.structs.replace(verdict.plan, limits=limits)


async def run_all(plans: dict[str, Plan], *, capable: bool) -> dict[str, Ended]:
    """Each by the real runner, with all its limits, several at a time."""
    real, places = runner(capable=capable), asyncio.Semaphore(AT_ONCE)

    async def run_one(text: str, plan: Plan) -> tuple[str, Ended]:
        async with places:
            return text, await real.run(plan)

    return dict(await asyncio.gather(*(run_one(text, plan) for text, plan in plans.items())))


def objection(tool: Tool, text: str, ended: Ended) -> str | None:
    """Why the program did not take the command line, in its own words; None if it did."""
    said = ended.stderr.data.decode("utf-8", "replace")
    if ended.how is HowEnded.NOT_STARTED:
        return ended.reason
    if OF_THE_HOST.search(said) or PRINTS_USAGE.search(text):
        return None
    refused = ended.how is HowEnded.EXITED and (ended.returncode not in ACCEPTED[tool.command_name])
    return (
        said[-300:] or f"status {ended.returncode}" if refused or COMPLAINTS.search(said) else None
    )


def check_acceptance(tool: Tool, texts: Iterable[str], *, capable: bool, at_least: int) -> None:
    plans = plans_of(tool, texts, CAPABLE if capable else POWERLESS)
    ended = asyncio.run(run_all(plans, capable=capable))
    objections = {
        text[:120]: said
        for text, end in ended.items()
        if (said := objection(tool, text, end)) is not None
    }
    assert not objections
    assert len(plans) >= at_least


each_tool = pytest.mark.parametrize("tool", [kind() for kind in TOOLS], ids=lambda tool: tool.name)


def combinations(tool: Tool, seed: int) -> list[str]:
    chance = random.Random(seed)
    return [option_samples.together(tool, chance) for _ in range(COMBINATIONS)]


@each_tool
def test_the_program_takes_every_option_with_every_kind_of_value(tool: Tool) -> None:
    check_acceptance(tool, option_samples.alone(tool), capable=True, at_least=50)


@each_tool
@pytest.mark.fuzz
def test_the_program_takes_options_in_combination(tool: Tool) -> None:
    check_acceptance(tool, combinations(tool, SEED), capable=True, at_least=60)


@each_tool
@pytest.mark.fuzz
def test_the_program_takes_what_is_planned_for_a_server_without_capabilities(tool: Tool) -> None:
    check_acceptance(tool, combinations(tool, SEED + 1), capable=False, at_least=10)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("nmap", ("-sn", "-p80", "10.77.1.2")),
        ("ping", ("-c", "0", "10.77.2.10")),
        ("traceroute", ("-f", "9", "-m", "3", "10.77.2.10")),
        ("mtr", ("--nonsense", "10.77.2.10")),
        ("dig", ("+nonsense", "web.lab.internal")),
    ],
)
def test_the_oracle_itself_tells_a_usage_error(program: str, words: tuple[str, ...]) -> None:
    tool = next(kind() for kind in TOOLS if kind.command_name == program)
    (plan,) = plans_of(tool, [""], CAPABLE).values()
    wrong = msgspec.structs.replace(plan, argv=(plan.argv[0], *words))
    (ended,) = asyncio.run(run_all({"wrong": wrong}, capable=True)).values()
    assert objection(tool, "wrong", ended) is not None
