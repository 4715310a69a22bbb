"""Calls about photos and segments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import calls
from .asking import MaskFormat, MaskFrame, Reference
from .calls import C, Call, Group, SentFile, StrPath, given
from .values import (
    CountedTag,
    Entered,
    FoundPhotos,
    FoundSegments,
    Level,
    Photo,
    PhotoWithSegments,
    QueryPhoto,
    Selected,
    StoredSegment,
)

PAGE = 500


def sent_file(photo: StrPath | bytes, name: str | None = None) -> SentFile:
    """A photo as it is sent.

    Parameters
    ----------
    photo : path or bytes
    name : str, optional
        That of the path if absent.
    """
    if isinstance(photo, bytes):
        return SentFile(photo, name or "photo")
    return SentFile(Path(photo), name or Path(photo).name)


class Photos(Group[C]):
    """Photos of the library."""

    @calls.pages("/images")
    def all(
        self, *, state: str | None = None, max_quality: float | None = None, video: int | None = None
    ) -> Call[list[Photo]]:
        """Iterate over photos and videos in ascending order of id; one call for each 500.

        Parameters
        ----------
        state : str, optional
            Only photos in this state.
        max_quality : float, optional
            Only photos whose segmentation is at most this good, 0 to 1.
        video : int, optional
            The frames of this video, which are left out otherwise.
        """
        asked = given(limit=PAGE, state=state, max_quality=max_quality, video=video)
        return Call(list[Photo], query=asked, within="items", cursor="after")

    @calls.get("/images/{image_id}")
    def get(
        self, image_id: int, *, masks: MaskFormat = "rle", mask_frame: MaskFrame = "analysed"
    ) -> Call[PhotoWithSegments]:
        """A photo with its tags and segments, best first.

        Parameters
        ----------
        image_id : int
        masks : {"rle", "polygons", "none"}
            How segments have their masks.
        mask_frame : {"analysed", "original"}
            Whose pixels masks are in.
        """
        return Call(PhotoWithSegments, {"image_id": image_id}, {"masks": masks, "mask_frame": mask_frame})

    @calls.post("/images/batch")
    def many(self, image_ids: Sequence[int]) -> Call[FoundPhotos]:
        """Up to 500 photos by their ids."""
        return Call(FoundPhotos, body={"ids": list(image_ids)})

    @calls.post("/images")
    def upload(self, photo: StrPath | bytes, *, name: str | None = None, folder: str = "") -> Call[Entered]:
        """Add a photo; if the library has its bytes already, it answers that photo.

        Parameters
        ----------
        photo : path or bytes
            A path is read while it is sent.
        name : str, optional
            Of the file; that of the path if absent.
        folder : str
            Where the file was, such as ``Holiday/Day 1``.

        Raises
        ------
        RejectedFileError, InvalidRequestError
            It is no picture, or too large for an upload.
        InsufficientStorageError
        """
        return Call(Entered, form={"folder": folder}, file=sent_file(photo, name))

    @calls.delete("/images/{image_id}")
    def delete(self, image_id: int) -> Call[None]:
        """Move a photo to the trash."""
        return Call(type(None), {"image_id": image_id})

    @calls.post("/images/delete")
    def delete_many(self, image_ids: Sequence[int]) -> Call[int]:
        """Move up to 500 photos to the trash; how many were moved."""
        return Call(int, body={"ids": list(image_ids)}, within="deleted")

    @calls.post("/images/restore")
    def restore(self, image_ids: Sequence[int]) -> Call[int]:
        """Move up to 500 photos back from the trash; how many were moved."""
        return Call(int, body={"ids": list(image_ids)}, within="restored")

    @calls.post("/images/resegment")
    def resegment(self, image_ids: Sequence[int]) -> Call[int]:
        """Have photos segmented again that failed or that another recipe segmented; how many will be."""
        return Call(int, body={"ids": list(image_ids)}, within="queued")

    @calls.get("/tags")
    def tags(self) -> Call[list[CountedTag]]:
        """All tags, by name."""
        return Call(list[CountedTag], within="tags")

    @calls.post("/images/tags")
    def tag(self, image_ids: Sequence[int], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Call[int]:
        """Add tags to up to 500 photos and remove tags from them; how many of the photos exist."""
        return Call(int, body={"ids": list(image_ids), "add": list(add), "remove": list(remove)}, within="photos")

    @calls.get("/images/{image_id}/file")
    def file(self, image_id: int) -> Call[bytes]:
        """The bytes of the original file."""
        return Call(bytes, {"image_id": image_id})

    @calls.get("/images/{image_id}/preview")
    def preview(self, image_id: int) -> Call[bytes]:
        """A JPEG with a long side of at most 1024 pixels."""
        return Call(bytes, {"image_id": image_id})

    @calls.get("/images/{image_id}/thumbnail")
    def thumbnail(self, image_id: int) -> Call[bytes]:
        """A JPEG with a long side of at most 360 pixels."""
        return Call(bytes, {"image_id": image_id})

    @calls.get("/images/{image_id}/levels")
    def levels(self, image_id: int, x: float, y: float, *, granularity: float | None = None) -> Call[list[Level]]:
        """The segments under a point, the likeliest first."""
        asked = given(x=x, y=y, granularity=granularity)
        return Call(list[Level], {"image_id": image_id}, asked, within="levels")

    @calls.saved("/images/download")
    def download(self, image_ids: Sequence[int]) -> Call[bytes]:
        """Write a ZIP file with the original files of up to 500 photos; its path is the first argument."""
        return Call(bytes, query={"ids": list(image_ids)})

    @calls.saved("/export")
    def export(  # noqa: PLR0913  # the parameters of the call
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
    ) -> Call[bytes]:
        """Write photos and segments to a file, whose path is the first argument; without a selection all of them.

        The file is replaced when all of it has come.

        Parameters
        ----------
        format : {"coco", "yolo", "voc", "csv", "cutouts", "parquet", "youtube-vis"}
        photos, segments : sequence of int, optional
            At most 500.
        concept : int, optional
        text : str, optional
            The likely results of a search for these words, with `like` for a segment.
        limit : int, optional
            Of results.
        polygons : bool
            Whether masks in COCO's format are polygons.

        Raises
        ------
        AnswerError
        OSError
            The file cannot be written.
        """
        asked = given(
            format=format, photos=photos, segments=segments, concept=concept, text=text, like=like, limit=limit
        )
        return Call(bytes, query={**asked, "polygons": polygons})


class Segments(Group[C]):
    """Segments of photos."""

    @calls.get("/segments/{segment_id}")
    def get(
        self,
        segment_id: int,
        *,
        masks: MaskFormat = "rle",
        mask_frame: MaskFrame = "analysed",
        vector: bool = False,
    ) -> Call[StoredSegment]:
        """A segment with its photo and its mask, and with its vector if wanted."""
        asked = {"masks": masks, "mask_frame": mask_frame, "vector": vector}
        return Call(StoredSegment, {"segment_id": segment_id}, asked)

    @calls.post("/segments/batch")
    def many(
        self,
        segment_ids: Sequence[int],
        *,
        masks: MaskFormat = "rle",
        mask_frame: MaskFrame = "analysed",
        vectors: bool = False,
    ) -> Call[FoundSegments]:
        """Up to 500 segments by their ids."""
        asked = {"masks": masks, "mask_frame": mask_frame, "vectors": vectors}
        return Call(FoundSegments, body={"ids": list(segment_ids), **asked})

    @calls.get("/segments/{segment_id}/cutout.png")
    def cutout(self, segment_id: int) -> Call[bytes]:
        """A PNG of the segment's box, transparent around the segment; `open_picture` opens it."""
        return Call(bytes, {"segment_id": segment_id})

    @calls.get("/segments/{segment_id}/crop")
    def crop(self, segment_id: int) -> Call[bytes]:
        """A JPEG of the segment's box with a margin."""
        return Call(bytes, {"segment_id": segment_id})

    @calls.get("/segments/{segment_id}/mask.png")
    def mask(self, segment_id: int, *, frame: MaskFrame = "original") -> Call[bytes]:
        """A PNG with one channel, 255 in the segment.

        Parameters
        ----------
        segment_id : int
        frame : {"original", "analysed"}
            Whose size it has: the upright original's, or that at which the photo was analysed.
        """
        return Call(bytes, {"segment_id": segment_id}, {"mask_frame": frame})

    @calls.post("/segment")
    def pick(self, place: Reference) -> Call[Selected]:
        """What a place in a photo means: a segment or, where none fits, one that is made."""
        return Call(Selected, body=place.json())


class QueryPhotos(Group[C]):
    """Photos to search with, which the server keeps for a day."""

    @calls.post("/queries")
    def upload(self, photo: StrPath | bytes, *, name: str | None = None) -> Call[QueryPhoto]:
        """Send a photo, which is segmented at once."""
        return Call(QueryPhoto, file=sent_file(photo, name))

    @calls.get("/queries/{query_id}")
    def get(self, query_id: int) -> Call[QueryPhoto]:
        """A query photo with its segments."""
        return Call(QueryPhoto, {"query_id": query_id})

    @calls.post("/queries/{query_id}/keep")
    def keep(self, query_id: int) -> Call[None]:
        """Have it kept for longer than a day."""
        return Call(type(None), {"query_id": query_id})

    @calls.get("/queries/{query_id}/file")
    def preview(self, query_id: int) -> Call[bytes]:
        """A JPEG with a long side of at most 1024 pixels."""
        return Call(bytes, {"query_id": query_id})

    @calls.get("/queries/{query_id}/levels")
    def levels(self, query_id: int, x: float, y: float, *, granularity: float | None = None) -> Call[list[Level]]:
        """The segments under a point, the likeliest first."""
        asked = given(x=x, y=y, granularity=granularity)
        return Call(list[Level], {"query_id": query_id}, asked, within="levels")
