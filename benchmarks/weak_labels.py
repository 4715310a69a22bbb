"""How often the segment that explains a photo's tag is the pictured thing, judged by eye.

::

    python -m benchmarks.weak_labels sheets --folders PATH --out DIR   # contact sheets, DIR/drawn.csv to fill in
    python -m benchmarks.weak_labels share FILE                        # the share with its interval
    python -m benchmarks.weak_labels figures --folders PATH            # held-out photos, and tags without a meaning

`sheets` explains the tags of all folders below PATH in SEGSEARCH_DATA_DIR, draws a photo of each of a hundred
folders by a seed, and outlines the segment that explains its tag. No concept is made. Photos of tags that were not
explained are drawn without an outline and count as wrong. `drawn.csv` has a row a photo with an empty ``verdict``:
``right`` if the segment is the pictured thing or overlaps it by an IoU of about .5, else ``wrong``.

`figures` learns each folder's concept from every second of its photos and finds the others, and tries tags of photos
that were drawn by lot, and of few photos of a folder.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from indexer.tags import folder_tags
from retrieval.assembly import Assembly
from retrieval.catalog import Catalog
from retrieval.errors import QueryError
from retrieval.images.decode import decode
from retrieval.images.masks import decode_mask
from retrieval.index.ranking import average_precision
from retrieval.learning.tagging import MOST_AGAINST, MOST_EXAMPLES, explained_tags
from retrieval.learning.weak_labels import PER_PHOTO, WeakLearner
from retrieval.search.feedback import BACKGROUND, LabelledExamples, fit
from retrieval.settings import Settings
from retrieval.storage.locations import path_of
from retrieval.types import Bags

COLUMNS, ROWS = 5, 4
WIDTH, HEIGHT, HEAD = 300, 230, 22
VERDICTS = ("right", "wrong")
Figures = tuple[float, float, float]
"""Average precision of photos, share of a tag's photos with a label, share of photos with a label that bear the tag."""

FIELDS = ("number", "path", "sha256", "tag", "verdict", "note")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A photo that was drawn by lot, and the segment that explains its tag, if any does."""

    tag: str
    image_id: int
    segment_id: int | None


def draw(photos: dict[str, list[int]], count: int, seed: int) -> dict[str, int]:
    """One photo of each of so many tags; of a tag in the order its photos are given."""
    rng = np.random.default_rng(seed)
    names = sorted(photos)
    chosen = [names[row] for row in sorted(rng.permutation(len(names))[:count])]
    return {name: photos[name][rng.integers(len(photos[name]))] for name in chosen}


def panel(catalog: Catalog, drawn: Drawn, number: int) -> NDArray[np.uint8]:
    """The photo with the segment outlined and the rest dimmed, below its number and tag."""
    path = catalog.images.get(drawn.image_id).path
    if path is None:
        raise QueryError(f"photo {drawn.image_id} is nowhere: ingest its folder again")
    picture = decode(path, long_side=1024).rgb
    factor = min(WIDTH / picture.shape[1], (HEIGHT - HEAD) / picture.shape[0])
    size = max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if drawn.segment_id is not None:
        record = catalog.segments.get(drawn.segment_id)
        mask = decode_mask(record.mask_size_hw, record.mask_counts).astype(np.uint8)
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        small[mask == 0] = small[mask == 0] // 2 + 40
        lines, _ = cv2.findContours(np.pad(mask, 1), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(-1, -1))
        cv2.drawContours(small, lines, -1, (255, 0, 80), 2)
    canvas = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    canvas[HEAD : HEAD + size[1], : size[0]] = small
    text = f"{number} {drawn.tag}" + ("" if drawn.segment_id is not None else " (not explained)")
    cv2.putText(canvas, text, (3, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas


def wilson(right: int, count: int, deviations: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, "Probable Inference", Journal of the ASA 22, 1927)."""
    share, spread = right / count, deviations**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = np.sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return float(middle - half), float(middle + half)


@click.group()
def weak_labels() -> None:
    """Judge by eye which segments explain tags."""


@weak_labels.command()
@click.option("--folders", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--count", default=100, show_default=True)
@click.option("--seed", default=0, show_default=True)
def sheets(folders: Path, out: Path, count: int, seed: int) -> None:
    """Draw photos and outline what explains their tags."""
    assembly = Assembly(Settings.from_env(os.environ))
    catalog = assembly.catalog
    tags = folder_tags(catalog, folders).photos
    found = explained_tags(assembly.trainer(assembly.engine()), tags)
    owner = catalog.segments.hits([key for each in found.values() for key in each.segments.tolist()])
    explained = {owner[key].image_id: key for each in found.values() for key in each.segments.tolist()}
    paths = {key: path_of(uri) for key, uri in reversed(catalog.locations.all())}
    by_path = {name: sorted(photos, key=paths.__getitem__) for name, photos in tags.items()}
    drawn = [Drawn(name, key, explained.get(key)) for name, key in draw(by_path, count, seed).items()]
    out.mkdir(parents=True, exist_ok=True)
    panels = [panel(catalog, each, number) for number, each in enumerate(drawn, 1)]
    for first in range(0, len(panels), COLUMNS * ROWS):
        page = panels[first : first + COLUMNS * ROWS]
        page += [np.full_like(panels[0], 255)] * (-len(page) % COLUMNS)
        lines = [np.hstack(page[row : row + COLUMNS]) for row in range(0, len(page), COLUMNS)]
        cv2.imwrite(str(out / f"sheet-{first // (COLUMNS * ROWS) + 1}.png"), np.vstack(lines)[..., ::-1])
    with (out / "drawn.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(FIELDS)
        for number, each in enumerate(drawn, 1):
            image = catalog.images.get(each.image_id)
            path = os.path.relpath(image.path or "", folders)
            rows.writerow([number, path, image.sha256[:16], each.tag, "", ""])
    click.echo(f"{len(drawn)} photos, {sum(each.segment_id is None for each in drawn)} of tags that were not explained")


@weak_labels.command()
@click.option("--folders", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
def figures(folders: Path) -> None:
    """Print how well concepts find photos that they were not learnt from, and how often chance is learnt."""
    assembly = Assembly(Settings.from_env(os.environ))
    tags = folder_tags(assembly.catalog, folders).photos
    bags = assembly.catalog.vectors.bags(
        {key for photos in tags.values() for key in photos}, assembly.recipe_spec.space, per_photo=PER_PHOTO
    )
    held_out = {key for photos in tags.values() for key in sorted(photos)[1::2]}
    found = [each for each in held_out_figures(bags, tags, held_out) if each is not None]
    means = np.mean(found, axis=0)
    click.echo(f"{len(found)} of {len(tags)} tags learnt from half of their photos, {len(held_out)} photos held out:")
    click.echo(
        f"mAP {means[0]:.3f}, of a tag's photos {means[1]:.2f} labelled, of labelled photos {means[2]:.2f} right"
    )
    learner, rng = WeakLearner(bags), np.random.default_rng(0)
    everything = np.unique(bags.photos)
    for count in (3, 4, 6, 12):
        lots = [learner.explain(rng.choice(everything, count, replace=False).tolist()) for _ in range(100)]
        drawn = [rng.choice(photos, count, replace=False) for photos in tags.values() if len(photos) >= count]
        true = [learner.explain(photos.tolist()) for photos in drawn]
        by_lot, learnt = (np.mean([each.reason is None for each in some]) for some in (lots, true))
        click.echo(f"of {count} photos: {learnt:.2f} of {len(true)} tags learnt, {by_lot:.2f} of {len(lots)} by lot")


def held_out_figures(bags: Bags, tags: dict[str, list[int]], held_out: set[int]) -> Iterator[Figures | None]:
    """Of each tag, learnt without the photos held out, figures on those; None if it was not learnt."""
    inside = np.isin(bags.photos, list(held_out))
    taught = Bags(**{each.name: getattr(bags, each.name)[~inside] for each in fields(bags)})
    learner, rng = WeakLearner(taught), np.random.default_rng(0)
    photos, vectors = bags.photos[inside], bags.vectors[inside]
    starts = np.flatnonzero(np.diff(photos, prepend=-1))
    for tagged in tags.values():
        found = learner.explain(set(tagged) - held_out)
        if found.reason is not None:
            yield None
            continue
        others = np.flatnonzero(~np.isin(taught.photos, tagged))
        judged = LabelledExamples(
            query=np.zeros((1, vectors.shape[1]), np.float32),
            relevant=taught.vectors[np.isin(taught.ids, found.segments[:MOST_EXAMPLES])],
            irrelevant=taught.vectors[np.isin(taught.ids, found.against[:MOST_AGAINST])],
            background=taught.vectors[rng.choice(others, BACKGROUND, replace=False)],
        )
        model = fit(judged)
        scores = np.maximum.reduceat((vectors @ model.directions.T).max(axis=1), starts)
        right, labelled = np.isin(photos[starts], tagged), scores >= model.threshold
        ranked = right[np.argsort(-scores, kind="stable")]
        both = (right & labelled).sum()
        yield average_precision(ranked, right.sum()), both / right.sum(), both / max(labelled.sum(), 1)


@weak_labels.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def share(file: Path) -> None:
    """Print the share of right verdicts with its 95 % interval."""
    with file.open(encoding="utf-8", newline="") as opened:
        verdicts = [row["verdict"] for row in csv.DictReader(opened)]
    if not verdicts or not set(verdicts) <= set(VERDICTS):
        raise click.ClickException(f"{file}: every row needs the verdict right or wrong")
    right = verdicts.count("right")
    low, high = wilson(right, len(verdicts))
    click.echo(f"{right} of {len(verdicts)} right: {right / len(verdicts):.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    weak_labels()
