"""What goes in and out of the calls about concepts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from retrieval.learning.concepts import Portable

from .schemas import MAX_FOLDERS, MAX_JUDGED, MAX_TAGS, BodyId, Moment, PathId, Strict, Text


class ConceptPath(BaseModel):
    """The concept that is meant."""

    concept_id: PathId


Name = Annotated[Text, Field(min_length=1, max_length=100)]

Examples = Annotated[list[BodyId], Field(max_length=MAX_JUDGED, description="Segments.")]


class NewConcept(Strict):
    """A name, and what it is learnt from: a search that was refined, or examples."""

    name: Name
    feedback: Annotated[BodyId | None, Field(description="Id of a search that was refined.")] = None
    positive: Examples = []
    negative: Examples = []


class ConceptChange(Strict):
    """What is to change."""

    name: Name | None = None
    positive: Annotated[Examples, Field(description="Segments that show it, to be added.")] = []
    negative: Annotated[Examples, Field(description="Segments that do not, to be added.")] = []
    removed: Annotated[Examples, Field(description="Examples to be taken away.")] = []


class ConceptMerge(Strict):
    """Several concepts that become one."""

    ids: Annotated[list[BodyId], Field(min_length=2, max_length=100)]
    name: Name


class TaggedPhotos(Strict):
    """Tags of whole photos, or folders whose names are tags. Photos without a tag are taken not to show it."""

    tags: Annotated[
        dict[Name, Annotated[list[BodyId], Field(max_length=MAX_JUDGED)]],
        Field(max_length=MAX_TAGS, description="Ids of the photos that bear each tag."),
    ] = {}
    folders: Annotated[
        list[Name], Field(max_length=MAX_TAGS, description="Names of folders, as `/folders` has them.")
    ] = []
    replace: Annotated[bool, Field(strict=True, description="Whether concepts of these names are learnt anew.")] = False


class PortableConcept(Strict):
    """A concept with its vectors."""

    name: Name
    space: Annotated[Text, Field(max_length=64)]
    threshold: Annotated[float, Field(ge=-2, le=2)]
    rows: Annotated[int, Field(strict=True, ge=1, le=1000)]
    directions: Annotated[str, Field(description="float16, little endian, one row after another, in base64.")]

    def to_portable(self) -> Portable:
        """As the library takes it."""
        return Portable(
            name=self.name,
            space=self.space,
            threshold=self.threshold,
            rows=self.rows,
            directions=self.directions,
        )


class ConceptFile(Strict):
    """Concepts for another collection."""

    form: Literal["segsearch-concepts-1"]
    concepts: Annotated[list[PortableConcept], Field(max_length=1000)]


class Concept(BaseModel):
    """A name that people gave."""

    id: int
    name: str
    created_at: Moment
    space: Annotated[str, Field(description="Of the vectors; it is found among photos of this space.")]
    examples: Annotated[int, Field(description="Segments it was learnt from.")]


class ConceptList(BaseModel):
    """Concepts by name."""

    concepts: list[Concept]


class ConceptIds(BaseModel):
    """Ids of concepts that were taken in."""

    ids: list[int]


class FolderPage(Strict):
    """Which names of folders, sorted."""

    after: Annotated[str, Field(max_length=255, description="`next` of the page before.")] = ""
    limit: Annotated[int, Field(ge=1, le=MAX_FOLDERS)] = MAX_FOLDERS


class FolderTag(BaseModel):
    """Folders of one name."""

    name: str
    photos: Annotated[int, Field(description="How many are in them.")]


class FolderTags(BaseModel):
    """Names of folders, which may say what is on the photos in them."""

    folders: list[FolderTag]
    next: Annotated[str | None, Field(description="`after` of the next page; null at the end.")]


class LearntTag(BaseModel):
    """What became of a tag."""

    name: str
    photos: Annotated[int, Field(description="How many bear it.")]
    concept_id: Annotated[int | None, Field(description="Null if nothing was learnt.")]
    explained: Annotated[list[int], Field(description="Segments that explain it, one a photo, the most typical first.")]
    segments: Annotated[int | None, Field(description="Stored segments that the concept labels, up to 10,000.")]
    agreement: Annotated[
        float | None, Field(description="Chance that a photo with the tag, left out, outranks one without it.")
    ]
    reason: Annotated[str | None, Field(description="Why nothing was learnt.")]


class LearntTags(BaseModel):
    """What became of each tag."""

    tags: list[LearntTag]


class WholeConcept(Concept):
    """A concept with its examples."""

    threshold: Annotated[float, Field(description="Score from which on a segment is labelled with it.")]
    segments: Annotated[
        int | None, Field(description="Stored segments with the label, up to 10,000; null in another space.")
    ]
    positive: list[int]
    negative: list[int]
    lost: Annotated[int, Field(description="Examples whose segments were replaced by none that overlaps enough.")]
