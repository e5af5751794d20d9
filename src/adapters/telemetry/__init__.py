"""Metrics and traces through OpenTelemetry; imported only where a service is to be watched."""
