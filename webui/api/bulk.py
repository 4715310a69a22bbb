"""What can be done with several photos at once: tags, segmenting them again, downloading them."""

from __future__ import annotations

from datetime import datetime

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from werkzeug.exceptions import NotFound, RequestEntityTooLarge

from ..context import context
from ..pictures.archive import archived
from ..serving.admission import hold_until_sent
from . import answers, bodies, image_schemas
from . import bulk_schemas as schemas
from .problems import documented

bulk = APIBlueprint("api_bulk", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="photos")])
bulk.before_request(bodies.read_json)

MAX_DOWNLOAD_BYTES = 2 * 1024**3


@bulk.get("/tags", summary="List tags", responses={200: schemas.TagList, **documented()})
def list_tags() -> Response:
    """All tags that photos have, by name."""
    counted = [schemas.CountedTag(name=name, photos=count) for name, count in context().assembly.tags.counts()]
    return answers.as_json(schemas.TagList(tags=counted))


@bulk.post("/images/tags", summary="Tag photos", responses={200: schemas.Changed, **documented(413, 415)})
def tag_images(body: schemas.TagChange) -> Response:
    """Add tags to photos and remove tags from them. Names that differ only in case are one tag."""
    changed = context().assembly.tags.change(body.ids, add=body.add, remove=body.remove)
    return answers.as_json(schemas.Changed(photos=changed))


@bulk.post(
    "/images/resegment", summary="Segment photos again", responses={200: schemas.Resegmented, **documented(413, 415)}
)
def resegment_images(body: schemas.PhotosById) -> Response:
    """Queue photos that failed, or that another recipe than the current one analysed; others are left as they are.

    Searches find the old segments until the new ones are stored.
    """
    parts, ids = context(), set(body.ids)
    recipe = parts.assembly.recipe_spec.fingerprint
    queued = parts.ingest_queue.reanalyze(recipe, image_ids=ids) + parts.ingest_queue.retry(ids)
    return answers.as_json(schemas.Resegmented(queued=queued))


@bulk.get(
    "/images/download",
    summary="Download photos",
    responses={200: image_schemas.picture("application/zip"), **documented(404, 413)},
)
def download_images(query: schemas.DownloadQuery) -> Response:
    """A ZIP file of the original files, up to 2 GiB; equal names are numbered.

    Photos that do not exist are left out, and so are files that are missing, were changed or cannot be decoded; those
    are listed in the text file `left out.txt`.
    """
    parts = context()
    wanted = list(dict.fromkeys(int(number) for number in query.ids.split(",")))
    found = parts.catalog.images.find(wanted)
    photos = [found[key] for key in wanted if key in found]
    if not photos:
        raise NotFound("none of these photos exists: they were deleted")
    if sum(photo.place.size for photo in photos if photo.place) > MAX_DOWNLOAD_BYTES:
        raise RequestEntityTooLarge("these photos have more than 2 GiB: download fewer at once")
    name = f"photos-{datetime.now().astimezone():%Y-%m-%d}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return hold_until_sent(Response(archived(parts, photos), mimetype="application/zip", headers=headers))
