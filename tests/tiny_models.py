"""Small true architectures of timm and transformers at seeded random weights, as folders of a hub."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORDS = ("a", "photo", "of", "red", "car", "dog", "bicycle", "zorgle", "sofa", "on")


def _save_processor(folder: Path, mean: float = 0.5) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [mean] * 3, "image_std": [0.5] * 3}))


def save_tokenizer(folder: Path, length: int) -> None:
    """A tokenizer that knows `WORDS`; every other word is one and the same."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    known = {word: number for number, word in enumerate(("<pad>", "<unk>", "<start>", "<end>", *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 2), ("<end>", 3)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", eos_token="<end>", model_max_length=length
    )
    fast.save_pretrained(folder)


def timm_model(architecture: str, **options: Any) -> Callable[[Path], None]:
    def save(folder: Path) -> None:
        import timm
        from timm.models._hub import save_for_hf

        save_for_hf(
            timm.create_model(architecture, pretrained=False, **options),
            folder,
            model_args=options,
            safe_serialization=True,
        )

    return save


def dinov2(folder: Path) -> None:
    import transformers as hub

    config = hub.Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14, mlp_ratio=2
    )
    hub.AutoModel.from_config(config).save_pretrained(folder)
    _save_processor(folder)


def dinov2_with_registers(folder: Path) -> None:
    import transformers as hub

    config = hub.Dinov2WithRegistersConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14, num_register_tokens=3
    )
    hub.AutoModel.from_config(config).save_pretrained(folder)
    _save_processor(folder)


def clip(folder: Path) -> None:
    import transformers as hub

    shape = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, projection_dim=24)
    config = hub.CLIPConfig(
        vision_config=dict(shape, image_size=64, patch_size=32),
        text_config=dict(
            shape, vocab_size=20, max_position_embeddings=16, eos_token_id=3, bos_token_id=2, pad_token_id=0
        ),
        projection_dim=24,
    )
    hub.AutoModel.from_config(config).save_pretrained(folder)
    _save_processor(folder)
    save_tokenizer(folder, 16)


def siglip(folder: Path) -> None:
    import transformers as hub

    shape = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2)
    config = hub.SiglipConfig(
        vision_config=dict(shape, image_size=64, patch_size=16),
        text_config=dict(
            shape, vocab_size=20, max_position_embeddings=12, eos_token_id=3, bos_token_id=2, pad_token_id=0
        ),
    )
    hub.AutoModel.from_config(config).save_pretrained(folder)
    _save_processor(folder)
    save_tokenizer(folder, 12)


def tipsv2(folder: Path) -> None:
    import transformers as hub

    config = hub.Tipsv2Config(
        vision_config=dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=56, mlp_ratio=2),
        text_config=dict(
            hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, vocab_size=20,
            max_position_embeddings=12,
        ),
    )  # fmt: skip
    hub.AutoModel.from_config(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 56, "width": 56}}))
    save_tokenizer(folder, 12)


TINY: dict[str, Callable[[Path], None]] = {
    "timm/resnet18.tiny": timm_model("resnet18"),
    "timm/vit_tiny_patch16_224.tiny": timm_model("vit_tiny_patch16_224", depth=2, embed_dim=32, num_heads=2),
    "timm/swin_tiny_patch4_window7_224.tiny": timm_model(
        "swin_tiny_patch4_window7_224", embed_dim=16, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2)
    ),
    "tiny/dinov2": dinov2,
    "tiny/registers": dinov2_with_registers,
    "tiny/clip": clip,
    "tiny/siglip": siglip,
    "tiny/tipsv2": tipsv2,
}

EMBEDDERS = {
    "timm:resnet18.tiny": 512,
    "timm:vit_tiny_patch16_224.tiny": 32,
    "timm:swin_tiny_patch4_window7_224.tiny": 128,
    "dinov2:tiny/dinov2": 32,
    "dinov2:tiny/registers": 32,
    "clip:tiny/clip": 24,
    "siglip2:tiny/siglip": 32,
    "tipsv2:tiny/tipsv2": 32,
}
"""Names of embedders on them, with the length of their vectors."""


def save_all(folder: Path) -> Path:
    """Put every model into a folder of weights."""
    import torch

    for name, save in TINY.items():
        place = folder / name
        place.mkdir(parents=True)
        torch.manual_seed(3)
        save(place)
    return folder
