"""Near-duplicates: groups of photos that are copies of one another, and judgements of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from retrieval.catalog.records import ImageRecord
from retrieval.duplicates.grouping import DuplicateGroup, groups_of

from ..context import context
from ..pictures.names import shown_path
from . import answers, bodies
from . import duplicate_schemas as schemas
from .image_schemas import ImagePath
from .problems import documented

duplicates = APIBlueprint("api_duplicates", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="duplicates")])
duplicates.before_request(bodies.read_json)


@duplicates.get("/duplicates", summary="List near-duplicates", responses={200: schemas.DuplicateGroups, **documented()})
def list_duplicates(query: schemas.DuplicatePage) -> Response:
    """Groups of crops, copies and edits of one photo. Workers compare new photos once nothing is pending."""
    assembly = context().assembly
    groups = groups_of(assembly.duplicates, query.min_likeness)
    left = [group for group in groups if group.best > query.after]
    shown = described(left[: query.limit])
    return answers.as_json(
        schemas.DuplicateGroups(
            groups=shown,
            total=len(groups),
            waiting=assembly.duplicates.waiting(assembly.recipe_spec.space),
            next=left[query.limit - 1].best if len(left) > query.limit else None,
        )
    )


@duplicates.get(
    "/images/<id:image_id>/duplicates",
    summary="Get a photo's near-duplicates",
    responses={200: schemas.DuplicatesOfPhoto, **documented(404)},
)
def get_duplicates(path: ImagePath) -> Response:
    """Photos in the trash and pairs that were dismissed are left out."""
    parts = context()
    parts.catalog.images.get(path.image_id)
    found = parts.assembly.duplicates.of_image(path.image_id)
    records = parts.catalog.images.find(found)
    return answers.as_json(schemas.DuplicatesOfPhoto(duplicates=list(_listed(found, records))))


@duplicates.post(
    "/duplicates/dismiss", summary="Dismiss near-duplicates", responses={200: schemas.Dismissed, **documented(413, 415)}
)
def dismiss_duplicates(body: schemas.Dismissal) -> Response:
    """Remembers that the photos are no duplicates of one another, also when they are compared again."""
    return answers.as_json(schemas.Dismissed(pairs=context().assembly.duplicates.dismiss(body.ids)))


@duplicates.post(
    "/duplicates/restore",
    summary="Restore dismissed near-duplicates",
    responses={200: schemas.Dismissed, **documented(413, 415)},
)
def restore_duplicates(body: schemas.Dismissal) -> Response:
    """Takes `POST /duplicates/dismiss` back."""
    return answers.as_json(schemas.Dismissed(pairs=context().assembly.duplicates.undismiss(body.ids)))


def described(groups: Iterable[DuplicateGroup]) -> list[schemas.DuplicateGroup]:
    """Groups with what is known of their photos; without photos that were deleted meanwhile."""
    listed = list(groups)
    records = context().catalog.images.find({key for group in listed for key in (group.best, *group.others)})
    return [
        schemas.DuplicateGroup(best=best, others=others)
        for group in listed
        for best in _listed({group.best: 1.0}, records)
        if (others := list(_listed(group.others, records)))
    ]


def _listed(found: Mapping[int, float], records: Mapping[int, ImageRecord]) -> Iterable[schemas.Duplicate]:
    for key, likeness in found.items():
        if key in records:
            record = records[key]
            yield schemas.Duplicate(
                id=key,
                likeness=likeness,
                width=record.width,
                height=record.height,
                bytes=record.place.size if record.place else 0,
                filename=shown_path(Path(record.place.name)) if record.place and record.place.name else None,
            )
