"""Finds, checks and serves the original files of stored photos and their renditions.

A photo is its bytes. A file at one of its locations is served only if its bytes still have the photo's digest. A
missing file is marked in the catalogue, and a changed one is refused.
"""

from __future__ import annotations

import io
import mimetypes
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Literal, TypeVar

import numpy as np
from flask import Response, g, request, send_file
from PIL import Image
from werkzeug.exceptions import Conflict, Gone, NotFound, ServiceUnavailable
from werkzeug.wsgi import wrap_file

from retrieval.catalog import ImageRecord
from retrieval.catalog.records import LocationRecord
from retrieval.errors import ImageError, StoreUnavailableError
from retrieval.images.formats import SNIFF_BYTES, sniff_format
from retrieval.processes.program import PROGRAM
from retrieval.storage import file_names
from retrieval.storage.locations import SeenFile, is_file
from retrieval.storage.originals import digest_of, identity_of, path_of_opened
from retrieval.types import RgbImage
from retrieval.videos import formats as videos

from ..context import WebContext
from .names import name_of

MIME_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "HEIF": "image/heif",
    "PPM": "image/x-portable-anymap",
}
FILE_TYPES = videos.MIME_TYPES | MIME_TYPES
PLAYED_BY_BROWSERS = frozenset({"MP4", "MOV", "MKV", "WEBM"})
"""Videos that browsers may play, by what is in them; they are never sent as a page."""

SHOWN_BY_BROWSERS = frozenset({"JPEG", "PNG", "WEBP", "GIF", "AVIF"})
STILL_IN_BROWSERS = SHOWN_BY_BROWSERS - {"GIF"}
"""Formats that can be laid over a preview; a GIF may move."""

UNKNOWN_TYPE = "application/octet-stream"

RENDITION_AGE_SECONDS = 86_400
"""How long a browser may cache renditions and crops: ids are never reused."""

RETRY_SECONDS = 15
"""When to ask again for a photo whose object store cannot be read."""

Rendition = Literal["preview", "thumbnail"]

T = TypeVar("T")


def open_original(context: WebContext, image: ImageRecord) -> BufferedReader:
    """Open a photo's file, at the first location that still has its bytes.

    Raises
    ------
    Conflict
        The files have other bytes now.
    Gone
        No file exists any more.
    ServiceUnavailable
        Its object store cannot be read now.
    """
    reasons: list[str] = []
    gone: list[str] = []
    changed, unavailable = False, False
    for place in sorted(image.locations, key=lambda place: place.missing_since is not None):
        try:
            stream = context.assembly.originals.open(place.uri, image.sha256)
            if stream is not None and _holds(context, stream, place, image.sha256):
                _note_missing(context, gone)
                return stream
        except StoreUnavailableError as error:
            reasons.append(str(error))
            unavailable = True
            continue
        except OSError as error:
            reasons.append(f"{place.displayed}: {error.strerror or error}")
            if isinstance(error, FileNotFoundError | NotADirectoryError):
                gone.append(place.uri)
            continue
        changed = True
        reasons.append(f"{place.displayed}: changed since it was indexed")
    _note_missing(context, gone)
    where = "; ".join(reasons) or "it has no location"
    if unavailable:
        raise ServiceUnavailable(f"the file of photo {image.id} cannot be read now: {where}", retry_after=RETRY_SECONDS)
    if changed:
        raise Conflict(f"the file of photo {image.id} has changed: {where}. Run `{PROGRAM} ingest` on its folder again")
    raise Gone(f"the file of photo {image.id} is missing: {where}. Restore it, or delete the photo from the catalogue")


def open_picture(context: WebContext, image: ImageRecord) -> BufferedReader:
    """Open a photo's file if it can be decoded; another may be any file that starts like an image.

    Raises
    ------
    NotFound
        It cannot be decoded.
    Conflict, Gone
        As `open_original`.
    """
    if image.format is None:
        rendition(context, image, "thumbnail")
    return open_original(context, image)


def serve_original(context: WebContext, image: ImageRecord) -> Response:
    """Send a photo's bytes; formats that browsers do not display are sent as a download.

    A download of an object may be redirected to an address that its store signed.

    Raises
    ------
    NotFound, Conflict, Gone, ServiceUnavailable
        As `open_picture`.
    """
    if (signed := _signed_url(context, image)) is not None:
        return Response(status=302, headers={"Location": signed, "Cache-Control": "no-store"})
    stream = open_picture(context, image)
    prefix = stream.read(SNIFF_BYTES)
    found = sniff_format(prefix) or videos.sniff_video(prefix) or ""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    response = send_file(
        stream,
        mimetype=FILE_TYPES.get(found, UNKNOWN_TYPE),
        as_attachment=found not in SHOWN_BY_BROWSERS | PLAYED_BY_BROWSERS,
        download_name=download_name(image, found),
        conditional=False,
        etag=image.sha256,
    )
    response.content_length = size
    response.cache_control.private = True
    response.cache_control.no_cache = True  # revalidate each time: the file may be gone or changed
    response.make_conditional(request, accept_ranges=True, complete_length=size)
    if response.status_code == 206 and "wsgi.file_wrapper" in request.environ:
        # by PEP 3333 the server sends from the file's position, as many bytes as the response has, without a thread
        stream.seek(response.content_range.start or 0)
        response.response = wrap_file(request.environ, stream)
    return response


def _signed_url(context: WebContext, image: ImageRecord) -> str | None:
    """An address to download a photo by, if that is wanted and its object is as it was registered.

    Only for requests of a browser for a page or a download: pictures in pages come from this server alone, by its
    content security policy, and the clients of the API follow no redirects.
    """
    place, seconds = image.place, context.settings.signed_seconds
    if not seconds or place is None or is_file(place.uri) or "text/html" not in request.headers.get("Accept", ""):
        return None
    stores = context.assembly.originals.stores
    try:
        if place.version is None or stores.look(place.uri).version != place.version:
            return None
        return stores.signed_url(place.uri, seconds, download_name(image))
    except (StoreUnavailableError, FileNotFoundError):
        return None


def rendition(context: WebContext, image: ImageRecord, kind: Rendition) -> BufferedReader:
    """Open a preview or thumbnail, created from the original if missing; of a video that of its cover.

    Raises
    ------
    NotFound
        The original cannot be decoded.
    Conflict, Gone
        As `open_original`.
    StoreUnavailableError
        Its store cannot be read now.
    """
    image = shown_for(context, image)
    name = file_names.preview(image.sha256) if kind == "preview" else file_names.thumbnail(image.sha256)
    try:
        return context.files.open(name)
    except FileNotFoundError:
        if image.format is None and image.state == "failed":
            raise NotFound(f"photo {image.id} has no picture that can be shown: {image.error}") from None
    remake(context, image)
    return context.files.open(name)


def shown_for(context: WebContext, image: ImageRecord) -> ImageRecord:
    """The photo whose picture is shown for one: itself or, of a video, the frame that is its cover.

    Raises
    ------
    NotFound
        The video has no frames any more.
    """
    if not image.is_video:
        return image
    cover = context.catalog.videos.covers([image.id]).get(image.id)
    if cover is None:
        raise NotFound(f"video {image.id} has no frames: delete it, and ingest it again")
    return context.catalog.images.get(cover)


def remake(context: WebContext, image: ImageRecord) -> None:
    """Recreate a photo's preview and thumbnail from the checked file, and from no other.

    Raises
    ------
    NotFound, Conflict, Gone
        As `rendition`.
    """
    names = file_names.preview(image.sha256), file_names.thumbnail(image.sha256)
    made: dict[str, Path] = {}
    try:
        with decodable(context, image) as source:
            preview, thumbnail = map(context.files.new, names)
            context.renditions.make(source, image.sha256, preview=preview, thumbnail=thumbnail)
            made = {names[0]: preview, names[1]: thumbnail}
    except Conflict:
        for path in made.values():
            path.unlink(missing_ok=True)
        raise
    context.files.keep(made)


def pixels(context: WebContext, image: ImageRecord) -> RgbImage:
    """All pixels of a photo, (H, W, 3) uint8, upright and in sRGB, from the checked file; three bytes each.

    Raises
    ------
    NotFound, Conflict, Gone
        As `rendition`.
    """
    with decodable(context, image) as source:
        return context.renditions.decode(source, image.sha256, long_side=max(image.width or 1, image.height or 1))


def preview_pixels(context: WebContext, image: ImageRecord) -> RgbImage:
    """A photo's preview, (h, w, 3) uint8.

    Raises
    ------
    NotFound, Conflict, Gone
        As `rendition`.
    """
    return of_preview(context, image, _read)


def of_preview(context: WebContext, image: ImageRecord, read: Callable[[BufferedReader], T]) -> T:
    """What is read of a photo's preview, which is made again if it is damaged.

    Parameters
    ----------
    context : WebContext
    image : ImageRecord
    read : callable
        Raises OSError if it is damaged.

    Raises
    ------
    NotFound, Conflict, Gone
        As `rendition`.
    """
    with rendition(context, image, "preview") as file:
        try:
            return read(file)
        except OSError:
            remake(context, shown_for(context, image))
    with rendition(context, image, "preview") as file:
        return read(file)


def _read(file: BufferedReader) -> RgbImage:
    with Image.open(file, formats=["JPEG"]) as picture:
        return np.asarray(picture.convert("RGB"))


@contextmanager
def decodable(context: WebContext, image: ImageRecord) -> Iterator[Path]:
    """The path of a photo's file, which has its bytes before and after the block.

    Raises
    ------
    NotFound
        The block could not decode it.
    Conflict, Gone
        As `open_original`.
    """
    with open_original(context, image) as stream:
        source, before = path_of_opened(stream), identity_of(stream)
        try:
            yield source
        except ImageError as error:
            reason = str(error).removeprefix(f"{source}: ")
            raise NotFound(f"photo {image.id} has no picture that can be shown: {reason}") from error
        if identity_of(stream) != before and digest_of(stream) != image.sha256:
            raise Conflict(f"photo {image.id} changed on disk while it was being decoded: try again")


def serve_rendition(file: BufferedReader, etag: str) -> Response:
    """Send one of our JPEG files, which is closed afterwards."""
    status = os.fstat(file.fileno())
    return _sent(file, etag, "image/jpeg", status.st_size, status.st_mtime)


def jpeg(content: bytes, etag: str) -> Response:
    """Send one of our JPEGs from memory."""
    return _sent(io.BytesIO(content), etag, "image/jpeg", len(content))


def png(make: Callable[[], bytes], etag: str) -> Response:
    """Send a PNG that is made unless the browser has it already."""
    content = b"" if etag in request.if_none_match else make()
    return _sent(io.BytesIO(content), etag, "image/png", len(content))


def _sent(
    source: BufferedReader | io.BytesIO, etag: str, mime_type: str, size: int, changed: float | None = None
) -> Response:
    response = send_file(
        source,
        mimetype=mime_type,
        conditional=False,
        etag=etag,
        last_modified=changed,
        max_age=RENDITION_AGE_SECONDS,
    )
    response.content_length = size
    response.make_conditional(request, accept_ranges=True, complete_length=size)
    response.cache_control.public = False
    response.cache_control.private = True
    if g.get("collection") is not None:  # who may see it can change, so browsers ask before they show their copy
        response.cache_control.no_cache = True
    return response


def _note_missing(context: WebContext, uris: list[str]) -> None:
    if uris:
        context.catalog.locations.note_lost(uris)


def _holds(context: WebContext, stream: BufferedReader, place: LocationRecord, sha256: str) -> bool:
    """Whether an opened file still has the photo's bytes; if only its status differs, the catalogue is updated.

    Otherwise the file is closed.
    """
    status = os.fstat(stream.fileno())
    if (is_file(place.uri) and status.st_size != place.size) or digest_of(stream) != sha256:
        stream.close()
        return False
    if not is_file(place.uri):
        return True
    if status.st_mtime_ns != place.mtime_ns or place.missing_since is not None:
        context.catalog.locations.register([SeenFile(place.uri, sha256, status.st_size, status.st_mtime_ns)])
    return True


def download_name(image: ImageRecord, found: str | None = None) -> str:
    """The name of a photo, with the ending of its format if it was uploaded under another: a page is no picture.

    Parameters
    ----------
    image : ImageRecord
    found : str, optional
        The format of the file; that of the photo if absent.
    """
    found = found if found is not None else image.format or ""
    name, place = name_of(image), image.place
    if place is not None and place.uploaded_as is not None:
        kind, ending = mimetypes.guess_type(name)[0], PurePosixPath(place.uri).suffix
        if kind != FILE_TYPES.get(found) and not name.lower().endswith(ending):
            name = (name if kind is None else name.rpartition(".")[0]) + ending
    return re.sub(r"[\x00-\x1f\x7f]", "_", name)
