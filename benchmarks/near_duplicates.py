"""How well near-duplicates are found: ``python -m benchmarks.near_duplicates --data DATA --home DIR``."""

from __future__ import annotations

import json
import platform
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np

from benchmarks.photo_variants import KINDS, write_collection
from indexer.duplicates import detector_of
from indexer.worker import ingest_paths
from retrieval.assembly import Assembly
from retrieval.catalog.records import ImageRecord
from retrieval.duplicates import detection
from retrieval.duplicates.alignment import Picture, likeness
from retrieval.duplicates.grouping import grouped
from retrieval.images.local_features import GrayImage
from retrieval.settings import Settings

VARIANTS = 500
COMPARED = 50
"""With so many of the nearest each photo is compared by the other methods."""
AIM = 0.99
"""Thresholds are the lowest that reach this precision on the half of the photos that they are chosen on."""

TRUE_PAIRS = {
    ("caltech-dev-flamingo_head-image_0002", "caltech-dev-flamingo_head-image_0015"),
    ("bsds500-train-134008", "caltech-dev-Leopards-image_0109"),
    ("caltech-dev-stegosaurus-image_0014", "caltech-dev-stegosaurus-image_0044"),
}
"""Pairs of the data sets that are copies of one picture, as was seen by eye; neither right nor wrong here."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A pair of photos with the score of a method."""

    pair: tuple[str, str]
    score: float


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True, help="Photos for development.")
@click.option("--home", type=click.Path(path_type=Path), required=True, help="Folder for the collection.")
@click.option("--seed", default=0, show_default=True, help="Of the photos and their variants.")
@click.option("--out", type=click.Path(path_type=Path), help="JSON file of the figures.")
def main(data: Path, home: Path, seed: int, out: Path | None) -> None:
    """Draw variants, ingest them among the photos, find near-duplicates, and compare with other methods."""
    made = write_collection(data, home / "photos", VARIANTS, seed)
    assembly = Assembly(Settings.in_data_dir(home / "data"))
    ingest_paths(assembly, [home / "photos"])
    _compare_all(assembly)
    names = {record.id: record.locations[0].path.name for record in assembly.catalog.images.page(limit=10_000)}
    figures = {
        "photos": len(names) - len(made),
        "variants": {kind: sum(each == kind for _, each in made.values()) for kind in KINDS},
        "seed": seed,
        "machine": f"{platform.machine()}, OpenCV {cv2.__version__}",
        **measured(assembly, names, made),
    }
    text = json.dumps(figures, indent=1)
    click.echo(text)
    if out:
        out.write_text(text + "\n", encoding="utf-8")


def measured(assembly: Assembly, names: Mapping[int, str], made: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Figures of the product's candidates by each method, and of the product as it is."""
    truth = {_ordered(name, original): kind for name, (original, kind) in made.items()}
    records = assembly.catalog.images.find(names)
    candidates, recall = _candidates(assembly, names, truth)
    methods = _scores(assembly, records, names, candidates)
    half = {name: index % 2 for index, name in enumerate(sorted({_family(name, made) for name in names.values()}))}
    sides = [{pair for pair in candidates if half[_family(pair[0], made)] == side} for side in (0, 1)]
    compared = {}
    for method, scores in methods.items():
        on, off = ([Scored(pair, scores[pair]) for pair in sorted(side)] for side in sides)
        threshold = _threshold(on, truth)
        wanted = {pair: kind for pair, kind in truth.items() if half[_family(pair[0], made)] == 1}
        compared[method] = {"threshold": round(threshold, 4), **_figures(off, threshold, wanted)}
    return {
        "recall_of_candidates": recall,
        "methods, thresholds of one half on the other": compared,
        "as_stored": _as_stored(assembly, names, truth, made),
    }


def _as_stored(
    assembly: Assembly, names: Mapping[int, str], truth: Mapping[tuple[str, str], str], made: Mapping[str, Any]
) -> dict[str, Any]:
    """The pairs that the worker stored, and how often an original is the best of its group."""
    pairs = assembly.duplicates.pairs()
    found = [Scored(_ordered(names[pair.first], names[pair.second]), pair.likeness) for pair in pairs]
    copies = assembly.duplicates.copies(names)
    front: dict[str, list[bool]] = defaultdict(list)
    for group in grouped(pairs, copies):
        for key in (group.best, *group.others):
            if names[key] in made:
                original, kind = made[names[key]]
                front[kind].append(names[group.best] == original)
    wrong = [each.pair for each in found if each.pair not in truth and not _is_true(each.pair)]
    return {
        "threshold": detection.MIN_LIKENESS,
        **_figures(found, 0.0, truth),
        "wrong": wrong,
        "original_in_front": {kind: round(float(np.mean(front[kind])), 3) for kind in KINDS if front[kind]},
        "compared_again_ms_per_photo": _speed(assembly),
    }


def _speed(assembly: Assembly) -> float:
    """Milliseconds to compare a photo anew, without what is in memory."""
    ids = [record.id for record in assembly.catalog.images.page(limit=200)]
    assembly.trash.put(ids)
    assembly.trash.restore(ids)
    started = time.perf_counter()
    _compare_all(assembly)
    return round((time.perf_counter() - started) / len(ids) * 1000, 1)


def _compare_all(assembly: Assembly) -> None:
    """Compare what the ingest left."""
    detector = detector_of(assembly)
    while detector.update().more:
        pass


def _candidates(
    assembly: Assembly, names: Mapping[int, str], truth: Mapping[tuple[str, str], str]
) -> tuple[dict[tuple[str, str], float], dict[str, float]]:
    """Cosines of the pairs among the nearest of each photo, and how many of the true pairs are among the n nearest."""
    batch = assembly.catalog.vectors.of_images(sorted(names))
    cosines = batch.vectors.astype(np.float32) @ batch.vectors.astype(np.float32).T
    np.fill_diagonal(cosines, -1)
    nearest = np.argsort(-cosines, axis=1)[:, :COMPARED]
    ranks: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str], float] = {}
    for row, key in enumerate(batch.ids.tolist()):
        for rank, column in enumerate(nearest[row].tolist()):
            pair = _ordered(names[key], names[int(batch.ids[column])])
            ranks[pair] = min(rank, ranks.get(pair, COMPARED))
            if rank < detection.CANDIDATES:
                found[pair] = float(cosines[row, column])
    return found, {
        str(n): round(float(np.mean([ranks.get(each, n) < n for each in truth])), 4) for n in (1, 5, 10, 20, 50)
    }


def _scores(
    assembly: Assembly,
    records: Mapping[int, ImageRecord],
    names: Mapping[int, str],
    candidates: Mapping[tuple[str, str], float],
) -> dict[str, Mapping[tuple[str, str], float]]:
    """The score of each pair by each method."""
    reader = detector_of(assembly).thumbnail
    grays = {names[key]: gray for key, record in records.items() if (gray := reader(record)) is not None}
    pictures = {name: Picture.of(gray) for name, gray in grays.items()}
    hashes = {name: perceptual_hashes(gray) for name, gray in grays.items()}
    return {
        "whole-photo vectors alone": candidates,
        "perceptual hash, upright": {p: _same_bits(hashes[p[0]][:1], hashes[p[1]][0]) for p in candidates},
        "perceptual hash, turned and mirrored": {p: _same_bits(hashes[p[0]], hashes[p[1]][0]) for p in candidates},
        "aligned by local features": {p: likeness(pictures[p[0]], pictures[p[1]]) for p in candidates},
    }


def perceptual_hashes(gray: GrayImage) -> np.ndarray:
    """DCT hashes of a picture turned and mirrored in the eight ways, (8, 63), bool; the first is upright."""
    small = cv2.resize(gray, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    turned = [np.rot90(each, turns) for each in (small, small[:, ::-1]) for turns in range(4)]
    low = [cv2.dct(np.ascontiguousarray(each))[:8, :8].ravel()[1:] for each in turned]
    return np.array([each > np.median(each) for each in low])


def _same_bits(first: np.ndarray, second: np.ndarray) -> float:
    return float((first == second).mean(axis=1).max())


def _threshold(scored: Sequence[Scored], truth: Mapping[tuple[str, str], str]) -> float:
    """The middle of the lowest score from which on precision is `AIM`, and the next lower one."""
    judged = sorted((each for each in scored if not _is_true(each.pair)), key=lambda each: -each.score)
    right, lowest, following = 0, 1.0, 1.0
    for count, each in enumerate(judged, 1):
        right += each.pair in truth
        if right / count >= AIM:
            lowest, following = each.score, judged[count].score if count < len(judged) else each.score
    return (lowest + following) / 2


def _figures(scored: Sequence[Scored], threshold: float, truth: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Recall and precision of pairs from a threshold on, and recall by kind of variant."""
    found = {each.pair for each in scored if each.score >= threshold and not _is_true(each.pair)}
    right = found & truth.keys()
    by_kind = {kind: [pair in found for pair, each in truth.items() if each == kind] for kind in KINDS}
    return {
        "recall": round(len(right) / len(truth), 4),
        "precision": round(len(right) / max(len(found), 1), 4),
        "pairs": len(truth),
        "recall_by_kind": {kind: round(float(np.mean(each)), 3) for kind, each in by_kind.items() if each},
    }


def _family(name: str, made: Mapping[str, tuple[str, str]]) -> str:
    return made[name][0] if name in made else name


def _is_true(pair: tuple[str, str]) -> bool:
    """Whether a pair, or one of its photos' variants, is a copy in the data sets."""
    stems = (name.removesuffix(".jpg") for name in pair)
    first, second = sorted(stem.rpartition("-")[0] if stem.rpartition("-")[2] in KINDS else stem for stem in stems)
    return (first, second) in TRUE_PAIRS


def _ordered(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


if __name__ == "__main__":
    main()
