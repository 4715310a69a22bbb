"""Recipes, segmenters and embedders of other packages (`retrieval.plugins`): checked, and tried on a small picture.

A segmenter alone has the vectors of ``lite``, or those of the embedder behind a plus sign (`paired`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from .. import plugins
from ..errors import ConfigurationError, RetrievalError
from ..models.fingerprint import fingerprint
from ..plugins import Plugin
from ..types import Analysis, RgbImage, Segments
from . import PLUGGED
from . import recipe_spec as spec_of
from .composed import PairedRecipe
from .network import EMBEDDER
from .specs import EmbedderSpec, RecipeSpec, SegmenterSpec

Spec = TypeVar("Spec", RecipeSpec, SegmenterSpec, EmbedderSpec)
Build = Callable[[str, int | None], Any]

_FINGERPRINT = re.compile(r"[\w.+-]{1,51}:[0-9a-f]{12}")

_SEGMENTS = ("size", "batch_size", "concurrency", "extract", "segment")
_EMBEDS = ("size", "extract", "embed")
_PROMPTED = ("prompt_regions", "segment_prompt")


def recipe_spec(name: str) -> RecipeSpec:
    """The spec of a recipe of another package, or of a segmenter with the vectors of ``lite``.

    Raises
    ------
    ConfigurationError
        No package brings it.
    PluginError
        It cannot be used.
    """
    found = segmenter_spec(name)
    if isinstance(found, RecipeSpec):
        return found
    segmenter, lite = found, spec_of(EMBEDDER)
    print_ = fingerprint(f"{name.partition(':')[0]}-1", segmenter.fingerprint, lite.space)

    def built(device: str, threads: int | None) -> Any:
        cut = segmenter.build(device, threads)  # first, for it is the one that may be missing
        return PairedRecipe(print_, lite.space, cut, lite.build(device, threads))

    return replace(lite, name=name, fingerprint=print_, build=built)


def segmenter_spec(name: str) -> RecipeSpec | SegmenterSpec:
    """The spec of what stands before a plus sign: a segmenter of another package, or any recipe.

    Raises
    ------
    ConfigurationError
        There is none of this name.
    PluginError
        It cannot be used.
    """
    from . import NAMES

    family = name.partition(":")[0]
    if family in NAMES:
        return spec_of(name)
    found = plugins.plugin(family, *PLUGGED)
    if found is None:
        raise ConfigurationError(f"SEGSEARCH_RECIPE={name!r} is brought by no package that is installed")
    if found.entry.group == plugins.RECIPES:
        return _plugged_recipe(found, name)
    spec = _spec(found, name, SegmenterSpec)
    _check_fingerprint(found, "fingerprint", spec.fingerprint)
    return replace(spec, build=_tried(found, spec.build, _SEGMENTS, _try_segmenting))


def _plugged_recipe(plugin: Plugin, name: str) -> RecipeSpec:
    spec = replace(_spec(plugin, name, RecipeSpec), name=name)
    _check_fingerprint(plugin, "fingerprint", spec.fingerprint)
    _check_fingerprint(plugin, "space", spec.space)
    _check_dims(plugin, spec.segment_dim, spec.photo_dim)

    def tried(recipe: Any) -> None:
        if (recipe.fingerprint, recipe.space) != (spec.fingerprint, spec.space):
            raise ValueError(f"it is built as {recipe.fingerprint} of {recipe.space}, and specified otherwise")
        _try_segmenting(recipe)
        _try_embedding(recipe, spec.segment_dim, spec.photo_dim, reads_text=spec.reads_text)

    besides = [*(["embed_texts"] if spec.reads_text else []), *(_PROMPTED if spec.takes_prompts else [])]
    asked = (*_SEGMENTS, *_EMBEDS, "fingerprint", "space", *besides)
    return replace(spec, build=_tried(plugin, spec.build, asked, tried))


def plugged_embedder(plugin: Plugin, name: str) -> EmbedderSpec:
    """The spec of an embedder of another package.

    Parameters
    ----------
    plugin : Plugin
    name : str
        The plug-in's, with what stands behind a colon.

    Raises
    ------
    PluginError
        It cannot be used.
    """
    spec = replace(_spec(plugin, name, EmbedderSpec), family=plugin.name)
    _check_fingerprint(plugin, "space", spec.space)
    _check_dims(plugin, spec.dim)
    asked = (*_EMBEDS, *(["embed_texts"] if spec.reads_text else []))

    def tried(embedder: Any) -> None:
        _try_embedding(embedder, spec.dim, spec.dim, reads_text=spec.reads_text)

    return replace(spec, build=_tried(plugin, spec.build, asked, tried))


def _spec(plugin: Plugin, name: str, kind: type[Spec]) -> Spec:
    """What a plug-in says of a name."""
    make = plugin.load()
    try:
        found = make(name)
    except RetrievalError:
        raise
    except Exception as error:  # whatever the other package does
        raise plugin.error(f"fails for the name {name!r} ({type(error).__name__}: {error})") from error
    if not isinstance(found, kind):
        raise plugin.error(f"gives {type(found).__name__}, not a {kind.__name__} of retrieval.recipes.specs")
    return found


def _check_fingerprint(plugin: Plugin, attribute: str, value: object) -> None:
    if not isinstance(value, str) or not _FINGERPRINT.fullmatch(value):
        raise plugin.error(f"has {attribute} {value!r}, which retrieval.models.fingerprint.fingerprint has to make")


def _check_dims(plugin: Plugin, *dims: object) -> None:
    if not all(isinstance(dim, int) and dim > 0 for dim in dims):
        raise plugin.error(f"has vectors of length {', '.join(map(str, dims))}, which has to be a positive number")


def _tried(plugin: Plugin, build: Build, asked: tuple[str, ...], attempt: Callable[[Any], None]) -> Build:
    """A function that builds a part, and uses it only if it has what is asked for and does what it should."""

    def built(device: str, threads: int | None) -> Any:
        try:
            part = build(device, threads)
            missing = [each for each in asked if not hasattr(part, each)]
            if not missing:
                attempt(part)
        except RetrievalError:
            raise
        except Exception as error:  # whatever the other package does
            raise plugin.error(f"fails when it is tried ({type(error).__name__}: {error})") from error
        if missing:
            raise plugin.error(f"lacks {', '.join(dict.fromkeys(missing))}")
        return part

    return built


def _picture() -> RgbImage:
    """Left and right halves, with some noise, (72, 96, 3)."""
    picture = np.random.default_rng(0).integers(0, 40, (72, 96, 3)).astype(np.uint8)
    picture[:, 48:] += 180
    return picture


def _features(part: Any, image: RgbImage) -> Any:
    features = part.extract([image])
    if len(features) != 1:
        raise ValueError(f"extract gives {len(features)} values for 1 image")
    return features[0]


def _try_segmenting(part: Any) -> None:
    image = _picture()
    found = part.segment(image, _features(part, image))
    if not isinstance(found, Segments):
        raise TypeError(f"segment gives {type(found).__name__}, not retrieval.types.Segments")


def _try_embedding(part: Any, segment_dim: int, photo_dim: int, *, reads_text: bool) -> None:
    image = _picture()
    masks = np.zeros((2, *image.shape[:2]), bool)
    masks[0, :, :48], masks[1, :, 48:] = True, True
    segments, features = Segments.from_masks(masks, np.array([0.9, 0.8], np.float32)), _features(part, image)
    for given in (segments, segments[:0]):
        found = part.embed(image, features, given)
        if not isinstance(found, Analysis):
            raise TypeError(f"embed gives {type(found).__name__}, not retrieval.types.Analysis")
        _check_vectors("vectors", found.vectors, (len(given), segment_dim))
        _check_vectors("photo_vector", found.photo_vector, (photo_dim,))
    _check_vectors("fallback, for a photo without segments,", found.fallback, (segment_dim,))
    if reads_text:
        _check_vectors("embed_texts", part.embed_texts(["a word"]), (1, segment_dim))


def _check_vectors(name: str, found: Any, shape: tuple[int, ...]) -> None:
    if np.shape(found) != shape:
        raise ValueError(f"{name} of shape {np.shape(found)} where {shape} is specified")
    if not np.allclose(np.linalg.norm(found, axis=-1), 1, atol=1e-2):  # NaN is close to nothing
        raise ValueError(f"{name} not of unit length")
