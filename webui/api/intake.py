"""Ingest: what is on its way in; pause, resume, cancel, retry."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from retrieval.catalog.records import WorkerRecord

from ..context import WebContext, context
from ..pictures.names import name_of
from . import answers
from . import status_schemas as schemas
from .problems import documented

intake = APIBlueprint("api_intake", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="intake")])


@intake.get("/intake", summary="Get what is on its way in", responses={200: schemas.Intake, **documented(503)})
def get_intake() -> Response:
    """Photos that wait, and each worker with the photos that it is processing."""
    return answers.as_json(intake_of(context()))


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
        parts.assembly.own_files.remove_photo(photo.sha256, photo.uris)
    return answers.as_json(schemas.PhotoCount(photos=len(cancelled)))


@intake.post(
    "/intake/retry-failed",
    summary="Retry failed photos",
    responses={200: schemas.PhotoCount, **documented(503)},
)
def retry_failed() -> Response:
    """Make every failed photo pending again."""
    return answers.as_json(schemas.PhotoCount(photos=context().ingest_queue.retry_failed()))


def intake_of(parts: WebContext) -> schemas.Intake:
    """What is on its way in now."""
    assembly, counts = parts.assembly, parts.catalog.images.counts()
    waiting = assembly.ingest_overview.waiting()
    elsewhere = sum(
        count for recipe, count in waiting.items() if recipe not in (None, assembly.recipe_spec.fingerprint)
    )
    return schemas.Intake(
        pending=sum(waiting.values()) - elsewhere,
        waiting_for_recipe=elsewhere,
        working=counts["working"],
        failed=counts["failed"],
        paused=parts.ingest_queue.orders().paused,
        shortage=assembly.storage.shortage(),
        workers=[worker(each) for each in assembly.ingest_overview.workers()],
    )


def worker(record: WorkerRecord) -> schemas.Worker:
    """A worker with its photos."""
    return schemas.Worker(
        host=record.host,
        pid=record.pid,
        photos=[schemas.PhotoInProgress(id=each.id, name=name_of(each)) for each in record.photos],
        lease_until=record.lease_until.isoformat(),
        is_gone=record.is_gone,
    )
