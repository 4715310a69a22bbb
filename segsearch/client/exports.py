"""Exports that the server writes in the background."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from typing import TypeVar

from . import calls
from .calls import C, Call, Group, given
from .errors import ExportFailedError
from .values import Value

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between two questions how far an export is: they grow from the first value to the second."""


class ExportJob(Value):
    """An export that was ordered.

    Attributes
    ----------
    state : str
        ``queued``, ``running``, ``done`` or ``failed``.
    done, total : int
        Photos that were written, and that there are at most.
    expires_at : datetime or None
        When the file goes.
    size : int or None
        Bytes of the file, once it is there.
    error : str or None
        Why it failed, and what to do.
    """

    id: int
    format: str
    state: str
    done: int
    total: int
    created_at: datetime
    expires_at: datetime | None
    size: int | None
    error: str | None


class Exports(Group[C]):
    """Exports that the server writes in the background, and keeps for a day."""

    @calls.post("/exports")
    def order(  # noqa: PLR0913  # the parameters of the call
        self,
        *,
        format: str = "coco",
        photos: Sequence[int] | None = None,
        segments: Sequence[int] | None = None,
        concept: int | None = None,
        text: str | None = None,
        like: int | None = None,
        limit: int | None = None,
        polygons: bool = False,
    ) -> Call[ExportJob]:
        """Have an export written; the parameters are those of `Photos.export`, with up to 10,000 ids.

        Raises
        ------
        ConflictError
            Four exports of this user wait or are being written.
        """
        asked = given(format=format, concept=concept, text=text, like=like, limit=limit, polygons=polygons)
        ids = {name: list(each) for name, each in given(photos=photos, segments=segments).items()}
        return Call(ExportJob, body={**asked, **ids})

    @calls.get("/exports")
    def all(self) -> Call[list[ExportJob]]:
        """The exports of this user, the newest first; an admin's answer has everybody's."""
        return Call(list[ExportJob], within="exports")

    @calls.get("/exports/{export_id}")
    def get(self, export_id: int) -> Call[ExportJob]:
        """How far an export is."""
        return Call(ExportJob, {"export_id": export_id})

    @calls.saved("/exports/{export_id}/file")
    def save(self, export_id: int) -> Call[bytes]:
        """Write the file of an export that is done; its path is the first argument.

        What came before the connection broke is kept, and the next attempt asks for the rest.
        """
        return Call(bytes, {"export_id": export_id})

    @calls.delete("/exports/{export_id}")
    def delete(self, export_id: int) -> Call[None]:
        """Delete an export with its file; one that is not done is not written any more."""
        return Call(type(None), {"export_id": export_id})


def until_done(job: ExportJob, progress: Callable[[ExportJob], None] | None) -> Generator[float, ExportJob, None]:
    """What is to be done until an export is done.

    Parameters
    ----------
    job : ExportJob
        As it was ordered.
    progress : callable, optional
        Called with each state of the export.

    Yields
    ------
    float
        Seconds to wait; then the export's state is to be sent.

    Raises
    ------
    ExportFailedError
    """
    pause = FIRST_PAUSE
    while True:
        if progress is not None:
            progress(job)
        if job.state == "failed":
            raise ExportFailedError(f"export {job.id} failed: {job.error}")
        if job.state == "done":
            return
        job = yield pause
        pause = min(LONGEST_PAUSE, 1.5 * pause)
