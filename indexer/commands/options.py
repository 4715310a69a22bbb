"""Options and parameters that several commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrieval.errors import ConfigurationError
from retrieval.query.request import MAX_ID
from retrieval.settings import Settings
from retrieval.storage.locations import folder_uri, has_scheme, is_file, path_of, uri_from

if TYPE_CHECKING:
    from retrieval.assembly import Assembly

PATHS = click.Path(exists=True, path_type=Path)


class Places(click.ParamType[Path | str]):
    """A path that exists, as a Path, or the URI of a store or web server, as text; ``file://`` URIs are paths."""

    name = "path or URI"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """Check it; what is wrong is told as for other options."""
        if not isinstance(value, str) or not has_scheme(value):
            return PATHS.convert(value, param, ctx)
        try:
            uri = uri_from(value)
        except ConfigurationError as error:
            self.fail(str(error), param, ctx)
        return PATHS.convert(path_of(uri), param, ctx) if is_file(uri) else uri


PLACES = Places()


class Folder(click.ParamType[str]):
    """A folder, which need not exist any more, or the URI of a bucket or prefix, as filters take it."""

    name = "path or URI"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Make paths absolute, and check URIs."""
        text = value if has_scheme(str(value)) else str(Path(value).absolute())
        try:
            folder_uri(text)
        except ConfigurationError as error:
            self.fail(str(error), param, ctx)
        return text


FOLDER = Folder()
ID = click.IntRange(0, MAX_ID)


def open_assembly(settings: Settings) -> Assembly:
    """The assembly of the data directory that the settings name."""
    from retrieval.assembly import Assembly

    return Assembly(settings)


RAY = click.option(
    "--ray",
    "address",
    metavar="ADDRESS",
    help="Analyse the photos on a Ray cluster: HOST:PORT of its head node, `auto` for the one that this machine "
    "belongs to, or `local`, which starts one here.",
)


@contextmanager
def ray_at(address: str | None) -> Iterator[Any]:
    """The library Ray, connected while the block runs; None if there is no address."""
    if address is None:
        yield None
        return
    from ..ray.cluster import connected

    with connected(address) as ray:
        yield ray


def corners(text: str | None) -> tuple[tuple[float, float], ...]:
    """Corners of an option such as ``"10,10,80,12,44,90"``."""
    if text is None:
        return ()
    found = numbers(text, text.count(",") + 1) or ()
    if len(found) % 2:
        raise click.BadParameter(f"{text!r} is not an even count of numbers separated by commas")
    return tuple(zip(found[::2], found[1::2], strict=True))


def numbers(text: str | None, count: int) -> tuple[float, ...] | None:
    """Numbers of an option such as ``"120,48"``."""
    if text is None:
        return None
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise click.BadParameter(f"{text!r} is not {count} numbers separated by commas")
    return numbers
