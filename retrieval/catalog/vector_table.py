"""Vectors in a table of PostgreSQL, searched by pgvector.

The table is derived from the catalogue and can be made anew, so it is in a schema of its own, `SCHEMA`, and in no
migration. A row of `state` tells how much each table holds and counts its changes; whoever changes a table locks that
row first.

References
----------
Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small World
graphs", IEEE TPAMI 2020; pgvector 0.8, "Iterative index scans".
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    any_,
    delete,
    func,
    inspect,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.schema import CreateSchema

from ..errors import IndexMismatchError
from ..processes.program import PROGRAM
from ..types import Ids, Vectors
from .dialects import halfvec

SCHEMA = "segsearch_index"

MAKING: Final = int.from_bytes(b"segindex")
"""The number of the lock under which things are made: of two that do so at once, one would fail."""

GRAPH_BYTES = 1024
"""At least what an entry of a graph takes beside its vector while the graph is built, with pgvector's own m = 16."""

LEAST_BUILD_BYTES, MOST_BUILD_BYTES = 2**26, 2**30


@dataclass(frozen=True, slots=True)
class TableState:
    """How much a table holds.

    Attributes
    ----------
    count, newest_id : int
        Entries, and at least the greatest id among them.
    changes : int
        Grows with each change.
    is_indexed : bool
        Whether it has a graph (HNSW); else every vector is compared.
    """

    count: int = 0
    newest_id: int = 0
    changes: int = 0
    is_indexed: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class VectorHits:
    """What was found, best first.

    Attributes
    ----------
    ids, image_ids : ndarray of shape (N,), int64
    scores : ndarray of shape (N,), float32
    rows, images : int
        How many entries, and how many images among them, the direction with fewest has found in the graph.
    complete_from : float
        The score down to which nothing is missing: below the end of a direction's list, there may be more.
    """

    ids: Ids
    image_ids: Ids
    scores: NDArray[np.float32]
    rows: int
    images: int
    complete_from: float


class VectorTable:
    """The vectors of one index: ids, the image of each, and float16 numbers.

    Parameters
    ----------
    engine : Engine
        Of a server with pgvector.
    name : str
        What its entries are.
    space : str
        Fingerprint of what made the vectors; each space has a table of its own.
    dim : int
    """

    def __init__(self, engine: Engine, name: str, space: str, dim: int) -> None:
        self.dim = dim
        self._engine, self._reader = engine, engine.execution_options(isolation_level="AUTOCOMMIT")
        key, metadata = f"{name}_{hashlib.sha256(space.encode()).hexdigest()[:16]}", MetaData(schema=SCHEMA)
        self._row = {"name": key, "space": space, "dim": dim, **asdict(TableState())}
        self._state = Table(
            "state",
            metadata,
            Column("name", String, primary_key=True),
            Column("space", String, nullable=False),
            Column("dim", Integer, nullable=False),
            Column("count", BigInteger, nullable=False),
            Column("newest_id", BigInteger, nullable=False),
            Column("changes", BigInteger, nullable=False),
            Column("is_indexed", Boolean, nullable=False),
        )
        self._table = Table(
            key,
            metadata,
            Column("id", BigInteger, primary_key=True, autoincrement=False),
            Column("image_id", BigInteger, nullable=False, index=True),
            Column("embedding", halfvec.Halfvec(dim), nullable=False),
        )
        self._near = {grouped: halfvec.nearest_by_graph(self._table, grouped=grouped) for grouped in (False, True)}
        self._compare = {
            (grouped, listed): halfvec.nearest_by_comparing(self._table, grouped=grouped, listed=listed)
            for grouped in (False, True)
            for listed in (False, True)
        }

    def prepare(self) -> TableState:
        """Make the table if it is not there.

        Raises
        ------
        IndexMismatchError
            There is one for vectors of another length.
        """
        with self._reader.connect() as connection:
            is_there = inspect(connection).has_table(self._table.name, SCHEMA)
        if not is_there:
            with self._engine.begin() as connection:
                connection.execute(select(func.pg_advisory_xact_lock(MAKING)))
                connection.execute(CreateSchema(SCHEMA, if_not_exists=True))
                self._table.metadata.create_all(connection)
                connection.execute(insert(self._state).values(self._row).on_conflict_do_nothing())
        with self._reader.connect() as connection:
            dim = connection.scalar(select(self._state.c.dim).where(self._is_own))
        if dim != self.dim:
            raise IndexMismatchError(
                f"the table {self._table.fullname} holds vectors of length {dim}, and the recipe's have {self.dim}: "
                f"run `DROP SCHEMA {SCHEMA} CASCADE` in its database, then `{PROGRAM} rebuild-index`"
            )
        return self.state()

    def state(self) -> TableState:
        """How much it holds; reads one row."""
        with self._reader.connect() as connection:
            return self._told(connection, self._asked)

    def upsert(self, ids: Ids, image_ids: Ids, vectors: Vectors) -> TableState:
        """Take entries in, in the place of those that have their ids; one transaction.

        A graph is given up for a batch that is larger than all there is: `build` makes a new one sooner than the batch
        would be added to it.
        """
        with self._engine.begin() as connection:
            before = self._locked(connection)
            is_indexed = before.is_indexed and len(ids) <= before.count
            if before.is_indexed and not is_indexed:
                self._drop_graph(connection)
            incoming = self._incoming(connection, ids, image_ids, vectors)
            known = connection.scalar(
                select(func.count()).select_from(incoming).join(self._table, incoming.c.id == self._table.c.id)
            )
            added = insert(self._table).from_select(["id", "image_id", "embedding"], select(incoming))
            replaced = {name: added.excluded[name] for name in ("image_id", "embedding")}
            connection.execute(added.on_conflict_do_update(index_elements=["id"], set_=replaced))
            newest, count = max(before.newest_id, int(ids.max())), before.count + len(ids) - int(known or 0)
            return self._tell(connection, TableState(count, newest, before.changes + 1, is_indexed))

    def delete(self, ids: Ids) -> TableState:
        """Remove entries; unknown ids are ignored. One transaction."""
        with self._engine.begin() as connection:
            before, gone = self._locked(connection), 0
            for chunk in halfvec.chunks(ids):
                gone += connection.execute(delete(self._table).where(self._table.c.id == _any_of(chunk))).rowcount
            if not gone:
                return before
            is_indexed = before.is_indexed and gone < before.count
            if not is_indexed:
                self._drop_graph(connection)
            if gone == before.count:  # so that nothing is left of what was there
                connection.execute(text(f"TRUNCATE {self._table.fullname}"))
            return self._tell(
                connection, TableState(before.count - gone, before.newest_id, before.changes + 1, is_indexed)
            )

    def build(self) -> TableState:
        """Build a graph, if there is none; searches go on meanwhile. O(N·log N)."""
        with self._engine.begin() as connection:
            before = self._locked(connection)
            if before.is_indexed:
                return before
            wanted = max(LEAST_BUILD_BYTES, before.count * (2 * self.dim + GRAPH_BYTES))
            memory = f"{min(wanted, MOST_BUILD_BYTES) // 1024}kB"
            connection.execute(select(func.set_config("maintenance_work_mem", memory, True)))
            connection.execute(
                text(
                    f"CREATE INDEX {self._table.name}_graph ON {self._table.fullname} "
                    "USING hnsw (embedding halfvec_ip_ops)"
                )
            )
            connection.execute(text(f"ANALYZE {self._table.fullname}"))
            return self._tell(connection, TableState(before.count, before.newest_id, before.changes + 1, True))

    def near(self, directions: Vectors, k: int, *, depth: int, hidden: Collection[int], grouped: bool) -> VectorHits:
        """The k best of the `depth` nearest of each direction, by the graph; scores are exact.

        Parameters
        ----------
        directions : ndarray of shape (Q, D), float32
        k, depth : int
        hidden : collection of int
            Images that are left out.
        grouped : bool
            Take only the best entry of each image.
        """
        return self._hits(self._near[grouped], directions, k, hidden, {"depth": depth})

    def compare(
        self, directions: Vectors, k: int, *, hidden: Collection[int], grouped: bool, listed: Ids | None = None
    ) -> VectorHits:
        """The k best by looking at all entries, or at some; O(N·Q·D).

        Parameters
        ----------
        directions : ndarray of shape (Q, D), float32
        k : int
        hidden : collection of int
            Images that are left out.
        grouped : bool
            Take only the best entry of each image.
        listed : ndarray of shape (M,), int64, optional
            The ids to look at.
        """
        more = {} if listed is None else {"ids": listed.tolist()}
        return self._hits(self._compare[grouped, listed is not None], directions, k, hidden, more)

    def vectors(self, ids: Ids) -> tuple[Ids, Vectors]:
        """The ids that are there, rising, and their vectors, (M, D), float32."""
        order = self._table.c.id
        numbers = func.halfvec_send(self._table.c.embedding, type_=LargeBinary)
        joined = func.string_agg(numbers, aggregate_order_by(literal(b""), order), type_=LargeBinary)
        held, found = [np.zeros(0, np.int64)], [np.zeros((0, self.dim), np.float32)]
        with self._reader.connect() as connection:
            for chunk in halfvec.chunks(np.unique(ids)):
                asked = select(func.array_agg(aggregate_order_by(order, order)), joined).where(order == _any_of(chunk))
                keys, rows = connection.execute(asked).one()
                if keys:
                    held.append(np.array(keys, np.int64))
                    found.append(np.frombuffer(rows, halfvec.sent(self.dim))["numbers"].astype(np.float32))
        return np.concatenate(held), np.concatenate(found)

    def image_ids(self, ids: Ids) -> tuple[Ids, Ids]:
        """The ids that are there, rising, and the image of each."""
        columns, found = self._table.c, list[Any]()
        with self._reader.connect() as connection:
            for chunk in halfvec.chunks(np.unique(ids)):
                asked = select(columns.id, columns.image_id).where(columns.id == _any_of(chunk)).order_by(columns.id)
                found += connection.execute(asked).all()
        return _two_columns(found)

    def ids_of_images(self, image_ids: Ids) -> Ids:
        """Ids of all entries of some images, rising."""
        columns, found = self._table.c, list[int]()
        with self._reader.connect() as connection:
            for chunk in halfvec.chunks(image_ids):
                found += connection.scalars(select(columns.id).where(columns.image_id == _any_of(chunk))).all()
        return np.unique(np.array(found, np.int64))

    def image_counts(self) -> tuple[Ids, Ids]:
        """The images that have entries, rising, and how many each; O(N)."""
        image_id = self._table.c.image_id
        asked = select(image_id, func.count()).group_by(image_id).order_by(image_id)
        with self._reader.connect() as connection:
            return _two_columns(connection.execute(asked).all())

    def sample(self, count: int) -> Ids:
        """The first ids in the order of a hash of each; O(N)."""
        id = self._table.c.id
        asked = select(id).order_by(func.hashint8extended(id, 0), id).limit(count)
        with self._reader.connect() as connection:
            return np.array(connection.scalars(asked).all(), np.int64)

    @property
    def _is_own(self) -> Any:
        return self._state.c.name == self._row["name"]

    @property
    def _asked(self) -> Select[Any]:
        columns = self._state.c
        return select(columns.count, columns.newest_id, columns.changes, columns.is_indexed).where(self._is_own)

    def _locked(self, connection: Connection) -> TableState:
        """The state, which nobody else can change before this transaction ends, however long that takes."""
        connection.execute(select(func.set_config("statement_timeout", "0", True)))
        return self._told(connection, self._asked.with_for_update())

    def _told(self, connection: Connection, asked: Select[Any]) -> TableState:
        row = connection.execute(asked).first()
        if row is None:
            raise IndexMismatchError(
                f"{self._state.fullname} has lost its row of {self._table.name}: run `DROP SCHEMA {SCHEMA} CASCADE` in "
                f"its database, start the program anew, and run `{PROGRAM} rebuild-index`"
            )
        return TableState(*row)

    def _tell(self, connection: Connection, state: TableState) -> TableState:
        connection.execute(update(self._state).where(self._is_own).values(asdict(state)))
        return state

    def _drop_graph(self, connection: Connection) -> None:
        connection.execute(text(f"DROP INDEX IF EXISTS {SCHEMA}.{self._table.name}_graph"))

    def _incoming(self, connection: Connection, ids: Ids, image_ids: Ids, vectors: Vectors) -> Table:
        """A table of entries that ends with the transaction."""
        connection.execute(text(f"CREATE TEMPORARY TABLE incoming (LIKE {self._table.fullname}) ON COMMIT DROP"))
        driver: Any = connection.connection.dbapi_connection
        with driver.cursor() as cursor, cursor.copy("COPY pg_temp.incoming FROM STDIN (FORMAT BINARY)") as copying:
            copying.write(halfvec.copied(ids, image_ids, vectors))
        columns = [Column(each.name, each.type) for each in self._table.c]
        return Table("incoming", MetaData(), *columns, schema="pg_temp")

    def _hits(
        self, asked: Select[Any], directions: Vectors, k: int, hidden: Collection[int], more: dict[str, Any]
    ) -> VectorHits:
        given = {"directions": halfvec.written(directions), "k": k, "hidden": [int(each) for each in hidden], **more}
        with self._reader.connect() as connection:
            rows: Sequence[Any] = connection.execute(asked, given).all()
        least = rows[0][3:] if rows and len(rows[0]) > 3 else (len(rows), len(rows), -np.inf)
        ids, image_ids = _two_columns([row[:2] for row in rows])
        return VectorHits(ids, image_ids, np.array([row[2] for row in rows], np.float32), *least)


def _any_of(ids: list[int]) -> Any:
    return any_(literal(ids, halfvec.WholeNumbers))


def _two_columns(rows: Sequence[Any]) -> tuple[Ids, Ids]:
    found = np.array([tuple(row) for row in rows], np.int64).reshape(len(rows), 2)
    return found[:, 0].copy(), found[:, 1].copy()
