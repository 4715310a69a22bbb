"""Analyses query photos and texts in this process, with the network loaded. `remote` uses the analyzer process."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import AnalyzerUnavailableError, QueryError, UnreadableImageError
from ..images.decode import DecodedImage
from ..images.decoder_pool import QUERY_SECONDS, DecoderPool
from ..images.masks import decode_mask
from ..processes.memory import return_freed_memory
from ..processes.program import PROGRAM
from ..query.prompt import Prompt
from ..query.request import MAX_TEXT
from ..recipes.protocols import NO_PROMPTS, MemoryReleaser, PromptSegmenter, Recipe, TextEmbedder
from ..types import AnalyzedImage, Segments, Vectors
from .batch import describe, describe_segments, extract_batch
from .kept import KeptFeatures, Seen, Version, version_of
from .other_recipes import OtherRecipes

ANALYSIS_SIDE = 1024
"""Photos are analysed on a copy with at most this long side, in pixels."""


class Decoding(NamedTuple):
    """A photo that is being decoded, and which version of its file that is."""

    version: Version
    image: Future[DecodedImage]

    @classmethod
    def begin(cls, path: Path, decoders: DecoderPool) -> Decoding:
        """Submit a photo for decoding; the recipe may be loaded meanwhile.

        Raises
        ------
        UnreadableImageError
        """
        version = _version(path)
        return cls(version, decoders.submit(path, long_side=ANALYSIS_SIDE, timeout_seconds=QUERY_SECONDS))


@dataclass(frozen=True, eq=False, slots=True)
class LocalAnalyzer:
    """Analyses in this process; images are decoded in child processes that may die.

    Attributes
    ----------
    recipe : Recipe
    decoders : DecoderPool
    kept : KeptFeatures
    others : OtherRecipes
        Run recipes other than `recipe`.
    """

    recipe: Recipe
    decoders: DecoderPool
    kept: KeptFeatures = field(default_factory=KeptFeatures)
    others: OtherRecipes = field(default_factory=OtherRecipes)

    def analyze(self, path: Path) -> AnalyzedImage:
        """Decode, segment and embed one file.

        Raises
        ------
        ImageError
        """
        return self.finish(Decoding.begin(path, self.decoders))

    def finish(self, decoding: Decoding) -> AnalyzedImage:
        """As `analyze`, of a photo whose decoding has begun."""
        image = decoding.image.result()
        features = extract_batch(self.recipe, [image.rgb])[0]
        self.kept.put(decoding.version, Seen(image, features, None))
        return describe(self.recipe, image, features)

    def analyze_by(self, recipe: str, path: Path) -> AnalyzedImage:
        """Decode, segment and embed one file with another recipe; see `Analyzer`."""
        return self.others.analyze(recipe, _version(path), lambda: Decoding.begin(path, self.decoders).image.result())

    def segment_prompt(self, path: Path, prompt: Prompt, space: str) -> AnalyzedImage:
        """Make a segment of what was marked on a photo; see `Analyzer`."""
        check_space(self.recipe, space)
        is_given = prompt.mask is not None and not prompt.points
        seen = self._seen(path, with_regions=not is_given)
        prompt.check_on(seen.image.size_hw)
        if prompt.mask is not None and is_given:
            mask, quality = decode_mask(prompt.mask[0], prompt.mask[1].encode("ascii")), 1.0
            mask = _bounded(mask, seen.image.rgb.shape[:2])
        else:
            mask, quality = _prompted(self.recipe).segment_prompt(seen.regions, prompt, seen.image.size_hw)
        segments = Segments(mask.astype(np.int32), np.array([[False, True]]), np.array([quality], np.float32))
        return describe_segments(self.recipe, seen.image, seen.features, segments)

    def _seen(self, path: Path, *, with_regions: bool) -> Seen:
        """A photo with its features, which are kept, and what prompts on it share if they need it."""
        if with_regions:
            _prompted(self.recipe)
        version = _version(path)
        seen = self.kept.get(version)
        if seen is not None and (seen.regions is not None or not with_regions):
            return seen
        if seen is None:
            image = Decoding.begin(path, self.decoders).image.result()
            seen = Seen(image, extract_batch(self.recipe, [image.rgb])[0], None)
        if with_regions:
            regions = _prompted(self.recipe).prompt_regions(seen.image.rgb, seen.features)
            seen = Seen(seen.image, seen.features, regions)
        self.kept.put(version, seen)
        return seen

    def release_memory(self) -> None:
        """Give back what the next photo will need again, except the features that are kept."""
        if isinstance(self.recipe, MemoryReleaser):
            self.recipe.release_memory()
        return_freed_memory()

    def embed_text(self, text: str, space: str) -> Vectors:
        """The vector of a text, (1, D), by the recipe's text tower.

        Raises
        ------
        QueryError
            The text is too long.
        AnalyzerUnavailableError
            The recipe has no text tower in this space.
        """
        return text_vector(self.recipe, text, space)


def text_vector(recipe: Recipe, text: str, space: str) -> Vectors:
    """The vector of a text, (1, D), by a recipe's text tower; raises as `LocalAnalyzer.embed_text`."""
    check_length(text)
    if not isinstance(recipe, TextEmbedder):
        raise AnalyzerUnavailableError(f"the analyzer runs {recipe.space}, which embeds no texts")
    check_space(recipe, space)
    return recipe.embed_texts([text])


def check_space(recipe: Recipe, space: str) -> None:
    """Check that a recipe makes vectors of a space.

    Raises
    ------
    AnalyzerUnavailableError
    """
    if recipe.space != space:
        raise AnalyzerUnavailableError(
            f"the analyzer runs {recipe.space}, but searches use {space}: restart `{PROGRAM} serve`"
        )


def _prompted(recipe: Recipe) -> PromptSegmenter:
    if not isinstance(recipe, PromptSegmenter):
        raise QueryError(NO_PROMPTS)
    return recipe


def _version(path: Path) -> Version:
    try:
        return version_of(path)
    except OSError as error:
        raise UnreadableImageError(f"{path}: {error.strerror or error}") from error


def _bounded(mask: NDArray[np.bool_], most_hw: tuple[int, ...]) -> NDArray[np.bool_]:
    """A mask that is no larger than the analysed copy of its photo; not empty if it was not."""
    if mask.shape[0] <= most_hw[0]:
        return mask
    small = cv2.resize(mask.astype(np.float32), (most_hw[1], most_hw[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(small >= min(0.5, float(small.max())), bool)


def check_length(text: str) -> None:
    """Refuse a text that is too long.

    Raises
    ------
    QueryError
    """
    if len(text) > MAX_TEXT:
        raise QueryError(f"the text has {len(text)} characters: shorten it to at most {MAX_TEXT}")
