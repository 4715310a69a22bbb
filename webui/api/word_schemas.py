"""Words of searches: how a text was read, and completing one."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from retrieval.query.relations import RelationName

from .schemas import Strict


class WordsQuery(Strict):
    """The text typed so far."""

    prefix: Annotated[str, Field(max_length=100)]
    limit: Annotated[int, Field(ge=1, le=50)] = 10


class Substitute(BaseModel):
    """A known word that stands for one that is not known."""

    name: str
    weight: Annotated[float, Field(description="Its share; those of one word sum to 1.")]


class Term(BaseModel):
    """A word that was understood."""

    text: Annotated[str, Field(description="As typed.")]
    name: str
    labels: list[str]
    colors: Annotated[list[str], Field(description="Colours that also affect the order of results.")]
    concept: Annotated[
        int | None, Field(description="Id of the concept of this name; absent if the word is not a concept.")
    ] = None
    substitutes: Annotated[
        list[Substitute],
        Field(description="If the word itself is not known: the nearest known words, which are searched instead."),
    ]


class Link(BaseModel):
    """What was said between two words."""

    subject: Annotated[int, Field(description="Number in `understood`, from 0.")]
    object: Annotated[int, Field(description="Number in `understood`, from 0.")]
    text: Annotated[str, Field(description="As typed.")]
    relation: Annotated[
        RelationName | None,
        Field(description="The relation it is read as; null: both must be in the photo, wherever."),
    ]


class Words(BaseModel):
    """How the text was read."""

    understood: list[Term]
    unwanted: Annotated[
        list[Term], Field(description="The more a photo looks like showing one of these, the lower its score.")
    ]
    links: list[Link]
    unknown: Annotated[list[str], Field(description="Words that are not known and are ignored.")]
    unsupported: Annotated[
        list[str], Field(description="Words that a search cannot go by and that are ignored, such as numbers.")
    ]
    suggestions: Annotated[list[str], Field(description="Known words that may be meant instead of unknown ones.")]
    suggested: Annotated[list[list[str]], Field(description="The same for each of the unknown words, in their order.")]


class WordList(BaseModel):
    """Words that start with the typed text, most likely first."""

    words: list[str]
