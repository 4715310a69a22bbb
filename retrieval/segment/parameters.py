"""Parameters of the segmenters, separate from their code so that a process can name a recipe without loading it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeParameters:
    """Weights of the cost of merging two neighbours (`merging.merge_regions`).

    Attributes
    ----------
    strides, stride_weights
        Feature maps and the weights of their cosine distances.
    color_weight : float
        Weight of the Lab distance.
    contrast_weight : float
        Weight of the Lab gradient, or of the learned boundary, along the border.
    centre_weight, objectness_weight : float
        Weights of the distance of learned centres, and of the difference of learned objectness.
    size_power : float
        Exponent of the smaller region's share.
    """

    strides: tuple[int, ...] = (4, 8, 16, 32)
    stride_weights: tuple[float, ...] = (0.3, 0.3, 1.0, 0.7)
    color_weight: float = 0.01
    contrast_weight: float = 0.07
    centre_weight: float = 0.0
    objectness_weight: float = 0.0
    size_power: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class HierarchyParameters:
    """Constants of the region hierarchy (`hierarchy.HierarchySegmenter`).

    Attributes
    ----------
    work_side : int
        Long side at which the image is segmented and its masks are stored.
    scale, min_size
        Of the superpixels (`superpixels`, or `watershed` with learned boundaries, which has no scale).
    learned : bool
        Whether superpixels and contrast come from a `boundary_decoder.BoundaryDecoder`, or only from colour.
    sigma : float
        Smoothing of the learned boundaries before the watershed, in pixels.
    outline_share : float
        Share of `outline` in the learned boundaries; the rest is `perceptual`.
    trees : tuple of MergeParameters
        One per tree over the superpixels; the nodes of all trees are pooled.
    candidates : int
        Most nodes of a tree that are ranked.
    min_area : float
        Smallest segment, as a share of the image.
    max_overlap : float
        Of two segments with a higher IoU only the better one is kept.
    limit : int
        Most segments of one image.

    Notes
    -----
    The constants were chosen on the training part of the development photos (``docs/benchmarks.md``).
    Memory: L² floats for L superpixels, about 2 MB for 700.
    """

    work_side: int = 512
    learned: bool = False
    scale: float = 40.0
    min_size: int = 32
    sigma: float = 0.7
    outline_share: float = 0.5
    trees: tuple[MergeParameters, ...] = (MergeParameters(),)
    candidates: int = 400
    min_area: float = 0.0008
    max_overlap: float = 0.8
    limit: int = 100

    @property
    def strides(self) -> tuple[int, ...]:
        """The feature maps that are compared."""
        return tuple(sorted({stride for tree in self.trees for stride in tree.strides}))
