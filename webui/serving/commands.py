"""``serve``: the web server with its companions, the analyzer and the worker."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from retrieval.processes.lifetime import PARENT_VARIABLE, started_by, stop_on_signals, stop_with_parent
from retrieval.processes.program import PROGRAM, own_command, own_environment
from retrieval.processes.terminal import echo
from retrieval.settings import Settings

from ..auth.commands import tokens, users

if TYPE_CHECKING:
    from retrieval.catalog import Accounts

logger = logging.getLogger(__name__)


class Companion:
    """A process of this project that is started again when it dies, and ends with this one.

    Parameters
    ----------
    command : str
        Of this program.
    """

    def __init__(self, command: str) -> None:
        self.command = command
        self._ending = threading.Event()
        self._starting = threading.Lock()
        self._process = self._start()
        threading.Thread(target=self._watch, name=command, daemon=True).start()

    def end(self) -> None:
        """Let it finish what it is at, for ten seconds at most."""
        with self._starting:  # or one that is started right now would be left
            self._ending.set()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = own_environment(**{PARENT_VARIABLE: str(os.getpid())})
        return subprocess.Popen(own_command(self.command), env=environment)

    def _watch(self) -> None:
        pause = 1.0
        while True:
            started = time.monotonic()
            code = self._process.wait()
            if self._ending.is_set():
                return
            pause = 1.0 if time.monotonic() - started > 60 else min(pause * 2, 60.0)
            logger.error("the %s ended with code %d; it is started again in %.0f s", self.command, code, pause)
            self._ending.wait(pause)
            with self._starting:
                if self._ending.is_set():
                    return
                self._process = self._start()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--allow-host", multiple=True, metavar="NAME", help="Another name it is reached by, behind a proxy.")
@click.option("--worker/--no-worker", default=True, help="Whether photos are entered by a worker beside the server.")
@click.option("--no-login", is_flag=True, help="Let everybody in who can reach the address, while there are no users.")
@click.option("--trusted-proxy", metavar="ADDRESS", help="Of a proxy in front, whose X-Forwarded-For and -Proto count.")
@click.pass_obj
def serve(
    settings: Settings,
    host: str,
    port: int,
    worker: bool,
    allow_host: tuple[str, ...],
    no_login: bool,
    trusted_proxy: str | None,
) -> None:
    """Serve the web pages and the API."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # that a request waits for a thread is no news
    with _loading():
        from retrieval.analysis.remote import RemoteAnalyzer
        from retrieval.assembly import Assembly

        from .. import create_app
        from ..auth.security import is_beyond_loopback
        from .server import listen

        assembly = Assembly(settings)
        beyond = is_beyond_loopback((host, *allow_host)) or trusted_proxy is not None
        check_login(assembly.accounts, beyond=beyond, no_login=no_login)
        app = create_app(
            assembly,
            RemoteAnalyzer(settings.analyzers_dir, os.getpid()),
            hosts=(host, *allow_host),
            login_mode="never" if no_login else "always" if beyond else "once",
        )
    try:
        listening = listen(app, host, port, trusted_proxy=trusted_proxy)
    except OSError as error:
        raise click.UsageError(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port") from error
    companions = [Companion(name) for name in (("analyzer", "worker") if worker else ("analyzer",))]
    signal.signal(signal.SIGTERM, _exit_once)
    echo(f"SegSearch is at http://{host}:{listening.port}/  (Ctrl-C stops it)")
    try:
        listening.run()
    finally:
        for companion in companions:
            companion.end()


def _exit_once(number: int, _frame: object) -> None:
    """Begin to end; another signal must not cut that short."""
    signal.signal(number, lambda *_: None)
    sys.exit(0)


@contextmanager
def _loading() -> Iterator[None]:
    """Most of what is loaded inside stays, so the garbage collector need not look through it, neither now nor later."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def check_login(accounts: Accounts, *, beyond: bool, no_login: bool) -> None:
    """Refuse to let other machines in without users, unless that is wanted.

    Parameters
    ----------
    accounts : Accounts
    beyond : bool
        Whether other machines can reach the server.
    no_login : bool
        Whether it is to be open without users.

    Raises
    ------
    click.UsageError
        Saying what to do.
    """
    if accounts.any():
        if no_login:
            raise click.UsageError("there are users, so everybody signs in: leave out --no-login, or remove the users")
        return
    if no_login:
        others = "who can reach this server" if beyond else "and every program of this machine"
        echo(f"WARNING: everybody {others} may see, add and delete photos (--no-login)", err=True)
    elif beyond:
        raise click.UsageError(
            f"other machines could reach this server, and there are no users: make one with `{PROGRAM} users add NAME "
            "--role admin`, or accept with --no-login that everybody who reaches it may see, add and delete photos"
        )
    elif accounts.ever():
        echo(
            f"WARNING: nobody can sign in, because the last user was removed: make an admin with `{PROGRAM} users add "
            "NAME --role admin`, or start with --no-login to be without users",
            err=True,
        )


@click.command(hidden=True)
@click.pass_obj
def analyzer(settings: Settings) -> None:
    """Segment query photos for all web workers of this home."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until it answers there is nothing to end in order
    from retrieval.analysis.local import LocalAnalyzer
    from retrieval.analysis.server import AnalyzerServer
    from retrieval.assembly import Assembly
    from retrieval.images.decoder_pool import DecoderPool

    recipe = Assembly(settings).recipe
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    ending = threading.Event()
    stop_on_signals(ending.set)
    stop_with_parent(ending.set)
    with DecoderPool(1) as decoders:
        server = AnalyzerServer(LocalAnalyzer(recipe, decoders), settings.analyzers_dir, started_by())
        threading.Thread(target=server.serve_forever, name="answers", daemon=True).start()
        ending.wait()
        server.close()
        decoders.close(cancel=True)


COMMANDS: tuple[click.Command, ...] = (serve, analyzer, users, tokens)
