"""Parameters of the dense CRF, separate from its code so that a process can name a recipe without loading torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CrfParameters:
    """Constants of the fully connected CRF (`dense_crf`); lengths are in pixels of the frame.

    Attributes
    ----------
    iterations : int
        Mean-field iterations.
    smooth_weight, smooth_sigma : float
        w⁽²⁾ and θγ of the smoothness kernel.
    alike_weight, alike_place_sigma, alike_color_sigma : float
        w⁽¹⁾, θα and θβ of the appearance kernel; colours run from 0 to 255.
    min_chance : float
        Classes below this probability everywhere are left out.

    Notes
    -----
    Customary values of the authors' own code; nothing was fitted here.
    """

    iterations: int = 5
    smooth_weight: float = 3.0
    smooth_sigma: float = 3.0
    alike_weight: float = 10.0
    alike_place_sigma: float = 60.0
    alike_color_sigma: float = 13.0
    min_chance: float = 0.05
