"""Recipes, and analysing photos again with another one; for admins."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from retrieval.errors import ConfigurationError, QueryError
from retrieval.processes.program import PROGRAM
from retrieval.recipes.overview import RecipeOverview, overview
from retrieval.storage.locations import folder_uri

from ..context import WebContext, context
from . import answers, bodies
from . import recipe_schemas as schemas
from .problems import documented

recipes = APIBlueprint("api_recipes", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="recipes")])
recipes.before_request(bodies.read_json)


@recipes.get("/recipes", summary="List recipes", responses={200: schemas.RecipeList, **documented()})
def list_recipes() -> Response:
    """All recipes with the number of photos that each analysed; plug-ins are imported."""
    return answers.as_json(recipes_of(context()))


@recipes.post(
    "/recipes/resegment",
    summary="Analyse photos again with a recipe",
    responses={200: schemas.Queued, **documented(413, 415)},
)
def resegment(body: schemas.Resegment) -> Response:
    """Queue photos that another recipe analysed, for workers with this one.

    Searches find the old segments until the new ones are stored. If the recipe's vectors are not comparable with those
    of the current recipe, this server then finds the photos no longer, but servers with that recipe do.
    """
    parts = context()
    chosen = _usable(parts, body.recipe)
    queued = parts.ingest_queue.reanalyze(
        chosen, state=body.state, max_quality=body.max_quality, below=_uri(body.folder), dry_run=body.dry_run
    )
    is_own = chosen == parts.assembly.recipe_spec.fingerprint
    return answers.as_json(schemas.Queued(photos=queued, command=None if is_own else _command(body.recipe)))


def recipes_of(parts: WebContext) -> schemas.RecipeList:
    """The recipes now: the current one first, then those that analysed photos, then those that can be used."""
    analysed, waiting = parts.catalog.images.recipes(), parts.assembly.ingest_overview.waiting(with_working=True)
    found = [_recipe(parts, each, analysed, waiting) for each in overview(parts.settings.recipe)]
    listed = {each.fingerprint for each in found}
    return schemas.RecipeList(
        recipes=sorted(
            found, key=lambda each: (not each.is_current, -each.photos - each.waiting, each.fault is not None)
        ),
        others=[
            schemas.FormerRecipe(fingerprint=each, photos=count)
            for each, count in sorted(analysed.items())
            if each not in listed
        ],
    )


def _rank(each: schemas.Recipe) -> tuple[bool, int, bool]:
    return not each.is_current, -each.photos - each.waiting, each.fault is not None


def _recipe(
    parts: WebContext, each: RecipeOverview, analysed: dict[str, int], waiting: dict[str | None, int]
) -> schemas.Recipe:
    current = parts.assembly.recipe_spec
    spec = current if each.name == parts.settings.recipe else each.spec
    fingerprint = spec.fingerprint if spec else None
    return schemas.Recipe(
        name=each.name,
        is_current=each.name == parts.settings.recipe,
        segments=each.segments,
        vectors=each.vectors,
        licence=each.licence,
        weights=each.weights,
        package=each.package,
        fault=each.fault,
        fingerprint=fingerprint,
        is_comparable=spec is not None and spec.space == current.space,
        photos=analysed.get(fingerprint, 0) if fingerprint else 0,
        waiting=waiting.get(fingerprint, 0) if fingerprint else 0,
        command=_command(each.name),
    )


def _usable(parts: WebContext, name: str) -> str:
    """The fingerprint of a recipe that can be used here.

    Raises
    ------
    QueryError
        There is no such recipe, or it cannot be used.
    """
    if name == parts.settings.recipe:
        return parts.assembly.recipe_spec.fingerprint
    found = {each.name: each for each in overview(parts.settings.recipe)}
    if name not in found:
        raise QueryError(f"there is no recipe {name!r}: choose one of {', '.join(found)}")
    spec, fault = found[name].spec, found[name].fault
    if spec is None or fault is not None:
        raise QueryError(f"the recipe {name} cannot be used here: {fault}")
    return spec.fingerprint


def _uri(folder: str | None) -> str | None:
    if folder is None:
        return None
    try:
        return folder_uri(folder).removesuffix("/")
    except ConfigurationError as error:
        raise QueryError(f"the folder cannot be used: {error}; give one such as /photos/2024") from error


def _command(name: str) -> str:
    """What starts a worker with a recipe, for the collection that the request is for."""
    collection = context().settings.collection
    within = f" --collection {collection}" if collection else ""
    return f"SEGSEARCH_RECIPE={name} {PROGRAM}{within} worker"
