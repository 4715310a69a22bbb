"""What assistants are told: short, with the ids that further calls take."""

from __future__ import annotations

from pydantic import BaseModel, Field

from segsearch.client import Answer, PhotoWithSegments, Result, Segment
from segsearch.client.library_values import Status

SHOWN_SEGMENTS = 30


class Hit(BaseModel):
    """A photo that was found."""

    photo_id: int
    segment_id: int | None = Field(description="The segment that matches; show_segment cuts it out.")
    box: tuple[int, int, int, int] = Field(description="x0, y0, x1, y1 in pixels of the photo.")
    label: str | None
    score: float = Field(description="Cosine similarity: higher is closer.")
    likely: bool
    probability: float | None = Field(description="That the photo shows the words; null for other searches.")


class Found(BaseModel):
    """What a search found, best first."""

    hits: list[Hit]
    note: str = Field(description="How to read the hits.")


class FoundByPhoto(Found):
    """What a search by a photo found."""

    query_id: int = Field(description="The photo that was sent, kept for a day: pass it instead of sending it again.")


class SegmentOfPhoto(BaseModel):
    """A segment of a photo."""

    segment_id: int
    label: str | None
    concepts: list[str]
    box: tuple[int, int, int, int]
    share: float = Field(description="Of the photo that it covers, 0 to 1.")
    quality: float


class Description(BaseModel):
    """What is known of a photo."""

    photo_id: int
    name: str | None
    width: int | None
    height: int | None
    taken_at: str | None
    state: str
    tags: list[str]
    segments: list[SegmentOfPhoto] = Field(description=f"The best ones, at most {SHOWN_SEGMENTS}.")
    more_segments: int


class ConceptName(BaseModel):
    """A name that can be searched for."""

    name: str
    examples: int


class LibraryStatus(BaseModel):
    """How far the library is."""

    photos: int
    waiting: int = Field(description="Not segmented yet.")
    failed: int
    searchable_segments: int
    recipe: str
    can_search_by_photo: bool


def found(answer: Answer) -> Found:
    """The answer of a search."""
    return Found(hits=[_hit(result) for result in answer.results], note=_note(answer))


def described(photo: PhotoWithSegments) -> Description:
    """A photo with its best segments."""
    pixels = (photo.width or 1) * (photo.height or 1)
    shown = photo.segments[:SHOWN_SEGMENTS]
    return Description(
        photo_id=photo.id,
        name=photo.filename,
        width=photo.width,
        height=photo.height,
        taken_at=photo.taken_at.isoformat() if photo.taken_at else None,
        state=photo.state if photo.error is None else f"{photo.state}: {photo.error}",
        tags=list(photo.tags),
        segments=[_segment(each, pixels) for each in shown],
        more_segments=len(photo.segments) - len(shown),
    )


def status(now: Status) -> LibraryStatus:
    """The status of the library."""
    counts = now.counts
    return LibraryStatus(
        photos=counts.total,
        waiting=counts.pending + counts.working,
        failed=counts.failed,
        searchable_segments=now.segments,
        recipe=now.recipe,
        can_search_by_photo=now.analyzer_up,
    )


def _hit(result: Result) -> Hit:
    return Hit(
        photo_id=result.image_id,
        segment_id=result.segment_id,
        box=result.box_xyxy,
        label=result.label,
        score=round(result.score, 4),
        likely=result.likely,
        probability=None if result.probability is None else round(result.probability, 3),
    )


def _segment(segment: Segment, pixels: int) -> SegmentOfPhoto:
    return SegmentOfPhoto(
        segment_id=segment.id,
        label=segment.label,
        concepts=list(segment.concepts),
        box=segment.box_xyxy,
        share=round(segment.area / pixels, 4),
        quality=round(segment.quality, 3),
    )


def _note(answer: Answer) -> str:
    told = list[str]()
    if answer.none_likely:
        told.append("Probably nothing in the library shows this: the hits are only the nearest photos.")
    elif answer.results:
        likely = sum(result.likely for result in answer.results)
        told.append(f"{likely} of {len(answer.results)} hits are likely.")
    else:
        told.append("Nothing was found.")
    if answer.words is not None and answer.words.unknown:
        told.append(f"Ignored words: {', '.join(answer.words.unknown)}.")
        if answer.words.suggestions:
            told.append(f"Known words that may be meant: {', '.join(answer.words.suggestions)}.")
    return " ".join(told)
