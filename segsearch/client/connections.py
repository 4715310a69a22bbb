"""Does what an `Exchange` says, over httpx: waiting, or in an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, TypeVar

import httpx

from .calls import Call, StrPath
from .exchange import Exchange, Outcome, Pause, Reply, Send, Step
from .files import Download, replacing

T = TypeVar("T")


def _request(send: Send, stack: ExitStack, sink: Download | None) -> dict[str, object]:
    """The arguments of httpx; the file is opened here, because each attempt reads it from its beginning."""
    files: dict[str, tuple[str, BinaryIO | bytes]] | None = None
    if send.file is not None:
        content = send.file.content
        opened = content if isinstance(content, bytes) else stack.enter_context(content.open("rb"))
        files = {"file": (send.file.name, opened)}
    return {
        "method": send.method,
        "url": send.url,
        "params": send.parameters or None,
        "headers": {**send.headers, **(sink.headers() if sink is not None and send.streams else {})},
        "content": send.json,
        "data": send.form,
        "files": files,
    }


class SyncConnection:
    """Makes calls and waits for their answers; threads may share it.

    Parameters
    ----------
    exchange : Exchange
    http : httpx.Client
    """

    def __init__(self, exchange: Exchange, http: httpx.Client) -> None:
        self._exchange = exchange
        self._http = http

    def run(self, call: Call[T]) -> T:
        """The answer of a call.

        Raises
        ------
        ClientError
        """
        return self._follow(call)[0]

    def items(self, call: Call[list[T]]) -> Iterator[T]:
        """The items of all pages; a page is asked for when its first item is wanted."""
        following: Call[list[T]] | None = call
        while following is not None:
            found, content = self._follow(following)
            yield from found
            following = following.after_page(content, len(found))

    def save(self, call: Call[bytes], target: StrPath) -> Path:
        """Write the answer of a call to a file while it comes; the file appears when it is whole.

        Raises
        ------
        ClientError
        OSError
            The file cannot be written.
        """
        with replacing(target) as (path, file):
            self._follow(call, Download(file))
        return path

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _follow(self, call: Call[T], sink: Download | None = None) -> tuple[T, bytes]:
        steps = self._exchange.steps(call, streams=sink is not None)
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                found: tuple[T, bytes] = end.value
                return found
            outcome = self._do(step, sink)

    def _do(self, step: Step, sink: Download | None) -> Outcome:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        try:
            with ExitStack() as stack:
                answer = stack.enter_context(self._http.stream(**_request(step, stack, sink)))  # type: ignore[arg-type]
                if sink is None or not (step.streams and answer.is_success):
                    return Reply(answer.status_code, answer.headers, answer.read())
                sink.begin(answer.status_code, answer.headers)
                for block in answer.iter_bytes():
                    sink.write(block)
                return Reply(answer.status_code, answer.headers, b"")
        except httpx.TransportError as error:
            return error


class AsyncioConnection:
    """Makes calls in an event loop of asyncio.

    Parameters
    ----------
    exchange : Exchange
    http : httpx.AsyncClient
    """

    def __init__(self, exchange: Exchange, http: httpx.AsyncClient) -> None:
        self._exchange = exchange
        self._http = http

    async def run(self, call: Call[T]) -> T:
        """As `SyncConnection.run`."""
        return (await self._follow(call))[0]

    async def items(self, call: Call[list[T]]) -> AsyncIterator[T]:
        """As `SyncConnection.items`."""
        following: Call[list[T]] | None = call
        while following is not None:
            found, content = await self._follow(following)
            for item in found:
                yield item
            following = following.after_page(content, len(found))

    async def save(self, call: Call[bytes], target: StrPath) -> Path:
        """As `SyncConnection.save`."""
        with replacing(target) as (path, file):
            await self._follow(call, Download(file))
        return path

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _follow(self, call: Call[T], sink: Download | None = None) -> tuple[T, bytes]:
        steps = self._exchange.steps(call, streams=sink is not None)
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                found: tuple[T, bytes] = end.value
                return found
            outcome = await self._do(step, sink)

    async def _do(self, step: Step, sink: Download | None) -> Outcome:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        try:
            with ExitStack() as stack:
                async with self._http.stream(**_request(step, stack, sink)) as answer:  # type: ignore[arg-type]
                    if sink is None or not (step.streams and answer.is_success):
                        return Reply(answer.status_code, answer.headers, await answer.aread())
                    sink.begin(answer.status_code, answer.headers)
                    async for block in answer.aiter_bytes():
                        await asyncio.to_thread(sink.write, block)
                    return Reply(answer.status_code, answer.headers, b"")
        except httpx.TransportError as error:
            return error
