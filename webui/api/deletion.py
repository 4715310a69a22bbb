"""Deleting photos, several at once."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from retrieval.errors import UnknownImageError

from ..context import context
from . import answers, bodies
from . import image_schemas as schemas
from .problems import documented

deletion = APIBlueprint("api_deletion", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="photos")])
deletion.before_request(bodies.read_json)


@deletion.post("/images/delete", summary="Delete photos", responses={200: schemas.Deleted, **documented(413, 415)})
def delete_images(body: schemas.PhotosToDelete) -> Response:
    """Like `DELETE /images/{image_id}` for each; photos that are gone already are left out."""
    deleted = sum(_delete_if_there(image_id) for image_id in dict.fromkeys(body.ids))
    return answers.as_json(schemas.Deleted(deleted=deleted))


def delete(image_id: int) -> None:
    """Delete a photo, with its file if that was uploaded.

    Raises
    ------
    UnknownImageError
    """
    parts = context()
    image = parts.catalog.images.delete(image_id)
    parts.assembly.own_files.remove_photo(image.sha256, [place.path for place in image.locations])


def _delete_if_there(image_id: int) -> bool:
    try:
        delete(image_id)
    except UnknownImageError:
        return False
    return True
