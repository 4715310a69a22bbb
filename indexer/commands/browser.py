"""Opening pages of the web server in the user's browser."""

from __future__ import annotations

import contextlib
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import click

from retrieval.errors import ConfigurationError
from retrieval.processes.program import PROGRAM
from retrieval.search.answer import Match

CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}
PATIENCE_SECONDS = 5.0


def open_page(server: str, match: Match) -> None:
    """Open the page of a result's photo, where its segment is marked.

    Parameters
    ----------
    server : str
        Address of the web server.
    match : Match

    Raises
    ------
    ConfigurationError
        It is no address, or no web server of SegSearch answers there.
    """
    base, address = server.rstrip("/"), urlsplit(server.rstrip("/"))
    if address.scheme not in CONNECTIONS or not address.netloc:
        raise ConfigurationError(f"--server {server} is no address such as http://127.0.0.1:8000")
    try:
        with contextlib.closing(CONNECTIONS[address.scheme](address.netloc, timeout=PATIENCE_SECONDS)) as connection:
            connection.request("GET", f"{address.path}/healthz")
            connection.getresponse()
    except (OSError, HTTPException) as error:
        raise ConfigurationError(
            f"nothing answers at {server} ({error}): start `{PROGRAM} serve`, or give its address with --server"
        ) from error
    segment = "" if match.segment_id is None else f"#s{match.segment_id}"
    click.launch(f"{base}/photos/{match.image_id}{segment}")
