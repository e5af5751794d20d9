"""The credentials of one start: what the settings say of tokens, read and checked."""

import logging
from collections.abc import Collection

from ..adapters.tokens_file import read_tokens_file
from ..application.gate import Credential
from ..application.tokens import admin_credential
from .settings import Settings
from .settings_problems import ConfigError, Problem

_log = logging.getLogger("netsonde")


def read_credentials(settings: Settings, tools: Collection[str]) -> tuple[Credential, ...]:
    """Every credential, none if the settings name none; raises ConfigError with all problems."""
    security = settings.security
    credentials: list[Credential] = []
    problems: list[Problem] = []
    if security.auth_token:
        admin = admin_credential(security.auth_token)
        if isinstance(admin, str):
            problems.append(Problem("MCP_AUTH_TOKEN", "security.auth_token", admin))
        else:
            credentials.append(admin)
    if security.tokens_file:
        tokens = read_tokens_file(security.tokens_file, tools=tools)
        credentials.extend(tokens.credentials)
        problems.extend(
            Problem(security.tokens_file, flaw.key, flaw.reason) for flaw in tokens.problems
        )
        for warning in tokens.warnings:
            fields = {"file": security.tokens_file, "problem": warning}
            _log.warning("security.tokens_file", extra={"fields": fields})
    if problems:
        raise ConfigError(problems)
    return tuple(credentials)
