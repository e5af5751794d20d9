"""MCP: the tools for AI assistants, the same handlers behind every transport of the protocol."""
