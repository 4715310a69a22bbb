"""Spatial relations of things in one photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import QueryError

RelationName = Literal["left_of", "right_of", "above", "below", "inside", "around", "touching", "larger", "smaller"]
RELATIONS: tuple[RelationName, ...] = get_args(RelationName)

MAX_PARTS = 5
"""The most parts that a query can have."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation between two parts of a query.

    Attributes
    ----------
    subject, object : int
        Numbers of parts, the first is 0.
    name : str
        ``subject`` is ``name`` ``object``.

    Raises
    ------
    QueryError
        There is no such relation, or it relates a part to itself.
    """

    subject: int
    name: RelationName
    object: int

    def __post_init__(self) -> None:
        if self.name not in RELATIONS:
            raise QueryError(f"there is no relation {self.name!r}; there are {', '.join(RELATIONS)}")
        if self.subject == self.object or min(self.subject, self.object) < 0:
            raise QueryError("a relation needs two different parts of the query, numbered from 0")
