"""Which signals the OTEL_* variables ask for; read without importing anything of OpenTelemetry."""

from collections.abc import Mapping

import msgspec

from ...application.catalog import Broken

_SIGNALS = ("traces", "metrics")


class Exports(msgspec.Struct, frozen=True, kw_only=True):
    """What goes to a collector by OTLP, and the variables that can't be followed."""

    traces: bool = False
    metrics: bool = False
    broken: tuple[Broken, ...] = ()


def exports(environ: Mapping[str, str]) -> Exports:
    """Read the variables as the OpenTelemetry specification has them; an empty one is not set.

    A signal is exported when it has an endpoint, its own or the general one, unless
    OTEL_TRACES_EXPORTER or OTEL_METRICS_EXPORTER is `none`.
    """
    broken: list[Broken] = []
    wanted = {signal: _wanted(environ, signal, broken) for signal in _SIGNALS}
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        reason = "it also empties /metrics; to send nothing, leave the OTLP endpoint unset instead"
        broken.append(Broken(source="OTEL_SDK_DISABLED", reason=reason))
    return Exports(**wanted, broken=tuple(dict.fromkeys(broken)))


def _wanted(environ: Mapping[str, str], signal: str, broken: list[Broken]) -> bool:
    name, endpoint = _set(environ, "OTEL_EXPORTER_OTLP_", signal, "ENDPOINT")
    if not endpoint:
        return False
    exporter = f"OTEL_{signal.upper()}_EXPORTER"
    exporters = {each.strip() for each in environ.get(exporter, "otlp").split(",")} - {""}
    if exporters == {"none"}:
        return False
    problems = []
    if exporters - {"otlp"}:
        problems.append((exporter, "only `otlp` and `none` are known here"))
    if not endpoint.lower().startswith(("http://", "https://")):
        problems.append((name, "it is no URL; write it as http://HOST:4318"))
    protocol_name, protocol = _set(environ, "OTEL_EXPORTER_OTLP_", signal, "PROTOCOL")
    if protocol not in ("", "http/protobuf"):
        reason = "only http/protobuf is spoken here: unset it, and name the collector's port 4318"
        problems.append((protocol_name, reason))
    broken += [Broken(source=source, reason=reason) for source, reason in problems]
    return not problems


def _set(environ: Mapping[str, str], prefix: str, signal: str, what: str) -> tuple[str, str]:
    """The signal's own variable, or the general one: its name and value."""
    own, general = f"{prefix}{signal.upper()}_{what}", f"{prefix}{what}"
    name = own if environ.get(own, "").strip() else general
    return name, environ.get(name, "").strip()
