"""Keeping the index in step with the catalogue; `rebuild`."""

from __future__ import annotations

import logging
from contextlib import ExitStack

from retrieval.assembly import Assembly
from retrieval.errors import ConfigurationError, IndexFileError, IndexLockedError
from retrieval.index.files import RECALL, IndexFiles
from retrieval.index.following import CatalogFollower

logger = logging.getLogger(__name__)

PUBLISH = "publish"


class Publisher:
    """Writes both indexes whenever asked, if it can have the lock.

    Parameters
    ----------
    assembly : Assembly
    """

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._followers: tuple[CatalogFollower, ...] = ()

    def publish(self) -> bool:
        """Catch up with the catalogue and write what changed; returns False where another process writes.

        Raises
        ------
        IndexFileError
            The files cannot be written, or the ones there are wrong.
        """
        if not self._followers:
            self._followers = (
                self._assembly.indexes.segments(is_worker=True),
                self._assembly.indexes.photos(is_worker=True),
            )
        own = True
        for follower in self._followers:
            follower.refresh()
            try:
                follower.index.flush()
            except IndexLockedError as error:
                logger.info("%s and will add these segments", error)
                own = False
        return own


def rebuild(assembly: Assembly, recall: float | None = None) -> dict[str, int]:
    """Make both indexes anew from the catalogue; returns how many vectors each holds.

    What was there serves until the new one is there, and stays if that fails.

    Parameters
    ----------
    assembly : Assembly
    recall : float, optional
        What large shards are built to reach from now on, of the 50 nearest.

    Raises
    ------
    IndexLockedError
        Another process is writing them: stop the worker first.
    ConfigurationError
        A recall is given for an index that is not tuned to one.
    """
    if not assembly.indexes.is_local:
        return _refilled(assembly, recall)
    published = assembly.indexes.published()
    with ExitStack() as locks:
        for each in published.values():
            locks.enter_context(each.files.writing())
        sizes = {name: each.rebuild(recall or _recall_of(each.files)) for name, each in published.items()}
    assembly.duties.succeeded(PUBLISH)
    return sizes


def _refilled(assembly: Assembly, recall: float | None) -> dict[str, int]:
    """As `rebuild`, of an index that another package brings: it is emptied first."""
    if recall is not None:
        raise ConfigurationError(f"--recall is for the local index, and SEGSEARCH_INDEX={assembly.settings.index}")
    followed = {
        "segments": assembly.indexes.segments(is_worker=True),
        "photos": assembly.indexes.photos(is_worker=True),
    }
    sizes = {name: each.rebuild() for name, each in followed.items()}
    assembly.duties.succeeded(PUBLISH)
    return sizes


def _recall_of(files: IndexFiles) -> float:
    try:
        return files.manifest().recall
    except IndexFileError:
        return RECALL
