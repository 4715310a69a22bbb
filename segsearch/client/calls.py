"""Descriptions of the API's calls, which the client and its asynchronous twin share.

A group of calls is a class whose methods make a `Call`: the path, the query, the body, and the type of the answer. The
decorators `get`, `post`, `patch`, `delete`, `pages` and `saved` turn such a method into one that makes the call: at
once in a `Client`, and as a coroutine in an `AsyncClient`. Nothing here does input or output.

References
----------
Brett Cannon and Cory Benfield, "Building Protocol Libraries The Right Way", PyCon 2016 (I/O-free libraries).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, wraps
from os import PathLike
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload

from pydantic import TypeAdapter, ValidationError

from .errors import UnexpectedAnswerError

P = ParamSpec("P")
T = TypeVar("T")

StrPath = str | PathLike[str]


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of a form.

    Attributes
    ----------
    content : path or bytes
        A path is opened for each attempt, and read while it is sent.
    name : str
    """

    content: Path | bytes
    name: str


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One call of the API.

    Attributes
    ----------
    answer : type
        What the answer becomes: ``bytes``, ``None``, or anything that pydantic can validate.
    path, query : mapping
        Values in the route, and behind the question mark; None is left out.
    body : mapping, optional
        Sent as JSON.
    form : mapping, optional
        Fields of a form, sent with `file`.
    file : SentFile, optional
    within : str, optional
        The field of the answer that is wanted alone.
    cursor : {"after", "skip"}, optional
        How the next page is asked for.
    method, route : str
        Set by the decorator.
    """

    answer: type[T]
    path: Mapping[str, object] | None = None
    query: Mapping[str, Any] | None = None
    body: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    file: SentFile | None = None
    within: str | None = None
    cursor: str | None = None
    method: str = "GET"
    route: str = "/"

    @property
    def writes(self) -> bool:
        """Whether it needs a key, so that a repetition does nothing twice."""
        return self.method != "GET"

    def target(self) -> str:
        """The path with its values."""
        return self.route.format(**{name: str(value) for name, value in (self.path or {}).items()})

    def parameters(self) -> dict[str, str]:
        """What comes behind the question mark."""
        return {name: _in_query(value) for name, value in (self.query or {}).items() if value is not None}

    def parse(self, content: bytes, status: int = 200) -> T:
        """The value of an answer.

        Parameters
        ----------
        content : bytes
        status : int
            Of HTTP; a value may depend on it.

        Raises
        ------
        UnexpectedAnswerError
            It is not what this call answers.
        """
        if self.answer is bytes:
            return content  # type: ignore[return-value]  # it is T
        if self.answer is type(None):
            return None
        try:
            found: T = _value(self.answer, content, self.within, {"status": status})
            return found
        except (ValidationError, KeyError, TypeError) as error:
            raise UnexpectedAnswerError(
                f"{self.method} {self.route} was answered with something that this client does not understand: check "
                f"the address, and that client and server have the same version ({error})"
            ) from error

    def after_page(self, content: bytes, items: int) -> Self | None:
        """The call for the page after one; None if that was the last."""
        asked = dict(self.query or {})
        if self.cursor == "skip":
            if items < asked["limit"]:
                return None
            return replace(self, query={**asked, "skip": asked.get("skip", 0) + items})
        following = _document(content).get("next")
        return None if following is None else replace(self, query={**asked, "after": following})


def _in_query(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)


@lru_cache(maxsize=256)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _document(content: bytes) -> dict[str, Any]:
    found: dict[str, Any] = _adapter(dict[str, Any]).validate_json(content)
    return found


def _value(kind: Any, content: bytes, within: str | None, context: dict[str, int]) -> Any:
    if within is None:
        return _adapter(kind).validate_json(content, context=context)
    return _adapter(kind).validate_python(_document(content)[within], context=context)


def given(**values: Any) -> dict[str, Any]:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


class Connection(Protocol):
    """Makes calls, and waits for their answers."""

    def run(self, call: Call[T], /) -> T:
        """The answer."""

    def items(self, call: Call[list[T]], /) -> Iterator[T]:
        """The items of all pages."""

    def save(self, call: Call[bytes], target: StrPath, /) -> Path:
        """Write the answer to a file."""


class AsyncConnection(Protocol):
    """Makes calls without waiting."""

    def run(self, call: Call[T], /) -> Coroutine[Any, Any, T]:
        """The answer."""

    def items(self, call: Call[list[T]], /) -> AsyncIterator[T]:
        """The items of all pages."""

    def save(self, call: Call[bytes], target: StrPath, /) -> Coroutine[Any, Any, Path]:
        """Write the answer to a file."""


C = TypeVar("C", bound=Connection | AsyncConnection, covariant=True)


class Group(Generic[C]):
    """Calls that belong together.

    Parameters
    ----------
    connection : Connection or AsyncConnection
    """

    def __init__(self, connection: C) -> None:
        self._connection = connection

    def connection(self) -> C:
        """What makes the calls."""
        return self._connection


class Described(Generic[P, T]):
    """A method that makes a `Call`, with the method and route of the call.

    Parameters
    ----------
    method, route : str
    build : callable
    """

    def __init__(self, method: str, route: str, build: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self.method = method
        self.route = route
        self._build = build
        self.__doc__ = build.__doc__
        self.__name__ = build.__name__

    def call(self, *args: P.args, **kwargs: P.kwargs) -> Call[T]:
        """The call with its arguments."""
        return replace(self._build(None, *args, **kwargs), method=self.method, route=self.route)


class Endpoint(Described[P, T]):
    """Makes one call, and returns its answer."""

    @overload
    def __get__(self, group: None, owner: type) -> Self: ...
    @overload
    def __get__(self, group: Group[Connection], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, group: Group[AsyncConnection], owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, group: Group[Any] | None, owner: type) -> Any:
        """The method of one group."""
        if group is None:
            return self

        @wraps(self._build)
        def ask(*args: P.args, **kwargs: P.kwargs) -> Any:
            return group.connection().run(self.call(*args, **kwargs))

        return ask


class Pages(Described[P, list[T]]):
    """Makes one call for each page, when its items are wanted."""

    @overload
    def __get__(self, group: None, owner: type) -> Self: ...
    @overload
    def __get__(self, group: Group[Connection], owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, group: Group[AsyncConnection], owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, group: Group[Any] | None, owner: type) -> Any:
        """The method of one group."""
        if group is None:
            return self

        @wraps(self._build)
        def ask(*args: P.args, **kwargs: P.kwargs) -> Any:
            return group.connection().items(self.call(*args, **kwargs))

        return ask


class Saved(Described[P, bytes]):
    """Makes one call, and writes its answer to a file while it comes; the file's path is the first argument."""

    @overload
    def __get__(self, group: None, owner: type) -> Self: ...
    @overload
    def __get__(self, group: Group[Connection], owner: type) -> Callable[Concatenate[StrPath, P], Path]: ...
    @overload
    def __get__(
        self, group: Group[AsyncConnection], owner: type
    ) -> Callable[Concatenate[StrPath, P], Coroutine[Any, Any, Path]]: ...
    def __get__(self, group: Group[Any] | None, owner: type) -> Any:
        """The method of one group."""
        if group is None:
            return self

        @wraps(self._build)
        def ask(target: StrPath, /, *args: P.args, **kwargs: P.kwargs) -> Any:
            return group.connection().save(self.call(*args, **kwargs), target)

        return ask


def get(route: str) -> Callable[[Callable[Concatenate[Any, P], Call[T]]], Endpoint[P, T]]:
    """A call that reads."""
    return lambda build: Endpoint("GET", route, build)


def post(route: str) -> Callable[[Callable[Concatenate[Any, P], Call[T]]], Endpoint[P, T]]:
    """A call that asks with a body, or that writes."""
    return lambda build: Endpoint("POST", route, build)


def patch(route: str) -> Callable[[Callable[Concatenate[Any, P], Call[T]]], Endpoint[P, T]]:
    """A call that changes something."""
    return lambda build: Endpoint("PATCH", route, build)


def delete(route: str) -> Callable[[Callable[Concatenate[Any, P], Call[T]]], Endpoint[P, T]]:
    """A call that deletes something."""
    return lambda build: Endpoint("DELETE", route, build)


def pages(route: str) -> Callable[[Callable[Concatenate[Any, P], Call[list[T]]]], Pages[P, T]]:
    """A call that reads page by page."""
    return lambda build: Pages("GET", route, build)


def saved(route: str) -> Callable[[Callable[Concatenate[Any, P], Call[bytes]]], Saved[P]]:
    """A call whose answer goes to a file."""
    return lambda build: Saved("GET", route, build)
