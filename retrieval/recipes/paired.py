"""A segmenter and an embedder by their names, ``SEGMENTER+EMBEDDER``: ``lite+dinov2``, ``sam2+siglip2``.

What stands before the plus sign is a segmenter, or a recipe whose segments and names are kept; its vectors are not.
A projection that was fitted to a collection may follow: ``lite+dinov2+projection:FILE`` (`projected`).
With a vision-language model behind it, words are read by the model's text tower.
"""

from __future__ import annotations

from ..errors import ConfigurationError
from ..models.fingerprint import fingerprint
from .composed import PairedRecipe, ReadingPairedRecipe
from .plugged import segmenter_spec
from .projected import embedder_spec
from .specs import RecipeSpec


def recipe_spec(name: str) -> RecipeSpec:
    """A recipe's spec.

    Raises
    ------
    ConfigurationError
        One of the two is not there, or what is before the plus is no segmenter of its own.
    PluginError
        A plug-in cannot be used.
    """
    first, _, second = name.partition("+")
    if first == "lite-crops":
        raise ConfigurationError(f"SEGSEARCH_RECIPE={name}: lite-crops is lite with other vectors; use lite+{second}")
    segmenter, embedder = segmenter_spec(first), embedder_spec(second)
    print_ = fingerprint(f"{first.partition(':')[0]}+{embedder.family}-1", segmenter.fingerprint, embedder.space)

    def built(device: str, threads: int | None) -> PairedRecipe:
        loaded = embedder.build(device, threads)  # first, for it is the one that may be missing
        kind = ReadingPairedRecipe if embedder.reads_text else PairedRecipe
        if isinstance(segmenter, RecipeSpec):
            recipe = segmenter.build(device, threads)
            return kind(print_, embedder.space, recipe, loaded, recipe)
        return kind(print_, embedder.space, segmenter.build(device, threads), loaded)

    return RecipeSpec(
        name=name,
        fingerprint=print_,
        space=embedder.space,
        segment_dim=embedder.dim,
        photo_dim=embedder.dim,
        word_vectors=None,
        reads_text=embedder.reads_text,
        takes_prompts=isinstance(segmenter, RecipeSpec) and segmenter.takes_prompts,
        is_centred=embedder.is_centred,
        build=built,
    )
