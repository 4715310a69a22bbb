"""How things in one photo can lie to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import QueryError

RelationName = Literal["left_of", "right_of", "above", "below", "inside", "around", "touching", "larger", "smaller"]
RELATIONS: tuple[RelationName, ...] = get_args(RelationName)

MAX_PARTS = 5
"""So many things can be asked for at once."""


@dataclass(frozen=True, slots=True)
class Relation:
    """How one part of a query lies to another.

    Attributes
    ----------
    subject, object : int
        Numbers of parts, the first is 0.
    name : str
        ``subject`` is ``name`` ``object``.

    Raises
    ------
    QueryError
        There is no such relation, or it is one of a part to itself.
    """

    subject: int
    name: RelationName
    object: int

    def __post_init__(self) -> None:
        if self.name not in RELATIONS:
            raise QueryError(f"there is no relation {self.name!r}; there are {', '.join(RELATIONS)}")
        if self.subject == self.object or min(self.subject, self.object) < 0:
            raise QueryError("a relation needs two different parts of the query, numbered from 0")
