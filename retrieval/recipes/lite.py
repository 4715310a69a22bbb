"""The default recipe, which needs no download, and its sisters: with crops, and with a hierarchy that is not learned.

A photo goes through EfficientNet-Lite2 at two scales. The larger pass, and the boundaries that a small decoder draws
from it, feed the region hierarchy; the last maps of both, and at half weight the larger's maps of strides 16 and 32,
are averaged under each segment's mask, power-normalised, concatenated and projected. The classifier's rows, projected
alike, are the query vectors of words, and name the segments.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..embed.concept_threshold import ConceptThreshold
from ..embed.masked_pooling import PooledMaps, join_descriptors
from ..embed.projection import Descriptors, LinearMap, Projection, digest_of, load_words, unit
from ..embed.word_presence import WordPresence
from ..models.fingerprint import fingerprint
from ..models.size import ModelSize
from ..query.prompt import Prompt
from ..segment.parameters import HierarchyParameters, MergeParameters
from ..text.lexicon import class_labels
from ..types import Analysis, FeatureMap, Features, RgbImage, Segments, Vectors
from . import RecipeSpec

if TYPE_CHECKING:
    from ..models.backbone import Backbone
    from ..models.boundary_decoder import BoundaryDecoder
    from ..segment.hierarchy import HierarchySegmenter
    from ..segment.prompt_measures import PromptRegions

logger = logging.getLogger(__name__)

DATA = Path(__file__).resolve().parents[1] / "data"
BACKBONE = "efficientnet-lite2-9656183e"
MIN_LABEL_SCORE = 0.3
"""A segment gets the name of its most probable class from this probability on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteParameters:
    """Constants of the lite recipes.

    Attributes
    ----------
    small_side, large_side : int
        Long sides of the two passes, in pixels.
    mid_weight : float
        Weight of the maps of strides 16 and 32.
    power : float
        Of the power normalisation.
    crop_side : int
        Side of the crops, in pixels; 0 for none.
    crop_context : float
        Share of itself by which a box is widened on every side before it is cropped.
    hierarchy : HierarchyParameters
    """

    small_side: int = 512
    large_side: int = 768
    mid_weight: float = 0.5
    power: float = 0.5
    crop_side: int = 0
    crop_context: float = 0.05
    hierarchy: HierarchyParameters = field(default_factory=HierarchyParameters)

    @property
    def strides(self) -> list[int]:
        """Of the maps of the large pass, besides the head's."""
        return sorted({*self.hierarchy.strides, 16, 32})


OUTLINES = MergeParameters(
    strides=(16,), stride_weights=(1.0,), contrast_weight=8.0, centre_weight=8.0, objectness_weight=1.5
)
"""Goes by boundaries and centres."""
LIKENESS = replace(OUTLINES, stride_weights=(3.0,), contrast_weight=3.0, size_power=0.1)
"""Goes by what regions look like, and so finds things that are drawn apart, or have no clear outline."""
LEARNED = HierarchyParameters(learned=True, min_size=16, trees=(OUTLINES, LIKENESS), max_overlap=0.8, limit=200)
"""Trees were chosen one after the other on 77 training photos, overlap and limit in five folds (see the model card)."""

PARAMETERS = {
    "lite": LiteParameters(hierarchy=LEARNED),
    "lite-crops": LiteParameters(hierarchy=LEARNED, crop_side=160),
    "lite-unlearned": LiteParameters(),
}


FITTED = ("lite",)
"""Recipes for which the probability that a photo shows a word was fitted."""


@dataclass(frozen=True, eq=False, slots=True)
class LiteFeatures:
    """The two passes over one image."""

    small: Features
    large: Features
    pooled: PooledMaps = field(init=False, repr=False)

    def __post_init__(self) -> None:
        maps = self.small.head, self.large.head, self.large.strides[16], self.large.strides[32]
        object.__setattr__(self, "pooled", PooledMaps(maps))

    @property
    def maps(self) -> tuple[FeatureMap, ...]:
        """The maps a descriptor is made of."""
        return self.pooled.maps


@dataclass(frozen=True, slots=True)
class LiteRecipe:
    """A segmenter and an embedder on one backbone.

    Attributes
    ----------
    fingerprint, space : str
    parameters : LiteParameters
    backbone : Backbone
    decoder : BoundaryDecoder or None
        None where boundaries are not learned.
    segmenter : HierarchySegmenter
    projection : Projection
    ranking : LinearMap
        Projects the pooled part of a descriptor for the segmenter's `Objectness`, which was fitted behind it.
    files : tuple of Path
        What was fitted on top of the backbone.
    """

    fingerprint: str
    space: str
    parameters: LiteParameters
    backbone: Backbone
    decoder: BoundaryDecoder | None
    segmenter: HierarchySegmenter
    projection: Projection
    ranking: LinearMap
    files: tuple[Path, ...] = ()

    @property
    def size(self) -> ModelSize:
        """Of the backbone with its classifier, and of the files fitted on top of it."""
        return self.backbone.size + ModelSize.of_files(self.files)

    @property
    def concurrency(self) -> int:
        """Best number of passes at once."""
        return self.backbone.concurrency

    @property
    def batch_size(self) -> int:
        """Number of images that fill the device."""
        return self.backbone.batch_size

    def extract(self, images: Sequence[RgbImage]) -> Sequence[LiteFeatures]:
        """Run the two passes over a batch."""
        chosen = self.parameters
        small = self.backbone.extract(images, long_side=chosen.small_side)
        large = self.backbone.extract(images, long_side=chosen.large_side, strides=chosen.strides, decoder=self.decoder)
        return [LiteFeatures(*pair) for pair in zip(small, large, strict=True)]

    def release_memory(self) -> None:
        """Give back the buffers of passes."""
        self.backbone.release_memory()

    def segment(self, image: RgbImage, features: LiteFeatures) -> Segments:
        """The region hierarchy's best nodes."""
        candidates = self.segmenter.candidates(image, features.large)
        candidates = replace(candidates, segments=candidates.segments.coarsened())
        is_ranked = self.segmenter.objectness is not None and len(candidates.segments) > 0
        return self.segmenter.select(candidates, self.ranked_by(features, candidates.segments) if is_ranked else None)

    def prompt_regions(self, image: RgbImage, features: LiteFeatures) -> PromptRegions:
        """The region hierarchy, for any number of prompts."""
        from ..segment.prompt_measures import PromptRegions

        found = self.segmenter.hierarchies(image, features.large)
        segments = found.candidates.segments
        return PromptRegions(found, self.segmenter.quality(found.candidates, self.ranked_by(features, segments)))

    def segment_prompt(
        self, regions: PromptRegions, prompt: Prompt, size_hw: tuple[int, int]
    ) -> tuple[NDArray[np.bool_], float]:
        """A segment made of superpixels."""
        from ..segment.point_measures import POINT_MEASURES
        from ..segment.pointing import segment_points
        from ..segment.prompting import SuperpixelClassifier, segment_prompt

        prompt = prompt.scaled(size_hw, (regions.leaves.shape[0], regions.leaves.shape[1]))
        if prompt.points:
            return segment_points(regions, prompt, SuperpixelClassifier.load(POINTS, POINT_MEASURES))
        return segment_prompt(regions, prompt, SuperpixelClassifier.load(PROMPTS))

    def ranked_by(self, features: LiteFeatures, candidates: Segments) -> Vectors:
        """What the segmenter's `Objectness` sees of candidates: plain descriptors of three maps, projected."""
        return self.ranking.apply(join_descriptors(features.pooled.means(candidates, 3), self._weights[:3]))

    def embed(self, image: RgbImage, features: LiteFeatures, segments: Segments) -> Analysis:
        """Projected descriptors, and the likeliest class of each segment where it is likely enough."""
        means = features.pooled.means(segments)
        vectors = self.projection.segment.apply(self._describe(image, segments, means))
        photo = self.projection.photo.apply(self.describe_photo(features))[0]
        labels, scores = self._labels((means[0] + means[1]) * np.float32(0.5))
        named = replace(segments, labels=labels, label_scores=scores)
        return Analysis(named, vectors, photo, fallback=None if len(segments) else self._whole(image, features))

    def _whole(self, image: RgbImage, features: LiteFeatures) -> NDArray[np.float32]:
        """The vector of the whole photo as if it were a segment."""
        whole = Segments(np.zeros((64, 64), np.int32), np.ones((1, 1), bool), np.zeros(1, np.float32))
        vector: NDArray[np.float32] = self.projection.segment.apply(self.describe(image, features, whole))[0]
        return vector

    def describe(self, image: RgbImage, features: LiteFeatures, segments: Segments) -> Descriptors:
        """Descriptors of segments before projection, (N, C)."""
        return self._describe(image, segments, features.pooled.means(segments))

    def _describe(self, image: RgbImage, segments: Segments, means: Sequence[NDArray[np.float32]]) -> Descriptors:
        pooled = join_descriptors(means, self._weights, self.parameters.power)
        if not self.parameters.crop_side:
            return pooled
        from ..embed.crops import crop_descriptors

        side, context = self.parameters.crop_side, self.parameters.crop_context
        return np.concatenate([pooled, crop_descriptors(self.backbone, image, segments, side=side, context=context)], 1)

    @property
    def _weights(self) -> tuple[float, ...]:
        return 1.0, 1.0, self.parameters.mid_weight, self.parameters.mid_weight

    def describe_photo(self, features: LiteFeatures) -> Descriptors:
        """The descriptor of a whole photo before projection, (1, 1280): the last map of the small pass, averaged."""
        return unit(features.small.head.mean(axis=(0, 1))[None])

    def word_directions(self, width: int) -> Descriptors:
        """The classifier's rows, centred, in every part of a descriptor of `width` that lives in its space."""
        rows = self.backbone.classifier - self.backbone.classifier.mean(axis=0)
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        size, mid = rows.shape[1], width % rows.shape[1]
        parts = [rows, rows, np.zeros((len(rows), mid), np.float32)]
        parts += [rows] * ((width - mid - 2 * size) // size)
        return np.concatenate(parts, axis=1)

    def _labels(self, means: NDArray[np.float32]) -> tuple[tuple[str | None, ...], NDArray[np.float32]]:
        logits = means @ self.backbone.classifier.T + self.backbone.classifier_bias
        chances = np.exp(logits - logits.max(axis=1, keepdims=True, initial=0))
        chances /= chances.sum(axis=1, keepdims=True)
        best = chances.argmax(axis=1)
        scores = chances[np.arange(len(best)), best].astype(np.float32)
        names = class_labels()
        labels = (names[row] if score >= MIN_LABEL_SCORE else None for row, score in zip(best, scores, strict=True))
        return tuple(labels), scores


def projection_path(name: str) -> Path:
    """The file of a recipe's projection."""
    return DATA / f"{'lite-crops' if name == 'lite-crops' else 'lite'}.safetensors"


def added_words_path(name: str) -> Path:
    """The file of the words that were learned after a recipe's projection; they belong to no fingerprint."""
    path = projection_path(name)
    return path.with_name(f"{path.stem}-words.safetensors")


def presence_path(name: str) -> Path:
    """The file of the probability that a photo shows a word; it belongs to no fingerprint."""
    return DATA / f"{name}-presence.safetensors"


def threshold_path(name: str) -> Path:
    """The file of the threshold of concepts; it belongs to no fingerprint."""
    return DATA / f"{name}-concepts.safetensors"


def objectness_path(name: str) -> Path:
    """The file of what ranks a recipe's segments."""
    return DATA / f"{'lite-unlearned' if name == 'lite-unlearned' else 'lite'}-objectness.safetensors"


BOUNDARIES = DATA / "boundaries.safetensors"
RANKING = DATA / "lite-ranking.safetensors"
PROMPTS = DATA / "lite-prompts.safetensors"
POINTS = DATA / "lite-points.safetensors"


def recipe_spec(name: str) -> RecipeSpec:
    """A recipe's spec; reads its projection file."""
    chosen, path = PARAMETERS[name], projection_path(name)
    projection = Projection.load(path)
    embedding = (BACKBONE, digest_of(path), asdict(replace(chosen, hierarchy=HierarchyParameters())))
    ranking = [digest_of(objectness_path(name)), digest_of(RANKING)]
    boundaries = digest_of(BOUNDARIES) if chosen.hierarchy.learned else None
    print_ = fingerprint(f"{name}-2", *embedding, ranking, boundaries, chosen.hierarchy)
    space = fingerprint("lite-crops-space" if chosen.crop_side else "lite-space", *embedding)
    return RecipeSpec(
        name=name,
        fingerprint=print_,
        space=space,
        segment_dim=projection.segment.components.shape[1],
        photo_dim=projection.photo.components.shape[1],
        word_vectors=np.concatenate([projection.word_vectors, load_words(added_words_path(name))]),
        takes_prompts=chosen.hierarchy.learned,
        build=lambda device, threads: _build(name, device, threads, projection, (print_, space)),
        word_presence=WordPresence.load(presence_path(name)) if name in FITTED else None,
        concept_threshold=ConceptThreshold.load(threshold_path(name)) if name in FITTED else None,
    )


def _build(name: str, device: str, threads: int | None, projection: Projection, prints: tuple[str, str]) -> LiteRecipe:
    """Load the network on a device."""
    from ..segment.objectness import Objectness

    bare = unfitted(name, device, threads)
    objectness = Objectness.load(objectness_path(name))
    return replace(
        bare,
        fingerprint=prints[0],
        space=prints[1],
        segmenter=replace(bare.segmenter, objectness=objectness),
        projection=projection,
        ranking=LinearMap.load(RANKING),
        files=(*bare.files, objectness_path(name), projection_path(name)),
    )


def unfitted(name: str, device: str, threads: int | None = None) -> LiteRecipe:
    """The recipe without ranking and projection, which are fitted to what it finds. For training."""
    from ..models.backbone import Backbone
    from ..models.boundary_decoder import BoundaryDecoder

    parameters, backbone = PARAMETERS[name], Backbone(device, threads=threads)
    decoder = BoundaryDecoder.load(BOUNDARIES) if parameters.hierarchy.learned else None
    backbone.prepare()
    backbone.prepare(parameters.strides, decoder)
    from ..segment.hierarchy import HierarchySegmenter  # loads numba, while the networks are compiled

    segmenter = HierarchySegmenter(parameters.hierarchy)
    threading.Thread(target=_load_kernels, args=(segmenter,), name="kernels").start()
    nothing = LinearMap(np.zeros(0, np.float32), np.zeros((0, 0), np.float32))
    return LiteRecipe(
        fingerprint="unfitted",
        space="unfitted",
        parameters=parameters,
        backbone=backbone,
        decoder=decoder,
        segmenter=segmenter,
        projection=Projection(nothing, nothing, np.zeros((0, 0), np.float32)),
        ranking=LinearMap.load(RANKING),
        files=(RANKING, BOUNDARIES) if parameters.hierarchy.learned else (RANKING,),
    )


def _load_kernels(segmenter: HierarchySegmenter) -> None:
    """Segment a small random picture, so that the compiled functions are loaded when the first photo comes."""
    from ..segment.covering import choose_covering

    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (64, 96, 3)).astype(np.uint8)
    maps = {stride: rng.random((4, 6, 8), np.float32) for stride in segmenter.parameters.strides}
    edges, objects = rng.random((32, 48, 2), np.float32), rng.random((16, 24, 3), np.float32)
    head = rng.random((2, 3, 8), np.float32)
    try:
        found = segmenter.candidates(picture, Features(maps, head, edges, objects)).segments.coarsened()
        PooledMaps([head]).means(found)
        choose_covering(found.iou(), np.ones(len(found), np.float32), max_overlap=1.0, limit=2)
    except Exception:
        logger.debug("the compiled functions cannot be loaded ahead; the first photo will raise this", exc_info=True)
