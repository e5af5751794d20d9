"""The way forward for each rule; the keys are all the rules that a judgement can give."""

from collections.abc import Mapping

_OPERATOR = (
    "Allowed are {allowed}. If this target should be, the operator adds it to "
    "security.allowed_networks (MCP_SECURITY_ALLOWED_NETWORKS) and starts or reloads netsonde."
)
_WRITE_PLAINLY = "Give one target: an address such as 10.0.0.1, a network such as 10.0.0.0/24 (nmap only), or a name."
RECOVERY: Mapping[str, str] = {
    "access.network": "Choose a target inside the token's networks; the operator changes these in the tokens file.",
    "argument.characters": "Write plain options separated by spaces, without shell characters or quoted option names.",
    "argument.length": "Send fewer options; a profile or the typed `options` may say it in less.",
    "option.forbidden": "Leave it out; no setting allows it.",
    "option.intrusive": (
        "Leave it out, or ask the operator to set security.allow_intrusive "
        "(MCP_SECURITY_ALLOW_INTRUSIVE=true)."
    ),
    "option.positional": "Leave it out; to examine another target, make another call.",
    "option.privilege": (
        "Leave it out, or the operator gives the server CAP_NET_RAW; `netsonde doctor` tells how."
    ),
    "option.unknown": "Use an option from the tool's table, spelled in full; `netsonde tools` and the input schema list them.",
    "option.value": "Correct the value or leave the option out.",
    "target.characters": _WRITE_PLAINLY,
    "target.denied": "Choose a target outside security.denied_networks.",
    "target.link_local": _OPERATOR,
    "target.loopback": _OPERATOR,
    "target.malformed": _WRITE_PLAINLY,
    "target.multicast": _OPERATOR,
    "target.not_allowed": _OPERATOR,
    "target.not_one_host": "Give one address or name. NmapTool with -sn examines a network.",
    "target.public": _OPERATOR,
    "target.rebinding": (
        "Examine one of the allowed addresses by its number, or have the name's records corrected."
    ),
    "target.reserved": _OPERATOR,
    "target.spelling": _WRITE_PLAINLY,
    "target.suffix": (
        "Allowed are {allowed}. If this name should be, the operator adds its suffix to "
        "security.allowed_suffixes (MCP_SECURITY_ALLOWED_SUFFIXES) and starts or reloads netsonde."
    ),
    "target.too_large": (
        "Use a smaller network, at most {max_hosts} addresses a call; walk a large one in steps."
    ),
    "target.unresolved": "Check the name, ask DigTool about it, or give the address.",
}
