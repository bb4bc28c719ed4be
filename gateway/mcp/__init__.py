"""The functions as tools of the Model Context Protocol (MCP), at `/mcp`.

The package `mcp` is imported with the first message: it takes time and memory that a gateway without MCP
clients does not need. Only `server.py` and the modules that it imports may import it.
"""
