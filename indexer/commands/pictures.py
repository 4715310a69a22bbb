"""Pictures of results in the terminal.

Terminals that know sixel (iTerm2, WezTerm, foot, Konsole, Windows Terminal) or kitty's protocol show photos, others
blocks of two pixels each.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from retrieval.assembly import Assembly
from retrieval.catalog import ImageRecord
from retrieval.errors import ImageError, RetrievalError
from retrieval.images.decoder_pool import DecoderPool
from retrieval.library.photos import Photos, outlined
from retrieval.processes.extras import required
from retrieval.processes.tables import Console
from retrieval.search.answer import Match
from retrieval.storage import file_names
from retrieval.types import RgbImage

LIBRARY = "textual_image.renderable"
COLUMNS = 36
"""Width of a picture, in characters."""

LONG_SIDE = 360


def obstacle(console: Console) -> str | None:
    """Why no pictures can be shown here; None if they can."""
    if not console.is_terminal:
        return "the output is no terminal"
    if console.is_dumb_terminal or console.color_system is None or os.environ.get("NO_COLOR"):
        return "this terminal shows no colours"
    if sys.stdin is None or not sys.stdin.isatty():
        return "the input is no terminal, which is asked what it can show"
    return None


def renderer() -> Any:
    """What shows a picture on this terminal in the best way that it knows; asks the terminal.

    Raises
    ------
    ConfigurationError
        The library for it is not installed.
    """
    return required(LIBRARY).Image


def print_pictures(assembly: Assembly, console: Console, matches: Sequence[Match], show: Any) -> None:
    """Show the photos of results, each with its segment outlined.

    Parameters
    ----------
    assembly : Assembly
    console : Console
    matches : sequence of Match
    show : callable
        From `renderer`.
    """
    images = assembly.catalog.images.find({match.image_id for match in matches})
    with DecoderPool(1) as decoders:
        photos = Photos(assembly.catalog, assembly.originals, decoders)
        for match in matches:
            image = images.get(match.image_id)
            name = "" if image is None else f", {PurePosixPath(image.displayed).name}"
            console.print(f"photo {match.image_id}{name}", soft_wrap=True)
            if image is None:
                continue
            try:
                pixels = _picture(assembly, photos, image, match)
            except RetrievalError as error:
                console.print(f"  no picture: {error}", soft_wrap=True)
                continue
            console.print(show(Image.fromarray(pixels), width=min(COLUMNS, console.width), height="auto"))


def _picture(assembly: Assembly, photos: Photos, image: ImageRecord, match: Match) -> RgbImage:
    """The thumbnail, or the photo where there is none, with the outline of the segment."""
    try:
        with assembly.files.open(file_names.thumbnail(image.sha256)) as file:
            pixels: RgbImage = np.asarray(Image.open(file).convert("RGB"))
    except OSError:
        pixels = photos.image(image.id, LONG_SIDE)
    if pixels.ndim != 3:
        raise ImageError(f"the picture of photo {image.id} has no pixels")
    if match.segment_id is None:
        return pixels
    return outlined(pixels, photos.mask(match.segment_id, (pixels.shape[0], pixels.shape[1])))
