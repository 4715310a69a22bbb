"""Requests and responses about concepts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from retrieval.learning.concepts import Portable

from .schemas import MAX_FOLDERS, MAX_JUDGED, MAX_PAGE, MAX_TAGS, BodyId, Moment, PathId, Strict, Text


class ConceptPath(BaseModel):
    """The id of the concept."""

    concept_id: PathId


Name = Annotated[Text, Field(min_length=1, max_length=100)]

Examples = Annotated[list[BodyId], Field(max_length=MAX_JUDGED, description="Segments.")]


class NewConcept(Strict):
    """A name and what to learn it from: a refined search, or examples."""

    name: Name
    feedback: Annotated[BodyId | None, Field(description="Id of a refined search.")] = None
    positive: Examples = []
    negative: Examples = []


class ConceptChange(Strict):
    """The changes to a concept."""

    name: Name | None = None
    positive: Annotated[Examples, Field(description="Segments to add as positive examples.")] = []
    negative: Annotated[Examples, Field(description="Segments to add as negative examples.")] = []
    removed: Annotated[Examples, Field(description="Examples to remove.")] = []
    threshold: Annotated[
        float | None,
        Field(ge=-2, le=2, description="The score from which on segments are labelled. New examples set it anew."),
    ] = None


class ConceptMerge(Strict):
    """Several concepts to merge into one."""

    ids: Annotated[list[BodyId], Field(min_length=2, max_length=100)]
    name: Name


class TaggedPhotos(Strict):
    """Tags of whole photos, or folders whose names are tags. Photos without a tag are assumed not to show it."""

    tags: Annotated[
        dict[Name, Annotated[list[BodyId], Field(max_length=MAX_JUDGED)]],
        Field(max_length=MAX_TAGS, description="Ids of the photos with each tag."),
    ] = {}
    folders: Annotated[
        list[Name], Field(max_length=MAX_TAGS, description="Names of folders, as `/folders` lists them.")
    ] = []
    replace: Annotated[bool, Field(strict=True, description="Whether to replace existing concepts of these names.")] = (
        False
    )


class PortableConcept(Strict):
    """A concept with its vectors."""

    name: Name
    space: Annotated[Text, Field(max_length=64)]
    threshold: Annotated[float, Field(ge=-2, le=2)]
    rows: Annotated[int, Field(strict=True, ge=1, le=1000)]
    directions: Annotated[str, Field(description="Little-endian float16 rows, base64-encoded.")]

    def to_portable(self) -> Portable:
        """Convert to the library's value."""
        return Portable(
            name=self.name,
            space=self.space,
            threshold=self.threshold,
            rows=self.rows,
            directions=self.directions,
        )


class ConceptFile(Strict):
    """Concepts exported for another collection."""

    form: Literal["segsearch-concepts-1"]
    concepts: Annotated[list[PortableConcept], Field(max_length=1000)]


class Concept(BaseModel):
    """A named concept."""

    id: int
    name: str
    created_at: Moment
    space: Annotated[
        str, Field(description="Space of the vectors; the concept is searchable among photos in this space.")
    ]
    examples: Annotated[int, Field(description="Segments the concept was learned from.")]


class RankedPhotosPage(Strict):
    """How many photos to list."""

    limit: Annotated[int, Field(ge=0, le=MAX_PAGE)] = 0


class RankedPhoto(BaseModel):
    """A photo by its segment that is nearest to the concept."""

    image_id: int
    segment_id: int
    score: float


class RankedPhotos(BaseModel):
    """Photos by how near they are to a concept."""

    threshold: Annotated[float, Field(description="The score from which on a segment is labelled.")]
    labelled: Annotated[int, Field(description="Number of photos with a labelled segment, among the nearest 10,000.")]
    newest: Annotated[
        Moment | None, Field(description="When the newest of these photos was added, in UTC; null if none.")
    ]
    photos: Annotated[list[RankedPhoto], Field(description="The nearest photos, labelled or not, best first.")]


class ConceptList(BaseModel):
    """Concepts, sorted by name."""

    concepts: list[Concept]


class ConceptIds(BaseModel):
    """Ids of the imported concepts."""

    ids: list[int]


class FolderPage(Strict):
    """A page of folder names, sorted."""

    after: Annotated[str, Field(max_length=255, description="The `next` of the previous page.")] = ""
    limit: Annotated[int, Field(ge=1, le=MAX_FOLDERS)] = MAX_FOLDERS


class FolderTag(BaseModel):
    """Folders with the same name."""

    name: str
    photos: Annotated[int, Field(description="Number of photos in folders of this name.")]


class FolderTags(BaseModel):
    """Names of folders, which may describe the photos in them."""

    folders: list[FolderTag]
    next: Annotated[str | None, Field(description="The `after` of the next page; null on the last page.")]


class LearntTag(BaseModel):
    """The result of learning a tag."""

    name: str
    photos: Annotated[int, Field(description="Number of photos with this tag.")]
    concept_id: Annotated[int | None, Field(description="Null if no concept was learned.")]
    explained: Annotated[
        list[int], Field(description="Segments that match the tag, one per photo, most typical first.")
    ]
    segments: Annotated[
        int | None, Field(description="Number of stored segments labelled with the concept, up to 10,000.")
    ]
    agreement: Annotated[
        float | None, Field(description="Probability that a held-out photo with the tag outranks a photo without it.")
    ]
    reason: Annotated[str | None, Field(description="Why no concept was learned.")]


class LearntTags(BaseModel):
    """The result for each tag."""

    tags: list[LearntTag]


class WholeConcept(Concept):
    """A concept with its examples."""

    threshold: Annotated[float, Field(description="Minimum score at which a segment is labelled with the concept.")]
    segments: Annotated[
        int | None, Field(description="Number of stored segments with the label, up to 10,000; null in another space.")
    ]
    positive: list[int]
    negative: list[int]
    lost: Annotated[
        int, Field(description="Examples lost to resegmentation because no new segment overlaps them enough.")
    ]
