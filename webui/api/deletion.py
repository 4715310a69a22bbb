"""Deleting photos: to the trash, back, and for good."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from ..context import context
from . import answers, bodies
from . import image_schemas as schemas
from .bulk_schemas import PhotosById
from .problems import documented
from .schemas import MAX_PAGE, NoBody

deletion = APIBlueprint("api_deletion", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="trash")])
deletion.before_request(bodies.read_json)


@deletion.post("/images/delete", summary="Delete photos", responses={200: schemas.Deleted, **documented(413, 415)})
def delete_images(body: PhotosById) -> Response:
    """Like `DELETE /images/{image_id}` for each; photos that are gone already are left out."""
    return answers.as_json(schemas.Deleted(deleted=context().assembly.trash.put(body.ids)))


@deletion.post("/images/restore", summary="Restore photos", responses={200: schemas.Restored, **documented(413, 415)})
def restore_images(body: PhotosById) -> Response:
    """Move photos from the trash back to the library; photos that are not in the trash are left out.

    Searches find them at once.
    """
    parts = context()
    restored = parts.assembly.trash.restore(body.ids)
    parts.engine.refresh()
    return answers.as_json(schemas.Restored(restored=restored))


@deletion.post(
    "/trash/delete", summary="Delete photos for good", responses={200: schemas.Deleted, **documented(413, 415)}
)
def delete_for_good(body: PhotosById) -> Response:
    """Delete photos that are in the trash, with their files if those were uploaded; other photos are left out."""
    return answers.as_json(schemas.Deleted(deleted=context().assembly.trash.delete(body.ids)))


@deletion.post("/trash/empty", summary="Empty the trash", responses={200: schemas.Emptied, **documented(413, 415)})
def empty_trash(body: NoBody) -> Response:  # noqa: ARG001  # it is described
    """Delete photos in the trash for good, at most 500 per call: repeat it until `left` is 0.

    Files that were uploaded are deleted. Other files stay where they are; ingesting their folder leaves them out.
    """
    trash = context().assembly.trash
    return answers.as_json(schemas.Emptied(deleted=trash.empty(MAX_PAGE), left=trash.count()))
