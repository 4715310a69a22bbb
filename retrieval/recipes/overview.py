"""Which recipes there are: what each is for, under which licence, and whether it can be used here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from .. import plugins
from ..errors import RetrievalError
from ..models.weights import HubModel, torchvision_place, weights_folder
from ..processes.extras import missing
from . import NAMES, PLUGGED, recipe_spec
from .facts import NOT_STATED, OF_THE_MODEL, facts_of
from .specs import RecipeSpec

Weights = Literal["included", "here", "to download", "missing", "not known"]
"""Weights come with the program, are on this machine, are downloaded at the first use, or have to be placed."""

_LITE = "those of lite"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeOverview:
    """One recipe.

    Attributes
    ----------
    name : str
    segments, vectors : str
        What its segments are, and where their vectors come from.
    licence : str
        Of the weights.
    weights : Weights
    package : str
        Which package brings it; empty for SegSearch.
    spec : RecipeSpec or None
        None if it cannot be used here.
    fault : str or None
        Why not, and what to do.
    """

    name: str
    segments: str
    vectors: str = _LITE
    licence: str = NOT_STATED
    weights: Weights = "not known"
    package: str = ""
    spec: RecipeSpec | None = None
    fault: str | None = None


_SEGMENTS = {
    "lite": "learned hierarchy of regions",
    "lite-crops": "those of lite",
    "lite-unlearned": "hierarchy of regions by colour and features",
    "grid": "cells of a grid, for trials",
    "maskrcnn": "instances of COCO's 80 classes",
    "fcn": "connected parts of VOC's 20 classes",
    "deeplabv3": "connected parts of VOC's 20 classes",
    "lraspp": "connected parts of VOC's 20 classes, by a small network",
    "psp": "connected parts of VOC's 20 classes and of stuff",
    "sam": "masks of a grid of points",
    "sam2": "masks of a grid of points",
    "sam3": "all things that SEGSEARCH_CONCEPTS names, each by itself",
    "semantic": "connected parts of the classes of a model of the hub",
    "instance": "things and stuff of a model of the hub, each by itself",
}
"""By the name, or what precedes its first hyphen."""

_VECTORS = {
    "lite": "masked pooling of two passes",
    "lite-crops": "those of lite, with crops beside",
    "grid": "mean colour",
}


def overview(current: str) -> list[RecipeOverview]:
    """All recipes by name, those of plug-ins included, and the `current` one if it is a pair or names a model.

    Loads no network, but imports plug-ins. Files of hub models in ``SEGSEARCH_WEIGHTS`` are read once a process, at
    about a second a gigabyte.
    """
    found = [_own(name) for name in NAMES]
    found += _plugged()
    if current not in {each.name for each in found}:
        found.append(_named(current))
    return found


def _own(name: str) -> RecipeOverview:
    segments = _SEGMENTS.get(name) or _SEGMENTS[name.partition("-")[0]]
    if name.endswith("-crf"):
        segments += ", refined by a dense CRF"
    weights, fault = _weights(name)
    facts = facts_of(name)
    licence = f"{facts.licence}; access is granted on the model's page" if facts.is_gated else facts.licence
    spec = None
    if fault is None:
        spec, fault = _spec(name)
    vectors = _VECTORS.get(name, _LITE)
    return RecipeOverview(
        name=name, segments=segments, vectors=vectors, licence=licence, weights=weights, spec=spec, fault=fault
    )


def _named(name: str) -> RecipeOverview:
    """A pair, or a recipe on a model that is named."""
    first, plus, second = name.partition("+")
    spec, fault = _spec(name)
    segments = _SEGMENTS.get(first.partition(":")[0], f"those of {first}")
    vectors = f"means of the patches of {second}" if plus else _LITE
    return RecipeOverview(name=name, segments=segments, vectors=vectors, licence=OF_THE_MODEL, spec=spec, fault=fault)


def _plugged() -> Iterator[RecipeOverview]:
    for group in PLUGGED:
        for each in plugins.plugins(group):
            fault = plugins.fault_of(each, NAMES, PLUGGED)
            spec = None
            if fault is None:
                spec, fault = _spec(each.name)
            yield RecipeOverview(
                name=each.name, segments="of a plug-in", package=each.distribution, spec=spec, fault=fault,
                vectors=_LITE if group == plugins.SEGMENTERS else "its own",
            )  # fmt: skip


def _spec(name: str) -> tuple[RecipeSpec | None, str | None]:
    try:
        return recipe_spec(name), None
    except RetrievalError as error:
        return None, str(error)


def _weights(name: str) -> tuple[Weights, str | None]:
    """Where the weights of a recipe of ours are, and why it cannot be used if something is missing."""
    from .maskrcnn import WEIGHTS as INSTANCES
    from .pixel_classes import WEIGHTS as CLASSES
    from .sam import MODELS
    from .sam3 import MODEL

    hub_models = {**MODELS, "sam3": MODEL}
    if name.startswith("lite") or name in ("grid", "psp"):
        return "included", None
    if name in ("semantic", "instance"):
        return "not known", f"name a model of the hub behind a colon: SEGSEARCH_RECIPE={name}:OWNER/MODEL"
    fault = next((told for library in _libraries(name) if (told := _not_installed(library))), None)
    if name in hub_models:
        model = HubModel.read(hub_models[name], setting=name)
        here, place, source = model.is_here, model.place, model.name
    else:
        file = (INSTANCES | CLASSES)[name.removesuffix("-crf")]
        place = torchvision_place(file)
        here, source = place.is_file(), file
    if here:
        return "here", fault
    if weights_folder() is None:
        return "to download", fault
    return "missing", fault or f"{source} is missing: place it at {place}"


def _libraries(name: str) -> tuple[str, ...]:
    return ("torch", "transformers") if name.startswith("sam") else ("torch", "torchvision")


def _not_installed(library: str) -> str | None:
    if find_spec(library) is not None:
        return None
    return str(missing(ModuleNotFoundError(name=library)))
