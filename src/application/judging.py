"""Judging a request: what planning needs from the world is the addresses of a name, no more."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ..domain.access import Caller
from ..domain.planning import Allowed, Verdict, judge, name_to_resolve
from ..domain.privileges import Privileges
from ..domain.refusal import Refused
from ..domain.request import read
from .catalog import Entry
from .ports import Resolver, Tracer


class Judge:
    """Applies the operator's policy, narrowed for the caller."""

    def __init__(self, resolver: Resolver, privileges: Privileges, tracer: Tracer) -> None:
        self._resolver = resolver
        self._privileges = privileges
        self._tracer = tracer

    async def judge(self, entry: Entry, members: Mapping[str, Any], caller: Caller) -> Verdict:
        """Read a request, look its name up if that may be, decide."""
        request = caller.object_to_tool(entry.name) or read(members)
        if isinstance(request, Refused):
            return request
        policy = caller.narrow(entry.terms.policy)
        terms = msgspec.structs.replace(entry.terms, policy=policy)
        looked_up = None
        if (name := name_to_resolve(entry.tool, request, terms)) is not None:
            with self._tracer.span("resolve", hostname=name):
                looked_up = await self._resolver.resolve(name)
        with self._tracer.span("judge") as span:
            verdict = judge(entry.tool, request, terms, self._privileges, looked_up)
            span.set(verdict="allowed" if isinstance(verdict, Allowed) else verdict.rule)
        return verdict
