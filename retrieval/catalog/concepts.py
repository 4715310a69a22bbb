"""Names that people gave, with the directions they are searched by and the segments they were learnt from."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ..errors import CatalogConflictError, QueryError, UnknownConceptError
from ..text.tokens import normal_form
from ..types import Vectors
from .judgements import SEGMENTS_IN_TRASH, check_segments
from .models import Concept, ConceptExample
from .records import ConceptModel, ConceptRecord, vector_bytes, vectors_from
from .sessions import Repository, Sessions
from .stamps import stamp

MAX_NAME = 100


class Concepts(Repository):
    """The concepts of a catalogue; examples in the trash are left out, and kept for when they are restored.

    Attributes
    ----------
    changing : Lock
        Held while a concept is trained anew: threads of one process would make each other begin again.
    """

    def __init__(self, sessions: Sessions) -> None:
        super().__init__(sessions)
        self.changing = threading.Lock()
        self._known: tuple[int, dict[int, ConceptRecord]] | None = None

    def all(self) -> list[ConceptRecord]:
        """All concepts, by name."""
        with self._reading() as session:
            rows = session.scalars(_ALL).all()
            examples = defaultdict[int, list[ConceptExample]](list)
            for each in session.scalars(_EXAMPLES):
                examples[each.concept_id].append(each)
            return [_record(row, examples[row.id]) for row in rows]

    def known(self) -> dict[int, ConceptRecord]:
        """All concepts by id, in the order of their names, without their examples, which no search needs.

        They are read again only when one has changed: otherwise one row is looked at.
        """
        return self._once("known", self._read_known)

    def _read_known(self) -> dict[int, ConceptRecord]:
        known = self._known
        with self._reading() as session:
            now = stamp(session, "concepts")
            if known is None or known[0] != now:
                known = self._known = now, {row.id: _record(row, ()) for row in session.scalars(_ALL)}
        return known[1]

    def digest(self) -> str:
        """A digest that changes whenever the labels of segments may have changed."""
        columns = Concept.id, Concept.space, Concept.threshold, Concept.directions
        found = hashlib.sha256()
        with self._reading() as session:
            for row in session.execute(select(*columns).order_by(Concept.id)):
                found.update(repr(tuple(row)).encode())
        return found.hexdigest()

    def names(self) -> dict[str, int]:
        """The id of each name."""
        return {record.name: key for key, record in self.known().items()}

    def get(self, concept_id: int) -> ConceptRecord:
        """One concept.

        Raises
        ------
        UnknownConceptError
        """
        with self._reading() as session:
            row = _row(session, concept_id)
            return _record(row, session.scalars(_EXAMPLES.where(ConceptExample.concept_id == concept_id)).all())

    def one_known(self, concept_id: int) -> ConceptRecord:
        """One of the `known`.

        Raises
        ------
        UnknownConceptError
        """
        found = self.known().get(concept_id)
        if found is None:
            raise _unknown(concept_id)
        return found

    def add(self, name: str, model: ConceptModel) -> int:
        """Keep a new concept; returns its id.

        Raises
        ------
        QueryError
            The name is taken, empty or too long.
        UnknownSegmentError
            An example is not there.
        """
        return self.add_all([(name, model)])[0]

    def add_all(self, models: Sequence[tuple[str, ConceptModel]]) -> list[int]:
        """Keep new concepts, all or none; returns their ids.

        Raises
        ------
        QueryError, UnknownSegmentError
        """
        ids = []
        with self._sessions.begin() as session:
            for name, model in models:
                _check_free(session, name)
                ids.append(_write(session, _new(name), model).id)
        return ids

    def change(
        self,
        concept_id: int,
        *,
        name: str | None = None,
        model: ConceptModel | None = None,
        former: ConceptModel | None = None,
    ) -> None:
        """Rename a concept, or replace what was learned.

        Parameters
        ----------
        concept_id : int
        name : str, optional
        model : ConceptModel, optional
        former : ConceptModel, optional
            What `model` was made from: nothing is changed if the concept is not that any more.

        Raises
        ------
        UnknownConceptError, UnknownSegmentError, QueryError
        CatalogConflictError
            Another change came before.
        """
        with self._sessions.begin() as session:
            row = _row(session, concept_id)
            if former is not None:
                _check_same(session, row, former)
            if name is not None:
                _check_free(session, name, beside=concept_id)
                row.name, row.key = _named(name), _key(name)
            if model is not None:
                _write(session, row, model)

    def merge(self, formers: Mapping[int, ConceptModel], name: str, model: ConceptModel) -> int:
        """Replace several concepts by one, in one transaction; returns its id.

        Parameters
        ----------
        formers : mapping of int to ConceptModel
            The concepts by their ids, as they were when `model` was made of them.
        name : str
        model : ConceptModel

        Raises
        ------
        UnknownConceptError, UnknownSegmentError, QueryError
        CatalogConflictError
            Another change of one of them came before.
        """
        row = _new(name)
        with self._sessions.begin() as session:
            for concept_id, former in formers.items():
                old = _row(session, concept_id)
                _check_same(session, old, former)
                row.lost += old.lost
                session.delete(old)
            session.flush()
            _check_free(session, name)
            return _write(session, row, model).id

    def delete(self, concept_id: int) -> None:
        """Forget a concept; its segments stay.

        Raises
        ------
        UnknownConceptError
        """
        with self._sessions.begin() as session:
            session.delete(_row(session, concept_id))


def _new(name: str) -> Concept:
    return Concept(name=_named(name), key=_key(name), created_at=datetime.now(UTC), lost=0)


def _check_free(session: Session, name: str, *, beside: int | None = None) -> None:
    holder = session.scalar(select(Concept.id).where(Concept.key == _key(name)))
    if holder not in (None, beside):
        raise QueryError(f"there is already a concept named {name!r}: choose another name, or merge the two")


def _check_same(session: Session, row: Concept, former: ConceptModel) -> None:
    now = _record(row, session.scalars(_EXAMPLES.where(ConceptExample.concept_id == row.id)).all()).model
    learned = (now.positive, now.negative, now.threshold) == (former.positive, former.negative, former.threshold)
    if not learned or not np.array_equal(now.directions, former.directions):
        raise CatalogConflictError(f"concept {row.id} was changed by someone else at the same time: try again")


def _write(session: Session, row: Concept, model: ConceptModel) -> Concept:
    """Write what was learned, and from which examples."""
    row.space, row.threshold = model.space, model.threshold
    row.directions, row.rows = vector_bytes(model.directions), len(model.directions)
    row.query, row.query_rows = (vector_bytes(model.query), len(model.query)) if model.query is not None else (None, 0)
    session.add(row)
    check_segments(session, {*model.positive, *model.negative})
    session.flush()
    session.execute(delete(ConceptExample).where(ConceptExample.concept_id == row.id, _IN_LIBRARY))
    for keys, positive in ((model.positive, True), (model.negative, False)):
        session.add_all(ConceptExample(concept_id=row.id, segment_id=key, positive=positive) for key in keys)
    return row


_ALL = select(Concept).order_by(Concept.key)

_IN_LIBRARY = ConceptExample.segment_id.not_in(SEGMENTS_IN_TRASH)

_EXAMPLES = select(ConceptExample).where(_IN_LIBRARY).order_by(ConceptExample.segment_id)


def _record(row: Concept, examples: Sequence[ConceptExample]) -> ConceptRecord:
    return ConceptRecord(
        id=row.id,
        name=row.name,
        created_at=row.created_at,
        lost=row.lost,
        model=ConceptModel(
            space=row.space,
            directions=_vectors(row.directions, row.rows),
            threshold=row.threshold,
            query=_vectors(row.query, row.query_rows) if row.query is not None else None,
            positive=tuple(each.segment_id for each in examples if each.positive),
            negative=tuple(each.segment_id for each in examples if not each.positive),
        ),
    )


def _vectors(stored: bytes, rows: int) -> Vectors:
    flat = vectors_from([stored])
    return np.ascontiguousarray(flat.reshape(rows, -1))


def _row(session: Session, concept_id: int) -> Concept:
    row = session.get(Concept, concept_id)
    if row is None:
        raise _unknown(concept_id)
    return row


def _unknown(concept_id: int) -> UnknownConceptError:
    return UnknownConceptError(f"there is no concept {concept_id}: GET /api/v1/concepts lists the concepts")


def _named(name: str) -> str:
    """A name without spaces around it.

    Raises
    ------
    QueryError
        It has no letter or digit, is too long, or holds what databases do not take.
    """
    plain = " ".join(name.split())
    if not normal_form(plain):
        raise QueryError("a concept's name needs a letter or a digit")
    if "\0" in plain:
        raise QueryError("a concept's name cannot contain the character U+0000: leave it out")
    if len(plain) > MAX_NAME:
        raise QueryError(f"the name has {len(plain)} characters; shorten it to at most {MAX_NAME}")
    return plain


def _key(name: str) -> str:
    return normal_form(_named(name))
