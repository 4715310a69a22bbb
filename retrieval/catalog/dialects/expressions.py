"""Expressions and types of SQL that the two databases write differently."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine

WHOLE: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
"""Whole numbers of 64 bits. SQLite's all are, and only those called so can be keys that it gives out."""

BINARY = "C"
"""The order of characters by their code points, in PostgreSQL's word; SQLite knows no other."""


def text_of(length: int | None = None, kind: type[String] = String) -> String:
    """Text that is compared and sorted alike on both databases, of at most `length` characters."""
    return kind(length).with_variant(kind(length, collation=BINARY), "postgresql")


if TYPE_CHECKING:
    UtcDecorator = TypeDecorator[datetime]
else:
    UtcDecorator = TypeDecorator


class Utc(UtcDecorator):
    """A moment. It is stored in UTC without saying so, which both databases can do, and says so everywhere else."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """As it is stored.

        Raises
        ------
        ValueError
            It does not say in which time zone it is.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the time {value} has no time zone: use datetime.now(UTC)")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """As it is used."""
        return None if value is None else value.replace(tzinfo=UTC)


class now(GenericFunction[Any]):  # functions of SQL have small letters
    """The time by the database's clock, in UTC, as the driver gives it; it runs on within a transaction."""

    type = NullType()
    inherit_cache = True
    name = "segsearch_now"


class month(GenericFunction[str]):
    """The month of a date as ``YYYY-MM``."""

    type = String()
    inherit_cache = True
    name = "segsearch_month"


@compiles(now, "sqlite")
def _now_sqlite(_element: now, _compiler: SQLCompiler, **_: Any) -> str:
    return "strftime('%Y-%m-%d %H:%M:%f', 'now')"


@compiles(now, "postgresql")
def _now_postgresql(_element: now, _compiler: SQLCompiler, **_: Any) -> str:
    return "(clock_timestamp() AT TIME ZONE 'UTC')"


@compiles(month, "sqlite")
def _month_sqlite(element: month, compiler: SQLCompiler, **options: Any) -> str:
    return f"strftime('%Y-%m', {compiler.process(element.clauses, **options)})"


@compiles(month, "postgresql")
def _month_postgresql(element: month, compiler: SQLCompiler, **options: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **options)}, 'YYYY-MM')"
