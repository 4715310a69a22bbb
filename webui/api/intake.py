"""Ingest: pause, resume, cancel, retry."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from ..context import context
from . import answers
from . import status_schemas as schemas
from .problems import documented

intake = APIBlueprint("api_intake", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="intake")])


@intake.post("/intake/pause", summary="Pause ingest", responses={200: schemas.Paused, **documented(503)})
def pause_intake() -> Response:
    """Workers finish their photos in progress, then wait until ingest is resumed. Uploads are still accepted."""
    context().ingest_queue.pause()
    return answers.as_json(schemas.Paused(paused=True))


@intake.post("/intake/resume", summary="Resume ingest", responses={200: schemas.Paused, **documented(503)})
def resume_intake() -> Response:
    """Ends a pause; otherwise it has no effect."""
    context().ingest_queue.resume()
    return answers.as_json(schemas.Paused(paused=False))


@intake.post("/intake/cancel", summary="Cancel pending photos", responses={200: schemas.PhotoCount, **documented(503)})
def cancel_intake() -> Response:
    """Remove pending new photos and their uploads. Photos already indexed stay.

    Photos waiting for resegmentation keep their current segments. Cancelled photos can be uploaded or ingested again.
    """
    parts = context()
    cancelled = parts.ingest_queue.cancel()
    for photo in cancelled:
        parts.assembly.own_files.remove_photo(photo.sha256, photo.paths)
    return answers.as_json(schemas.PhotoCount(photos=len(cancelled)))


@intake.post(
    "/intake/retry-failed",
    summary="Retry failed photos",
    responses={200: schemas.PhotoCount, **documented(503)},
)
def retry_failed() -> Response:
    """Make every failed photo pending again."""
    return answers.as_json(schemas.PhotoCount(photos=context().ingest_queue.retry_failed()))
