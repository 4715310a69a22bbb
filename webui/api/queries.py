"""Query photos: uploaded, segmented at once, kept for a day, or for longer if someone has a link to them."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from werkzeug.exceptions import Gone

from retrieval.errors import ImageError, UnreadableImageError
from retrieval.storage import file_names
from retrieval.storage.originals import path_of_opened

from ..context import WebContext, context
from ..pictures import originals
from ..pictures.uploads import InsufficientStorage, receive
from . import answers
from . import image_schemas as schemas
from .masks import MaskWriter
from .problems import documented
from .schemas import PhotoMasksQuery

queries = APIBlueprint("api_queries", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="query photos")])


@queries.post(
    "/queries",
    summary="Upload a query photo",
    responses={201: schemas.QueryPhoto, **documented(413, 415, 503, 507)},
)
def add_query(form: schemas.PictureForm, query: PhotoMasksQuery) -> Response:
    """Segments it at once and keeps it for a day, so that you can search with its segments.

    The quota does not block query photos; a full disk does.
    """
    parts = context()
    if shortage := parts.assembly.storage.disk_shortage():
        raise InsufficientStorage(f"cannot accept a query photo: {shortage}")
    received = receive(form.file, parts.files.incoming(file_names.QUERIES))
    try:
        photo = parts.analyzer.analyze(received.partial)
    except Exception as error:
        received.partial.unlink(missing_ok=True)
        if isinstance(error, ImageError):
            raise type(error)(str(error).removeprefix(f"{received.partial}: ")) from error
        raise
    query_id = parts.assembly.own_files.enter_query(
        received.partial,
        received.sha256,
        lambda: parts.queries.add(received.sha256, photo.size_hw, photo.analysis, parts.assembly.recipe_spec.space),
    )
    return _answer(parts, query_id, query, 201)


@queries.get(
    "/queries/<id:query_id>",
    summary="Get a query photo with its segments",
    responses={200: schemas.QueryPhoto, **documented(404)},
)
def get_query(path: schemas.QueryPath, query: PhotoMasksQuery) -> Response:
    """The same answer as for the upload."""
    return _answer(context(), path.query_id, query)


@queries.post(
    "/queries/<id:query_id>/keep", summary="Keep a query photo", responses={204: None, **documented(404, 503)}
)
def keep_query(path: schemas.QueryPath) -> Response:
    """Keeps it for longer than a day, so that a link to a search with it goes on working.

    The last 500 are kept, of at most 1 GiB; those that were kept first go first.
    """
    parts = context()
    file = parts.files.look(file_names.query(parts.queries.get(path.query_id).sha256))
    parts.queries.keep(path.query_id, 0 if file is None else file.size)
    return Response(status=204)


@queries.get(
    "/queries/<id:query_id>/file",
    summary="Get a query photo's picture",
    responses={200: schemas.picture("image/jpeg"), **documented(404, 410, 503)},
)
def get_query_file(path: schemas.QueryPath) -> Response:
    """A JPEG with a long side of at most 1024 pixels, whatever the format of the upload."""
    parts = context()
    query = parts.queries.get(path.query_id)
    name = file_names.query_picture(query.sha256)
    try:
        shown = parts.files.open(name)
    except FileNotFoundError:
        try:
            with parts.assembly.own_files.query(query.sha256) as source:
                written = parts.files.new(name)
                parts.renditions.make(path_of_opened(source), query.sha256, preview=written)
                parts.files.keep({name: written})
        except UnreadableImageError as error:
            raise Gone(f"the picture of query {query.id} is gone: upload it again") from error
        shown = parts.files.open(name)
    return originals.serve_rendition(shown, f"query-{query.sha256}")


def _answer(parts: WebContext, query_id: int, asked: PhotoMasksQuery, status: int = 200) -> Response:
    masks = MaskWriter(parts, asked.masks, asked.mask_frame)
    return answers.as_json(answers.query_photo(parts.queries.get(query_id), masks), status)
