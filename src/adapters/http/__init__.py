"""The HTTP driver: REST, events and MCP on one Litestar application under uvicorn."""
