"""What is told of models without loading them, compared with what is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from retrieval.recipes import NAMES, load
from retrieval.recipes.embedders import FAMILIES
from retrieval.recipes.facts import EMBEDDERS, NOT_MEASURED, RECIPES, facts_of


def test_of_every_recipe_and_embedder() -> None:
    assert set(RECIPES) == {name.removesuffix("-crf") for name in NAMES}
    assert set(EMBEDDERS) == set(FAMILIES)
    for name in (*NAMES, *(f"+{family}" for family in FAMILIES)):
        facts = facts_of(name)
        assert facts.licence
        assert facts.measured == NOT_MEASURED or facts.measured.startswith("docs/")
        assert (facts.parameters is None) == (facts.is_gated is None)


def test_of_a_model_that_is_named_little_is_known() -> None:
    for name in ("sam:owner/model", "sam3:owner/model", "+clip:owner/model", "plugin", "semantic:a/b"):
        assert (facts_of(name).is_gated, facts_of(name).parameters, facts_of(name).megabytes) == (None, None, None)
    assert facts_of("sam3").is_gated
    assert facts_of("lraspp-crf").megabytes == pytest.approx(12.8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lite", "lite-crops", "lite-unlearned", "psp", "grid"])
def test_sizes_of_those_that_come_with_the_program(name: str) -> None:
    size, facts = load(name, "cpu").size, facts_of(name)
    assert facts.parameters == pytest.approx(size.parameters / 1e6, abs=0.05)
    assert facts.megabytes == pytest.approx(size.bytes / 1e6, abs=0.05)


@pytest.mark.slow
def test_parameters_of_torchvision_s_networks() -> None:
    from torchvision.models import detection, segmentation

    weights = {
        "maskrcnn": detection.MaskRCNN_ResNet50_FPN_Weights.COCO_V1,
        "maskrcnn-v2": detection.MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1,
        "fcn-resnet50": segmentation.FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1,
        "fcn-resnet101": segmentation.FCN_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1,
        "deeplabv3-resnet50": segmentation.DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1,
        "deeplabv3-resnet101": segmentation.DeepLabV3_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1,
        "deeplabv3-mobilenet": segmentation.DeepLabV3_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1,
        "lraspp": segmentation.LRASPP_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1,
    }
    for name, source in weights.items():
        assert facts_of(name).parameters == pytest.approx(source.meta["num_params"] / 1e6, abs=0.1), name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sam", "sam2", "sam3", "+clip", "+tipsv2", "+siglip2", "+dinov2"])
def test_parameters_of_the_published_architectures(name: str) -> None:
    """Built at their true size, without memory for the weights."""
    import torch
    import transformers as hub

    def built() -> Any:
        if name == "+siglip2":
            return hub.SiglipModel(hub.SiglipConfig(text_config=dict(vocab_size=256000)))
        if name == "+dinov2":
            return hub.Dinov2Model(
                hub.Dinov2Config(hidden_size=384, num_attention_heads=6, image_size=518, patch_size=14)
            )
        config, kind = {
            "sam": (hub.SamConfig, hub.SamModel),
            "sam2": (hub.Sam2Config, hub.Sam2Model),
            "sam3": (hub.Sam3Config, hub.Sam3Model),
            "+clip": (hub.CLIPConfig, hub.CLIPModel),
            "+tipsv2": (hub.Tipsv2Config, hub.Tipsv2Model),
        }[name]
        return kind(config())

    with torch.device("meta"):
        network = built()
    counted = sum(each.numel() for each in network.parameters()) / 1e6
    assert facts_of(name).parameters == pytest.approx(counted, rel=0.01)
