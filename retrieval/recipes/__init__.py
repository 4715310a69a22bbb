"""Recipes: a segmenter, an embedder and their parameters, under a name and a fingerprint.

============== ==================================================== =====================================
name           segments                                             vectors
============== ==================================================== =====================================
``lite``       region hierarchy                                     masked pooling of two shared passes
``lite-crops`` the same                                             with box and foreground crops beside
``grid``       cells of a grid                                      mean colour (no network; for trials)
============== ==================================================== =====================================

Naming a recipe, its fingerprint and its words loads no network; `load` builds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from ..errors import ConfigurationError
from ..protocols import Recipe
from ..types import Vectors

_MODULES = {"lite": "lite", "lite-crops": "lite", "grid": "grid"}

NAMES = tuple(_MODULES)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class RecipeCard:
    """What can be known of a recipe without loading it.

    Attributes
    ----------
    name, fingerprint : str
    segment_dim, photo_dim : int
        Lengths of the vectors.
    word_vectors : ndarray of shape (1000, D), float32, or None
        The classes of ImageNet in the space of the segments; None if words do not work.
    build : callable
        Makes the recipe on a device; on the CPU with so many threads a pass.
    """

    name: str
    fingerprint: str
    segment_dim: int
    photo_dim: int
    word_vectors: Vectors | None
    build: Callable[[str, int | None], Recipe]


@cache
def card(name: str) -> RecipeCard:
    """The card of a recipe.

    Raises
    ------
    ConfigurationError
        No recipe has this name.
    WeightsMissingError
        A file of the recipe is missing.
    """
    if name not in _MODULES:
        raise ConfigurationError(f"SEGSEARCH_RECIPE={name!r} is none of {', '.join(NAMES)}")
    module = import_module(f".{_MODULES[name]}", __name__)
    found: RecipeCard = module.card(name)
    return found


def load(name: str, device: str, *, threads: int | None = None) -> Recipe:
    """Build a recipe; with ``auto`` on the first CUDA device if there is one.

    Parameters
    ----------
    name, device : str
    threads : int, optional
        Threads of one pass on the CPU: 1 where many photos are at hand, absent where one is waited for.
    """
    return card(name).build(device, threads)
