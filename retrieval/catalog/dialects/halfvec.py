"""pgvector's vectors of float16: their types, their form on the wire, and searches among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    distinct,
    func,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.types import Float, UserDefinedType

from ...types import Ids, Vectors


class Halfvec(UserDefinedType[Any]):
    """Vectors of float16.

    Parameters
    ----------
    dim : int, optional
        Length, which a column has to have.
    """

    cache_ok = True

    def __init__(self, dim: int | None = None) -> None:
        self.dim = dim

    def get_col_spec(self, **_: Any) -> str:
        """As SQL has it."""
        return f"halfvec({self.dim})" if self.dim else "halfvec"


class Vector(UserDefinedType[Any]):
    """Vectors of float32."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """As SQL has it."""
        return "vector"


WholeNumbers = ARRAY(BigInteger)


def _listed(name: str) -> ColumnElement[Any]:
    """A parameter that is a list of whole numbers."""
    return bindparam(name, type_=WholeNumbers)


def sent(dim: int) -> np.dtype[Any]:
    """The form in which the server sends a vector; numbers have the highest byte first."""
    return np.dtype([("dim", ">i2"), ("unused", ">i2"), ("numbers", ">f2", (dim,))])


def copied(ids: Ids, image_ids: Ids, vectors: Vectors) -> bytes:
    """Rows of an id, an image and a vector in the format of COPY … BINARY."""
    dim = vectors.shape[1]
    row = [
        ("columns", ">i2"), ("id_bytes", ">i4"), ("id", ">i8"), ("image_bytes", ">i4"), ("image_id", ">i8"),
        ("vector_bytes", ">i4"), ("vector", sent(dim)),
    ]  # fmt: skip
    rows = np.zeros(len(ids), row)
    rows["columns"], rows["id_bytes"], rows["image_bytes"], rows["vector_bytes"] = 3, 8, 8, sent(dim).itemsize
    rows["id"], rows["image_id"] = ids, image_ids
    rows["vector"]["dim"], rows["vector"]["numbers"] = dim, vectors
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff"


def written(directions: Vectors) -> list[str]:
    """Vectors as texts that the server reads without loss."""
    return ["[" + ",".join(map(repr, each.tolist())) + "]" for each in directions]


def nearest_by_graph(table: Table, *, grouped: bool) -> Select[Any]:
    """The best of the nearest of each direction: a statement.

    Parameters
    ----------
    table : Table
        Of ids, images and embeddings.
    grouped : bool
        Take only the best entry of each image.

    Notes
    -----
    Parameters are `directions` (texts), `hidden` images, `depth` of each direction and `k`. Columns are the id, the
    image, the score, how many entries and images the direction with fewest has found, and the greatest score that a
    direction's list ends with. The graph is asked by directions of float16; scores are exact.
    """
    given = _directions()
    distance = table.c.embedding.op("<#>", return_type=Float())(given.c.half)
    entries = (
        select(table.c.id, table.c.image_id, distance.label("distance"))
        .where(_is_shown(table))
        .order_by(distance)
        .limit(bindparam("depth", type_=BigInteger()))
        .lateral("entries")
    )
    lists = (
        select(given.c.n, entries.c.id, entries.c.image_id, entries.c.distance)
        .join_from(given, entries, true())
        .cte("lists")
    )
    each = (
        select(
            func.count().label("rows"),
            func.count(distinct(lists.c.image_id)).label("images"),
            (-func.max(lists.c.distance)).label("end"),
        )
        .group_by(lists.c.n)
        .subquery("each")
    )
    least = select(
        func.min(each.c.rows).label("rows"), func.min(each.c.images).label("images"), func.max(each.c.end).label("end")
    ).cte("least")
    near = select(lists.c.id).distinct().subquery("near")
    scored = (
        select(table.c.id, table.c.image_id, _score(table, given))
        .join_from(near, table, near.c.id == table.c.id)
        .cte("scored")
    )
    best = _best(scored, grouped=grouped)
    return _first(select(best, least.c.rows, least.c.images, least.c.end).join_from(best, least, true()), best)


def nearest_by_comparing(table: Table, *, grouped: bool, listed: bool) -> Select[Any]:
    """The best of all entries, or of those of the parameter `ids`: a statement; else as `nearest_by_graph`."""
    given = _directions()
    passing = _is_shown(table) & (table.c.id == any_(_listed("ids"))) if listed else _is_shown(table)
    scored = select(table.c.id, table.c.image_id, _score(table, given)).where(passing).cte("scored")
    best = _best(scored, grouped=grouped)
    return _first(select(best), best)


def _directions() -> Any:
    texts = (
        func.unnest(bindparam("directions", type_=ARRAY(Text)))
        .table_valued("direction", with_ordinality="n", name="texts")
        .render_derived()
    )
    single = cast(texts.c.direction, Vector())
    found = select(texts.c.n, single.label("single"), cast(single, Halfvec()).label("half"))
    return found.cte("directions").prefix_with("MATERIALIZED")


def _is_shown(table: Table) -> ColumnElement[bool]:
    return ~(table.c.image_id == any_(_listed("hidden")))


def _score(table: Table, given: Any) -> ColumnElement[Any]:
    """The greatest inner product with any direction; pgvector's operator gives the negative one."""
    product = cast(table.c.embedding, Vector()).op("<#>", return_type=Float())(given.c.single)
    return select(-func.min(product)).scalar_subquery().label("score")


def _best(scored: Any, *, grouped: bool) -> Any:
    if not grouped:
        return scored
    columns = scored.c
    order = (columns.image_id, columns.score.desc(), columns.id)
    return select(scored).ext(distinct_on(columns.image_id)).order_by(*order).subquery("best")


def _first(asked: Select[Any], best: Any) -> Select[Any]:
    return asked.order_by(best.c.score.desc(), best.c.id).limit(bindparam("k", type_=BigInteger()))


def chunks(ids: Sequence[int] | Ids, size: int = 20_000) -> list[list[int]]:
    """Lists of ids for one question each."""
    numbers = np.asarray(ids, np.int64)
    return [numbers[start : start + size].tolist() for start in range(0, len(numbers), size)]
