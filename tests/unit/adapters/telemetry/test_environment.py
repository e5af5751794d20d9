"""What the OTEL_* variables ask for."""

import pytest

from netsonde.adapters.telemetry.environment import exports

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
URL = "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("environ", "traces", "metrics"),
    [
        ({}, False, False),
        ({ENDPOINT: ""}, False, False),
        ({ENDPOINT: URL}, True, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{URL}/v1/traces"}, True, False),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{URL}/v1/metrics"}, False, True),
        ({ENDPOINT: URL, "OTEL_TRACES_EXPORTER": "none"}, False, True),
        ({ENDPOINT: URL, "OTEL_METRICS_EXPORTER": "none"}, True, False),
        ({ENDPOINT: URL, "OTEL_METRICS_EXPORTER": "otlp"}, True, True),
        ({ENDPOINT: URL, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True, True),
    ],
)
def test_a_signal_is_exported_where_it_has_an_endpoint(
    environ: dict[str, str], traces: bool, metrics: bool
) -> None:
    wanted = exports(environ)
    assert (wanted.traces, wanted.metrics, wanted.broken) == (traces, metrics, ())


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        (ENDPOINT, "localhost:4318"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
    ],
)
def test_what_cannot_be_followed_is_named_once_and_not_exported(variable: str, value: str) -> None:
    wanted = exports({ENDPOINT: URL, variable: value})
    assert not wanted.traces
    assert [one.source for one in wanted.broken] == [variable]


def test_a_signals_own_variable_goes_before_the_general_one() -> None:
    wanted = exports(
        {
            ENDPOINT: URL,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf",
        }
    )
    assert (wanted.traces, wanted.metrics) == (False, True)


def test_a_disabled_sdk_is_reported_since_metrics_are_empty_then() -> None:
    assert [one.source for one in exports({"OTEL_SDK_DISABLED": "true"}).broken] == [
        "OTEL_SDK_DISABLED"
    ]
