"""What a click gains by folds, on photos made by hand, and one that is drawn."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco

pytest.importorskip("torch")
from benchmarks.click_gain import CLICK, WAYS, WHOLE, SearchedLibrary, gains, kept, of_photos, searches, summary
from benchmarks.click_losses import Asked
from benchmarks.refitted import Refitted, clicks_of, picked, refit, under_clicks
from benchmarks.unfitted_photos import UnfittedPhoto, Wanted, describe
from benchmarks.video_clicks import clicked, listed_photos
from retrieval.catalog.rows import segment_columns, segment_record_from
from retrieval.embed.projection import LinearMap, Projection
from retrieval.evaluation.datasets import AnnotatedObject, AnnotatedPhoto
from retrieval.recipes.lite import unfitted
from retrieval.search.click_ranking import ClickRanker, SegmentsUnderClick
from retrieval.segment.objectness import Objectness
from retrieval.types import Analysis, Segments

LENGTH = 6
RANKER = ClickRanker(np.array([1, 0, 0, 0], np.float32))


def photo_of(rng: np.random.Generator, kinds: tuple[str, ...], nodes: int = 5) -> UnfittedPhoto:
    """Candidates side by side; the first ones fit an object each, of whose class their vectors and measures tell."""
    fits = np.zeros((nodes, len(kinds)), np.float32)
    fits[: len(kinds)] = 0.9 * np.eye(len(kinds))
    descriptors = rng.normal(0, 0.05, (nodes, LENGTH)).astype(np.float16)
    for row, kind in enumerate(kinds):
        descriptors[row, ["dog", "cat"].index(kind)] += 1
    measures = rng.normal(0, 0.1, (nodes, 3)).astype(np.float32)
    measures[: len(kinds), 0] += 3
    measures[:, 2] = np.log(0.1)
    rows = np.arange(len(kinds))
    return UnfittedPhoto(
        measures=measures,
        vectors=rng.normal(0, 0.1, (nodes, 4)).astype(np.float32),
        fits=fits,
        overlaps=np.eye(nodes, dtype=np.float16),
        descriptors=descriptors,
        best=descriptors[:3],
        objects=descriptors[: len(kinds)],
        names=np.array(kinds, np.str_),
        regions=descriptors[-1:],
        region_names=np.array(["sky-other-merged"]),
        photo=descriptors[:1].astype(np.float32),
        shapes=np.tile(np.array([1, np.log(0.1), 0], np.float32), (len(kinds), 1)),
        clicks=rows,
        under=rows,
        distances=np.abs(np.arange(nodes) - rows[:, None]).astype(np.float32),
    )


@pytest.fixture
def photos() -> list[UnfittedPhoto]:
    rng = np.random.default_rng(0)
    return [photo_of(rng, kinds) for kinds in [("dog",), ("cat",), ("dog", "cat")] * 4]


@pytest.fixture
def fitted() -> Refitted:
    """What chooses by the first measure, and leaves descriptors as they are."""
    weights = np.zeros((7, 1), np.float32)
    weights[0] = 1
    counts = np.zeros((7, 1), np.float32), np.zeros(1, np.float32)
    same = LinearMap(np.zeros(LENGTH, np.float32), np.eye(LENGTH, dtype=np.float32))
    words = np.eye(2, LENGTH, dtype=np.float32)
    objectness = Objectness((weights,), (np.zeros(1, np.float32),), count=counts)
    return Refitted(objectness, Projection(same, same, words), words, RANKER)


def files_of(photos: list[UnfittedPhoto], folder: Path) -> list[Path]:
    paths = [folder / f"{number}.npz" for number in range(len(photos))]
    for photo, path in zip(photos, paths, strict=True):
        photo.save(path)
    return paths


def test_a_photo_is_kept_in_a_file(photos: list[UnfittedPhoto], tmp_path: Path) -> None:
    (path,) = files_of(photos[2:3], tmp_path)
    again = UnfittedPhoto.load(path)
    assert again.names.tolist() == ["dog", "cat"]
    np.testing.assert_array_equal(again.descriptors, photos[2].descriptors)


def test_a_click_picks_among_the_segments_under_it(photos: list[UnfittedPhoto]) -> None:
    photo = replace(
        photos[0], under=np.array([0, 3]), clicks=np.array([0, 0]), shapes=np.tile(photos[0].shapes, (2, 1))
    )
    segments, quality = np.array([3, 1, 0]), np.array([0.9, 0.8, 0.7], np.float32)
    ((_, under),) = under_clicks(photo, segments, quality)
    assert under.rows.tolist() == [0, 2], "in the order of quality, as places among the segments"
    assert picked(photo, segments, quality, RANKER).tolist() == [0]
    assert picked(photo, segments, quality, ClickRanker(-RANKER.weights)).tolist() == [2]


def test_a_click_on_nothing_picks_the_nearest(photos: list[UnfittedPhoto]) -> None:
    quality = np.array([0.9, 0.8], np.float32)
    assert picked(photos[0], np.array([4, 2]), quality, RANKER).tolist() == [1]
    assert picked(photos[0], np.array([], np.int64), quality[:0], RANKER).tolist() == [-1]


def test_clicks_are_learned_from_what_is_under_them(photos: list[UnfittedPhoto], fitted: Refitted) -> None:
    clicks = clicks_of(photos[:3], fitted.objectness)
    assert clicks.photos.tolist() == [0, 1, 2, 2]
    assert np.nanmax(clicks.overlaps, axis=1).tolist() == pytest.approx([0.9] * 4)


def test_a_click_finds_its_class_and_whole_photos_do_not(
    photos: list[UnfittedPhoto], fitted: Refitted, tmp_path: Path
) -> None:
    found = searches(files_of(photos, tmp_path), fitted)
    assert list(found) == list(WAYS)
    assert {each.photo for each in of_photos(found, np.arange(len(photos)) == 1)[CLICK]} == {1}
    told = summary([found, found])
    assert told[CLICK]["photo mAP"][0] == 1
    assert told[CLICK]["object mAP@.5"][0] == 1
    assert told[WHOLE]["photo mAP"][0] < 0.9
    assert told[CLICK]["over whole photos"]["gain"] > 0.1


def test_quality_and_whole_photos_count_where_hits_are_weighted(
    photos: list[UnfittedPhoto], fitted: Refitted, tmp_path: Path
) -> None:
    library = SearchedLibrary.of(files_of(photos, tmp_path), fitted)
    _, plain = library.by_click(0, weighted=False)
    of_photos_, weighted = library.by_click(0)
    worst, best = np.argsort(library.collection.segments.quality)[[0, -1]]
    assert plain[library.collection.picked[0]] == pytest.approx(1)
    assert weighted[worst] < plain[worst] or plain[worst] < 0
    assert weighted[best] > 0.8
    assert of_photos_.argmax() == 0


def test_a_gain_lies_in_its_interval() -> None:
    rng = np.random.default_rng(0)
    base = [Asked(name, photo, float(rng.uniform(0, 0.5)), 0.0) for photo, name in enumerate(["dog", "cat"] * 20)]
    better = [replace(each, photos=each.photos + float(rng.uniform(0, 0.2))) for each in base]
    told = gains([{CLICK: better, WHOLE: base}] * 2, CLICK, WHOLE)
    low, high = told["interval"]
    assert 0.05 < low < told["gain"] < high < 0.15
    assert told["folds"] == [told["gain"]] * 2
    repeated = gains([{CLICK: better * 5, WHOLE: base * 5}] * 2, CLICK, WHOLE)
    assert repeated == told, "clicks on one photo are drawn together, and do not make the interval narrower"


def test_searches_are_kept_in_a_file(tmp_path: Path) -> None:
    asked = {CLICK: [Asked("dog", 1, 0.5, 0.25)]}
    assert kept(tmp_path / "kept.json", lambda: asked) == asked
    assert kept(tmp_path / "kept.json", dict) == asked, "read, not searched again"


def test_everything_is_fitted_to_the_photos_that_are_given(photos: list[UnfittedPhoto], tmp_path: Path) -> None:
    directions = np.random.default_rng(1).normal(0, 1, (1000, LENGTH)).astype(np.float32)
    found = refit(photos, directions)
    assert len(found.words) == 1000 + 3, "dog, cat and sky; words that no photo shows are left out"
    np.testing.assert_allclose(np.linalg.norm(found.words, axis=1), 1, atol=1e-5)
    told = summary([searches(files_of(photos, tmp_path), found)])
    assert told[CLICK]["photo mAP"][0] > told[WHOLE]["photo mAP"][0]


def test_a_photo_of_the_video_is_right_if_its_segment_fits(
    photos: list[UnfittedPhoto], fitted: Refitted, tmp_path: Path
) -> None:
    videos = [replace(each, names=np.array(["run"])) for each in photos[0:10:3]] + photos[1:5:3]
    library = SearchedLibrary.of(files_of(videos, tmp_path), fitted)
    ((video, figures), *others) = clicked(library, 4)
    assert (video, len(others)) == ("run", 3)
    assert figures["photos, first 3"] == figures["segments, mAP"] == figures["picked segment fits"] == 1
    scores = np.zeros(len(library.vectors))
    scores[4] = 1  # the best segment of the first photo is one that fits nothing
    right = listed_photos(library, np.arange(6)[::-1], scores, np.arange(6) < 4, own=1)
    assert right.tolist() == [False, True, True, False, False]


@pytest.mark.slow
def test_what_is_under_a_click_is_what_the_program_sees(tmp_path: Path) -> None:
    drawn = np.full((240, 320, 3), (90, 140, 90), np.uint8)
    cv2.rectangle(drawn, (60, 50), (180, 190), (200, 60, 40), -1)
    cv2.rectangle(drawn, (90, 80), (150, 160), (240, 230, 60), -1)
    path = tmp_path / "drawn.png"
    cv2.imwrite(str(path), drawn)
    mask = np.zeros((240, 320), np.uint8)
    mask[50:191, 60:181] = 1
    shown = AnnotatedObject("block", dict(coco.encode(np.asfortranarray(mask))))
    recipe = unfitted("lite", "cpu", 1)
    found = describe(recipe, Wanted(AnnotatedPhoto(path, (shown,)), (shown,)))
    rgb = np.ascontiguousarray(drawn[..., ::-1])
    nodes = recipe.segmenter.candidates(rgb, recipe.extract([rgb])[0].large).segments
    quality = np.linspace(0.9, 0.1, len(nodes), dtype=np.float32)
    segments = Segments(nodes.atoms, nodes.membership, quality)
    analysis = Analysis(segments, np.zeros((len(nodes), 2), np.float32), np.zeros(2, np.float32))
    records = [segment_record_from(each, row, 1) for row, each in enumerate(segment_columns(analysis, (240, 320)))]
    seen = SegmentsUnderClick.at(records, (240, 320), shown.pole())
    ((_, ours),) = under_clicks(found, np.arange(len(nodes)), quality)
    assert ours.rows.tolist() == seen.rows.tolist()
    np.testing.assert_allclose(ours.features, seen.features, rtol=1e-4, atol=1e-4)
    assert found.fits.max() > 0.9
    assert (found.distances[0, ours.rows] == 0).all()
    assert found.region_names[0] == "block"
