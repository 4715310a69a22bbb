"""Calls about the timeline, and about the installation."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from . import calls
from .calls import C, Call, Group, given
from .library_values import (
    Account,
    Health,
    Intake,
    LibraryFacets,
    MonthOfPhotos,
    PhotoInTimeline,
    PhotosAround,
    Status,
)


@dataclass(frozen=True, slots=True)
class View:
    """Which photos, and in which order.

    Attributes
    ----------
    order : {"newest", "oldest", "added"}
    state, folder, tag, label : str, optional
        Only photos in this state, in folders of this name, with this tag, with a segment of this label.
    """

    order: str = "newest"
    state: str | None = None
    folder: str | None = None
    tag: str | None = None
    label: str | None = None


EVERYTHING = View()


class Timeline(Group[C]):
    """Photos by date."""

    @calls.get("/timeline")
    def months(self, view: View = EVERYTHING) -> Call[list[MonthOfPhotos]]:
        """Months that have photos."""
        return Call(list[MonthOfPhotos], query=given(**asdict(view)), within="months")

    @calls.pages("/timeline/photos")
    def photos(self, view: View = EVERYTHING, *, month: str | None = None) -> Call[list[PhotoInTimeline]]:
        """Iterate over the photos of a month (YYYY-MM), or of all; one call for each 500."""
        asked = given(**asdict(view), month=month, limit=500)
        return Call(list[PhotoInTimeline], query=asked, within="photos", cursor="skip")

    @calls.pages("/timeline/ids")
    def ids(self, view: View = EVERYTHING) -> Call[list[int]]:
        """Iterate over ids; one call for each 10,000."""
        return Call(list[int], query=given(**asdict(view), limit=10_000), within="ids", cursor="skip")

    @calls.get("/timeline/around")
    def around(self, image_id: int, view: View = EVERYTHING, *, count: int = 12) -> Call[PhotosAround]:
        """The photos before and after a photo."""
        return Call(PhotosAround, query=given(**asdict(view), image=image_id, count=count))

    @calls.get("/timeline/facets")
    def facets(self, view: View = EVERYTHING) -> Call[LibraryFacets]:
        """How many photos are in each folder, and have each tag, label and concept."""
        return Call(LibraryFacets, query=given(**asdict(view)))


class Installation(Group[C]):
    """The server itself, and what is on its way in."""

    @calls.get("/status")
    def status(self) -> Call[Status]:
        """Photos by state, and what searches find."""
        return Call(Status)

    @calls.get("/health")
    def health(self) -> Call[Health]:
        """What is wrong, with its cures; for admins."""
        return Call(Health)

    @calls.get("/account")
    def account(self) -> Call[Account]:
        """Who makes the requests; refused where there are no users."""
        return Call(Account)

    @calls.get("/intake")
    def intake(self) -> Call[Intake]:
        """Photos that wait, and the workers; for editors."""
        return Call(Intake)

    @calls.post("/intake/pause")
    def pause(self) -> Call[bool]:
        """Have workers wait; whether they do."""
        return Call(bool, within="paused")

    @calls.post("/intake/resume")
    def resume(self) -> Call[bool]:
        """End a pause; whether workers wait."""
        return Call(bool, within="paused")

    @calls.post("/intake/cancel")
    def cancel(self) -> Call[int]:
        """Remove photos that wait to be segmented for the first time; how many."""
        return Call(int, within="photos")

    @calls.post("/intake/retry-failed")
    def retry_failed(self) -> Call[int]:
        """Have failed photos tried again; how many."""
        return Call(int, within="photos")
