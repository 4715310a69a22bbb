"""What a program in Python uses: a library of photos, and what is found in it.

>>> import retrieval as ss
>>> lib = ss.open("var")  # doctest: +SKIP
>>> lib.ingest("photos")  # doctest: +SKIP
>>> lib.search(image="query.jpg", point=(320, 200)).show()  # doctest: +SKIP
"""

from __future__ import annotations

import os
from pathlib import Path

from ..assembly import Assembly
from ..errors import ConfigurationError
from ..settings import Settings
from .hits import Hit, Hits
from .library import IngestReport, Library
from .records import Photo, Segment

__all__ = ["Hit", "Hits", "IngestReport", "Library", "Photo", "Segment", "open"]


def open(
    data_dir: str | os.PathLike[str] = "var",
    *,
    recipe: str = "lite",
    device: str = "auto",
    index: str = "local",
    collection: str | None = None,
    files: str = "",
) -> Library:
    """Open a library of photos, or make a new one.

    Parameters
    ----------
    data_dir : path
        Folder of the catalogue and the index. The environment is not read.
    recipe : str
        What segments and embeds, as ``SEGSEARCH_RECIPE`` names it.
    device : {"auto", "cpu", "cuda", "cuda:N"}
    index : str
        What holds the vectors, as ``SEGSEARCH_INDEX`` names it; opened at the first search.
    collection : str, optional
        Name or number of a collection of this installation, which has photos of its own; ``segsearch collections add``
        makes one.
    files : str
        Where uploads, previews and thumbnails are kept, as ``SEGSEARCH_FILES`` names it; in `data_dir` if it is empty.

    Raises
    ------
    ConfigurationError
        There is no such recipe, or no such folder or bucket can be.
    UnknownCollectionError, CollectionError
        There is no such collection, or several have this name.
    SchemaOutdatedError, CatalogError
        The catalogue was made by another version, or cannot be opened.

    Notes
    -----
    No network is loaded before one is needed.
    """
    place = Path(data_dir).expanduser()
    if place.exists() and not place.is_dir():
        raise ConfigurationError(f"{place} is not a folder: give the folder of a catalogue, or one to create it in")
    assembly = Assembly(Settings.in_data_dir(place, device=device, recipe=recipe, index=index, files=files))
    if collection is not None:
        assembly = assembly.of_collection(assembly.collections.named(collection))
    assembly.recipe_spec  # noqa: B018  # what is wrong is said here, not at the first search
    assembly.catalog  # noqa: B018
    return Library(assembly)
