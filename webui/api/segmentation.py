"""Segmenting a photo with another recipe: looking at what that gives, and taking it over."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from retrieval.analysis.resegmenting import Resegmenter

from ..context import WebContext, context
from ..pictures import originals
from . import answers, bodies, image_schemas
from . import segmentation_schemas as schemas
from .masks import MaskWriter
from .problems import documented

segmentation = APIBlueprint("api_segmentation", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="photos")])
segmentation.before_request(bodies.read_json)


@segmentation.get(
    "/images/<id:image_id>/recipes",
    summary="List recipes for a photo",
    responses={200: schemas.OtherRecipes, **documented(404)},
)
def list_recipes_for(path: image_schemas.ImagePath) -> Response:
    """The recipes other than the photo's, with which this server's searches would find the photo."""
    parts = context()
    image = parts.catalog.images.get(path.image_id)
    resegmenter = _resegmenter(parts)
    found = [
        schemas.OtherRecipe(name=each.name, segments=each.segments, is_ready=each.weights != "to download")
        for each in resegmenter.choices(image)
    ]
    return answers.as_json(schemas.OtherRecipes(recipe=resegmenter.name_of(image), recipes=found))


@segmentation.post(
    "/images/<id:image_id>/segmentation/preview",
    summary="Segment a photo with another recipe, without storing it",
    responses={200: schemas.SegmentationPreview, **documented(404, 409, 410, 413, 415, 503)},
)
def preview_segmentation(path: image_schemas.ImagePath, body: schemas.PreviewedRecipe) -> Response:
    """Takes seconds to minutes: the recipe's network is loaded for this photo alone.

    One photo at a time; 503 while another is segmented. 410 if the file is missing, 409 if it has changed, 404 if it
    cannot be decoded.
    """
    parts = context()
    image = parts.catalog.images.get(path.image_id)
    with originals.decodable(parts, image) as file:
        found = _resegmenter(parts).preview(image, file, body.recipe)
    masks = MaskWriter(parts, body.masks, body.mask_frame)
    height, width = found.size_hw
    return answers.as_json(
        schemas.SegmentationPreview(
            recipe=found.recipe,
            width=width,
            height=height,
            segmentation=image_schemas.Segmentation(**asdict(found.assessment)),
            segments=[
                answers.segment(each, masks.of_photo(found.size_hw, answers.run_of(each))) for each in found.segments
            ],
        )
    )


@segmentation.post(
    "/images/<id:image_id>/segmentation",
    summary="Give a photo the segments of another recipe",
    responses={200: image_schemas.Item, **documented(404, 409, 410, 413, 415, 503)},
)
def take_segmentation(path: image_schemas.ImagePath, body: schemas.ChosenRecipe) -> Response:
    """The photo's segments are replaced at once, without a worker; imported ones stay.

    Takes no time if the recipe was previewed for the photo lately, else as long as the preview. Examples of concepts
    and judgements move to the new segments that overlap the old ones.
    """
    parts = context()
    image = parts.catalog.images.get(path.image_id)
    with originals.decodable(parts, image) as file:
        _resegmenter(parts).take(image, file, body.recipe)
    return answers.as_json(answers.item(parts.catalog.images.get(image.id)))


def _resegmenter(parts: WebContext) -> Resegmenter:
    assembly = parts.assembly
    return Resegmenter(parts.catalog, assembly.imported, parts.ingest_queue, parts.analyzer, assembly.recipe_spec)
