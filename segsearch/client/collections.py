"""Calls about collections."""

from __future__ import annotations

from typing import Literal

from . import calls
from .calls import C, Call, Group, given
from .collection_values import Collection


class Collections(Group[C]):
    """Collections with photos and users of their own.

    What is in one is at an address of its own: ``Client(f"{url}{collection.address}")``.
    """

    @calls.get("/collections")
    def all(self, *, deleted: bool = False) -> Call[list[Collection]]:
        """Those that you may see, by name; or your own in the trash."""
        return Call(list[Collection], query={"deleted": "true"} if deleted else {}, within="collections")

    @calls.post("/collections")
    def add(self, name: str, *, recipe: str | None = None) -> Call[Collection]:
        """Make a collection, which nobody else sees until it is shared.

        Raises
        ------
        InvalidRequestError
            You have one of that name.
        ForbiddenError
            You may not make one, or not choose a recipe.
        """
        return Call(Collection, body=given(name=name, recipe=recipe))

    @calls.patch("/collections/{collection_id}")
    def change(self, collection_id: int, *, name: str | None = None, recipe: str | None = None) -> Call[Collection]:
        """Give it another name or recipe."""
        return Call(Collection, {"collection_id": collection_id}, body=given(name=name, recipe=recipe))

    @calls.delete("/collections/{collection_id}")
    def delete(self, collection_id: int) -> Call[None]:
        """Move it to the trash."""
        return Call(type(None), {"collection_id": collection_id})

    @calls.post("/collections/{collection_id}/restore")
    def restore(self, collection_id: int) -> Call[Collection]:
        """Take it out of the trash."""
        return Call(Collection, {"collection_id": collection_id}, body={})

    @calls.post("/collections/{collection_id}/members")
    def share(self, collection_id: int, user: str, *, role: Literal["viewer", "editor"] = "viewer") -> Call[Collection]:
        """Share it with a user, or give the user another role in it."""
        return Call(Collection, {"collection_id": collection_id}, body={"user": user, "role": role})

    @calls.delete("/collections/{collection_id}/members/{user}")
    def unshare(self, collection_id: int, user: str) -> Call[Collection]:
        """Share it with a user no longer."""
        return Call(Collection, {"collection_id": collection_id, "user": user})
