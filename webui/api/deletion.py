"""Deleting photos."""

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


@deletion.delete("/images/<id:image_id>", summary="Delete a photo", responses={204: None, **documented(404)})
def delete_image(path: schemas.ImagePath) -> Response:
    """Removes the photo and its segments from the catalogue. An uploaded file is deleted; other files stay on disk."""
    _delete(path.image_id)
    return Response(status=204)


@deletion.post("/images/delete", summary="Delete photos", responses={200: schemas.Deleted, **documented(413, 415)})
def delete_images(body: schemas.PhotosToDelete) -> Response:
    """Like `DELETE /images/{image_id}` for each; photos that are gone already are left out."""
    deleted = sum(_delete_if_there(image_id) for image_id in dict.fromkeys(body.ids))
    return answers.as_json(schemas.Deleted(deleted=deleted))


def _delete(image_id: int) -> None:
    parts = context()
    image = parts.catalog.images.delete(image_id)
    parts.assembly.own_files.remove_photo(image.sha256, [place.path for place in image.locations])


def _delete_if_there(image_id: int) -> bool:
    try:
        _delete(image_id)
    except UnknownImageError:
        return False
    return True
