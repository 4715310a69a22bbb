"""Learn words of stuff, of parts and of more things: ``python -m training.learn_words --data FOLDER --recipe lite``.

The direction of a word is the mean of its annotated regions in the space of the recipe, as it is for the words that
`training.fit_projection` learns, and of the recipe's own segments that overlap one by half. Sets that name only what
a photo shows give the best segment at its middle. The projection stays as it is, so that collections need not
be segmented again.

A word is kept if photos that the direction has not seen are ranked well by it, in five folds by photo: see `Figures`.
With ``--recipe lite`` the kept words are written to ``added_words.json``; other recipes learn the words in that file.
No step is random.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, cast

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco
from rich.progress import track

from retrieval.embed.projection import save_words, unit
from retrieval.evaluation.datasets import AnnotatedObject, AnnotatedPhoto, load_photos
from retrieval.images.decode import decode
from retrieval.index.ranking import average_precision
from retrieval.recipes.lite import LiteRecipe, added_words_path, recipe_spec
from retrieval.text.lexicon import ADDED_FILE, read_added_words, read_learned_words, read_wordnet_data
from retrieval.text.vocabulary import Vocabulary
from retrieval.types import Segments, Vectors

from .fit_projection import objects_of
from .photos import fold_numbers, training_photos

logger = logging.getLogger(__name__)
MIN_AREA = 32 * 32
"""Smaller regions are left out, in pixels of the photo."""
LEAST_PHOTOS = 4
"""A word is learned from at least so many photos."""
LEAST_PRECISION = 0.3
"""Average precision of unseen photos from which on a word is kept."""
LEAST_GAIN = 0.2
"""The average precision must be greater than that of a random order by so much."""
ICONIC = "caltech-dev"
"""The set of which only the folder of a photo says what it shows, one thing in its middle."""


EVERY = {"car-parts": 2}
"""Every n-th photo of a set is used, where not all are."""
OTHERS = 4
"""Photos of each folder of `ICONIC` that no word is learned from, among which the others must be found."""


SMALLEST, LARGEST = 0.08, 0.9
"""Shares of a photo of `ICONIC` between which the segment of its thing lies."""


class Source(NamedTuple):
    """What a word is learned from.

    Attributes
    ----------
    words : str
        Synonyms, separated by commas, the name first.
    folder : str
        Of the set of photos.
    categories : str
        Of that set, separated by commas.
    """

    words: str
    folder: str
    categories: str


SOURCES = (
    Source("tree", "coco-panoptic", "tree-merged"),
    Source("sky", "coco-panoptic", "sky-other-merged"),
    Source("wall", "coco-panoptic", "wall-other-merged,wall-tile,wall-brick,wall-stone,wall-wood"),
    Source("table", "coco-panoptic", "table-merged,counter"),
    Source("grass, lawn, meadow", "coco-panoptic", "grass-merged"),
    Source("playing field, sports field", "coco-panoptic", "playingfield"),
    Source("building", "coco-panoptic", "building-other-merged,house,roof"),
    Source("house", "coco-panoptic", "house"),
    Source("sidewalk, pavement", "coco-panoptic", "pavement-merged"),
    Source("fence", "coco-panoptic", "fence-merged"),
    Source("light", "coco-panoptic", "light"),
    Source("paper, sheet of paper", "coco-panoptic", "paper-merged"),
    Source("floor", "coco-panoptic", "floor-other-merged,floor-wood"),
    Source("soil, dirt, ground", "coco-panoptic", "dirt-merged"),
    Source("road, street", "coco-panoptic", "road"),
    Source("ceiling", "coco-panoptic", "ceiling-merged"),
    Source("cupboard, cabinet", "coco-panoptic", "cabinet-merged"),
    Source("door", "coco-panoptic", "door-stuff"),
    Source("window", "coco-panoptic", "window-other,window-blind"),
    Source("curtain", "coco-panoptic", "curtain"),
    Source("water", "coco-panoptic", "sea,river,water-other"),
    Source("sea, ocean", "coco-panoptic", "sea"),
    Source("rug, carpet", "coco-panoptic", "rug-merged"),
    Source("mountain", "coco-panoptic", "mountain-merged"),
    Source("snow", "coco-panoptic", "snow"),
    Source("car wheel, wheel", "car-parts", "wheel"),
    Source("car door", "car-parts", "front_left_door,back_left_door,front_right_door,back_right_door"),
    Source("headlight, headlamp", "car-parts", "front_left_light,front_right_light"),
    Source("taillight, tail lamp", "car-parts", "back_left_light,back_right_light"),
    Source("windshield, windscreen", "car-parts", "front_glass"),
    Source("rear window", "car-parts", "back_glass"),
    Source("bumper, fender", "car-parts", "front_bumper,back_bumper"),
    Source("car hood, engine hood, hood of a car", "car-parts", "hood"),
    Source("car mirror, wing mirror, side mirror", "car-parts", "left_mirror,right_mirror"),
    Source("meat", "dishes", "meat,steak,fried_chicken"),
    Source("steak", "dishes", "steak"),
    Source("vegetable", "dishes", "vegetable"),
    Source("face, human face", "caltech-dev", "Faces,Faces_easy"),
    Source("helicopter, chopper", "caltech-dev", "helicopter"),
    Source("sunflower", "caltech-dev", "sunflower"),
    Source("pigeon, dove", "caltech-dev", "pigeon"),
    Source("headphones, headphone, earphones", "caltech-dev", "headphone"),
    Source("wheelchair", "caltech-dev", "wheelchair"),
    Source("ferry, ferryboat", "caltech-dev", "ferry"),
    Source("kangaroo", "caltech-dev", "kangaroo"),
    Source("octopus", "caltech-dev", "octopus"),
    Source("dolphin", "caltech-dev", "dolphin"),
    Source("buddha", "caltech-dev", "buddha"),
    Source("pyramid", "caltech-dev", "pyramid"),
    Source("pagoda", "caltech-dev", "pagoda"),
    Source("lotus, water lily", "caltech-dev", "lotus,water_lilly"),
    Source("bonsai", "caltech-dev", "bonsai"),
    Source("chandelier", "caltech-dev", "chandelier"),
    Source("dinosaur", "caltech-dev", "stegosaurus,brontosaurus"),
)
"""The words that are tried."""


@dataclass(frozen=True, eq=False, slots=True)
class DescribedPhoto:
    """One photo.

    Attributes
    ----------
    folder : str
        Of its set.
    vectors : ndarray of shape (N, D), float32
        Of the recipe's segments.
    regions : ndarray of shape (R, D), float32
        Of annotated regions, and of segments that overlap one by half.
    names : tuple of str
        The categories of the regions, R.
    """

    folder: str
    vectors: Vectors
    regions: Vectors
    names: tuple[str, ...]


class Figures(NamedTuple):
    """How well a word ranks photos that it has not seen, as average precisions.

    Attributes
    ----------
    photos : int
        That show it.
    chance : float
        Of a random order.
    before : float
        By the classes of the classifier that the word stands for; 0 without any.
    precision : float
        By the learned word, together with those classes.
    """

    photos: int
    chance: float
    before: float
    precision: float

    @property
    def is_good(self) -> bool:
        """Whether the word is kept."""
        enough = self.precision >= max(LEAST_PRECISION, self.chance + LEAST_GAIN, self.before)
        return self.photos >= LEAST_PHOTOS and enough


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--recipe", "name", type=click.Choice(["lite", "lite-crops"]), default="lite", show_default=True)
@click.option("--device", default="auto", show_default=True)
def main(data: Path, name: str, device: str) -> None:
    """Write ``retrieval/data/RECIPE-words.safetensors`` and, for lite, ``added_words.json``."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = cast("LiteRecipe", recipe_spec(name).build(device, None))
    if name == "lite":
        described = list(describe(recipe, data, SOURCES, whole=True))
        kept = [
            source for source in SOURCES if _is_good(source, measure(described, source, known_rows(recipe, source)))
        ]
        ADDED_FILE.write_text(render([source.words.split(", ") for source in kept]), encoding="ascii")
    else:
        by_name = {source.words.split(", ")[0]: source for source in SOURCES}
        kept = [by_name[words[0]] for words in read_added_words()]
        described = list(describe(recipe, data, kept, whole=False))
    save_words(np.stack([direction(described, source) for source in kept]), added_words_path(name))


def _is_good(source: Source, figures: Figures) -> bool:
    verdict = "" if figures.is_good else ", left out"
    logger.info("%s: %d photos, AP by chance %.2f, before %.2f, learned %.2f%s", source.words, *figures, verdict)
    return figures.is_good


def describe(recipe: LiteRecipe, data: Path, sources: Sequence[Source], *, whole: bool) -> Iterator[DescribedPhoto]:
    """Describe the photos that words are learned from.

    Parameters
    ----------
    recipe : LiteRecipe
    data : Path
    sources : sequence of Source
    whole : bool
        Whether all segments are described, as `measure` needs it, or only the regions of the words.
    """
    for folder in sorted({source.folder for source in sources}):
        wanted = {name for each in sources if each.folder == folder for name in each.categories.split(",")}
        for photo in track(photos_of(data, folder), description=folder):
            objects = tuple(each for each in photo.objects if each.category in wanted)
            is_iconic = folder == ICONIC and photo.path.parent.name in wanted
            if not (whole or objects or is_iconic):
                continue
            image = decode(photo.path, long_side=recipe.parameters.large_side).rgb
            features = recipe.extract([image])[0]
            found = recipe.segment(image, features)
            vectors = regions = np.zeros((0, recipe.projection.segment.components.shape[1]), np.float32)
            names: list[str] = []
            if whole:
                vectors = recipe.projection.segment.apply(recipe.describe(image, features, found))
            if objects or is_iconic:
                masks, names = objects_of(replace(photo, objects=objects), found) if objects else thing_of(photo, found)
                regions = recipe.projection.segment.apply(recipe.describe(image, features, masks))
            yield DescribedPhoto(folder, vectors, regions, tuple(names))


def photos_of(data: Path, folder: str) -> list[AnnotatedPhoto]:
    """The photos of a set; those of `ICONIC` have one object, of unknown extent."""
    if folder == "coco-panoptic":
        return list(load_panoptic(data))
    if folder == ICONIC:
        wanted = {name for source in SOURCES if source.folder == ICONIC for name in source.categories.split(",")}
        of_kind: Counter[str] = Counter()
        photos = []
        for path in training_photos(data, {folder: 1}):
            of_kind[path.parent.name] += 1
            if path.parent.name in wanted or of_kind[path.parent.name] <= OTHERS:
                photos.append(AnnotatedPhoto(path, ()))
        return photos
    return load_photos(data / folder, min_area=MIN_AREA)[:: EVERY.get(folder, 1)]


def load_panoptic(data: Path) -> Iterator[AnnotatedPhoto]:
    """Read the photos of ``coco-panoptic``, things and stuff."""
    stored = json.loads((data / "coco-panoptic" / "labels.json").read_text(encoding="utf-8"))
    for name, segments in sorted(stored["segments"].items()):
        with Image.open(data / "coco-panoptic" / "masks" / f"{name}.png") as opened:
            labels = np.asarray(opened)
        runs = [(each["category"], labels == each["value"]) for each in segments]
        objects = tuple(
            AnnotatedObject(category, dict(coco.encode(np.asfortranarray(mask, np.uint8))))
            for category, mask in runs
            if mask.sum() >= MIN_AREA
        )
        yield AnnotatedPhoto(data / "coco-dev" / "images" / f"{name}.jpg", objects)


def thing_of(photo: AnnotatedPhoto, found: Segments) -> tuple[Segments, list[str]]:
    """The best segment at a photo's middle that is neither very small nor the whole photo, named by the folder."""
    height, width = found.size_hw
    covering = found.membership[:, found.atoms[height // 2, width // 2]]
    shares = found.areas / (height * width)
    rows = np.flatnonzero(covering & (shares > SMALLEST) & (shares < LARGEST))
    return found[rows[:1] if len(rows) else slice(0, 1)], [photo.path.parent.name]


def direction(photos: Sequence[DescribedPhoto], source: Source) -> Vectors:
    """The unit vector of a word, (D,): the mean of its regions; zero without any."""
    wanted = set(source.categories.split(","))
    regions = [
        vector
        for photo in photos
        if photo.folder == source.folder
        for vector, name in zip(photo.regions, photo.names, strict=True)
        if name in wanted
    ]
    return unit(np.mean(regions, axis=0)) if regions else np.zeros(photos[0].vectors.shape[1], np.float32)


def known_rows(recipe: LiteRecipe, source: Source) -> Vectors:
    """The classifier's rows that a word stands for, (R, D)."""
    vocabulary = Vocabulary(read_wordnet_data(), read_learned_words())
    reading = vocabulary.read(source.words.split(", ")[0])
    rows = reading.understood[0].rows if len(reading.understood) == 1 and not reading.unknown else ()
    return recipe.projection.word_vectors[list(rows)]


def measure(photos: Sequence[DescribedPhoto], source: Source, known: Vectors) -> Figures:
    """Rank the photos of a word's set by directions that have not seen them, in five folds by photo.

    Parameters
    ----------
    photos : sequence of DescribedPhoto
        Of all sets.
    source : Source
    known : ndarray of shape (R, D), float32
        The classifier's rows that the word stands for; as in searches, they move half way.
    """
    own = [photo for photo in photos if photo.folder == source.folder]
    wanted = set(source.categories.split(","))
    shows = np.array([bool(wanted & set(photo.names)) for photo in own])
    folds = fold_numbers(len(own))
    scores = np.zeros(len(own))
    for fold in np.unique(folds):
        learned = direction([photo for photo, each in zip(own, folds, strict=True) if each != fold], source)
        directions = unit(known + learned) if len(known) else learned[None]
        rows = np.flatnonzero(folds == fold)
        scores[rows] = [(own[row].vectors @ directions.T).max() for row in rows]
    before = _precision(shows, np.array([(photo.vectors @ known.T).max() for photo in own])) if len(known) else 0.0
    return Figures(int(shows.sum()), float(shows.mean()), before, _precision(shows, scores))


def _precision(shows: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    return average_precision(shows[np.argsort(-scores, kind="stable")], int(shows.sum()))


def render(words: Sequence[Sequence[str]]) -> str:
    """Write lists of synonyms as JSON, one a line."""
    return "[\n" + ",\n".join(json.dumps(list(each)) for each in words) + "\n]\n"


if __name__ == "__main__":
    main()
