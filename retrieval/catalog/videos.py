"""Videos, and their frames.

A video is a row of photos with its file. Its frames are rows of their own, each with a picture among the uploads, so
all that works on photos works on them. They come and go with their video: it is one thing to whoever deletes it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from ..storage.locations import SeenFile, folder_name_of, name_of
from .dialects import in_chunks
from .models import Image, Location
from .records import Moment, VideoFacts
from .sessions import Repository


class Videos(Repository):
    """The videos of a catalogue."""

    # ---- entering

    def add_frame(self, owner: str, video_id: int, picture: SeenFile, time_s: float) -> bool:
        """Enter a frame as a pending photo; returns whether `owner` still holds the video.

        A frame that is there already is left as it is: the video was begun before.

        Parameters
        ----------
        owner : str
            Who claimed the video.
        video_id : int
        picture : SeenFile
            The frame's picture, which nothing else is.
        time_s : float
            Seconds from the beginning of the video.
        """
        with self._sessions.begin() as session:
            held = Image.id == video_id, Image.state == "working", Image.lease_owner == owner
            video = session.scalar(select(Image).where(*held).with_for_update())
            if video is None:
                return False
            if session.scalar(select(Image.id).where(Image.sha256 == picture.sha256)) is not None:
                return True
            now = datetime.now(UTC)
            frame = Image(
                sha256=picture.sha256,
                state="pending",
                created_at=now,
                dated_at=now.replace(tzinfo=None),
                deleted_at=video.deleted_at,
                video_id=video_id,
                time_s=time_s,
            )
            session.add(frame)
            session.flush()
            session.execute(
                insert(Location),
                {
                    "image_id": frame.id,
                    "uri": picture.uri,
                    "size": picture.size,
                    "mtime_ns": picture.mtime_ns,
                    "uploaded_as": picture.uploaded_as,
                    "version": picture.version,
                },
            )
        return True

    def finish(self, owner: str, video_id: int, facts: VideoFacts) -> bool:
        """Note that a video was read, and what it is; returns whether `owner` still held it."""
        values = {
            "state": "indexed",
            "error": facts.fault,
            "lease_owner": None,
            "lease_until": None,
            "format": facts.format,
            "height": facts.size_hw[0],
            "width": facts.size_hw[1],
            "duration_s": facts.duration_s,
            "taken_at": facts.taken_at,
            "dated_at": facts.taken_at or Image.created_at,
            "wanted_recipe": None,
        }
        held = Image.id == video_id, Image.state == "working", Image.lease_owner == owner
        with self._sessions.begin() as session:
            return bool(session.execute(update(Image).where(*held).values(values)).rowcount)  # type: ignore[attr-defined]

    def shown_name(self, video_id: int) -> str:
        """The name of a video after that of its folder, as uploads have it; empty if it has no place."""
        statement = select(Location.uri, Location.uploaded_as).where(Location.image_id == video_id)
        with self._reading() as session:
            row = session.execute(statement.order_by(Location.id).limit(1)).first()
        if row is None:
            return ""
        if row.uploaded_as is not None:
            return str(row.uploaded_as)
        shown = f"{folder_name_of(row.uri)}/{name_of(row.uri)}".lstrip("/")
        return shown.encode("utf-8", "backslashreplace").decode()

    # ---- asking

    def moments(self, video_id: int) -> list[Moment]:
        """The frames of a video, in their order."""
        statement = select(Image.id, Image.time_s, Image.state).where(Image.video_id == video_id)
        with self._reading() as session:
            rows = session.execute(statement.order_by(Image.time_s, Image.id))
            return [Moment(key, time_s or 0.0, state) for key, time_s, state in rows]  # type: ignore[arg-type]

    def covers(self, video_ids: Collection[int]) -> dict[int, int]:
        """The frame that stands for each of the videos: the first after a tenth of it; beginnings are often black."""
        found: dict[int, int] = {}
        with self._reading() as session:
            for video_id in video_ids:
                duration = session.scalar(select(Image.duration_s).where(Image.id == video_id)) or 0.0
                frames = select(Image.id).where(Image.video_id == video_id)
                later = frames.where(Image.time_s >= duration / 10).order_by(Image.time_s).limit(1)
                cover = session.scalar(later) or session.scalar(frames.order_by(Image.time_s.desc()).limit(1))
                if cover is not None:
                    found[video_id] = cover
        return found

    def count(self) -> tuple[int, int]:
        """How many videos are in the library, and how many frames they have."""
        here = Image.deleted_at.is_(None)
        videos = select(func.count()).select_from(Image).where(here, Image.duration_s.is_not(None))
        frames = select(func.count()).select_from(Image).where(here, Image.video_id.is_not(None))
        with self._reading() as session:
            return session.scalar(videos) or 0, session.scalar(frames) or 0


def whole_videos(session: Session, image_ids: Collection[int]) -> list[int]:
    """Ids of photos, with all frames of those that are videos or frames; frames have greater ids than their videos."""
    found = set(image_ids)
    for chunk in in_chunks(sorted(found)):
        videos = select(Image.video_id).where(Image.id.in_(chunk), Image.video_id.is_not(None)).distinct()
        found.update(key for key in session.scalars(videos) if key is not None)
    for chunk in in_chunks(sorted(found)):
        found.update(session.scalars(select(Image.id).where(Image.video_id.in_(chunk))))
    return sorted(found)


def delete_frames(session: Session, video_ids: Collection[int]) -> None:
    """Delete the rows of frames whose videos are being deleted."""
    for chunk in in_chunks(sorted(video_ids)):
        statement = delete(Image).where(Image.video_id.in_(chunk))
        session.execute(statement, execution_options={"synchronize_session": False})
