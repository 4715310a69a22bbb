"""``serve``: the web server and its companion processes, the analyzer and the worker."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from retrieval.processes.companion import Companion
from retrieval.processes.lifetime import started_by, stop_on_signals, stop_with_parent
from retrieval.processes.program import PROGRAM
from retrieval.processes.terminal import echo
from retrieval.processes.versions import own_version
from retrieval.settings import Settings

from ..auth.commands import tokens, users

if TYPE_CHECKING:
    from retrieval.analysis.doors import Door
    from retrieval.catalog import Accounts


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free port.")
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="Another host name of the server, such as that of a proxy. Repeatable.",
)
@click.option("--worker/--no-worker", default=True, help="Whether to start a worker that ingests pending photos.")
@click.option("--no-login", is_flag=True, help="Without users, let everyone in who can reach the server.")
@click.option(
    "--trusted-proxy", metavar="ADDRESS", help="Address of a proxy whose X-Forwarded-For and -Proto are trusted."
)
@click.option("--open", "opens", is_flag=True, help="Open the pages in the browser.")
@click.option("--access-log", "logs_access", is_flag=True, help="Log every request, without what it searches for.")
@click.pass_obj
def serve(  # noqa: PLR0913  # its options
    settings: Settings,
    host: str,
    port: int,
    worker: bool,
    allow_host: tuple[str, ...],
    no_login: bool,
    trusted_proxy: str | None,
    opens: bool,
    logs_access: bool,
) -> None:
    """Serve the web pages and the API."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns whenever a request waits for a thread
    with _loading():
        from retrieval.assembly import Assembly

        from .. import create_app
        from ..auth.security import is_beyond_loopback
        from ..context import HEARTBEAT
        from .requests import ACCESS_LOG
        from .server import listen

        if logs_access:
            logging.getLogger(ACCESS_LOG).setLevel(logging.INFO)
        assembly = Assembly(settings)
        beyond = is_beyond_loopback((host, *allow_host)) or trusted_proxy is not None
        check_login(assembly.accounts, beyond=beyond, no_login=no_login)
        app = create_app(
            assembly,
            assembly.remote_analyzer(os.getpid()),
            hosts=(host, *allow_host),
            login_mode="never" if no_login else "always" if beyond else "once",
        )
    try:
        listening = listen(app, host, port, trusted_proxy=trusted_proxy)
    except OSError as error:
        raise click.UsageError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --host or --port"
        ) from error
    started = (*(() if settings.analyzer_urls else ("analyzer",)), *(("worker",) if worker else ()))
    companions = [Companion(name) for name in started]
    signal.signal(signal.SIGTERM, _exit_once)
    address = f"http://{host}:{listening.port}/"
    echo(f"SegSearch is running at {address}  (press Ctrl-C to stop)")
    if opens:  # whatever connects from now on waits until the server runs
        click.launch(address)
    try:
        listening.run()
    finally:
        for companion in companions:
            companion.end()
        app.extensions[HEARTBEAT].end()


def _exit_once(number: int, _frame: object) -> None:
    """Start to shut down; a second signal must not interrupt that."""
    signal.signal(number, lambda *_: None)
    sys.exit(0)


@contextmanager
def _loading() -> Iterator[None]:
    """Keep what is loaded inside out of garbage collection, now and later: most of it stays until the end."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def check_login(accounts: Accounts, *, beyond: bool, no_login: bool) -> None:
    """Refuse to serve other machines without users, unless the operator wants that.

    Parameters
    ----------
    accounts : Accounts
    beyond : bool
        Whether other machines can reach the server.
    no_login : bool
        Whether the operator wants a server without login.

    Raises
    ------
    click.UsageError
        With what to do.
    """
    if accounts.any():
        if no_login:
            raise click.UsageError(
                "there are users, so everyone must sign in: leave out --no-login, or remove the users"
            )
        return
    if no_login:
        others = "everyone who can reach this server" if beyond else "every user and program on this machine"
        echo(f"WARNING: {others} can see, add and delete photos (--no-login)", err=True)
    elif beyond:
        raise click.UsageError(
            "other machines can reach this server, and there are no users: create one with "
            f"`{PROGRAM} users add NAME --role admin`, or pass --no-login to let everyone who reaches it see, add and "
            "delete photos"
        )
    elif accounts.ever():
        echo(
            "WARNING: nobody can sign in, because the last user was removed: create an admin with "
            f"`{PROGRAM} users add NAME --role admin`, or start with --no-login to work without users",
            err=True,
        )


@click.command(short_help="Segment query photos for web servers of other machines.")
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Serve other machines there, which have SEGSEARCH_ANALYZER_URL=http://HOST:PORT. Without it, web servers and "
    "commands of this data directory alone.",
)
@click.pass_obj
def analyzer(settings: Settings, listen: str | None) -> None:
    """Segment query photos and read words for web servers and commands, which load no network then.

    `serve` starts one by itself. On the network everyone needs SEGSEARCH_ANALYZER_TOKEN, and photos are not
    encrypted: listen in a private network, or behind a proxy with TLS.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # while it loads there is nothing to clean up
    from retrieval.analysis.doors import NetworkDoor, PrivateDoor
    from retrieval.analysis.local import LocalAnalyzer
    from retrieval.analysis.other_recipes import OtherRecipes
    from retrieval.analysis.remote import About
    from retrieval.analysis.server import AnalyzerServer
    from retrieval.images.decoder_pool import DecoderPool
    from retrieval.recipes import load

    address = None if listen is None else address_of(listen)
    recipe = load(settings.recipe, settings.device)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    ending = threading.Event()
    stop_on_signals(ending.set)
    stop_with_parent(ending.set)
    about = About(socket.gethostname(), own_version(), settings.recipe, recipe.fingerprint)
    with DecoderPool(1) as decoders:
        local = LocalAnalyzer(recipe, decoders, others=OtherRecipes(settings.device))
        if address is None:
            door: Door = PrivateDoor(settings.analyzers_dir, started_by())
        else:
            door = network = NetworkDoor(*address, settings.analyzer_token)
            echo(f"The analyzer answers at {network.url}  (press Ctrl-C to stop)")
        server = AnalyzerServer(local, door, about, local.release_memory)
        threading.Thread(target=server.serve_forever, name="answers", daemon=True).start()
        ending.wait()
        server.close()
        decoders.close(cancel=True)


def address_of(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``, ``:PORT`` and ``[IPV6]:PORT``.

    Raises
    ------
    click.UsageError
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535 or (":" in host and not host.startswith("[")):
        raise click.UsageError(f"--listen {text}: give an address such as 0.0.0.0:8100 or [::]:8100")
    return host.strip("[]"), int(port)


COMMANDS: tuple[click.Command, ...] = (serve, analyzer, users, tokens)
