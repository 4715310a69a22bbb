"""What waits to be entered: paused, resumed, cancelled, tried again."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from ..context import context
from . import answers
from . import status_schemas as schemas
from .problems import documented

intake = APIBlueprint("api_intake", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="intake")])


@intake.post("/intake/pause", summary="Pause entering", responses={200: schemas.Paused, **documented(503)})
def pause_intake() -> Response:
    """Every worker finishes what it is at and takes nothing more, until it is resumed. Photos can still be given."""
    context().ingest_queue.pause()
    return answers.as_json(schemas.Paused(paused=True))


@intake.post("/intake/resume", summary="Go on entering", responses={200: schemas.Paused, **documented(503)})
def resume_intake() -> Response:
    """After a pause; without one it changes nothing."""
    context().ingest_queue.resume()
    return answers.as_json(schemas.Paused(paused=False))


@intake.post("/intake/cancel", summary="Cancel what waits", responses={200: schemas.PhotoCount, **documented(503)})
def cancel_intake() -> Response:
    """Take out the photos that wait to be entered, and uploads of them. What was entered stays.

    Photos that wait to be analysed again stay as they were. What was cancelled is entered when it is given again.
    """
    parts = context()
    cancelled = parts.ingest_queue.cancel()
    for photo in cancelled:
        parts.assembly.own_files.remove_photo(photo.sha256, photo.paths)
    return answers.as_json(schemas.PhotoCount(photos=len(cancelled)))


@intake.post(
    "/intake/retry-failed",
    summary="Try what failed again",
    responses={200: schemas.PhotoCount, **documented(503)},
)
def retry_failed() -> Response:
    """Make every failed photo wait again, and no other."""
    return answers.as_json(schemas.PhotoCount(photos=context().ingest_queue.retry_failed()))
