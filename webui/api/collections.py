"""Collections, each with photos, concepts and users of its own.

What is in a collection is under the path of it: ``/c/7/api/v1/search`` searches collection 7.
"""

from __future__ import annotations

import logging

from flask import Response, g
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from werkzeug.exceptions import Forbidden

from retrieval.catalog import CollectionRecord
from retrieval.errors import CollectionError, ConfigurationError, RetrievalError
from retrieval.recipes import recipe_spec

from ..auth.collections import owned, role_in
from ..collection_paths import path_of
from ..context import contexts, installation
from . import answers, bodies
from . import collection_schemas as schemas
from .problems import documented
from .schemas import NoBody

logger = logging.getLogger(__name__)

collections = APIBlueprint("api_collections", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="collections")])
collections.before_request(bodies.read_json)


@collections.get("/collections", summary="List collections", responses={200: schemas.CollectionList, **documented()})
def list_collections(query: schemas.CollectionsQuery) -> Response:
    """Those that you own or that are shared with you. The photos of the installation itself are in none of them."""
    return answers.as_json(schemas.CollectionList(collections=collections_of(deleted=query.deleted)))


@collections.post(
    "/collections", summary="Make a collection", responses={201: schemas.Collection, **documented(413, 415)}
)
def add_collection(body: schemas.NewCollection) -> Response:
    """It is yours, and nobody else sees it until you share it."""
    _check_recipe(body.recipe)
    record = installation().collections.add(body.name, g.visitor.name, body.recipe)
    return answers.as_json(_collection(record), 201)


@collections.patch(
    "/collections/<id:collection_id>",
    summary="Change a collection",
    responses={200: schemas.Collection, **documented(404, 413, 415)},
)
def change_collection(path: schemas.CollectionPath, body: schemas.CollectionChange) -> Response:
    """Give it another name or recipe. Photos in it are analysed by another recipe when you ask for that.

    To give it to another user, run `segsearch collections give` on the server.
    """
    record = owned(g.visitor, path.collection_id)
    _check_recipe(body.recipe)
    record = installation().collections.change(record.id, **dict(body))
    return answers.as_json(_collection(record))


@collections.delete(
    "/collections/<id:collection_id>", summary="Delete a collection", responses={204: None, **documented(404)}
)
def delete_collection(path: schemas.CollectionPath) -> Response:
    """It goes to the trash, with all that is in it, and is deleted for good when its time there is over."""
    record = owned(g.visitor, path.collection_id)
    installation().collections.delete(record.id)
    contexts().close(record.id)
    return Response(status=204)


@collections.post(
    "/collections/<id:collection_id>/restore",
    summary="Restore a collection",
    responses={200: schemas.Collection, **documented(404, 413, 415)},
)
def restore_collection(path: schemas.CollectionPath, body: NoBody) -> Response:  # noqa: ARG001  # it is described
    """Take it out of the trash."""
    record = owned(g.visitor, path.collection_id, deleted=True)
    return answers.as_json(_collection(installation().collections.restore(record.id)))


@collections.post(
    "/collections/<id:collection_id>/members",
    summary="Share a collection",
    responses={200: schemas.Collection, **documented(404, 413, 415)},
)
def share_collection(path: schemas.CollectionPath, body: schemas.Member) -> Response:
    """With a user, or give a user another role in it."""
    record = owned(g.visitor, path.collection_id)
    return answers.as_json(_collection(installation().collections.share(record.id, body.user, body.role)))


@collections.delete(
    "/collections/<id:collection_id>/members/<user>",
    summary="Stop sharing a collection with a user",
    responses={200: schemas.Collection, **documented(404)},
)
def unshare_collection(path: schemas.MemberPath) -> Response:
    """The user can see nothing of it any more."""
    record = owned(g.visitor, path.collection_id)
    return answers.as_json(_collection(installation().collections.unshare(record.id, path.user)))


def collections_of(*, deleted: bool = False) -> list[schemas.Collection]:
    """The collections that the visitor may see, or the visitor's own in the trash."""
    visitor = g.visitor
    found = installation().collections.of_user(visitor.name, is_admin=visitor.is_admin, deleted=deleted)
    return [_collection(record) for record in found]


def _collection(record: CollectionRecord) -> schemas.Collection:
    role = role_in(record, g.visitor)
    shown = record.members.items() if role == "owner" else ()
    return schemas.Collection(
        id=record.id,
        name=record.name,
        address=path_of(record.id),
        owner=record.owner,
        role=role or "viewer",
        recipe=record.recipe,
        members=[schemas.Member(user=user, role=held) for user, held in shown],
        photos=_photos(record),
        created_at=record.created_at.isoformat(),
        deleted_at=record.deleted_at.isoformat() if record.deleted_at else None,
    )


def _photos(record: CollectionRecord) -> int | None:
    """How many photos are in a collection; its index is not opened for that. None if its catalogue cannot be."""
    assembly = installation().of_collection(record)
    try:
        return sum(assembly.catalog.images.counts().values())
    except RetrievalError as error:
        logger.warning("the catalogue of collection %d cannot be opened: %s", record.id, error)
        return None
    finally:
        assembly.close()


def _check_recipe(name: str | None) -> None:
    """Whether a recipe can be chosen: weights of any model of the hub may be large, and a recipe may name a file."""
    if name is None:
        return
    if not g.visitor.may_operate:
        raise Forbidden("only admins choose the recipe of a collection: ask one, or leave the recipe out")
    try:
        recipe_spec(name)
    except ConfigurationError as error:
        raise CollectionError(str(error)) from error
