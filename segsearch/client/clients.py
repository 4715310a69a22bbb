"""The client and its asynchronous twin."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypedDict, Unpack

import httpx

from .calls import C, StrPath
from .collections import Collections
from .connections import AsyncioConnection, SyncConnection
from .duplicates import Duplicates
from .exchange import Exchange, Retries
from .exports import ExportJob, Exports, until_done
from .folders import FolderUpload, Progress, UploadReport
from .installation import Installation, Timeline
from .naming import Clusters, Concepts
from .photos import Photos, QueryPhotos, Segments
from .searching import Feedback, Searches

DEFAULT_URL = "http://127.0.0.1:8000"
CONCURRENCY = 3
"""Uploads that a server takes at once; more would wait there."""


class Selection(TypedDict, total=False):
    """What is exported, and how: the parameters of `Exports.order`."""

    format: str
    photos: Sequence[int]
    segments: Sequence[int]
    concept: int
    text: str
    like: int
    limit: int
    polygons: bool


class Options(TypedDict, total=False):
    """How a client connects.

    Attributes
    ----------
    token : str
        An API token; `segsearch tokens add` makes one.
    user, password : str
        Instead of a token.
    timeout : float
        Seconds without a byte until a request counts as failed; 120 if absent. Connecting may take 10.
    retries : Retries
    verify : bool or SSLContext
        How the server's certificate is checked.
    transport : BaseTransport or AsyncBaseTransport
        In the place of the network.
    """

    token: str | None
    user: str | None
    password: str | None
    timeout: float
    retries: Retries
    verify: bool | ssl.SSLContext
    transport: Any


def _http_options(options: Options) -> dict[str, Any]:
    told: dict[str, Any] = {
        "timeout": httpx.Timeout(options.get("timeout", 120.0), connect=10.0, pool=None),
        "verify": options.get("verify", True),
        "follow_redirects": False,
    }
    return {**told, "transport": options["transport"]} if options.get("transport") is not None else told


def _exchange(url: str, options: Options) -> Exchange:
    return Exchange(
        url,
        token=options.get("token"),
        user=options.get("user"),
        password=options.get("password"),
        retries=options.get("retries", Retries()),
    )


class _Groups(Generic[C]):
    """The groups of calls, as attributes."""

    def __init__(self, connection: C) -> None:
        self._connection = connection
        self.photos = Photos(connection)
        self.segments = Segments(connection)
        self.queries = QueryPhotos(connection)
        self.searches = Searches(connection)
        self.feedback = Feedback(connection)
        self.concepts = Concepts(connection)
        self.clusters = Clusters(connection)
        self.duplicates = Duplicates(connection)
        self.timeline = Timeline(connection)
        self.installation = Installation(connection)
        self.exports = Exports(connection)
        self.collections = Collections(connection)


class Client(_Groups[SyncConnection]):
    """A client of one server; threads may share it.

    Parameters
    ----------
    url : str
        Of the server.
    **options
        See `Options`: `token`, or `user` and `password`, `timeout`, `retries`, `verify`, `transport`.

    Attributes
    ----------
    photos, segments, queries, searches, feedback, concepts, clusters, duplicates, timeline, installation, exports
        Groups of calls.
    collections
        Calls about collections, which have clients of their own at ``URL/c/ID``.

    Raises
    ------
    ValueError
        The address or the way to sign in is not complete.

    Examples
    --------
    >>> with Client(token="…") as client:  # doctest: +SKIP
    ...     for result in client.searches.find("red car").results:
    ...         print(result.image_id, result.score)
    """

    def __init__(self, url: str = DEFAULT_URL, **options: Unpack[Options]) -> None:
        super().__init__(SyncConnection(_exchange(url, options), httpx.Client(**_http_options(options))))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def upload_folder(
        self,
        folder: StrPath,
        *,
        progress: Callable[[Progress], None] | None = None,
        concurrency: int = CONCURRENCY,
    ) -> UploadReport:
        """Send the photos of a folder and its subfolders that the library does not have yet.

        A second call sends only what is missing, so it also resumes an upload that broke off. Photos that the library
        has are told by the digests of its uploads; all files are read. Memory does not grow with their size.

        Parameters
        ----------
        folder : path
        progress : callable, optional
            Called with a `Progress` after each photo, by one thread at a time.
        concurrency : int
            Photos that are sent at once.

        Returns
        -------
        UploadReport
            Photos that the server cannot use are in its `refused`, and do not stop the others.

        Raises
        ------
        NotADirectoryError
        ClientError
            The server is out of reach, full, or does not allow it. What was sent is there.
        """
        upload = FolderUpload(folder, progress)
        if upload.is_worth_a_list(self.installation.status().counts.total):
            for photo in self.photos.all():
                upload.know(photo)
        with ThreadPoolExecutor(max(1, concurrency), thread_name_prefix="upload") as threads:
            workers = [threads.submit(self._send_photos, upload) for _ in range(max(1, concurrency))]
            try:
                for worker in workers:
                    worker.result()
            finally:
                upload.stop()
        return upload.report

    def export(
        self, target: StrPath, *, progress: Callable[[ExportJob], None] | None = None, **selection: Unpack[Selection]
    ) -> Path:
        """Have the server write an export, wait for it, and fetch the file; a download that breaks off goes on.

        Parameters
        ----------
        target : path
            The file, which is replaced when all of it has come.
        progress : callable, optional
            Called with an `ExportJob` each time that its state is known.
        **selection
            As in `Photos.export`: `format`, `photos` and so on, with up to 10,000 ids.

        Raises
        ------
        ExportFailedError
            The server could not write it.
        ClientError
        OSError
            The file cannot be written. The server keeps the export for a day: `exports.save` fetches it.
        """
        job = self.exports.order(**selection)
        waiting = until_done(job, progress)
        with suppress(StopIteration):
            pause = next(waiting)
            while True:
                time.sleep(pause)
                pause = waiting.send(self.exports.get(job.id))
        saved = self.exports.save(target, job.id)
        self.exports.delete(job.id)
        return saved

    def _send_photos(self, upload: FolderUpload) -> None:
        try:
            for path, size in upload:
                with upload.handling(path, size) as entered:
                    if not upload.is_known(path):
                        entered(self._connection.run(upload.call(path)))
        except BaseException:
            upload.stop()
            raise


class AsyncClient(_Groups[AsyncioConnection]):
    """A client of one server for programs on asyncio; its calls are the same as those of `Client`.

    Parameters
    ----------
    url : str
    **options
        See `Options`.
    """

    def __init__(self, url: str = DEFAULT_URL, **options: Unpack[Options]) -> None:
        super().__init__(AsyncioConnection(_exchange(url, options), httpx.AsyncClient(**_http_options(options))))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def upload_folder(
        self,
        folder: StrPath,
        *,
        progress: Callable[[Progress], None] | None = None,
        concurrency: int = CONCURRENCY,
    ) -> UploadReport:
        """As `Client.upload_folder`; files are read in threads."""
        upload = await asyncio.to_thread(FolderUpload, folder, progress)
        if upload.is_worth_a_list((await self.installation.status()).counts.total):
            async for photo in self.photos.all():
                upload.know(photo)
        workers = [asyncio.create_task(self._send_photos(upload)) for _ in range(max(1, concurrency))]
        try:
            await asyncio.gather(*workers)
        finally:
            upload.stop()
            await asyncio.gather(*workers, return_exceptions=True)
        return upload.report

    async def export(
        self, target: StrPath, *, progress: Callable[[ExportJob], None] | None = None, **selection: Unpack[Selection]
    ) -> Path:
        """As `Client.export`."""
        job = await self.exports.order(**selection)
        waiting = until_done(job, progress)
        with suppress(StopIteration):
            pause = next(waiting)
            while True:
                await asyncio.sleep(pause)
                pause = waiting.send(await self.exports.get(job.id))
        saved = await self.exports.save(target, job.id)
        await self.exports.delete(job.id)
        return saved

    async def _send_photos(self, upload: FolderUpload) -> None:
        for path, size in upload:
            with upload.handling(path, size) as entered:
                if not await asyncio.to_thread(upload.is_known, path):
                    entered(await self._connection.run(upload.call(path)))
