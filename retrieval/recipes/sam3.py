"""SAM 3 (`ConceptDetector`) as a recipe: all things that a list of words names, each by itself and under its word.

The words are those of ``SEGSEARCH_CONCEPTS``, or the things and stuff of `psp`. The model of the hub may be named
behind a colon, ``sam3:yonigozlan/sam3-litetext-s0`` (a small text tower), with ``@REVISION`` behind it to hold it to a
commit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigurationError
from ..models.size import ModelSize
from ..segment.instances import ScoredMasks, instance_segments, painted
from ..types import RgbImage, Segments
from . import RecipeSpec
from .concept_detector import ConceptDetector, ConceptParameters, Texts
from .network import network_spec
from .psp import STUFF, THINGS

if TYPE_CHECKING:
    from ..models.weights import HubModel

MODEL = "facebook/sam3"
"""The model of the hub where none is named. Its weights are gated."""

VARIABLE = "SEGSEARCH_CONCEPTS"
DEFAULT = (*THINGS, *STUFF)
MOST_CONCEPTS, MOST_LETTERS = 1000, 100
LEAST_CONFIDENCE = 0.5
"""A class map shows instances from this score on."""

PARAMETERS = ConceptParameters()


def concepts(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The words that are segmented for, in lower case and each once.

    Parameters
    ----------
    environ : mapping
        Of which ``SEGSEARCH_CONCEPTS`` has words between commas, or, after an ``@``, the path of a UTF-8 file with a
        word a line.

    Raises
    ------
    ConfigurationError
        The file cannot be read, or there are no words, too many, or one that is too long.
    """
    text = environ.get(VARIABLE, "")
    if not text.strip():
        return DEFAULT
    if text.startswith("@"):
        try:
            text = Path(text[1:]).expanduser().read_text(encoding="utf-8").replace("\n", ",")
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"{VARIABLE}={environ[VARIABLE]}: the file cannot be read ({error}): give one with a word a line"
            ) from error
    return checked_words(text.split(","), VARIABLE)


def checked_words(given: Sequence[str], name: str) -> tuple[str, ...]:
    """Words in lower case, each once.

    Parameters
    ----------
    given : sequence of str
    name : str
        What they were given as, for errors.

    Raises
    ------
    ConfigurationError
        There are no words, too many, or one that is too long.
    """
    words = tuple(dict.fromkeys(" ".join(word.lower().split()) for word in given if word.strip()))
    if not words:
        raise ConfigurationError(f"{name} has no words: give some between commas, such as dog,red car")
    if len(words) > MOST_CONCEPTS:
        raise ConfigurationError(f"{name} has {len(words)} words: give at most {MOST_CONCEPTS}")
    if long := next((word for word in words if len(word) > MOST_LETTERS), None):
        raise ConfigurationError(f"{name}: {long[:40]}… has more than {MOST_LETTERS} letters: give a short phrase")
    return words


@dataclass(frozen=True, eq=False, slots=True)
class Sam3:
    """The detector, with the words it looks for.

    Attributes
    ----------
    detector : ConceptDetector
    class_names : tuple of str or None
        The words, behind None for what is none of them.
    texts : Texts
        The same, read.
    """

    detector: ConceptDetector
    class_names: tuple[str | None, ...]
    texts: Texts

    @property
    def size(self) -> ModelSize:
        """Of the network."""
        return self.detector.size

    @property
    def frame_side(self) -> int:
        """Long side of the masks."""
        return self.detector.parameters.instances.frame_side

    def extract(self, images: Sequence[RgbImage]) -> Sequence[ScoredMasks]:
        """Masks for every word in a batch."""
        return self.detector.find(images, self.texts)

    def segment(self, image: RgbImage, features: ScoredMasks) -> Segments:
        """The masks of all words, without those that repeat a better one."""
        return instance_segments(features, self.class_names, self.detector.parameters.instances)

    def class_map(self, image: RgbImage, features: ScoredMasks) -> NDArray[np.uint16]:
        """The word of the surest mask that a pixel lies in, of those that are rather there than not; 0 for none."""
        segments = self.segment(image, features)
        return painted(segments[segments.quality >= LEAST_CONFIDENCE], self.class_names)


def hub_model(name: str) -> HubModel:
    """The model that the name of a recipe means.

    Raises
    ------
    ConfigurationError
        What stands behind the colon is not a model's name.
    """
    from ..models.weights import HubModel

    return HubModel.read(name.partition(":")[2] or MODEL, setting=f"SEGSEARCH_RECIPE={name}")


def recipe_spec(name: str) -> RecipeSpec:
    """A recipe's spec.

    Raises
    ------
    ConfigurationError
        What stands behind the colon is not a model's name, or `concepts` cannot be read.
    """
    model, words = hub_model(name), concepts(os.environ)
    identity = [model.identity(), PARAMETERS, list(words)]
    return network_spec(name, identity, lambda device, threads: _build(model, words, device, threads, PARAMETERS))


def _build(
    model: HubModel, words: Sequence[str], device: str, threads: int | None, parameters: ConceptParameters
) -> Sam3:
    """Load the model on a device, and read the words."""
    detector = ConceptDetector.load(model, device, threads, parameters)
    return Sam3(detector, (None, *words), detector.read(words))
