"""Exports photos with their segments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from werkzeug.exceptions import NotImplemented as CannotExport

from retrieval.errors import ConfigurationError
from retrieval.formats.dataset import Dataset
from retrieval.formats.exports import EXTENSIONS, Export
from retrieval.formats.selection import Selection
from retrieval.images.decoder_pool import DecoderPool
from retrieval.library.photos import Photos
from retrieval.query.request import Ref, SearchRequest

from ..context import WebContext, context
from ..serving.admission import hold_until_sent
from . import export_schemas as schemas
from .problems import documented

export = APIBlueprint("api_export", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="photos")])

MIME_TYPES = {
    "json": "application/json",
    "zip": "application/zip",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}


@export.get(
    "/export",
    summary="Export photos and segments",
    responses={200: schemas.exported(MIME_TYPES.values()), **documented(404, 501)},
)
def export_photos(query: schemas.ExportQuery) -> Response:
    """A file in one of the formats, made while it is sent.

    Boxes and masks are in pixels of the upright originals. 501 if the server lacks the library for Parquet.
    """
    parts, extension = context(), EXTENSIONS[query.format]
    decoders = DecoderPool(1)
    made = Export(
        dataset=Dataset(
            parts.catalog, parts.assembly.concepts, parts.assembly.recipe_spec.space, _selected(parts, query)
        ),
        format=query.format,
        picture=Photos(parts.catalog, decoders).image,
        polygons=query.polygons,
    )
    content = made.parts()
    try:
        first = next(content, b"")  # what is wrong is said before the answer begins
    except ConfigurationError as error:
        raise CannotExport(str(error)) from error
    name = f"segsearch-{query.format}-{datetime.now().astimezone():%Y-%m-%d}.{extension}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    sent = _closing(decoders, chain((first,), content))
    return hold_until_sent(Response(sent, mimetype=MIME_TYPES[extension], headers=headers))


def _selected(parts: WebContext, query: schemas.ExportQuery) -> Selection:
    """The photos and segments that a request names."""
    if query.photos is not None:
        return Selection.of_photos(parts.catalog, _ids(query.photos))
    if query.segments is not None:
        return Selection.of_segments(parts.catalog, _ids(query.segments))
    if query.concept is not None:
        return Selection.labelled(parts.engine, parts.assembly.concepts.get(query.concept))
    if query.text.strip() or query.like is not None:
        positive = () if query.like is None else (Ref(segment=query.like),)
        request = SearchRequest(positive=positive, text=query.text, limit=query.limit, group_by="segment")
        return Selection.found(parts.engine, request)
    return Selection()


def _ids(text: str) -> list[int]:
    return list(dict.fromkeys(map(int, text.split(","))))


def _closing(decoders: DecoderPool, content: Iterator[bytes]) -> Iterator[bytes]:
    with decoders:
        yield from content
