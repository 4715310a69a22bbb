"""Concepts: names that are learned from examples."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from retrieval.errors import QueryError, UnknownImageError
from retrieval.learning.concepts import FORM
from retrieval.learning.tagging import learn_from_photos

from ..context import WebContext, context
from . import answers, bodies
from . import concept_schemas as schemas
from .problems import documented

concepts = APIBlueprint("api_concepts", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="concepts")])
concepts.before_request(bodies.read_json)


@concepts.get("/concepts", summary="List concepts", responses={200: schemas.ConceptList, **documented()})
def list_concepts() -> Response:
    """Sorted by name."""
    found = [answers.concept(record) for record in context().assembly.concepts.all()]
    return answers.as_json(schemas.ConceptList(concepts=found))


@concepts.post(
    "/concepts", summary="Create a concept", responses={201: schemas.WholeConcept, **documented(404, 413, 415)}
)
def add_concept(body: schemas.NewConcept) -> Response:
    """From the last round of `feedback`, or from examples. Its name is searchable at once."""
    parts = context()
    if body.feedback is not None:
        if body.positive or body.negative:
            raise QueryError("send `feedback` or examples, not both: add examples later with PATCH")
        return _whole(parts, parts.trainer.keep(body.name, parts.judgements.get(body.feedback)), 201)
    return _whole(parts, parts.trainer.teach(body.name, body.positive, body.negative), 201)


@concepts.get(
    "/concepts/<id:concept_id>", summary="Get a concept", responses={200: schemas.WholeConcept, **documented(404)}
)
def get_concept(path: schemas.ConceptPath) -> Response:
    """A concept with its examples and the number of stored segments labelled with it."""
    return _whole(context(), path.concept_id)


@concepts.get(
    "/concepts/<id:concept_id>/photos",
    summary="List the photos nearest to a concept",
    responses={200: schemas.RankedPhotos, **documented(404)},
)
def list_ranked_photos(path: schemas.ConceptPath, query: schemas.RankedPhotosPage) -> Response:
    """Each by its best segment, best first, whether labelled or not: what another threshold would label can be seen."""
    parts = context()
    record = parts.assembly.concepts.get(path.concept_id)
    found = parts.trainer.photos(record)
    labelled = found[found.scores >= record.model.threshold]
    images = parts.catalog.images.find([int(labelled.image_ids.max())]) if len(labelled) else {}
    nearest = found[: query.limit]
    rows = zip(nearest.image_ids.tolist(), nearest.pairs(), strict=True)
    return answers.as_json(
        schemas.RankedPhotos(
            threshold=record.model.threshold,
            labelled=len(labelled),
            newest=next((each.created_at.isoformat() for each in images.values()), None),
            photos=[schemas.RankedPhoto(image_id=image, segment_id=key, score=score) for image, (key, score) in rows],
        )
    )


@concepts.patch(
    "/concepts/<id:concept_id>",
    summary="Rename a concept, or change its examples or its threshold",
    responses={200: schemas.WholeConcept, **documented(404, 413, 415)},
)
def change_concept(path: schemas.ConceptPath, body: schemas.ConceptChange) -> Response:
    """Adds or removes examples, then relearns the concept."""
    parts = context()
    if body.threshold is not None and (body.positive or body.negative or body.removed):
        raise QueryError("send a threshold or examples, not both: examples set the threshold anew")
    parts.trainer.change(
        path.concept_id, name=body.name, positive=body.positive, negative=body.negative, removed=body.removed
    )
    if body.threshold is not None:
        parts.trainer.move_threshold(path.concept_id, body.threshold)
    return _whole(parts, path.concept_id)


@concepts.delete("/concepts/<id:concept_id>", summary="Delete a concept", responses={204: None, **documented(404)})
def delete_concept(path: schemas.ConceptPath) -> Response:
    """The segments it was learned from are kept."""
    context().assembly.concepts.delete(path.concept_id)
    return Response(status=204)


@concepts.post(
    "/concepts/merge",
    summary="Merge concepts",
    responses={201: schemas.WholeConcept, **documented(404, 413, 415)},
)
def merge_concepts(body: schemas.ConceptMerge) -> Response:
    """Replaces them with one concept learned from all their examples."""
    parts = context()
    return _whole(parts, parts.trainer.merge(body.ids, body.name), 201)


@concepts.get("/concepts/export", summary="Export concepts", responses={200: schemas.ConceptFile, **documented()})
def export_concepts() -> Response:
    """All concepts with their vectors, for use in another collection with the same recipe."""
    found = [schemas.PortableConcept(**each) for each in context().trainer.exported()]
    return answers.as_json(schemas.ConceptFile(form=FORM, concepts=found))


@concepts.post(
    "/concepts/import", summary="Import concepts", responses={201: schemas.ConceptIds, **documented(413, 415)}
)
def import_concepts(body: schemas.ConceptFile) -> Response:
    """Imports an export from a collection with the same recipe. Either all concepts are imported or none."""
    ids = context().trainer.take_in([each.to_portable() for each in body.concepts])
    return answers.as_json(schemas.ConceptIds(ids=ids), 201)


@concepts.get("/folders", summary="List folders", responses={200: schemas.FolderTags, **documented()})
def list_folders(query: schemas.FolderPage) -> Response:
    """Names of folders that contain photos, sorted. They can serve as tags to learn concepts from."""
    found = context().assembly.folders.page(after=query.after, limit=query.limit + 1)
    folders = [schemas.FolderTag(name=name, photos=photos) for name, photos in found[: query.limit]]
    more = len(found) > query.limit
    return answers.as_json(schemas.FolderTags(folders=folders, next=folders[-1].name if more else None))


@concepts.post(
    "/concepts/learn",
    summary="Learn concepts from tagged photos",
    responses={200: schemas.LearntTags, **documented(404, 413, 415)},
)
def learn_concepts(body: schemas.TaggedPhotos) -> Response:
    """Finds the segment of each photo that its tag describes. A tag that matches no segments is not learned.

    Takes about a second per tag. For many tags, use the command `concepts learn`.
    """
    parts = context()
    if not body.tags and not body.folders:
        raise QueryError("there is nothing to learn: send `tags` with ids of photos, or names of `folders`")
    wanted = {key for photos in body.tags.values() for key in photos}
    if strange := wanted - parts.catalog.images.find(wanted).keys():
        raise UnknownImageError(f"there is no photo {min(strange)}: it never existed or was deleted")
    there = parts.assembly.folders.photos(set(body.folders)) if body.folders else {}
    if missing := set(body.folders) - there.keys():
        raise QueryError(f"no photo is in a folder named {min(missing)!r}: names are case-sensitive")
    tags = {**body.tags, **{name: there[name] for name in body.folders}}
    found = learn_from_photos(parts.trainer, tags, replace=body.replace)
    return answers.as_json(schemas.LearntTags(tags=[schemas.LearntTag(**asdict(each)) for each in found]))


def _whole(parts: WebContext, concept_id: int, status: int = 200) -> Response:
    record = parts.assembly.concepts.get(concept_id)
    return answers.as_json(answers.whole_concept(record, parts.trainer.count(record)), status)
