"""From a request to a plan or a refusal: the one path that everything which runs has gone through.

Pure: what the resolver said is handed in. The last line of `_decide` is the only `Allowed`.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

import msgspec

from .grammar import Grammar
from .kinds import Risk
from .options import Given, Item, Problem
from .plan import Plan
from .policy import Objection, Policy
from .privileges import Privileges
from .recovery import RECOVERY
from .refusal import Refused, Suggestion
from .request import Request
from .target import Address, Hostname, Malformed, Network, parse, reverse_of
from .terms import Resolved, Terms, Unresolved
from .tool import Draft, Tool
from .words import BAD_CHARACTERS, Word, quote, split

_GRAVE = ("argument.length", "argument.characters", "option.forbidden", "option.intrusive")


class Allowed(msgspec.Struct, frozen=True, tag=True):
    """The answer yes, and all that it covers."""

    plan: Plan


Verdict = Allowed | Refused


class _Objected(msgspec.Struct, frozen=True):
    """A refusal, and the request with every objection mended, if that can be done."""

    refused: Refused
    mended: Suggestion | None


def name_to_resolve(tool: Tool, request: Request, terms: Terms) -> str | None:
    """The name that must be looked up before `judge`, or None: no name, or one refused anyway."""
    if tool.asks_about_names:
        return None
    target = parse(request.target)
    if not isinstance(target, Hostname) or terms.policy.object_to_name(target) is not None:
        return None
    return target.name


def judge(
    tool: Tool,
    request: Request,
    terms: Terms,
    privileges: Privileges,
    looked_up: Resolved | Unresolved | None = None,
) -> Verdict:
    """Decide on `request`. A refusal's suggestion has been planned, and was allowed.

    `looked_up` is the answer for `name_to_resolve`; a name without one counts as unresolved.
    """
    outcome = _decide(tool, request, terms, privileges, looked_up)
    if isinstance(outcome, Allowed):
        return outcome
    mended = outcome.mended
    for _ in range(3):  # a mended target may uncover an objection behind it, rarely a third
        if mended is None:
            break
        again = Request(target=mended.target, extra_args=mended.extra_args)
        if again == msgspec.structs.replace(request, timeout_sec=None):
            break
        retried = _decide(tool, again, terms, privileges, looked_up)
        if isinstance(retried, Allowed):
            return msgspec.structs.replace(outcome.refused, suggestion=mended)
        mended = retried.mended
    return outcome.refused


def _decide(
    tool: Tool,
    request: Request,
    terms: Terms,
    privileges: Privileges,
    looked_up: Resolved | Unresolved | None,
) -> Allowed | _Objected:
    policy = terms.policy
    words, text_problem = _words(request.extra_args, policy.max_args_len)
    if request.profile is not None and request.profile not in terms.profiles:
        return _Objected(_no_profile(tool, request.profile, terms.profiles), None)
    profile = split(terms.profiles[request.profile]) if request.profile is not None else []
    grammar = tool.grammar
    sources = (
        grammar.read_words(profile or ()),
        _typed(request.options, grammar, policy.max_args_len),
        grammar.read_words(words),
    )

    subject, objection = _subject(tool, request.target, policy, looked_up)
    items = [_object(item, subject, policy, privileges, tool) for item in _merge(sources)]
    given = tuple(item for item in items if isinstance(item, Given))
    problems = [item for item in items if isinstance(item, Problem)]
    if not problems and (clash := tool.clash(given, subject)) is not None:
        problems = [clash]
        items = [item for item in items if clash.offending != _name_of(item)]
    if text_problem is not None:
        problems.insert(0, text_problem)

    if objection is not None or problems or subject is None:
        mended = None
        widens = any(problem.narrows and not problem.fix for problem in problems)
        if not widens and (objection is None or objection.nearest is not None):
            target = objection.nearest if objection and objection.nearest else request.target
            mended = Suggestion(target=target, extra_args=_mended_args(items))
        if text_problem is None and objection is not None:
            return _Objected(_refuse_target(request.target, objection, policy), mended)
        return _Objected(_refuse(min(problems, key=_seriousness)), mended)

    timeout_s = min(request.timeout_sec or terms.default_timeout_s, terms.max_timeout_s)
    notes = tuple(_notes(request, terms, sources, given))
    host_count = subject.num_addresses if isinstance(subject, Network) else 1
    draft = Draft(
        subject=subject,
        given=given,
        privileges=privileges,
        timeout_s=timeout_s,
        host_count=host_count,
        declined=frozenset(key for key, value in request.options.items() if value is False),
    )
    arranged = tool.arrange(draft)
    named = tuple(sorted({str(address) for item in given for address in item.addresses}))
    plan = Plan(
        tool=tool.name,
        target=request.target,
        argv=(terms.program, *arranged.words),
        addresses=named if tool.asks_about_names else (str(subject),),
        named_addresses=named,
        host_count=host_count,
        limits=terms.limits(timeout_s),
        reads_report=tool.reads_report,
        asks_resolver=arranged.asks_resolver,
        needs_raw_sockets=arranged.needs_raw_sockets,
        program_sha256=terms.program_sha256,
        notes=notes + arranged.notes,
    )
    return Allowed(plan)


def _words(text: str, max_length: int) -> tuple[list[Word], Problem | None]:
    """Split extra_args; with a Problem come the words that are left when it is mended."""
    if len(text) > max_length:
        return [], Problem(
            rule="argument.length",
            offending=f"{text[:40]}...",
            reason=f"extra_args has {len(text)} characters, at most {max_length} are taken",
            narrows=True,
        )
    if (bad := BAD_CHARACTERS.search(text)) is None:
        words = split(text)
        if words is not None:
            return words, None
        return [Word(part) for part in text.split() if not {'"', "'"} & set(part)], Problem(
            rule="argument.characters",
            offending=text[-40:],
            reason="a quotation mark is not closed",
        )
    # What comes before the bad character was meant: `-sn;id` without -sn would scan ports.
    kept = (BAD_CHARACTERS.split(part, maxsplit=1)[0] for part in text.split())
    clean = [Word(part) for part in kept if part not in ("", "-", "--")]
    return clean, Problem(
        rule="argument.characters",
        offending=bad[0],
        reason=f"the character {bad[0]!a} is not taken in options: there is no shell here",
    )


def _typed(options: Mapping[str, Any], grammar: Grammar, max_args_len: int) -> list[Item]:
    """Read the typed options. They may be twice as long as text: keys are longer than flags."""
    length = sum(len(key) + _length(value) for key, value in options.items())
    if length > 2 * max_args_len:
        return [
            Problem(
                rule="argument.length",
                offending=max(options, key=lambda key: len(key) + _length(options[key]))[:80],
                reason=f"options have {length} characters, at most {2 * max_args_len} are taken",
                narrows=True,
            )
        ]
    return [*_json_characters(options), *grammar.read_json(options)]


def _length(value: Any) -> int:
    """About how many characters a JSON value has; exact for strings and lists of them."""
    if isinstance(value, list):
        return sum(_length(item) if isinstance(item, str) else 20 for item in value)
    return len(value) if isinstance(value, str) else 20


def _json_characters(options: Mapping[str, Any]) -> list[Problem]:
    problems = []
    for key, value in options.items():
        texts = value if isinstance(value, list) else [value]
        for text in texts:
            if isinstance(text, str) and (bad := BAD_CHARACTERS.search(text)):
                problems.append(
                    Problem(
                        rule="argument.characters",
                        offending=bad[0],
                        reason=f"options.{key}: the character {bad[0]!a} is not taken",
                    )
                )
    return problems


def _subject(
    tool: Tool, text: str, policy: Policy, looked_up: Resolved | Unresolved | None
) -> tuple[Address | Network | Hostname | None, Objection | None]:
    """What is examined: the judged address or network, or for dig the judged name."""
    match parse(text):
        case Malformed(rule, reason, nearest):
            return None, Objection(rule=rule, reason=reason, nearest=nearest)
        case Hostname() as hostname:
            # A reverse look-up tells of its address, whatever suffixes are allowed.
            if tool.asks_about_names and (address := reverse_of(hostname)):
                objection = policy.object_to_address(address)
            else:
                objection = policy.object_to_name(hostname)
            if objection is not None:
                return None, objection
            if tool.asks_about_names:
                return hostname, None
            return _pin(hostname, policy, looked_up)
        case IPv4Network() | IPv6Network() as network:
            if not tool.takes_networks:
                return None, Objection(
                    rule="target.not_one_host",
                    reason=f"{tool.name} examines one host, not a network",
                )
            around = ip_address(text.partition("/")[0])
            return network, policy.object_to_network(network, around)
        case address:
            return address, policy.object_to_address(address)


def _pin(
    hostname: Hostname, policy: Policy, looked_up: Resolved | Unresolved | None
) -> tuple[Address | None, Objection | None]:
    """Judge EVERY address of a name, then use the first (IPv4 before IPv6)."""
    if not isinstance(looked_up, Resolved):
        reason = looked_up.reason if looked_up else "it was not looked up"
        return None, Objection(
            rule="target.unresolved", reason=f"{hostname} has no address: {reason}"
        )
    for address in looked_up.addresses:
        if getattr(address, "scope_id", None) is not None:  # any text may follow the %, in hosts(5)
            return None, Objection(
                rule="target.rebinding",
                reason=f"{hostname} has an address with a zone (%), which can't be judged",
            )
        if (objection := policy.object_to_address(address)) is not None:
            return None, Objection(
                rule="target.rebinding",
                reason=f"{hostname} has the address {address}; {objection.reason}",
            )
    return min(looked_up.addresses, key=lambda address: address.version), None


def _merge(sources: Sequence[Sequence[Item]]) -> list[Item]:
    """Join profile, options and extra_args: a later source overrides rows that exclude each other."""
    chosen: dict[str, Item] = {}
    problems: list[Item] = []
    for source in sources:
        here: dict[str, Given] = {}
        for item in source:
            if isinstance(item, Problem):
                problems.append(item)
                continue
            exclusion = item.option.exclusion
            before = here.get(exclusion)
            if before is None:
                here[exclusion] = item
            elif before.option is item.option and item.option.repeats:
                here[exclusion] = _join(before, item)
            elif before.words != item.words:
                problems.append(
                    Problem(
                        rule="option.value",
                        offending=item.written,
                        reason=f"{' '.join(before.words)} and {' '.join(item.words)} exclude each other",
                    )
                )
        for exclusion, item in here.items():
            chosen.pop(exclusion, None)
            chosen[exclusion] = item
    return [*problems, *chosen.values()]


def _join(first: Given, second: Given) -> Given:
    """One row for two, its comma lists joined, as the program itself would."""
    values = dict.fromkeys((*first.value.split(","), *second.value.split(",")))
    return msgspec.structs.replace(first, value=",".join(values))


def _object(
    item: Item,
    subject: Address | Network | Hostname | None,
    policy: Policy,
    privileges: Privileges,
    tool: Tool,
) -> Item:
    """Judge one row that was read; a row that passes comes back, perhaps in its unprivileged form."""
    if isinstance(item, Problem):
        return item
    option = item.option
    name = option.names[0]
    if option.risk is Risk.INTRUSIVE and not policy.allow_intrusive:
        return Problem(
            rule="option.intrusive",
            offending=item.written,
            reason=f"{name} is intrusive ({option.help})",
            fix=option.instead,
        )
    for address in item.addresses:
        if (objection := policy.object_to_address(address)) is not None:
            return Problem(
                rule="option.value",
                offending=item.written,
                reason=f"{name} names another host: {objection.reason}",
                narrows=option.narrows,
            )
    version = getattr(subject, "version", 0)
    if option.family and version and option.family != version:
        return Problem(
            rule="option.value",
            offending=item.written,
            reason=f"{name} is for IPv{option.family} targets, this one is IPv{version}",
        )
    if option.kind is not None and item.value:
        for risky in option.kind.risky(item.value):
            if risky.risk is Risk.FORBIDDEN or not policy.allow_intrusive:
                return Problem(
                    rule=f"option.{risky.risk}",
                    offending=risky.word,
                    reason=f"{risky.word} in {name} is {risky.risk} ({risky.why})",
                    fix=quote(tool.grammar.given(option, risky.without).words)
                    if risky.without
                    else "",
                )
    if option.raw and not privileges.raw_sockets:
        if option.unprivileged:
            return tool.grammar.named(option.unprivileged)
        return Problem(
            rule="option.privilege",
            offending=item.written,
            reason=f"{name} needs raw sockets, which the server does not have",
        )
    return item


def _notes(
    request: Request, terms: Terms, sources: Sequence[Sequence[Item]], given: Iterable[Given]
) -> Iterable[str]:
    if request.timeout_sec is not None and request.timeout_sec > terms.max_timeout_s:
        yield f"timeout_sec {request.timeout_sec:g} was capped to {terms.max_timeout_s:g}"
    kept = {item.option.names[0] for item in given}
    for source in sources:
        for item in source:
            if isinstance(item, Given) and item.option.unprivileged:
                name, instead = item.option.names[0], item.option.unprivileged
                if name not in kept and instead in kept:
                    yield f"{instead} was used instead of {name}: the server has no raw sockets"


def _mended_args(items: Iterable[Item]) -> str:
    parts = (quote(item.words) if isinstance(item, Given) else item.fix for item in items)
    return " ".join(part for part in parts if part)


def _seriousness(problem: Problem) -> int:
    """What a refusal with several reasons is named for: the gravest, then the first."""
    return _GRAVE.index(problem.rule) if problem.rule in _GRAVE else len(_GRAVE)


def _name_of(item: Item) -> str:
    return item.option.names[0] if isinstance(item, Given) else ""


def _no_profile(tool: Tool, profile: str, profiles: Mapping[str, str]) -> Refused:
    names = ", ".join(profiles) or "none"
    return Refused(
        rule="request.profile",
        offending=profile,
        reason=f"{tool.name} has no profile {profile!r}",
        recovery=f"The profiles of {tool.name}: {names}.",
    )


def _refuse(problem: Problem) -> Refused:
    return Refused(
        rule=problem.rule,
        offending=problem.offending,
        reason=problem.reason,
        recovery=RECOVERY[problem.rule],
    )


def _refuse_target(text: str, objection: Objection, policy: Policy) -> Refused:
    recovery = RECOVERY[objection.rule].format(
        allowed=policy.describe(), max_hosts=policy.max_hosts
    )
    return Refused(rule=objection.rule, offending=text, reason=objection.reason, recovery=recovery)
