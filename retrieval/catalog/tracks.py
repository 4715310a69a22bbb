"""Tracks: the segments of one thing in the frames of a video; each is named by its first segment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import and_, select, update
from sqlalchemy.orm import aliased

from .dialects import in_chunks
from .models import IN_LIBRARY, Image, Segment
from .records import FramePlace, Sighting
from .sessions import Repository


class Tracks(Repository):
    """The tracks of a catalogue."""

    def unlinked(self) -> list[int]:
        """Videos that have frames whose segments have no tracks, once none of their frames waits to be analysed."""
        frame, video = aliased(Image), aliased(Image)
        waits = frame.video_id == Image.video_id, frame.state.in_(("pending", "working"))
        done = Image.video_id.is_not(None), ~Image.is_tracked, ~select(frame.id).where(*waits).exists()
        statement = select(Image.video_id).join(video, video.id == Image.video_id)
        statement = statement.where(*done, video.state != "working").distinct().order_by(Image.video_id)
        with self._reading() as session:
            return [key for key in session.scalars(statement) if key is not None]

    def write(self, frame_ids: Sequence[int], tracks: Mapping[int, int]) -> None:
        """Store the track of each segment, and that the frames are linked; segments that are gone are left out."""
        with self._sessions.begin() as session:
            for chunk in in_chunks(sorted(tracks)):
                there = session.scalars(select(Segment.id).where(Segment.id.in_(chunk))).all()
                if there:
                    session.execute(update(Segment), [{"id": key, "track_id": tracks[key]} for key in there])
            for chunk in in_chunks(list(frame_ids)):
                linked = update(Image).where(Image.id.in_(chunk)).values(is_tracked=True)
                session.execute(linked, execution_options={"synchronize_session": False})

    def places(self, image_ids: Collection[int]) -> dict[int, FramePlace]:
        """Those of the photos that are frames, each with its video and time."""
        found: dict[int, FramePlace] = {}
        statement = select(Image.id, Image.video_id, Image.time_s).where(Image.video_id.is_not(None))
        with self._reading() as session:
            for chunk in in_chunks(sorted(image_ids)):
                for key, video_id, time_s in session.execute(statement.where(Image.id.in_(chunk))):
                    found[key] = FramePlace(video_id or 0, time_s or 0.0)
        return found

    def of_segments(self, segment_ids: Collection[int]) -> dict[int, int]:
        """The tracks of those of the segments that have one."""
        found: dict[int, int] = {}
        statement = select(Segment.id, Segment.track_id).where(Segment.track_id.is_not(None))
        with self._reading() as session:
            for chunk in in_chunks(sorted(segment_ids)):
                rows = session.execute(statement.where(Segment.id.in_(chunk)))
                found.update((key, track) for key, track in rows if track is not None)
        return found

    def sightings(self, track_ids: Collection[int]) -> dict[int, list[Sighting]]:
        """Where each of the tracks is seen, by time."""
        found: dict[int, list[Sighting]] = {}
        columns = Segment.track_id, Segment.image_id, Segment.id, Image.time_s
        statement = select(*columns).join(Image, and_(Image.id == Segment.image_id, IN_LIBRARY))
        statement = statement.order_by(Image.time_s, Segment.id)
        with self._reading() as session:
            for chunk in in_chunks(sorted(track_ids)):
                for track, image_id, key, time_s in session.execute(statement.where(Segment.track_id.in_(chunk))):
                    found.setdefault(track or 0, []).append(Sighting(time_s or 0.0, image_id, key))
        return found
