"""A segmenter of vertical stripes, and an embedder by the colours under each mask."""

import numpy as np

from retrieval.embed.mean_color import mean_colors
from retrieval.models.fingerprint import fingerprint
from retrieval.models.size import ModelSize
from retrieval.recipes.specs import EmbedderSpec, SegmenterSpec
from retrieval.types import Analysis, Segments


class Stripes:
    size, batch_size, concurrency = ModelSize(), 1, 1

    def __init__(self, count):
        self.count = count

    def extract(self, images):
        return [None] * len(images)

    def segment(self, image, features):
        stripe = np.arange(image.shape[1]) * self.count // image.shape[1]
        masks = np.broadcast_to(stripe == np.arange(self.count)[:, None, None], (self.count, *image.shape[:2]))
        found = Segments.from_masks(masks.copy(), np.linspace(0.9, 0.1, self.count, dtype=np.float32))
        return found if np.ptp(image, axis=(0, 1)).max() > 0 else found[:0]


class Tones:
    size = ModelSize()

    def extract(self, images):
        return [None] * len(images)

    def embed(self, image, features, segments):
        whole = Segments(np.zeros(segments.size_hw, np.int32), np.ones((1, 1), bool), np.ones(1, np.float32))
        photo = mean_colors(image, whole)[0]
        return Analysis(segments, mean_colors(image, segments), photo, fallback=photo)


def segmenter(name):
    count = int(name.partition(":")[2] or 4)
    return SegmenterSpec(fingerprint=fingerprint("stripes-1", count), build=lambda device, threads: Stripes(count))


def embedder(name):
    space = fingerprint("tones-1")
    return EmbedderSpec(family="tones", space=space, dim=6, reads_text=False, build=lambda device, threads: Tones())
