"""Photos: upload, list, show, delete."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from werkzeug.exceptions import NotFound

from retrieval.catalog.records import ImageRecord, SegmentRecord
from retrieval.images.formats import extension
from retrieval.storage.file_names import UPLOADS

from ..context import context
from ..pictures import cutouts, originals
from ..pictures.names import uploaded_as
from ..pictures.uploads import InsufficientStorage, receive
from ..renditions import cut
from . import answers
from . import image_schemas as schemas
from .masks import MaskWriter
from .problems import documented
from .schemas import PhotoMasksQuery

images = APIBlueprint("api_images", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="photos")])


@images.post(
    "/images",
    summary="Upload a photo",
    responses={202: schemas.Entered, 200: schemas.Entered, **documented(413, 415, 503, 507)},
)
def add_image(form: schemas.UploadForm) -> Response:
    """202 with the id of the new photo; 200 with the id of the existing photo if the same bytes are already there.

    A photo that was in the trash is restored.
    """
    parts = context()
    if shortage := parts.assembly.storage.shortage():
        raise InsufficientStorage(f"cannot accept more photos: {shortage}")
    received = receive(form.file, parts.files.incoming(UPLOADS), videos=True)
    name = uploaded_as(form.file.filename, form.folder)
    ending = extension(received.format)
    registered = parts.assembly.own_files.enter_upload(received.partial, received.sha256, ending, name)
    known = parts.ingest_queue.states([registered.image_id])
    state = known[registered.image_id][0] if known else "pending"  # it may have been deleted again already
    return answers.as_json(
        schemas.Entered(id=registered.image_id, state=state, restored=registered.outcome == "restored"),
        202 if registered.outcome == "new" else 200,
    )


@images.get("/images", summary="List photos", responses={200: schemas.Page, **documented()})
def list_images(query: schemas.PageQuery) -> Response:
    """Photos and videos in ascending order of id, in pages; with `video` its frames."""
    catalog, more = context().catalog, query.limit + 1
    records = catalog.images.page(
        after=query.after, limit=more, state=query.state, max_quality=query.max_quality, video_id=query.video
    )
    shown = records[: query.limit]
    following = shown[-1].id if len(records) > query.limit else None
    return answers.as_json(schemas.Page(items=[answers.item(record) for record in shown], next=following))


@images.get(
    "/images/<id:image_id>",
    summary="Get a photo with its segments",
    responses={200: schemas.ItemWithSegments, **documented(404)},
)
def get_image(path: schemas.ImagePath, query: PhotoMasksQuery) -> Response:
    """Segments are sorted by quality, best first."""
    parts = context()
    image = parts.catalog.images.get(path.image_id)
    labels = parts.trainer.labels(image.id)
    segments, tags = parts.catalog.segments.of_image(image.id), parts.assembly.tags.of_image(image.id)
    masks = MaskWriter(parts, query.masks, query.mask_frame)
    return answers.as_json(answers.item_with_segments(image, segments, labels, tags, masks))


@images.delete("/images/<id:image_id>", summary="Delete a photo", responses={204: None, **documented(404)})
def delete_image(path: schemas.ImagePath) -> Response:
    """Moves the photo to the trash, from which it can be restored for `SEGSEARCH_TRASH_DAYS` days.

    It and its segments vanish from lists, counts and searches at once. When its time in the trash is over, they are
    deleted for good, and its file if that was uploaded; other files stay on disk.
    """
    parts = context()
    parts.catalog.images.get(path.image_id)
    parts.assembly.trash.put([path.image_id])
    return Response(status=204)


@images.get(
    "/images/<id:image_id>/file",
    summary="Get a photo's original file",
    responses={
        200: schemas.picture(*originals.MIME_TYPES.values(), originals.UNKNOWN_TYPE),
        302: {"description": "Found: a download by a browser, from an object store"},
        **documented(404, 409, 410, 503),
    },
)
def get_file(path: schemas.ImagePath) -> Response:
    """410 if the file is missing, 409 if it has changed since it was ingested, 404 if it cannot be decoded."""
    parts = context()
    return originals.serve_original(parts, parts.catalog.images.get(path.image_id))


@images.get(
    "/images/<id:image_id>/thumbnail",
    summary="Get a photo's thumbnail",
    responses={200: schemas.picture("image/jpeg"), **documented(404, 409, 410, 503)},
)
def get_thumbnail(path: schemas.ImagePath) -> Response:
    """A JPEG with a long side of at most 360 pixels."""
    return _rendition(path.image_id, "thumbnail")


@images.get(
    "/images/<id:image_id>/preview",
    summary="Get a photo's preview",
    responses={200: schemas.picture("image/jpeg"), **documented(404, 409, 410, 503)},
)
def get_preview(path: schemas.ImagePath) -> Response:
    """A JPEG with a long side of at most 1024 pixels."""
    return _rendition(path.image_id, "preview")


@images.get(
    "/segments/<id:segment_id>/crop",
    summary="Get a cut-out of a segment",
    responses={200: schemas.picture("image/jpeg"), **documented(404, 409, 410, 503)},
)
def get_crop(path: schemas.SegmentPath) -> Response:
    """A JPEG of the segment's box with a small margin, from the photo's preview."""
    parts = context()
    image, segment = _photo_of(path.segment_id)
    if not image.width or not image.height:
        raise NotFound(f"photo {image.id} has not been decoded yet: wait until it is indexed")
    size_hw = image.height, image.width
    piece = originals.of_preview(parts, image, lambda preview: cut(preview, size_hw, segment.box_xyxy))
    return originals.jpeg(piece, etag=f"crop-{segment.id}")


@images.get(
    "/segments/<id:segment_id>/cutout.png",
    summary="Get a segment cut out of its photo",
    responses={200: schemas.CUTOUT, **documented(404, 409, 410, 503)},
)
def get_cutout(path: schemas.SegmentPath) -> Response:
    """A PNG of the segment's box, transparent around the segment.

    It is in pixels of the upright original if its file is there and has at most 25 megapixels, else of the photo's
    preview. The header `Cutout-Frame` says which.
    """
    return cutouts.serve_cutout(context(), *_photo_of(path.segment_id))


@images.get(
    "/segments/<id:segment_id>/mask.png",
    summary="Get a segment's mask",
    responses={200: schemas.picture("image/png"), **documented(404)},
)
def get_mask(path: schemas.SegmentPath, query: schemas.MaskQuery) -> Response:
    """A PNG with one channel: 255 in the segment and 0 around it."""
    return cutouts.serve_mask(*_photo_of(path.segment_id), query.mask_frame)


def _photo_of(segment_id: int) -> tuple[ImageRecord, SegmentRecord]:
    catalog = context().catalog
    segment = catalog.segments.get(segment_id)
    return catalog.images.get(segment.image_id), segment


def _rendition(image_id: int, kind: originals.Rendition) -> Response:
    parts = context()
    image: ImageRecord = parts.catalog.images.get(image_id)
    return originals.serve_rendition(originals.rendition(parts, image, kind), f"{kind}-{image.sha256}")
