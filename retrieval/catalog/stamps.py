"""Counts of changes, each one row: whether anything is new is known without looking at what there is.

Every transaction that changes something counts it up, whoever writes it, for the sessions are listened to.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from sqlalchemy import event, insert, select, update
from sqlalchemy.orm import ORMExecuteState, Session, sessionmaker

from .base import Base
from .models import ChangeStamp, Concept, ConceptExample, Image, Segment

Name = Literal["vectors", "concepts", "trash"]

_COUNTED: Final[dict[type[Base], Name]] = {Segment: "vectors", Concept: "concepts", ConceptExample: "concepts"}
_TABLES: Final[dict[str, Name]] = {kind.__tablename__: name for kind, name in _COUNTED.items()}


def listen(sessions: sessionmaker[Any]) -> None:
    """Count all transactions of these sessions."""
    event.listen(sessions, "do_orm_execute", _count_statement)
    event.listen(sessions, "before_flush", _count_objects)


def stamp(session: Session, name: Name) -> int:
    """How often something was changed; reads one row."""
    return session.scalar(select(ChangeStamp.count).where(ChangeStamp.name == name)) or 0


def count(session: Session, name: Name) -> None:
    """Count a change, once a transaction."""
    transaction = session.get_transaction()
    counted: set[object] = session.info.setdefault("counted", set())
    if (transaction, name) in counted:
        return
    counted.add((transaction, name))
    connection = session.connection()
    more = update(ChangeStamp).where(ChangeStamp.name == name).values(count=ChangeStamp.count + 1)
    if not connection.execute(more).rowcount:
        connection.execute(insert(ChangeStamp).values(name=name, count=1))


def _count_statement(state: ORMExecuteState) -> None:
    if not (state.is_insert or state.is_update or state.is_delete):
        return
    table = str(getattr(state.statement, "table", ""))
    if table in _TABLES:
        count(state.session, _TABLES[table])
    elif state.is_delete and table == Image.__tablename__:
        count(state.session, "vectors")


def _count_objects(session: Session, *_: object) -> None:
    changed = [*session.new, *session.deleted, *(each for each in session.dirty if session.is_modified(each))]
    for name in {_COUNTED[type(each)] for each in changed if type(each) in _COUNTED}:
        count(session, name)
    if any(isinstance(each, Image) for each in session.deleted):
        count(session, "vectors")
