"""Whether the server of this container lives; for HEALTHCHECK, since the image has no curl.

Exit status 0 if /health/live answers 200, else 1. A container that serves stdio has no port to
ask: while its process runs it is well. The port is that of MCP_SERVER_PORT; one that is set in a
settings file only is not found.
"""

import http.client
import os
import sys

TIMEOUT_S = 4.0  # less than HEALTHCHECK's own, so that the reason is printed
ANY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - not listened on; replaced by loopback


def main() -> int:
    """Ask once; the answer's status, or why there is none, goes to standard output."""
    if os.environ.get("MCP_SERVER_TRANSPORT", "stdio") != "http":
        return 0
    host = os.environ.get("MCP_SERVER_HOST", "")
    port = int(os.environ.get("MCP_SERVER_PORT") or 8080)
    connection = http.client.HTTPConnection(
        "127.0.0.1" if host in ANY_ADDRESS else host, port, timeout=TIMEOUT_S
    )
    try:
        connection.request("GET", "/health/live")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        print(f"/health/live: {error}")
        return 1
    finally:
        connection.close()
    print(f"/health/live: {status}")
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
