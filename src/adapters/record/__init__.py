"""The record: executions and what befell the service, kept in SQLite as a chain that shows tampering."""
