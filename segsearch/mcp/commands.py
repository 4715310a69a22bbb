"""The command ``mcp``."""

from __future__ import annotations

import click

from retrieval.errors import ConfigurationError
from retrieval.processes.extras import required
from retrieval.processes.terminal import echo

PATH = "/mcp"
MAX_BODY_BYTES = 40 * 1024**2
"""Of a request over HTTP, which may have a photo in base64."""


@click.command(short_help="Let assistants search, by the Model Context Protocol.")
@click.option(
    "--url",
    default="http://127.0.0.1:8000",
    show_default=True,
    envvar="SEGSEARCH_URL",
    help="Address of the SegSearch server. [env: SEGSEARCH_URL]",
)
@click.option(
    "--token", envvar="SEGSEARCH_TOKEN", help="API token; a viewer's suffices. [env: SEGSEARCH_TOKEN, which is safer]"
)
@click.option("--http", "port", type=click.IntRange(1, 65535), metavar="PORT", help="Listen on a port of 127.0.0.1.")
def mcp(url: str, token: str | None, port: int | None) -> None:
    """Serve the Model Context Protocol: assistants search and look at photos, and change nothing.

    Without --http it speaks over standard input and output, as assistants start it. Whoever reaches the port acts with
    the token.
    """
    required("mcp")
    import asyncio
    from urllib.parse import urlsplit

    import httpx

    from segsearch.client import AsyncClient

    from .reading import ReadOnly
    from .tools import server

    try:
        transport = ReadOnly(httpx.AsyncHTTPTransport(), urlsplit(url).path)
        client = AsyncClient(url, token=token or None, transport=transport)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error

    async def serve() -> None:
        async with client:
            made = server(client, opens_paths=port is None)
            if port is None:
                await made.run_stdio_async()
            else:
                echo(f"Assistants connect to http://127.0.0.1:{port}{PATH}  (press Ctrl-C to stop)", err=True)
                await made.run_streamable_http_async(port=port, max_request_body_size=MAX_BODY_BYTES)

    asyncio.run(serve())
