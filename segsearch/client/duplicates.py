"""Calls about near-duplicates."""

from __future__ import annotations

from collections.abc import Sequence

from . import calls
from .calls import C, Call, Group
from .library_values import Duplicate, DuplicateGroup


class Duplicates(Group[C]):
    """Photos that are crops, copies or edits of one another."""

    @calls.pages("/duplicates")
    def all(self, *, min_likeness: float = 0.0) -> Call[list[DuplicateGroup]]:
        """Iterate over groups, each with its best photo.

        Parameters
        ----------
        min_likeness : float
            Only pairs that are at least so alike, 0 to 1.
        """
        asked = {"limit": 100, "min_likeness": min_likeness}
        return Call(list[DuplicateGroup], query=asked, within="groups", cursor="after")

    @calls.get("/images/{image_id}/duplicates")
    def of(self, image_id: int) -> Call[list[Duplicate]]:
        """The near-duplicates of a photo, the likest first."""
        return Call(list[Duplicate], {"image_id": image_id}, within="duplicates")

    @calls.post("/duplicates/dismiss")
    def dismiss(self, image_ids: Sequence[int]) -> Call[int]:
        """Remember that photos are no duplicates of one another; of how many pairs that is new."""
        return Call(int, body={"ids": list(image_ids)}, within="pairs")

    @calls.post("/duplicates/restore")
    def restore(self, image_ids: Sequence[int]) -> Call[int]:
        """Take `dismiss` back; of how many pairs."""
        return Call(int, body={"ids": list(image_ids)}, within="pairs")
