"""Refuses every request that would change something, whatever the token allows."""

from __future__ import annotations

import httpx

from segsearch.client.errors import ClientError

ASKING = frozenset({"/api/v1/search", "/api/v1/queries"})
"""POSTs that ask. The second sends a photo to search with, which the server keeps for a day."""


class WriteRefusedError(ClientError):
    """A request would have changed something."""


class ReadOnly(httpx.AsyncBaseTransport):
    """Lets through what reads.

    Parameters
    ----------
    transport : AsyncBaseTransport
        What sends it.
    prefix : str
        Of all paths, if the server is not at the root of its address.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, prefix: str = "") -> None:
        self._transport = transport
        self._prefix = prefix.rstrip("/")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request that reads.

        Raises
        ------
        WriteRefusedError
        """
        path = request.url.path.removeprefix(self._prefix)
        if request.method != "GET" and not (request.method == "POST" and path in ASKING):
            raise WriteRefusedError(f"{request.method} {path} would change something, and this server only reads")
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()
