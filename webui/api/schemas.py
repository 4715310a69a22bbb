"""What goes in and out of the API, as pydantic models; the OpenAPI document is made of them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from flask import request
from flask_openapi3.models.file import FileStorage
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError
from werkzeug.datastructures import FileStorage as ReceivedFile

from retrieval.catalog.records import State
from retrieval.combination import MAX_PARTS, Relation, RelationName
from retrieval.concepts import Portable
from retrieval.feedback import ModelName
from retrieval.filters import FACETED, Filters, Position
from retrieval.query import MAX_ID, MAX_LIMIT, MAX_TEXT, GroupBy, Part, Ref, SearchRequest

MAX_PAGE = 500
MAX_REFS = 100
MAX_JUDGED = 500
MAX_TAGS = 20
MAX_FOLDERS = 1000
MAX_COORDINATE = 1_000_000


def _storable(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul", "it holds the character U+0000, which databases do not take: leave it out")
    if any("\ud800" <= each <= "\udfff" for each in text):
        raise PydanticCustomError("surrogate", "it holds half a character: send it as UTF-8")
    return text


Text = Annotated[str, AfterValidator(_storable), Field(json_schema_extra={"pattern": "^[^\\u0000]*$"})]
"""What is compared with the database, or stored there."""

PathId = Annotated[int, Field(ge=0, le=MAX_ID)]
BodyId = Annotated[int, Field(strict=True, ge=0, le=MAX_ID)]
Coordinate = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-MAX_COORDINATE, le=MAX_COORDINATE)]
Distance = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=MAX_COORDINATE)]
Moment = Annotated[str, Field(description="In UTC, and says so (ISO 8601).", json_schema_extra={"format": "date-time"})]
Box = Annotated[
    list[int],
    Field(min_length=4, max_length=4, description="`x0 y0 x1 y1`, half open, in pixels of the upright original."),
]

# ---- what comes in


class _Strict(BaseModel):
    """A misspelt name is an error, not a default."""

    model_config = ConfigDict(extra="forbid")


class ImagePath(BaseModel):
    """The photo that is meant."""

    image_id: PathId


class SegmentPath(BaseModel):
    """The segment that is meant."""

    segment_id: PathId


class QueryPath(BaseModel):
    """The query photo that is meant."""

    query_id: PathId


class FeedbackPath(BaseModel):
    """The search that is being refined."""

    feedback_id: PathId


class ConceptPath(BaseModel):
    """The concept that is meant."""

    concept_id: PathId


class MasksQuery(_Strict):
    """What results bear."""

    masks: Annotated[bool, Field(description="Whether results bear their masks.")] = False


class RoundQuery(MasksQuery):
    """Which round."""

    round: Annotated[int | None, Field(ge=0, le=1000, description="The last one if absent.")] = None


class PageQuery(_Strict):
    """Which page of photos."""

    after: Annotated[int, Field(ge=0, le=MAX_ID, description="`next` of the page before.")] = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    state: Annotated[State | None, Field(description="Only photos in this state.")] = None
    max_quality: Annotated[
        float | None, Field(ge=0, le=1, description="Only analysed photos whose segmentation is no better.")
    ] = None


class WordsQuery(_Strict):
    """What has been typed so far."""

    prefix: Annotated[str, Field(max_length=100)]
    limit: Annotated[int, Field(ge=1, le=50)] = 10


class PictureForm(BaseModel):
    """A picture file."""

    file: Annotated[FileStorage, Field(description="The picture: JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, HEIF or PPM.")]

    @model_validator(mode="before")
    @classmethod
    def has_file(cls, values: object) -> object:
        """Check that one file came, not a text of that name."""
        if len(request.files.getlist("file")) > 1:
            raise PydanticCustomError("file", "several files came: send one with each call")
        if not isinstance(values, dict) or not isinstance(values.get("file"), ReceivedFile):
            raise PydanticCustomError(
                "file", "no file came: send a multipart/form-data body, the picture as part `file`"
            )
        return values


def _shapes(*shapes: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(shape.split()) for shape in shapes)


REF_SHAPES = _shapes(
    "segment", "image point", "image box", "query segment", "query point", "query box", "image", "query"
)

REF_FAULT = (
    "a reference is one of (segment), (image, point), (image, box), (image), (query, segment), (query, point), "
    "(query, box) or (query), and nothing else"
)


def _describe_ref(schema: dict[str, Any]) -> None:
    """Put the combinations that mean something in the place of a bag of optional fields."""
    properties = schema.pop("properties")
    for name, optional in properties.items():
        real = next(option for option in optional["anyOf"] if option.get("type") != "null")
        properties[name] = {**real, "description": optional["description"]}
    schema.pop("additionalProperties", None)
    schema.pop("type", None)
    schema["anyOf"] = [
        {
            "type": "object",
            "properties": {name: properties[name] for name in sorted(shape)},
            "required": sorted(shape),
            "additionalProperties": False,
        }
        for shape in REF_SHAPES
    ]


class Reference(BaseModel):
    """One example: a stored segment, a place in a photo or query photo, or a whole one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_describe_ref)

    segment: Annotated[BodyId | None, Field(description="Id of a stored segment; of a query photo: its row.")] = None
    image: Annotated[BodyId | None, Field(description="Id of a stored photo.")] = None
    query: Annotated[BodyId | None, Field(description="Id of a query photo.")] = None
    point: Annotated[
        tuple[Distance, Distance] | None, Field(description="`x, y` in pixels of the upright original.")
    ] = None
    box: Annotated[
        tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None,
        Field(description="`x0, y0, x1, y1` in pixels of the upright original."),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def is_meaningful(cls, values: object) -> object:
        """Check that the fields are one of the combinations that mean something."""
        if not isinstance(values, dict) or frozenset(values) not in REF_SHAPES or None in values.values():
            raise PydanticCustomError("reference", REF_FAULT)
        return values

    def to_ref(self) -> Ref:
        """As the engine takes it."""
        return Ref(segment=self.segment, image=self.image, query=self.query, point=self.point, box=self.box)


Positive = Annotated[list[Reference], Field(max_length=MAX_REFS, description="Examples of what is sought.")]
Negative = Annotated[list[Reference], Field(max_length=MAX_REFS, description="Examples of what is not.")]
Number = Annotated[int, Field(strict=True, ge=0, lt=MAX_PARTS)]


class Thing(_Strict):
    """A further thing that a photo has to hold. There must be at least one positive example or a word."""

    positive: Positive = []
    negative: Negative = []
    text: Annotated[str | None, Field(max_length=MAX_TEXT)] = None

    def to_part(self) -> Part:
        """As the engine takes it.

        Raises
        ------
        QueryError
            It says nothing.
        """
        return Part(
            positive=tuple(reference.to_ref() for reference in self.positive),
            negative=tuple(reference.to_ref() for reference in self.negative),
            text=self.text or "",
        )


class Lies(_Strict):
    """How one thing lies to another. Things are numbered from 0, in the order of the answer's `parts`."""

    subject: Number
    relation: RelationName
    object: Number


class Conditions(_Strict):
    """What results have to meet, all of it."""

    folder: Annotated[Text | None, Field(max_length=4096, description="Absolute path; the photo is below it.")] = None
    taken_from: Annotated[date | None, Field(description="First day, by the photo's EXIF data.")] = None
    taken_until: Annotated[date | None, Field(description="Last day, which is included.")] = None
    recipe: Annotated[Text | None, Field(max_length=64, description="Fingerprint of the recipe that cut it.")] = None
    label: Annotated[Text | None, Field(max_length=200, description="The segment's.")] = None
    concept: Annotated[BodyId | None, Field(description="Id of a concept that the segment shows.")] = None
    min_area: Annotated[float, Field(strict=True, ge=0, le=1, description="The segment's share of the photo.")] = 0.0
    max_area: Annotated[float, Field(strict=True, ge=0, le=1, description="Up to this share, exclusive.")] = 1.0
    position: Annotated[Position | None, Field(description="The third that the segment's middle is in.")] = None

    def to_filters(self) -> Filters:
        """As the engine takes them.

        Raises
        ------
        QueryError
            Nothing can meet them.
        """
        return Filters(**dict(self))


class Search(_Strict):
    """What is sought: examples, words, or both. There must be at least one positive example or a word."""

    positive: Positive = []
    negative: Negative = []
    text: Annotated[
        str | None,
        Field(
            max_length=MAX_TEXT,
            description="Words. With positive examples, both are meant; without, each word has to be in the photo.",
        ),
    ] = None
    also: Annotated[
        list[Thing], Field(max_length=MAX_PARTS - 1, description="What else has to be in the same photo.")
    ] = []
    relations: Annotated[
        list[Lies], Field(max_length=10, description="How the things lie to each other; photos without are left out.")
    ] = []
    limit: Annotated[int, Field(strict=True, ge=1, le=MAX_LIMIT)] = 50
    group_by: Annotated[GroupBy, Field(description="One result a photo, or segments, several a photo.")] = "image"
    min_quality: Annotated[
        float, Field(strict=True, ge=0, le=1, description="Segments of a lower quality are not among the results.")
    ] = 0.0
    filters: Annotated[Conditions, Field(description="Conditions that results have to meet.")] = Conditions()
    facets: Annotated[
        bool, Field(strict=True, description="Whether likely results are counted by what they can be narrowed to.")
    ] = False
    masks: Annotated[bool, Field(strict=True, description="Whether results bear their masks.")] = False

    def to_request(self) -> SearchRequest:
        """As the engine takes it.

        Raises
        ------
        QueryError
            Nothing is asked for.
        """
        return SearchRequest(
            positive=tuple(reference.to_ref() for reference in self.positive),
            negative=tuple(reference.to_ref() for reference in self.negative),
            text=self.text or "",
            limit=self.limit,
            group_by=self.group_by,
            min_quality=self.min_quality,
            filters=self.filters.to_filters(),
            facets=self.facets,
            also=tuple(thing.to_part() for thing in self.also),
            relations=tuple(Relation(each.subject, each.relation, each.object) for each in self.relations),
        )


class Judging(_Strict):
    """What was judged of the results. A segment that was judged before is judged anew."""

    relevant: Annotated[list[BodyId], Field(max_length=MAX_JUDGED, description="Segments that show it.")] = []
    irrelevant: Annotated[list[BodyId], Field(max_length=MAX_JUDGED, description="Segments that do not.")] = []
    masks: Annotated[bool, Field(strict=True, description="Whether results bear their masks.")] = False


Name = Annotated[Text, Field(min_length=1, max_length=100)]
Examples = Annotated[list[BodyId], Field(max_length=MAX_JUDGED, description="Segments.")]


class NewConcept(_Strict):
    """A name, and what it is learnt from: a search that was refined, or examples."""

    name: Name
    feedback: Annotated[BodyId | None, Field(description="Id of a search that was refined.")] = None
    positive: Examples = []
    negative: Examples = []


class ConceptChange(_Strict):
    """What is to change."""

    name: Name | None = None
    positive: Annotated[Examples, Field(description="Segments that show it, to be added.")] = []
    negative: Annotated[Examples, Field(description="Segments that do not, to be added.")] = []
    removed: Annotated[Examples, Field(description="Examples to be taken away.")] = []


class ConceptMerge(_Strict):
    """Several concepts that become one."""

    ids: Annotated[list[BodyId], Field(min_length=2, max_length=100)]
    name: Name


class TaggedPhotos(_Strict):
    """Tags of whole photos, or folders whose names are tags. Photos without a tag are taken not to show it."""

    tags: Annotated[
        dict[Name, Annotated[list[BodyId], Field(max_length=MAX_JUDGED)]],
        Field(max_length=MAX_TAGS, description="Ids of the photos that bear each tag."),
    ] = {}
    folders: Annotated[
        list[Name], Field(max_length=MAX_TAGS, description="Names of folders, as `/folders` has them.")
    ] = []
    replace: Annotated[bool, Field(strict=True, description="Whether concepts of these names are learnt anew.")] = False


class PortableConcept(_Strict):
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


class ConceptFile(_Strict):
    """Concepts for another collection."""

    form: Literal["segsearch-concepts-1"]
    concepts: Annotated[list[PortableConcept], Field(max_length=1000)]


# ---- what goes out


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: Annotated[str, Field(description="What is wrong, and what to do.")]


class Mask(BaseModel):
    """COCO compressed run lengths, at the size the photo was analysed at.

    The mask covers the whole photo: scale it by (width / w, height / h) to go to pixels of the original.
    """

    size: Annotated[list[int], Field(min_length=2, max_length=2, description="`h, w` of the analysed copy.")]
    counts: Annotated[str, Field(description="As pycocotools makes and reads it.")]


class Segment(BaseModel):
    """A segment of a photo."""

    id: Annotated[int, Field(description="Of a stored photo's segment its id; of a query photo's its row, from 0.")]
    box_xyxy: Box
    area: Annotated[int, Field(description="In pixels of the upright original.")]
    quality: Annotated[float, Field(description="0 to 1; segments are in falling order of it.")]
    label: Annotated[str | None, Field(description="What the recipe calls it, if it names things.")]
    label_score: float | None
    parent: Annotated[int | None, Field(description="The `id` of the smallest segment that holds this one.")]
    mask: Mask
    concepts: Annotated[list[str], Field(description="Names of the concepts it shows; absent if there are none.")] = []


class Segmentation(BaseModel):
    """How well a photo was segmented, all from 0 to 1."""

    quality: Annotated[float, Field(description="Mean over the photo of the best segment's quality there.")]
    covered: Annotated[float, Field(description="Share of the photo that usable segments cover.")]
    largest_hole: Annotated[float, Field(description="Share of the largest connected part that none covers.")]
    fragmented: Annotated[float, Field(description="Share that only fragments of under 1 % of the photo cover.")]


class Item(BaseModel):
    """A photo. Width and height are those of the upright original, null until it was decoded."""

    id: int
    path: Annotated[str | None, Field(description="Where the file is; bytes that are not UTF-8 stand as `\\xNN`.")]
    width: int | None
    height: int | None
    state: State
    segment_count: int
    error: Annotated[str | None, Field(description="Why it failed.")]
    missing: Annotated[bool, Field(description="Whether its file was not where it should be, when last looked for.")]
    taken_at: Annotated[str | None, Field(description="ISO 8601, local time of the camera.")]
    filename: str | None
    segmentation: Annotated[Segmentation | None, Field(description="Null until the photo was analysed.")]


class ItemWithSegments(Item):
    """A photo with its segments."""

    segments: list[Segment]


class Page(BaseModel):
    """A page of photos, by rising id."""

    items: list[Item]
    next: Annotated[int | None, Field(description="`after` of the next page; null at the end.")]


class Entered(BaseModel):
    """A photo that was given."""

    id: int
    state: State


class QueryPhoto(BaseModel):
    """A query photo with its segments, kept for a day."""

    id: int
    width: int
    height: int
    segments: list[Segment]


class Matched(BaseModel):
    """What a result has of one part of the query."""

    part: Annotated[int, Field(description="Number in the answer's `parts`.")]
    segment_id: int
    score: Annotated[float, Field(description="Cosine similarity to this part alone.")]
    box_xyxy: Box
    label: str | None
    nearest: Annotated[
        str | None, Field(description="Of a word, which of the classes it stands for came nearest; else null.")
    ]
    mask: Annotated[Mask | None, Field(description="Only if asked for.")] = None


class Result(BaseModel):
    """One result."""

    image_id: int
    segment_id: Annotated[int | None, Field(description="Null where whole photos are compared.")]
    score: Annotated[float, Field(description="Cosine similarity: greater is nearer.")]
    box_xyxy: Box
    label: str | None
    likely: Annotated[bool, Field(description="Whether the score stands out enough from this search's others.")]
    fallback: Annotated[bool, Field(description="Nothing was found in this photo: its whole was compared. Comes last.")]
    quality: Annotated[float | None, Field(description="Of the segment, 0 to 1; null where whole photos are compared.")]
    matched: Annotated[
        list[Matched],
        Field(
            description="How it came about: what each part scored and, of several things, in which segment; "
            "empty for a search by a single example."
        ),
    ]
    relations: Annotated[
        list[float], Field(description="To what degree, 0 to 1, each relation that was asked for holds.")
    ]
    mask: Annotated[Mask | None, Field(description="Only if asked for.")] = None


class Used(BaseModel):
    """Which segment an example came to; null for a whole photo."""

    ref: Reference
    segment: Segment | None


class Term(BaseModel):
    """A word that was understood."""

    text: Annotated[str, Field(description="As typed.")]
    name: str
    labels: list[str]
    colors: Annotated[list[str], Field(description="Colours that it should have, by which results are ordered, too.")]
    concept: Annotated[int | None, Field(description="Id of the concept of this name; absent for other words.")] = None


class Words(BaseModel):
    """How the text was read."""

    understood: list[Term]
    unknown: list[str]
    suggestions: list[str]


class Freshness(BaseModel):
    """How much of the catalogue was searched."""

    segments: Annotated[int, Field(description="Segments that were searched.")]
    lag: Annotated[int, Field(description="Segments that are not searchable yet.")]


class Facet(BaseModel):
    """A condition, with how many likely results meet it."""

    value: Annotated[str, Field(description="As the filter of that name takes it; a concept's id; a year; a size.")]
    name: Annotated[str, Field(description="For people.")]
    count: int


class Answer(BaseModel):
    """Results, best first."""

    results: list[Result]
    used: Annotated[list[Used], Field(description="One an example, positive ones first.")]
    words: Annotated[Words | None, Field(description="Null if there was no text.")]
    parts: Annotated[list[str], Field(description="Names of the parts that `matched` speaks of.")]
    facets: Annotated[
        dict[str, list[Facet]] | None,
        Field(
            description="Of folder, year, label, concept, size, position and recipe, over the likely ones among the "
            "best `facets_of` results; null unless asked for. `POST /search/facets` gives them apart."
        ),
    ]
    index: Freshness
    took_ms: float
    facets_of: Annotated[
        int | None,
        Field(description=f"How many results facets were counted from, at most {FACETED}; null without facets."),
    ]


class Facets(BaseModel):
    """What the results of a search could be narrowed to."""

    facets: Annotated[
        dict[str, list[Facet]],
        Field(description="Of folder, year, label, concept, size, position and recipe, the most frequent first."),
    ]
    facets_of: Annotated[
        int, Field(description=f"From the likely ones among so many of the best results, at most {FACETED}.")
    ]
    took_ms: float


class Round(Answer):
    """A round of feedback."""

    id: Annotated[int, Field(description="Of the search that is being refined.")]
    round: Annotated[int, Field(description="0 is the search without judgements.")]
    rounds: Annotated[int, Field(description="The last one there is.")]
    model: Annotated[ModelName, Field(description="What the results are ranked by.")]
    kept_query: Annotated[bool, Field(description="Following the judgements would have ranked them worse.")]
    leave_one_out: Annotated[
        dict[str, float],
        Field(description="How well each model ranks every judgement without knowing it; empty if there are too few."),
    ]
    threshold: Annotated[float, Field(description="Score from which on a segment is rather relevant than not.")]
    ask: Annotated[list[Result], Field(description="Results whose judgement would tell most.")]
    relevant: Annotated[list[int], Field(description="Segments judged so far to show it.")]
    irrelevant: Annotated[list[int], Field(description="Segments judged so far not to.")]


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


class FolderPage(_Strict):
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


class Counts(BaseModel):
    """Photos in each state."""

    pending: int
    working: int
    indexed: int
    empty: int
    failed: int


class Status(BaseModel):
    """How the installation is doing."""

    counts: Counts
    segments: Annotated[int, Field(description="Segments that a search can find.")]
    lag: Annotated[int, Field(description="Segments that are not searchable yet.")]
    recipe: str
    fingerprint: Annotated[str, Field(description="Of the recipe; vectors of two are never compared.")]
    analyzer_up: Annotated[bool, Field(description="Whether query photos can be segmented now.")]
    paused: Annotated[bool, Field(description="Whether the workers were told to enter nothing more for now.")]
    shortage: Annotated[
        str | None, Field(description="Why there is no room for photos, and what to do; null if there is.")
    ]


class Paused(BaseModel):
    """Whether the workers are told to enter nothing more for now."""

    paused: bool


class PhotoCount(BaseModel):
    """How many photos it was."""

    photos: int


class WordList(BaseModel):
    """Words that begin as typed, the most likely ones first."""

    words: list[str]


def picture(*mime_types: str) -> dict[str, Any]:
    """A response of picture bytes, for the OpenAPI document."""
    content = {mime_type: {"schema": {"type": "string", "format": "binary"}} for mime_type in mime_types}
    return {"description": "The picture", "content": content}
