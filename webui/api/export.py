"""Exports photos with their segments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import cast

from flask import Response, g, send_file, url_for
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from werkzeug.exceptions import Conflict, Gone
from werkzeug.exceptions import NotImplemented as CannotExport

from retrieval.catalog.records import ExportRecord
from retrieval.errors import ConfigurationError
from retrieval.formats.dataset import Dataset
from retrieval.formats.exports import EXTENSIONS, Export, Format
from retrieval.formats.selection import Selection
from retrieval.images.decoder_pool import DecoderPool
from retrieval.library.photos import Photos
from retrieval.query.request import Ref, SearchRequest

from ..auth.visitor import Visitor
from ..context import WebContext, context
from ..pictures.uploads import InsufficientStorage
from ..serving.admission import hold_until_sent
from . import answers, bodies
from . import export_schemas as schemas
from .problems import documented, problem

export = APIBlueprint("api_export", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="photos")])

MIME_TYPES = {
    "json": "application/json",
    "zip": "application/zip",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}


export.before_request(bodies.read_json)


@export.get(
    "/export",
    summary="Export photos and segments",
    responses={200: schemas.exported(MIME_TYPES.values()), **documented(404, 501)},
)
def export_photos(query: schemas.ExportQuery) -> Response:
    """A file in one of the formats, made while it is sent; for large ones see `POST /exports`.

    Boxes and masks are in pixels of the upright originals. 501 if the server lacks the library for Parquet.
    """
    parts, extension = context(), EXTENSIONS[query.format]
    decoders = DecoderPool(1)
    made = Export(
        dataset=Dataset(
            parts.catalog, parts.assembly.concepts, parts.assembly.recipe_spec.space, _selected(parts, query.wanted())
        ),
        format=query.format,
        picture=Photos(parts.catalog, parts.assembly.originals, decoders).image,
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


@export.post(
    "/exports", summary="Order an export", responses={202: schemas.ExportJob, **documented(404, 409, 413, 415, 507)}
)
def order_export(body: schemas.ExportOrder) -> Response:
    """A worker writes the file, whatever becomes of this connection; ask for its state, then get the file.

    What is selected is found now. The file is kept for a day. 409 while four exports of this user are being written or
    wait.
    """
    parts = context()
    if shortage := parts.assembly.storage.shortage():
        raise InsufficientStorage(f"cannot write an export: {shortage}")
    selection = _selected(parts, body.wanted())
    jobs, total = parts.assembly.export_jobs, selection.total(parts.catalog)
    user = g.visitor.name or ""
    job = jobs.add(user, body.format, selection.to_json(), total, polygons=body.polygons)
    answer = answers.as_json(_told(job), 202)
    answer.headers["Location"] = url_for("api_export.get_export", export_id=job.id)
    return answer


@export.get("/exports", summary="List exports", responses={200: schemas.ExportJobs, **documented()})
def list_exports() -> Response:
    """Those of this user, the newest first; admins see all."""
    jobs = context().assembly.export_jobs.all(_whose())
    return answers.as_json(schemas.ExportJobs(exports=[_told(job) for job in jobs]))


@export.get(
    "/exports/<id:export_id>",
    summary="Get the state of an export",
    responses={200: schemas.ExportJob, **documented(404)},
)
def get_export(path: schemas.ExportPath) -> Response:
    """How far it is, or why it failed."""
    return answers.as_json(_told(context().assembly.export_jobs.get(path.export_id, _whose())))


@export.get(
    "/exports/<id:export_id>/file",
    summary="Get the file of an export",
    responses={200: schemas.exported(MIME_TYPES.values()), **documented(404, 409, 410, 503)},
)
def get_export_file(path: schemas.ExportPath) -> Response:
    """Takes `Range` with `If-Range`, so that a download that broke off can go on.

    409 while there is no file, with `Retry-After` if there will be one; 410 if it is gone.
    """
    parts = context()
    job = parts.assembly.export_jobs.get(path.export_id, _whose())
    if job.state == "failed":
        raise Conflict(f"export {job.id} failed: {job.error}")
    if job.state != "done":
        return problem(409, f"export {job.id} is not done: ask again later", {"Retry-After": "1"})
    extension = EXTENSIONS[cast("Format", job.format)]
    file = parts.settings.export(job.id, extension)
    if not file.is_file():
        raise Gone(f"the file of export {job.id} is gone: order it anew")
    name = f"segsearch-{job.format}-{job.created_at.astimezone():%Y-%m-%d}.{extension}"
    answer = send_file(
        file, MIME_TYPES[extension], as_attachment=True, download_name=name, conditional=True, etag=job.sha256 or False
    )
    answer.cache_control.private = True
    answer.cache_control.no_cache = True
    return hold_until_sent(answer)


@export.delete("/exports/<id:export_id>", summary="Delete an export", responses={204: None, **documented(404)})
def delete_export(path: schemas.ExportPath) -> Response:
    """One that is not done is not written any more."""
    parts = context()
    job = parts.assembly.export_jobs.get(path.export_id, _whose())
    parts.assembly.export_jobs.remove(job.id, _whose())
    parts.settings.export(job.id, EXTENSIONS[cast("Format", job.format)]).unlink(missing_ok=True)
    return Response(status=204)


def _whose() -> str | None:
    """The user whose exports the visitor may see; None for everybody's."""
    visitor: Visitor = g.visitor
    return None if visitor.owns else visitor.name or ""


def _told(job: ExportRecord) -> schemas.ExportJob:
    return schemas.ExportJob(
        id=job.id,
        format=cast("Format", job.format),
        state=job.state,
        done=job.done,
        total=job.total,
        created_at=job.created_at.isoformat(),
        expires_at=job.expires_at.isoformat() if job.expires_at else None,
        size=job.size,
        error=job.error,
    )


def _selected(parts: WebContext, wanted: schemas.Wanted) -> Selection:
    """The photos and segments that a request names."""
    if wanted.photos is not None:
        return Selection.of_photos(parts.catalog, wanted.photos)
    if wanted.segments is not None:
        return Selection.of_segments(parts.catalog, wanted.segments)
    if wanted.concept is not None:
        return Selection.labelled(parts.engine, parts.assembly.concepts.get(wanted.concept))
    if wanted.text.strip() or wanted.like is not None:
        positive = () if wanted.like is None else (Ref(segment=wanted.like),)
        request = SearchRequest(positive=positive, text=wanted.text, limit=wanted.limit, group_by="segment")
        return Selection.found(parts.engine, request)
    return Selection()


def _closing(decoders: DecoderPool, content: Iterator[bytes]) -> Iterator[bytes]:
    with decoders:
        yield from content
