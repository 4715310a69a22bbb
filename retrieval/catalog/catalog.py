"""The repositories of what is known about stored photos.

Every method of a repository is one transaction. Entering a photo is in `ingest_queue.py`, query photos are in
`query_store.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .deleted_files import DeletedFiles
from .detections import Detections
from .dialects import Database, describe
from .images import ImageRepository
from .locations import LocationRepository
from .segments import SegmentRepository
from .sessions import Sessions
from .timeline import Timeline
from .tracks import Tracks
from .vectors import VectorRepository
from .videos import Videos


class Catalog:
    """The photos of a database.

    Parameters
    ----------
    sessions : Sessions
        From `open_sessions`.

    Attributes
    ----------
    images : ImageRepository
        Photos.
    locations : LocationRepository
        Where their files are.
    deleted_files : DeletedFiles
        Files of photos that were deleted for good.
    detections : Detections
        Which of them a detector was asked for which words.
    segments : SegmentRepository
        What is on them.
    timeline : Timeline
        Photos by date, month by month.
    vectors : VectorRepository
        Their vectors and their segments', which an index is built from.
    videos : Videos
        Videos, and their frames.
    tracks : Tracks
        Segments of one thing in several frames.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self.images = ImageRepository(sessions)
        self.locations = LocationRepository(sessions)
        self.deleted_files = DeletedFiles(sessions)
        self.detections = Detections(sessions)
        self.segments = SegmentRepository(sessions)
        self.timeline = Timeline(sessions)
        self.vectors = VectorRepository(sessions)
        self.videos = Videos(sessions)
        self.tracks = Tracks(sessions)

    def database(self) -> Database:
        """What database the catalogue is in, and how quickly that answers."""
        return describe(self._sessions.engine)

    @contextmanager
    def one_connection(self) -> Iterator[None]:
        """Inside the block, let this thread read one state of the catalogue over one connection; may be nested."""
        with self._sessions.one_connection():
            yield
