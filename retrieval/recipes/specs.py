"""What can be known of recipes, segmenters and embedders without loading them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..embed.concept_threshold import ConceptThreshold
from ..embed.word_presence import WordPresence
from ..types import Vectors
from .protocols import Embedder, Recipe, Segmenter


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class RecipeSpec:
    """What can be known of a recipe without loading it.

    Attributes
    ----------
    name, fingerprint : str
    space : str
        Fingerprint of what makes the vectors, segmenter apart. Vectors of one space are comparable: a photo can be cut
        by another segmenter and still be found.
    segment_dim, photo_dim : int
        Lengths of the vectors.
    word_vectors : ndarray of shape (1000, D), float32, or None
        The classes of ImageNet in the space of the segments; None if they have no vectors there.
    build : callable
        Makes the recipe on a device; on the CPU with so many threads a pass.
    reads_text : bool
        Whether the recipe, once it is built, is a `protocols.TextEmbedder`.
    takes_prompts : bool
        Whether the recipe, once it is built, makes segments of boxes, lassos and points (`protocols.PromptSegmenter`).
    is_centred : bool
        Whether things that are unlike score about 0, so that a score says something by itself.
    word_presence : WordPresence or None
        The probability that a photo shows a word, by its scores; None where it was not fitted: results are then likely
        by their share of the best score.
    concept_threshold : ConceptThreshold or None
        The score from which on a concept labels a segment; None where it was not fitted: it separates the examples.
    """

    name: str
    fingerprint: str
    space: str
    segment_dim: int
    photo_dim: int
    word_vectors: Vectors | None
    build: Callable[[str, int | None], Recipe]
    reads_text: bool = False
    takes_prompts: bool = False
    is_centred: bool = True
    word_presence: WordPresence | None = None
    concept_threshold: ConceptThreshold | None = None


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class SegmenterSpec:
    """What can be known of a segmenter without loading it.

    Attributes
    ----------
    fingerprint : str
        Of what makes the segments: algorithm, weights and parameters.
    build : callable
        Makes the segmenter on a device; on the CPU with so many threads a pass.
    """

    fingerprint: str
    build: Callable[[str, int | None], Segmenter]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class EmbedderSpec:
    """What can be known of an embedder without loading it.

    Attributes
    ----------
    family : str
        Its name, without a model.
    space : str
        Fingerprint of what makes the vectors: algorithm, weights and parameters.
    dim : int
        Length of its vectors, of segments and of whole photos.
    reads_text : bool
        Whether the embedder, once it is built, is a `protocols.TextEmbedder`.
    is_centred : bool
        Whether things that are unlike score about 0.
    build : callable
        Makes the embedder on a device; on the CPU with so many threads a pass.
    """

    family: str
    space: str
    dim: int
    reads_text: bool
    build: Callable[[str, int | None], Embedder]
    is_centred: bool = False
