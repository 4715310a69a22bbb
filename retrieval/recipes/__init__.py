"""Recipes: a segmenter, an embedder and their parameters, under a name and a fingerprint.

============================ ======================================= =====================================
name                         segments                                vectors
============================ ======================================= =====================================
``lite``                     learned region hierarchy                masked pooling of two shared passes
``lite-crops``               the same                                with box and foreground crops beside
``lite-unlearned``           region hierarchy by colour and features those of ``lite``
``grid``                     cells of a grid                         mean colour (no network; for trials)
``maskrcnn``, ``-v2``        instances of COCO's 80 classes          those of ``lite``
``fcn-resnet50``, ``-101``   connected parts of VOC's 20 classes     those of ``lite``
``deeplabv3-resnet50``,      the same                                those of ``lite``
``-resnet101``,
``-mobilenet``
``lraspp``                   the same                                those of ``lite``
the last six with ``-crf``   the same, after a dense CRF             those of ``lite``
``psp``                      connected parts of VOC's 20 classes and those of ``lite``
                             of 23 kinds of stuff
``sam``, ``sam2``            masks of a grid of points               those of ``lite``
``semantic:MODEL``           connected parts of a hub model's        those of ``lite``
                             classes
``instance:MODEL``           things, and stuff where the hub model    those of ``lite``
                             knows it
``sam3``                     all things that a list of words names    those of ``lite``
``NAME+timm:MODEL``          those of any of these but ``lite-crops`` means of a backbone's patches
``NAME+dinov2[:MODEL]``      the same                                the same
``NAME+siglip2[:MODEL]``,    the same                                the same, in the space of the model's
``NAME+clip[:MODEL]``,                                               text tower, which reads the words
``NAME+tipsv2[:MODEL]``
these and ``+projection:F``  the same                                the same, through a fitted map
============================ ======================================= =====================================

Naming a recipe, its fingerprint and its words loads no network; `load` builds it. The lower half needs weights that
are not in the repository (`weights`). Other packages bring further ones (`plugged`).
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from .. import plugins
from ..errors import ConfigurationError
from ..processes.extras import missing
from .protocols import Recipe
from .specs import RecipeSpec as RecipeSpec

_MODULES = {
    **{"lite": "lite", "lite-crops": "lite", "lite-unlearned": "lite", "grid": "grid", "psp": "psp"},
    **dict.fromkeys(("maskrcnn", "maskrcnn-v2"), "maskrcnn"),
    **{
        name + refined: "pixel_classes"
        for name in (
            "fcn-resnet50", "fcn-resnet101", "deeplabv3-resnet50", "deeplabv3-resnet101", "deeplabv3-mobilenet",
            "lraspp",
        )
        for refined in ("", "-crf")
    },
    **{"sam": "sam", "sam2": "sam", "sam3": "sam3", "semantic": "semantic", "instance": "instance"},
}  # fmt: skip

_TAKES_MODEL = frozenset({"sam", "sam2", "sam3", "semantic", "instance"})

NAMES = tuple(_MODULES)

PLUGGED = plugins.RECIPES, plugins.SEGMENTERS
"""Where recipes of other packages come from, beside embedders behind a plus sign (`plugged`)."""


@cache
def recipe_spec(name: str) -> RecipeSpec:
    """The spec of a recipe.

    Parameters
    ----------
    name : str
        One of `NAMES`, or of a plug-in; recipes on the hub's models take a model's name behind a colon. An embedder may
        stand behind a plus sign.

    Raises
    ------
    ConfigurationError
        No recipe has this name, or what stands behind a colon names no model.
    PluginError
        The plug-in of this name cannot be used.
    WeightsMissingError
        A file of the recipe is missing.
    """
    segmenter, plus, _ = name.partition("+")
    family, colon, _ = segmenter.partition(":")
    if family not in _MODULES and plugins.plugin(family, *PLUGGED) is None:
        known = ", ".join([*NAMES, *plugins.names(*PLUGGED)])
        raise ConfigurationError(f"SEGSEARCH_RECIPE={name!r} is none of {known}")
    if colon and family in _MODULES and family not in _TAKES_MODEL:
        raise ConfigurationError(f"SEGSEARCH_RECIPE={name!r}: {family} takes no model; use {family} alone")
    module = import_module(f".{'paired' if plus else _MODULES.get(family, 'plugged')}", __name__)
    found: RecipeSpec = module.recipe_spec(name)
    return found


def load(name: str, device: str, *, threads: int | None = None) -> Recipe:
    """Build a recipe; with ``auto`` on the first CUDA device if there is one.

    Parameters
    ----------
    name, device : str
    threads : int, optional
        Threads of one pass on the CPU: 1 where many photos are at hand, absent where one is waited for.

    Raises
    ------
    ConfigurationError
        A library that the recipe needs is not installed, or the device is not there.
    """
    try:
        return recipe_spec(name).build(device, threads)
    except ModuleNotFoundError as error:
        if (told := missing(error)) is None:
            raise
        raise ConfigurationError(f"recipe {name}: {told}") from error
