"""A served installation, and the client and its asynchronous twin."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from loops import in_a_loop
from toys import Ingested

from retrieval.analysis.local import LocalAnalyzer
from retrieval.catalog.accounts import ROLES
from retrieval.images.decoder_pool import DecoderPool
from segsearch.client import AsyncClient, Client, Retries
from webui import create_app
from webui.auth import passwords
from webui.context import EXTENSION
from webui.serving.server import listen

PASSWORD = "correct horse battery"
FAST = Retries(attempts=4, base=0.01)


@dataclass(frozen=True)
class Served:
    """A server of six photos with 25 segments each, in this process and without a worker."""

    url: str
    library: Ingested

    stop: Callable[[], None]

    def tokens(self) -> dict[str, str]:
        """A token of a new user of each role."""
        accounts, kept = self.library.assembly.accounts, passwords.hashed(PASSWORD)
        for role in reversed(ROLES):
            accounts.add(role, role, kept)
        return {role: accounts.add_token(role, "test")[1] for role in ROLES}


@pytest.fixture(scope="session")
def decoders_of_clients() -> Iterator[DecoderPool]:
    """Processes that decode."""
    with DecoderPool(1) as pool:
        yield pool


@pytest.fixture
def served(ingested: Ingested, decoders_of_clients: DecoderPool) -> Iterator[Served]:
    """A server that runs as `serve` has it run."""
    app = create_app(ingested.assembly, LocalAnalyzer(ingested.assembly.recipe, decoders_of_clients), follow=False)
    listening = listen(app, "127.0.0.1", 0)
    thread = threading.Thread(target=listening.run, daemon=True)
    thread.start()
    found = Served(f"http://127.0.0.1:{listening.port}", ingested, listening.stop)
    yield found
    listening.stop()
    thread.join(10)
    app.extensions[EXTENSION].own.renditions.close()


@dataclass(frozen=True)
class Either:
    """Makes a call with one of the two clients."""

    is_async: bool

    def ask(self, url: str, what: Callable[[Any], Any], **options: Any) -> Any:
        """What a call answers; all items if it iterates."""
        options = {"retries": FAST, **options}
        if not self.is_async:
            with Client(url, **options) as client:
                found = what(client)
                return list(found) if isinstance(found, Iterator) else found

        async def wait() -> Any:
            async with AsyncClient(url, **options) as client:
                found = what(client)
                return await found if inspect.isawaitable(found) else [each async for each in found]

        return in_a_loop(wait())


@pytest.fixture(params=[False, True], ids=["waiting", "asyncio"])
def either(request: pytest.FixtureRequest) -> Either:
    """The client, and its twin."""
    return Either(request.param)
