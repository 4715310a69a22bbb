"""Parameters of Segment Anything's automatic masks, and which of them are kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SamParameters:
    """Constants of the recipes.

    Attributes
    ----------
    input_side : int
        Long side to which a photo is scaled down before the model's own processor, in pixels.
    frame_side : int
        Long side of the masks; smaller photos keep their size.
    points : int
        Points along each side of the grid, with three masks each. The decoder's cost grows with its square.
    points_at_once : int
        Points per decoder pass; about 1 MB of masks for each.
    candidates : int
        Most masks kept until duplicates are removed, the best by predicted IoU; 0.25 MB each.
    min_iou : float
        Lowest IoU that the model predicts for its mask.
    min_stability, offset : float
        Lowest IoU of the masks thresholded at plus and minus the offset in the logit.
    max_box_overlap, max_overlap : float
        Of two boxes, or two masks, with a higher IoU only the better one is kept.
    min_area : float
        Smallest segment, as a share of the image.
    limit : int
        Most segments of one image.
    """

    input_side: int = 1024
    frame_side: int = 512
    points: int = 32
    points_at_once: int = 64
    candidates: int = 400
    min_iou: float = 0.88
    min_stability: float = 0.95
    offset: float = 1.0
    max_box_overlap: float = 0.7
    max_overlap: float = 0.8
    min_area: float = 0.0008
    limit: int = 100


PARAMETERS = SamParameters()
