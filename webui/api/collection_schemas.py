"""Requests and responses about collections."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from retrieval.catalog.collections import MAX_NAME, CollectionRole, MemberRole

from .account_schemas import Name as UserName
from .schemas import Moment, PathId, Strict, Text

CollectionName = Annotated[Text, Field(min_length=1, max_length=MAX_NAME)]
RecipeName = Annotated[
    Text, Field(min_length=1, max_length=200, description="Name of a recipe; only admins can choose one.")
]


class CollectionPath(Strict):
    """The id of the collection."""

    collection_id: PathId


class MemberPath(CollectionPath):
    """The id of the collection, and the name of a user."""

    user: UserName


class CollectionsQuery(Strict):
    """Which collections."""

    deleted: Annotated[bool, Field(description="Your own in the trash instead of those that can be searched.")] = False


class Member(Strict):
    """A user with whom a collection is shared."""

    user: UserName
    role: Annotated[MemberRole, Field(description="Viewers look and search; editors also change what is in it.")] = (
        "viewer"
    )


class Collection(Strict):
    """A collection."""

    id: int
    name: str
    address: Annotated[
        str, Field(description="Its pages are at this path, and its API at `address/api/v1`, with the usual calls.")
    ]
    owner: Annotated[str | None, Field(description="Null if it was made while there were no users.")]
    role: Annotated[CollectionRole, Field(description="What you may do in it.")]
    recipe: Annotated[str | None, Field(description="Null for the recipe of the installation.")]
    members: Annotated[list[Member], Field(description="With whom it is shared; only its owner sees all of them.")]
    photos: Annotated[int | None, Field(description="Null if its catalogue cannot be opened now.")]
    created_at: Moment
    deleted_at: Moment | None


class CollectionList(Strict):
    """Collections, by name."""

    collections: list[Collection]


class NewCollection(Strict):
    """The name of a new collection, which no other of yours has."""

    name: CollectionName
    recipe: RecipeName | None = None


class CollectionChange(Strict):
    """The changes."""

    name: CollectionName | None = None
    recipe: RecipeName | None = None


class Searched(Strict):
    """A collection that was searched, or was left out."""

    id: Annotated[int, Field(description="0 for the photos of the installation itself.")]
    name: str | None
    address: Annotated[str, Field(description="Its pages are at this path, and its API at `address/api/v1`.")]
    left_out: Annotated[str | None, Field(description="Why nothing of it is among the results; null if it could be.")]
