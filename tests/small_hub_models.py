"""Small true architectures of transformers for segmentation, at random weights, with their processors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrieval.models.weights import HubModel

CLASSES = {0: "background", 1: "wall", 2: "sky", 3: "tree", 4: "cat"}
Hub = Callable[..., HubModel]
"""Of the fixture ``hub``."""


def small_sam() -> tuple[Any, Any]:
    import transformers as hub

    vision = dict(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=128, patch_size=16, output_channels=32,
        num_pos_feats=16, mlp_dim=32, global_attn_indexes=[1], window_size=4,
    )  # fmt: skip
    decoder = dict(hidden_size=32, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=16)
    prompts = dict(hidden_size=32, image_size=128, patch_size=16)
    config = hub.SamConfig(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder)
    processor = hub.SamImageProcessor(size={"longest_edge": 128}, pad_size={"height": 128, "width": 128})
    return hub.SamModel(config), processor


def small_sam2() -> tuple[Any, Any]:
    import transformers as hub

    backbone = dict(
        model_type="sam2_hiera_det_model", hidden_size=8, image_size=[128, 128], blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64], num_attention_heads_per_stage=[1, 1, 2, 2], global_attention_blocks=[3],
    )  # fmt: skip
    vision = dict(
        backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=32,
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
    )  # fmt: skip
    decoder = dict(hidden_size=32, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=16)
    prompts = dict(hidden_size=32, image_size=128, patch_size=16)
    config = hub.Sam2Config(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder)
    return hub.Sam2Model(config), hub.Sam2ImageProcessor(size={"height": 128, "width": 128})


def small_segformer() -> tuple[Any, Any]:
    import transformers as hub

    config = hub.SegformerConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 24, 32], num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=16,
        id2label=CLASSES,
    )  # fmt: skip
    processor = hub.SegformerImageProcessor(size={"height": 64, "width": 64})
    return hub.SegformerForSemanticSegmentation(config), processor


def small_upernet() -> tuple[Any, Any]:
    import transformers as hub

    stages = ["stage1", "stage2", "stage3", "stage4"]
    backbone = hub.ConvNextConfig(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], out_features=stages)
    config = hub.UperNetConfig(
        backbone_config=backbone, hidden_size=16, auxiliary_in_channels=16, auxiliary_channels=8, id2label=CLASSES
    )
    processor = hub.SegformerImageProcessor(size={"height": 64, "width": 64})
    return hub.UperNetForSemanticSegmentation(config), processor


def small_mask2former() -> tuple[Any, Any]:
    import transformers as hub

    stages = ["stage1", "stage2", "stage3", "stage4"]
    backbone = hub.SwinConfig(
        embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=4, out_features=stages, image_size=64
    )
    config = hub.Mask2FormerConfig(
        backbone_config=backbone, hidden_dim=32, feature_size=32, mask_feature_size=32, encoder_feedforward_dim=16,
        dim_feedforward=16, encoder_layers=1, decoder_layers=2, num_attention_heads=2, num_queries=6, id2label=CLASSES,
    )  # fmt: skip
    processor = hub.Mask2FormerImageProcessor(size={"shortest_edge": 64, "longest_edge": 128}, num_labels=5)
    return hub.Mask2FormerForUniversalSegmentation(config), processor


def small_maskformer() -> tuple[Any, Any]:
    import transformers as hub

    stages = ["stage1", "stage2", "stage3", "stage4"]
    backbone = hub.SwinConfig(
        embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=4, out_features=stages, image_size=64
    )
    decoder = hub.DetrConfig(
        d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=16, decoder_ffn_dim=16, num_queries=6, use_timm_backbone=False,
        backbone_config=hub.ResNetConfig(hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], embedding_size=8),
    )  # fmt: skip
    config = hub.MaskFormerConfig(
        backbone_config=backbone, decoder_config=decoder, fpn_feature_size=32, mask_feature_size=32, id2label=CLASSES
    )
    processor = hub.MaskFormerImageProcessor(size={"shortest_edge": 64, "longest_edge": 128}, num_labels=5)
    return hub.MaskFormerForInstanceSegmentation(config), processor


def small_eomt() -> tuple[Any, Any]:
    import transformers as hub

    config = hub.EomtConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=2, image_size=64, patch_size=16, mlp_ratio=2,
        num_blocks=1, num_queries=6, num_upscale_blocks=1, id2label=CLASSES,
    )  # fmt: skip
    processor = hub.EomtImageProcessor(size={"shortest_edge": 64, "longest_edge": 64}, do_pad=True)
    return hub.EomtForUniversalSegmentation(config), processor


def small_eomt_dinov3() -> tuple[Any, Any]:
    import transformers as hub

    config = hub.EomtDinov3Config(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=2, image_size=64, patch_size=16, intermediate_size=64,
        num_blocks=1, num_queries=6, num_upscale_blocks=1, id2label=CLASSES,
    )  # fmt: skip
    processor = hub.EomtImageProcessor(size={"shortest_edge": 64, "longest_edge": 64}, do_pad=True)
    return hub.EomtDinov3ForUniversalSegmentation(config), processor


def small_rf_detr() -> tuple[Any, Any]:
    import transformers as hub

    backbone = dict(
        model_type="rf_detr_dinov2", hidden_size=32, num_hidden_layers=4, num_attention_heads=2, image_size=64,
        patch_size=16, mlp_ratio=2, num_windows=2, out_features=["stage2", "stage4"],
    )  # fmt: skip
    config = hub.RfDetrConfig(
        backbone_config=backbone, d_model=32, decoder_ffn_dim=32, decoder_layers=2, decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2, num_queries=6, group_detr=1, intermediate_size=32, c2f_num_blocks=1,
        id2label=CLASSES,
    )  # fmt: skip
    return hub.RfDetrForInstanceSegmentation(config), hub.RfDetrImageProcessor(size={"height": 64, "width": 64})


def _sam3_parts(text: dict[str, Any]) -> dict[str, Any]:
    backbone = dict(
        model_type="sam3_vit_model", hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        image_size=56, patch_size=14, window_size=2, global_attn_indexes=[1], pretrain_image_size=28,
    )  # fmt: skip
    vision = dict(backbone_config=backbone, fpn_hidden_size=32, backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]])
    part = dict(hidden_size=32, num_attention_heads=2)
    layers = dict(part, num_layers=1, intermediate_size=32)
    return dict(
        vision_config=vision, text_config=text, geometry_encoder_config=layers, detr_encoder_config=layers,
        detr_decoder_config=dict(layers, num_queries=6), mask_decoder_config=part,
    )  # fmt: skip


def small_sam3() -> tuple[Any, Any]:
    import transformers as hub

    text = dict(
        model_type="clip_text_model", vocab_size=20, hidden_size=32, intermediate_size=48, projection_dim=16,
        num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=12, eos_token_id=3, bos_token_id=2,
        pad_token_id=0,
    )  # fmt: skip
    return hub.Sam3Model(hub.Sam3Config(**_sam3_parts(text))), _sam3_processor()


def small_sam3_lite_text() -> tuple[Any, Any]:
    import transformers as hub

    text = dict(
        vocab_size=20, hidden_size=32, intermediate_size=48, projection_dim=32, num_hidden_layers=3,
        num_attention_heads=2, max_position_embeddings=12,
    )  # fmt: skip
    return hub.Sam3LiteTextModel(hub.Sam3LiteTextConfig(**_sam3_parts(text))), _sam3_processor()


def _sam3_processor() -> Any:
    import transformers as hub

    return hub.Sam3ImageProcessor(size={"height": 56, "width": 56}, mask_size={"height": 16, "width": 16})


SMALL_MODELS = {
    "sam": small_sam,
    "sam2": small_sam2,
    "segformer": small_segformer,
    "upernet": small_upernet,
    "mask2former": small_mask2former,
    "maskformer": small_maskformer,
    "eomt": small_eomt,
    "eomt_dinov3": small_eomt_dinov3,
    "rf_detr": small_rf_detr,
    "sam3": small_sam3,
    "sam3_lite_text": small_sam3_lite_text,
}
