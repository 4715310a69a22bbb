"""Embedders by name: any backbone of timm, DINOv2, and the vision-language models SigLIP 2, CLIP and TIPSv2.

============================ ===================================================== ====================
name                         model unless named                                    text
============================ ===================================================== ====================
``timm:MODEL``               none: ``resnet50.a1_in1k``, or any of ``timm/``'s     no
``dinov2``, ``dinov2:MODEL`` ``facebook/dinov2-small``                             no
``siglip2``, …               ``google/siglip2-base-patch16-224``; SigLIP too       yes
``clip``, …                  ``openai/clip-vit-base-patch32``                      yes
``tipsv2``, …                ``google/tipsv2-b14``                                 yes
============================ ===================================================== ====================

``@REVISION`` behind a model holds it to a commit. Vectors are means under the masks, of unit length, without a fitted
projection: neither centred nor whitened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import plugins
from ..embed.masked_pooling import masked_means
from ..embed.projection import unit
from ..errors import ConfigurationError, WeightsCorruptError
from ..models.fingerprint import fingerprint
from ..models.size import ModelSize
from ..models.weights import HubModel
from ..processes.extras import required
from ..types import Analysis, RgbImage, Segments, Vectors
from .protocols import Embedder
from .specs import EmbedderSpec

if TYPE_CHECKING:
    from ..embed.towers import TextTower
    from ..models.patches import PatchFeatures, PatchInput, PatchNetwork


@dataclass(frozen=True, eq=False, slots=True)
class PatchEmbedder:
    """An embedder that averages a network's patch vectors under each mask."""

    patches: PatchNetwork

    @property
    def size(self) -> ModelSize:
        """The size of the network with its text tower."""
        return ModelSize.of_network(self.patches.network)

    def extract(self, images: Sequence[RgbImage]) -> Sequence[PatchFeatures]:
        """Run one pass over each image, in batches that fit the device."""
        return self.patches.extract(images)

    def embed(self, image: RgbImage, features: PatchFeatures, segments: Segments) -> Analysis:
        """Average under the masks, to unit length."""
        return Analysis(
            segments,
            vectors=unit(masked_means(segments, [features.cells])[0]),
            photo_vector=unit(features.whole),
            fallback=None if len(segments) else unit(features.cells.mean(axis=(0, 1))),
        )


@dataclass(frozen=True, eq=False, slots=True)
class ReadingPatchEmbedder(PatchEmbedder):
    """A patch embedder with a text tower."""

    text: TextTower

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Embed texts in the space of the segments, (N, D), of unit length, cut to the tower's context length."""
        return self.text.embed_texts(texts) if texts else np.zeros((0, self.patches.dim), np.float32)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Family:
    """Models that are used in one way.

    Attributes
    ----------
    default : str
        The model where none is named; empty if one has to be.
    model_types : frozenset of str
        As ``config.json`` names them; empty for timm, where any will do.
    long_side : int
        Of the input, in pixels, where the network takes more than one size. The published sizes are squares, on which
        a segment would have few patches.
    dim : callable
        The length of the vectors, from what ``config.json`` says; what it leaves out has the library's default.
    reads_text : bool
    is_normalised : bool
        Whether pixels are normalised by the model's mean and standard deviation where its files do not say.
    leaves_out_padding : bool
        Whether the text tower is told which tokens pad a text.
    """

    default: str
    model_types: frozenset[str]
    long_side: int
    dim: Callable[[Mapping[str, Any]], int]
    reads_text: bool = False
    is_normalised: bool = True
    leaves_out_padding: bool = False


FAMILIES = {
    "timm": Family(default="", model_types=frozenset(), long_side=512, dim=lambda config: config["num_features"]),
    "dinov2": Family(
        default="facebook/dinov2-small",
        model_types=frozenset({"dinov2", "dinov2_with_registers"}),
        long_side=518,
        dim=lambda config: config.get("hidden_size", 768),
    ),
    "siglip2": Family(
        default="google/siglip2-base-patch16-224",
        model_types=frozenset({"siglip"}),  # that of the second version's models of one input size, too
        long_side=384,
        dim=lambda config: config.get("vision_config", {}).get("hidden_size", 768),
        reads_text=True,
    ),
    "clip": Family(
        default="openai/clip-vit-base-patch32",
        model_types=frozenset({"clip"}),
        long_side=448,
        dim=lambda config: config.get("projection_dim", 512),
        reads_text=True,
    ),
    "tipsv2": Family(
        default="google/tipsv2-b14",
        model_types=frozenset({"tipsv2"}),
        long_side=448,
        dim=lambda config: config.get("vision_config", {}).get("hidden_size", 768),
        reads_text=True,
        is_normalised=False,
        leaves_out_padding=True,
    ),
}


def embedder_spec(name: str) -> EmbedderSpec:
    """The spec of an embedder; loads no network, but may fetch the model's description.

    Parameters
    ----------
    name : str
        One of `FAMILIES`, with a model behind a colon, or the name of a plug-in.

    Raises
    ------
    ConfigurationError
        There is no such embedder, no model is named, or it is a model of another kind.
    PluginError
        The plug-in cannot be used.
    WeightsMissingError, WeightsCorruptError
        The model is not there, or not described.
    """
    kind, _, named = name.partition(":")
    family = FAMILIES.get(kind)
    if family is None:
        return _plugged(name, kind)
    model = HubModel.read(_on_hub(kind, named or family.default), setting=f"SEGSEARCH_RECIPE=…+{name}")
    config = model.described()
    found = config.get("model_type")
    if family.model_types and found not in family.model_types:
        raise ConfigurationError(
            f"SEGSEARCH_RECIPE=…+{name}: {model.name} is a model of type {found}, but {kind} takes "
            f"{' and '.join(sorted(family.model_types))}"
        )
    try:
        dim = int(family.dim(config))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsCorruptError(
            f"config.json of {model.name} does not give the length of its vectors ({error!r}): download it from "
            f"{model.url}"
        ) from error
    return EmbedderSpec(
        family=kind,
        space=fingerprint(f"{kind}-space-1", model.identity(), family.long_side),
        dim=dim,
        reads_text=family.reads_text,
        build=lambda device, threads: _build(kind, model, dim, device, threads),
    )


def _plugged(name: str, kind: str) -> EmbedderSpec:
    from .plugged import plugged_embedder

    found = plugins.plugin(kind, plugins.EMBEDDERS)
    if found is None:
        known = ", ".join([*FAMILIES, *plugins.names(plugins.EMBEDDERS)])
        raise ConfigurationError(f"SEGSEARCH_RECIPE=…+{name}: {kind!r} is none of {known}")
    return plugged_embedder(found, name)


def _on_hub(kind: str, named: str) -> str:
    """The name on the hub, where timm keeps its models under ``timm/``."""
    return f"timm/{named}" if kind == "timm" and named and "/" not in named else named


def _build(kind: str, model: HubModel, dim: int, device: str, threads: int | None) -> Embedder:
    """Load the model on a device."""
    from ..models.passes import Device
    from ..models.patches import PatchNetwork

    where = Device.named(device, threads)
    network, tower, entry = _timm(model) if kind == "timm" else _transformers(kind, model)
    network = network.float().to(where.torch_device)
    patches = PatchNetwork(model.name, network, tower, entry, where, dim)
    if not FAMILIES[kind].reads_text:
        return PatchEmbedder(patches)
    return ReadingPatchEmbedder(patches, _text_tower(kind, model, network, where))


def _timm(model: HubModel) -> tuple[Any, Any, PatchInput]:
    import timm
    import torch

    from ..embed.towers import timm_tower
    from ..models.patches import PatchInput

    place = f"hf-hub:{model.name}@{model.revision}" if model.place is None else f"local-dir:{model.place}"
    with model.reading("timm"):
        network = timm.create_model(place, pretrained=True, num_classes=0)
    chosen = network.pretrained_cfg
    entry = PatchInput(
        mean=tuple(chosen["mean"]),
        std=tuple(chosen["std"]),
        step=32,
        long_side=FAMILIES["timm"].long_side,
        fixed_hw=tuple(chosen["input_size"][1:]) if chosen.get("fixed_input_size") else None,
    )
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last), timm_tower, entry


def _transformers(kind: str, model: HubModel) -> tuple[Any, Any, PatchInput]:
    transformers = required("transformers")

    from ..embed import towers
    from ..models.patches import PatchInput

    network: Any = model.load_network(transformers.AutoModel)
    tower = {
        "dinov2": towers.dinov2_tower,
        "siglip2": towers.siglip_tower,
        "clip": towers.clip_tower,
        "tipsv2": towers.tipsv2_tower,
    }[kind]
    vision = getattr(network.config, "vision_config", network.config)
    pixels = model.described("preprocessor_config.json")
    try:
        mean: tuple[float, ...] = (0.0, 0.0, 0.0)
        std: tuple[float, ...] = (1.0, 1.0, 1.0)
        if pixels.get("do_normalize", FAMILIES[kind].is_normalised):
            mean, std = tuple(map(float, pixels["image_mean"])), tuple(map(float, pixels["image_std"]))
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsCorruptError(
            f"preprocessor_config.json of {model.name} lacks image_mean or image_std: download it again from "
            f"{model.url}"
        ) from error
    return network, tower, PatchInput(mean=mean, std=std, step=vision.patch_size, long_side=FAMILIES[kind].long_side)


def _text_tower(kind: str, model: HubModel, network: Any, where: Any) -> TextTower:
    transformers = required("transformers")

    from ..embed.towers import TextTower

    model.file("tokenizer.json")  # what else may stand for it is read by packages that are not required here
    return TextTower(network, model.load(transformers.AutoTokenizer), where, FAMILIES[kind].leaves_out_padding)
