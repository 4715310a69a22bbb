"""Pictures, photos and recipes whose answer is seen by eye."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from retrieval.assembly import Assembly
from retrieval.catalog import Catalog, Concepts, IngestQueue, NearDuplicates, QueryStore, Trash, open_sessions
from retrieval.catalog.records import SegmentRecord
from retrieval.embed.projection import unit
from retrieval.images.masks import encode_mask
from retrieval.index.files import IndexFiles
from retrieval.index.following import CatalogFollower
from retrieval.index.local import LocalIndex
from retrieval.index.published import PublishedShards
from retrieval.index.sources import Source, photos_of, segments_of
from retrieval.recipes import RecipeSpec
from retrieval.search.engine import SearchEngine
from retrieval.settings import Settings
from retrieval.storage.copies import Copies
from retrieval.storage.file_locks import FolderLocks
from retrieval.storage.file_store import FolderFiles
from retrieval.storage.locations import SeenFile, uri_of
from retrieval.storage.own_files import OwnFiles
from retrieval.text.vocabulary import Vocabulary
from retrieval.types import Analysis, AnalyzedImage, Ids, Segments, Vectors

TOY = "toy:1"
SIZE = (96, 72)


def drawing(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """A background with a few rectangles and ellipses, another for every seed."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", size, tuple(rng.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(picture)
    for _ in range(4):
        x0, y0 = rng.integers(0, [max(1, size[0] - 8), max(1, size[1] - 8)]).tolist()
        box = (x0, y0, x0 + int(rng.integers(4, size[0])), y0 + int(rng.integers(4, size[1])))
        shape = draw.rectangle if rng.random() < 0.5 else draw.ellipse
        shape(box, fill=tuple(rng.integers(0, 256, 3).tolist()))
    return picture


@dataclass
class Pictures:
    """Draws picture files into a folder."""

    folder: Path
    _seeds: itertools.count[int] = field(default_factory=lambda: itertools.count(1000))

    def __call__(self, name: str = "", *, seed: int | None = None, size: tuple[int, int] = SIZE) -> Path:
        """One picture, new unless a seed is given; its format follows its name."""
        seed = next(self._seeds) if seed is None else seed
        path = self.folder / (name or f"{seed:04}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        drawing(seed, size).save(path)
        return path

    def many(self, count: int) -> list[Path]:
        """Several pictures, PNG and JPEG by turns."""
        return [self(f"{n:03}.{'png' if n % 2 else 'jpg'}") for n in range(count)]

    def flat(self, name: str = "flat.png") -> Path:
        """A picture of one colour, which holds no segment."""
        self.folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SIZE, "teal").save(self.folder / name)
        return self.folder / name

    def halves(self, name: str, left: str, right: str) -> Path:
        """A picture whose halves have a colour each."""
        self.folder.mkdir(parents=True, exist_ok=True)
        picture = Image.new("RGB", SIZE, left)
        picture.paste(right, (SIZE[0] // 2, 0, *SIZE))
        picture.save(self.folder / name)
        return self.folder / name


def strips(count: int, size_hw: tuple[int, int] = (8, 40)) -> NDArray[np.bool_]:
    """Masks of vertical strips side by side, (count, H, W)."""
    column = np.arange(size_hw[1]) * count // size_hw[1]
    return np.broadcast_to(column == np.arange(count)[:, None, None], (count, *size_hw)).copy()


def held_ids(index: LocalIndex) -> Ids:
    """Ids that a search of an index can return, rising."""
    return np.sort(np.concatenate([np.zeros(0, np.int64), *(shard.ids[shard.alive()] for shard in index.shards)]))


def random_units(rng: np.random.Generator, count: int, dim: int) -> Vectors:
    """Unit vectors that float16 holds exactly enough to be compared with what a catalogue gives back."""
    return unit(rng.standard_normal((count, dim))).astype(np.float16).astype(np.float32)


def analysis(
    vectors: Sequence[Sequence[float]] | Vectors,
    masks: NDArray[np.bool_] | None = None,
    photo_vector: Sequence[float] | None = None,
    quality: Sequence[float] | None = None,
    labels: Sequence[str | None] = (),
    fallback: Sequence[float] | None = None,
    colors: NDArray[np.uint8] | None = None,
) -> Analysis:
    """What a recipe might have found; strips of falling quality unless told otherwise."""
    count = len(vectors)
    if masks is None:
        masks = strips(count) if count else np.zeros((0, 8, 40), bool)
    ranks = np.linspace(0.9, 0.1, count, dtype=np.float32) if quality is None else np.array(quality, np.float32)
    segments = Segments.from_masks(masks, ranks, labels)
    whole = np.array([1, 0, 0, 0] if photo_vector is None else photo_vector, np.float32)
    rows = np.array(vectors, np.float32).reshape(count, len(vectors[0]) if count else len(whole))
    return Analysis(segments, rows, whole, None if fallback is None else np.array(fallback, np.float32), colors)


@dataclass
class ToyLibrary:
    """A catalogue filled by hand, on a recipe that does not exist."""

    folder: Path
    dim: int = 4
    words: Vectors | None = None
    recipe: str = TOY

    def __post_init__(self) -> None:
        self.sessions = open_sessions(Settings.in_data_dir(self.folder).database_url)
        self.catalog, self.ingest_queue = Catalog(self.sessions), IngestQueue(self.sessions)
        self.queries = QueryStore(self.sessions)
        copies = Copies(Settings.in_data_dir(self.folder))
        files = OwnFiles(
            FolderFiles(self.folder), FolderLocks(self.folder), copies, self.catalog.locations, self.queries
        )
        self.trash = Trash(self.sessions, self.catalog.images, files, days=30)
        self._names = itertools.count(1)

    @property
    def url(self) -> str:
        """The URL of the catalogue."""
        return self.sessions.engine.url.render_as_string(hide_password=False)

    def register(self, name: str = "") -> int:
        """A pending photo."""
        number = next(self._names)
        digest = f"{number:032}{abs(hash(str(self.folder))) % 10**16:032}"
        seen = SeenFile(uri_of(Path(f"/toys/{name or number}.png")), digest, 100 + number, 1)
        return self.catalog.locations.register([seen])[0].image_id

    def add(self, found: Analysis, *, size_hw: tuple[int, int] = (80, 400), recipe: str = "") -> int:
        """An analysed photo, ten times as large as its masks."""
        image_id = self.register()
        self.ingest_queue.claim("toys", 1000)
        self.finish(image_id, found, size_hw=size_hw, recipe=recipe)
        return image_id

    def finish(
        self, image_id: int, found: Analysis, *, size_hw: tuple[int, int] = (80, 400), recipe: str = "", owner: str = ""
    ) -> int:
        """Commit what was found of a claimed photo."""
        entry = AnalyzedImage(format="PNG", size_hw=size_hw, taken_at=None, analysis=found)
        return self.ingest_queue.finish(owner or "toys", {image_id: entry}, recipe or self.recipe)

    def published_segments(self) -> PublishedShards:
        """What is written of the index of segments."""
        source = segments_of(self.catalog, self.recipe)
        return PublishedShards(IndexFiles(self.folder / "segments"), source, self.recipe, self.dim)

    def followed_segments(self, *, gpu: int | None = None) -> CatalogFollower:
        """The index of segments, opened anew."""
        return self._followed("segments", segments_of(self.catalog, self.recipe), gpu)

    def followed_photos(self) -> CatalogFollower:
        """The index of photos, opened anew."""
        return self._followed("photos", photos_of(self.catalog, self.recipe))

    def _followed(self, name: str, source: Source, gpu: int | None = None) -> CatalogFollower:
        index = LocalIndex(IndexFiles(self.folder / name), source, self.recipe, self.dim, gpu=gpu)
        return CatalogFollower(index, source, self.catalog, self.recipe)

    def engine(self) -> SearchEngine:
        """A search engine that has caught up."""
        card = RecipeSpec(
            name="toy",
            fingerprint=self.recipe,
            space=self.recipe,
            segment_dim=self.dim,
            photo_dim=self.dim,
            word_vectors=self.words,
            build=lambda *_: (_ for _ in ()).throw(AssertionError("a search needs no network")),
        )
        engine = SearchEngine(
            catalog=self.catalog,
            queries=self.queries,
            concepts=Concepts(self.sessions),
            duplicates=NearDuplicates(self.sessions),
            followed_segments=self.followed_segments(),
            followed_photos=self.followed_photos(),
            recipe=card,
            vocabulary=Vocabulary.load(),
        )
        engine.refresh()
        return engine

    def segment_ids(self, image_id: int) -> list[int]:
        """Ids of a photo's segments."""
        return [segment.id for segment in self.catalog.segments.of_image(image_id)]

    def close(self) -> None:
        """Let go of the database."""
        self.sessions.kw["bind"].dispose()


@dataclass
class Ingested:
    """An installation on the `grid` recipe whose photos were ingested."""

    assembly: Assembly
    photos: Path
    paths: list[Path]

    @property
    def ids(self) -> list[int]:
        """Ids of the photos, in the order of `paths`."""
        known = self.assembly.catalog.locations.known([uri_of(path) for path in self.paths])
        return [known[uri_of(path)].image_id for path in self.paths]


def close(assembly: Assembly) -> None:
    """Let go of an installation's database."""
    if "_sessions" in assembly.__dict__:
        assembly._sessions.kw["bind"].dispose()


def segment_record(
    mask: NDArray[np.bool_], *, quality: float = 0.5, box_xyxy: tuple[int, int, int, int] | None = None, scale: int = 1
) -> SegmentRecord:
    """A stored segment with a mask, in a photo `scale` times as large."""
    rows, columns = np.nonzero(mask)
    tight = (
        (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1) if len(rows) else (0,) * 4
    )
    box = tuple(scale * side for side in tight) if box_xyxy is None else box_xyxy
    return SegmentRecord(
        id=1,
        image_id=1,
        box_xyxy=box,  # type: ignore[arg-type]
        area=max(1, int(mask.sum()) * scale**2),
        quality=quality,
        label=None,
        label_score=None,
        parent_id=None,
        mask_size_hw=mask.shape,  # type: ignore[arg-type]
        mask_counts=encode_mask(mask),
    )
